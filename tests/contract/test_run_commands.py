"""What creating and changing runs means, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy.engine import Connection

from steelyard.errors import Forbidden, Invalid, RunNotFound
from steelyard.server.columns import append, read
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.commands import set_member
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.queries import get_caller
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.runs import commands
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.runs.model import Run, RunChanges
from steelyard.server.rooms.runs.policy import get_writable_run
from steelyard.server.rooms.runs.queries import find_run, find_run_by_id, list_alerts
from tests.support.accounts import NOW_US, make_caller, make_run

T = TypeVar("T")
SECOND_US = 1_000_000

texts = st.one_of(st.none(), st.text(max_size=20))
tags = st.one_of(st.none(), st.lists(st.text(max_size=5), max_size=3))
objects = st.one_of(
    st.none(), st.dictionaries(st.text(max_size=5), st.floats(), max_size=3).map(dump_json)
)
changes_made = st.builds(
    RunChanges,
    name=st.just("r"),
    display_name=texts,
    notes=texts,
    config=objects,
    summary=objects,
    tags=tags,
    group=texts,
    state=st.sampled_from([None, "running", "pending"]),
)


class Place:
    """A caller with a project, and shorthands for one run in it."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.caller: Caller = db.write_now(make_caller)
        self.project: Project = db.write_now(
            lambda conn: ensure_project(
                conn, caller=self.caller, entity="", name="p", now_us=NOW_US
            )[0]
        )

    def upsert(self, *, after_s: int = 0, **changes: Any) -> tuple[Run, bool]:
        return self.write(
            lambda conn: commands.upsert_run(
                conn,
                project=self.project,
                caller=self.caller,
                changes=RunChanges(**{"name": "r", **changes}),
                now_us=NOW_US + after_s * SECOND_US,
            )
        )

    def edit(self, run: Run, **changes: Any) -> Run:
        return self.write(
            lambda conn: commands.update_run(
                conn, run, RunChanges(id=run.id, **changes), now_us=NOW_US + SECOND_US
            )
        )

    def write(self, fn: Callable[[Connection], T]) -> T:
        return self.db.write_now(fn)

    def log(self, run: Run, *rows: dict[str, Any], offset: int = 0) -> None:
        self.write(
            lambda conn: append.append_lines(
                conn,
                run_id=run.id,
                stream="history",
                writer="",
                offset=offset,
                lines=[dump_json(row) for row in rows],
                now_us=NOW_US,
            )
        )


@pytest.fixture
def place(db: Database) -> Place:
    return Place(db)


# ---- creating and changing


def test_a_run_is_made_once_and_changed_afterwards(place: Place) -> None:
    made, was_made = place.upsert(config='{"a":{"value":1}}')
    again, was_made_again = place.upsert(config='{"b":{"value":2}}')
    assert (was_made, was_made_again) == (True, False)
    assert again.id == made.id
    assert again.config == '{"b":{"value":2}}'
    assert made.state == "running"


def test_what_is_not_said_stays(place: Place) -> None:
    said: dict[str, Any] = {
        "notes": "n",
        "tags": ["a"],
        "group": "g",
        "config": '{"a":1}',
        "summary": '{"b":2}',
    }
    made, _ = place.upsert(display_name="shown", **said)
    again, _ = place.upsert()
    for field in ("display_name", "notes", "tags", "group", "config", "summary"):
        assert getattr(again, field) == getattr(made, field)


def test_no_tags_and_tags_not_mentioned_are_two_things(place: Place) -> None:
    place.upsert(tags=["a", "b", "a"])
    assert place.upsert(tags=None)[0].tags == ["a", "b"]
    assert place.upsert(tags=[])[0].tags == []


def test_unnamed_runs_get_names_that_count_up_per_project(place: Place) -> None:
    names = [place.upsert(name=name)[0].display_name for name in ("a", "b", "c")]
    assert [name.rsplit("-", 1)[1] for name in names] == ["1", "2", "3"]
    assert all(len(name.split("-")) == 3 for name in names)
    assert place.upsert(name="a", display_name="")[0].display_name == names[0]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=changes_made)
