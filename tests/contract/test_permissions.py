"""Who may do what, asked over HTTP of every route that the server has.

A route that is not in EXPECTED fails the first test: whoever adds one says here who may use it.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from sqlalchemy.engine import Connection

from steelyard.server.http.file_urls import download_url, upload_url
from steelyard.server.rooms.accounts.commands import (
    create_api_key,
    create_team,
    create_user,
    set_member,
)
from steelyard.server.rooms.accounts.model import Role
from steelyard.server.rooms.accounts.queries import get_caller
from steelyard.server.rooms.artifacts.links import link_artifact
from steelyard.server.rooms.artifacts.removal import trash_artifact
from steelyard.server.rooms.artifacts.uploads import begin_upload
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.runs.commands import upsert_run
from steelyard.server.rooms.runs.model import Run, RunChanges
from tests.support.app_server import AppServer
from tests.support.artifacts import Shelf
from tests.support.databases import DatabaseMaker, Kind

Who = Literal["anonymous", "foreign", "viewer", "member", "team admin", "server admin"]
WHO: tuple[Who, ...] = ("anonymous", "foreign", "viewer", "member", "team admin", "server admin")

#: Status for each of WHO; 0 stands for "allowed": any answer but a refusal.
OPEN = (0, 0, 0, 0, 0, 0)
SIGNED_IN = (401, 0, 0, 0, 0, 0)
READ = (401, 404, 0, 0, 0, 0)
WRITE = (401, 404, 403, 0, 0, 0)
SERVER_ADMIN = (401, 403, 403, 403, 403, 0)
SIGNED_LINK = (403, 403, 403, 403, 403, 403)  # without the signature, whoever asks

RUN = "/api/v1/{entity}/{project}/runs/{run}"
CLIENT_RUN = "/api/v1/runs/{entity}/{project}/{run}"
COLLECTION = "/api/v1/{entity}/{project}/artifacts/{name}"
VERSION = f"{COLLECTION}/versions/{{ref}}"
ARTIFACT = "/api/v1/artifacts/{artifact_id}"
ARTIFACTS_V2 = "/artifactsV2/{region}/{entity}/{project}/{collection}"
STORED = "/storage/wandb_artifacts"
SWEEPS = "/api/v1/{entity}/{project}/sweeps"
SWEEP = f"{SWEEPS}/{{sweep}}"
SWEEP_CONFIG = "{method: random, parameters: {lr: {min: 0.1, max: 0.5}}}"
EXPECTED: dict[tuple[str, str], tuple[int, ...]] = {
    ("GET", "/healthz"): OPEN,
    ("GET", "/ready"): OPEN,
    ("GET", "/metrics"): OPEN,
    ("GET", "/"): OPEN,
    ("GET", "/login"): OPEN,
    ("GET", "/settings"): OPEN,
    ("GET", "/{path}"): OPEN,
    ("HEAD", "/healthz"): OPEN,
    ("HEAD", "/ready"): OPEN,
    ("HEAD", "/"): OPEN,
    ("HEAD", "/login"): OPEN,
    ("HEAD", "/settings"): OPEN,
    ("HEAD", "/{path}"): OPEN,
    ("GET", "/assets/{path}"): OPEN,
    ("GET", "/login/once"): OPEN,
    ("POST", "/api/v1/login"): OPEN,
    ("POST", "/api/v1/logout"): OPEN,
    ("GET", "/api"): OPEN,
    ("GET", "/api/openapi.json"): OPEN,
    ("GET", "/api/{path}"): OPEN,
    ("GET", "/api/v1/me"): SIGNED_IN,
    ("GET", "/api/v1/home"): SIGNED_IN,
    ("GET", "/api/v1/keys"): SIGNED_IN,
    ("POST", "/api/v1/keys"): SIGNED_IN,
    ("DELETE", "/api/v1/keys/{key_id}"): (401, 404, 404, 404, 404, 404),  # a key of another user
    ("POST", "/graphql"): SIGNED_IN,
    ("POST", "/files/{entity}/{project}/{run}/file_stream"): WRITE,
    ("GET", "/files/{entity}/{project}/{run}/{path}"): READ,
    ("HEAD", "/files/{entity}/{project}/{run}/{path}"): READ,
    ("PUT", "/storage/runs/{run_id}/{path}"): SIGNED_LINK,
    ("GET", "/storage/runs/{run_id}/{path}"): SIGNED_LINK,
    ("HEAD", "/storage/runs/{run_id}/{path}"): SIGNED_LINK,
    ("POST", "/api/v1/admin/users"): SERVER_ADMIN,
    ("PATCH", "/api/v1/admin/users/{username}"): SERVER_ADMIN,
    ("DELETE", "/api/v1/admin/users/{username}"): SERVER_ADMIN,
    ("POST", "/api/v1/admin/organizations"): SERVER_ADMIN,
    ("DELETE", "/api/v1/admin/organizations/{name}"): SERVER_ADMIN,
    ("POST", "/api/v1/admin/organizations/{name}/members"): SERVER_ADMIN,
    ("POST", "/api/v1/admin/teams"): SERVER_ADMIN,
    ("GET", "/api/v1/entities/{entity}/projects"): READ,
    ("POST", "/api/v1/{entity}/{project}/runs:query"): READ,
    ("POST", "/api/v1/{entity}/{project}/series:query"): READ,
    ("GET", "/api/v1/{entity}/{project}/keys"): READ,
    ("GET", "/api/v1/storage"): SIGNED_IN,
    ("GET", "/api/v1/tables/schema"): READ,
    ("POST", "/api/v1/tables:query"): READ,
    ("POST", "/api/v1/tables:facet"): READ,
    ("GET", "/api/v1/tables/csv"): READ,
    ("POST", "/api/v1/tables:join"): READ,
    ("POST", "/api/v1/tables:diff"): READ,
    ("POST", "/api/v1/tables:save"): WRITE,
    ("GET", "/api/v1/previews/table"): READ,
    ("GET", "/api/v1/previews/thumbnail"): SIGNED_LINK,
    ("GET", "/api/v1/previews/page"): SIGNED_LINK,
    ("HEAD", "/api/v1/previews/page"): SIGNED_LINK,
    ("POST", "/api/v1/{entity}/{project}/media:query"): READ,
    ("POST", "/api/v1/{entity}/{project}/media:at"): READ,
    ("GET", "/api/v1/{entity}/{project}/storage"): READ,
    ("GET", "/api/v1/{entity}/{project}/live"): READ,
    ("GET", RUN): READ,
    ("PATCH", RUN): WRITE,
    ("DELETE", RUN): WRITE,
    ("POST", f"{RUN}/stop"): WRITE,
    ("GET", f"{RUN}/series:at"): READ,
    ("GET", f"{RUN}/history"): READ,
    ("GET", f"{RUN}/logs"): READ,
    ("GET", f"{RUN}/logs:search"): READ,
    ("GET", f"{RUN}/logs:raw"): READ,
    ("GET", f"{RUN}/files"): READ,
    ("GET", f"{RUN}/artifacts"): READ,
    ("GET", "/api/v1/{entity}/{project}/artifact-types"): READ,
    ("GET", "/api/v1/{entity}/{project}/artifact-trash"): READ,
    ("GET", "/api/v1/{entity}/{project}/artifacts"): READ,
    ("POST", "/api/v1/{entity}/{project}/artifacts"): WRITE,
    ("GET", COLLECTION): READ,
    ("PATCH", COLLECTION): WRITE,
    ("DELETE", COLLECTION): WRITE,
    ("GET", f"{COLLECTION}/events"): READ,
    ("GET", f"{COLLECTION}/dependents"): READ,
    ("POST", f"{COLLECTION}/links"): WRITE,
    ("DELETE", f"{COLLECTION}/links/{{version}}"): WRITE,
    ("GET", f"{COLLECTION}/versions"): READ,
    ("GET", VERSION): READ,
    ("PATCH", VERSION): WRITE,
    ("DELETE", VERSION): WRITE,
    ("POST", VERSION): WRITE,  # …:restore
    ("GET", f"{VERSION}/dependents"): READ,
    ("GET", f"{VERSION}/used-by"): READ,
    ("GET", f"{VERSION}/events"): READ,
    ("POST", f"{VERSION}/uses"): WRITE,
    ("GET", f"{VERSION}/tree"): READ,
    ("GET", f"{VERSION}/files"): READ,
    ("GET", f"{VERSION}/diff"): READ,
    ("GET", f"{COLLECTION}/bisect"): READ,
    ("GET", f"{VERSION}/lineage"): READ,
    ("GET", ARTIFACT): READ,
    ("POST", f"{ARTIFACT}/contents"): WRITE,
    ("POST", f"{ARTIFACT}/contents:complete"): WRITE,
    ("POST", f"{ARTIFACT}/contents:pack"): WRITE,
    ("POST", f"{ARTIFACT}/contents:fetch"): READ,
    ("GET", f"{ARTIFACT}/uploads/{{upload_id}}"): WRITE,
    ("PUT", f"{ARTIFACT}/manifest"): WRITE,
    ("POST", f"{ARTIFACT}/commit"): WRITE,
    ("GET", "/api/v1/artifact-clients/{client_id}"): SIGNED_IN,
    ("GET", "/artifacts/{entity}/{md5}"): READ,
    ("HEAD", "/artifacts/{entity}/{md5}"): READ,
    ("GET", f"{ARTIFACTS_V2}/{{birth}}/{{md5}}"): READ,
    ("HEAD", f"{ARTIFACTS_V2}/{{birth}}/{{md5}}"): READ,
    ("GET", f"{ARTIFACTS_V2}/{{birth}}/{{md5}}/{{name}}"): READ,
    ("HEAD", f"{ARTIFACTS_V2}/{{birth}}/{{md5}}/{{name}}"): READ,
    ("GET", f"{ARTIFACTS_V2}/{{artifact}}/{{birth}}/{{md5}}/{{name}}"): READ,
    ("HEAD", f"{ARTIFACTS_V2}/{{artifact}}/{{birth}}/{{md5}}/{{name}}"): READ,
    ("PUT", f"{STORED}/uploads/{{artifact_id}}/{{md5}}"): SIGNED_LINK,
    ("PUT", f"{STORED}/parts/{{upload_id}}/{{number}}"): SIGNED_LINK,
    ("GET", f"{STORED}/contents/{{collection_id}}/{{md5}}/{{path}}"): SIGNED_LINK,
    ("HEAD", f"{STORED}/contents/{{collection_id}}/{{md5}}/{{path}}"): SIGNED_LINK,
    ("PUT", "/storage/artifact_manifest_uploads/{manifest_id}/wandb_manifest.json"): SIGNED_LINK,
    ("GET", "/storage/artifact_manifests/{artifact_id}/wandb_manifest.json"): SIGNED_LINK,
    ("HEAD", "/storage/artifact_manifests/{artifact_id}/wandb_manifest.json"): SIGNED_LINK,
    ("GET", SWEEPS): READ,
    ("POST", SWEEPS): WRITE,
    ("GET", SWEEP): READ,
    ("PATCH", SWEEP): WRITE,
    ("DELETE", SWEEP): WRITE,
    ("GET", f"{SWEEP}/budget"): READ,
    ("GET", f"{SWEEP}/queue"): READ,
    ("POST", "/api/v1/sweeps:next"): SIGNED_IN,  # of no agents; each is looked up as its own caller
    ("GET", "/api/v1/entities/{entity}/sweep-quota"): READ,
    ("PUT", "/api/v1/entities/{entity}/sweep-quota"): (401, 404, 403, 403, 0, 0),
    ("GET", "/api/v1/prices"): SIGNED_IN,
    ("PUT", "/api/v1/prices"): SERVER_ADMIN,
    ("DELETE", "/api/v1/prices/{kind}/{name}"): SERVER_ADMIN,
    ("GET", f"{SWEEP}/configs"): READ,
    ("GET", f"{SWEEP}/trials"): READ,
    ("GET", f"{SWEEP}/columns"): READ,
    ("GET", f"{SWEEPS}:overview"): READ,
    ("POST", f"{SWEEPS}:estimate"): READ,
    ("POST", f"{SWEEPS}:check"): READ,
    ("POST", f"{SWEEP}/narrowed"): READ,
    ("GET", f"{SWEEP}/importance"): READ,
    ("GET", f"{SWEEP}/surface"): READ,
    ("GET", f"{SWEEP}/pareto"): READ,
    ("GET", f"{SWEEP}/brackets"): READ,
    ("GET", f"{SWEEP}/logged"): READ,
    ("GET", "/api/v1/{entity}/{project}/sweep-comparison"): READ,
    ("GET", f"{SWEEP}/weightings"): READ,
    ("GET", f"{SWEEP}/weightings/{{weighting}}"): READ,
    ("PUT", f"{SWEEP}/weightings/{{weighting}}"): WRITE,
    ("DELETE", f"{SWEEP}/weightings/{{weighting}}"): WRITE,
    ("GET", f"{SWEEP}/leaderboard"): READ,
    ("GET", f"{SWEEP}/phases"): READ,
    ("POST", f"{SWEEP}/phases/approval"): WRITE,
    ("POST", f"{SWEEP}/trials"): WRITE,
    ("GET", f"{SWEEP}/events"): READ,
    ("GET", f"{SWEEP}/agents"): READ,
    ("PUT", f"{SWEEP}/import"): WRITE,
    ("POST", f"{SWEEP}/agents"): WRITE,
    ("POST", f"{SWEEP}/agents/{{agent}}/next"): WRITE,
    ("POST", f"{CLIENT_RUN}/journals/{{writer}}"): WRITE,
    ("GET", f"{CLIENT_RUN}/resume"): READ,
    ("PUT", f"{CLIENT_RUN}/files/{{path}}"): WRITE,
    ("GET", f"{CLIENT_RUN}/files/{{path}}"): READ,
    ("HEAD", f"{CLIENT_RUN}/files/{{path}}"): READ,
}
#: What a request needs to be a good one.
QUERIES = {
    f"{SWEEP}/surface": "?x=lr",
    "/api/v1/{entity}/{project}/sweep-comparison": "?sweep={sweep}",
    "/api/v1/tables/schema": "?ref=run:crew/ours/{run}/some-file.txt",
    "/api/v1/tables/csv": ("?question=%7B%22ref%22%3A%22run:crew/ours/{run}/some-file.txt%22%7D"),
    "/api/v1/previews/table": "?ref=run:crew/ours/{run}/some-file.txt",
    "/api/v1/previews/thumbnail": "?run=1&name=a.png",
    "/api/v1/previews/page": "?run=1&name=a.html",
    "/login/once": "?token=unknown",
    f"{RUN}/series:at": "?stream=history&key=loss&x=1",
    f"{RUN}/history": "?stream=history",
    f"{RUN}/logs:search": "?re=x",
    f"{CLIENT_RUN}/journals/{{writer}}": "?offset=0",
    f"{VERSION}/diff": "?to=v1",
}
BODIES: dict[tuple[str, str], Any] = {
    ("PUT", f"{SWEEP}/weightings/{{weighting}}"): {"expression": "accuracy"},
    ("POST", f"{SWEEP}/phases/approval"): {"approved": True},
    ("POST", f"{SWEEP}/trials"): {"config": {"lr": 0.2}},
    ("POST", "/graphql"): {"query": "{ viewer { username } }"},
    ("POST", "/api/v1/login"): {"username": "nobody-here", "password": "not the password"},
    ("POST", "/api/v1/keys"): {"name": "another"},
    ("POST", "/files/{entity}/{project}/{run}/file_stream"): {},
    ("POST", "/api/v1/{entity}/{project}/runs:query"): {},
    ("POST", "/api/v1/{entity}/{project}/series:query"): {
        "runs": None,
        "panels": [{"id": "a", "key": "loss", "px": 100}],
    },
    ("POST", "/api/v1/{entity}/{project}/media:query"): {},
    ("POST", "/api/v1/{entity}/{project}/media:at"): {"key": "image", "step": 1},
    ("PATCH", RUN): {"notes": "seen"},
    ("POST", SWEEPS): {"config": SWEEP_CONFIG},
    ("PATCH", SWEEP): {"display_name": "seen"},
    ("POST", f"{SWEEP}/agents"): {"host": "here"},
    ("PUT", f"{SWEEP}/import"): {
        "config": SWEEP_CONFIG,
        "seed": 1,
        "state": "running",
        "created_at_us": 1,
    },
    ("POST", f"{SWEEPS}:estimate"): {"config": SWEEP_CONFIG},
    ("POST", f"{SWEEPS}:check"): {"config": SWEEP_CONFIG},
    ("POST", f"{SWEEP}/narrowed"): {"parameters": {}},
    ("POST", f"{SWEEP}/agents/{{agent}}/next"): {},
    ("POST", "/api/v1/sweeps:next"): {"agents": []},
    ("PUT", "/api/v1/entities/{entity}/sweep-quota"): {"runs_max": None},
    ("PUT", "/api/v1/prices"): {"kind": "gpu", "name": "org1", "usd_per_hour": 1.0},
    ("PATCH", "/api/v1/admin/users/{username}"): {"admin": False},
}
REFUSALS = frozenset({401, 403, 404})
#: Answers 401 of its own accord, or 404 for a file that is not there.
OWN_ANSWERS = {
    ("POST", "/api/v1/login"): 401,
    ("GET", "/assets/{path}"): 404,
    ("GET", "/api/{path}"): 404,
    ("GET", "/api"): 404,
}


class World(msgspec.Struct):
    """A server with a team, its project, and one user of each sort."""

    server: AppServer
    keys: dict[Who, str | None]
    user_ids: dict[Who, int]
    numbers: Iterator[int]

    def make_run(self) -> Run:
        """A run in the team's project, not used by anybody else."""

        def make(conn: Connection) -> Run:
            caller = get_caller(conn, self.user_ids["team admin"])
            project, _ = ensure_project(
                conn, caller=caller, entity="crew", name="ours", now_us=time.time_ns() // 1000
            )
            changes = RunChanges(name=f"run{next(self.numbers)}")
            return upsert_run(
                conn,
                project=project,
                caller=caller,
                changes=changes,
                now_us=time.time_ns() // 1000,
            )[0]

        return self.server.db.write_now(make)


