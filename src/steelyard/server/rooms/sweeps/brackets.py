"""Early termination as a page shows it: where runs are compared, who was stopped there, and why."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import msgspec
from sqlalchemy.engine import Connection

from steelyard.limits import SWEEP_BRACKET_CURVES_MAX
from steelyard.search.problem import Metric, Problem, StoppingRule
from steelyard.search.stopping import Curve, brackets, list_rungs
from steelyard.search.trials import TrialState
from steelyard.server.columns.read import list_line_counts
from steelyard.server.db.interface import Database
from steelyard.server.rooms.runs.of_sweeps import list_outcomes
from steelyard.server.rooms.sweeps.analysis import Analyses
from steelyard.server.rooms.sweeps.configuration import Problems
from steelyard.server.rooms.sweeps.curves import compose_curves, read_parts
from steelyard.server.rooms.sweeps.model import Sweep, SweepTrial
from steelyard.server.rooms.sweeps.overlay import objective, overlay_of
from steelyard.server.rooms.sweeps.queries import list_trials

_STATES: dict[str, TrialState] = {"finished": "finished", "failed": "failed", "stopped": "stopped"}


class BracketRow(msgspec.Struct, frozen=True):
    """An iteration at which runs are compared.

    `threshold` is what a run has to have there to go on, None until one gets there; `stopped` were
    judged by this bracket and asked to stop.
    """

    iteration: int
    threshold: float | None
    reached: int
    passed: int
    stopped: int


class StoppedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was stopped early.

    `iterations` it had logged when it ended, its `last` value, and the bracket it was judged by,
    None where the rule has none.
    """

    run: str
    index: int
    iterations: int
    bracket: int | None
    last: float | None
    reason: str
    ended_at_us: int | None


class BracketsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What early termination did in a sweep.

    Attributes:
        rule: None: the configuration asks for none.
        iterations: where runs are compared, those that a run may get to soon; `median` and
            `predictive` compare at every iteration from this one on.
        longest: iterations of the longest run; saved: how many the stopped runs would have
            had more, had each gone on as long as the longest one that ended by itself.
        is_cut: there are more runs than SWEEP_BRACKET_CURVES_MAX, and these are the first ones.
    """

    rule: StoppingRule | None
    metric: str | None
    goal: str | None
    iterations: list[int]
    is_continuous: bool
    brackets: list[BracketRow]
    stopped: list[StoppedRun]
    runs: int
    longest: int
    iterations_run: int
    iterations_saved: int
    is_cut: bool


class Seen(msgspec.Struct, frozen=True):
    """A trial with the values that its run has logged."""

    trial: SweepTrial
    curve: Curve


def show_brackets(
    db: Database, problems: Problems, analyses: Analyses, sweep: Sweep
) -> BracketsAnswer:
    """Brackets of a sweep with the runs that were stopped at them; blocking."""
    problem = problems.get(sweep)
    if problem.early_terminate is None or not problem.metrics:
        return describe(problem, [], is_cut=False)
    # Runs are judged by what the search goes by, which a weighting may have changed.
    metrics = objective(problem, overlay_of(sweep))
    problem = msgspec.structs.replace(problem, metrics=metrics)
    trials, ids, version = db.read_now(look, sweep)

    def compute() -> BracketsAnswer:
        seen = db.read_now(read_curves, trials, ids, problem.metrics[0])
        return describe(problem, seen, is_cut=len(trials) < sweep.trial_count)

    return analyses.keep(
        (sweep.id, "brackets", sweep.config_version, sweep.overlay, version), compute
    )


def look(conn: Connection, sweep: Sweep) -> tuple[list[SweepTrial], dict[str, int], Hashable]:
    """The trials, the runs they have by name, and what changes when one logs or ends."""
    trials = list_trials(conn, sweep.id, limit=SWEEP_BRACKET_CURVES_MAX)
    outcomes = list_outcomes(conn, sweep.project_id, [trial.run_name for trial in trials])
    ids = {name: run.id for name, run in outcomes.items()}
    counts = list_line_counts(conn, list(ids.values()), "history")
    states = tuple(trial.state + str(trial.stop_reason is None) for trial in trials)
    return trials, ids, (hash(states), len(trials), sum(counts.values()))


def read_curves(
    conn: Connection, trials: Sequence[SweepTrial], ids: dict[str, int], metric: Metric
) -> list[Seen]:
    names = {run_id: name for name, run_id in ids.items()}
    parts = read_parts(conn, list(names), metric)
    curves = compose_curves(metric, {names[run_id]: each for run_id, each in parts.items()})
    return [
        Seen(trial, Curve(id=trial.run_name, values=curves[trial.run_name], state=state_of(trial)))
        for trial in trials
        if trial.run_name in curves
    ]


def state_of(trial: SweepTrial) -> TrialState:
    return "stopped" if trial.stop_reason else _STATES.get(trial.state, "running")


def describe(problem: Problem, seen: Sequence[Seen], *, is_cut: bool) -> BracketsAnswer:
    rule = problem.early_terminate
    metric = problem.metrics[0] if problem.metrics else None
    lengths = {each.curve.id: count_finite(each.curve.values) for each in seen}
    longest = max(lengths.values(), default=0)
    places = brackets(problem)
    is_continuous = rule is not None and rule.type in ("median", "predictive")
    stopped = [stopped_run(each, lengths[each.curve.id], places, is_continuous) for each in seen]
    gone = [each for each in stopped if each is not None]
    whole = max(
        (lengths[each.curve.id] for each in seen if each.curve.state == "finished"), default=0
    )
    rungs = list_rungs(problem, [each.curve for each in seen])
    return BracketsAnswer(
        rule=None if rule is None else rule.type,
        metric=None if metric is None else metric.name,
        goal=None if metric is None else metric.goal,
        iterations=places[:1] if is_continuous else [rung.iteration for rung in rungs],
        is_continuous=is_continuous,
        brackets=[
            BracketRow(
                rung.iteration,
                rung.threshold,
                rung.reached,
                rung.passed,
                sum(each.bracket == rung.iteration for each in gone),
            )
            for rung in rungs
        ],
        stopped=gone,
        runs=len(seen),
        longest=longest,
        iterations_run=sum(lengths.values()),
        iterations_saved=sum(max(0, whole - each.iterations) for each in gone),
        is_cut=is_cut,
    )


def stopped_run(
    each: Seen, iterations: int, places: Sequence[int], is_continuous: bool
) -> StoppedRun | None:
    trial = each.trial
    if trial.stop_reason is None or trial.stop_kind not in (None, "judged"):
        return None  # or for another reason, such as a budget that is spent
    passed = [place for place in places if place <= iterations]
    usable = [value for value in each.curve.values if value == value and abs(value) != float("inf")]
    return StoppedRun(
        run=trial.run_name,
        index=trial.index,
        iterations=iterations,
        bracket=passed[-1] if passed and not is_continuous else None,
        last=usable[-1] if usable else None,
        reason=trial.stop_reason,
        ended_at_us=trial.ended_at_us,
    )


def count_finite(values: Sequence[float]) -> int:
    """Iterations, as the rules count them."""
    return sum(value == value and abs(value) != float("inf") for value in values)