def test_the_same_upsert_twice_is_the_same_as_once(place: Place, changes: RunChanges) -> None:
    given_fields = {
        name: getattr(changes, name) for name in changes.__struct_fields__ if name != "id"
    }
    once, _ = place.upsert(**given_fields)
    twice, was_made = place.upsert(**given_fields)
    assert not was_made
    ignored = {"change_seq": 0, "updated_at_us": 0}
    assert _fields(once) | ignored == _fields(twice) | ignored


def _fields(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in run.__struct_fields__}


def test_an_upsert_that_changes_nothing_but_the_heartbeat_is_noticed(place: Place) -> None:
    first, _ = place.upsert()
    second, _ = place.upsert(after_s=5)
    assert second.heartbeat_at_us - first.heartbeat_at_us == 5 * SECOND_US
    assert second.change_seq > first.change_seq


def test_an_edit_never_makes_an_ended_run_running(place: Place) -> None:
    run, _ = place.upsert()
    place.write(lambda conn: commands.finish_run(conn, run.id, 0, now_us=NOW_US))
    edited = place.edit(run, notes="later", config="{}")
    assert (edited.state, edited.notes) == ("finished", "later")


def test_a_process_that_names_an_ended_run_continues_it(place: Place) -> None:
    run, _ = place.upsert()
    place.write(lambda conn: commands.request_stop(conn, run.id, now_us=NOW_US))
    place.write(lambda conn: commands.finish_run(conn, run.id, 255, now_us=NOW_US))
    again, _ = place.upsert()
    assert (again.state, again.exit_code, again.stop_requested) == ("running", None, False)


def test_an_edit_that_changes_nothing_writes_nothing(place: Place) -> None:
    run, _ = place.upsert(notes="n")
    assert place.edit(run, notes="n").change_seq == run.change_seq


@pytest.mark.parametrize("name", ["a-b_c.9", "ünïcode-名前", "a b", "x" * 128, "a..b"])
def test_ids_that_clients_choose(place: Place, name: str) -> None:
    assert place.upsert(name=name)[0].name == name


@pytest.mark.parametrize(
    "name",
    ["", "..", ".", "../x", "a/b", "a\\b", "a#b", "a?b", "a%b", "a:b", "a\nb", "a\x00b", " a"],
)
def test_ids_that_mean_something_in_a_path_are_refused(place: Place, name: str) -> None:
    with pytest.raises(Invalid, match="id of a run"):
        place.upsert(name=name)


def test_an_id_of_129_characters_is_refused_with_the_limit(place: Place) -> None:
    with pytest.raises(Invalid, match="128 characters; this one has 129"):
        place.upsert(name="x" * 129)


@pytest.mark.parametrize("config", ["[]", "{", '"text"', "1"])
def test_a_config_that_is_no_object_is_refused_and_nothing_is_made(
    place: Place, config: str
) -> None:
    with pytest.raises(Invalid):
        place.upsert(config=config)
    assert place.db.read_now(find_run, place.project.id, "r") is None


def test_an_unknown_state_is_refused_naming_the_known_ones(place: Place) -> None:
    with pytest.raises(Invalid, match=r"'asleep' is no state of a run; states are .*running"):
        place.upsert(state="asleep")


def test_two_processes_that_make_one_run_make_one(place: Place) -> None:
    made = [place.upsert() for _ in range(4)]
    assert [was_made for _, was_made in made] == [True, False, False, False]
    assert len({run.id for run, _ in made}) == 1


# ---- states


