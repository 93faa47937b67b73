"""Users, keys, sessions and the admin API, over HTTP, on both databases."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
import urllib3

from steelyard.limits import LOGIN_FAILURES_PER_MINUTE_MAX, LOGIN_TOKEN_MINUTES, SESSION_DAYS
from steelyard.server.rooms.accounts.commands import (
    create_api_key,
    create_login_token,
    create_team,
    create_user,
    delete_expired_secrets,
    set_member,
)
from steelyard.server.rooms.accounts.passwords import hash_password
from steelyard.server.rooms.accounts.queries import find_user, get_caller, get_user
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.projects.queries import find_project
from steelyard.server.rooms.runs.commands import upsert_run
from steelyard.server.rooms.runs.model import RunChanges
from steelyard.server.rooms.runs.queries import find_run_by_id
from tests.support.app_server import AppServer

MINUTE_US = 60_000_000
CHOSEN = "user_gw0-" + "0123456789abcdef" * 2 + "01234567"


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_us = 1_750_000_000_000_000

    def __call__(self) -> int:
        return self.now_us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(tmp_path: Path, database_url: str, clock: Callable[[], int]) -> Iterator[AppServer]:
    with AppServer(
        tmp_path / "data", database_url, now_us=clock, allow_chosen_api_keys=True
    ) as running:
        yield running


@pytest.fixture
def admin_key(app: AppServer) -> str:
    return make_user(app, "root", is_admin=True)


def make_user(app: AppServer, name: str, *, password: str | None = None, **values: Any) -> str:
    """An API key of a new user."""
    password_hash = hash_password(password) if password else None

    def make(conn: Any) -> str:
        user = create_user(conn, username=name, password_hash=password_hash, now_us=1, **values)
        return create_api_key(conn, user_id=user.id, name="", now_us=1).key

    return app.db.write_now(make)


def decoded(answer: urllib3.BaseHTTPResponse) -> Any:
    return msgspec.json.decode(answer.data)


def sign_in(app: AppServer, name: str, password: str) -> urllib3.BaseHTTPResponse:
    return app.request("POST", "/api/v1/login", content={"username": name, "password": password})


def cookie_of(answer: urllib3.BaseHTTPResponse) -> dict[str, str]:
    return {"Cookie": answer.headers["set-cookie"].split(";")[0]}


# ---- keys


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("Bearer abc", "3 characters"),
        ("Bearer " + "f" * 40, "does not know the API key ending in 'ffff'"),
        ("Bearer ", "empty"),
        ("Basic !!", "base64"),
        ("Digest x", "Digest"),
        ("", "needs an API key"),
    ],
)
def test_a_wrong_key_is_refused_at_once_with_what_to_do(
    app: AppServer, header: str, says: str
) -> None:
    began = time.perf_counter()
    headers = {"Authorization": header} if header else {}
    for path in ("/api/v1/me", "/graphql"):
        method = "POST" if path == "/graphql" else "GET"
        answer = app.request(method, path, headers=headers)
        assert answer.status == 401
        assert says in answer.data.decode()
    assert time.perf_counter() - began < 2


def test_keys_work_as_basic_and_bearer_whatever_the_user_part(
    app: AppServer, admin_key: str
) -> None:
    for user in ("api", "user", ""):
        headers = urllib3.make_headers(basic_auth=f"{user}:{admin_key}")
        assert app.request("GET", "/api/v1/me", headers=headers).status == 200
    assert decoded(app.request("GET", "/api/v1/me", key=admin_key))["username"] == "root"


def test_a_key_is_shown_once_and_refused_from_the_moment_it_is_revoked(
    app: AppServer, admin_key: str
) -> None:
    made = decoded(app.request("POST", "/api/v1/keys", key=admin_key, content={"name": "laptop"}))
    assert re.fullmatch("[0-9a-f]{40}", made["key"])
    listed = app.request("GET", "/api/v1/keys", key=made["key"])
    assert made["key"] not in listed.data.decode()
    assert decoded(listed)["items"][0]["hint"] == made["key"][-4:]
    assert app.request("DELETE", f"/api/v1/keys/{made['id']}", key=admin_key).status == 204
    assert app.request("GET", "/api/v1/keys", key=made["key"]).status == 401
    assert app.request("DELETE", f"/api/v1/keys/{made['id']}", key=admin_key).status == 404


def test_the_list_of_keys_says_when_each_was_last_used(
    app: AppServer, admin_key: str, clock: Clock
) -> None:
    def last_used() -> int:
        listed = decoded(app.request("GET", "/api/v1/keys", key=admin_key))
        return int(listed["items"][0]["last_used_at_us"])

    first = clock.now_us
    assert last_used() == first
    clock.now_us += MINUTE_US
    assert last_used() == first, "to ten minutes only: reading must not become writing"
    clock.now_us += 20 * MINUTE_US
    app.services.authenticator.forget_callers()
    assert last_used() == clock.now_us


def test_a_service_account_acts_only_for_those_it_shares_a_team_with(app: AppServer) -> None:
    robot, person = make_user(app, "robot", is_service=True), make_user(app, "person")
    make_user(app, "stranger")

    def team(conn: Any) -> None:
        owner, other = get_user(conn, "robot"), get_user(conn, "person")
        made = create_team(conn, name="crew", owner=owner, organization=None, now_us=1)
        set_member(conn, entity_id=made.id, user_id=other.id, role="member")

    app.db.write_now(team)

    def whoami(key: str, name: str) -> Any:
        answer = app.request("GET", "/api/v1/me", key=key, headers={"X-Wandb-Username": name})
        return decoded(answer).get("username") if answer.status == 200 else answer.status

    assert whoami(robot, "person") == "person"
    assert whoami(robot, "stranger") == 401
    assert whoami(robot, "") == "robot"
    assert whoami(person, "robot") == "person", "only service accounts act for others"


# ---- sessions


def test_signing_in_with_a_password_gives_a_cookie_that_signing_out_ends(app: AppServer) -> None:
    make_user(app, "ann", password="correct horse")
    answer = sign_in(app, "ann", "correct horse")
    assert answer.status == 204
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=lax" in cookie.lower() and "Secure" not in cookie
    headers = cookie_of(answer)
    assert decoded(app.request("GET", "/api/v1/me", headers=headers))["username"] == "ann"
    assert app.request("POST", "/api/v1/logout", headers=headers).status == 204
    assert app.request("GET", "/api/v1/me", headers=headers).status == 401


def test_wrong_passwords_and_unknown_users_look_the_same_and_are_slowed_down(
    app: AppServer,
) -> None:
    make_user(app, "ann", password="correct horse")
    answers = [
        sign_in(app, name, "wrong password")
        for name in ["ann", "nobody"] * (LOGIN_FAILURES_PER_MINUTE_MAX // 2)
    ]
    assert {answer.status for answer in answers} == {401}
    assert len({answer.data for answer in answers}) == 1
    refused = sign_in(app, "ann", "correct horse")
    assert refused.status == 429
    assert refused.headers["Retry-After"]


def test_a_session_ends_after_its_days(app: AppServer, clock: Clock) -> None:
    make_user(app, "ann", password="correct horse")
    headers = cookie_of(sign_in(app, "ann", "correct horse"))
    clock.now_us += SESSION_DAYS * 24 * 60 * MINUTE_US - 1
    assert app.request("GET", "/api/v1/me", headers=headers).status == 200
    clock.now_us += 1
    assert app.request("GET", "/api/v1/me", headers=headers).status == 401
    assert app.db.write_now(delete_expired_secrets, clock.now_us) == 1


def test_another_site_cannot_write_with_the_cookie_of_the_user(app: AppServer) -> None:
    make_user(app, "ann", password="correct horse")
    headers = cookie_of(sign_in(app, "ann", "correct horse"))
    foreign = [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost:1"},
    ]
    for extra in foreign:
        answer = app.request("POST", "/api/v1/keys", headers=headers | extra, content={})
        assert answer.status == 403, extra
        assert app.request("POST", "/api/v1/logout", headers=headers | extra).status == 403
    own = {"Origin": app.base_url}
    assert app.request("POST", "/api/v1/keys", headers=headers | own, content={}).status == 201


def test_a_one_time_link_works_once_and_not_for_long(app: AppServer, clock: Clock) -> None:
    make_user(app, "ann")

    def follow(token: str) -> urllib3.BaseHTTPResponse:
        return app.request("GET", f"/login/once?token={token}")

    token = app.db.write_now(create_login_token, username="ann", now_us=clock.now_us)
    first, second = follow(token), follow(token)
    assert (first.status, first.headers["location"]) == (302, "/")
    assert app.request("GET", "/api/v1/me", headers=cookie_of(first)).status == 200
    assert second.headers["location"].startswith("/login")
    assert "set-cookie" not in second.headers
    late = app.db.write_now(create_login_token, username="ann", now_us=clock.now_us)
    clock.now_us += LOGIN_TOKEN_MINUTES * MINUTE_US
    assert follow(late).headers["location"].startswith("/login")


def test_cookies_are_secure_behind_https(tmp_path: Path, database_url: str) -> None:
    with AppServer(tmp_path / "data", database_url, base_url="https://runs.example/lab") as app:
        make_user(app, "ann", password="correct horse")
        answer = sign_in(app, "ann", "correct horse")
        assert "; secure" in answer.headers["set-cookie"].lower()
        headers = cookie_of(answer) | {"Origin": "https://runs.example"}
        assert app.request("POST", "/api/v1/keys", headers=headers, content={}).status == 201


# ---- the admin API


def admin(app: AppServer, key: str, method: str, path: str, content: Any = None) -> Any:
    answer = app.request(method, f"/api/v1/admin{path}", key=key, content=content)
    return answer.status, decoded(answer) if answer.data else None


def test_the_admin_api_does_what_the_official_tests_ask_for(app: AppServer, admin_key: str) -> None:
    """The requests are those of the official client's test fixtures: key = name = password."""
    new = {
        "username": CHOSEN,
        "email": f"{CHOSEN}@example.com",
        "password": CHOSEN,
        "admin": False,
        "api_key": CHOSEN,
    }
    assert admin(app, admin_key, "POST", "/users", new)[0] == 201
    status, body = admin(app, admin_key, "POST", "/users", new)
    assert status == 409 and CHOSEN in body["error"]
    me = decoded(app.request("GET", "/api/v1/me", key=CHOSEN))
    assert me["username"] == me["default_entity"] == CHOSEN
    changes = {"password": "another one", "admin": True, "api_key": CHOSEN}
    assert admin(app, admin_key, "PATCH", f"/users/{CHOSEN}", changes)[0] == 200
    assert decoded(app.request("GET", "/api/v1/me", key=CHOSEN))["is_admin"]
    org = {"name": "lab", "owner": CHOSEN}
    assert admin(app, admin_key, "POST", "/organizations", org)[0] == 201
    assert admin(app, admin_key, "POST", "/organizations", org)[0] == 409
    member = {"username": "root", "role": "viewer"}
    assert admin(app, admin_key, "POST", "/organizations/lab/members", member)[0] == 200
    team = {"name": "crew", "organization": "lab", "owner": CHOSEN, "plan": None}
    assert admin(app, admin_key, "POST", "/teams", team)[0] == 201
    roles = {
        entity["name"]: (entity["kind"], entity["role"])
        for entity in decoded(app.request("GET", "/api/v1/me", key=CHOSEN))["entities"]
    }
    assert roles == {
        CHOSEN: ("user", "admin"),
        "lab": ("organization", "admin"),
        "crew": ("team", "admin"),
    }
    assert admin(app, admin_key, "DELETE", "/organizations/lab") == (204, None)
    assert admin(app, admin_key, "DELETE", f"/users/{CHOSEN}") == (204, None)
    assert admin(app, admin_key, "DELETE", f"/users/{CHOSEN}")[0] == 404
    assert app.request("GET", "/api/v1/me", key=CHOSEN).status == 401


