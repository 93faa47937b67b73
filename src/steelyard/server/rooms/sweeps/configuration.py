"""From the text of a configuration to what is searched, and what a sweep keeps of it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid, SweepInvalid, TooLarge
from steelyard.limits import (
    SWEEP_CONFIG_CHARS_MAX,
    SWEEP_PROBLEMS_KEPT_MAX,
)
from steelyard.search.config import Diagnostic, read_config
from steelyard.search.crossval import runs_per_trial
from steelyard.search.lattice import grid_of
from steelyard.search.objective import objective_of
from steelyard.search.problem import Problem
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.sweeps.model import Sweep
from steelyard.server.rooms.sweeps.queries import get_config_text


class ParsedConfig(msgspec.Struct, frozen=True):
    """A configuration that can be searched: its text, what it says, and what is odd about it."""

    text: str
    problem: Problem
    diagnostics: list[Diagnostic]

    @property
    def warnings(self) -> list[str]:
        """What people should look at, one sentence each."""
        return [str(each) for each in self.diagnostics if each.severity == "warning"]

    @property
    def violations(self) -> list[str]:
        """The warnings that are about what is written, without guesses at what was meant."""
        return [
            str(each)
            for each in self.diagnostics
            if each.severity == "warning" and not each.path.endswith(".goal")
        ]

    def columns(self) -> dict[str, Any]:
        """What the row of a sweep holds of its configuration."""
        return {
            "method": self.problem.method,
            "is_local": is_local(self.problem),
            "is_judged": self.problem.early_terminate is not None and not is_local(self.problem),
            "run_count_expected": count_expected(self.problem),
            "priority": self.problem.priority,
        }


def parse_sweep_config(config: str | Mapping[str, Any]) -> ParsedConfig:
    """Read a configuration: YAML (or JSON) text, or the same as an object.

    Raises SweepInvalid with every error found, TooLarge for a text that is too long. This may take
    a while for a long text: keep it out of transactions.
    """
    text = config if isinstance(config, str) else dump_json(config)
    if len(text) > SWEEP_CONFIG_CHARS_MAX:
        raise TooLarge(
            "the configuration of a sweep",
            size=len(text),
            limit=SWEEP_CONFIG_CHARS_MAX,
            limit_name="SWEEP_CONFIG_CHARS_MAX",
        )
    text = text.replace("\x00", "")  # PostgreSQL cannot keep it
    problem, diagnostics = read_config(text)
    if problem is not None:
        diagnostics = [*diagnostics, *find_unfit(problem)]
    errors = [each for each in diagnostics if each.severity == "error"]
    if errors or problem is None:
        said = "; ".join(map(str, errors)) or "it says nothing"
        raise SweepInvalid(
            f"this configuration cannot be searched: {said}",
            diagnostics=[msgspec.to_builtins(each) for each in diagnostics],
        )
    return ParsedConfig(text, problem, diagnostics)


def find_unfit(problem: Problem) -> list[Diagnostic]:
    """What cannot be done together."""
    found = []
    for key in ("cross_validation", "phases"):
        if getattr(problem, key) and is_local(problem):
            said = "needs a search of the server, and here a controller of the client chooses"
            found.append(_error(key, said, "write method: bayes, random or grid"))
    try:
        objective_of(problem)
    except Invalid as error:
        found.append(_error("metrics", f"cannot be weighed: {error}", "leave out weight:"))
    return found


def _error(path: str, message: str, suggestion: str) -> Diagnostic:
    return Diagnostic(
        severity="error", path=path, line=None, message=message, suggestion=suggestion
    )


def is_local(problem: Problem) -> bool:
    """Whether a controller of the client chooses the configurations.

    wandb 0.31.0 wandb_controller.py: `controller: {type: local}`; a method of one's own needs it.
    """
    controller = problem.raw.get("controller")
    named = isinstance(controller, Mapping) and controller.get("type") == "local"
    return named or problem.method == "custom"


def run_limit(problem: Problem) -> int | None:
    """How many runs there may be, where the sweep says so: folds and seeds are runs."""
    limits = [problem.run_cap, problem.budget.runs if problem.budget else None]
    return min((each for each in limits if each is not None), default=None)


def count_expected(problem: Problem) -> int | None:
    """How many runs there will be, where that is known beforehand."""
    limit = run_limit(problem)
    size = None
    if problem.phases:
        counts = [phase.runs for phase in problem.phases]
        size = sum(each or 0 for each in counts) if all(counts) else None
    elif problem.method == "grid" and not problem.space.input_constraints:
        size = grid_of(problem.space).size * runs_per_trial(problem.cross_validation)
    return min((each for each in (limit, size) if each is not None), default=None)


class Problems:
    """Configurations of sweeps, parsed once; those not used longest are forgotten first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], Problem] = OrderedDict()
        self._warnings: dict[tuple[int, int], list[str]] = {}
        self._lock = threading.Lock()

    def get(self, sweep: Sweep) -> Problem:
        """What the sweep searches now.

        Raises Invalid for a configuration that an earlier version of the server accepted and this
        one does not.
        """
        return self._get((sweep.id, sweep.config_version), sweep.path, lambda: sweep.config)

    def get_warnings(self, sweep: Sweep) -> list[str]:
        """What is odd about the configuration of a sweep, for whoever looks at it later."""
        self.get(sweep)
        with self._lock:
            return list(self._warnings.get((sweep.id, sweep.config_version), ()))

    def get_version(self, conn: Connection, sweep: Sweep, version: int) -> Problem:
        """What an earlier version of its configuration searched."""
        key = (sweep.id, version)
        return self._get(key, sweep.path, lambda: get_config_text(conn, *key))

    def _get(self, key: tuple[int, int], path: str, read: Callable[[], str]) -> Problem:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        problem, found = read_config(read())
        if problem is None:
            raise Invalid(
                f"the configuration of {path} can no longer be read; send it again to see why"
            )
        with self._lock:
            self._kept[key] = problem
            self._warnings[key] = [str(each) for each in found if each.severity == "warning"]
            while len(self._kept) > SWEEP_PROBLEMS_KEPT_MAX:
                oldest, _ = self._kept.popitem(last=False)
                self._warnings.pop(oldest, None)
        return problem
