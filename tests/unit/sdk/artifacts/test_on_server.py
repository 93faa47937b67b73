"""Artifacts to a real server and back: what was put in comes out, and nothing lands elsewhere."""

from __future__ import annotations

import datetime
import filecmp
import json
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard.errors import (
    ArtifactHasAliases,
    ArtifactMissing,
    CommError,
    Conflict,
    ContentDamaged,
    Invalid,
)
from steelyard.sdk.artifacts.artifact import Artifact
from steelyard.sdk.artifacts.cache import ArtifactCache
from steelyard.sdk.artifacts.context import current_settings, open_cache
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry
from steelyard.sdk.artifacts.names import parse_path
from steelyard.sdk.artifacts.remote import Remote, open_remote
from steelyard.sdk.artifacts.ttl import ArtifactTTL
from steelyard.sdk.artifacts.upload import upload
from steelyard.testing.server import ThrowawayServer
from tests.support.sdk_user import SdkUser

PROJECT = "artifacts-of-the-client"


@pytest.fixture(autouse=True)
def remote(places: Path, sdk_server: ThrowawayServer, monkeypatch: pytest.MonkeyPatch) -> Remote:
    monkeypatch.setenv("WANDB_BASE_URL", sdk_server.base_url)
    monkeypatch.setenv("WANDB_API_KEY", sdk_server.owner_key)
    monkeypatch.setenv("WANDB_PROJECT", PROJECT)
    monkeypatch.chdir(places)
    return open_remote()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A collection of the test's own."""
    return request.node.name.partition("[")[0][:120]


def put(remote: Remote, artifact: Artifact, *aliases: str) -> Artifact:
    version = upload(
        artifact,
        remote,
        entity=remote.default_entity,
        project=PROJECT,
        aliases=["latest", *aliases],
    )
    return Artifact._from_version(version, remote)


def put_dir(remote: Remote, name: str, source: Path, *aliases: str) -> Artifact:
    artifact = Artifact(name, "dataset")
    artifact.add_dir(str(source))
    return put(remote, artifact, *aliases)


def is_equal(one: Path, other: Path) -> bool:
    return subprocess.run(["diff", "-r", str(one), str(other)]).returncode == 0


def test_a_directory_comes_back_as_it_was(
    remote: Remote, name: str, source: Path, tmp_path: Path
) -> None:
    logged = put_dir(remote, name, source)
    assert logged.name == f"{name}:v0"
    assert logged.download(tmp_path / "out") == str(tmp_path / "out")
    assert is_equal(source, tmp_path / "out")
    logged.verify(tmp_path / "out")
    again = put_dir(remote, name, source)
    assert (again.version, again.digest) == ("v0", logged.digest)


def test_only_what_is_missing_or_differs_is_written(
    remote: Remote, name: str, source: Path, tmp_path: Path
) -> None:
    logged = put_dir(remote, name, source)
    out = tmp_path / "out"
    logged.download(out)
    kept = (out / "deep/er/b.bin").stat()
    (out / "a.txt").write_bytes(b"spoilt")
    (out / "own.txt").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"own\.txt"):
        logged.verify(out)
    (out / "own.txt").unlink()
    with pytest.raises(ContentDamaged, match=r"a\.txt"):
        logged.verify(out)
    logged.download(out)
    assert is_equal(source, out)
    assert (out / "deep/er/b.bin").stat().st_ino == kept.st_ino
    (out / "empty").unlink()
    with pytest.raises(FileNotFoundError, match="empty"):
        logged.verify(out)


def test_a_write_to_a_downloaded_file_reaches_nobody_else(
    remote: Remote, name: str, source: Path, tmp_path: Path
) -> None:
    logged = put_dir(remote, name, source)
    logged.download(tmp_path / "one")
    (tmp_path / "one/deep/er/b.bin").write_bytes(b"other")
    logged.download(tmp_path / "two")
    assert is_equal(source, tmp_path / "two")


def test_a_spoilt_content_of_the_cache_is_fetched_anew(
    remote: Remote, name: str, source: Path, tmp_path: Path
) -> None:
    logged = put_dir(remote, name, source)
    cache = open_cache(current_settings())
    entry = logged.manifest.entries["deep/er/b.bin"]
    content = Path(cache.path_of(entry.digest))
    content.chmod(0o644)
    content.write_bytes(b"?" * content.stat().st_size)
    logged.download(tmp_path / "out")
    assert is_equal(source, tmp_path / "out")
    assert filecmp.cmp(content, source / "deep/er/b.bin", shallow=False)


