"""`steelyard sweep --estimate`: what a configuration would cost, from its project's history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from steelyard.errors import NotFound, SteelyardError

if TYPE_CHECKING:
    from steelyard.sdk.sweeps.create import Prepared

UNITS = {"gpu_hours": "GPU hours", "usd": "USD"}


def estimate_from_file(
    prepared: Prepared,
    *,
    entity: str | None,
    project: str | None,
    run_minutes: float | None,
    run_usd: float | None,
) -> None:
    """Print runs, time and money of a configuration; what is not given comes from the project.

    Where no server can be asked, the given figures alone are used.
    """
    import json

    from steelyard.search import read_config
    from steelyard.search.describe import total_runs

    config = prepared.config
    text = config if isinstance(config, str) else json.dumps(config)
    problem, _ = read_config(text)
    assert problem is not None, "it was checked before"
    runs = total_runs(problem)
    found, why_not = _ask(text, entity or problem.entity, project or problem.project)
    per_run = dict(found["per_run"]) if found is not None else {}
    if run_minutes is not None:
        per_run["hours"] = run_minutes / 60
    if run_usd is not None:
        per_run["usd"] = run_usd
    count = "unlimited: nothing ends this sweep" if runs is None else f"{runs:,} at most"
    click.echo(f"runs: {count}")
    click.echo(f"one run: {_describe(per_run) or 'unknown'}{_source(found, why_not)}")
    if runs is not None and per_run:
        total = {
            kind: amount * runs
            for kind, amount in per_run.items()
            if kind != "runs" and amount is not None
        }
        if total:
            click.echo(f"all runs: {_describe(total)}; by the clock, hours / number of agents")
    for line in _budget_lines(problem.budget, per_run, runs):
        click.echo(line)
    if not any(per_run.get(kind) is not None for kind in ("hours", "usd")):
        click.echo("give what one run takes: --run-minutes 20 --run-usd 0.5")


def _ask(text: str, entity: str | None, project: str | None) -> tuple[dict[str, Any] | None, str]:
    """(what the server says, why it could not be asked)."""
    from steelyard.cli.server_link import open_server

    try:
        server = open_server()
        name = project or server.settings.project or "uncategorized"
        place = f"{quote(entity or server.default_entity, safe='')}/{quote(name, safe='')}"
        said: dict[str, Any] = server.call(
            "POST", f"/api/v1/{place}/sweeps:estimate", content={"config": text}
        )
    except NotFound:
        return None, f"the project {name!r} has no runs yet"
    except SteelyardError as error:
        return None, str(error)
    return said, ""


def _source(found: dict[str, Any] | None, why_not: str) -> str:
    if found is None:
        return f" (as given; {why_not})" if why_not else " (as given)"
    if not found["history_runs"]:
        return " (as given; the project has no finished runs to learn from)"
    said = f" (mean of the latest {found['history_runs']} finished runs of the project"
    if found["priced_runs"] < found["history_runs"]:
        said += f"; {found['priced_runs']} of them have a price"
    return said + ")"


def _describe(amounts: dict[str, Any]) -> str:
    parts = []
    hours = amounts.get("hours")
    if hours is not None:
        parts.append(f"{hours * 60:.3g} minutes" if hours < 1 else f"{hours:,.3g} hours")
    if amounts.get("gpu_hours"):
        parts.append(f"{amounts['gpu_hours']:,.3g} GPU hours")
    if amounts.get("usd") is not None:
        parts.append(f"{amounts['usd']:,.2f} USD")
    return ", ".join(parts)


def _budget_lines(budget: Any, per_run: dict[str, Any], runs: int | None) -> list[str]:
    lines = []
    for kind, unit in UNITS.items():
        limit = None if budget is None else getattr(budget, kind)
        need = per_run.get(kind)
        if limit is None:
            continue
        if not need:
            lines.append(f"budget: {limit:,.6g} {unit}; what a run needs of it is not known")
            continue
        count = int(limit * (1 + 1e-9) / need)
        if runs is not None and count >= runs:
            lines.append(f"budget: {limit:,.6g} {unit} are enough for all of them")
        else:
            lines.append(f"budget: {limit:,.6g} {unit} end it after {count:,} runs")
    return lines
