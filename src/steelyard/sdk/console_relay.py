"""Stands between a training process and its standard output: passes everything on to the
original place first, then back to the process for the run's log.

This is a program of its own, not a thread: it goes on while C code prints a lot and lets no
Python run, it outlives a process that ends without a word, and it serves child processes that
print after their parent has ended. `console_redirect.py` starts it with `python -I -S`, and the
arguments backlog bytes, seconds to drain, and three files for each stream; the standard library
is all it has. File 0 is a pipe from the process: a byte, or its end, says that no more is wanted.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import sys
import time
from collections import deque
from contextlib import suppress

CONTROL = 0
READ_BYTES = 64 * 1024
QUIET_MS = 50  # what is written to a pty takes a moment to come out at the other end


class StreamRelay:
    """One stream: files to read it from, to write it to, and to send it back on."""

    def __init__(self, source: int, place: int, back: int, backlog_bytes_max: int) -> None:
        self.source, self.place, self.back = source, place, back
        self.backlog_bytes_max = backlog_bytes_max
        self.is_terminal = os.isatty(place)
        self.is_open = True
        self.is_back_open = True
        self.waiting: deque[bytes] = deque()
        self.waiting_bytes = 0
        self.dropped_bytes = 0
        os.set_blocking(source, False)
        os.set_blocking(back, False)

    def pass_on(self) -> None:
        """Take what was printed, once, and write it to the original place."""
        try:
            if self.is_terminal:
                copy_window_size(self.place, self.source)
            data = os.read(self.source, READ_BYTES)
        except BlockingIOError:
            return
        except OSError as problem:
            if problem.errno != errno.EIO:  # how a pty says that nobody has it open
                raise
            data = b""
        if not data:
            self.is_open = False
            return
        view = memoryview(data)
        while view:  # a full pipe here holds up the process, as it would without us
            try:
                view = view[os.write(self.place, view) :]
            except BlockingIOError:
                select.select([], [self.place], [], 1.0)
        self._keep(data)

    def _keep(self, data: bytes) -> None:
        if not self.is_back_open:
            return
        if self.waiting_bytes + len(data) > self.backlog_bytes_max:
            self.dropped_bytes += len(data)
            return
        if self.dropped_bytes:
            note = f"\n[steelyard: {self.dropped_bytes:,} bytes of output are not in this log]\n"
            self.waiting.append(note.encode())
            self.waiting_bytes += len(note)
            self.dropped_bytes = 0
        self.waiting.append(data)
        self.waiting_bytes += len(data)

    def send_back(self) -> None:
        """Give the process as much as it takes now."""
        try:
            while self.waiting:
                data = self.waiting[0]
                written = os.write(self.back, data)
                self.waiting_bytes -= written
                if written < len(data):
                    self.waiting[0] = data[written:]
                    return
                self.waiting.popleft()
        except BlockingIOError:
            return
        except OSError:  # the process is gone, or does not listen any more
            self.close_back()

    def close_back(self) -> None:
        """End what the process hears. The stream itself is passed on as before."""
        if self.is_back_open:
            os.close(self.back)
            self.is_back_open = False
            self.waiting.clear()


def copy_window_size(terminal: int, pty: int) -> None:
    """Let programs see the width of the real terminal: progress bars fill it."""
    import fcntl
    import termios

    with suppress(OSError):
        size = fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8))
        if size != fcntl.ioctl(pty, termios.TIOCGWINSZ, bytes(8)):
            fcntl.ioctl(pty, termios.TIOCSWINSZ, size)


def relay(streams: list[StreamRelay], drain_s: float) -> None:
    """Pass on until nobody can print there any more."""
    drain_until: float | None = None
    while any(stream.is_open for stream in streams):
        poll = select.poll()
        for stream in streams:
            if stream.is_open:
                poll.register(stream.source, select.POLLIN)
            if stream.is_back_open:
                # Without POLLOUT it still tells of a reader that went away.
                poll.register(stream.back, select.POLLOUT if stream.waiting else 0)
        was_told = drain_until is not None
        if not was_told:
            poll.register(CONTROL, select.POLLIN)
        is_ending = was_told and any(stream.is_back_open for stream in streams)
        ready = dict(poll.poll(QUIET_MS if is_ending else None))
        # What was printed before the word to stop is in `ready` together with it, or earlier.
        if CONTROL in ready:
            drain_until = time.monotonic() + drain_s
        for stream in streams:
            if stream.is_open and stream.source in ready:
                stream.pass_on()
            if ready.get(stream.back, 0) & (select.POLLERR | select.POLLHUP):
                stream.close_back()
            if stream.is_back_open:
                stream.send_back()
            is_quiet = stream.source not in ready and (was_told or not stream.is_terminal)
            is_done = not stream.waiting and (is_quiet or not stream.is_open)
            if drain_until is not None and (is_done or time.monotonic() > drain_until):
                stream.close_back()
    for stream in streams:  # the last words of a process that closed its output, or ended
        if stream.is_back_open:
            os.set_blocking(stream.back, True)
            stream.send_back()


def main() -> None:
    """Leave the process's family, so that nobody waits for this one or stops it with that."""
    if os.fork():
        os._exit(0)
    with suppress(OSError):
        os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    backlog_bytes_max, drain_s = int(sys.argv[1]), float(sys.argv[2])
    files = [int(text) for text in sys.argv[3:]]
    os.closerange(max(files) + 1, 65536)
    try:
        streams = [
            StreamRelay(files[at], files[at + 1], files[at + 2], backlog_bytes_max)
            for at in range(0, len(files), 3)
        ]
        relay(streams, drain_s)
    except OSError:
        # The original place takes no more: a closed pipe, a terminal that is gone. The process
        # notices that we ended, and writes there itself again, to meet the same.
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