def test_a_download_goes_on_where_it_broke_off(
    remote: Remote, name: str, source: Path, tmp_path: Path
) -> None:
    logged = put_dir(remote, name, source)
    cache = open_cache(current_settings())
    content = cache.path_of(logged.manifest.entries["deep/er/b.bin"].digest)
    cache.trim(0)
    partial = Path(cache.partial_path(content))
    partial.write_bytes((source / "deep/er/b.bin").read_bytes()[:200_000])
    logged.download(tmp_path / "out")
    assert is_equal(source, tmp_path / "out")
    assert not partial.exists()
    assert Path(content).exists()


@pytest.mark.parametrize("bytes_max", ["0", "1000"])
def test_a_small_cache_or_none_changes_nothing_but_what_is_kept(
    remote: Remote,
    name: str,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bytes_max: str,
) -> None:
    monkeypatch.setenv("WANDB_ARTIFACT_CACHE_BYTES_MAX", bytes_max)
    remote = open_remote()
    logged = put_dir(remote, name, source)
    logged.download(tmp_path / "out")
    assert is_equal(source, tmp_path / "out")
    assert open_cache(current_settings()).measure().size_bytes <= int(bytes_max)


def test_a_content_that_leaves_the_cache_this_moment_is_fetched_anew(
    remote: Remote,
    name: str,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged = put_dir(remote, name, source)
    put_in = ArtifactCache.move_in

    def put_in_and_lose(self: ArtifactCache, partial: str, content: str) -> None:
        put_in(self, partial, content)
        Path(content).unlink()  # as another process does that makes room

    open_cache(current_settings()).trim(0)
    monkeypatch.setattr(ArtifactCache, "move_in", put_in_and_lose)
    logged.download(tmp_path / "out")
    assert is_equal(source, tmp_path / "out")


def test_a_file_with_the_longest_name_there_can_be_is_downloaded(
    remote: Remote, name: str, tmp_path: Path
) -> None:
    source = tmp_path / "long"
    source.mkdir()
    for each in ("😀" * 63, "a" * 255):
        (source / each).write_text(each)
    put_dir(remote, name, source).download(tmp_path / "out")
    assert is_equal(source, tmp_path / "out")


def test_files_can_be_had_by_prefix_and_one_by_one(
    remote: Remote, name: str, source: Path, tmp_path: Path
) -> None:
    logged = put_dir(remote, name, source)
    logged.download(tmp_path / "out", path_prefix="deep/er")
    assert [path.name for path in (tmp_path / "out").rglob("*.*")] == ["b.bin"]
    assert Path(logged.get_entry("a.txt").download(tmp_path / "one")).read_bytes() == b"a"
    with pytest.raises(KeyError):
        logged.get_entry("nothing")
    with pytest.raises(Invalid, match="4 files"):
        logged.file()
    files = logged.files(per_page=2)
    assert len(files) == 4
    assert [file.name for file in files] == ["a.txt", "deep/er/b.bin", "deep/ü c.txt", "empty"]
    assert [file.name for file in logged.files(names=["empty"])] == ["empty"]
    assert [file.name for file in logged.files(start="deep/er/b.bin")] == ["deep/ü c.txt", "empty"]


def test_nothing_is_written_outside_of_the_root(
    remote: Remote, name: str, source: Path, tmp_path: Path
) -> None:
    logged = put_dir(remote, name, source)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "victim").write_bytes(b"safe")
    out = tmp_path / "out"
    out.mkdir()
    (out / "deep").symlink_to(elsewhere)
    with pytest.raises(Invalid, match="symbolic link"):
        logged.download(out)
    assert [path.name for path in elsewhere.iterdir()] == ["victim"]
    (out / "deep").unlink()
    (out / "a.txt").unlink(missing_ok=True)
    (out / "a.txt").symlink_to(elsewhere / "victim")
    logged.download(out)
    assert (elsewhere / "victim").read_bytes() == b"safe"
    assert is_equal(source, out)


