"""Runs: what stands in their row."""

from __future__ import annotations

from typing import Any

from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import encode_id
from steelyard.server.rooms.accounts.model import User
from steelyard.server.rooms.accounts.policy import may_write_entity
from steelyard.server.rooms.accounts.queries import get_user_by_id
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.projects.queries import find_project_by_id
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.runs.model import Run


def run_id(run: Run, _context: Context) -> str:
    return encode_id("Run", run.id)


def stopped(run: Run, _context: Context) -> bool:
    return run.stop_requested


def running(run: Run, _context: Context) -> bool:
    return run.state == "running"


def failed(run: Run, _context: Context) -> bool:
    return run.state in ("failed", "crashed")


def exitcode(run: Run, _context: Context) -> int | None:
    return run.exit_code


def sweep_name(run: Run, _context: Context) -> str | None:
    return run.sweep


def read_only(run: Run, context: Context) -> bool:
    return not may_write_entity(context.caller, run.entity_id)


def created_at(run: Run, _context: Context) -> int:
    return run.created_at_us


def updated_at(run: Run, _context: Context) -> int:
    return run.updated_at_us


def heartbeat_at(run: Run, _context: Context) -> int:
    return run.heartbeat_at_us


def user(run: Run, context: Context) -> User | None:
    author = run.user_id
    if author is None:
        return None
    return context.keep(("user", author), lambda: get_user_by_id(context.conn, author))


def project(run: Run, context: Context) -> Project | None:
    return context.keep(
        ("project", run.project_id),
        lambda: find_project_by_id(context.conn, run.project_id, run.entity),
    )


def summary_metrics(run: Run, _context: Context) -> str:
    return run.summary


def internal_config(run: Run) -> dict[str, Any]:
    """What the client notes about itself in the config."""
    own = run.parse_config().get("_wandb")
    value = own.get("value") if isinstance(own, dict) else None
    return value if isinstance(value, dict) else {}


def wandb_config(run: Run, _context: Context, keys: list[str] | None = None) -> str:
    # wandb 0.31.0 core: a run whose answer lacks `t` was never started, and cannot be resumed.
    own = internal_config(run)
    return dump_json({key: own[key] for key in (own if keys is None else keys) if key in own})


def run_info(run: Run, _context: Context) -> dict[str, Any]:
    """The environment of the first process that wrote the run."""
    environments = internal_config(run).get("e")
    first: dict[str, Any] = {}
    if isinstance(environments, dict) and environments:
        candidate = next(iter(environments.values()))
        first = candidate if isinstance(candidate, dict) else {}
    git = first.get("git")
    return {
        "program": first.get("program") or run.program,
        "args": first.get("args") or [],
        "os": first.get("os"),
        "python": first.get("python"),
        "colab": first.get("colab"),
        "executable": first.get("executable"),
        "code_saved": bool(first.get("codePath")),
        "cpu_count": first.get("cpu_count"),
        "gpu_count": first.get("gpu_count"),
        "gpu": first.get("gpu"),
        "git": {"remote": git.get("remote"), "commit": git.get("commit")}
        if isinstance(git, dict)
        else {"remote": run.repo, "commit": run.commit},
    }


RUN: Fields = {
    "id": run_id,
    "stopped": stopped,
    "shouldStop": stopped,
    "running": running,
    "failed": failed,
    "exitcode": exitcode,
    "sweepName": sweep_name,
    "readOnly": read_only,
    "createdAt": created_at,
    "updatedAt": updated_at,
    "heartbeatAt": heartbeat_at,
    "user": user,
    "project": project,
    "summaryMetrics": summary_metrics,
    "wandbConfig": wandb_config,
    "runInfo": run_info,
}