@pytest.fixture(scope="module", params=("sqlite", "postgresql"))
def world(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    database_maker: DatabaseMaker,
) -> Iterator[World]:
    kind: Kind = request.param
    url, remove = database_maker.make_with_schema(kind)
    directory: Path = tmp_path_factory.mktemp("permissions")
    with AppServer(directory / "data", url) as server:
        keys, user_ids = server.db.write_now(make_people)
        yield World(server, keys, user_ids, itertools.count(1))
    remove()


def make_people(conn: Connection) -> tuple[dict[Who, str | None], dict[Who, int]]:
    keys: dict[Who, str | None] = {"anonymous": None}
    user_ids: dict[Who, int] = {}
    for who in WHO[1:]:
        user = create_user(
            conn,
            username=who.replace(" ", "-"),
            is_admin=who == "server admin",
            now_us=1,
        )
        user_ids[who] = user.id
        keys[who] = create_api_key(conn, user_id=user.id, name="test", now_us=1).key
        if who == "team admin":
            team = create_team(conn, name="crew", owner=user, organization=None, now_us=1)
    roles: dict[Who, Role] = {"viewer": "viewer", "member": "member"}
    for who, role in roles.items():
        set_member(conn, entity_id=team.id, user_id=user_ids[who], role=role)
    return keys, user_ids


