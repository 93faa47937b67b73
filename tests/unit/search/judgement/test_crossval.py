"""Several runs of one configuration, judged together."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.search.crossval import FoldResult, aggregate, runs_per_trial
from steelyard.search.problem import CrossValidation
from steelyard.search.trials import TrialState

FIVE = CrossValidation(folds=5, penalty=2.0)


def make_results(*values: float | None, state: TrialState = "finished") -> list[FoldResult]:
    return [FoldResult(state=state, value=value) for value in values]


def test_the_objective_of_whole_folds_is_the_penalised_mean() -> None:
    values = [0.8, 0.9, 0.85, 0.95, 0.7]
    found = aggregate(FIVE, "maximize", make_results(*values))
    mean, std = statistics.fmean(values), statistics.stdev(values)
    assert (found.state, found.n, found.failed, found.accepted) == ("finished", 5, 0, True)
    assert found.mean == pytest.approx(mean)
    assert found.std == pytest.approx(std)
    assert found.objective == pytest.approx(mean - 2 * std)
    low = aggregate(FIVE, "minimize", make_results(*values))
    assert low.objective == pytest.approx(mean + 2 * std)


@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=5),
    penalty=st.floats(0, 10),
)
def test_spread_never_makes_an_objective_better(values: list[float], penalty: float) -> None:
    rule = CrossValidation(folds=5, penalty=penalty)
    plain = CrossValidation(folds=5)
    for goal, sign in (("minimize", 1), ("maximize", -1)):
        found = aggregate(rule, goal, make_results(*values)).objective  # type: ignore[arg-type]
        mean = aggregate(plain, goal, make_results(*values)).objective  # type: ignore[arg-type]
        assert found is not None and mean is not None
        assert sign * found >= sign * mean
        mirrored = aggregate(
            rule,
            "maximize" if goal == "minimize" else "minimize",
            make_results(*(-value for value in values)),
        ).objective
        assert mirrored == pytest.approx(-found)


def test_a_trial_waits_for_all_its_folds() -> None:
    waiting = make_results(None, None, state="pending")
    assert aggregate(FIVE, "minimize", []).state == "pending"
    assert aggregate(FIVE, "minimize", waiting).state == "pending"
    running = aggregate(FIVE, "minimize", [*make_results(1.0, 3.0), *waiting])
    assert (running.state, running.n, running.objective) == ("running", 2, None)
    assert running.mean == 2.0
    assert running.reason == "2 ± 1.414 so far, from 2 of 5 runs"
    started = aggregate(FIVE, "minimize", make_results(9.0, state="running"))
    assert (started.state, started.n, started.mean) == ("running", 0, None)


def test_a_trial_with_half_of_its_folds_is_judged_by_those() -> None:
    lost = make_results(None, None, state="failed")
    found = aggregate(FIVE, "minimize", [*make_results(1.0, 2.0, 3.0), *lost])
    assert (found.state, found.n, found.failed) == ("finished", 3, 2)
    assert found.objective == pytest.approx(2.0 + 2.0 * 1.0)
    assert found.reason == "2 ± 1 from 3 of 5 runs; 2 gave none"


def test_a_trial_with_fewer_has_failed() -> None:
    lost = make_results(None, None, 0.0, state="failed")  # what a failed run logged is not used
    found = aggregate(FIVE, "minimize", [*make_results(1.0, 2.0), *lost])
    assert (found.state, found.n, found.failed, found.objective) == ("failed", 2, 3, None)
    assert found.reason == "failed: only 2 of 5 runs gave a value, and half of them have to"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_finished_fold_without_a_number_has_given_none(value: float | None) -> None:
    found = aggregate(FIVE, "minimize", make_results(1.0, 1.0, 1.0, 1.0, value))
    assert (found.state, found.n, found.failed) == ("finished", 4, 1)
    assert aggregate(None, "minimize", make_results(value)).state == "failed"


def test_a_trial_of_which_a_run_was_stopped_early_is_stopped() -> None:
    stopped = make_results(7.0, state="stopped")
    found = aggregate(FIVE, "minimize", [*make_results(1.0, 2.0, 3.0, 4.0), *stopped])
    assert (found.state, found.n) == ("stopped", 5)
    assert found.objective is not None
    assert "stopped early" in found.reason


def test_folds_that_spread_too_much_are_not_accepted() -> None:
    gate = CrossValidation(folds=2, max_std=0.1)
    assert aggregate(gate, "minimize", make_results(1.0, 1.1)).accepted
    found = aggregate(gate, "minimize", make_results(1.0, 2.0))
    assert not found.accepted
    assert "not accepted, because the spread is above max_std = 0.1" in found.reason


def test_folds_and_seeds_multiply() -> None:
    assert runs_per_trial(None) == 1
    assert runs_per_trial(CrossValidation(folds=5)) == 5
    assert runs_per_trial(CrossValidation(seeds=(1, 2, 3))) == 3
    assert runs_per_trial(CrossValidation(folds=5, seeds=(1, 2, 3))) == 15


def test_without_cross_validation_a_trial_is_its_only_run() -> None:
    found = aggregate(None, "minimize", make_results(0.25))
    assert (found.state, found.objective, found.std) == ("finished", 0.25, None)


def test_more_results_than_runs_are_refused() -> None:
    with pytest.raises(Invalid, match="2 results of a trial with 1 runs"):
        aggregate(None, "minimize", make_results(1.0, 2.0))


@given(values=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=5))
def test_whatever_runs_log_the_objective_is_a_number_or_nothing(values: list[float]) -> None:
    """Also where sums and squares are beyond what a float holds."""
    rule = CrossValidation(folds=len(values), penalty=2.0)
    found = aggregate(rule, "maximize", make_results(*values))
    for number in (found.mean, found.std, found.objective):
        assert number is None or math.isfinite(number)
