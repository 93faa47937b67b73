"""Journals as the sender reads them: whole records, however they were cut."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from steelyard.sdk.sender.tail import Journal, RunTail, read_json, whole_records, write_json
from steelyard.wire.journal import CONSOLE, FINISH, HISTORY, encode_json_record


def make_records(sizes: list[int]) -> list[bytes]:
    return [encode_json_record(HISTORY, number, 0, "x" * size) for number, size in enumerate(sizes)]


def write_segments(folder: Path, writer: str, parts: list[bytes]) -> None:
    (folder / "journal").mkdir(exist_ok=True)
    offset = 0
    for part in parts:
        (folder / "journal" / f"{writer}.{offset:016d}.journal").write_bytes(part)
        offset += len(part)


def open_journal(folder: Path, writer: str = "w") -> Journal:
    tail = RunTail(str(folder))
    tail.refresh()
    return tail.journals[writer]


@given(
    sizes=st.lists(st.integers(0, 300), min_size=1, max_size=30),
    split=st.integers(0, 30),
    torn=st.integers(0, 9),
    limit=st.integers(8, 700),
)
def test_reading_piece_by_piece_gives_every_whole_record_once(
    sizes: list[int], split: int, torn: int, limit: int
) -> None:
    """In one file or two, with the last record whole or cut off, in pieces of any size."""
    records = make_records(sizes)
    split = min(split, len(records) - 1)
    parts = [b"".join(records[:split]), b"".join(records[split:])]
    parts[-1] = parts[-1][: len(parts[-1]) - torn]
    with tempfile.TemporaryDirectory() as name:
        write_segments(Path(name), "w", [part for part in parts if part])
        journal = open_journal(Path(name))
        found = b""
        while chunk := journal.read(limit):
            found += chunk.data
            journal.acknowledged += len(chunk.data)
        assert found == b"".join(records[:-1] if torn else records)
        assert journal.unsent == 0


def test_the_last_kind_tells_that_a_process_has_ended(tmp_path: Path) -> None:
    rows = make_records([5, 5])
    write_segments(tmp_path, "w", [b"".join(rows)])
    journal = open_journal(tmp_path)
    assert not journal.find_end()
    path = Path(journal.segments[0][1])
    path.write_bytes(b"".join(rows) + encode_json_record(FINISH, 2, 0, {"exit_code": 0}))
    journal.look()
    assert journal.find_end()
    assert journal.find_end(), "asked again, it is still so"
    assert journal.acknowledged == 0


def test_zeros_after_a_power_cut_are_no_records() -> None:
    record = encode_json_record(CONSOLE, 0, 0, ["stdout", "a"])
    assert whole_records(record + bytes(4096)).data == record
    assert whole_records(bytes(64)).data == b""


def test_a_record_longer_than_the_piece_comes_as_a_whole(tmp_path: Path) -> None:
    long = encode_json_record(HISTORY, 0, 0, "x" * 10_000)
    write_segments(tmp_path, "w", [long + make_records([1])[0]])
    assert open_journal(tmp_path).read(100).data == long


def test_what_was_acknowledged_counts_for_its_place_only(tmp_path: Path) -> None:
    write_segments(tmp_path, "w", [b"".join(make_records([5] * 4))])
    tail = RunTail(str(tmp_path))
    tail.refresh()
    journal = tail.journals["w"]
    journal.acknowledged = len(make_records([5])[0])
    tail.write_acknowledged(journal, "http://a", "http://a/r")
    for place, expected in (("http://a/r", journal.acknowledged), ("http://b/r", 0), (None, 1)):
        again = RunTail(str(tmp_path))
        again.refresh()
        again.read_acknowledged(place)
        assert bool(again.acknowledged) == bool(expected), place


def test_new_writers_and_segments_are_found(tmp_path: Path) -> None:
    write_segments(tmp_path, "w", make_records([5]))
    tail = RunTail(str(tmp_path))
    assert tail.refresh()
    assert not tail.refresh()
    write_segments(tmp_path, "other", make_records([5, 6]))
    assert not tail.refresh(list_too=False)
    assert tail.refresh()
    assert sorted(tail.journals) == ["other", "w"]
    assert tail.total == tail.unsent > 0


def test_a_damaged_json_file_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert read_json(str(path)) is None
    write_json(str(path), {"a": 1})
    assert read_json(str(path)) == {"a": 1}
    path.write_text("[1]")
    assert read_json(str(path)) is None
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]