@pytest.mark.parametrize(
    ("ends_with", "is_stopped", "is_preempting", "state"),
    [
        (0, False, False, "finished"),
        (0, True, False, "finished"),
        (1, False, False, "failed"),
        (255, True, False, "killed"),
        (1, False, True, "preempted"),
        (143, True, True, "killed"),
    ],
)
def test_the_exit_code_and_what_was_asked_decide_the_end(
    place: Place, ends_with: int, is_stopped: bool, is_preempting: bool, state: str
) -> None:
    run, _ = place.upsert()
    if is_stopped:
        place.write(lambda conn: commands.request_stop(conn, run.id, now_us=NOW_US))
    if is_preempting:
        place.write(lambda conn: commands.mark_preempting(conn, run.id, now_us=NOW_US))
    ended = place.write(
        lambda conn: commands.finish_run(conn, run.id, ends_with, now_us=NOW_US + SECOND_US)
    )
    assert (ended.state, ended.exit_code) == (state, ends_with)
    assert ended.finished_at_us == NOW_US + SECOND_US


def test_silent_runs_are_marked_crashed_once(place: Place) -> None:
    silent, _ = place.upsert(name="silent")
    alive, _ = place.upsert(name="alive", after_s=400)

    def mark(conn: Connection) -> list[int]:
        return commands.mark_crashed(
            conn, now_us=NOW_US + 500 * SECOND_US, silent_for_us=300 * SECOND_US
        )

    assert place.write(mark) == [silent.id]
    assert place.write(mark) == []
    crashed = place.db.read_now(find_run_by_id, silent.id)
    assert crashed is not None
    assert (crashed.state, crashed.finished_at_us) == ("crashed", silent.heartbeat_at_us)
    still = place.db.read_now(find_run_by_id, alive.id)
    assert still is not None and still.state == "running"


def test_a_run_thought_dead_that_speaks_again_runs(place: Place) -> None:
    run, _ = place.upsert()
    later_us = NOW_US + 500 * SECOND_US
    place.write(
        lambda conn: commands.mark_crashed(conn, now_us=later_us, silent_for_us=300 * SECOND_US)
    )
    place.write(lambda conn: commands.record_activity(conn, run.id, now_us=later_us))
    again = place.db.read_now(find_run_by_id, run.id)
    assert again is not None
    assert (again.state, again.finished_at_us) == ("running", None)


def test_states_are_moved_by_hand_along_allowed_ways_only(place: Place) -> None:
    run, _ = place.upsert()
    failed = place.write(lambda conn: commands.update_state(conn, run, "failed", now_us=NOW_US))
    assert failed.state == "failed"
    with pytest.raises(Invalid, match="invalid state transition"):
        place.write(lambda conn: commands.update_state(conn, failed, "failed", now_us=NOW_US))
    pending = place.write(
        lambda conn: commands.update_state(conn, failed, "pending", now_us=NOW_US)
    )
    assert pending.state == "pending"


# ---- branches


def test_a_fork_has_the_history_config_and_summary_of_its_step(place: Place) -> None:
    source, _ = place.upsert(name="source", config='{"lr":{"value":1},"_wandb":{"value":{}}}')
    rows = [{"_step": n, "loss": 10.0 - n, "word": f"w{n}", "in": {"x": n}} for n in range(6)]
    place.log(source, *rows)
    point = {"_wandb": {"value": {"branch_point": {"run_id": "source", "step": 3}}}}
    fork, was_made = place.upsert(name="fork", config=dump_json(point | {"own": {"value": 2}}))
    assert was_made
    assert place.db.read_now(read.get_line_count, fork.id, "history") == 4
    summary = fork.parse_summary()
    assert (summary["_step"], summary["loss"], summary["word"]) == (3, 7.0, "w3")
    assert summary["in"] == {"x": 3}
    config = fork.parse_config()
    assert (config["lr"], config["own"]) == ({"value": 1}, {"value": 2})
    assert config["_wandb"] == point["_wandb"]
    assert fork.forked_from == "source?_step=3"


def test_a_fork_keeps_what_it_inherited_when_its_process_sends_its_own(place: Place) -> None:
    source, _ = place.upsert(name="source", config='{"lr":{"value":1}}')
    place.log(source, {"_step": 0, "loss": 5.0})
    point = {"_wandb": {"value": {"branch_point": {"run_id": "source", "step": 0}}}}
    place.upsert(name="fork", config=dump_json(point))
    later, _ = place.upsert(name="fork", config=dump_json(point), summary='{"acc":1}')
    assert later.parse_config()["lr"] == {"value": 1}
    summary = later.parse_summary()
    assert (summary["acc"], summary["loss"]) == (1, 5.0)