def test_hundreds_of_users_are_made_in_parallel_in_little_time(
    app: AppServer, admin_key: str
) -> None:
    def make(number: int) -> float:
        began = time.perf_counter()
        name = f"user_gw{number}-" + "0" * 40
        status, _ = admin(
            app,
            admin_key,
            "POST",
            "/users",
            {"username": name, "password": name, "api_key": name},
        )
        assert status == 201
        return time.perf_counter() - began

    with ThreadPoolExecutor(4) as pool:
        took = sorted(pool.map(make, range(200)))
    assert took[len(took) // 2] < 0.5, "half a second for a user is far too long"


def test_one_name_is_given_once_however_many_ask(app: AppServer, admin_key: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(
            pool.map(
                lambda _: admin(app, admin_key, "POST", "/users", {"username": "twin"})[0],
                range(16),
            )
        )
    assert sorted(statuses) == [201] + [409] * 15


@pytest.mark.parametrize(
    "name", ["", "api", "Files", "login", "graphql", "a/b", "-a", ".a", "a b", "ü", "a" * 129]
)
def test_names_that_would_break_a_path_are_refused(
    app: AppServer, admin_key: str, name: str
) -> None:
    for path, content in (
        ("/users", {"username": name}),
        ("/teams", {"name": name, "owner": "root"}),
        ("/organizations", {"name": name, "owner": "root"}),
    ):
        status, body = admin(app, admin_key, "POST", path, content)
        assert status in (400, 413)
        assert "name" in body["error"]


@pytest.mark.parametrize("key", ["short", "a" * 39, "x" * 39 + "-" + "y", "z" * 40 + "!"])
def test_chosen_keys_that_clients_refuse_are_refused_here_too(
    app: AppServer, admin_key: str, key: str
) -> None:
    assert admin(app, admin_key, "POST", "/users", {"username": "u", "api_key": key})[0] == 400
    assert app.db.read_now(find_user, "u") is None, "nothing is left of a refused request"


def test_keys_are_not_chosen_where_that_is_off(tmp_path: Path, database_url: str) -> None:
    with AppServer(tmp_path / "data", database_url) as app:
        key = make_user(app, "root", is_admin=True)
        new = {"username": "u", "api_key": "c" * 40}
        assert admin(app, key, "POST", "/users", new)[0] == 403
        status, body = admin(app, key, "POST", "/users", {"username": "u"})
        assert status == 201
        assert app.request("GET", "/api/v1/me", key=body["api_key"]).status == 200


def test_removing_a_user_removes_what_is_theirs_and_leaves_the_rest(
    app: AppServer, admin_key: str, clock: Clock
) -> None:
    make_user(app, "ann")

    def fill(conn: Any) -> tuple[list[int], int]:
        owner, ann = get_user(conn, "root"), get_user(conn, "ann")
        team = create_team(conn, name="crew", owner=owner, organization=None, now_us=1)
        set_member(conn, entity_id=team.id, user_id=ann.id, role="member")
        caller = get_caller(conn, ann.id)

        def make(entity: str, name: str) -> int:
            project, _ = ensure_project(
                conn, caller=caller, entity=entity, name="p", now_us=clock.now_us
            )
            changes = RunChanges(name=name)
            run, _ = upsert_run(
                conn, project=project, caller=caller, changes=changes, now_us=clock.now_us
            )
            return run.id

        return [make("", f"own{number}") for number in range(50)], make("crew", "shared")

    own, shared = app.db.write_now(fill)
    assert admin(app, admin_key, "DELETE", "/users/ann")[0] == 204
    assert all(app.db.read_now(find_run_by_id, run_id) is None for run_id in own)
    assert app.db.read_now(find_project, "ann", "p") is None
    kept = app.db.read_now(find_run_by_id, shared)
    assert kept is not None and kept.user_id is None
    assert admin(app, admin_key, "POST", "/users", {"username": "ann"})[0] == 201


def test_the_last_admin_can_neither_go_nor_step_down(app: AppServer, admin_key: str) -> None:
    assert admin(app, admin_key, "DELETE", "/users/root")[0] == 409
    assert admin(app, admin_key, "PATCH", "/users/root", {"admin": False})[0] == 409
    assert decoded(app.request("GET", "/api/v1/me", key=admin_key))["is_admin"]


def test_a_new_password_ends_the_sessions(app: AppServer, admin_key: str) -> None:
    make_user(app, "ann", password="correct horse")
    headers = cookie_of(sign_in(app, "ann", "correct horse"))
    admin(app, admin_key, "PATCH", "/users/ann", {"password": "battery staple"})
    assert app.request("GET", "/api/v1/me", headers=headers).status == 401
    assert sign_in(app, "ann", "correct horse").status == 401
    assert sign_in(app, "ann", "battery staple").status == 204


# ---- home


def test_home_lists_projects_by_activity_and_the_runs_at_work(app: AppServer, clock: Clock) -> None:
    key = make_user(app, "ann")
    make_user(app, "bob")

    def fill(conn: Any) -> None:
        for name, project, at in (("ann", "old", 1), ("ann", "new", 2), ("bob", "foreign", 3)):
            caller = get_caller(conn, get_user(conn, name).id)
            found, _ = ensure_project(conn, caller=caller, entity="", name=project, now_us=at)
            upsert_run(
                conn,
                project=found,
                caller=caller,
                changes=RunChanges(name=f"run-{project}"),
                now_us=at,
            )

    app.db.write_now(fill)
    home = decoded(app.request("GET", "/api/v1/home", key=key))
    assert [(p["project"], p["run_count"], p["running_count"]) for p in home["projects"]] == [
        ("new", 1, 1),
        ("old", 1, 1),
    ]
    assert [run["name"] for run in home["running"]] == ["run-new", "run-old"]
    first = decoded(app.request("GET", "/api/v1/entities/ann/projects?limit=1", key=key))
    assert [p["project"] for p in first["items"]] == ["new"] and first["total"] == 2
    rest = decoded(
        app.request(
            "GET",
            f"/api/v1/entities/ann/projects?limit=1&cursor={first['next_cursor']}",
            key=key,
        )
    )
    assert [p["project"] for p in rest["items"]] == ["old"] and rest["next_cursor"] is None
    wrong = app.request("GET", "/api/v1/entities/ann/projects?cursor=nonsense", key=key)
    assert wrong.status == 400
