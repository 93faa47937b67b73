"""Sweeps: lists, one in full, changes to it, its trials, and the work of agents."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from litestar import delete, get, patch, post
from litestar.params import QueryParameter
from sqlalchemy.engine import Connection

from steelyard.errors import AgentNotFound
from steelyard.limits import PAGE_ITEMS_MAX
from steelyard.server.api.sweep_rows import (
    AgentRow,
    SweepConfigRow,
    SweepDetail,
    SweepRow,
    TrialRow,
    detail_of_sweep,
    row_of_agent,
    row_of_sweep,
    row_of_trial,
)
from steelyard.server.db.interface import Database
from steelyard.server.http.paging import Page, check_limit, decode_cursor, encode_cursor
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.projects.policy import get_readable_project
from steelyard.server.rooms.runs.filters import EVERYTHING, Filter, parse_filter
from steelyard.server.rooms.sweeps import commands
from steelyard.server.rooms.sweeps.configuration import ParsedConfig, parse_sweep_config
from steelyard.server.rooms.sweeps.dispatch import Dispatcher
from steelyard.server.rooms.sweeps.listing import (
    count_matching,
    find_sweeps,
    parse_sweep_field,
)
from steelyard.server.rooms.sweeps.model import (
    AgentCommand,
    AgentReport,
    Ending,
    SweepChanges,
    SweepState,
)
from steelyard.server.rooms.sweeps.policy import get_readable_sweep, get_writable_sweep
from steelyard.server.rooms.sweeps.queries import (
    agent_names,
    find_agent,
    list_agents,
    list_configs,
    list_trials,
)
from steelyard.server.rooms.sweeps.removal import delete_sweep as forget_sweep

SWEEPS = "/api/v1/{entity:str}/{project:str}/sweeps"
SWEEP = SWEEPS + "/{sweep:str}"
SEED_BITS = 31
Clock = Callable[[], int]
Config = Annotated[
    str | dict[str, Any],
    msgspec.Meta(description="The configuration: YAML or JSON as a text, or the same as an object"),
]


class NewSweep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sweep to be made. `prior_runs` are names of runs that it learns from."""

    config: Config
    display_name: str | None = None
    description: str | None = None
    prior_runs: list[str] = []


class SweepPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to a sweep; what is left out or null stays.

    `state`: `paused` hands out no new runs, `running` goes on, `finished` lets running runs end by
    themselves, `canceled` asks them to stop. Another `config` is a new version of it: what was
    tried stays.
    """

    config: Config | None = None
    state: SweepState | None = None
    display_name: str | None = None
    description: str | None = None


class NewAgent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A process that asks for work: where it runs."""

    host: str = ""


class AgentBeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sign of life of an agent: the runs it has at work, and how those ended that it had.

    `preempted` gives the configuration back: the next agent goes on with that run. An agent without
    `wants_work` gets no new run.
    """

    running: list[str] = []
    ended: dict[str, Ending] = {}
    wants_work: bool = True


class AgentWork(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the agent is to do; nothing for now when it is empty: ask again in a few seconds.

    `waits` says why an idle agent gets nothing: a budget, a quota, a phase that has not begun.
    """

    commands: list[AgentCommand]
    waits: str | None = None


