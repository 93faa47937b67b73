"""Captures everything written to file descriptors 1 and 2: Python, C code, child processes.

Each becomes a pipe, or a pty where it was a terminal, so that progress bars keep their look. A
process of its own (`console_relay.py`) passes on what comes out of it; what it sends back is read
by a thread here. Forked and started children print through the same pipe: their output is part
of this run, and it reaches the original place even after this process has ended.
"""

from __future__ import annotations

import codecs
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from steelyard.limits import CONSOLE_BACKLOG_BYTES_MAX, CONSOLE_DRAIN_S
from steelyard.sdk.console import Console, Stream, flush_python_streams
from steelyard.sdk.fork import tell_of_forks
from steelyard.sdk.settings import read_environ

FILES: Final[dict[Stream, int]] = {"stdout": 1, "stderr": 2}
READ_BYTES: Final = 64 * 1024
#: Files of ours are moved out of the way of the numbers that the relay is started with.
FIRST_FILE: Final = 20


def redirect_streams(console: Console) -> list[Callable[[], None]]:
    """Let the console hear both descriptors; returns how to end that, or [] if it cannot be."""
    global _redirection
    if _redirection is None:
        if reason := _why_impossible():
            console.note(f"console=redirect is not possible here, so wrap is used: {reason}")
            return []
        try:
            _redirection = _Redirection()
        except (OSError, RuntimeError) as problem:
            console.note(f"console=redirect failed, so wrap is used: {problem}")
            return []
    redirection = _redirection
    redirection.consoles = (*redirection.consoles, console)
    return [lambda: _leave(redirection, console)]


def _why_impossible() -> str | None:
    if os.name == "nt":
        return "Windows has no such pipes"
    if not sys.executable or getattr(sys, "frozen", False):
        return "there is no Python program to start"
    if type(sys.stdout).__module__.partition(".")[0] == "ipykernel":
        return "a notebook does not print to the process's own output"
    return None


def _leave(redirection: _Redirection, console: Console) -> None:
    global _redirection
    if console not in redirection.consoles:
        return
    if len(redirection.consoles) == 1:
        redirection.end()
        if _redirection is redirection:
            _redirection = None
    redirection.consoles = tuple(one for one in redirection.consoles if one is not console)


class _Redirected:
    """One descriptor that leads into a pipe or pty."""

    def __init__(self, name: Stream, file: int) -> None:
        self.name = name
        self.file = file
        # Ours until the end: to put it back, and to read what a dead relay left.
        self.original = _move(os.dup(file))
        self.source, self._inlet = (_move(end) for end in _open_pipe(self.original))
        self.back, self.relay_back = (_move(end) for end in os.pipe())

    def begin(self) -> None:
        """The relay is there: from now on everything goes through it."""
        self._inlet_is = _describe(self._inlet)
        os.dup2(self._inlet, self.file, inheritable=True)
        os.close(self._inlet)
        os.close(self.relay_back)

    def put_back(self) -> None:
        """Lead the descriptor to its old place, unless somebody gave it another one meanwhile."""
        if _describe(self.file) == self._inlet_is:
            os.dup2(self.original, self.file, inheritable=True)

    def pass_on_rest(self) -> bytes:
        """What is still in the pipe after the relay died, written where it belongs."""
        rest = b""
        with suppress(OSError):
            os.set_blocking(self.source, False)
            while data := os.read(self.source, READ_BYTES):
                rest += data
                os.write(self.original, data)
        return rest

    def close(self) -> None:
        for file in (self.original, self.source, self.back):
            with suppress(OSError):
                os.close(file)

    def give_up(self) -> None:
        """Undo a beginning that failed."""
        self.close()
        for file in (self._inlet, self.relay_back):
            with suppress(OSError):
                os.close(file)