def list_routes(server: AppServer) -> set[tuple[str, str]]:
    return {
        (method, route.path_format)
        for route in server.app.routes
        for method in getattr(route, "methods", ())
        if method != "OPTIONS"  # answered by the framework, or CORS: no content either way
    }


def test_every_route_says_who_may_use_it(world: World) -> None:
    routes = list_routes(world.server)
    assert routes - set(EXPECTED) == set(), "say in EXPECTED who may use these"
    assert set(EXPECTED) - routes == set(), "these are gone"


@pytest.mark.parametrize(("method", "path"), EXPECTED, ids=lambda value: value.strip("/"))
def test_a_route_lets_in_those_it_should_and_nobody_else(
    world: World, method: str, path: str
) -> None:
    answered = {who: ask(world, method, path, world.keys[who]) for who in WHO}
    assert all(status < 500 for status in answered.values()), answered
    own = OWN_ANSWERS.get((method, path))
    refused = {
        who: status if status in REFUSALS and status != own else 0
        for who, status in answered.items()
    }
    expected = dict(zip(WHO, EXPECTED[method, path], strict=True))
    assert refused == {who: status if status != own else 0 for who, status in expected.items()}


def ask(world: World, method: str, path: str, key: str | None) -> int:
    """The status of a good request to a route; things that may be deleted are made for it."""
    # The first run makes the project.
    asked = path + QUERIES.get(path, "")
    is_of_run = "{project}" in path or "{run" in asked or "/tables:" in path
    run = world.make_run() if is_of_run else None
    if run is not None:
        fill(world, run)
    shelved = shelve(world, method, path) if "rtifact" in path else {}
    swept = make_sweep(world) if "{sweep}" in asked else {}
    number = next(world.numbers)
    victim = f"victim{number}"
    if "/admin/" in path:
        admin = world.keys["server admin"]
        made = world.server.request(
            "POST", "/api/v1/admin/users", key=admin, content={"username": victim}
        )
        assert made.status == 201, made.data
        world.server.request(
            "POST",
            "/api/v1/admin/organizations",
            key=admin,
            content={"name": f"org{number}", "owner": victim},
        )
    if path.startswith("/api/v1/prices/"):
        world.server.request(
            "PUT",
            "/api/v1/prices",
            key=world.keys["server admin"],
            content={"kind": "gpu", "name": f"org{number}", "usd_per_hour": 1.0},
        )
    url = asked.format(
        kind="gpu",
        entity="crew",
        project="ours",
        run=run.name if run else "",
        run_id=run.id if run else 0,
        path="some-file.txt",
        writer="writer1",
        key_id=key_of_somebody_else(world, key),
        username=victim,
        **({"name": f"org{number}"} | shelved | swept),
    )
    ref = f"run:crew/ours/{run.name}/some-file.txt" if run else ""
    bodies = BODIES | {
        ("POST", "/api/v1/{entity}/{project}/artifacts"): {
            "type": "dataset",
            "collection": f"new{number}",
            "digest": "",
            "client_id": f"client{number}",
        },
        ("PATCH", COLLECTION): {"description": "seen"},
        ("PATCH", VERSION): {"description": "seen"},
        ("POST", f"{VERSION}/uses"): {
            "run": {"entity": "crew", "project": "ours", "name": run.name if run else ""}
        },
        ("POST", f"{COLLECTION}/links"): {"source": shelved.get("source")},
        ("POST", f"{ARTIFACT}/contents"): {"files": []},
        ("POST", f"{ARTIFACT}/contents:fetch"): {"paths": ["a.txt"]},
        ("POST", f"{ARTIFACT}/contents:complete"): {
            "md5": shelved.get("md5_base64"),
            "upload_id": shelved.get("upload_id"),
            "parts": [],
        },
        ("POST", "/api/v1/tables:query"): {"ref": ref},
        ("POST", "/api/v1/tables:facet"): {"ref": ref, "column": "a"},
        ("POST", "/api/v1/tables:join"): {"left": ref, "right": ref, "on": ["a"]},
        ("POST", "/api/v1/tables:diff"): {"before": ref, "after": ref},
        ("POST", "/api/v1/tables:save"): {
            "ref": ref,
            "entity": "crew",
            "project": "ours",
            "collection": "part",
        },
        ("POST", "/api/v1/admin/users"): {"username": f"new{number}"},
        ("POST", "/api/v1/admin/organizations"): {"name": f"neworg{number}", "owner": victim},
        ("POST", "/api/v1/admin/organizations/{name}/members"): {"username": "foreign"},
        ("POST", "/api/v1/admin/teams"): {"name": f"team{number}", "owner": victim},
    }
    if path.endswith("/live"):
        return status_of_stream(world, url, key)
    return world.server.request(
        method, url, key=key, content=bodies.get((method, path)), body=None
    ).status


