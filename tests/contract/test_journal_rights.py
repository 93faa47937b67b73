"""Who may write a journal, what is told to the others, and what a deletion leaves."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import Connection

from steelyard.errors import Forbidden, RunNotFound
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.commands import create_team, set_member
from steelyard.server.rooms.accounts.queries import get_caller, get_user
from steelyard.server.rooms.runs import commands
from steelyard.server.rooms.runs.journal_writers import find_writer, list_writers
from steelyard.wire import journal
from tests.support.accounts import NOW_US, make_caller, make_run
from tests.support.journals import (
    JournalBytes,
    Place,
    make_journal,
    make_place,
)


@pytest.fixture
def place(db: Database) -> Place:
    return make_place(db)


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
