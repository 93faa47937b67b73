"""Runs live and end as their writers say, or as their silence does."""

from __future__ import annotations

import pytest

from steelyard.server.db.interface import Database
from steelyard.server.rooms.runs import commands
from steelyard.wire import journal
from tests.support.accounts import NOW_US
from tests.support.journals import (
    STARTED_US,
    JournalBytes,
    Place,
    make_journal,
    make_place,
)


@pytest.fixture
def place(db: Database) -> Place:
    return make_place(db)


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