def fill(world: World, run: Run) -> None:
    """Give the run a row of history and a file."""
    row = {"wandb-history.jsonl": {"offset": 0, "content": ['{"_step": 1, "loss": 0.5}']}}
    sent = world.server.request(
        "POST",
        f"/files/crew/ours/{run.name}/file_stream",
        key=world.keys["team admin"],
        content={"files": row},
    )
    assert sent.status == 200, sent.data
    url = upload_url(
        world.server.services.signer,
        world.server.base_url,
        run_id=run.id,
        name="some-file.txt",
        now_us=time.time_ns() // 1000,
    )
    path = url.removeprefix(world.server.base_url)
    assert world.server.request("PUT", path, body=b"text").status == 200


def make_sweep(world: World) -> dict[str, str]:
    """A sweep in the team's project with an agent."""
    key = world.keys["team admin"]
    place = "/api/v1/crew/ours/sweeps"
    made = world.server.request("POST", place, key=key, content={"config": SWEEP_CONFIG})
    sweep = msgspec.json.decode(made.data)["name"]
    registered = world.server.request("POST", f"{place}/{sweep}/agents", key=key, content={})
    world.server.request(
        "PUT", f"{place}/{sweep}/weightings/mine", key=key, content={"expression": "accuracy"}
    )
    agent = msgspec.json.decode(registered.data)["name"]
    return {"sweep": sweep, "agent": agent, "weighting": "mine"}


