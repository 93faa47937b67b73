"""Small files of an artifact wait one behind the other in one file, and are found in it again."""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.limits import ARTIFACT_SMALL_FILE_BYTES_MAX
from steelyard.sdk.artifacts import small_files
from steelyard.sdk.artifacts.artifact import Artifact
from steelyard.sdk.artifacts.cache import LINK_BYTES_MIN
from steelyard.sdk.artifacts.digest import b64_of_bytes
from steelyard.sdk.artifacts.staging import Staging


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def staged_files(artifact: Artifact) -> list[str]:
    assert artifact._staging is not None
    assert artifact._staging.directory is not None
    return sorted(each.name for each in Path(artifact._staging.directory).iterdir())


def test_many_small_files_are_one_and_larger_ones_their_own(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(50):
        (source / f"{number}").write_bytes(b"%d" % number)
    (source / "empty").touch()
    (source / "most").write_bytes(bytes(ARTIFACT_SMALL_FILE_BYTES_MAX))
    (source / "more").write_bytes(bytes(ARTIFACT_SMALL_FILE_BYTES_MAX + 1))
    artifact = Artifact("a", "dataset")
    artifact.add_dir(str(source))
    assert staged_files(artifact) == ["1", f"small-{os.getpid()}"]
    for path in source.iterdir():
        entry = artifact.manifest.entries[path.name]
        assert (entry.size, entry.digest) == (path.stat().st_size, b64_of_bytes(path.read_bytes()))
        assert entry.local_path is not None
        assert Path(entry.local_path).read_bytes() == path.read_bytes()


def test_it_is_kept_as_it_was_when_it_was_added(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("before")
    artifact = Artifact("a", "dataset")
    entry = artifact.add_file(str(file))
    file.write_text("after it")
    assert Path(entry.local_path or "").read_text() == "before"
    with artifact.new_file("f", mode="a") as more:
        more.write(" and after")
    assert Path(artifact.manifest.entries["f"].local_path or "").read_text() == "before and after"


@given(contents=st.lists(st.binary(max_size=300), max_size=40))
def test_threads_that_add_at_once_get_back_what_they_gave(contents: list[bytes]) -> None:
    artifact = Artifact("a", "dataset")
    staging = artifact._staging_for_use()
    staging.make_new("x")  # makes the directory
    with ThreadPoolExecutor(4) as threads:
        packed = list(threads.map(staging._small.append, contents))
    assert [Path(each.unpack()).read_bytes() for each in packed] == contents


def test_a_disk_that_takes_only_a_part_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = Artifact("a", "dataset")
    (tmp_path / "f").write_bytes(b"first")
    artifact.add_file(str(tmp_path / "f"))

    def write_a_part(fd: int, data: bytes) -> None:
        os.write(fd, data[:2])
        raise OSError(28, "No space left on device")

    (tmp_path / "g").write_bytes(b"second")
    with monkeypatch.context() as patch:
        patch.setattr(small_files, "write_all", write_a_part)
        with pytest.raises(OSError, match="No space"):
            artifact.add_file(str(tmp_path / "g"))
    third = artifact.add_file(str(tmp_path / "g"))
    assert Path(third.local_path or "").read_bytes() == b"second"


def test_a_file_that_grows_while_it_is_read_is_taken_as_a_larger_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"abc")
    read = os.read

    def read_late(fd: int, count: int) -> bytes:
        file.write_bytes(bytes(ARTIFACT_SMALL_FILE_BYTES_MAX + 5))
        monkeypatch.setattr(os, "read", read)
        return read(fd, count)

    artifact = Artifact("a", "dataset")
    staging: Staging = artifact._staging_for_use()
    monkeypatch.setattr(os, "read", read_late)
    taken = staging.take(str(file), policy=None, skip_cache=False)
    assert taken.packed is None
    assert taken.size == ARTIFACT_SMALL_FILE_BYTES_MAX + 5


def test_a_download_that_is_logged_again_stays_as_it_was_when_it_is_edited(tmp_path: Path) -> None:
    """Its file may be one with the cache's; what waits for the upload must not be."""
    first = Artifact("a", "dataset")
    content = os.urandom(LINK_BYTES_MIN)
    (tmp_path / "made").write_bytes(content)
    cache = first._staging_for_use().cache
    cached = cache.path_of(b64_of_bytes(content))
    (tmp_path / "made").replace(cache.partial_path(cached))
    cache.move_in(cache.partial_path(cached), cached)
    downloaded = tmp_path / "downloaded"
    cache.hand_out(cached, str(downloaded))

    for number in range(2):  # the second time its digest may be known
        artifact = Artifact(f"b{number}", "dataset")
        entry = artifact.add_file(str(downloaded))
        artifact._staging_for_use().settle()
        assert entry.local_path is not None
        assert not downloaded.samefile(entry.local_path)
    with downloaded.open("r+b") as file:
        file.write(b"edited in place")
    assert Path(entry.local_path or "").read_bytes() == content


def open_below(directory: Path) -> list[str]:
    found = []
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(each.readlink()))
    return [path for path in found if path.startswith(str(directory))]


def test_no_file_stays_open_between_additions(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(200):  # of several batches
        (source / f"{number:03}").write_text(str(number))
    artifact = Artifact("many", "dataset")
    artifact.add_dir(str(source))
    assert open_below(tmp_path) == []
    artifact.add_file(str(source / "007"), name="seven")
    assert open_below(tmp_path) == []
    artifact.add_dir(str(source), name="again")
    assert open_below(tmp_path) == []
    expected = {f"{place}{number:03}": number for place in ("", "again/") for number in range(200)}
    for path, number in {**expected, "seven": 7}.items():
        staged = artifact.manifest.entries[path].local_path
        assert staged is not None
        assert Path(staged).read_text() == str(number)
