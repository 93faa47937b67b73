"""Continuing a run from an earlier step: as a new run (fork) or in place (rewind)."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.server.columns import edit, read
from steelyard.server.columns.interface import KeyStats
from steelyard.server.rooms.runs.json_text import dump_json, parse_json_object
from steelyard.server.rooms.runs.model import Run

#: What the client asks a summary to hold of a metric (`define_metric(summary=…)`).
AGGREGATES = frozenset({"min", "max", "mean", "last", "first", "best"})


class BranchPoint(msgspec.Struct, frozen=True):
    """The run to continue, and the last step that is kept of it."""

    run_name: str
    step: int


def parse_branch_point(config: str | None) -> BranchPoint | None:
    """Where a new run forks from, as its config says; None for an ordinary run.

    Raises Invalid when the point is not `{run_id: text, step: integer}`.
    """
    if config is None or '"branch_point"' not in config:
        return None
    internal = parse_json_object(config, "the config of a run").get("_wandb")
    value = internal.get("value") if isinstance(internal, dict) else None
    point = value.get("branch_point") if isinstance(value, dict) else None
    if not isinstance(point, dict):
        return None
    run_name, step = point.get("run_id"), point.get("step")
    if not isinstance(run_name, str) or not isinstance(step, int | float) or step != int(step):
        raise Invalid("fork_from needs the id of a run and an integer step: RUN?_step=N")
    return BranchPoint(run_name=run_name, step=int(step))


def inherit_config(inherited: str, own: str) -> str:
    """Config of a fork: the keys of the run it came from, with its own keys over them.

    What the client notes about itself (`_wandb`) is never inherited.
    """
    source = parse_json_object(inherited, "the config of a run")
    source.pop("_wandb", None)
    return dump_json(source | parse_json_object(own, "the config of a run"))


def inherit_summary(inherited: str, own: str) -> str:
    """Summary of a run that continues another: the keys it has not logged yet keep their values."""
    source = parse_json_object(inherited, "the summary of a run")
    return dump_json(source | parse_json_object(own, "the summary of a run"))


def copy_source(conn: Connection, source: Run, run: Run, branch: BranchPoint, now_us: int) -> str:
    """Give `run` the history of `source` up to the branch step; returns its summary as of then."""
    edit.fork(conn, source_run_id=source.id, run_id=run.id, last_step=branch.step, now_us=now_us)
    return summary_at_end(conn, run.id, source.summary)


def summary_at_end(conn: Connection, run_id: int, later_summary: str) -> str:
    """The summary that the rows of a run give: the last value of each key.

    Where `later_summary` holds aggregates of a metric instead of its last value, so does the new.
    """
    later = parse_json_object(later_summary, "the summary of a run")
    catalogue = read.describe_keys(conn, run_id, "history")
    summary: dict[str, Any] = {}
    for key, stats in catalogue.keys.items():
        path = [key] if key in later else key.split(".")
        wanted = _value_at(later, path)
        if isinstance(wanted, dict) and wanted and AGGREGATES.issuperset(wanted):
            value: Any = _aggregates(conn, run_id, key, stats, list(wanted))
        else:
            value = _last_value(conn, run_id, key, stats)
        _put(summary, path, value)
    if catalogue.last_step is not None:
        summary["_step"] = catalogue.last_step
    if "_runtime" in summary:
        summary["_wandb"] = {"runtime": int(summary["_runtime"])}
    return dump_json(summary)


def _last_value(conn: Connection, run_id: int, key: str, stats: KeyStats) -> Any:
    if stats.previous_value is not None:
        return stats.previous_value
    rows = read.read_rows(
        conn,
        run_id,
        "history",
        min_step=stats.last_step,
        max_step=stats.last_step + 1,
        limit=1,
        keys=[key],
    )
    return _value_at(rows[-1], key.split(".")) if rows else None


def _aggregates(
    conn: Connection, run_id: int, key: str, stats: KeyStats, names: list[str]
) -> dict[str, Any]:
    values = read.read_series(conn, run_id, "history", key).value
    known: dict[str, Any] = {
        "min": stats.min,
        "max": stats.max,
        "best": stats.max,
        "mean": float(values.mean()) if len(values) else None,
        "first": float(values[0]) if len(values) else None,
        "last": stats.previous_value,
    }
    return {name: known[name] for name in names}


def _value_at(value: Any, path: list[str]) -> Any:
    """The value below the keys of `path`, or the one kept under the whole dotted key."""
    whole = ".".join(path)
    if isinstance(value, dict) and whole in value:
        return value[whole]
    for part in path:
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value


def _put(target: dict[str, Any], path: list[str], value: Any) -> None:
    *parents, last = path
    for part in parents:
        child = target.setdefault(part, {})
        if not isinstance(child, dict):
            return
        target = child
    target[last] = value