@get(SWEEPS)
async def list_project_sweeps(
    entity: str,
    project: str,
    caller: Caller,
    db: Database,
    states: Annotated[list[SweepState] | None, QueryParameter(name="state")] = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Page[SweepRow]:
    """Sweeps of a project, newest first, in one of the states when some are named."""
    count = check_limit(limit)
    before_id = None if cursor is None else decode_cursor(cursor, tuple[int])[0]
    chosen: Filter = EVERYTHING
    if states:
        chosen = parse_filter({"state": {"$in": states}}, parse_sweep_field)

    def read(conn: Connection) -> Page[SweepRow]:
        found = get_readable_project(conn, caller, entity, project)
        page = find_sweeps(conn, found.id, filter=chosen, limit=count, before_id=before_id)
        return Page(
            [row_of_sweep(each) for each in page.sweeps],
            encode_cursor(page.sweeps[-1].id) if page.has_more else None,
            count_matching(conn, found.id, chosen),
        )

    return await db.read(read)


@post(SWEEPS, status_code=201)
async def create_sweep(
    entity: str,
    project: str,
    data: NewSweep,
    caller: Caller,
    db: Database,
    sweeps: Dispatcher,
    now_us: Clock,
) -> SweepDetail:
    """Make a sweep from a configuration; it starts with its first agent.

    A configuration that cannot be searched is refused with `diagnostics`: for each its `severity`,
    `path`, `line`, `message` and `suggestion`. Nothing is made then.
    """
    config = await asyncio.to_thread(parse_sweep_config, data.config)

    def write(conn: Connection) -> SweepDetail:
        place, _ = ensure_project(conn, caller=caller, entity=entity, name=project, now_us=now_us())
        made = commands.create_sweep(
            conn,
            project=place,
            caller=caller,
            config=config,
            changes=SweepChanges(
                display_name=data.display_name,
                description=data.description,
                prior_runs=data.prior_runs,
            ),
            seed=secrets.randbits(SEED_BITS),
            now_us=now_us(),
        )
        return detail_of_sweep(conn, made, config.problem, warnings=config.warnings)

    return await db.write(write)


@get(SWEEP)
async def show_sweep(
    entity: str, project: str, sweep: str, caller: Caller, db: Database, sweeps: Dispatcher
) -> SweepDetail:
    """One sweep in full: what it searches, how far it is, its best value."""

    def read(conn: Connection) -> SweepDetail:
        found = get_readable_sweep(conn, caller, entity, project, sweep)
        problem, odd = sweeps.problems.get(found), sweeps.problems.get_warnings(found)
        return detail_of_sweep(conn, found, problem, warnings=odd)

    return await db.read(read)


@patch(SWEEP)
async def edit_sweep(
    entity: str,
    project: str,
    sweep: str,
    data: SweepPatch,
    caller: Caller,
    db: Database,
    sweeps: Dispatcher,
    now_us: Clock,
) -> SweepDetail:
    """Pause, resume, stop or cancel a sweep, name it, or change what it searches."""
    config: ParsedConfig | None = None
    if data.config is not None:
        config = await asyncio.to_thread(parse_sweep_config, data.config)

    def write(conn: Connection) -> SweepDetail:
        found = get_writable_sweep(conn, caller, entity, project, sweep)
        held = commands.lock_sweep(conn, found.id)
        changed = commands.update_sweep(
            conn,
            held,
            SweepChanges(
                state=data.state, display_name=data.display_name, description=data.description
            ),
            config=config,
            caller=caller,
            now_us=now_us(),
        )
        problem = sweeps.problems.get(changed)
        return detail_of_sweep(conn, changed, problem, warnings=config.warnings if config else [])

    return await db.write(write)


@delete(SWEEP, status_code=204)
async def delete_sweep(entity: str, project: str, sweep: str, caller: Caller, db: Database) -> None:
    """Delete a sweep. Its runs stay; its agents end when they next ask. There is no way back."""

    def write(conn: Connection) -> None:
        found = get_writable_sweep(conn, caller, entity, project, sweep)
        commands.lock_sweep(conn, found.id)
        forget_sweep(conn, found.id)

    await db.write(write)


@get(SWEEP + "/configs")
async def list_sweep_configs(
    entity: str, project: str, sweep: str, caller: Caller, db: Database
) -> Page[SweepConfigRow]:
    """Every configuration that the sweep had, oldest first; trials name theirs by its version."""

    def read(conn: Connection) -> Page[SweepConfigRow]:
        found = get_readable_sweep(conn, caller, entity, project, sweep)
        rows = [
            SweepConfigRow(each.version, each.text, each.username, each.created_at_us)
            for each in list_configs(conn, found.id)
        ]
        return Page(rows, None, len(rows))

    return await db.read(read)


@get(SWEEP + "/trials")
async def list_sweep_trials(
    entity: str,
    project: str,
    sweep: str,
    caller: Caller,
    db: Database,
    limit: int | None = None,
    cursor: str | None = None,
) -> Page[TrialRow]:
    """Configurations in the order in which they were suggested, and what became of each."""
    count = check_limit(limit)
    after = -1 if cursor is None else decode_cursor(cursor, tuple[int])[0]

    def read(conn: Connection) -> Page[TrialRow]:
        found = get_readable_sweep(conn, caller, entity, project, sweep)
        trials = list_trials(conn, found.id, limit=count + 1, after_index=after)
        page = trials[:count]
        names = agent_names(conn, [t.agent_id for t in page if t.agent_id is not None])
        has_more = len(trials) > count
        return Page(
            [row_of_trial(trial, names) for trial in page],
            encode_cursor(page[-1].index) if has_more else None,
            found.trial_count,
        )

    return await db.read(read)


@get(SWEEP + "/agents")
async def list_sweep_agents(
    entity: str,
    project: str,
    sweep: str,
    caller: Caller,
    db: Database,
    now_us: Clock,
    limit: int | None = None,
    cursor: str | None = None,
) -> Page[AgentRow]:
    """Agents in the order in which they came."""
    count = check_limit(limit, limit_max=PAGE_ITEMS_MAX)
    after_id = 0 if cursor is None else decode_cursor(cursor, tuple[int])[0]

    def read(conn: Connection) -> Page[AgentRow]:
        found = get_readable_sweep(conn, caller, entity, project, sweep)
        agents = list_agents(conn, found.id, limit=count + 1, after_id=after_id)
        rows = [row_of_agent(agent, now_us=now_us()) for agent in agents[:count]]
        next_cursor = encode_cursor(agents[count - 1].id) if len(agents) > count else None
        return Page(rows, next_cursor)

    return await db.read(read)


@post(SWEEP + "/agents", status_code=201)
async def create_sweep_agent(
    entity: str,
    project: str,
    sweep: str,
    data: NewAgent,
    caller: Caller,
    db: Database,
    now_us: Clock,
) -> AgentRow:
    """Register a process that will ask for work. The first one starts the sweep."""

    def write(conn: Connection) -> AgentRow:
        found = get_writable_sweep(conn, caller, entity, project, sweep)
        held = commands.lock_sweep(conn, found.id)
        agent = commands.create_agent(conn, held, caller=caller, host=data.host, now_us=now_us())
        return row_of_agent(agent, now_us=now_us())

    return await db.write(write)


@post(SWEEP + "/agents/{agent:str}/next", status_code=200)
async def next_sweep_work(
    entity: str,
    project: str,
    sweep: str,
    agent: str,
    data: AgentBeat,
    caller: Caller,
    db: Database,
    sweeps: Dispatcher,
    now_us: Clock,
) -> AgentWork:
    """Say that an agent lives and what it has at work, and hear what it is to do.

    Ask every few seconds: an agent that is silent for two minutes, and whose run is silent too,
    loses its trial to the next one. Asking twice does no harm.
    """

    def read(conn: Connection) -> int:
        found = get_writable_sweep(conn, caller, entity, project, sweep)
        known = find_agent(conn, found.id, agent)
        if known is None:
            raise AgentNotFound(f"{agent!r} of the sweep {found.path}")
        return known.id

    def read_waits(conn: Connection) -> str | None:
        return get_writable_sweep(conn, caller, entity, project, sweep).waits_reason

    agent_id = await db.read(read)
    given = await asyncio.to_thread(
        sweeps.beat,
        caller,
        agent_id,
        AgentReport(running=frozenset(data.running), ended=data.ended, wants_work=data.wants_work),
        now_us=now_us(),
    )
    if given or data.running or not data.wants_work:
        return AgentWork(given)
    return AgentWork(given, await db.read(read_waits))


handlers = [
    list_project_sweeps,
    create_sweep,
    show_sweep,
    edit_sweep,
    delete_sweep,
    list_sweep_configs,
    list_sweep_trials,
    list_sweep_agents,
    create_sweep_agent,
    next_sweep_work,
]
