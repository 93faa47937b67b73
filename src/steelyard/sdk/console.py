"""What a training process prints, as pieces of text for the run's journal.

    print() ─▶ taps on sys.stdout and sys.stderr ─┐   console_wrap.py: what Python writes
    fd 1, 2 ─▶ pipe or pty ─▶ relay process ──────┴─▶ Console.feed ─▶ on_text(stream, text)
                                                      console_redirect.py: everything

A finished line is passed on within the print that finished it, so that it survives a kill -9 a
moment later. The beginning of a line waits for its end, at most half a second: `print` writes
text and line end separately, and a progress bar rewrites its line many times. Text is passed on
as it was written, escapes and carriage returns included; the server interprets them.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Literal

from steelyard.errors import Invalid
from steelyard.limits import (
    CONSOLE_BYTES_PER_RUN_MAX,
    CONSOLE_PARTIAL_CHARS_MAX,
    CONSOLE_PARTIAL_S,
    CONSOLE_RECORD_CHARS_MAX,
    CONSOLE_WRITES_AT_ONCE,
)
from steelyard.sdk.fork import tell_of_forks

Stream = Literal["stdout", "stderr"]
STREAMS: Final[tuple[Stream, Stream]] = ("stdout", "stderr")

#: The setting `console`. The server does what wandb's wrap_emu does in the client (interpret
#: escapes), so all kinds of wrap are the same here.
MODES: Final = ("auto", "wrap", "wrap_raw", "wrap_emu", "redirect", "off")

FINISH_TURN_S = 5.0  # what the last flush waits for a thread that is stuck in `on_text`


class Console:
    """The captured output of one run, from `install` to `uninstall`.

    Several may be installed at once and leave in any order; each gets everything. In a forked
    child the console goes on with what the child prints.
    """

    def __init__(
        self,
        on_text: Callable[[str, str], None],
        *,
        on_note: Callable[[str], None] | None = None,
        bytes_max: int = CONSOLE_BYTES_PER_RUN_MAX,
    ) -> None:
        """`on_text` gets ("stdout" or "stderr", text) from any thread, one call at a time.

        What it prints itself is not captured, and what it raises is told once to `on_note`, as
        are other things the user should know.
        """
        self._on_text = on_text
        self._on_note = on_note
        self._bytes_left = bytes_max
        self._bytes_max = bytes_max
        self._has_failed = False
        self._undo: list[Callable[[], None]] = []
        self._reset()

    def _reset(self) -> None:
        # Writes queue up here, and whoever finds nobody at it passes them on. No thread ever
        # waits for another, so on_text may take locks that are held by somebody who prints.
        self._waiting: deque[tuple[Stream, str]] = deque()
        self._turn = threading.Lock()
        self._partial: dict[Stream, list[str]] = {"stdout": [], "stderr": []}
        self._partial_chars: dict[Stream, int] = {"stdout": 0, "stderr": 0}

    @classmethod
    def install(
        cls,
        on_text: Callable[[str, str], None],
        mode: str = "auto",
        *,
        on_note: Callable[[str], None] | None = None,
        bytes_max: int = CONSOLE_BYTES_PER_RUN_MAX,
    ) -> Console:
        """Begin to capture. Raises Invalid for a mode that there is not, and nothing else.

        Modes: "auto" and the three of "wrap" take what Python code writes to sys.stdout and
        sys.stderr; "redirect" also takes what C code and child processes write; "off" nothing.
        """
        if mode not in MODES:
            raise Invalid(f"console is {mode!r}; it is one of {', '.join(MODES)}")
        console = cls(on_text, on_note=on_note, bytes_max=bytes_max)
        if mode == "off":
            return console
        if mode == "redirect":
            from steelyard.sdk.console_redirect import redirect_streams

            console._undo = redirect_streams(console)
        if not console._undo:
            from steelyard.sdk.console_wrap import wrap_streams

            console._undo = wrap_streams(console)
        tell_of_forks(console)
        _flusher.add(console)
        return console

    @property
    def is_capturing(self) -> bool:
        return bool(self._undo)

    def uninstall(self) -> None:
        """Stop, and pass on what is left. A second call does nothing."""
        undo, self._undo = self._undo, []
        for step in undo:
            step()
        _flusher.remove(self)
        self.flush(timeout_s=FINISH_TURN_S)

    def note(self, text: str) -> None:
        """Tell the user, if anybody cares."""
        if self._on_note is not None:
            try:
                self._on_note(text)
            except Exception:  # noqa: BLE001 - we are inside somebody's print
                return

    def feed(self, stream: Stream, text: str) -> None:
        """Take what was written. Never raises, never waits for another thread."""
        if not text or self in busy.consoles:
            return
        self._waiting.append((stream, text))
        for _ in range(CONSOLE_WRITES_AT_ONCE):
            # Whoever has the turn looks again after giving it back: nothing is forgotten.
            if not self._waiting or not self._turn.acquire(blocking=False):
                return
            try:
                self._take(*self._waiting.popleft())
            finally:
                self._turn.release()
        _flusher.wake()

    def flush(self, *, timeout_s: float = 0.0) -> None:
        """Pass on what was held back, unfinished lines too."""
        if not self._turn.acquire(timeout=timeout_s):
            return  # somebody is at it
        try:
            for _ in range(len(self._waiting)):
                self._take(*self._waiting.popleft())
            for stream in STREAMS:
                self._emit_partial(stream)
        finally:
            self._turn.release()

    def become_child(self) -> None:
        """After a fork: what was waiting is the parent's to pass on."""
        self._reset()

    def _take(self, stream: Stream, text: str) -> None:
        end = text.rfind("\n") + 1
        if end:
            self._partial[stream].append(text[:end])
            self._emit_partial(stream)
            text = text[end:]
        if text:
            self._partial[stream].append(text)
            self._partial_chars[stream] += len(text)
            if self._partial_chars[stream] >= CONSOLE_PARTIAL_CHARS_MAX:
                self._emit_partial(stream)
            else:
                _flusher.wake()

    def _emit_partial(self, stream: Stream) -> None:
        parts = self._partial[stream]
        if not parts:
            return
        text = "".join(parts)
        parts.clear()
        self._partial_chars[stream] = 0
        if len(text) <= CONSOLE_RECORD_CHARS_MAX:
            self._emit(stream, text)
            return
        for start in range(0, len(text), CONSOLE_RECORD_CHARS_MAX):
            self._emit(stream, text[start : start + CONSOLE_RECORD_CHARS_MAX])

    def _emit(self, stream: Stream, text: str) -> None:
        if self._bytes_left <= 0:
            return
        size = len(text)
        if not text.isascii():
            # File names that are no UTF-8 come with surrogates, which have no place in a journal.
            encoded = text.encode("utf-8", "backslashreplace")
            size = len(encoded)
            text = encoded.decode()
        self._bytes_left -= size
        self._pass_on(stream, text)
        if self._bytes_left <= 0:
            words = (
                f"this process printed more than {self._bytes_max:,} bytes; what it prints from "
                "here on is not kept with the run (CONSOLE_BYTES_PER_RUN_MAX)"
            )
            self._pass_on("stderr", f"\nsteelyard: {words}\n")
            self.note(words)

    def _pass_on(self, stream: Stream, text: str) -> None:
        before = busy.consoles
        busy.consoles = (*before, self)
        try:
            self._on_text(stream, text)
        except Exception as problem:  # noqa: BLE001 - we are inside somebody's print
            if not self._has_failed:
                self._has_failed = True
                self.note(f"console output is not kept with the run: {problem!r}")
        finally:
            busy.consoles = before