class _Redirection:
    """The redirected descriptors of this process, for all consoles that listen.

    Raises OSError or RuntimeError when something cannot be made; nothing has changed then.
    """

    def __init__(self) -> None:
        self.consoles: tuple[Console, ...] = ()
        self._is_ending = False
        self._is_child = False
        self._streams: list[_Redirected] = []
        try:
            for name, file in FILES.items():
                if _describe(file) is not None:
                    self._streams.append(_Redirected(name, file))
            self._control = _start_relay(self._streams)
        except BaseException:
            for stream in self._streams:
                stream.give_up()
            raise
        flush_python_streams()
        for stream in self._streams:
            stream.begin()
        self._threads = [
            threading.Thread(target=self._listen, args=(stream,), daemon=True)
            for stream in self._streams
        ]
        for thread in self._threads:
            thread.name = "steelyard-console-redirect"
            thread.start()
        tell_of_forks(self)

    def _listen(self, stream: _Redirected) -> None:
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        with suppress(OSError):
            while data := os.read(stream.back, READ_BYTES):
                self._feed(stream.name, decode(data))
        if not self._is_ending:  # the relay was killed, or the original place takes no more
            # Once before, so that little is overtaken by what is printed directly from here on.
            self._feed(stream.name, decode(stream.pass_on_rest()))
            stream.put_back()
            self._feed(stream.name, decode(stream.pass_on_rest()))
        self._feed(stream.name, decode(b"", True))

    def _feed(self, name: Stream, text: str) -> None:
        for console in self.consoles:
            console.feed(name, text)

    def end(self) -> None:
        """Put the descriptors back; wait a bounded time for what is on its way."""
        if self._is_child:
            return
        flush_python_streams()
        _flush_c_stdout()
        self._is_ending = True
        for stream in self._streams:
            stream.put_back()
        with suppress(OSError):  # the relay is gone
            os.write(self._control, b".")
        for thread in self._threads:
            thread.join(CONSOLE_DRAIN_S + 1.0)
        os.close(self._control)
        for stream, thread in zip(self._streams, self._threads, strict=True):
            if not thread.is_alive():  # else the terminal is stopped, and the files stay in use
                stream.close()

    def become_child(self) -> None:
        """After a fork: the parent hears what this child prints, and ends the redirection."""
        global _redirection
        if self._is_child or self._is_ending:  # its files are closed: others have their numbers
            return
        self._is_child = True
        self.consoles = ()
        if _redirection is self:
            _redirection = None
        for stream in self._streams:
            stream.close()
        with suppress(OSError):
            os.close(self._control)


_redirection: _Redirection | None = None


def _describe(file: int) -> tuple[int, int, int] | None:
    """Which file is open under that number; None when none is."""
    try:
        found = os.fstat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_rdev


def _move(file: int) -> int:
    """The same open file under a number of FIRST_FILE or more, not inherited by programs."""
    import fcntl

    moved = fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, FIRST_FILE)
    os.close(file)
    return moved


def _open_pipe(original: int) -> tuple[int, int]:
    """(end to read, end to write): of a pty that looks like the terminal, or of a pipe."""
    if not os.isatty(original):
        return os.pipe()
    import fcntl
    import termios

    source, inlet = os.openpty()
    with suppress(OSError, termios.error):
        modes = termios.tcgetattr(original)
        modes[1] &= ~termios.OPOST  # the real terminal makes \r\n of \n
        modes[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
        termios.tcsetattr(inlet, termios.TCSANOW, modes)
        size = fcntl.ioctl(original, termios.TIOCGWINSZ, bytes(8))
        fcntl.ioctl(inlet, termios.TIOCSWINSZ, size)
    return source, inlet


def _start_relay(streams: list[_Redirected]) -> int:
    """Start the relay; returns the pipe that tells it to stop. Raises OSError, RuntimeError."""
    control, told = (_move(end) for end in os.pipe())
    targets = iter(range(3, FIRST_FILE))
    actions: list[tuple[int, int, int]] = [(os.POSIX_SPAWN_DUP2, control, 0)]
    arguments: list[str] = []
    for stream in streams:
        for file in (stream.source, stream.original, stream.relay_back):
            target = next(targets)
            actions.append((os.POSIX_SPAWN_DUP2, file, target))
            arguments.append(str(target))
    program = [sys.executable, "-I", "-S", str(Path(__file__).with_name("console_relay.py"))]
    program += [str(CONSOLE_BACKLOG_BYTES_MAX), str(CONSOLE_DRAIN_S), *arguments]
    try:
        # It leaves at once a child of its own, which is nobody's to wait for.
        pid = os.posix_spawn(sys.executable, program, read_environ(), file_actions=actions)
        with suppress(ChildProcessError):  # the user's code waits for all children
            if os.waitpid(pid, 0)[1] != 0:
                raise RuntimeError("the program that passes on output does not start")
    except BaseException:
        os.close(told)
        raise
    finally:
        os.close(control)
    return told


def _flush_c_stdout() -> None:
    """Push out what C code printed into its buffer: it may never be full."""
    try:
        import ctypes

        library = ctypes.CDLL(None)
        name = "__stdoutp" if sys.platform == "darwin" else "stdout"
        library.fflush(ctypes.c_void_p.in_dll(library, name))
    except (ImportError, OSError, ValueError, AttributeError):
        return  # a C library that we do not know
