"""A lock for each key that somebody works on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class KeyedLocks:
    """Work on one key excludes other work on it; nothing is kept of keys that nobody works on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[bytes, tuple[threading.Lock, int]] = {}

    @contextmanager
    def held(self, key: bytes) -> Iterator[None]:
        """Wait until nobody works on the key, then work on it."""
        with self._lock:
            lock, count = self._held.get(key, (None, 0))
            lock = lock or threading.Lock()
            self._held[key] = lock, count + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                _, count = self._held[key]
                if count == 1:
                    del self._held[key]
                else:
                    self._held[key] = lock, count - 1
