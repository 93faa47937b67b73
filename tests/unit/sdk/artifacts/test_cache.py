"""The cache: what is in it is intact or not there, and it stays in its bounds."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.sdk.artifacts.cache import LINK_BYTES_MIN, ArtifactCache
from steelyard.sdk.artifacts.checksums import Checksums, is_settled
from steelyard.sdk.artifacts.digest import b64_of_bytes
from steelyard.sdk.artifacts.file_copy import copy_plain
from steelyard.sdk.artifacts.progress import describe_bytes, parse_bytes


def put(cache: ArtifactCache, content: bytes, folder: Path) -> str:
    source = folder / os.urandom(8).hex()
    source.write_bytes(content)
    path = cache.path_of(b64_of_bytes(content))
    cache.move_in(str(source), path)
    return path


def test_a_content_is_found_by_its_digest_and_read_only(tmp_path: Path) -> None:
    cache = ArtifactCache(str(tmp_path / "cache"))
    path = put(cache, b"abc", tmp_path)
    assert cache.find(path, 3)
    assert not cache.find(path, 4)
    assert Path(path).stat().st_mode & 0o222 == 0
    assert cache.measure().size_bytes == 3


def test_a_content_that_somebody_wrote_to_counts_as_absent(tmp_path: Path) -> None:
    cache = ArtifactCache(str(tmp_path / "cache"))
    path = Path(put(cache, b"abc", tmp_path))
    path.chmod(0o644)
    path.write_bytes(b"xyz")
    assert not cache.find(str(path), 3)


def test_a_large_content_is_one_file_with_its_first_download(tmp_path: Path) -> None:
    cache = ArtifactCache(str(tmp_path / "cache"))
    content = os.urandom(LINK_BYTES_MIN)
    path = put(cache, content, tmp_path)
    first, second = tmp_path / "first", tmp_path / "second"
    cache.hand_out(path, str(first))
    assert os.access(first, os.W_OK)
    assert abs(first.stat().st_mtime - time.time()) < 3600  # a time that a person understands
    assert cache.copy_out(path, str(second), len(content))
    if cache.is_ours_alone(path):
        pytest.skip("this file system shares extents")
    assert first.samefile(path)
    assert not second.samefile(path)

    with first.open("r+b") as file:
        file.write(b"changed by its owner")
    assert second.read_bytes() == content
    third = tmp_path / "third"
    assert not cache.copy_out(path, str(third), len(content))
    assert not third.exists()


def test_a_content_that_is_written_to_while_it_is_copied_is_not_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = ArtifactCache(str(tmp_path / "cache"))
    path = Path(put(cache, b"abc", tmp_path))

    def copy_and_spoil(source: str, target: str) -> None:
        copy_plain(source, target)
        path.chmod(0o644)
        path.write_bytes(b"xyz")

    monkeypatch.setattr("steelyard.sdk.artifacts.cache.copy_plain", copy_and_spoil)
    assert not cache.copy_out(str(path), str(tmp_path / "out"), 3)
    assert not (tmp_path / "out").exists()
    assert not path.exists()


def test_a_content_that_something_relies_on_is_copied_out(tmp_path: Path) -> None:
    cache = ArtifactCache(str(tmp_path / "cache"))
    path = put(cache, bytes(LINK_BYTES_MIN), tmp_path)
    staged = tmp_path / "staged"
    os.link(path, staged)  # waits for its upload
    cache.hand_out(path, str(tmp_path / "out"))
    assert not (tmp_path / "out").samefile(staged)
    assert cache.is_ours_alone(str(staged))
    assert cache.find(path, LINK_BYTES_MIN)


def test_a_link_to_a_spoilt_content_replaces_it(tmp_path: Path) -> None:
    cache = ArtifactCache(str(tmp_path / "cache"))
    path = Path(put(cache, b"abc", tmp_path))
    path.chmod(0o644)
    path.write_bytes(b"xyz")
    fresh = tmp_path / "fresh"
    fresh.write_bytes(b"abc")
    assert cache.add_link(str(fresh), str(path))
    assert cache.find(str(path), 3)
    assert path.read_bytes() == b"abc"


def test_what_was_not_used_longest_goes_first(tmp_path: Path) -> None:
    cache = ArtifactCache(str(tmp_path / "cache"), 10)
    paths = [put(cache, content, tmp_path) for content in (b"aaaa", b"bbbb", b"cccc")]
    for age, path in enumerate(paths):
        os.utime(path, ns=(10**9 * (10 + age), Path(path).stat().st_mtime_ns))
    assert cache.find(paths[0], 4)  # used now
    cache.count_added(12)
    assert [Path(path).exists() for path in paths] == [True, False, True]
    assert cache.measure().size_bytes == 8


def test_nothing_is_kept_where_nothing_may_be(tmp_path: Path) -> None:
    cache = ArtifactCache(str(tmp_path / "cache"), 0)
    source = tmp_path / "source"
    source.write_bytes(b"abc")
    assert not cache.add_link(str(source), cache.path_of(b64_of_bytes(b"abc")))


@given(sizes=st.lists(st.integers(0, 50), max_size=12), bytes_max=st.integers(0, 200))
def test_a_trim_leaves_no_more_than_it_was_told(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], bytes_max: int
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    cache = ArtifactCache(str(folder / "cache"))
    for count, size in enumerate(sizes):
        put(cache, bytes([count]) * size, folder)
    before = cache.measure().size_bytes
    freed = cache.trim(bytes_max)
    after = cache.measure().size_bytes
    assert after <= bytes_max
    assert before - after == freed


def test_checksums_are_remembered_across_processes_until_the_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"a")
    os.utime(file, (1_000_000_000.5, 1_000_000_000.5))
    first = Checksums(str(tmp_path / "db"))
    stat = file.stat()
    late = stat.st_ctime_ns + 10**10
    assert is_settled(stat, late)
    first._pending[str(file)] = (
        f"{stat.st_dev}:{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}",
        "digest",
    )
    first.flush()
    assert Checksums(str(tmp_path / "db")).find(str(file), stat) == "digest"
    file.write_bytes(b"b")
    assert Checksums(str(tmp_path / "db")).find(str(file), file.stat()) is None


def test_a_file_of_this_moment_is_not_remembered(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"a")
    stat = file.stat()
    assert not is_settled(stat, stat.st_mtime_ns)
    assert not is_settled(stat, stat.st_mtime_ns - 10**9)  # written in the future


def test_a_damaged_database_of_checksums_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"no database" * 100)
    checksums = Checksums(str(tmp_path / "db"))
    file = tmp_path / "f"
    file.write_bytes(b"a")
    assert checksums.find(str(file), file.stat()) is None
    checksums.flush()


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("10GB", 10**10), ("5 MiB", 5 * 2**20), ("1.5k", 1500), ("7b", 7), ("2TiB", 2**41)],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_bytes(text) == size


def test_sizes_are_written_as_people_read_them() -> None:
    assert describe_bytes(812) == "812 B"
    assert describe_bytes(3_565_158) == "3.4 MiB"
    for wrong in ("", "GB", "-1", "1XB"):
        with pytest.raises(ValueError, match="no size"):
            parse_bytes(wrong)
