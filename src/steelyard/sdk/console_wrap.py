"""Captures what Python code writes to sys.stdout and sys.stderr.

The `write` of the stream object itself is replaced, not the stream: code that took hold of
sys.stdout earlier (logging handlers, tqdm) is captured too, and everything else of the stream
stays as it is.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from steelyard.sdk import notebook_hooks
from steelyard.sdk.console import STREAMS, Console, Stream, busy


class _Tap:
    """The replaced `write` of one stream, for all consoles that listen to it."""

    def __init__(self, stream: Any, name: Stream) -> None:
        self.stream = stream
        self.name = name
        self.consoles: tuple[Console, ...] = ()
        self._was_called = False
        self.original: Callable[..., Any] = stream.write
        self._had_own_write = "write" in getattr(stream, "__dict__", ())
        # One bound method, to recognise it later.
        self._write = self.write
        stream.write = self._write

    def write(self, *args: Any, **kwargs: Any) -> Any:
        self._was_called = True
        taken = busy.consoles
        # A stream may write to another one, as in a tee: its text is captured once.
        listening = [console for console in self.consoles if console not in taken]
        if not listening:
            return self.original(*args, **kwargs)
        busy.consoles = (*taken, *listening)
        try:
            written = self.original(*args, **kwargs)
        finally:
            busy.consoles = taken
        text = _text_of(args[0] if args else kwargs.get("s"), written)
        for console in listening:
            console.feed(self.name, text)
        return written

    def take_out(self) -> None:
        """Put the old `write` back, unless somebody replaced ours: theirs calls it, so it stays."""
        if not self.is_outermost:
            return
        if self._had_own_write:
            self.stream.write = self.original
        else:
            del self.stream.write

    @property
    def is_outermost(self) -> bool:
        return getattr(self.stream, "__dict__", {}).get("write") is self._write

    def is_reached(self) -> bool:
        """What is written to the stream still comes by here, whoever replaced `write` since."""
        if self.is_outermost:
            return True
        self._was_called = False
        with suppress(Exception):  # whatever stands there now
            self.stream.write("")
        return self._was_called


#: Taps by the id of their stream, which a tap keeps alive.
_taps: dict[int, _Tap] = {}


def _text_of(data: object, written: object) -> str:
    if isinstance(written, int) and isinstance(data, str | bytes) and 0 <= written < len(data):
        data = data[:written]
    if isinstance(data, str):
        return data
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else ""


def wrap_streams(console: Console) -> list[Callable[[], None]]:
    """Let the console hear the standard streams there are; returns how to end that."""
    undo: list[Callable[[], None]] = []
    for name in STREAMS:
        stream = getattr(sys, name)
        # None in a process without a console; the same object where somebody merged the two.
        if stream is None or (name == "stderr" and stream is sys.stdout):
            continue
        try:
            tap = _taps.get(id(stream))
            if tap is None or not (tap.consoles or tap.is_reached()):
                tap = _Tap(stream, name)
        except (AttributeError, TypeError):
            console.note(f"what is written to sys.{name} is not kept: {stream!r} allows no changes")
            continue
        _taps[id(stream)] = tap
        tap.consoles = (*tap.consoles, console)
        undo.append(functools.partial(_leave, stream, console))
    if undo:
        notebook_hooks.call_after_cells(renew_taps)
    return undo


def _leave(stream: Any, console: Console) -> None:
    """The stream's tap forgets the console; with the last one it goes."""
    tap = _taps.get(id(stream))
    if tap is None:
        return
    tap.consoles = tuple(other for other in tap.consoles if other is not console)
    if not tap.consoles:
        was_outermost = tap.is_outermost
        tap.take_out()
        if was_outermost:
            del _taps[id(stream)]


def renew_taps() -> None:
    """Replace `write` again where somebody put back an older one; the consoles stay the same."""
    for key, tap in list(_taps.items()):
        if tap.consoles and not tap.is_reached():
            renewed = _Tap(tap.stream, tap.name)
            renewed.consoles, tap.consoles = tap.consoles, ()
            _taps[key] = renewed