@pytest.mark.parametrize("path", ["../evil", "/tmp/evil", "a/../../evil"])
def test_a_manifest_that_leads_out_is_refused_before_anything_is_written(
    remote: Remote, name: str, source: Path, tmp_path: Path, path: str
) -> None:
    logged = put_dir(remote, name, source)
    entry = logged.manifest.entries["a.txt"]
    logged.manifest.entries[path] = ArtifactManifestEntry(path, entry.digest, size=entry.size)
    with pytest.raises(Invalid, match="no path in an artifact"):
        logged.download(tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())


def test_checkout_makes_a_directory_equal(
    remote: Remote, name: str, source: Path, tmp_path: Path
) -> None:
    logged = put_dir(remote, name, source)
    out = tmp_path / "out"
    (out / "old/deep").mkdir(parents=True)
    (out / "old/deep/x").write_bytes(b"x")
    (out / "link").symlink_to(source)
    logged.checkout(out)
    assert is_equal(source, out)
    assert (source / "a.txt").exists()


def test_changes_are_sent_by_save(remote: Remote, name: str, source: Path) -> None:
    logged = put_dir(remote, name, source)
    logged.aliases.append("best")
    logged.aliases = [*logged.aliases, "prod"]
    logged.tags = ["a", "b"]
    logged.description = "what it is"
    logged.metadata["rows"] = 3
    logged.ttl = datetime.timedelta(days=3)
    logged.save()
    found = Artifact._from_name(f"{name}:prod")
    assert sorted(found.aliases) == ["best", "latest", "prod"]
    assert (sorted(found.tags), found.description) == (["a", "b"], "what it is")
    assert (found.metadata, found.ttl) == ({"rows": 3}, datetime.timedelta(days=3))
    found.aliases.remove("best")
    found.tags = []
    found.ttl = None
    found.save()
    found = Artifact._from_name(name)
    assert (sorted(found.aliases), found.tags, found.ttl) == (["latest", "prod"], [], None)
    found.ttl = ArtifactTTL.INHERIT
    found.save()
    assert found.ttl is None


def test_an_alias_moved_back_is_a_rollback(remote: Remote, name: str, source: Path) -> None:
    old = put_dir(remote, name, source, "prod")
    (source / "a.txt").write_bytes(b"worse")
    new = put_dir(remote, name, source, "prod")
    assert Artifact._from_name(f"{name}:prod").version == "v1"
    assert new.version == "v1"
    back = Artifact._from_name(f"{name}:{old.version}")
    back.aliases.append("prod")
    back.save()
    assert Artifact._from_name(f"{name}:prod").version == "v0"


def test_an_artifact_is_called_as_it_was_asked_for(remote: Remote, name: str, source: Path) -> None:
    put_dir(remote, name, source, "best")
    found = Artifact._from_name(f"{name}:best")
    assert (found.name, found.version, found.source_name) == (f"{name}:best", "v0", f"{name}:v0")
    assert found.qualified_name.endswith(f"/{PROJECT}/{name}:best")
    assert Artifact._from_name(name).name == f"{name}:v0"
    assert found.new_draft().name == name


def test_a_draft_of_a_version_adds_to_it(
    remote: Remote, name: str, source: Path, tmp_path: Path
) -> None:
    first = put_dir(remote, name, source)
    draft = first.new_draft()
    assert draft.is_draft()
    draft.remove("deep")
    with draft.new_file("new.txt") as file:
        file.write("new")
    second = put(remote, draft)
    assert (second.name, sorted(second.manifest.entries)) == (
        f"{name}:v1",
        ["a.txt", "empty", "new.txt"],
    )
    second.download(tmp_path / "out")
    assert (tmp_path / "out/new.txt").read_text() == "new"


def test_a_file_of_another_artifact_is_referred_to(
    remote: Remote, name: str, source: Path, tmp_path: Path
) -> None:
    first = put_dir(remote, f"{name}-of", source)
    draft = Artifact(name, "dataset")
    (entry,) = draft.add_reference(first.get_entry("deep/er/b.bin"), name="b.bin")
    assert entry.digest == first.get_entry("deep/er/b.bin").digest
    second = put(remote, draft)
    second.download(tmp_path / "out")
    assert filecmp.cmp(tmp_path / "out/b.bin", source / "deep/er/b.bin", shallow=False)
    third = Artifact(f"{name}-3", "dataset")
    (again,) = third.add_reference(second.get_entry("b.bin"))
    assert again.ref == entry.ref  # what it is in the end, not the way to it


