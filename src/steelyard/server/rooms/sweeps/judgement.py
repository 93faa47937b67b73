"""Early termination: which runs are stopped, from their curves, in the background.

A pass costs one small statement for a sweep none of whose runs has logged anything new. Curves of
runs that have ended are kept in memory until their sweep ends.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import msgspec
from sqlalchemy.engine import Connection

from steelyard.errors import SteelyardError
from steelyard.limits import SWEEP_TRIALS_MAX, SWEEPS_JUDGED_MAX
from steelyard.search.problem import Metric, Problem
from steelyard.search.stopping import Curve, decide
from steelyard.search.trials import TrialState
from steelyard.server.columns.read import list_line_counts
from steelyard.server.db.interface import Database
from steelyard.server.rooms.runs.commands import request_stop
from steelyard.server.rooms.runs.of_sweeps import list_outcomes
from steelyard.server.rooms.sweeps.commands import lock_sweep
from steelyard.server.rooms.sweeps.configuration import Problems
from steelyard.server.rooms.sweeps.curves import Parts, compose_curves, read_parts
from steelyard.server.rooms.sweeps.leases import write_trial
from steelyard.server.rooms.sweeps.model import ENDED, Sweep, SweepTrial
from steelyard.server.rooms.sweeps.overlay import objective, overlay_of
from steelyard.server.rooms.sweeps.queries import (
    find_trials_of_runs,
    list_judged_sweeps,
    list_trials_in,
)

log = logging.getLogger("steelyard.sweeps")

_STATES: dict[str, TrialState] = {"finished": "finished", "failed": "failed", "stopped": "stopped"}


class _Kept(msgspec.Struct):
    """What one run logged of the metric, as of so many lines of its history."""

    line_count: int
    parts: Parts


class Judge:
    """Looks at the curves of all sweeps with early termination; one per server process."""

    def __init__(self, db: Database, problems: Problems) -> None:
        self._db = db
        self._problems = problems
        self._curves: dict[tuple[int, Metric], dict[str, _Kept]] = {}

    def judge_all(self, *, now_us: int) -> int:
        """Stop the runs that are to be stopped now; how many. Blocking."""
        stopped, after_id, seen = 0, 0, set()
        while sweeps := self._db.read_now(
            list_judged_sweeps, after_id=after_id, limit=SWEEPS_JUDGED_MAX
        ):
            for sweep in sweeps:
                seen.add(sweep.id)
                try:
                    stopped += self.judge(sweep, now_us=now_us)
                except SteelyardError as error:  # one sweep must not keep the others from theirs
                    log.warning(
                        "a sweep could not be judged",
                        extra={"sweep": sweep.path, "reason": str(error)},
                    )
            after_id = sweeps[-1].id
        self._curves = {key: kept for key, kept in self._curves.items() if key[0] in seen}
        return stopped

    def judge(self, sweep: Sweep, *, now_us: int) -> int:
        """The same for one sweep."""
        problem = self._problems.get(sweep)
        if problem.early_terminate is None or not problem.metrics:
            return 0
        metrics = objective(problem, overlay_of(sweep))
        problem = msgspec.structs.replace(problem, metrics=metrics)
        curves = self._db.read_now(self._load_new, sweep, problem)
        if curves is None:
            return 0
        decisions = decide(problem, curves)
        if not decisions:
            return 0
        reasons = {decision.id: decision.reason for decision in decisions}
        return self._db.write_now(stop_trials, sweep.id, reasons, now_us=now_us)

    def _load_new(self, conn: Connection, sweep: Sweep, problem: Problem) -> list[Curve] | None:
        """The curves of all runs; None when none that is at work has logged anything since."""
        at_work = list_trials_in(conn, sweep.id, ("running",), limit=SWEEP_TRIALS_MAX)
        if not at_work:
            return None
        kept = self._curves.setdefault((sweep.id, problem.metrics[0]), {})
        names = [trial.run_name for trial in at_work]
        is_news = self._refresh(conn, sweep, problem, names, kept)
        if not is_news:
            return None
        ended = list_trials_in(conn, sweep.id, ENDED, limit=SWEEP_TRIALS_MAX)
        unseen = [trial.run_name for trial in ended if trial.run_name not in kept]
        self._refresh(conn, sweep, problem, unseen, kept)
        parts = {name: each.parts for name, each in kept.items()}
        curves = compose_curves(problem.metrics[0], parts)
        return [
            Curve(id=trial.run_name, values=curves[trial.run_name], state=_state_of(trial))
            for trial in sorted([*ended, *at_work], key=lambda each: each.index)
            if trial.run_name in kept
        ]

    def _refresh(
        self,
        conn: Connection,
        sweep: Sweep,
        problem: Problem,
        names: list[str],
        kept: dict[str, _Kept],
    ) -> bool:
        """Read the curves of those that have grown; whether any has."""
        outcomes = list_outcomes(conn, sweep.project_id, names)
        ids = {run.id: name for name, run in outcomes.items()}
        counts = list_line_counts(conn, list(ids), "history")
        grown = [
            run_id
            for run_id, count in counts.items()
            if ids[run_id] not in kept or kept[ids[run_id]].line_count != count
        ]
        if not grown:
            return False
        for run_id, parts in read_parts(conn, grown, problem.metrics[0]).items():
            kept[ids[run_id]] = _Kept(counts[run_id], parts)
        return True


def _state_of(trial: SweepTrial) -> TrialState:
    if trial.stop_reason is not None:
        return "stopped"  # asked to, and on its way out
    return _STATES.get(trial.state, "running")


def stop_trials(conn: Connection, sweep_id: int, reasons: Mapping[str, str], *, now_us: int) -> int:
    """Ask these runs to stop and keep the reason of each; those that have ended stay as they are.

    How many are asked now. Idempotent.
    """
    sweep = lock_sweep(conn, sweep_id)
    count = 0
    trials = find_trials_of_runs(conn, sweep.id, list(reasons))
    outcomes = list_outcomes(conn, sweep.project_id, [trial.run_name for trial in trials])
    for trial in sorted(trials, key=lambda each: each.index):
        run = outcomes.get(trial.run_name)
        if trial.state != "running" or trial.stop_reason is not None or run is None:
            continue
        write_trial(conn, trial, {"stop_reason": reasons[trial.run_name], "stop_kind": "judged"})
        request_stop(conn, run.id, now_us=now_us)
        count += 1
    return count