class _Busy(threading.local):
    """Consoles that this thread is already writing for: a print within that is not theirs."""

    consoles: tuple[Console, ...] = ()


busy = _Busy()


class _Flusher:
    """One daemon thread that passes on unfinished lines, for all consoles of the process.

    It sleeps until there is such a line, and ends with the last console.
    """

    def __init__(self) -> None:
        self._consoles: list[Console] = []
        self._reset()
        tell_of_forks(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._has_work = threading.Event()
        self._is_running = False

    def become_child(self) -> None:
        self._reset()

    def add(self, console: Console) -> None:
        with self._lock:
            self._consoles = [*self._consoles, console]

    def remove(self, console: Console) -> None:
        with self._lock:
            self._consoles = [other for other in self._consoles if other is not console]
        self._has_work.set()

    def wake(self) -> None:
        # Set until the thread has slept its half second: a busy log pays for this twice a second.
        if not self._has_work.is_set():
            self._has_work.set()
        if not self._is_running:
            self._start()

    def _start(self) -> None:
        if not self._lock.acquire(blocking=False):
            return  # another thread starts it, or a console comes or goes; the next print asks
        try:
            if self._is_running or not self._consoles:
                return
            thread = threading.Thread(target=self._run, name="steelyard-console", daemon=True)
            self._is_running = True
            thread.start()
        except RuntimeError:  # the interpreter is on its way out; uninstall() flushes
            self._is_running = False
        finally:
            self._lock.release()

    def _run(self) -> None:
        while True:
            self._has_work.wait()
            time.sleep(CONSOLE_PARTIAL_S)
            self._has_work.clear()
            with self._lock:
                if not self._consoles:
                    self._is_running = False
                    return
                consoles = self._consoles
            for console in consoles:
                console.flush()


_flusher = _Flusher()


def flush_python_streams() -> None:
    """Push out what Python buffered for its standard streams, as far as they take it."""
    for stream in {sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__}:
        try:
            if stream is not None:
                stream.flush()
        except (AttributeError, OSError, ValueError):  # closed, or somebody's own object
            continue
