"""Making a sweep in a directory: checked first, and there as a whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from steelyard.errors import Conflict, Invalid, SweepInvalid, TooLarge
from steelyard.limits import SWEEP_CONFIG_CHARS_MAX, SWEEP_DIRECTORY_TRIALS_MAX
from steelyard.sdk.sweeps.directory.log import EntryLog
from steelyard.sdk.sweeps.directory.model import Created, Entry, Sweep, make_name
from steelyard.sdk.sweeps.directory.store import QUEUE, Store, is_sweep_directory

if TYPE_CHECKING:
    from steelyard.search.diagnostics import Diagnostic
    from steelyard.search.problem import Problem

#: As servers draw them: 31 bits.
SEED_BITS: Final = 31
DEFAULT_PROJECT: Final = "uncategorized"


def create_directory_sweep(
    directory: Path,
    config: str | Mapping[str, Any],
    *,
    entity: str | None = None,
    project: str | None = None,
    environment: Mapping[str, str] | None = None,
    program_directory: Path | None = None,
    seed: int | None = None,
) -> tuple[Sweep, list[str]]:
    """Make a sweep in a directory, which is made too; the sweep, and what is odd about it.

    `config` is YAML, or the same as a mapping; `${NAME}` in it comes from `environment`, now, for
    all agents. `entity` and `project` go before those in the configuration, and are where
    `steelyard sync` puts its runs. Nothing is made on an error: raises SweepInvalid with every
    error found, TooLarge, Conflict where there is a sweep already, Invalid for a directory that
    cannot be written.
    """
    text = config if isinstance(config, str) else json.dumps(config)
    problem, found = check(text, environment)
    if problem.raw != _read_plainly(text):
        text = json.dumps(problem.raw)  # with its variables replaced: agents may have others
    created = Created(
        name=make_name(),
        seed=secrets.randbits(SEED_BITS) if seed is None else seed,
        config=text,
        entity=entity or problem.entity,
        project=project or problem.project or DEFAULT_PROJECT,
        program_directory=None if program_directory is None else str(program_directory.resolve()),
    )
    _make_folders(directory)
    log = EntryLog(directory / QUEUE / "log")
    entry = Entry(time.time_ns() // 1000, [created])
    if not log.append(0, msgspec.json.encode(entry)):
        raise Conflict(
            f"there is a sweep in {directory} already; work for it: steelyard agent {directory}, "
            "or name another directory"
        )
    warnings = [str(each) for each in found if each.severity == "warning"]
    return Store(directory).refresh(), warnings


def check(
    text: str, environment: Mapping[str, str] | None = None
) -> tuple[Problem, list[Diagnostic]]:
    """Read a configuration as a server does, and refuse what only a server carries out.

    Raises SweepInvalid with every error found, TooLarge.
    """
    from steelyard.search.config import read_config

    if len(text) > SWEEP_CONFIG_CHARS_MAX:
        raise TooLarge(
            "the configuration of a sweep",
            size=len(text),
            limit=SWEEP_CONFIG_CHARS_MAX,
            limit_name="SWEEP_CONFIG_CHARS_MAX",
        )
    problem, found = read_config(text, environment=environment)
    if problem is not None:
        found = [*found, *find_undone(problem)]
    errors = [each for each in found if each.severity == "error"]
    if errors or problem is None:
        said = "; ".join(map(str, errors)) or "it says nothing"
        raise SweepInvalid(
            f"this configuration cannot be searched: {said}",
            diagnostics=[msgspec.to_builtins(each) for each in found],
        )
    return problem, found


def find_undone(problem: Problem) -> Sequence[Diagnostic]:
    """What the search understands and a queue without a server does not carry out."""
    from steelyard.search.expression import parse

    found = []
    controller = problem.raw.get("controller")
    if problem.method == "custom" or (
        isinstance(controller, Mapping) and controller.get("type") == "local"
    ):
        found.append(_undone("method", "use grid, random or bayes: the agents draw them"))
    if problem.phases:
        found.append(_undone("phases", "make a sweep for each, with the ranges of its own"))
    if problem.cross_validation is not None:
        found.append(_undone("cross_validation", "let one run train all folds, and log their mean"))
    for name in ("hours", "gpu_hours", "usd"):
        if problem.budget is not None and getattr(problem.budget, name) is not None:
            found.append(_undone(f"budget.{name}", "limit the number of runs: budget.runs"))
    for index, metric in enumerate(problem.metrics):
        place = f"metrics.{index}" if len(problem.metrics) > 1 else "metric"
        if metric.expression is not None and parse(metric.expression, across_runs=True).across_runs:
            found.append(_undone(f"{place}.expression", "scale by fixed numbers instead of zscore"))
    if problem.prior_runs:
        found.append(_undone("prior_runs", "runs of a server are not known here", fatal=False))
    if problem.priority:
        found.append(_undone("priority", "an agent works for one directory", fatal=False))
    limit = problem.run_cap or (problem.budget.runs if problem.budget else None) or 0
    if limit > SWEEP_DIRECTORY_TRIALS_MAX:
        said = f"it ends after {SWEEP_DIRECTORY_TRIALS_MAX:,} runs (SWEEP_DIRECTORY_TRIALS_MAX)"
        found.append(_undone("run_cap", said, fatal=False))
    return found


def _undone(path: str, suggestion: str, *, fatal: bool = True) -> Diagnostic:
    from steelyard.search.diagnostics import Diagnostic

    return Diagnostic(
        severity="error" if fatal else "warning",
        path=path,
        line=None,
        message="needs a server: a sweep in a directory does not do that",
        suggestion=suggestion,
    )


def _read_plainly(text: str) -> Any:
    """The configuration with its variables as they are written."""
    from steelyard.search.yaml_source import read_yaml

    return read_yaml(text).value


def _make_folders(directory: Path) -> None:
    try:
        if is_sweep_directory(directory):
            return
        for name in ("log", "agents", "curves"):
            (directory / QUEUE / name).mkdir(parents=True, exist_ok=True)
        if not os.access(directory / QUEUE / "log", os.W_OK):
            raise PermissionError(13, os.strerror(13))
    except OSError as error:
        raise Invalid(
            f"{directory} cannot hold a sweep ({error.strerror}); name a directory that you may "
            "write to"
        ) from None
