"""What the client says to the person: few lines, on standard error, none when told so.

Standard error is looked up at each line, so that captured and redirected output works.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steelyard.sdk.settings import ClientSettings

PREFIX = "steelyard"
COLOURS = {"info": "34", "warn": "33", "error": "31"}  # blue, yellow, red: SGR numbers
LEVEL_WORDS = {"info": "", "warn": "WARNING ", "error": "ERROR "}


class _Voice:
    """What the settings allow to be said; a plain default before any are known."""

    def __init__(self) -> None:
        self.is_silent = False
        self.shown = {"info": True, "warn": True, "error": True}
        self.said: set[str] = set()


_voice = _Voice()


def set_up_terminal(settings: ClientSettings) -> None:
    """From now on say no more than these settings allow."""
    _voice.is_silent = settings.silent
    _voice.shown = {
        "info": settings.show_info and not settings.quiet,
        "warn": settings.show_warnings,
        "error": settings.show_errors,
    }


def say(text: str, *, level: str = "info") -> None:
    """Print `text`, one prefixed line per line. `level` is info, warn or error."""
    _print(text, level, newline=True, repeat=True, prefix=True)


def termlog(
    string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True
) -> None:
    """Print information on standard error; with `repeat=False` each text once per process."""
    _print(string, "info", newline=newline, repeat=repeat, prefix=prefix)


def termwarn(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print a warning on standard error; with `repeat=False` each text once per process."""
    _print(string, "warn", newline=newline, repeat=repeat, prefix=prefix)


def termerror(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print an error on standard error; with `repeat=False` each text once per process."""
    _print(string, "error", newline=newline, repeat=repeat, prefix=prefix)


def is_said(level: str = "info") -> bool:
    """A line of that level would be printed."""
    return not _voice.is_silent and _voice.shown.get(level, True)


def is_interactive() -> bool:
    """A person sits at standard input and sees standard error."""
    try:
        return sys.stdin.isatty() and sys.stderr.isatty()
    except (AttributeError, ValueError):  # no such stream, or it was closed
        return False


def is_terminal() -> bool:
    """Standard error is a terminal: lines may be rewritten and coloured."""
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


def _print(text: str, level: str, *, newline: bool, repeat: bool, prefix: bool) -> None:
    if not is_said(level):
        return
    if not repeat:
        if text in _voice.said:
            return
        _voice.said.add(text)
    lead = _lead(level) if prefix else ""
    line = "\n".join(lead + part for part in text.split("\n")) + ("\n" if newline else "")
    stream = sys.stderr
    try:
        stream.write(line)
        stream.flush()
    except UnicodeEncodeError:  # LANG=C
        stream.write(line.encode("ascii", "replace").decode())
    except (AttributeError, OSError, ValueError):
        return  # nobody listens: pythonw, a closed stream, a broken pipe


def _lead(level: str) -> str:
    if not is_terminal():
        return f"{PREFIX}: {LEVEL_WORDS[level]}"
    word = LEVEL_WORDS[level]
    coloured = f"\x1b[{COLOURS[level]}m{word}\x1b[0m" if word else ""
    return f"\x1b[1;34m{PREFIX}\x1b[0m: {coloured}"
