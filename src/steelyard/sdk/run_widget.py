"""A run as HTML for a notebook: its curves and last values, as this process wrote them.

Everything is in the HTML itself. A frame with the page of the run would ask for a login, stay
empty offline, and be blocked by editors that show no foreign pages.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from steelyard.limits import (
    WIDGET_CURVES_MAX,
    WIDGET_JOURNAL_BYTES_MAX,
    WIDGET_POINTS_MAX,
    WIDGET_VALUES_MAX,
)
from steelyard.sdk.journal.reader import decode_body, list_segments
from steelyard.wire import journal

if TYPE_CHECKING:
    from steelyard.sdk.journal.folder import RunFolder
    from steelyard.sdk.run import Run

CURVE_WIDTH: Final = 160
CURVE_HEIGHT: Final = 40

# Colours are the notebook's own: they fit its light and its dark theme.
BOX: Final = "border:1px solid rgba(128,128,128,.4);border-radius:6px;padding:8px 12px;"
CELL: Final = "display:inline-block;margin:4px 16px 4px 0;vertical-align:top;font-size:12px;"


def encode_widget(run: Run, height: int = 420, hidden: bool = False) -> str:
    """HTML of the run as it is now, at most `height` pixels high; `hidden` folds it up."""
    name = html.escape(run.name or run.id)
    state = "ended" if run._is_finished else "running"
    place = f'<a href="{html.escape(run.url)}" target="_blank">{name}</a>' if run.url else name
    where = "" if run.url else f" · <code>{html.escape(run.sync_dir)}</code>"
    title = f"<b>{place}</b> · {html.escape(run.project)} · {state}{where}"
    curves = read_curves(run.folder) if run.folder is not None else {}
    parts = [_draw(key, values) for key, values in list(curves.items())[:WIDGET_CURVES_MAX]]
    left_out = len(curves) - len(parts)
    more = f"<div>and {left_out} more</div>" if left_out > 0 else ""
    body = f"<div>{''.join(parts)}</div>{more}{_table(run.summary)}"
    style = f"{BOX}max-height:{int(height)}px;overflow:auto;"
    if hidden:
        return f'<details><summary>{title}</summary><div style="{style}">{body}</div></details>'
    return f'<div style="{style}"><div>{title}</div>{body}</div>'


def read_curves(folder: RunFolder) -> dict[str, list[float]]:
    """The finite numbers that were logged under each key, in the order of their rows.

    Of what the processes of this folder wrote, the last 16 MiB or so.
    """
    found: dict[str, list[float]] = {}
    size = 0
    segments = []
    for _, _, path in reversed(list_segments(folder.path)):
        if size >= WIDGET_JOURNAL_BYTES_MAX:
            break
        segments.append(path)
        size += path.stat().st_size
    for path in reversed(segments):
        data = path.read_bytes()
        try:
            for _, body in journal.split_bodies(data):
                kind, _, _, payload = decode_body(body)
                if kind == journal.HISTORY:
                    _add(found, payload[2])
        except journal.DamagedJournal:  # shown as far as it can be read
            continue
    return {key: values for key, values in found.items() if values}


def _add(found: dict[str, list[float]], row: Mapping[str, Any]) -> None:
    for key, value in row.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and math.isfinite(value) and not key.startswith("_"):
            found.setdefault(key, []).append(value)


def _draw(key: str, values: Sequence[float]) -> str:
    """A small curve with its last value."""
    points = _thin_out(values)
    low, high = min(points), max(points)
    span = (high / 2 - low / 2) or 1.0  # halves: the difference may be beyond the greatest float
    step = CURVE_WIDTH / max(len(points) - 1, 1)
    path = " ".join(
        f"{place * step:.1f},{CURVE_HEIGHT - (value / 2 - low / 2) / span * CURVE_HEIGHT:.1f}"
        for place, value in enumerate(points)
    )
    words = html.escape(key)
    told = html.escape(f"{key}: {len(values)} values from {min(values):.6g} to {max(values):.6g}")
    shape = (
        f'<polyline points="{path}" fill="none" stroke="#2f81f7" stroke-width="1.5"/>'
        if len(points) > 1
        else f'<circle cx="2" cy="{CURVE_HEIGHT / 2}" r="2" fill="#2f81f7"/>'
    )
    return (
        f'<div style="{CELL}"><div>{words} <b>{values[-1]:.6g}</b></div>'
        f'<svg width="{CURVE_WIDTH}" height="{CURVE_HEIGHT + 4}" role="img" '
        f'viewBox="0 -2 {CURVE_WIDTH} {CURVE_HEIGHT + 4}"><title>{told}</title>{shape}</svg></div>'
    )


def _thin_out(values: Sequence[float]) -> Sequence[float]:
    """At most WIDGET_POINTS_MAX of the values: of each stretch its least and its greatest."""
    if len(values) <= WIDGET_POINTS_MAX:
        return values
    width = 2 * len(values) / WIDGET_POINTS_MAX
    kept: list[float] = []
    for stretch in range(WIDGET_POINTS_MAX // 2):
        part = values[int(stretch * width) : int((stretch + 1) * width)]
        low, high = min(part), max(part)
        kept += [low, high] if part.index(low) <= part.index(high) else [high, low]
    return kept


def _table(summary: Any) -> str:
    """The last values, numbers and short texts, folded up."""
    rows = [
        f"<tr><td>{html.escape(str(key))}</td><td>{html.escape(_describe(value))}</td></tr>"
        for key, value in list(summary.items())[:WIDGET_VALUES_MAX]
        if isinstance(value, str | int | float)
    ]
    if not rows:
        return ""
    return f"<details><summary>last values</summary><table>{''.join(rows)}</table></details>"


def _describe(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