def test_a_missing_reference_fails_or_is_left_out(
    remote: Remote, name: str, source: Path, tmp_path: Path
) -> None:
    draft = Artifact(name, "dataset")
    draft.add_reference(f"file://{source}/a.txt")
    draft.add_file(str(source / "empty"))
    logged = put(remote, draft)
    (source / "a.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.txt"):
        logged.download(tmp_path / "out")
    logged.download(tmp_path / "out", allow_missing_references=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["empty"]


def test_a_link_is_found_in_its_collection_and_removed(
    remote: Remote, name: str, source: Path
) -> None:
    logged = put_dir(remote, name, source)
    link = logged.link(f"{PROJECT}/{name}-links", aliases=["prod"])
    assert (link.is_link, link.name, link.source_name) == (True, f"{name}-links:v0", f"{name}:v0")
    assert "prod" in link.aliases
    assert link.source_artifact.name == f"{name}:v0"
    assert [each.name for each in logged.linked_artifacts] == [f"{name}-links:v0"]
    assert link.linked_artifacts == []
    assert link.linked_at is not None
    assert (link.collection.is_sequence(), link.source_collection.is_sequence()) == (False, True)
    with pytest.raises(ValueError, match="time to live"):
        link.ttl = None
    link.unlink()
    with pytest.raises(ArtifactMissing):
        Artifact._from_name(f"{name}-links:v0")
    with pytest.raises(ValueError, match="no link"):
        logged.unlink()


def test_a_version_with_aliases_is_deleted_only_if_so_told(
    remote: Remote, name: str, source: Path
) -> None:
    logged = put_dir(remote, name, source)
    # wandb 0.31.0 sdk/artifacts/artifact.py delete: what the server refuses is a CommError.
    for kind in (CommError, Conflict, ArtifactHasAliases):
        with pytest.raises(kind, match=r"has aliases \(latest\).*delete_aliases"):
            logged.delete()
    assert Artifact._from_name(f"{name}:v0").aliases == ["latest"]
    logged.delete(delete_aliases=True)
    with pytest.raises(ArtifactMissing):
        Artifact._from_name(f"{name}:v0")


def test_what_is_not_there_is_a_value_error_and_a_comm_error(remote: Remote) -> None:
    for kind in (ValueError, CommError, LookupError):
        with pytest.raises(kind, match="no artifact"):
            Artifact._from_name("nothing-of-that-name")
    with pytest.raises(Invalid, match="names no artifact"):
        Artifact._from_name("a/b/c/d")


def test_another_type_than_expected_is_refused(remote: Remote, name: str, source: Path) -> None:
    put_dir(remote, name, source)
    with pytest.raises(ValueError, match="'dataset', not 'model'"):
        Artifact._from_name(name, type="model")


def test_an_empty_artifact_and_an_odd_name_are_no_special_case(
    remote: Remote, tmp_path: Path
) -> None:
    logged = put(remote, Artifact("data-v2", "dataset"))
    assert (logged.name, logged.size, logged.file_count) == ("data-v2:v0", 0, 0)
    logged.download(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_table_comes_back_as_it_was(remote: Remote, name: str) -> None:
    import steelyard

    table = steelyard.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])
    draft = Artifact(name, "dataset")
    entry = draft.add(table, "t")
    assert entry.path == "t.table.json"
    logged = put(remote, draft)
    found = logged.get("t")
    assert (found.columns, found.data) == (table.columns, table.data)
    assert logged["t.table.json"].data == table.data
    assert logged.get("nothing") is None


def test_a_run_that_logs_and_uses_is_known_to_the_artifact(
    online_user: SdkUser, name: str, remote: Remote
) -> None:
    online_user.run(
        f"""
import steelyard
with steelyard.init(project={PROJECT!r}, id="maker-of-it", config={{"lr": 0.1}}) as run:
    artifact = steelyard.Artifact({name!r}, "model")
    with artifact.new_file("w.txt") as file:
        file.write("w")
    run.log_artifact(artifact, aliases=["best"]).wait(60)
    assert artifact.name == {name!r} + ":v0" and not artifact.is_draft(), artifact.name
with steelyard.init(project={PROJECT!r}, id="user-of-it") as run:
    used = run.use_artifact({name!r} + ":best", type="model")
    assert open(used.file()).read() == "w"
"""
    )
    found = Artifact._from_name(name)
    maker = found.logged_by()
    assert maker is not None
    assert (maker.id, maker.config["lr"]) == ("maker-of-it", 0.1)
    assert [run.id for run in found.used_by()] == ["user-of-it"]