def test_a_fork_of_nothing_is_refused_and_not_made(place: Place) -> None:
    point = {"_wandb": {"value": {"branch_point": {"run_id": "gone", "step": 1}}}}
    with pytest.raises(RunNotFound, match="gone"):
        place.upsert(name="fork", config=dump_json(point))
    assert place.db.read_now(find_run, place.project.id, "fork") is None


def test_a_rewound_run_goes_on_from_its_step(place: Place) -> None:
    run, _ = place.upsert(summary='{"loss":{"min":1}}')
    place.log(run, *({"_step": n, "loss": float(n)} for n in range(6)))
    rewound, lines_left = place.write(
        lambda conn: commands.rewind_run(conn, run, last_step=2, now_us=NOW_US)
    )
    assert lines_left == 3
    assert rewound.parse_summary() == {"loss": {"min": 0.0}, "_step": 2}


# ---- going


def test_a_deleted_run_takes_everything_with_it(place: Place) -> None:
    run, _ = place.upsert()
    place.log(run, {"_step": 0, "loss": 1.0})
    place.write(
        lambda conn: commands.create_alert(
            conn, run, title="t", text="", severity="INFO", wait_duration_ms=0, now_us=NOW_US
        )
    )
    place.write(lambda conn: commands.delete_run(conn, run, now_us=NOW_US))
    assert place.db.read_now(find_run_by_id, run.id) is None
    assert place.db.read_now(read.get_line_count, run.id, "history") == 0
    with pytest.raises(RunNotFound):
        place.write(lambda conn: commands.lock_run(conn, run.id))


def test_an_alert_of_the_same_title_waits_its_turn(place: Place) -> None:
    run, _ = place.upsert()

    def alert(after_s: int) -> bool:
        return place.write(
            lambda conn: commands.create_alert(
                conn,
                run,
                title="t",
                text="",
                severity="WARN",
                wait_duration_ms=60_000,
                now_us=NOW_US + after_s * SECOND_US,
            )
        )

    assert [alert(0), alert(30), alert(61)] == [True, False, True]
    newest, oldest = place.db.read_now(list_alerts, run.id, limit=10)
    assert newest.created_at_us - oldest.created_at_us == 61 * SECOND_US
    assert (oldest.title, oldest.severity) == ("t", "WARN")


# ---- permission


def test_a_foreign_run_is_as_absent_as_an_unknown_one(place: Place) -> None:
    run, _ = place.upsert()
    stranger = place.write(make_caller)
    messages = []
    for run_id in (run.id, 10**9):
        with pytest.raises(RunNotFound) as refused:
            place.db.read_now(get_writable_run, stranger, run_id)
        messages.append(str(refused.value).replace(str(run_id), "N"))
    assert messages[0] == messages[1]


def test_a_viewer_may_read_and_not_write(place: Place) -> None:
    run = place.write(lambda conn: make_run(conn, place.caller))
    viewer = place.write(make_caller)

    def join(conn: Connection) -> Caller:
        set_member(conn, entity_id=run.entity_id, user_id=viewer.user_id, role="viewer")
        return get_caller(conn, viewer.user_id)

    with pytest.raises(Forbidden, match="viewer"):
        place.db.read_now(get_writable_run, place.write(join), run.id)


def test_processes_that_start_at_once_make_each_run_once_and_number_them_apart(
    place: Place,
) -> None:
    names = ["one", "two", "three"] * 4
    with ThreadPoolExecutor(6) as at_once:
        made = list(at_once.map(lambda name: place.upsert(name=name), names))
    assert sum(was_made for _, was_made in made) == 3
    assert len({run.id for run, _ in made}) == 3
    numbers = {run.display_name.rsplit("-", 1)[1] for run, _ in made}
    assert len(numbers) == 3
