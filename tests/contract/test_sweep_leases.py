"""Leases under any sequence of events: no trial is doubled, none is forgotten."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from steelyard.limits import SWEEP_ATTEMPTS_MAX, SWEEP_LEASE_S
from steelyard.server.rooms.runs.of_sweeps import RunOutcome
from steelyard.server.rooms.sweeps.leases import next_values
from steelyard.server.rooms.sweeps.model import ENDED, SweepTrial

NOW_US = 1_750_000_000_000_000
RUN_STATES = (
    "running",
    "finished",
    "failed",
    "crashed",
    "killed",
    "preempting",
    "preempted",
    "pending",
)
around_now = st.integers(-10 * SWEEP_LEASE_S, 10 * SWEEP_LEASE_S).map(
    lambda seconds: NOW_US + seconds * 1_000_000
)


@st.composite
def trials(draw: st.DrawFn) -> SweepTrial:
    state = draw(st.sampled_from(("queued", "leased", "running", "lost", *ENDED)))
    return SweepTrial(
        id=1,
        sweep_id=1,
        index=0,
        run_name="run",
        earlier_runs=[],
        config={},
        config_version=1,
        state=state,  # type: ignore[arg-type]  # one of its words
        is_resumable=draw(st.booleans()),
        attempts=draw(st.integers(1, SWEEP_ATTEMPTS_MAX)),
        agent_id=1,
        lease_until_us=draw(around_now),
        gone_at_us=draw(st.none() | around_now) if state == "running" else None,
        kind="random",
        reason="",
        mean=None,
        std=None,
        schedule_id=None,
        stop_reason=draw(st.none() | st.just("worse than the others")),
        value=None,
        results=None,
        created_at_us=NOW_US,
        started_at_us=draw(around_now),
        ended_at_us=None,
    )


@st.composite
def outcomes(draw: st.DrawFn) -> RunOutcome:
    state = draw(st.sampled_from(RUN_STATES))
    heartbeat_at_us = draw(around_now)
    return RunOutcome(
        id=1,
        name="run",
        state=state,
        stop_requested=draw(st.booleans()),
        created_at_us=NOW_US - 10**12,
        heartbeat_at_us=heartbeat_at_us,
        finished_at_us=None if state in ("running", "pending", "preempting") else heartbeat_at_us,
        config="{}",
        summary="{}",
    )


def after(trial: SweepTrial, values: dict[str, Any] | None) -> SweepTrial:
    fields = {name: getattr(trial, name) for name in SweepTrial.__struct_fields__}
    return SweepTrial(**(fields | (values or {})))


@given(trial=trials(), run=st.none() | outcomes(), may_retry=st.booleans())
def test_what_is_decided_once_stays_decided(
    trial: SweepTrial, run: RunOutcome | None, may_retry: bool
) -> None:
    """The same clock and run change nothing a second time; what has ended never changes."""
    values = next_values(trial, run, may_retry=may_retry, now_us=NOW_US)
    if trial.state in ENDED:
        assert values is None
    settled = after(trial, values)
    again = after(settled, next_values(settled, run, may_retry=may_retry, now_us=NOW_US))
    assert again == settled


@given(trial=trials(), run=outcomes(), may_retry=st.booleans())
def test_a_run_that_finished_is_never_handed_on(
    trial: SweepTrial, run: RunOutcome, may_retry: bool
) -> None:
    finished = after(trial, {"is_resumable": False})
    if run.state in ("finished", "failed", "killed"):
        values = next_values(finished, run, may_retry=may_retry, now_us=NOW_US)
        assert after(finished, values).state not in ("lost", "leased", "running")


@given(trial=trials(), run=st.none() | outcomes(), may_retry=st.booleans())
def test_a_trial_is_at_work_only_under_a_lease_that_lasts(
    trial: SweepTrial, run: RunOutcome | None, may_retry: bool
) -> None:
    """So that nothing waits for an agent for ever: it ends, or its lease does."""
    settled = after(trial, next_values(trial, run, may_retry=may_retry, now_us=NOW_US))
    if settled.state in ("leased", "running"):
        assert settled.lease_until_us is not None
        assert settled.lease_until_us > NOW_US
    if settled.state == "lost":
        assert may_retry
        assert settled.attempts < SWEEP_ATTEMPTS_MAX or trial.state == "lost"


@given(trial=trials(), run=st.none() | outcomes())
def test_time_alone_ends_every_trial_of_a_sweep_that_is_over(
    trial: SweepTrial, run: RunOutcome | None
) -> None:
    late_us = NOW_US + 30 * SWEEP_LEASE_S * 1_000_000
    if trial.state != "queued":
        settled = after(trial, next_values(trial, run, may_retry=False, now_us=late_us))
        assert settled.state in ENDED
