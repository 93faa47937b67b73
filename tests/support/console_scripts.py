"""Scripts that print, run in processes of their own, and what their console captured.

Each piece of text is appended to a file as it is passed on, so that it is there whatever becomes
of the process.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

DEADLINE_S = 60.0

PRELUDE = """
import ctypes, io, json, logging, os, signal, subprocess, sys, threading, time
from steelyard.sdk.console import Console

_kept = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_mode = sys.argv[2]

def keep(stream, text):
    os.write(_kept, (json.dumps([os.getpid(), stream, text]) + "\\n").encode())

def note(text):
    keep("note", text)

console = Console.install(keep, _mode, on_note=note)
note(str(os.getpid()))
"""


class Kept(NamedTuple):
    pid: int
    stream: str
    text: str


class Script:
    """A script that is running, or has run."""

    def __init__(
        self,
        tmp_path: Path,
        body: str,
        *,
        mode: str = "wrap",
        terminal: bool = False,
        **options: Any,
    ) -> None:
        """With `terminal`, its standard output and error are a terminal 40 rows by 123 columns."""
        self._kept = tmp_path / f"kept-{time.monotonic_ns()}.jsonl"
        command = [sys.executable, "-c", PRELUDE + body, str(self._kept), mode]
        self._terminal: int | None = None
        if terminal:
            import fcntl
            import struct
            import termios

            self._terminal, inner = os.openpty()
            fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 123, 0, 0))
            outputs: dict[str, Any] = {"stdout": inner, "stderr": inner}
        else:
            outputs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, **outputs | options)
        if terminal:
            os.close(inner)
        self.stdout = self.stderr = b""

    def finish(self, *, returncode: int | None = 0) -> Script:
        """Wait for the end of the script and of everybody who holds its output."""
        if self._terminal is None:
            self.stdout, self.stderr = self.process.communicate(timeout=DEADLINE_S)
        else:
            self.stdout = _read_terminal(self._terminal)
            self.process.communicate(timeout=DEADLINE_S)
        if returncode is not None:
            assert self.process.returncode == returncode, self.stderr.decode()
        return self

    @property
    def kept(self) -> list[Kept]:
        """What was passed on so far, in order."""
        if not self._kept.exists():
            return []
        lines = self._kept.read_text().splitlines()
        return [Kept(*json.loads(line)) for line in lines if line.endswith("]")]

    @property
    def texts(self) -> list[str]:
        """The pieces of both streams."""
        return [kept.text for kept in self.kept if kept.stream != "note"]

    @property
    def notes(self) -> list[str]:
        return [kept.text for kept in self.kept if kept.stream == "note"][1:]

    @property
    def pid(self) -> int:
        """Of the script; its first note."""
        return int(next(kept.text for kept in self.kept if kept.stream == "note"))

    def text_of(self, stream: str) -> str:
        return "".join(kept.text for kept in self.kept if kept.stream == stream)

    def wait_for(self, happened: Callable[[], bool]) -> None:
        """Until something is so, at most a minute."""
        until = time.monotonic() + DEADLINE_S
        while not happened():
            assert time.monotonic() < until, (self.kept, self.process.poll())
            time.sleep(0.01)


def run_script(tmp_path: Path, body: str, *, returncode: int | None = 0, **options: Any) -> Script:
    """Run `body` with a console installed as `console`, to its end."""
    return Script(tmp_path, body, **options).finish(returncode=returncode)


def _read_terminal(terminal: int) -> bytes:
    """Everything until the last process closes the other side."""
    found = b""
    until = time.monotonic() + DEADLINE_S
    try:
        while time.monotonic() < until:
            if select.select([terminal], [], [], 1.0)[0]:
                found += os.read(terminal, 65536)
    except OSError:  # EIO: nobody has it open any more
        pass
    finally:
        os.close(terminal)
    return found