def test_the_command_line_puts_gets_lists_compares_and_verifies(
    online_user: SdkUser, name: str, source: Path
) -> None:
    place = f"{PROJECT}/{name}"
    online_user.command("artifact", "put", str(source), "-n", place, "-a", "latest", "-a", "x")
    (source / "a.txt").write_bytes(b"other")
    done = online_user.command("artifact", "put", str(source), "-n", place, "--json")
    assert json.loads(done.stdout)["version"] == "v1"
    out = online_user.home / "out"
    done = online_user.command("artifact", "get", f"{place}:v1", "--root", "out")
    assert done.stdout == "out\n"
    assert is_equal(source, out)
    assert f"dataset\t{name}\tv1" in online_user.command("artifact", "ls", PROJECT).stdout
    entity = open_remote().default_entity
    versions = online_user.command("artifact", "ls", f"{entity}/{place}").stdout
    assert f"{name}:v0\tx\t4" in versions
    files = json.loads(online_user.command("artifact", "ls", f"{place}:v0", "--json").stdout)
    assert [file["path"] for file in files][:2] == ["a.txt", "deep/er/b.bin"]
    done = online_user.command("artifact", "diff", f"{place}:v0", "v1")
    assert "~ a.txt" in done.stdout
    assert "files" in json.loads(
        online_user.command("diff", f"{place}:v0", f"{place}:v1", "--json").stdout
    )
    online_user.command("artifact", "verify", f"{place}:v1", "out")
    done = online_user.command("artifact", "verify", f"{place}:v0", "out", check=False)
    assert (done.returncode, "a.txt" in done.stderr) == (1, True)
    usage = json.loads(online_user.command("artifact", "cache", "size", "--json").stdout)
    assert usage["size_bytes"] > 0
    assert "freed" in online_user.command("artifact", "cache", "clean", "--to", "10KB").stdout
    done = online_user.command("artifact", "cache", "clean", "--to", "much", check=False)
    assert "no size" in done.stderr


def test_the_wandb_command_has_the_official_ones(
    online_user: SdkUser, name: str, source: Path, tmp_path: Path
) -> None:
    def wandb(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "steelyard.cli.wandb_command", *arguments],
            cwd=online_user.home,
            env=online_user.environ,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    put_options = ["--name", f"{PROJECT}/{name}", "--type", "model", "--policy", "immutable"]
    assert f"{name}:v0" in wandb("artifact", "put", str(source), *put_options, "--alias", "one")
    wandb("artifact", "get", f"{PROJECT}/{name}:one", "--root", "out", "--type", "model")
    assert is_equal(source, online_user.home / "out")
    assert f"model\t{name}" in wandb("artifact", "ls", PROJECT, "--type", "model")
    assert "freed" in wandb("artifact", "cache", "cleanup", "1MB", "--remove-temp")


def test_a_name_without_a_project_is_of_the_session(
    remote: Remote, name: str, source: Path
) -> None:
    put_dir(remote, name, source)
    full = remote.complete(parse_path(name))
    assert (full.entity, full.project) == (remote.default_entity, PROJECT)
    assert Artifact._from_name(str(full)).qualified_name == f"{full}:v0"


def test_several_may_download_the_same_at_once(
    remote: Remote, name: str, source: Path, tmp_path: Path, online_user: SdkUser
) -> None:
    put_dir(remote, name, source)
    script = f"from steelyard import Artifact; Artifact._from_name({name!r}).download('OUT')"
    environ = {**online_user.environ, "WANDB_PROJECT": PROJECT, "WANDB_CACHE_DIR": "cache"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script.replace("OUT", f"out{count}")],
            cwd=online_user.home,
            env=environ,
        )
        for count in range(3)
    ]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    assert all(is_equal(source, online_user.home / f"out{count}") for count in range(3))
    assert not any((online_user.home / "cache/artifacts/partial").iterdir())
