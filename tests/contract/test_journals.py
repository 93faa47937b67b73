"""Journals: each record is applied once, whole, and refused where it makes no sense."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard import limits
from steelyard.errors import DamagedRecord, Invalid, TooLarge
from steelyard.server.db.interface import Database
from steelyard.wire import journal
from tests.support.journals import (
    JournalBytes,
    Place,
    cut,
    make_journal,
    make_place,
    rows_of,
)


@pytest.fixture
def place(db: Database) -> Place:
    return make_place(db)


values = st.one_of(
    st.floats(),
    st.integers(-(2**70), 2**70),
    st.booleans(),
    st.text(max_size=5),
    st.none(),
    st.lists(st.integers(0, 3), max_size=3),
    st.fixed_dictionaries({"x": st.floats(), "y": st.integers(0, 9)}),
    st.just({"_type": "histogram", "values": [1, 2], "bins": [0, 1, 2]}),
)
names = st.sampled_from(["a", "b", "c/d", "e"])
texts = st.text(max_size=4)
dicts = st.dictionaries(names, values, max_size=3)
changes = st.fixed_dictionaries({"set": dicts, "delete": st.lists(names, max_size=1)})
rules = st.sampled_from(["min", "max", "mean", "first", "last", "best", "none", "copy"])
definitions = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", "c/*"])},
    optional={
        "summary": st.lists(rules, max_size=3),
        "step_metric": st.just("e"),
        "step_sync": st.booleans(),
        "goal": st.sampled_from(["minimize", "maximize"]),
    },
)
payloads: dict[int, st.SearchStrategy[Any]] = {
    journal.HISTORY: st.tuples(st.integers(0, 9), st.booleans(), dicts),
    journal.CONFIG: changes,
    journal.SUMMARY: changes,
    journal.METRIC: definitions,
    journal.SYSTEM: st.dictionaries(names, st.floats(allow_nan=False), max_size=2),
    journal.CONSOLE: st.tuples(
        st.sampled_from(["stdout", "stderr"]), st.text("ab\n\r\t\x1b[A2KmB1;", max_size=12)
    ),
    journal.METADATA: st.dictionaries(st.sampled_from(["host", "os", "program"]), texts),
    journal.ALERT: st.fixed_dictionaries({"title": texts, "text": texts}),
    journal.RUN: st.fixed_dictionaries(
        {}, optional={"notes": texts, "tags": st.lists(names, max_size=2)}
    ),
    journal.PREEMPTING: st.just({}),
    journal.FINISH: st.fixed_dictionaries({"exit_code": st.integers(0, 2)}),
}
records = st.one_of(
    *(st.tuples(st.just(kind), payload) for kind, payload in payloads.items()),
    st.tuples(st.sampled_from([0, 99, *payloads]), st.integers(0, 3)),  # makes no sense
)


def fill(sent: JournalBytes, told: list[tuple[int, Any]]) -> None:
    for kind, payload in told:
        try:
            sent.add(kind, payload)
        except OverflowError:  # beyond 64 bits
            sent.add(kind, payload, as_json=True)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    told=st.lists(records, max_size=25),
    places=st.lists(st.integers(0, 10_000), max_size=8),
    again=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=6),
)
def test_a_journal_cut_repeated_and_sent_again_gives_the_run_that_one_request_gives(
    db: Database,
    told: list[tuple[int, Any]],
    places: list[int],
    again: list[tuple[int, int]],
) -> None:
    at_once, in_parts = make_place(db), make_place(db)
    sent = JournalBytes(display_name="one name")
    fill(sent, told)
    assert at_once.send(sent).acknowledged == len(sent.data)
    acknowledged = 0
    for number, (_, stop) in enumerate(cut(sent, places)):
        for at, back in again:
            if at == number:  # from an earlier record on, as after a lost answer
                earlier = [end for end in sent.ends if end <= acknowledged][-1 - back :][0]
                in_parts.send(sent, first=earlier, stop=stop)
        accepted = in_parts.send(sent, first=acknowledged, stop=max(stop, acknowledged))
        assert accepted.acknowledged in sent.ends
        assert acknowledged <= accepted.acknowledged <= stop
        acknowledged = accepted.acknowledged
    assert in_parts.send(sent, first=acknowledged).acknowledged == len(sent.data)
    assert in_parts.everything() == at_once.everything()


def test_a_torn_last_record_waits_for_its_rest(place: Place) -> None:
    sent = make_journal(3)
    assert place.send(sent, stop=sent.ends[-1] - 1).acknowledged == sent.ends[-2]
    assert place.values() == rows_of(0, 1)
    assert place.send(sent, first=sent.ends[-2]).acknowledged == sent.ends[-1]
    assert place.values() == rows_of(0, 1, 2)


def test_a_gap_keeps_nothing_and_says_where_to_go_on(place: Place) -> None:
    sent = make_journal(3)
    place.send(sent, stop=sent.ends[2])
    accepted = place.send(sent, first=sent.ends[3])
    assert (accepted.acknowledged, accepted.records) == (sent.ends[2], 0)
    assert place.values() == rows_of(0)


def test_bytes_that_are_kept_already_are_passed_over(place: Place) -> None:
    sent = make_journal(4)
    place.send(sent, stop=sent.ends[3])
    accepted = place.send(sent, first=sent.ends[1])
    assert (accepted.acknowledged, accepted.records) == (sent.ends[-1], 2)
    place.send(sent)
    assert place.values() == rows_of(0, 1, 2, 3)


def test_a_part_that_ends_records_elsewhere_is_another_journal(place: Place) -> None:
    sent, other = make_journal(3), JournalBytes()
    other.log({"something": "much longer than the rows of the first journal"})
    place.send(sent)
    longer = JournalBytes(display_name="longer")
    longer.log({"b" * 200: 1})
    with pytest.raises(Invalid, match="not the journal that was sent before"):
        place.send(longer)


def test_a_damaged_record_is_named_after_all_before_it_was_kept(place: Place) -> None:
    sent = make_journal(3)
    damaged = bytearray(sent.data)
    damaged[sent.ends[2] + 12] ^= 1
    sent.data = bytes(damaged)
    assert place.send(sent).acknowledged == sent.ends[2]
    with pytest.raises(DamagedRecord) as told:
        place.send(sent, first=sent.ends[2])
    assert told.value.offset == sent.ends[2]


def test_a_record_beyond_the_limit_is_refused_after_all_before_it_was_kept(place: Place) -> None:
    sent = make_journal(1)
    kept = len(sent.data)
    sent.append(journal.pack_header(limits.JOURNAL_RECORD_BYTES_MAX + 1, 0) + b"x")
    assert place.send(sent).acknowledged == kept
    with pytest.raises(TooLarge, match="JOURNAL_RECORD_BYTES_MAX"):
        place.send(sent, first=kept)


def test_a_journal_begins_with_start(place: Place) -> None:
    sent = make_journal(1)
    sent.data = sent.data[sent.ends[1] :]
    with pytest.raises(Invalid, match="START"):
        place.send(sent)
    assert place.find() is None


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ({"v": 2}, "update the server"),
        ({"role": "spectator"}, "role"),
        ({"tags": "one"}, "tags"),
        ({"step_base": 2**70}, "step_base"),
    ],
)
def test_a_start_that_makes_no_sense_is_refused(
    place: Place, start: dict[str, Any], told: str
) -> None:
    sent = JournalBytes()
    sent.data, sent.ends = b"", [0]
    sent.add(journal.START, {"v": 1, "role": "process", **start}, as_json=True)
    with pytest.raises(Invalid, match=told):
        place.send(sent)


@pytest.mark.parametrize("writer", ["", "-a", "a b", "ü", "a" * 65, "a/b", "a\n"])
def test_a_writer_has_a_plain_name(place: Place, writer: str) -> None:
    with pytest.raises(Invalid, match="no name of a writer"):
        place.send(JournalBytes(writer))


def test_a_run_has_so_many_writers(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WRITERS_PER_RUN_MAX", 2)
    for number in range(2):
        place.send(JournalBytes(f"writer{number}"))
    with pytest.raises(TooLarge, match="WRITERS_PER_RUN_MAX"):
        place.send(JournalBytes("writer2"))
    place.beat(JournalBytes("writer1"))
