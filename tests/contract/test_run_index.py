"""The run index gives the answers of a plain loop over all runs, on both databases."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.server.columns.append import append_lines
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.commands import create_user
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.queries import get_caller
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.runs.commands import delete_run, record_activity, upsert_run
from steelyard.server.rooms.runs.fields import MISSING, Field, find_in_config, find_nested
from steelyard.server.rooms.runs.filters import EVERYTHING, kind_of, matches, parse_filter
from steelyard.server.rooms.runs.index import RunIndex
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.runs.listing import list_runs, narrow_filter
from steelyard.server.rooms.runs.model import Run, RunChanges
from steelyard.server.rooms.runs.order import OrderBy, parse_order
from steelyard.server.rooms.runs.queries import list_runs_by_id
from steelyard.server.rooms.runs.tables import runs

_numbers = itertools.count()

numbers = st.one_of(st.integers(-3, 3), st.sampled_from([0.5, 1.0, math.nan, math.inf, -math.inf]))
scalars = st.one_of(numbers, st.sampled_from(["", "a", "b", "adam", "1"]), st.booleans(), st.none())
values = st.one_of(scalars, st.lists(scalars, max_size=2), st.fixed_dictionaries({"n": scalars}))
documents = st.dictionaries(st.sampled_from(["lr", "opt", "a.b", "a", "value"]), values)
runs_made = st.fixed_dictionaries(
    {
        "config": documents,
        "summary": documents,
        "tags": st.lists(st.sampled_from(["x", "y"]), max_size=2, unique=True),
        "group": st.sampled_from([None, "g1", "g2"]),
    }
)
paths = st.sampled_from(
    [
        *("config.lr", "config.opt.value", "config.a.b", "config.a.value.n"),
        *("summary_metrics.lr", "summary.a.n", "summary_metrics.value"),
        *("tags", "group", "state", "displayName", "duration", "username"),
    ]
)
operators = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne"]), values),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), st.one_of(numbers, st.just("a"))),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(values, max_size=3)),
    st.tuples(st.just("$exists"), st.booleans()),
    st.tuples(st.just("$regex"), st.sampled_from(["^a", "b|x", "g[12]"])),
)
conditions = st.builds(
    lambda path, parts: {path: dict(parts)}, paths, st.lists(operators, min_size=1, max_size=2)
)
filters = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.builds(
            lambda key, parts: {key: parts},
            st.sampled_from(["$and", "$or", "$nor"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(lambda part: {"$not": part}, inner),
    ),
    max_leaves=4,
)
orders = st.lists(st.tuples(st.sampled_from("+-"), paths), max_size=2).map(
    lambda parts: ",".join(sign + path for sign, path in parts)
)


def make_project(conn: Connection) -> tuple[Project, Caller]:
    number = next(_numbers)
    user = create_user(conn, username=f"user-{number}", now_us=1)
    caller = get_caller(conn, user.id)
    project, _ = ensure_project(conn, caller=caller, entity="", name="p", now_us=1)
    return project, caller


def add_run(
    conn: Connection, project: Project, caller: Caller, name: str, made: dict[str, Any]
) -> Run:
    config = {key: {"value": value} for key, value in made.get("config", {}).items()}
    run, _ = upsert_run(
        conn,
        project=project,
        caller=caller,
        changes=RunChanges(
            name=name,
            display_name=made.get("display_name", f"run {name}"),
            config=dump_json(config),
            summary=dump_json(made.get("summary", {})),
            tags=made.get("tags", []),
            group=made.get("group"),
        ),
        now_us=1_000_000 * next(_numbers),
    )
    return run


def all_runs(conn: Connection, project: Project) -> list[Run]:
    ids = conn.execute(sa.select(runs.c.id).where(runs.c.project_id == project.id)).scalars()
    return list_runs_by_id(conn, list(ids))


def read_field(run: Run, field: Field) -> Any:
    """A field of a run, found without the index."""
    if field.source == "config":
        return find_in_config(run.parse_config(), field.keys)
    if field.source == "summary":
        return find_nested(run.parse_summary(), field.keys)
    name = field.keys[0]
    if name == "duration":
        return ((run.finished_at_us or run.heartbeat_at_us) - run.created_at_us) / 1e6
    value = getattr(run, f"{name}_us" if field.is_time else name)
    return MISSING if value is None else value


def compare(a: Run, b: Run, order: tuple[OrderBy, ...]) -> int:
    """Which of two runs comes first, said as plainly as possible."""
    for part in order:
        left, right = rank(read_field(a, part.field)), rank(read_field(b, part.field))
        if left == right:
            continue
        if None in (left, right):
            return 1 if left is None else -1
        is_less = left < right  # type: ignore[operator]  # None is out of the way
        return -1 if is_less is not part.is_descending else 1
    sign = -1 if order[0].is_descending else 1
    return sign * (1 if a.id > b.id else -1)


def rank(value: Any) -> tuple[int, Any] | None:
    kind = kind_of(value)
    if kind in ("missing", "null") or (isinstance(value, float) and math.isnan(value)):
        return None
    if kind in ("list", "object"):
        return 3, dump_json(value)
    return {"number": 0, "text": 1, "bool": 2}[kind], value


def expected_names(conn: Connection, project: Project, asked: Any, order_text: str) -> list[str]:
    order, parsed = parse_order(order_text), parse_filter(asked)
    found = [
        run
        for run in all_runs(conn, project)
        if matches(parsed, functools.partial(read_field, run))
    ]
    found.sort(key=functools.cmp_to_key(lambda a, b: compare(a, b, order)))
    return [run.name for run in found]


def listed_names(
    conn: Connection, index: RunIndex, project: Project, asked: Any, order_text: str, *, first: int
) -> list[str]:
    """Every page, one after the other."""
    names: list[str] = []
    after: str | None = None
    while True:
        page = list_runs(
            conn,
            index,
            project.id,
            filter=parse_filter(asked),
            order=parse_order(order_text),
            after=after,
            first=first,
        )
        names += [run.name for run in page.runs]
        after = page.next_cursor
        if after is None:
            assert page.total == len(names)
            return names


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    made=st.lists(runs_made, max_size=8),
    changed=st.lists(runs_made, max_size=3),
    deleted=st.integers(0, 2),
    asked=st.lists(st.tuples(filters, orders), min_size=1, max_size=3),
    first=st.integers(1, 4),
)
def test_pages_are_those_of_a_plain_loop_before_and_after_changes(
    db: Database,
    made: list[dict[str, Any]],
    changed: list[dict[str, Any]],
    deleted: int,
    asked: list[tuple[Any, str]],
    first: int,
) -> None:
    index = RunIndex()
    project, caller = db.write_now(make_project)
    for i, fields in enumerate(made):
        db.write_now(add_run, project, caller, f"r{i}", fields)
    for part, order in asked:
        listed = db.read_now(listed_names, index, project, part, order, first=first)
        assert listed == db.read_now(expected_names, project, part, order)
    for i, fields in enumerate(changed):
        db.write_now(add_run, project, caller, f"r{i * 3}", fields)
    for run in db.read_now(all_runs, project)[:deleted]:
        db.write_now(delete_run, run, now_us=5)
    for part, order in asked:
        listed = db.read_now(listed_names, index, project, part, order, first=first)
        assert listed == db.read_now(expected_names, project, part, order)


def test_runs_that_come_go_and_change_between_pages_shift_no_others(db: Database) -> None:
    index = RunIndex()
    project, caller = db.write_now(make_project)
    for i in range(10):
        db.write_now(add_run, project, caller, f"r{i}", {"summary": {"acc": i / 10}})
    order = parse_order("-summary_metrics.acc")
    page = db.read_now(list_runs, index, project.id, order=order, first=4)
    assert [run.name for run in page.runs] == ["r9", "r8", "r7", "r6"]
    db.write_now(add_run, project, caller, "best", {"summary": {"acc": 1.0}})
    db.write_now(add_run, project, caller, "r6", {"summary": {"acc": 0.95}})
    (last,) = [run for run in db.read_now(all_runs, project) if run.name == "r5"]
    db.write_now(delete_run, last, now_us=5)
    rest = db.read_now(list_runs, index, project.id, order=order, after=page.next_cursor, first=9)
    assert [run.name for run in rest.runs] == ["r4", "r3", "r2", "r1", "r0"]
    assert rest.next_cursor is None
    assert rest.total == 10


def test_a_heartbeat_is_seen_by_the_next_query(db: Database) -> None:
    index = RunIndex()
    project, caller = db.write_now(make_project)
    run = db.write_now(add_run, project, caller, "r", {})
    wanted = parse_filter({"heartbeatAt": {"$gt": "2026-01-01T00:00:00"}})
    assert db.read_now(index.count, project.id, filter=wanted) == 0
    db.write_now(record_activity, run.id, now_us=1_800_000_000_000_000)
    assert db.read_now(index.count, project.id, filter=wanted) == 1


def test_runs_are_found_by_the_keys_they_logged_whatever_their_summary_says(db: Database) -> None:
    index = RunIndex()
    project, caller = db.write_now(make_project)
    db.write_now(add_run, project, caller, "summary-only", {"summary": {"loss": 1}})
    logged = db.write_now(add_run, project, caller, "logged", {})
    has_loss = parse_filter({"keys_info.keys.loss": {"$exists": True}})
    assert db.read_now(index.count, project.id, filter=has_loss) == 0

    def log(conn: Connection) -> None:
        append_lines(
            conn, run_id=logged.id, stream="history", writer="", offset=0, lines=['{"loss":1}'],
            now_us=1,
        )  # fmt: skip
        record_activity(conn, logged.id, now_us=1)

    db.write_now(log)
    page = db.read_now(list_runs, index, project.id, filter=has_loss, first=5)
    assert [run.name for run in page.runs] == ["logged"]


def test_a_reader_with_an_older_view_gets_an_answer_and_harms_no_later_one(db: Database) -> None:
    index = RunIndex()
    project, caller = db.write_now(make_project)
    db.write_now(add_run, project, caller, "old", {"config": {"lr": 1}})

    def read_across_a_change(conn: Connection) -> list[str]:
        conn.execute(sa.select(sa.func.count()).select_from(runs)).scalar_one()
        db.write_now(add_run, project, caller, "new", {"config": {"lr": 2}})
        assert db.read_now(index.count, project.id, filter=EVERYTHING) == 2
        page = list_runs(
            conn, index, project.id, filter=parse_filter({"config.lr": {"$gt": 0}}), first=5
        )
        return [run.name for run in page.runs]

    assert db.read_now(read_across_a_change) == ["old"]
    page = db.read_now(
        list_runs, index, project.id, filter=parse_filter({"config.lr": {"$gt": 1}}), first=5
    )
    assert [run.name for run in page.runs] == ["new"]


def test_a_search_looks_in_both_names_as_text_or_as_regex(db: Database) -> None:
    index = RunIndex()
    project, caller = db.write_now(make_project)
    for name, shown in (("abc", "Happy Fox 1"), ("xyz", "abacus"), ("other", "fox.2")):
        db.write_now(add_run, project, caller, name, {"display_name": shown})

    def search(text: str, states: list[str] | None = None) -> list[str]:
        page = db.read_now(
            list_runs, index, project.id, search=text, states=states, first=9,
            order=parse_order("+name"),
        )  # fmt: skip
        return [run.name for run in page.runs]

    assert search("FOX") == ["abc", "other"]
    assert search("aba") == ["xyz"]
    assert search("/fox.[0-9]/") == ["other"]
    assert search("/fox.[0-9]/i") == ["abc", "other"]
    assert search("x", states=["failed"]) == []


def test_memory_is_bounded_by_dropping_projects_not_used_for_longest(db: Database) -> None:
    index = RunIndex(bytes_max=1)
    for _ in range(3):
        project, caller = db.write_now(make_project)
        db.write_now(add_run, project, caller, "r", {"config": {"lr": 1}})
        page = db.read_now(
            list_runs, index, project.id, filter=parse_filter({"config.lr": 1}), first=5
        )
        assert page.total == 1
    assert list(index._projects) == [project.id]


@pytest.mark.parametrize(
    ("cursor", "reason"), [("nonsense", "no cursor"), ("WzEsW10sMV0", "another order")]
)
def test_a_cursor_of_something_else_is_refused(db: Database, cursor: str, reason: str) -> None:
    project, _ = db.write_now(make_project)
    with pytest.raises(Invalid, match=reason):
        db.read_now(list_runs, RunIndex(), project.id, after=cursor, first=5)


def test_narrowing_nothing_matches_everything() -> None:
    assert matches(narrow_filter(EVERYTHING), lambda _: MISSING)
