"""Whether one more run may begin: never one that is expected to break the budget."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from steelyard.server.rooms.sweeps.admission import Contender, find_quota_refusal
from steelyard.server.rooms.sweeps.budget_report import Amounts
from steelyard.server.rooms.sweeps.spending import (
    RunAtWork,
    Spending,
    count_affordable,
    crossed_thresholds,
    find_refusal,
)


def spending_of(ended: list[float], at_work: list[float]) -> Spending:
    mean = sum(ended) / len(ended) if ended else None
    return Spending(
        trial_count=len(ended) + len(at_work),
        elapsed_hours=0.0,
        ended_count=len(ended),
        ended_gpu_hours=0.0,
        ended_usd=sum(ended),
        unpriced_count=0,
        at_work=tuple(
            RunAtWork(name=str(at), seconds=0.0, gpu_hours=0.0, usd=usd)
            for at, usd in enumerate(at_work)
        ),
        per_run=Amounts(runs=1, usd=mean),
        per_run_from="sweep" if ended else None,
    )


prices = st.floats(0.01, 100)


@given(limit=st.floats(0.01, 1000), each=prices, agents=st.integers(1, 20))
def test_runs_of_one_price_stay_within_the_budget_however_many_agents_ask(
    limit: float, each: float, agents: int
) -> None:
    limits = Amounts(usd=limit)
    ended: list[float] = []
    at_work = 0
    for _ in range(200):
        while at_work < agents:
            if find_refusal(limits, spending_of(ended, [0.0] * at_work)) is not None:
                break
            at_work += 1
        if not at_work:
            break
        at_work -= 1
        ended.append(each)
    # The first is begun to see what runs cost: it alone may cost more than there is.
    assert sum(ended) <= max(limit * (1 + 1e-6), each)


@given(
    ended=st.lists(prices, min_size=1, max_size=8),
    at_work=st.lists(prices, max_size=8),
    limit=st.floats(0.01, 1000),
)
def test_what_is_affordable_and_what_is_refused_agree(
    ended: list[float], at_work: list[float], limit: float
) -> None:
    limits, spending = Amounts(usd=limit), spending_of(ended, at_work)
    refusal = find_refusal(limits, spending)
    count = count_affordable(limits, spending)
    assert count is not None
    assert (refusal is None) == (count > 0)
    if refusal is not None and not at_work:
        assert refusal.is_final


@given(st.floats(0.01, 1e6), st.floats(0, 2))
def test_thresholds_are_crossed_in_their_order(limit: float, share: float) -> None:
    crossed = crossed_thresholds(limit, limit * share, (50, 80, 100))
    assert crossed == [50, 80, 100][: len(crossed)]
    assert all(percent <= 100 * share * (1 + 1e-6) for percent in crossed)


contenders = st.lists(
    st.builds(
        Contender,
        sweep_id=st.integers(1, 10**6),
        name=st.just("s"),
        priority=st.integers(-3, 3),
        at_work=st.integers(0, 5),
        waiting=st.integers(0, 5),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda each: each.sweep_id,
)


@given(contenders, st.integers(1, 20))
def test_a_free_slot_is_given_to_somebody_and_a_taken_one_to_nobody(
    found: list[Contender], runs_max: int
) -> None:
    """No two sweeps wait for each other: when a slot is free and agents wait, one gets it."""
    waiting = [each for each in found if each.waiting]
    allowed = []
    for each in waiting:
        if find_quota_refusal(each.sweep_id, found, runs_max=runs_max) is None:
            allowed.append(each)
    is_free = sum(each.at_work for each in found) < runs_max
    assert bool(allowed) == (is_free and bool(waiting))
