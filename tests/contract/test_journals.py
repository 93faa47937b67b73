"""Journals: each record is applied once, and runs begin, go on and end as their writers say."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from steelyard import limits
from steelyard.errors import DamagedRecord, Forbidden, Invalid, RunExists, RunNotFound, TooLarge
from steelyard.server.columns import edit, read
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.commands import create_team, set_member
from steelyard.server.rooms.accounts.queries import get_caller, get_user
from steelyard.server.rooms.runs import commands
from steelyard.server.rooms.runs.journal_writers import find_writer, list_writers
from steelyard.wire import journal
from tests.support.accounts import NOW_US, make_caller, make_run
from tests.support.journals import STARTED_US, JournalBytes, Place, cut

_projects = itertools.count()


@pytest.fixture
def place(db: Database) -> Place:
    return make_place(db)


def make_place(db: Database) -> Place:
    """A project of a new user."""
    return Place(db, db.write_now(make_caller), f"journals-{next(_projects)}")


def rows_of(*steps: int) -> list[dict[str, Any]]:
    return [{"_step": step, "a": float(step)} for step in steps]


def make_journal(count: int = 3, **start: Any) -> JournalBytes:
    sent = JournalBytes(**start)
    for number in range(count):
        sent.log({"a": float(number)})
    return sent


# ---- once

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


# ---- rows of many


def test_writers_of_one_run_meet_in_its_rows(place: Place) -> None:
    one, two = JournalBytes("rank0"), JournalBytes("rank1")
    for step in (3, 0, 1):
        one.log({"one": step}, step=step)
        two.log({"two": -step, "both": step}, step=step)
    one.log({"both": 9}, step=3)
    place.send(one, stop=one.ends[2])
    place.send(two)
    place.send(one, first=one.ends[2])
    assert place.values() == [
        {"_step": 0, "one": 0, "two": 0, "both": 0},
        {"_step": 1, "one": 1, "two": -1, "both": 1},
        {"_step": 3, "one": 3, "two": -3, "both": 9},
    ]
    run_id = place.get().id
    series = place.db.read_now(read.read_series, run_id, "history", "both")
    assert (series.step.tolist(), series.value.tolist()) == ([0, 1, 3], [0, 1, 9])
    assert place.db.read_now(read.count_overwritten_values, run_id, "history") == 1
    assert place.db.read_now(read.get_line_count, run_id, "history") == 7


def test_parts_of_a_row_are_one_row(place: Place) -> None:
    sent = JournalBytes()
    sent.log({"a": 1, "n": {"x": 1}}, step=5)
    sent.log({"b": 2, "n": {"y": 2}}, step=5)
    place.send(sent)
    assert place.values() == [{"_step": 5, "a": 1, "b": 2, "n": {"x": 1, "y": 2}}]
    run_id = place.get().id
    assert place.db.read_now(read.count_overwritten_values, run_id, "history") == 0


def test_rows_have_the_times_of_their_records(place: Place) -> None:
    sent = make_journal(2)
    place.send(sent)
    started_s = STARTED_US / 1e6
    assert [(row["_runtime"], row["_timestamp"]) for row in place.rows()] == [
        (1.0, started_s + 1),
        (2.0, started_s + 2),
    ]


@pytest.mark.parametrize("as_json", [False, True])
def test_any_value_comes_back_as_it_was_logged(place: Place, as_json: bool) -> None:
    row = {
        "nan": float("nan"),
        "inf": float("-inf"),
        "big": 2**63 - 1,
        "text": 'quote " and \u2713 \x00',
        "none": None,
        "flag": True,
        "list": [1, "two", [3.5]],
        "media": {"_type": "image-file", "path": "media/a.png", "size": 3},
        "nested": {"deep": {"er": 1.5}},
        "empty": {},
    }
    sent = JournalBytes()
    sent.log(row, as_json=as_json)
    place.send(sent)
    (back,) = place.values()
    assert math.isnan(back.pop("nan")) and math.isnan(row.pop("nan"))  # type: ignore[arg-type]
    assert back == {"_step": 0, **row}
    summary = place.summary()
    assert "none" not in summary  # as with the official client
    assert {key: summary[key] for key in row if key != "none"} == {
        key: value for key, value in row.items() if value is not None
    }


def test_values_that_json_has_no_type_for_are_kept_as_text(place: Place) -> None:
    deep: Any = 1
    for _ in range(limits.LINE_DEPTH_MAX + 20):
        deep = [deep]
    sent = JournalBytes()
    row: Any = {"deep": deep, "bytes": b"\x00\xff", "huge": 2**64 - 1, 5: "number as a name"}
    sent.log(row)
    sent.log({"a": 2**80}, as_json=True)
    place.send(sent)
    first, second = place.values()
    assert first["bytes"] == "00ff"
    assert first["5"] == "number as a name"
    assert first["huge"] == 2**64 - 1
    assert second["a"] == 2**80


def test_rows_survive_being_packed(place: Place) -> None:
    sent = make_journal(5)
    sent.log({"a": float("nan"), "s": "text", "m": {"_type": "x"}})
    place.send(sent)
    before = place.everything()
    run_id = place.get().id

    def rewind_to_the_end(conn: Connection) -> int:  # packs the tail, and numbers the lines anew
        return edit.rewind(conn, run_id=run_id, last_step=10**6, now_us=NOW_US)

    assert place.db.write_now(rewind_to_the_end) == 6
    assert place.everything() == before
    sent.log({"a": 7.0})
    place.send(sent)
    assert place.db.read_now(read.get_line_count, run_id, "history") == 7


def test_journals_stand_behind_the_lines_of_the_official_client_and_the_other_way_round(
    place: Place,
) -> None:
    """Its process numbers its lines from the count it was told, and must meet none of ours."""
    from steelyard.server.columns.append import append_lines

    sent = make_journal(2)
    place.send(sent)
    run_id = place.get().id

    def append(conn: Connection, offset: int) -> None:
        lines = [f'{{"_step": {offset + number}, "b": 1.5}}' for number in range(2)]
        append_lines(
            conn, run_id=run_id, stream="history", offset=offset, lines=lines, now_us=NOW_US
        )

    count = place.db.read_now(read.get_line_count, run_id, "history")
    place.db.write_now(append, count)
    sent.log({"a": 4.0}, step=4)
    place.send(sent)
    assert place.db.read_now(read.get_line_count, run_id, "history") == 5
    assert [row["_step"] for row in place.values()] == [0, 1, 2, 3, 4]


# ---- beginning


def test_start_makes_the_project_and_the_run(place: Place) -> None:
    sent = JournalBytes(
        display_name="hello",
        notes="some",
        tags=["x", "y", "x"],
        group="g",
        job_type="train",
        sweep="s1",
        started_at_us=STARTED_US - 5,
    )
    accepted = place.send(sent)
    run = place.get()
    assert (accepted.entity, accepted.project, accepted.run) == (
        place.caller.default_entity,
        place.project,
        "run",
    )
    assert accepted.display_name == run.display_name == "hello"
    assert (run.notes, run.tags, run.group) == ("some", ["x", "y"], "g")
    assert (run.job_type, run.sweep, run.state) == ("train", "s1", "running")
    assert (run.created_at_us, run.heartbeat_at_us) == (STARTED_US - 5, NOW_US)
    assert not accepted.had_rows
    own = run.parse_config()["_wandb"]["value"]
    assert (own["cli_version"], own["python_version"]) == ("steelyard 0.1.0", "3.11.7")
    assert own["t"]


def test_a_run_without_a_name_to_show_gets_one(place: Place) -> None:
    assert place.send(JournalBytes()).display_name == place.get().display_name != ""


def test_properties_that_no_run_may_have_do_not_stop_the_journal(place: Place) -> None:
    sent = JournalBytes(display_name="x" * 5000, group="g")
    sent.log({"a": 1})
    accepted = place.send(sent)
    assert (accepted.skipped, accepted.acknowledged) == (1, len(sent.data))
    assert "display_name" in (accepted.reason or "")
    assert place.get().group == "g"


def test_a_run_of_a_clock_in_the_future_begins_now(place: Place) -> None:
    place.send(JournalBytes(at_us=NOW_US + 10**12))
    assert place.get().created_at_us == NOW_US


@pytest.mark.parametrize(
    ("resume", "error"), [("must", RunNotFound), (None, None), ("never", None)]
)
def test_resume_must_needs_a_run(place: Place, resume: str | None, error: Any) -> None:
    sent = make_journal(1, resume=resume)
    if error is None:
        place.send(sent)
    else:
        with pytest.raises(error):
            place.send(sent)
        assert place.find() is None


@pytest.mark.parametrize("start", [{"resume": "never"}, {"fork_from": {"run": "run", "step": 1}}])
def test_a_new_run_is_refused_where_there_is_one(place: Place, start: dict[str, Any]) -> None:
    place.send(make_journal(3))
    before = place.everything()
    with pytest.raises(RunExists):
        place.send(JournalBytes("second", **start))
    assert place.everything() == before


def test_a_sender_that_comes_before_its_process_makes_no_run_that_exists(place: Place) -> None:
    place.send(JournalBytes("writer000001-s", role="sender"))
    sent = make_journal(1, resume="never")
    assert place.send(sent).acknowledged == len(sent.data)


@pytest.mark.parametrize("resume", ["allow", "must"])
def test_a_resumed_run_goes_on_behind_its_last_step_and_its_time(place: Place, resume: str) -> None:
    first = make_journal(3)
    first.finish()
    place.send(first)
    second = JournalBytes("second", resume=resume, at_us=STARTED_US + 10**9)
    second.log({"a": 3.0})
    second.log({"a": 4.0})
    accepted = place.send(second)
    assert accepted.had_rows
    assert place.values() == rows_of(0, 1, 2, 3, 4)
    assert [row["_runtime"] for row in place.rows()] == [1, 2, 3, 3 + 1, 3 + 2]
    assert place.summary()["_wandb"] == {"runtime": 5}
    assert place.get().state == "running"


def test_a_step_base_of_the_client_counts(place: Place) -> None:
    place.send(make_journal(3))
    second = JournalBytes("second", resume="allow", step_base=100)
    second.log({"a": 100.0})
    second.log({"a": 7.0}, step=7)
    place.send(second)
    assert place.values() == rows_of(0, 1, 2, 7, 100)


def test_without_resume_steps_begin_at_zero(place: Place) -> None:
    place.send(make_journal(3))
    second = make_journal(1, writer="second")
    place.send(second)
    assert place.values() == rows_of(0, 1, 2)


def test_a_fork_has_the_past_of_its_source(place: Place) -> None:
    source = make_journal(5)
    source.config(lr=0.1, old=True)
    source.metric("a", summary=["max", "mean"])
    place.send(source, "source")
    fork = JournalBytes("forked", fork_from={"run": "source", "step": 2})
    fork.config(lr=0.2)
    fork.metric("a", summary=["max", "mean"])
    fork.log({"a": 10.0})
    place.send(fork, "fork")
    assert place.values("fork") == [*rows_of(0, 1, 2), {"_step": 3, "a": 10.0}]
    assert place.get("fork").forked_from == "source?_step=2"
    config = place.config("fork")
    assert (config["lr"], config["old"]) == ({"value": 0.2}, {"value": True})
    assert config["_wandb"]["value"]["branch_point"] == {"run_id": "source", "step": 2}
    assert place.summary("fork")["a"] == {"max": 10.0, "mean": (0 + 1 + 2 + 10) / 4}
    assert place.values("source") == rows_of(0, 1, 2, 3, 4)


def test_a_fork_of_nothing_is_refused_and_leaves_nothing(place: Place) -> None:
    with pytest.raises(RunNotFound, match="absent"):
        place.send(JournalBytes(fork_from={"run": "absent", "step": 2}))
    assert place.find() is None


def test_a_rewound_run_forgets_what_came_after(place: Place) -> None:
    first = make_journal(5)
    first.metric("a", summary=["mean"])
    first.finish()
    place.send(first)
    second = JournalBytes("second", resume_from={"run": "run", "step": 1})
    second.log({"a": 20.0})
    place.send(second)
    assert place.values() == [*rows_of(0, 1), {"_step": 2, "a": 20.0}]
    assert place.get().state == "running"
    assert place.summary()["a"] == {"mean": 7.0}
    assert place.summary()["_step"] == 2


def test_a_rewind_needs_its_run(place: Place) -> None:
    with pytest.raises(RunNotFound):
        place.send(JournalBytes(resume_from={"run": "run", "step": 1}))
    place.send(make_journal(2))
    with pytest.raises(Invalid, match="fork_from"):
        place.send(JournalBytes("second", resume_from={"run": "other", "step": 1}))


def test_a_sender_and_a_child_count_as_their_process_does(place: Place) -> None:
    place.send(make_journal(3))
    process = JournalBytes("second", resume="allow", at_us=STARTED_US + 10**9)
    process.log({"a": 3.0})
    place.send(process)
    sender = JournalBytes("second-s", role="sender", at_us=STARTED_US + 10**9)
    sender.add(journal.SYSTEM, {"system.cpu": 1.5})
    place.send(sender)
    child = JournalBytes(
        "child", role="fork", forked_from="second", at_us=STARTED_US + 10**9, is_primary=False
    )
    child.log({"child": 1})
    place.send(child)
    assert place.rows(stream="system")[0]["_runtime"] == 3 + 1
    assert place.values()[3] == {"_step": 3, "a": 3.0, "child": 1}


# ---- life and end


@pytest.mark.parametrize(
    ("exit_code", "state"), [(0, "finished"), (3, "failed"), (2**40, "failed")]
)
def test_finish_ends_the_run_when_its_process_ended(
    place: Place, exit_code: int, state: str
) -> None:
    sent = make_journal(3)
    sent.finish(exit_code)
    assert place.send(sent).has_ended
    run = place.get()
    assert (run.state, run.exit_code) == (state, min(exit_code, 2**31 - 1))
    assert run.finished_at_us == STARTED_US + 4_000_000
    assert place.summary()["_wandb"] == {"runtime": 4}


def test_the_last_of_several_ranks_ends_the_run(place: Place) -> None:
    ranks = [make_journal(1, writer=f"rank{number}") for number in range(3)]
    for rank in ranks:
        place.send(rank)
    for rank, code in zip(ranks, (0, 7, 0), strict=True):
        rank.finish(code)
        assert place.get().state == "running"
        place.send(rank)
    assert (place.get().state, place.get().exit_code) == ("failed", 7)


def test_writers_that_are_not_to_end_the_run_do_not(place: Place) -> None:
    main, helper = JournalBytes("main1"), JournalBytes("helper1", updates_finish_state=False)
    place.send(main)
    place.send(helper)
    helper.finish(1)
    place.send(helper)
    assert place.get().state == "running"
    main.finish(0)
    place.send(main)
    assert place.get().state == "finished"


def test_late_samples_of_the_sender_do_not_wake_an_ended_run(place: Place) -> None:
    process, sender = JournalBytes(), JournalBytes("writer000001-s", role="sender")
    process.finish()
    place.send(process)
    sender.add(journal.SYSTEM, {"system.cpu": 1.0})
    place.send(sender)
    child = JournalBytes("child", role="fork", forked_from="writer000001")
    child.log({"late": 1}, step=0)
    place.send(child)
    assert place.get().state == "finished"
    assert place.values() == [{"_step": 0, "late": 1}]


def test_a_process_that_died_is_reported_by_its_sender(place: Place) -> None:
    process, sender = make_journal(2), JournalBytes("writer000001-s", role="sender")
    place.send(process)
    sender.finish(137, writer="writer000001", is_crash=True)
    place.send(sender)
    assert (place.get().state, place.get().exit_code) == ("crashed", 137)


def test_what_a_process_says_of_its_own_end_stands(place: Place) -> None:
    process, sender = make_journal(1), JournalBytes("writer000001-s", role="sender")
    sender.finish(137, writer="writer000001", is_crash=True)
    place.send(process)
    place.send(sender)
    process.finish(0)
    place.send(process)
    assert place.get().state == "finished"
    sender.finish(137, writer="writer000001", is_crash=True)
    place.send(sender)
    assert place.get().state == "finished"


def test_the_crash_of_one_rank_is_the_crash_of_the_run(place: Place) -> None:
    one, two = JournalBytes("rank0"), JournalBytes("rank1")
    place.send(one)
    place.send(two)
    two.finish(139, is_crash=True)
    place.send(two)
    assert place.get().state == "running"
    one.finish(0)
    place.send(one)
    assert (place.get().state, place.get().exit_code) == ("crashed", 139)


def test_a_stopped_run_hears_of_it_and_ends_as_killed(place: Place) -> None:
    sent = make_journal(1)
    assert not place.send(sent).is_stop_requested
    place.db.write_now(commands.request_stop, place.get().id, now_us=NOW_US)
    assert place.beat(sent).is_stop_requested
    sent.finish(255)
    assert place.send(sent).is_stop_requested
    assert place.get().state == "killed"


def test_a_preempted_run_says_so_before_it_goes(place: Place) -> None:
    sent = make_journal(1)
    sent.add(journal.PREEMPTING, {})
    place.send(sent)
    assert place.get().state == "preempting"
    sent.finish(1)
    place.send(sent)
    assert place.get().state == "preempted"


def test_every_request_is_a_sign_of_life_and_lists_notice(place: Place) -> None:
    sent = make_journal(1)
    place.send(sent)
    before = place.get()
    place.now_us = NOW_US + 7
    place.beat(sent)
    after = place.get()
    assert after.heartbeat_at_us == NOW_US + 7
    assert after.change_seq > before.change_seq


def test_a_run_that_was_taken_for_dead_runs_again_when_its_process_is_heard(place: Place) -> None:
    sent, sender = make_journal(1), JournalBytes("writer000001-s", role="sender")
    place.send(sent)
    place.send(sender)
    for voice in (sent, sender):
        place.now_us += 10**12
        silent = {"now_us": place.now_us, "silent_for_us": 1}
        place.db.write_now(commands.mark_crashed, **silent)
        assert place.get().state == "crashed"
        place.beat(voice)
        assert place.get().state == "running"


def test_a_writer_that_was_never_heard_of_gives_no_sign_of_life(place: Place) -> None:
    sent = make_journal(1)
    place.send(sent)
    place.now_us += 1000
    accepted = place.beat(JournalBytes("unknown"))
    assert accepted.acknowledged == 0
    assert place.get().heartbeat_at_us == NOW_US


def test_a_lost_process_does_not_keep_a_resumed_run_from_ending(place: Place) -> None:
    """Its machine died without a word; the job was queued again and went on with the run."""
    place.send(make_journal(2, writer="lost"))
    place.now_us += 30_000_000
    again = make_journal(1, writer="again", resume="allow")
    again.finish(0)
    place.send(again)
    assert place.get().state == "finished"


def test_ranks_that_all_resume_wait_for_each_other(place: Place) -> None:
    first = make_journal(2, writer="first")
    first.finish(1)
    place.send(first)
    ranks = [make_journal(1, writer=f"rank{number}", resume="allow") for number in range(2)]
    for rank in ranks:
        place.now_us += 1000
        place.send(rank)
    place.now_us += 1000
    place.beat(ranks[0])
    for rank, state in zip(reversed(ranks), ("running", "finished"), strict=True):
        rank.finish(0)
        place.send(rank)
        assert place.get().state == state
    assert place.get().exit_code == 0


def test_a_run_synced_at_once_is_as_finished_as_it_was(place: Place) -> None:
    """All of it in one request, days later."""
    sent = make_journal(3, started_at_us=STARTED_US - 10**12)
    sent.finish(0)
    accepted = place.send(sent)
    assert accepted.has_ended
    run = place.get()
    assert run.created_at_us == STARTED_US - 10**12
    assert run.finished_at_us == STARTED_US + 4_000_000


# ---- permission and deletion


def test_unknown_deleted_and_foreign_runs_get_the_same_answer(place: Place) -> None:
    sent = make_journal(2)
    place.send(sent)
    later = sent.ends[2]
    told = []
    stranger = place.db.write_now(make_caller)
    for run, caller in (("absent", None), ("run", stranger)):
        with pytest.raises(RunNotFound) as refused:
            place.send(sent, run, first=later, caller=caller)
        told.append(str(refused.value).replace(refused.value.path, "PATH"))
    place.db.write_now(commands.delete_run, place.get(), now_us=NOW_US)
    with pytest.raises(RunNotFound) as refused:
        place.send(sent, first=later)
    told.append(str(refused.value).replace(refused.value.path, "PATH"))
    assert len(set(told)) == 1


def test_a_deleted_run_leaves_nothing_of_its_journals(place: Place) -> None:
    sent = make_journal(2)
    place.send(sent)
    run_id = place.get().id
    place.db.write_now(commands.delete_run, place.get(), now_us=NOW_US)
    assert place.db.read_now(list_writers, run_id) == []
    assert place.send(sent).acknowledged == len(sent.data)  # from its beginning: a run again


def test_a_viewer_may_not_write(place: Place) -> None:
    viewer = place.db.write_now(make_caller)

    def put_viewer_in_team(conn: Connection) -> str:
        owner = get_user(conn, place.caller.username)
        team = create_team(conn, name="team-j", owner=owner, organization=None, now_us=NOW_US)
        set_member(conn, entity_id=team.id, user_id=viewer.user_id, role="viewer")
        make_run(conn, get_caller(conn, owner.id), entity=team.name, project="p", name="run")
        return team.name

    team = place.db.write_now(put_viewer_in_team)
    looking_on = Place(place.db, place.db.read_now(get_caller, viewer.user_id), "p")
    with pytest.raises(Forbidden, match="viewer"):
        looking_on.send(make_journal(1), entity=team)


def test_what_is_skipped_is_counted_with_its_writer(place: Place) -> None:
    sent = JournalBytes()
    sent.add(99, {})
    sent.log({"a": 1})
    sent.add(journal.HISTORY, "nonsense")
    accepted = place.send(sent)
    assert (accepted.skipped, accepted.reason) == (2, "kind 99 is unknown")
    writer = place.db.read_now(find_writer, place.get().id, sent.writer)
    assert writer is not None
    assert writer.skipped_records == 2
    assert place.values() == [{"_step": 0, "a": 1}]
