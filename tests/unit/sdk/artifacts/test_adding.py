"""Adding files: what is kept, under which name, and that a user's later writes do not reach it."""

from __future__ import annotations

import gc
import os
import stat
from pathlib import Path

import pytest

from steelyard.errors import ArtifactFinalizedError, ArtifactNotLoggedError, Invalid, WrongType
from steelyard.sdk.artifacts.artifact import Artifact, InternalArtifact, make_internal
from steelyard.sdk.artifacts.staging import list_abandoned
from steelyard.sdk.artifacts.ttl import ArtifactTTL


def staged(artifact: Artifact, name: str) -> Path:
    path = artifact.manifest.entries[name].local_path
    assert path is not None
    return Path(path)


def test_a_file_is_kept_as_it_was_when_it_was_added(source: Path) -> None:
    artifact = Artifact("x", "dataset")
    entry = artifact.add_file(str(source / "a.txt"))
    (source / "a.txt").write_bytes(b"changed")
    assert (entry.path, entry.size) == ("a.txt", 1)
    assert staged(artifact, "a.txt").read_bytes() == b"a"
    assert not staged(artifact, "a.txt").stat().st_mode & stat.S_IWUSR


def test_an_immutable_file_stays_where_it_is(source: Path) -> None:
    artifact = Artifact("x", "dataset")
    artifact.add_file(str(source / "a.txt"), policy="immutable")
    assert staged(artifact, "a.txt") == source / "a.txt"
    with pytest.raises(ValueError, match="mutable or immutable"):
        artifact.add_file(str(source / "a.txt"), policy="other")  # type: ignore[arg-type]


def test_the_same_name_twice_needs_the_same_content_or_overwrite(source: Path) -> None:
    artifact = Artifact("x", "dataset")
    artifact.add_file(str(source / "a.txt"), name="n")
    artifact.add_file(str(source / "a.txt"), name="n")
    with pytest.raises(ValueError, match="another file 'n' already"):
        artifact.add_file(str(source / "empty"), name="n")
    artifact.add_file(str(source / "empty"), name="n", overwrite=True)
    assert artifact.manifest.entries["n"].size == 0


def test_a_directory_is_added_with_all_below_it(source: Path) -> None:
    (source / "link.txt").symlink_to(source / "a.txt")
    (source / "deep" / "loop").symlink_to(source)
    artifact = Artifact("x", "dataset")
    artifact.add_dir(str(source), name="in")
    assert sorted(artifact.manifest.entries) == [
        "in/a.txt",
        "in/deep/er/b.bin",
        "in/deep/ü c.txt",
        "in/empty",
        "in/link.txt",
    ]
    artifact.remove("in/deep")
    artifact.remove("in/a.txt")
    assert sorted(artifact.manifest.entries) == ["in/empty", "in/link.txt"]
    with pytest.raises(FileNotFoundError):
        artifact.remove("in/deep")


def test_a_directory_changed_and_added_again_needs_merge(source: Path) -> None:
    artifact = Artifact("x", "dataset")
    artifact.add_dir(str(source))
    (source / "a.txt").write_bytes(b"changed")
    with pytest.raises(ValueError, match="already"):
        artifact.add_dir(str(source))
    artifact.add_dir(str(source), merge=True)
    assert artifact.manifest.entries["a.txt"].size == 7


def test_what_is_no_file_is_refused(source: Path) -> None:
    artifact = Artifact("x", "dataset")
    for wrong in (str(source), str(source / "nothing")):
        with pytest.raises(ValueError, match="not a file"):
            artifact.add_file(wrong)
    with pytest.raises(ValueError, match="not a directory"):
        artifact.add_dir(str(source / "a.txt"))
    os.mkfifo(source / "pipe")
    with pytest.raises(ValueError, match="a pipe, a socket or a device"):
        artifact.add_dir(str(source))
    (source / "pipe").unlink()
    (source / "gone").symlink_to("nowhere")
    with pytest.raises(ValueError, match="link to nothing"):
        artifact.add_dir(str(source))
    for bad in ("../x", "/x", "a/../../x"):
        with pytest.raises(ValueError, match="no path in an artifact"):
            artifact.add_file(str(source / "a.txt"), name=bad)
        with pytest.raises(ValueError, match="no path in an artifact"):
            artifact.new_file(bad)


def test_a_temporary_name_is_made_of_the_digest(source: Path) -> None:
    artifact = Artifact("x", "dataset")
    entry = artifact.add_file(str(source / "a.txt"), name="media/q.table.json", is_tmp=True)
    # wandb 0.31.0: the hexadecimal MD5 of b"a", cut to 20 digits.
    assert entry.path == "media/0cc175b9c0f1b6a831c3.table.json"
    assert artifact.get_added_local_path_name(str(source / "a.txt")) == entry.path


def test_a_new_file_is_written_into_the_artifact() -> None:
    artifact = Artifact("x", "dataset")
    with artifact.new_file("deep/a.txt") as file:
        file.write("hello")
        assert Path(file.name).name == "a.txt"
    assert staged(artifact, "deep/a.txt").read_text() == "hello"
    with pytest.raises(ValueError, match="already"), artifact.new_file("deep/a.txt"):
        pass
    with artifact.new_file("deep/a.txt", mode="w") as file:
        file.write("other")
    with artifact.new_file("deep/a.txt", mode="a") as file:
        file.write("!")
    assert staged(artifact, "deep/a.txt").read_text() == "other!"
    with artifact.new_file("b.bin", mode="wb") as file:
        file.write(b"\xff")
    assert staged(artifact, "b.bin").read_bytes() == b"\xff"


