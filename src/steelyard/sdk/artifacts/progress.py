"""One line on the terminal while files travel; nothing where nobody watches."""

from __future__ import annotations

import sys
import threading
import time
from typing import Final

from steelyard.sdk import terminal

SHOWN_AFTER_S: Final = 0.5
PAUSE_S: Final = 0.2
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


class Progress:
    """Bytes and files that are done, of so many. Any thread may tell."""

    def __init__(self, what: str, *, file_count: int, size_bytes: int) -> None:
        self._what = what
        self._file_count, self._size_bytes = file_count, size_bytes
        self._files_done = self._bytes_done = 0
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._shown_at = self._begun + SHOWN_AFTER_S - PAUSE_S
        self._width = 0
        self._is_shown = (
            terminal.is_interactive() and terminal.is_terminal() and terminal.is_said("info")
        )

    def add(self, size_bytes: int, files: int = 0) -> None:
        """So much more is done."""
        with self._lock:
            self._bytes_done += size_bytes
            self._files_done += files
            now = time.monotonic()
            if self._is_shown and now >= self._shown_at + PAUSE_S:
                self._shown_at = now
                self._show(self._describe(now))

    def end(self) -> None:
        """Clear the line."""
        with self._lock:
            if self._width:
                self._show("")
                sys.stderr.write("\r")
                sys.stderr.flush()
                self._width = 0

    def _describe(self, now: float) -> str:
        speed = self._bytes_done / max(now - self._begun, 1e-9)
        return (
            f"{self._what}: {self._files_done:,} of {self._file_count:,} files, "
            f"{describe_bytes(self._bytes_done)} of {describe_bytes(self._size_bytes)} "
            f"({describe_bytes(speed)}/s)"
        )

    def _show(self, text: str) -> None:
        try:
            sys.stderr.write("\r" + text.ljust(self._width))
            sys.stderr.flush()
        except (OSError, ValueError):
            self._is_shown = False
        self._width = len(text)


def describe_bytes(count: float) -> str:
    """A size as people read it: 812 B, 3.4 MiB."""
    for unit in _UNITS:
        if abs(count) < 1024 or unit == _UNITS[-1]:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError


def parse_bytes(text: str) -> int:
    """The inverse, also without a unit or with one of thousands: 10GB, 500 MiB, 1024.

    Raises ValueError.
    """
    import re

    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(i?)B?\s*", text, re.IGNORECASE)
    if match is None:
        raise ValueError(f"{text!r} is no size; write one like 10GB or 500MiB")
    number, prefix, binary = match.groups()
    base = 1024 if binary else 1000
    return int(float(number) * base ** " KMGT".index(prefix.upper() or " "))
