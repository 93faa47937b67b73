"""Runs begin, go on, fork and rewind as the first record of a journal says."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.errors import Invalid, RunExists, RunNotFound
from steelyard.server.db.interface import Database
from steelyard.wire import journal
from tests.support.accounts import NOW_US
from tests.support.journals import (
    STARTED_US,
    JournalBytes,
    Place,
    make_journal,
    make_place,
    rows_of,
)


@pytest.fixture
def place(db: Database) -> Place:
    return make_place(db)


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