def test_what_fails_within_a_new_file_is_not_added() -> None:
    artifact = Artifact("x", "dataset")
    with pytest.raises(ZeroDivisionError), artifact.new_file("a.txt") as file:
        file.write("half")
        raise ZeroDivisionError
    assert len(artifact.manifest) == 0


def test_unchanged_files_are_not_read_again(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in source.rglob("*"):
        os.utime(path, (1_700_000_000.5, 1_700_000_000.5))
    # Times of change of the inodes are of this moment; they must lie a tick back.
    past = max(path.stat().st_ctime_ns for path in source.rglob("*")) + 10**9
    monkeypatch.setattr("steelyard.sdk.artifacts.checksums.time.time_ns", lambda: past)
    first = Artifact("x", "dataset")
    first.add_dir(str(source))
    monkeypatch.setattr(
        "steelyard.sdk.artifacts.staging.copy_hashed",
        lambda *args, **options: pytest.fail(f"{args} was read"),
    )
    again = Artifact("x", "dataset")
    again.add_dir(str(source))
    assert again.digest == first.digest
    assert staged(again, "a.txt").read_bytes() == b"a"


def test_a_change_of_a_file_is_seen_however_small(source: Path) -> None:
    path = source / "a.txt"
    first = Artifact("x", "dataset")
    first.add_file(str(path))
    path.write_bytes(b"b")
    again = Artifact("x", "dataset")
    again.add_file(str(path))
    assert again.digest != first.digest


def test_files_go_with_an_artifact_that_nobody_logs(source: Path) -> None:
    artifact = Artifact("x", "dataset")
    artifact.add_file(str(source / "a.txt"))
    folder = staged(artifact, "a.txt").parent
    assert folder.is_dir()
    assert list_abandoned(str(folder.parent)) == []  # its process lives
    del artifact
    gc.collect()
    assert not folder.exists()


def test_files_of_a_process_that_died_are_abandoned(source: Path) -> None:
    artifact = Artifact("x", "dataset")
    artifact.add_file(str(source / "a.txt"))
    folder = staged(artifact, "a.txt").parent
    host = folder.name.rsplit("-", 2)[0]
    dead = folder.with_name(f"{host}-{2**22 + 1}-abcdef")
    dead.mkdir()
    logged = folder.with_name(f"{host}-{2**22 + 2}-abcdef")
    logged.mkdir()
    (logged / "logged").write_text(str(source))
    assert list_abandoned(str(folder.parent)) == [str(dead)]


def test_a_draft_knows_nothing_of_the_server() -> None:
    artifact = Artifact("x", "dataset", description="d", metadata={"a": 1})
    assert (artifact.name, artifact.type, artifact.description) == ("x", "dataset", "d")
    assert (artifact.id, artifact.state, artifact.is_draft()) == (None, "PENDING", True)
    for name in ("entity", "project", "version", "aliases", "tags", "url", "file_count", "ttl"):
        with pytest.raises(ArtifactNotLoggedError, match=rf"Artifact\.{name}"):
            getattr(artifact, name)
    for call in ("download", "verify", "used_by", "logged_by", "new_draft", "delete", "wait"):
        with pytest.raises(ArtifactNotLoggedError, match=rf"Artifact\.{call}"):
            getattr(artifact, call)()
    with pytest.raises(AttributeError):
        artifact.get_entry("a")
    assert not hasattr(artifact, "version")  # as with the official client


def test_a_finished_artifact_is_not_changed(source: Path) -> None:
    artifact = Artifact("x", "dataset")
    artifact.finalize()
    with pytest.raises(ArtifactFinalizedError, match="new_draft"):
        artifact.add_file(str(source / "a.txt"))
    with pytest.raises(ArtifactFinalizedError):
        artifact.new_file("a")
    with pytest.raises(ArtifactFinalizedError):
        artifact.remove("a")


def test_the_time_to_live_is_positive_or_inherited_or_none() -> None:
    from datetime import timedelta

    artifact = Artifact("x", "dataset")
    artifact.ttl = timedelta(days=2)
    assert artifact.ttl == timedelta(days=2)
    artifact.ttl = None
    assert artifact.ttl is None
    artifact.ttl = ArtifactTTL.INHERIT
    with pytest.raises(ArtifactNotLoggedError):
        _ = artifact.ttl
    for wrong in (timedelta(0), timedelta(days=-1), 3):
        with pytest.raises(ValueError, match=r"positive|timedelta"):
            artifact.ttl = wrong  # type: ignore[assignment]


def test_only_tables_and_media_are_added_as_objects() -> None:
    artifact = Artifact("x", "dataset")
    for wrong in ("text", 3, {"a": 1}, Artifact):
        with pytest.raises(WrongType, match="add_file"):
            artifact.add(wrong, "name")


def test_internal_artifacts_take_any_name_and_type() -> None:
    artifact = make_internal("run-a-eval/table", "run_table")
    assert isinstance(artifact, InternalArtifact)
    assert artifact.type == "run_table"
    assert artifact.name.startswith("run-a-evaltable-")


def test_a_name_has_at_most_128_characters() -> None:
    with pytest.raises(Invalid, match="128 characters"):
        Artifact("x" * 129, "dataset")


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b/c", "a"), ("a/b/c", "a/b"), ("a", "a/b/c")])
def test_a_file_cannot_be_a_directory_too(source: Path, names: tuple[str, str]) -> None:
    artifact = Artifact("x", "dataset")
    artifact.add_file(str(source / "a.txt"), name=names[0])
    with pytest.raises(Invalid, match="another name"):
        artifact.add_file(str(source / "a.txt"), name=names[1])
    artifact.remove(names[0])
    artifact.add_file(str(source / "a.txt"), name=names[1])
    assert list(artifact.manifest.entries) == [names[1]]
    with pytest.raises(Invalid, match="another name"):
        artifact.add_file(str(source / "a.txt"), name=names[0])
