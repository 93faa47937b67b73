"""Slows down guessing: few failures per minute for one address and for one name."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from steelyard.errors import Overloaded
from steelyard.limits import LOGIN_FAILURES_PER_MINUTE_MAX

WINDOW_S = 60.0
TRACKED_MAX = 10_000


class LoginThrottle:
    """Counts failed sign-ins of the last minute, in memory of this process."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._failures: dict[str, deque[float]] = {}

    def check(self, *subjects: str) -> None:
        """Overloaded when one of the subjects failed too often within the last minute."""
        for subject in subjects:
            failures = self._recent(subject)
            if len(failures) >= LOGIN_FAILURES_PER_MINUTE_MAX:
                raise Overloaded("too many failed sign-ins; wait a minute, then try again")

    def record_failure(self, *subjects: str) -> None:
        """Count one failure for each subject."""
        if len(self._failures) > TRACKED_MAX:
            for subject in [s for s in self._failures if not self._recent(s)]:
                del self._failures[subject]
        for subject in subjects:
            self._recent(subject)
            self._failures.setdefault(subject, deque()).append(self._clock_s())

    def _recent(self, subject: str) -> deque[float]:
        failures = self._failures.get(subject)
        if failures is None:
            return deque()
        while failures and failures[0] <= self._clock_s() - WINDOW_S:
            failures.popleft()
        return failures
