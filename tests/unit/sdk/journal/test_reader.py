"""Reading journals back: over segments, at any offset, and after any cut."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.sdk.journal import reader
from steelyard.wire import journal


def body_of(number: int) -> bytes:
    return b'[3,%d,0,[%d,true,{"loss":%d}]]' % (number, number, number)


def write_segments(run_dir: Path, sizes: list[int], writer: str = "w") -> tuple[bytes, list[int]]:
    """(all bytes, the offsets where records end) of a journal with so many records per file."""
    (run_dir / "journal").mkdir(exist_ok=True)
    content, ends, number = b"", [0], 0
    for size in sizes:
        first = len(content)
        for _ in range(size):
            content += journal.frame(body_of(number))
            ends.append(len(content))
            number += 1
        name = reader.segment_name(writer, first)
        (run_dir / "journal" / name).write_bytes(content[first:])
    return content, ends


@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    offset=st.integers(0, 1200),
    size=st.integers(0, 1200),
)
def test_any_part_of_a_journal_is_what_was_written_there(
    sizes: list[int], offset: int, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run_dir = tmp_path_factory.mktemp("run")
    content, _ = write_segments(run_dir, sizes)
    assert reader.journal_size(run_dir, "w") == len(content)
    assert reader.read_journal(run_dir, "w", offset, size) == content[offset : offset + size]
    steps = [payload[0] for _, _, _, payload in reader.iter_records(run_dir, "w")]
    assert steps == [*range(sum(sizes))]


@settings(max_examples=200)
@given(sizes=st.lists(st.integers(1, 3), min_size=1, max_size=3), data=st.data())
def test_a_journal_cut_anywhere_in_its_last_file_keeps_its_whole_records(
    sizes: list[int], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run_dir = tmp_path_factory.mktemp("run")
    content, ends = write_segments(run_dir, sizes)
    _, start, path = reader.list_segments(run_dir, "w")[-1]
    cut = data.draw(st.integers(start, len(content)))
    path.write_bytes(content[start:cut])
    whole = max(end for end in ends if end <= cut)

    steps = [payload[0] for _, _, _, payload in reader.iter_records(run_dir, "w")]
    assert steps == [*range(ends.index(whole))]
    assert reader.cut_torn_tail(run_dir, "w") == cut - whole
    assert reader.journal_size(run_dir, "w") == whole
    assert reader.read_journal(run_dir, "w", 0, len(content)) == content[:whole]
    assert reader.cut_torn_tail(run_dir, "w") == 0


@given(cut=st.integers(0, 200), zeros=st.integers(1, 5000))
def test_zeros_at_the_end_as_a_power_cut_leaves_them_are_cut_off(
    cut: int, zeros: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run_dir = tmp_path_factory.mktemp("run")
    content, ends = write_segments(run_dir, [5])
    _, _, path = reader.list_segments(run_dir, "w")[0]
    cut = min(cut, len(content))
    path.write_bytes(content[:cut] + bytes(zeros))
    reader.cut_torn_tail(run_dir, "w")
    kept = path.read_bytes()
    assert kept == content[: len(kept)]
    assert len(kept) in ends
    assert len(kept) == max(end for end in ends if end <= cut)


def test_damage_in_the_middle_is_said_and_nothing_is_cut(tmp_path: Path) -> None:
    content, ends = write_segments(tmp_path, [6])
    _, _, path = reader.list_segments(tmp_path, "w")[0]
    damaged = bytearray(content)
    damaged[ends[2] + 12] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(journal.DamagedJournal) as caught:
        reader.cut_torn_tail(tmp_path, "w")
    assert caught.value.offset == ends[2]
    assert path.read_bytes() == damaged
    with pytest.raises(journal.DamagedJournal):
        list(reader.iter_records(tmp_path, "w"))


def test_writers_are_listed_with_senders_last_and_other_files_left_out(tmp_path: Path) -> None:
    for writer in ("b", "a-s", "c", "a"):
        write_segments(tmp_path, [1, 1], writer)
    for other in ("a.ack", "notes.txt", ".journal", "x.journal", "a.12x.journal"):
        (tmp_path / "journal" / other).touch()
    assert reader.list_writers(tmp_path) == ["a", "b", "c", "a-s"]


def test_a_folder_without_journals_has_none(tmp_path: Path) -> None:
    assert reader.list_writers(tmp_path) == []
    assert reader.journal_size(tmp_path, "w") == 0
    assert reader.read_journal(tmp_path, "w", 0, 10) == b""
    assert reader.cut_torn_tail(tmp_path, "w") == 0
    assert [*reader.iter_records(tmp_path, "w")] == []


def test_a_segment_that_somebody_removed_is_a_gap_not_other_bytes(tmp_path: Path) -> None:
    content, _ = write_segments(tmp_path, [2, 2, 2])
    segments = reader.list_segments(tmp_path, "w")
    segments[1][2].unlink()
    assert reader.read_journal(tmp_path, "w", 0, 10_000) == content[: segments[1][1]]


def test_records_in_json_and_in_msgpack_read_alike(tmp_path: Path) -> None:
    import msgspec

    (tmp_path / "journal").mkdir()
    in_json = journal.encode_json_record(6, 0, 5, {"system.cpu": 1.5})
    in_msgpack = journal.frame(msgspec.msgpack.encode([6, 1, 6, {"system.cpu": 1.5}]))
    (tmp_path / "journal" / reader.segment_name("w", 0)).write_bytes(in_json + in_msgpack)
    assert [*reader.iter_records(tmp_path, "w")] == [
        (6, 0, 5, {"system.cpu": 1.5}),
        (6, 1, 6, {"system.cpu": 1.5}),
    ]
