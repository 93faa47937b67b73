"""A suggestion as its page shows it: with its run, or the runs of its folds and seeds together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from steelyard.search.crossval import FOLD, FOLDS, SEED, Aggregate
from steelyard.search.problem import Problem
from steelyard.search.results import read_number, value_of
from steelyard.search.trials import TrialState as SearchState
from steelyard.server.rooms.runs.json_text import parse_json_object
from steelyard.server.rooms.runs.shown_runs import ShownRun
from steelyard.server.rooms.sweeps.model import ENDED, SweepTrial, TrialState
from steelyard.server.rooms.sweeps.results import SEARCH_STATES, is_across_runs
from steelyard.server.rooms.sweeps.scoring import group_trials, judge_together, values_of_runs

#: What part of the cost a run's summary says under which key.
COST_KEYS = {"gpu_hours": "cost.gpu_hours", "tokens": "cost.tokens", "usd": "cost.usd"}
_STATES: dict[SearchState, TrialState] = {
    "pending": "queued",
    "running": "running",
    "finished": "finished",
    "failed": "failed",
    "stopped": "stopped",
}


class ShownTrial(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one suggestion, first one first, and the run of each that has begun."""

    rows: list[SweepTrial]
    runs: list[ShownRun | None]
    scores: list[Aggregate]
    """By metric, of several runs; of one there is nothing to judge together."""
    values: list[float | None]
    """By metric."""
    costs: dict[str, float | None]

    @property
    def first(self) -> SweepTrial:
        return self.rows[0]

    @property
    def state(self) -> TrialState:
        return _STATES[self.scores[0].state] if self.scores else self.first.state

    @property
    def seconds(self) -> float | None:
        """How long its runs ran, one after another."""
        return _sum_of([_seconds_of(*each) for each in zip(self.rows, self.runs, strict=True)])

    @property
    def started_at_us(self) -> int | None:
        return min(
            (r.started_at_us for r in self.rows if r.started_at_us is not None), default=None
        )

    @property
    def ended_at_us(self) -> int | None:
        """When the last of them ended; None while one may still."""
        if any(row.state not in ENDED for row in self.rows):
            return None
        return max(
            (row.ended_at_us for row in self.rows if row.ended_at_us is not None), default=None
        )

    @property
    def stop_reason(self) -> str | None:
        return next((row.stop_reason for row in self.rows if row.stop_reason), None)

    @property
    def config(self) -> dict[str, Any]:
        """The configuration without what tells its runs apart."""
        if len(self.rows) == 1:
            return self.first.config
        told = {key for key in (FOLD, FOLDS, SEED) if key in self.first.config}
        return {key: value for key, value in self.first.config.items() if key not in told}

    def outcome(self, name: str) -> float | None:
        """The mean of its runs that have it."""
        found = [
            r.results.outcomes[name] for r in self.rows if r.results and name in r.results.outcomes
        ]
        return math.fsum(found) / len(found) if found else None

    @property
    def run(self) -> ShownRun | None:
        """The run that stands for it: the first."""
        return self.runs[0]


def show_trials(
    problem: Problem, rows: Sequence[SweepTrial], runs: Mapping[str, ShownRun]
) -> list[ShownTrial]:
    """The suggestions with what they have; those at work with what they logged so far.

    A formula that compares runs compares those in `rows`.
    """
    shown = [runs.get(row.run_name) for row in rows]
    summaries = [
        {} if run is None else parse_json_object(run.summary, "the summary of a run")
        for run in shown
    ]
    ended = values_of_runs(problem, problem.metrics, [row.results for row in rows])
    values = [
        kept if row.results is not None else _logged_so_far(problem, summary)
        for row, kept, summary in zip(rows, ended, summaries, strict=True)
    ]
    found = []
    for group in group_trials(rows):
        states = [(SEARCH_STATES[rows[at].state], values[at]) for at in group]
        scores = (
            judge_together(problem.cross_validation, problem.metrics, states)
            if len(group) > 1
            else []
        )
        found.append(
            ShownTrial(
                rows=[rows[at] for at in group],
                runs=[shown[at] for at in group],
                scores=scores,
                values=[each.mean for each in scores] if scores else list(values[group[0]]),
                costs={
                    field: _sum_of([read_number(summaries[at], key) for at in group])
                    for field, key in COST_KEYS.items()
                },
            )
        )
    return found


def whole_trials(rows: Sequence[SweepTrial], *, has_more: bool) -> Sequence[SweepTrial]:
    """The rows of a page without the last trial when more of its runs may follow."""
    last = rows[-1].trial_index if rows and has_more else None
    if last is None or rows[0].trial_index == last:
        return rows
    return [row for row in rows if row.trial_index != last]


def _logged_so_far(problem: Problem, summary: dict[str, Any]) -> tuple[float | None, ...]:
    return tuple(
        None if is_across_runs(metric) else value_of(metric, summary) for metric in problem.metrics
    )


def _seconds_of(row: SweepTrial, run: ShownRun | None) -> float | None:
    if row.results is not None and row.results.seconds is not None:
        return row.results.seconds
    return None if run is None else run.seconds


def _sum_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None
