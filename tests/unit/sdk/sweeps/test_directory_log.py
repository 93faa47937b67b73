"""The log of a sweep in a directory: claimed once, folded alike by everybody."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Unavailable, UsageError
from steelyard.sdk.sweeps.directory.fold import fold, follow
from steelyard.sdk.sweeps.directory.log import EntryLog, read_sealed, replace_sealed, seal, unseal
from steelyard.sdk.sweeps.directory.model import (
    AgentCame,
    Began,
    Created,
    Drawn,
    Ended,
    Entry,
    Event,
    Exhausted,
    Leased,
    Lost,
    StateSet,
    Stopping,
    Sweep,
)
from steelyard.sdk.sweeps.directory.store import is_sweep_directory

INDICES = st.integers(0, 3)
NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=2)


def drawn(index: int, name: str) -> Drawn:
    config = {"x": index / 3}
    return Drawn(
        index=index, run_name=f"{name}{index}", config=config, key="00", kind="grid", reason="",
        agent=name,
    )  # fmt: skip


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.just(Created(name="s", seed=1, config="method: grid", entity=None, project="p")),
    st.builds(StateSet, st.sampled_from(["running", "paused", "finished", "canceled"])),
    st.builds(AgentCame, NAMES, NAMES),
    st.builds(drawn, INDICES, NAMES),
    st.builds(Leased, INDICES, NAMES, NAMES),
    st.builds(Began, INDICES, NAMES),
    st.builds(Lost, INDICES, st.booleans(), NAMES),
    st.builds(Stopping, INDICES, NAMES),
    st.builds(
        Ended,
        index=INDICES,
        state=st.sampled_from(["finished", "failed", "stopped"]),
        values=VALUES,
    ),
    st.builds(Exhausted, NAMES),
)
ENTRIES = st.lists(
    st.none() | st.builds(Entry, st.integers(0, 10**15), st.lists(EVENTS, max_size=3)), max_size=12
)


@given(entries=ENTRIES, cut=st.integers(0, 12))
def test_a_sweep_read_from_a_checkpoint_is_that_of_the_whole_log(
    entries: list[Entry | None], cut: int
) -> None:
    encoded = msgspec.json.encode(fold(entries[:cut]))
    sweep = msgspec.json.decode(encoded, type=Sweep)
    for entry in entries[cut:]:
        again = None if entry is None else msgspec.json.encode(entry)
        follow(sweep, None if again is None else msgspec.json.decode(again, type=Entry))
    assert sweep == fold(entries)


@given(entries=ENTRIES)
def test_what_has_ended_never_comes_back(entries: list[Entry | None]) -> None:
    sweep = Sweep()
    ended: dict[int, Any] = {}
    for entry in entries:
        follow(sweep, entry)
        for index, known in ended.items():
            assert sweep.trials[index] == known
        for index, trial in sweep.trials.items():
            if not trial.is_open:
                ended[index] = msgspec.structs.replace(trial)


@given(content=st.binary(max_size=200).filter(lambda each: b"\n" not in each), cut=st.integers(1))
def test_half_of_what_was_sealed_is_not_taken_for_whole(content: bytes, cut: int) -> None:
    sealed = seal(content)
    assert unseal(sealed) == content
    assert unseal(sealed[: -(cut % len(sealed)) or -1]) is None


def test_of_many_that_want_a_number_one_gets_it(tmp_path: Path) -> None:
    log = EntryLog(tmp_path)
    won: list[int] = []
    start = threading.Barrier(8)

    def append(writer: int) -> None:
        start.wait(30)
        for number in range(20):
            if log.append(number, b"%d" % writer):
                won.append(writer)

    threads = [threading.Thread(target=append, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    contents = [content for _, content in log.read_on(0)]
    assert len(won) == len(contents) == 20
    assert sorted(won) == sorted(int(content or b"-1") for content in contents)
    assert not list(tmp_path.glob(".*")), "nothing is left of those who were not first"


def test_a_file_server_that_answers_twice_does_not_cost_the_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_link = os.link

    def link_and_lose_the_answer(source: Any, target: Any) -> None:
        real_link(source, target)
        real_link(source, target)  # as a retransmitted request: it exists

    monkeypatch.setattr(os, "link", link_and_lose_the_answer)
    log = EntryLog(tmp_path)
    assert log.append(0, b"mine")
    assert not log.append(0, b"theirs")
    assert list(log.read_on(0)) == [(0, b"mine")]


def test_a_file_system_without_links_is_named_as_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Any, target: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(UsageError, match="has no hard links"):
        EntryLog(tmp_path).append(0, b"x")


def test_a_disk_that_is_gone_can_be_asked_again(tmp_path: Path) -> None:
    log = EntryLog(tmp_path / "gone")
    with pytest.raises(Unavailable, match="it is tried again"):
        log.append(0, b"x")
    assert list(log.read_on(0)) == []


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    place = tmp_path / "f"
    replace_sealed(place, b"one")
    replace_sealed(place, b"two")
    assert read_sealed(place) == b"two"
    place.write_bytes(place.read_bytes()[:-2])
    assert read_sealed(place) is None
    assert [each.name for each in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize("text", ["x" * 5000, "a\0b", "entity/project/sweep", "", "http://h/a/b"])
def test_what_is_no_directory_is_no_sweep_in_one(text: str) -> None:
    assert not is_sweep_directory(Path(text))
