"""Tables and values as people read them; as tabs and plain values where no person reads."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Sequence
from typing import Any

import click

CELL_CHARS_MAX = 60
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|.?)")
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
STATE_COLOURS = {
    "running": "blue",
    "pending": "blue",
    "finished": "green",
    "failed": "red",
    "crashed": "red",
    "killed": "yellow",
    "preempting": "yellow",
    "preempted": "yellow",
}


def is_for_people() -> bool:
    """Standard output is a terminal."""
    return sys.stdout.isatty()


def print_table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    state_at: int = -1,
    right: Collection[int] = (),
) -> None:
    """Aligned on a terminal, with the state of column `state_at` in its colour; else with tabs.

    Columns with a number in `right` are aligned there.
    """

    def pad(cell: str, at: int) -> str:
        return cell.rjust(widths[at]) if at in right else cell.ljust(widths[at])

    cells = [[_one_line(cell) for cell in row] for row in rows]
    if not is_for_people():
        for row in [[_one_line(head) for head in heads], *cells]:
            click.echo("\t".join(row))
        return
    cells = [[_shorten(cell) for cell in row] for row in cells]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    padded = [pad(head, at) for at, head in enumerate(heads)]
    click.secho("  ".join(padded).rstrip(), bold=True)
    for row in cells:
        parts = [
            click.style(pad(cell, at), fg=STATE_COLOURS.get(cell) if at == state_at else None)
            for at, cell in enumerate(row)
        ]
        click.echo("  ".join(parts).rstrip())


def describe_value(value: Any) -> str:
    """A value of a config or a summary in one line."""
    import json

    if isinstance(value, str):
        return value
    if isinstance(value, float) and is_for_people():
        return f"{value:.6g}"
    if isinstance(value, dict) and isinstance(value.get("_type"), str):
        return f"<{value['_type']}>"
    return json.dumps(value, ensure_ascii=False)


def describe_age(seconds: float) -> str:
    """How long ago: 40s, 5m, 3h, 12d."""
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{max(0, int(seconds))}s"


def describe_duration(seconds: float) -> str:
    """How long: 12s, 3m 05s, 2h 07m, 4d 03h."""
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if days:
        return f"{days}d {hours % 24:02}h"
    if hours:
        return f"{hours}h {minutes % 60:02}m"
    return f"{minutes}m {whole % 60:02}s" if minutes else f"{whole}s"


def describe_size(size_bytes: int) -> str:
    """0 B, 12 kB, 3.4 MB, 120 GB: three digits at most, and powers of a thousand."""
    size: float = size_bytes
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 99.95 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def clean_line(text: str) -> str:
    """A line of a log without what moves the cursor; its colours stay on a terminal."""
    parts, at = [], 0
    for escape in _ESCAPE.finditer(text):
        parts.append(_CONTROL.sub(" ", text[at : escape.start()]))
        if is_for_people() and _COLOUR.fullmatch(escape.group()):
            parts.append(escape.group())
        at = escape.end()
    return "".join([*parts, _CONTROL.sub(" ", text[at:])])


def _one_line(text: str) -> str:
    return _CONTROL.sub(" ", _ESCAPE.sub("", text))


def _shorten(text: str) -> str:
    return text if len(text) <= CELL_CHARS_MAX else text[: CELL_CHARS_MAX - 1] + "…"
