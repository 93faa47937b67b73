"""`steelyard.Api` on a real server: what goes wrong, what comes later, what is asked how often."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import steelyard
from steelyard.errors import (
    CommError,
    Conflict,
    FileExists,
    Invalid,
    NoApiKey,
    NotInThisVersion,
    NotOnServer,
    Unauthenticated,
    Unavailable,
    UsageError,
)
from steelyard.sdk.api.api import MISSING, Api
from steelyard.sdk.api.server import error_of
from steelyard.testing.server import ThrowawayServer

PROJECT = "query-api"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of the test's own, in which nobody is logged in."""
    for name in ("WANDB_BASE_URL", "WANDB_API_KEY", "WANDB_PROJECT", "WANDB_ENTITY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path


@pytest.fixture
def api(home: Path, sdk_server: ThrowawayServer, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setenv("WANDB_BASE_URL", sdk_server.base_url)
    monkeypatch.setenv("WANDB_API_KEY", sdk_server.owner_key)
    monkeypatch.setenv("WANDB_PROJECT", PROJECT)
    return steelyard.Api()


def test_without_a_server_or_a_key_it_says_what_to_do(sdk_server: ThrowawayServer) -> None:
    with pytest.raises(UsageError, match="WANDB_BASE_URL"):
        steelyard.Api()
    server = {"base_url": sdk_server.base_url}
    with pytest.raises(NoApiKey, match="steelyard login"):
        steelyard.Api(overrides=server)
    with pytest.raises(Unauthenticated, match="short"):
        steelyard.Api(overrides=server, api_key="short")
    with pytest.raises(Unauthenticated):
        steelyard.Api(overrides=server, api_key="x" * 40)
    with pytest.raises(CommError):
        steelyard.Api(overrides={"base_url": "http://127.0.0.1:9"}, api_key="x" * 40, timeout=1)


def test_overrides_and_the_key_given_go_first(sdk_server: ThrowawayServer) -> None:
    api = steelyard.Api(
        overrides={"base_url": f"{sdk_server.base_url}/", "entity": "e", "project": "p"},
        api_key=sdk_server.owner_key,
        timeout=7,
    )
    assert api.settings["base_url"] == sdk_server.base_url
    assert (api.settings["entity"], api.settings["project"]) == ("e", "p")
    assert api.api_key == sdk_server.owner_key
    assert api.default_entity == api.viewer.entity == "root"
    assert repr(api.project("q")) == "<Project e/q>"


def test_what_is_absent_is_a_comm_error_and_a_value_error(api: Api) -> None:
    api.create_run(run_id="there", project="absent-things")
    for look in (
        lambda: api.run("absent-things/no-run"),
        lambda: api.run("no-project/no-run"),
        lambda: len(api.runs("no-project")),
        lambda: api.artifact("absent-things/nothing:v0"),
        lambda: api.artifact_type("nothing", "absent-things"),
        lambda: api.artifact_collection("model", "absent-things/nothing"),
        lambda: api.run("absent-things/there").file("no.txt").download(),
    ):
        with pytest.raises(NotOnServer) as caught:
            look()
        assert isinstance(caught.value, CommError)
        assert isinstance(caught.value, ValueError)
    assert api.run("absent-things/there").metadata is None
    assert list(api.run("absent-things/there").scan_history()) == []


def test_a_wrong_filter_or_order_names_what_is_wrong(api: Api) -> None:
    api.create_run(run_id="there", project="filters")
    with pytest.raises(Invalid, match=r"\$near"):
        len(api.runs("filters", {"config.lr": {"$near": 1}}))
    with pytest.raises(Invalid, match=r"\$where"):
        len(api.runs("filters", {"$where": "x"}))
    with pytest.raises(Invalid, match="nonsense"):
        len(api.runs("filters", order="+nonsense"))
    with pytest.raises(Invalid, match="JSON"):
        api.runs("filters", {"config.lr": {"$in": {1, 2}}})
    with pytest.raises(Invalid, match="both"):
        api.run("filters/there").files(["a"], pattern="b%")


def test_runs_are_remembered_until_flush(api: Api) -> None:
    api.create_run(run_id="first", project="remembered")
    runs = api.runs("remembered")
    assert [run.id for run in runs] == ["first"]
    api.create_run(run_id="second", project="remembered")
    assert api.runs("remembered") is runs
    assert len(api.runs("remembered")) == 1
    assert api.run("remembered/first") is api.run("remembered/first")
    api.flush()
    assert [run.id for run in api.runs("remembered")] == ["first", "second"]


def test_an_edit_sends_what_was_changed_and_nothing_else(api: Api) -> None:
    """Two scripts that change different things of one run do not undo each other's work."""
    api.create_run(run_id="shared", project="edits")
    one, other = (steelyard.Api().run("edits/shared") for _ in range(2))
    one.config["lr"] = 0.1
    one.tags = ["mine"]
    other.notes = "seen"
    one.save()
    other.save()
    found = steelyard.Api().run("edits/shared")
    assert (found.config, found.tags, found.notes) == ({"lr": 0.1}, ["mine"], "seen")
    found.tags.append("more")
    found.load(force=True)
    assert found.tags == ["mine", "more"]  # not lost by reading the rest anew
    assert found == one
    assert len({found, one}) == 1


def test_a_file_is_neither_replaced_unasked_nor_written_outside(api: Api, home: Path) -> None:
    run = api.create_run(run_id="files", project="files")
    (home / "up").mkdir()
    (home / "up/a.txt").write_text("content ü")
    file = run.upload_file("up/a.txt", root="up")
    assert (file.name, file.size) == ("a.txt", 10)
    with file.download("got") as downloaded:
        assert downloaded.read() == "content ü"
    with pytest.raises(FileExists, match="replace=True"):
        file.download("got")
    assert issubclass(FileExists, Conflict)
    (home / "got/a.txt").write_text("old")
    file.download("got", exist_ok=True).close()
    assert (home / "got/a.txt").read_text() == "old"
    file.download("got", replace=True).close()
    assert (home / "got/a.txt").read_text() == "content ü"
    for name in ("../out.txt", "/etc/out.txt"):
        file._attrs["name"] = name
        with pytest.raises(Invalid, match="outside"):
            file.download("got")
    with pytest.raises(Invalid, match="below"):
        run.upload_file("up/a.txt", root="got")


def test_what_comes_later_says_so_where_it_is_used(api: Api) -> None:
    for name in MISSING:
        with pytest.raises(NotInThisVersion, match=name):
            getattr(api, name)
        assert not hasattr(api, name)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = api.nonsense  # type: ignore[attr-defined]
    with pytest.raises(NotInThisVersion):
        api.from_path("e/p/reports/r")
    with pytest.raises(Invalid):
        api.from_path("a/b/c/d/e")


def test_every_name_of_the_official_api_is_there_or_explained(api: Api) -> None:
    public = pytest.importorskip("wandb.apis.public")
    for name in dir(public.Api):
        if not name.startswith("_"):
            assert name in MISSING or hasattr(api, name), name
    ours = importlib.import_module("steelyard.apis.public")
    for name in sorted(set(public.__all__) - {"Api"}):
        try:
            found = getattr(ours, name)
        except NotInThisVersion:
            continue
        theirs = {each for each in dir(getattr(public, name)) if not each.startswith("_")}
        # How the official client keeps its pages and its GraphQL.
        internal = {"QUERY", "convert_objects", "update_variables", "snake_to_camel"}
        internal |= {"cursor", "last_response"}  # of objects of ours, or of none
        assert not theirs - internal - set(dir(found)) - {"create", "user_api"}, name


def test_the_public_names_are_one_class() -> None:
    assert steelyard.PublicApi is steelyard.Api is steelyard.apis.public.Api
    assert steelyard.apis.PublicApi is Api


def test_an_error_keeps_the_servers_code_and_words() -> None:
    error = error_of("run_not_found", "no run r")
    assert (error.code, str(error)) == ("run_not_found", "no run r")
    assert isinstance(error, steelyard.errors.NotFound)
    assert isinstance(error_of("never heard of", "x"), Unavailable)
