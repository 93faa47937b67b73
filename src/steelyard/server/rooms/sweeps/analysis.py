"""What a sweep has taught: its results, and answers about them, kept until it goes on.

Everything here blocks, for up to a second of CPU: call it in a worker thread.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.limits import (
    EXPRESSION_NAMES_MAX,
    SWEEP_ANALYSES_KEPT_MAX,
    SWEEP_ANALYSIS_RUNS_MAX,
    SWEEP_ANALYSIS_TRIALS_MAX,
    SWEEP_COLUMNS_TRIALS_MAX,
)
from steelyard.search.importance import Importances, measure_importance
from steelyard.search.problem import Goal, Problem
from steelyard.search.results import SECONDS, read_number
from steelyard.search.surface import Surface, SurfaceModel
from steelyard.server.db.interface import Database
from steelyard.server.rooms.runs.json_text import parse_json_object
from steelyard.server.rooms.runs.of_sweeps import list_outcomes
from steelyard.server.rooms.sweeps.configuration import Problems
from steelyard.server.rooms.sweeps.model import ENDED, Sweep, SweepTrial
from steelyard.server.rooms.sweeps.queries import list_trials
from steelyard.server.rooms.sweeps.scoring import group_trials
from steelyard.server.rooms.sweeps.tables import sweep_trials

T = TypeVar("T")
RUNS_LOOKED_AT = 50  # for names that are logged
SEED = 0  # of the forest: a sweep that did not go on looks the same tomorrow


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """An ended trial: everything it was measured by, by name, and whether it may be chosen.

    `run` and `index` are those of its first run where it has several, for folds or seeds.
    """

    run: str
    index: int
    config: dict[str, Any]
    values: dict[str, float]
    is_feasible: bool
    started_at_us: int
    ended_at_us: int


class SweepResults(msgspec.Struct, frozen=True, kw_only=True):
    """All ended trials of a sweep in the order in which they ended.

    Attributes:
        goals: what can be looked at: the metrics of the configuration, then what constraints and
            the cost name, then `seconds`; what has no goal of its own is to be small.
        is_cut: there are more than SWEEP_ANALYSIS_TRIALS_MAX, and these are the first ones.
    """

    sweep: Sweep
    problem: Problem
    trials: list[Measured]
    goals: dict[str, Goal]
    is_cut: bool

    def goal_of(self, name: str) -> Goal:
        """The goal of a metric. Raises Invalid for what no trial was measured by."""
        goal = self.goals.get(name)
        if goal is None:
            known = ", ".join(repr(each) for each in self.goals) or "none"
            raise Invalid(f"{self.sweep.path} has no metric {name!r}; there are {known}")
        return goal

    def first_metric(self) -> str:
        """What the search goes by. Raises Invalid where the configuration names nothing."""
        if not self.problem.metrics:
            raise Invalid(f"{self.sweep.path} has no metric; say which one with `metric=`")
        return self.problem.metrics[0].name

    def column(self, name: str) -> list[float | None]:
        """A metric by trial."""
        return [trial.values.get(name) for trial in self.trials]


class ImportanceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Which parameters decide a metric."""

    metric: str
    goal: Goal
    metrics: list[str]
    """What else can be asked for."""
    importances: Importances


class SurfaceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A metric along one parameter, or over two."""

    metric: str
    goal: Goal
    surface: Surface


class Analyses:
    """Answers about sweeps; one per server process. Those not asked for longest are forgotten.

    An answer holds until a trial of its sweep ends or the sweep is edited. Who asks while it is
    computed waits for it instead of computing it again.
    """

    def __init__(self, db: Database, problems: Problems) -> None:
        self._db = db
        self._problems = problems
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._busy: WeakValueDictionary[Hashable, threading.Lock] = WeakValueDictionary()
        self._lock = threading.Lock()

    def results(self, sweep: Sweep) -> SweepResults:
        """The ended trials of a sweep as they are now."""
        return self.results_at(sweep, self.version_of(sweep))

    def version_of(self, sweep: Sweep) -> Hashable:
        return self._db.read_now(results_version, sweep)

    def results_at(self, sweep: Sweep, version: Hashable) -> SweepResults:
        return self.keep(
            (sweep.id, version, "results"),
            lambda: self._db.read_now(load_results, sweep, self._problems),
        )

    def importance(self, sweep: Sweep, metric: str | None) -> ImportanceAnswer:
        """How much each searched parameter decides a metric, the first one by default."""
        version = self.version_of(sweep)
        results = self.results_at(sweep, version)
        name = results.first_metric() if metric is None else metric
        goal = results.goal_of(name)

        def compute() -> ImportanceAnswer:
            chosen = spread_over(results.trials, SWEEP_ANALYSIS_RUNS_MAX)
            found = measure_importance(
                [trial.config for trial in chosen],
                [trial.values.get(name) for trial in chosen],
                names=[parameter.name for parameter in results.problem.space.searched],
                seed=SEED,
            )
            return ImportanceAnswer(
                metric=name, goal=goal, metrics=list(results.goals), importances=found
            )

        return self.keep((sweep.id, version, "importance", name), compute)

    def surface(self, sweep: Sweep, metric: str | None, x: str, y: str | None) -> SurfaceAnswer:
        """A model's view of a metric along one parameter, or over two.

        Raises Invalid for a parameter that is not searched.
        """
        version = self.version_of(sweep)
        results = self.results_at(sweep, version)
        name = results.first_metric() if metric is None else metric
        goal = results.goal_of(name)
        model = self.keep(
            (sweep.id, version, "model", name),
            lambda: SurfaceModel(
                results.problem.space,
                [trial.config for trial in results.trials],
                results.column(name),
                goal=goal,
            ),
        )
        surface = self.keep(
            (sweep.id, version, "surface", name, x, y),
            lambda: model.slice(x) if y is None else model.contour(x, y),
        )
        return SurfaceAnswer(metric=name, goal=goal, surface=surface)

    def keep(self, key: Hashable, compute: Callable[[], T]) -> T:
        """What was computed for the key before, or is now."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]  # type: ignore[no-any-return]  # put there below
            busy = self._busy.setdefault(key, threading.Lock())
        with busy:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]  # type: ignore[no-any-return]
            found = compute()
            with self._lock:
                self._kept[key] = found
                while len(self._kept) > SWEEP_ANALYSES_KEPT_MAX:
                    self._kept.popitem(last=False)
            return found


