"""What a search is given and what it says: the trials of a sweep as it sees them, whatever they are
made of, and the next configuration."""

from __future__ import annotations

import msgspec
from sqlalchemy.engine import Connection

from steelyard.errors import Infeasible
from steelyard.limits import SWEEP_TRIALS_MAX
from steelyard.search.objective import spread_name
from steelyard.search.phases import as_priors, is_within
from steelyard.search.problem import Problem
from steelyard.search.results import fit_config
from steelyard.search.trials import Exhausted, Suggestion, Trial, TrialState
from steelyard.server.rooms.runs.of_sweeps import (
    RunOutcome,
    list_outcomes,
    list_outcomes_of_sweep,
)
from steelyard.server.rooms.sweeps.model import Sweep, SweepTrial, TrialResults
from steelyard.server.rooms.sweeps.overlay import Overlay, overlay_of, phase_index, searched
from steelyard.server.rooms.sweeps.phase_records import find_phase
from steelyard.server.rooms.sweeps.queries import list_trials
from steelyard.server.rooms.sweeps.results import SEARCH_STATES, plain_config, results_of
from steelyard.server.rooms.sweeps.scoring import (
    group_trials,
    judge_together,
    mean_outcomes,
    needed_names,
    values_of_runs,
)


class Search(msgspec.Struct, frozen=True):
    """Everything that the next suggestion of a sweep comes from.

    `repeats` are configurations to be run again first, with the trial that each comes from;
    `number` is how many were suggested before.
    """

    problem: Problem
    trials: list[Trial]
    repeats: list[tuple[int, dict[str, object]]]
    number: int
    seed: int


class Found(msgspec.Struct, frozen=True):
    """The next configuration, and the trial of an earlier phase that it repeats."""

    suggestion: Suggestion | Exhausted
    parent_index: int | None = None


def load_search(conn: Connection, sweep: Sweep, problem: Problem) -> Search:
    """Read what the next suggestion learns from. `problem` is what the configuration says."""
    overlay = overlay_of(sweep)
    rows = list_trials(conn, sweep.id, limit=SWEEP_TRIALS_MAX)
    runs = list_priors(conn, sweep, rows)
    now = searched(problem, overlay)
    place = phase_index(problem, overlay)
    priors, by_phase = search_trials(problem, overlay, rows, runs)
    own = [trial for at, trial in by_phase if place is None or at == place]
    if place is None:
        return Search(now, priors + own, [], len(group_trials(rows)), sweep.seed)
    priors = _inside(now, overlay, priors)
    if problem.method == "bayes":  # the others would take a configuration for done
        earlier = _inside(now, overlay, [trial for at, trial in by_phase if at < place])
        priors = priors + as_priors(now.space, earlier, own)
    of_phase = [row for row in rows if (row.phase or 0) == place]
    return Search(
        now,
        priors + own,
        _repeats(conn, sweep, now, place, rows, of_phase),
        len(group_trials(of_phase)),
        sweep.seed,
    )


def _inside(problem: Problem, overlay: Overlay, trials: list[Trial]) -> list[Trial]:
    """Those whose values the narrowed space still has."""
    return [
        trial
        for trial in trials
        if fit_config(problem.space, trial.config) is not None
        and is_within(overlay.ranges, trial.config)
    ]


def _repeats(
    conn: Connection,
    sweep: Sweep,
    problem: Problem,
    place: int,
    rows: list[SweepTrial],
    of_phase: list[SweepTrial],
) -> list[tuple[int, dict[str, object]]]:
    """Configurations that this phase begins with and has not run yet."""
    record = find_phase(conn, sweep.id, place)
    if record is None:
        return []
    done = {row.parent_index for row in of_phase}
    configs = {row.index: fit_config(problem.space, row.config) for row in rows}
    repeats = []
    for index in record.parents:
        config = configs.get(index)
        if index not in done and config is not None and problem.space.is_feasible(config):
            repeats.append((index, config))
    return repeats


