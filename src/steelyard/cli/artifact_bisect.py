"""Versions in a row as people read them: where a metric got worse, and how much changed there."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import click

from steelyard.cli.tables import clean_line, describe_value, print_table
from steelyard.errors import UsageError

METRICS_SHOWN = 20
CAUSES = (
    ("DATA", "inputs"),
    ("CONFIG", "config"),
    ("CODE", "code"),
    ("ENVIRONMENT", "environment"),
)


def check_metric(metric: str | None, known: Sequence[str], name: str) -> None:
    """Raises UsageError for a metric that no run has, naming those there are."""
    if metric is not None and metric in known:
        return
    if not known:
        raise UsageError(f"no run behind the newest versions of {name} has a metric to compare")
    near = difflib.get_close_matches(metric or "", known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(known[:METRICS_SHOWN]) + (", …" if len(known) > METRICS_SHOWN else "")
    what = "choose a metric: --metric KEY" if metric is None else f"no metric {metric!r}{hint}"
    raise UsageError(f"{what} (there are {clean_line(listed)})")


def print_steps(name: str, metric: str, steps: Sequence[dict[str, Any]], goal: str | None) -> None:
    """Print `BisectStep`s, newest first, and the one at which most happened."""
    print_table(
        ["VERSION", "ALIASES", metric, "CHANGE", *(head for head, _ in CAUSES), "RUN"],
        [
            (
                step["version"]["version"],
                ", ".join(step["version"]["aliases"]),
                "" if step["value"] is None else describe_value(step["value"]),
                "" if step["delta"] is None else f"{step['delta']:+.6g}",
                *(str(step["causes"][key]) if step["causes"] else "" for _, key in CAUSES),
                run["name"] if (run := step["version"]["created_by_run"]) else "",
            )
            for step in steps
        ],
        right=range(2, 4 + len(CAUSES)),
    )
    worst = find_worst(steps, goal)
    if worst is None:
        return
    before, after = worst["before"], worst["version"]["version"]
    what = "largest change" if goal is None else "got worst"
    click.echo(
        f"\n{what} from {before} to {after}: {clean_line(metric)} {worst['delta']:+.6g}; "
        f"what changed: steelyard diff {clean_line(name)}:{before} {after}",
        err=True,
    )


def find_worst(steps: Sequence[dict[str, Any]], goal: str | None) -> dict[str, Any] | None:
    """The step by which the metric moved furthest away from the goal, in either direction without
    one; None where it never did.
    """

    def harm(step: dict[str, Any]) -> float:
        delta = float(step["delta"])
        return abs(delta) if goal is None else -delta if goal == "max" else delta

    harmful = [step for step in steps if step["delta"] is not None and harm(step) > 0]
    return max(harmful, key=harm, default=None)
