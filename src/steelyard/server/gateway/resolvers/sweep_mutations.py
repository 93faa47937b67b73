"""Sweeps made and changed, and the work of their agents."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec

from steelyard.errors import Invalid, UnsupportedError
from steelyard.limits import SWEEP_PRIOR_RUNS_MAX
from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import decode_id
from steelyard.server.rooms.projects.commands import DEFAULT_PROJECT, ensure_project
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.runs.filters import parse_filter
from steelyard.server.rooms.runs.json_text import dump_json, parse_json, parse_json_object
from steelyard.server.rooms.runs.listing import list_runs
from steelyard.server.rooms.sweeps import commands
from steelyard.server.rooms.sweeps.configuration import ParsedConfig, parse_sweep_config
from steelyard.server.rooms.sweeps.controller import apply_controller
from steelyard.server.rooms.sweeps.enqueue import enqueue_run
from steelyard.server.rooms.sweeps.model import AgentReport, SweepChanges
from steelyard.server.rooms.sweeps.policy import get_writable_sweep, get_writable_sweep_by_id
from steelyard.server.rooms.sweeps.queries import find_agent_by_id

SEED_BITS = 31


def upsert_sweep(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    _refuse_queues(input)
    config = _parse_config(context, input.get("config"))
    is_new = not input.get("id")
    if is_new:
        sweep = _create(context, input, config)
    else:
        found = get_writable_sweep_by_id(
            context.conn, context.caller, decode_id("Sweep", input["id"])
        )
        sweep = commands.lock_sweep(context.conn, found.id)
        current = context.sweeps.problems.get(sweep).raw
        # wandb 0.31.0: controllers and the command send the configuration back with every change,
        # written in their own way.
        is_edit = config is not None and config.problem.raw != current
        sweep = commands.update_sweep(
            context.conn,
            sweep,
            _changes(input),
            config=config if is_edit else None,
            caller=context.caller,
            now_us=context.now_us,
        )
    if input.get("controller"):
        sweep = apply_controller(context.conn, sweep, now_us=context.now_us)
    return {
        "sweep": sweep,
        # wandb 0.31.0 sdk/launch/sweeps/utils.py calls each of them a violation of the schema and
        # prints it between the lines that scripts read the id from. A guess by a name is no such
        # thing; it stands on the page of the sweep.
        "config_validation_warnings": [] if config is None else config.violations,
        "inserted": is_new,
    }


def _create(context: Context, given: dict[str, Any], config: ParsedConfig | None) -> Any:
    if config is None:
        raise Invalid("a new sweep needs a config: YAML that begins with method: and parameters:")
    project, _ = ensure_project(
        context.conn,
        caller=context.caller,
        entity=given.get("entity_name") or config.problem.entity or "",
        name=given.get("project_name") or config.problem.project or "",
        now_us=context.now_us,
    )
    prior_runs = _find_prior_runs(context, project, given.get("prior_runs_filters"))
    return commands.create_sweep(
        context.conn,
        project=project,
        caller=context.caller,
        config=config,
        changes=msgspec.structs.replace(_changes(given), prior_runs=prior_runs),
        seed=secrets.randbits(SEED_BITS),
        now_us=context.now_us,
    )


def _parse_config(context: Context, text: str | None) -> ParsedConfig | None:
    """Outside the transaction: a long configuration takes a while to read."""
    if not text:
        return None
    parsed: ParsedConfig = context.after(("config", text), lambda: parse_sweep_config(text))
    return parsed


def _changes(given: dict[str, Any]) -> SweepChanges:
    return SweepChanges(
        state=given.get("state"),
        display_name=given.get("display_name"),
        description=given.get("description"),
        controller=given.get("controller"),
    )


def _find_prior_runs(context: Context, project: Project, filters: str | None) -> list[str]:
    """Names of the runs of the project that a filter finds."""
    if not filters:
        return []
    page = list_runs(
        context.conn,
        context.run_index,
        project.id,
        filter=parse_filter(parse_json(filters)),
        first=SWEEP_PRIOR_RUNS_MAX,
    )
    return [run.name for run in page.runs][::-1]


def _refuse_queues(given: dict[str, Any]) -> None:
    """What jobs in queues are for. The client sends the text "null" where there is nothing."""
    for name in ("launch_scheduler", "template_variable_values", "scheduler"):
        if given.get(name) and parse_json(given[name]):
            raise UnsupportedError(
                "sweeps whose runs are jobs in a queue are not in this version; "
                "start agents yourself: wandb agent SWEEP"
            )


def enqueue_sweep_run(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    # wandb 0.31.0 apis/public/sweeps.py Sweep.enqueue_run: the answer is "the id of the run".
    found = get_writable_sweep_by_id(context.conn, context.caller, decode_id("Sweep", input["id"]))
    sweep = commands.lock_sweep(context.conn, found.id)
    given = parse_json_object(input["config"], "the configuration of a run")
    odd = [
        key for key, entry in given.items() if not isinstance(entry, dict) or "value" not in entry
    ]
    if odd:
        raise Invalid(f'{odd[0]!r} of the configuration must be {{"value": …}}')
    name = enqueue_run(
        context.conn,
        sweep,
        context.sweeps.problems.get(sweep),
        {key: entry["value"] for key, entry in given.items()},
        display_name=input.get("display_name"),
        now_us=context.now_us,
    )
    return {"id": name, "run_queue_item_id": None}


def create_agent(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    found = get_writable_sweep(
        context.conn,
        context.caller,
        input.get("entity_name") or "",
        input.get("project_name") or DEFAULT_PROJECT,
        input["sweep"],
    )
    agent = commands.create_agent(
        context.conn,
        commands.lock_sweep(context.conn, found.id),
        caller=context.caller,
        host=input["host"],
        now_us=context.now_us,
    )
    return {"agent": agent}


def agent_heartbeat(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    """The dispatcher has transactions of its own, because a suggestion is computed between them."""
    agent_id = decode_id("Agent", input["id"])
    running = parse_json_object(input.get("run_state") or "", "runState of an agent")
    given = context.after(
        ("beat", agent_id),
        lambda: context.sweeps.beat(
            context.caller,
            agent_id,
            AgentReport(running=frozenset(running)),
            now_us=context.now_us,
        ),
    )
    return {
        "agent": find_agent_by_id(context.conn, agent_id),
        "commands": dump_json([msgspec.to_builtins(command) for command in given]),
    }


MUTATION: Fields = {
    "upsertSweep": upsert_sweep,
    "enqueueSweepRun": enqueue_sweep_run,
    "createAgent": create_agent,
    "agentHeartbeat": agent_heartbeat,
}