def next_suggestions(search: Search, count: int) -> list[Found]:
    """The next configurations of a search, up to `count` and at least one, for agents that asked
    together. Takes up to a quarter of a second: no transaction."""
    # Here and not above: it loads scipy, half a second that servers without sweeps save.
    from steelyard.search.batch import suggest_batch

    for index, config in search.repeats:
        reason = f"among the best of the phase before, there as trial {index}: run again as it was"
        return [Found(Suggestion(config=dict(config), reason=reason, kind="phase"), index)]
    try:
        found = suggest_batch(
            search.problem, search.trials, seed=search.seed, index=search.number, count=count
        )
    except Infeasible as error:
        return [Found(Exhausted(reason=str(error)))]
    return [Found(each) for each in found]


def search_trials(
    problem: Problem, overlay: Overlay, rows: list[SweepTrial], runs: list[RunOutcome]
) -> tuple[list[Trial], list[tuple[int, Trial]]]:
    """Prior trials, and the sweep's own in their order with the phase of each.

    Configurations that the space does not know, because it was edited since or because they come
    from elsewhere, are left out: nothing can be learned from half of one.
    """
    goal = searched(problem, overlay)
    names = needed_names(problem, overlay)
    brought = [results_of(problem, run, parts=names) for run in runs]
    everything: list[TrialResults | None] = [*brought, *(row.results for row in rows)]
    values = values_of_runs(problem, goal.metrics, everything)
    priors = []
    for at, run in enumerate(runs):
        config = fit_config(problem.space, plain_config(run))
        if config is None:
            continue
        state: TrialState = "running"
        if run.has_ended:
            state = "finished" if run.state == "finished" else "failed"
        priors.append(
            Trial(
                id=run.name,
                config=config,
                state=state,
                values=values[at],
                outcomes=brought[at].outcomes,
                seconds=brought[at].seconds,
                is_prior=True,
            )
        )
    own = []
    for group in group_trials(rows):
        first = rows[group[0]]
        config = fit_config(problem.space, first.config)
        if config is None:
            continue
        found = [(rows[at], values[len(runs) + at]) for at in group]
        own.append((first.phase or 0, _trial_of(goal, config, found)))
    return priors, own


def _trial_of(
    problem: Problem,
    config: dict[str, object],
    runs: list[tuple[SweepTrial, tuple[float | None, ...]]],
) -> Trial:
    """The runs of one configuration as the search sees them: one trial."""
    first, values = runs[0]
    results = [row.results or TrialResults() for row, _ in runs]
    if len(runs) == 1:
        return Trial(
            id=first.run_name,
            config=config,
            state=SEARCH_STATES[first.state],
            values=values,
            outcomes=results[0].outcomes,
            seconds=results[0].seconds,
        )
    states = [(SEARCH_STATES[row.state], each) for row, each in runs]
    scores = judge_together(problem.cross_validation, problem.metrics, states)
    outcomes = mean_outcomes([row for row, _ in runs])
    name = spread_name(problem)
    if name is not None and scores and scores[0].std is not None:
        outcomes[name] = scores[0].std
    seconds = [each.seconds for each in results if each.seconds is not None]
    state: TrialState = "finished"
    if scores:
        state = scores[0].state
    elif not all(each in ("finished", "failed", "stopped") for each, _ in states):
        state = "running"
    return Trial(
        id=first.run_name,
        config=config,
        state=state,
        values=tuple(score.objective for score in scores),
        outcomes=outcomes,
        seconds=sum(seconds) if seconds else None,
    )


def list_priors(conn: Connection, sweep: Sweep, trials: list[SweepTrial]) -> list[RunOutcome]:
    """Runs that were added to a sweep: named when it was made, or begun in it without an agent."""
    own = {name for trial in trials for name in (trial.run_name, *trial.earlier_runs)}
    joined = list_outcomes_of_sweep(conn, sweep.project_id, sweep.name, limit=SWEEP_TRIALS_MAX)
    named = list_outcomes(conn, sweep.project_id, sweep.prior_runs)
    found: dict[str, RunOutcome] = {run.name: run for run in joined} | named
    return sorted((run for name, run in found.items() if name not in own), key=lambda r: r.id)