def shelve(world: World, method: str, path: str) -> dict[str, Any]:
    """What stands in the paths of artifacts: new ones in the team's project for each request."""
    server = world.server
    caller = server.db.read_now(get_caller, world.user_ids["team admin"])
    shelf = Shelf(server.db, blobs=server.services.blobs, caller=caller, entity="crew", name="ours")
    shelf.now_us = time.time_ns() // 1000
    name = f"data{next(world.numbers)}"
    first = shelf.log({"a.txt": name.encode()}, name)
    second = shelf.log({"a.txt": f"{name} changed".encode()}, name)
    draft = shelf.draft(name)
    md5 = hashlib.md5(name.encode(), usedforsecurity=False)
    upload = begin_upload(
        server.db,
        server.services.blobs,
        draft.id,
        md5=md5.digest(),
        size_bytes=10,
        part_bytes=10,
        now_us=shelf.now_us,
    )
    values: dict[str, Any] = {
        "name": name,
        "ref": "v0",
        "collection": name,
        "region": "default",
        "artifact": first.key,
        "birth": first.key,
        "md5": md5.hexdigest(),
        "md5_base64": base64.b64encode(md5.digest()).decode(),
        "artifact_id": draft.key if path.startswith(ARTIFACT) else draft.id,
        "collection_id": first.collection_id,
        "manifest_id": 1,
        "number": 1,
        "upload_id": upload.upload_id,
        "client_id": "unknown",
        "source": first.key,
    }
    if path.endswith("/links") or "/links/" in path:
        values |= {"name": f"links-{name}", "version": "v0", "source": second.key}
        server.db.write_now(
            link_artifact,
            first,
            project=shelf.project,
            portfolio=values["name"],
            actor=shelf.actor,
            now_us=shelf.now_us,
        )
    if (method, path) == ("POST", VERSION):
        server.db.write_now(
            trash_artifact, first, delete_aliases=True, actor=shelf.actor, now_us=shelf.now_us
        )
        values["ref"] = "v0:restore"
    return values