def results_version(conn: Connection, sweep: Sweep) -> Hashable:
    """Something that changes whenever a result, or the configuration, does."""
    c = sweep_trials.c
    ended = (
        sa.select(
            c.state,
            sa.func.count(),
            sa.func.max(c.ended_at_us),
            sa.func.sum(c.value),
        )
        .where(c.sweep_id == sweep.id, c.state.in_(ENDED))
        .group_by(c.state)
        .order_by(c.state)
    )
    return sweep.config_version, tuple(tuple(row) for row in conn.execute(ended))


def load_results(conn: Connection, sweep: Sweep, problems: Problems) -> SweepResults:
    """Read the ended trials of a sweep."""
    count = SWEEP_ANALYSIS_TRIALS_MAX
    rows = list_trials(conn, sweep.id, limit=count + 1)
    problem = problems.get(sweep)
    groups = [[rows[at] for at in group] for group in group_trials(rows[:count])]
    ended = [group for group in groups if all(row.state in ENDED for row in group)]
    trials = [measured(problem, group) for group in ended]
    trials.sort(key=lambda trial: (trial.ended_at_us, trial.index))
    goals: dict[str, Goal] = {metric.name: metric.goal for metric in problem.metrics}
    others = {name for trial in trials for name in trial.values} - {SECONDS}
    goals |= {name: "minimize" for name in sorted(others - goals.keys())}
    goals.setdefault(SECONDS, "minimize")
    return SweepResults(
        sweep=sweep, problem=problem, trials=trials, goals=goals, is_cut=len(rows) > count
    )


def measured(problem: Problem, rows: Sequence[SweepTrial]) -> Measured:
    """A trial of one run or of several, of which the means of those that did not fail count."""
    # What a failed run had until then says nothing about its configuration.
    values = mean_values([values_of(problem, row) for row in rows if row.state != "failed"])
    first = rows[0]
    known = {**first.config, **values}
    broken = any(
        constraint.expression.holds(known) is False
        for constraint in problem.space.outcome_constraints
    )
    return Measured(
        run=first.run_name,
        index=first.index,
        config=first.config,
        values=values,
        is_feasible=not broken,
        started_at_us=min(row.started_at_us or row.created_at_us for row in rows),
        ended_at_us=max(row.ended_at_us or row.created_at_us for row in rows),
    )


def values_of(problem: Problem, row: SweepTrial) -> dict[str, float]:
    """What a run was measured by, by name: metrics, outcomes and its time."""
    if row.results is None:
        return {}
    values = dict(row.results.outcomes)
    if row.results.seconds is not None:
        values[SECONDS] = row.results.seconds
    pairs = zip(problem.metrics, row.results.values, strict=False)
    return values | {metric.name: value for metric, value in pairs if value is not None}


def mean_values(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each name over those that have it."""
    if len(found) == 1:
        return found[0]
    gathered: dict[str, list[float]] = {}
    for values in found:
        for name, value in values.items():
            gathered.setdefault(name, []).append(value)
    return {name: math.fsum(values) / len(values) for name, values in gathered.items()}


def spread_over(trials: Sequence[Measured], count: int) -> Sequence[Measured]:
    """At most `count` of the trials, spread evenly over all of them."""
    if len(trials) <= count:
        return trials
    return [trials[place * len(trials) // count] for place in range(count)]


class LoggedValues(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers that ended trials logged, by name, one for each of `runs`; means of several runs.

    `known` are names that some of the latest runs have, in the order of the alphabet.
    """

    runs: list[str]
    values: dict[str, list[float | None]]
    known: list[str]


def list_logged(conn: Connection, sweep: Sweep, names: Sequence[str]) -> LoggedValues:
    """What ended trials logged last under these names. Raises Invalid for too many names."""
    if len(names) > EXPRESSION_NAMES_MAX:
        raise Invalid(f"ask for up to EXPRESSION_NAMES_MAX = {EXPRESSION_NAMES_MAX} names at once")
    rows = list_trials(conn, sweep.id, limit=SWEEP_COLUMNS_TRIALS_MAX)
    groups = [[rows[at] for at in group] for group in group_trials(rows)]
    ended = [group for group in groups if all(row.state in ENDED for row in group)]
    names_of_runs = [row.run_name for group in ended for row in group]
    outcomes = list_outcomes(conn, sweep.project_id, names_of_runs)
    summaries = {
        run: parse_json_object(found.summary, "the summary of a run")
        for run, found in outcomes.items()
    }
    cells: dict[str, list[float | None]] = {name: [] for name in names}
    for group in ended:
        read = [
            {name: value for name in names if (value := read_number(summary, name)) is not None}
            for row in group
            if (summary := summaries.get(row.run_name)) is not None
        ]
        means = mean_values(read) if read else {}
        for name in names:
            cells[name].append(means.get(name))
    known = {
        name
        for run in names_of_runs[-RUNS_LOOKED_AT:]
        for name in summaries.get(run, {})
        if not name.startswith("_") and read_number(summaries[run], name) is not None
    }
    return LoggedValues(
        runs=[group[0].run_name for group in ended], values=cells, known=sorted(known)
    )
