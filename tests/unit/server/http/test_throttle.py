from __future__ import annotations

import pytest

from steelyard.errors import Overloaded
from steelyard.limits import LOGIN_FAILURES_PER_MINUTE_MAX
from steelyard.server.http.throttle import LoginThrottle


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_failures_within_a_minute_slow_down_their_subject_only() -> None:
    clock = Clock()
    throttle = LoginThrottle(clock)
    for _ in range(LOGIN_FAILURES_PER_MINUTE_MAX):
        throttle.check("ann", "10.0.0.1")
        throttle.record_failure("ann", "10.0.0.1")
        clock.now_s += 1
    with pytest.raises(Overloaded):
        throttle.check("ann", "10.0.0.2")
    with pytest.raises(Overloaded):
        throttle.check("bob", "10.0.0.1")
    throttle.check("bob", "10.0.0.2")
    clock.now_s = 100.0 + 60
    throttle.check("ann", "10.0.0.1")


def test_subjects_of_long_ago_take_no_memory() -> None:
    clock = Clock()
    throttle = LoginThrottle(clock)
    for number in range(10_001):
        throttle.record_failure(str(number))
    clock.now_s += 61
    throttle.record_failure("late")
    assert len(throttle._failures) == 1