def key_of_somebody_else(world: World, key: str | None) -> int:
    owner: Who = "viewer" if key != world.keys["viewer"] else "member"
    listed = world.server.request("GET", "/api/v1/keys", key=world.keys[owner])
    return int(msgspec.json.decode(listed.data)["items"][0]["id"])


def status_of_stream(world: World, url: str, key: str | None) -> int:
    """The status of an answer that does not end."""
    import urllib3

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = urllib3.request(
        "GET", world.server.base_url + url, headers=headers, preload_content=False, retries=False
    )
    try:
        return answer.status
    finally:
        answer.close()


def test_a_linked_version_lets_its_readers_have_what_it_names_and_nothing_else(
    world: World,
) -> None:
    server = world.server
    crew = server.db.read_now(get_caller, world.user_ids["team admin"])
    foreign = server.db.read_now(get_caller, world.user_ids["foreign"])
    shelf = Shelf(server.db, blobs=server.services.blobs, caller=crew, entity="crew", name="ours")
    theirs = Shelf(server.db, blobs=shelf.blobs, caller=foreign, name="theirs").project
    name = f"data{next(world.numbers)}"
    shared, both, secret, waiting = (f"{name} {number}".encode() for number in range(4))
    linked = shelf.log({"a.txt": shared, "both.txt": both}, name)
    later = shelf.log({"b.txt": secret, "both.txt": both}, name)
    shelf.upload(shelf.draft(name), [waiting])
    server.db.write_now(
        link_artifact,
        linked,
        project=theirs,
        portfolio=name,
        actor=shelf.actor,
        now_us=shelf.now_us,
    )

    def ask_for(who: Who, path: str, content: bytes) -> int:
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        url = f"/artifactsV2/default/{path}/{md5}/x.txt"
        answer = server.request("GET", url, key=world.keys[who])
        assert answer.status != 200 or answer.data == content
        return answer.status

    contents = (shared, both, secret, waiting)
    # wandb 0.31.0 wandb_storage_policy.py _file_url: with the id of the version, and without.
    by_id = f"crew/ours/{name}/{linked.key}/{linked.key}"
    assert [ask_for("foreign", by_id, each) for each in contents] == [200, 200, 404, 404]
    assert [ask_for("viewer", by_id, each) for each in contents] == [200, 200, 200, 200]
    assert ask_for("foreign", f"crew/ours/{name}/{later.key}/{linked.key}", shared) == 404
    by_place = f"foreign/theirs/{name}/{linked.key}"
    assert [ask_for("foreign", by_place, each) for each in contents] == [200, 200, 404, 404]
    assert ask_for("foreign", f"crew/ours/{name}/{linked.key}", shared) == 404


