"""Captures what Python code writes to sys.stdout and sys.stderr.

The `write` of the stream object itself is replaced, not the stream: code that took hold of
sys.stdout earlier (logging handlers, tqdm) is captured too, and everything else of the stream
stays as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from steelyard.sdk.console import STREAMS, Console, Stream, busy


class _Tap:
    """The replaced `write` of one stream, for all consoles that listen to it."""

    def __init__(self, stream: Any, name: Stream) -> None:
        self.stream = stream
        self.name = name
        self.consoles: tuple[Console, ...] = ()
        self.original: Callable[..., Any] = stream.write
        self._had_own_write = "write" in getattr(stream, "__dict__", ())
        # One bound method, to recognise it later.
        self._write = self.write
        stream.write = self._write

    def write(self, *args: Any, **kwargs: Any) -> Any:
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

    def leave(self, console: Console) -> None:
        """Forget the console; with the last one, put the old `write` back."""
        self.consoles = tuple(other for other in self.consoles if other is not console)
        if self.consoles or self.stream.__dict__.get("write") is not self._write:
            # Somebody else replaced `write` after us and calls ours: it has to stay.
            return
        if self._had_own_write:
            self.stream.write = self.original
        else:
            del self.stream.write
        if _taps.get(id(self.stream)) is self:
            del _taps[id(self.stream)]


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
            tap = _taps.get(id(stream)) or _Tap(stream, name)
        except (AttributeError, TypeError):
            console.note(f"what is written to sys.{name} is not kept: {stream!r} allows no changes")
            continue
        _taps[id(stream)] = tap
        tap.consoles = (*tap.consoles, console)
        undo.append(_leaving(tap, console))
    return undo


def _leaving(tap: _Tap, console: Console) -> Callable[[], None]:
    return lambda: tap.leave(console)
