"""What a process sends of its run is kept once, whatever the network did to the requests."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from steelyard.errors import Forbidden, Invalid, RunNotFound
from steelyard.server.columns import console, read
from steelyard.server.columns.tail import encode_lines
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.commands import create_team, set_member
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.queries import get_caller, get_user
from steelyard.server.rooms.runs.commands import delete_run, request_stop
from steelyard.server.rooms.runs.ingest import (
    Accepted,
    RunPath,
    SentConsole,
    SentLines,
    Upload,
    accept_upload,
)
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.queries import find_run_by_id
from tests.support.accounts import NOW_US, make_caller, make_run

Place = tuple[Caller, Run]


@pytest.fixture
def place(db: Database) -> Place:
    """Somebody with a running run."""
    caller = db.write_now(make_caller)
    return caller, db.write_now(make_run, caller)


def send(db: Database, place: Place, upload: Upload, *, now_us: int = NOW_US) -> Accepted:
    caller, run = place
    path = RunPath(run.entity, run.project, run.name)
    return db.write_now(accept_upload, caller=caller, path=path, upload=upload, now_us=now_us)


def rows_of(first: int, stop: int, *, session: int = 0) -> SentLines:
    """History lines `first`, … `stop - 1`."""
    texts = [json.dumps({"_step": i, "loss": i / 8 + session}) for i in range(first, stop)]
    return SentLines(first, encode_lines(texts))


def system_row(line: int, *, session: int = 0) -> SentLines:
    text = json.dumps({"_timestamp": 1000 * session + line, "system.cpu": line})
    return SentLines(line, encode_lines([text]))


def said(db: Database, run: Run) -> list[str]:
    lines = db.read_now(console.read_lines, run.id, first=0, limit=1000)
    return [line.text for line in lines]


def losses(db: Database, run: Run) -> list[tuple[int, float]]:
    series = db.read_now(read.read_series, run.id, "history", "loss")
    return list(zip(series.step.tolist(), series.value.tolist(), strict=True))


def state_of(db: Database, run: Run) -> Run:
    found = db.read_now(find_run_by_id, run.id)
    assert found is not None
    return found


# ---- rows


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    count=st.integers(1, 60),
    windows=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), max_size=12),
)
def test_rows_are_kept_once_however_requests_are_cut_repeated_and_overlap(
    db: Database, count: int, windows: list[tuple[int, int]]
) -> None:
    """Windows over the same rows come in any order, with gaps; one last request closes the gaps."""
    caller = db.write_now(make_caller)
    run = db.write_now(make_run, caller)
    for first, length in windows:
        if first < count:
            stop = min(first + length, count)
            send(db, (caller, run), Upload(history=rows_of(first, stop)))
    send(db, (caller, run), Upload(history=rows_of(0, count)))
    assert losses(db, run) == [(i, i / 8) for i in range(count)]
    assert db.read_now(read.get_line_count, run.id, "history") == count
    catalogue = db.read_now(read.describe_keys, run.id, "history")
    assert catalogue.keys["loss"].n == count


def test_a_request_that_comes_twice_is_accepted_once(db: Database, place: Place) -> None:
    first = send(db, place, Upload(history=rows_of(0, 5)))
    again = send(db, place, Upload(history=rows_of(0, 5)))
    assert first.history is not None
    assert again.history is not None
    assert (first.history.accepted, first.history.duplicate) == (5, 0)
    assert (again.history.accepted, again.history.duplicate) == (0, 5)


def test_writers_of_one_run_count_their_lines_apart(db: Database, place: Place) -> None:
    _, run = place
    even = SentLines(0, encode_lines(['{"_step": 0, "a": 0.0}', '{"_step": 2, "a": 2.0}']))
    odd = SentLines(0, encode_lines(['{"_step": 1, "a": 1.0}', '{"_step": 3, "a": 3.0}']))
    send(db, place, Upload(writer="rank-0", history=even))
    send(db, place, Upload(writer="rank-1", history=odd))
    send(db, place, Upload(writer="rank-0", history=even))
    series = db.read_now(read.read_series, run.id, "history", "a")
    assert series.value.tolist() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity"])
def test_bare_tokens_of_python_json_are_values(db: Database, place: Place, token: str) -> None:
    _, run = place
    sent = SentLines(0, encode_lines([f'{{"_step": 0, "loss": {token}}}']))
    send(db, place, Upload(history=sent, summary=f'{{"loss": {token}}}'))
    (_, value) = losses(db, run)[0]
    assert repr(value) == repr(float(token.replace("Infinity", "inf")))
    assert repr(state_of(db, run).parse_summary()["loss"]) == repr(value)


def test_a_line_number_below_zero_is_refused_and_nothing_of_the_request_is_kept(
    db: Database, place: Place
) -> None:
    _, run = place
    negative = SentLines(-1, encode_lines(["{}"]))
    with pytest.raises(Invalid):
        send(db, place, Upload(system=system_row(0), history=negative))
    assert db.read_now(read.get_line_count, run.id, "system") == 0


# ---- beginning anew


def test_a_run_begun_anew_replaces_rows_and_console(db: Database, place: Place) -> None:
    _, run = place
    console_of_before = SentConsole(0, [f"before {i}" for i in range(5)])
    send(db, place, Upload(system=system_row(0), history=rows_of(0, 9), console=console_of_before))
    send(db, place, Upload(exit_code=0))
    send(db, place, Upload(system=system_row(0, session=1), console=SentConsole(0, ["after 0"])))
    send(db, place, Upload(history=rows_of(0, 3, session=1)))
    assert said(db, run) == ["after 0"]
    assert losses(db, run) == [(i, i / 8 + 1) for i in range(3)]


def test_a_run_begun_anew_without_system_metrics_replaces_its_console(
    db: Database, place: Place
) -> None:
    _, run = place
    send(db, place, Upload(history=rows_of(0, 9), console=SentConsole(0, ["a", "b", "c"])))
    anew = Upload(history=rows_of(0, 1, session=1), console=SentConsole(0, ["x"]))
    send(db, place, anew)
    assert said(db, run) == ["x"]


def test_a_progress_bar_rewrites_its_line_and_keeps_the_others(db: Database, place: Place) -> None:
    _, run = place
    first = SentConsole(0, ["10 %", "one", "two"])
    send(db, place, Upload(system=system_row(0), console=first))
    send(db, place, Upload(system=system_row(1), console=SentConsole(0, ["90 %"])))
    send(db, place, Upload(exit_code=0, console=SentConsole(0, ["100 %"])))
    send(db, place, Upload(exit_code=0, console=SentConsole(0, ["100 %"])))
    assert said(db, run) == ["100 %", "one", "two"]


# ---- summary


def test_the_last_summary_counts(db: Database, place: Place) -> None:
    _, run = place
    send(db, place, Upload(summary='{"loss": 2}'))
    send(db, place, Upload(summary='{"loss": 1, "_step": 3}'))
    assert state_of(db, run).parse_summary() == {"loss": 1, "_step": 3}


@pytest.mark.parametrize("text", ["", "[1]", '{"cut": ', "null\x00", "5"])
def test_a_summary_that_is_no_object_never_stops_the_stream(
    db: Database, place: Place, text: str
) -> None:
    _, run = place
    send(db, place, Upload(summary='{"loss": 2}'))
    send(db, place, Upload(summary=text, history=rows_of(0, 2)))
    assert state_of(db, run).parse_summary() in ({"loss": 2}, {})
    assert len(losses(db, run)) == 2


# ---- life


def test_every_upload_is_a_heartbeat_that_lists_notice(db: Database, place: Place) -> None:
    _, run = place
    send(db, place, Upload(), now_us=NOW_US + 7)
    after = state_of(db, run)
    assert after.heartbeat_at_us == NOW_US + 7
    assert after.change_seq > run.change_seq
    assert after.state == "running"


@pytest.mark.parametrize(("exit_code", "state"), [(0, "finished"), (1, "failed"), (255, "failed")])
def test_the_exit_code_ends_the_run(db: Database, place: Place, exit_code: int, state: str) -> None:
    _, run = place
    send(db, place, Upload(exit_code=exit_code))
    ended = state_of(db, run)
    assert (ended.state, ended.exit_code, ended.finished_at_us) == (state, exit_code, NOW_US)


def test_the_last_request_sent_twice_ends_the_run_once(db: Database, place: Place) -> None:
    _, run = place
    last = Upload(history=rows_of(0, 3), exit_code=0)
    send(db, place, last, now_us=NOW_US + 1)
    send(db, place, last, now_us=NOW_US + 9)
    ended = state_of(db, run)
    assert (ended.state, ended.finished_at_us) == ("finished", NOW_US + 1)


def test_an_early_request_that_arrives_late_does_not_wake_the_run(
    db: Database, place: Place
) -> None:
    _, run = place
    send(db, place, Upload(history=rows_of(0, 3)))
    send(db, place, Upload(history=rows_of(3, 6), exit_code=0))
    send(db, place, Upload(history=rows_of(0, 3)))
    assert state_of(db, run).state == "finished"


@pytest.mark.parametrize("exit_code", [0, 1])
def test_an_ended_run_that_sends_more_runs_again(
    db: Database, place: Place, exit_code: int
) -> None:
    _, run = place
    send(db, place, Upload(exit_code=exit_code))
    send(db, place, Upload(history=rows_of(0, 1)))
    woken = state_of(db, run)
    assert (woken.state, woken.exit_code, woken.finished_at_us) == ("running", None, None)


def test_a_stopped_run_hears_of_it_until_it_ends_as_killed(db: Database, place: Place) -> None:
    _, run = place
    assert not send(db, place, Upload()).is_stop_requested
    db.write_now(request_stop, run.id, now_us=NOW_US)
    assert send(db, place, Upload(history=rows_of(0, 2))).is_stop_requested
    assert send(db, place, Upload(exit_code=255)).is_stop_requested
    assert state_of(db, run).state == "killed"
    send(db, place, Upload(history=rows_of(2, 3)))
    assert state_of(db, run).state == "killed"


def test_a_preempted_run_says_so_before_it_goes(db: Database, place: Place) -> None:
    _, run = place
    send(db, place, Upload(is_preempting=True))
    assert state_of(db, run).state == "preempting"
    send(db, place, Upload(exit_code=1))
    assert state_of(db, run).state == "preempted"


# ---- permission


def paths_of_nobody(run: Run) -> Iterable[RunPath]:
    yield RunPath(run.entity, run.project, "no-such-run")
    yield RunPath(run.entity, "no-such-project", run.name)
    yield RunPath("no-such-entity", run.project, run.name)


def test_unknown_deleted_and_foreign_runs_get_the_same_answer(db: Database, place: Place) -> None:
    caller, run = place
    stranger = db.write_now(make_caller)
    told = []
    for path in paths_of_nobody(run):
        with pytest.raises(RunNotFound) as refused:
            db.write_now(accept_upload, caller=caller, path=path, upload=Upload(), now_us=NOW_US)
        told.append(str(refused.value).replace(refused.value.path, "PATH"))
    with pytest.raises(RunNotFound) as refused:
        send(db, (stranger, run), Upload(history=rows_of(0, 1)))
    told.append(str(refused.value).replace(refused.value.path, "PATH"))
    db.write_now(delete_run, run, now_us=NOW_US)
    with pytest.raises(RunNotFound) as refused:
        send(db, place, Upload(history=rows_of(0, 1)))
    told.append(str(refused.value).replace(refused.value.path, "PATH"))
    assert len(set(told)) == 1


def test_a_viewer_may_not_write(db: Database, place: Place) -> None:
    caller, _ = place
    viewer = db.write_now(make_caller)

    def put_run_in_team(conn: Connection) -> tuple[Caller, Run]:
        owner = get_user(conn, caller.username)
        team = create_team(conn, name="team-1", owner=owner, organization=None, now_us=NOW_US)
        set_member(conn, entity_id=team.id, user_id=viewer.user_id, role="viewer")
        run = make_run(conn, get_caller(conn, caller.user_id), entity=team.name)
        return get_caller(conn, viewer.user_id), run

    looking_on = db.write_now(put_run_in_team)
    with pytest.raises(Forbidden, match="viewer"):
        send(db, looking_on, Upload(history=rows_of(0, 1)))


def test_an_empty_entity_is_the_callers_own(db: Database, place: Place) -> None:
    caller, run = place
    path = RunPath("", run.project, run.name)
    accepted = db.write_now(accept_upload, caller=caller, path=path, upload=Upload(), now_us=NOW_US)
    assert accepted.run_id == run.id