def test_unknown_and_foreign_projects_get_the_same_answer(world: World) -> None:
    world.make_run()
    foreign = world.keys["foreign"]

    def answer(project: str) -> tuple[int, bytes]:
        got = world.server.request(
            "POST", f"/api/v1/crew/{project}/runs:query", key=foreign, content={}
        )
        return got.status, got.data.replace(project.encode(), b"PROJECT")

    assert answer("ours") == answer("missing")
    assert answer("ours")[0] == 404


def test_a_link_to_a_file_serves_whoever_has_it_and_only_for_that_file(world: World) -> None:
    run, server = world.make_run(), world.server
    now_us = time.time_ns() // 1000
    signer = server.services.signer
    put = upload_url(signer, server.base_url, run_id=run.id, name="a.txt", now_us=now_us)
    get = download_url(signer, server.base_url, run_id=run.id, name="a.txt", now_us=now_us)
    path = {kind: url.removeprefix(server.base_url) for kind, url in (("put", put), ("get", get))}
    assert server.request("PUT", path["put"], body=b"hello").status == 200
    assert server.request("GET", path["get"]).data == b"hello"
    assert server.request("PUT", path["get"], body=b"other").status == 403
    assert server.request("GET", path["put"]).status == 403
    assert server.request("GET", path["get"].replace("a.txt", "b.txt")).status == 403
    assert server.request("GET", path["get"].replace("signature=", "signature=A")).status == 403


@pytest.mark.parametrize("who", ["foreign", "viewer"])
def test_graphql_neither_shows_nor_changes_what_the_caller_may_not(world: World, who: Who) -> None:
    run = world.make_run()
    key = world.keys[who]
    mutation = """
    mutation M($name: String, $entity: String, $project: String) {
      upsertBucket(input: {name: $name, entityName: $entity, modelName: $project, notes: "x"}) {
        bucket { id }
      }
    }"""
    variables = {"name": run.name, "entity": "crew", "project": "ours"}
    answer = world.server.request(
        "POST", "/graphql", key=key, content={"query": mutation, "variables": variables}
    )
    decoded = msgspec.json.decode(answer.data)
    assert decoded["errors"], decoded
    query = '{ project(name: "ours", entityName: "crew") { name runs { edges { node { id } } } } }'
    answer = world.server.request("POST", "/graphql", key=key, content={"query": query})
    decoded = msgspec.json.decode(answer.data)
    seen = (decoded.get("data") or {}).get("project") is not None
    assert seen == (who == "viewer"), decoded
