"""The steps of a run that lie on this machine and that the server does not have yet.

A process that goes on with a run must count on behind them: they may arrive after its own rows,
and two rows of one step are merged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from steelyard.errors import Invalid, NotFound
from steelyard.limits import JOURNAL_SEGMENT_BYTES
from steelyard.sdk.journal.folder import RunFolder, find_run_folders, read_run_json
from steelyard.sdk.journal.reader import decode_body, list_segments, list_writers, read_journal
from steelyard.sdk.sender.tail import read_json
from steelyard.wire import journal as wire


def find_step_behind_unsent(root: Path, *, project: str, run_id: str, known_next: int = 0) -> int:
    """The first step behind all rows of the run in the folders below `root` that no server has
    acknowledged; `known_next`, the first free step as the server knows it, if there are none."""
    step = known_next
    for folder in find_run_folders(root):
        if not folder.path.name.partition(f"-{run_id}")[1]:
            continue  # the name says enough: no need to open it
        try:
            facts = read_run_json(folder)
        except (Invalid, NotFound, OSError):
            continue
        if facts["run"] == run_id and facts.get("project") == project:
            step = max(step, _next_of_folder(folder, str(facts.get("writer")), step))
    return step


def _next_of_folder(folder: RunFolder, process_writer: str, resumed_at: int) -> int:
    """The first step behind the unsent rows of one folder; 0 without any.

    `resumed_at`: where automatic rows begin if the folder goes on with the run and does not say.
    """
    writers = [name for name in list_writers(folder.path) if not name.endswith("-s")]
    base: int | None = None
    last = -1
    for writer in sorted(writers, key=lambda name: name != process_writer):
        try:
            for step, is_automatic in _unsent_rows(folder, writer):
                if base is None:
                    base = _base_of(folder, process_writer, resumed_at)
                last = max(last, step + base if is_automatic else step)
        except (OSError, wire.DamagedJournal, ValueError):
            continue  # what is readable counts
    return last + 1


def _unsent_rows(folder: RunFolder, writer: str) -> list[tuple[int, bool]]:
    """(step, is it automatic) of the rows behind what was acknowledged, at most those of the last
    segment: steps grow, and init() must not read all of a long run."""
    segments = list_segments(folder.path, writer)
    if not segments:
        return []
    acknowledged = (read_json(str(folder.ack_path(writer))) or {}).get("acknowledged")
    offset = max(acknowledged if isinstance(acknowledged, int) else 0, segments[-1][1])
    found = []
    data = read_journal(folder.path, writer, offset, 2 * JOURNAL_SEGMENT_BYTES)
    for _, body in wire.split_bodies(data):
        kind, _, _, payload = decode_body(body)
        if kind == wire.HISTORY:
            found.append((int(payload[0]), bool(payload[1])))
    return found


def _base_of(folder: RunFolder, process_writer: str, resumed_at: int) -> int:
    start = _read_start(folder, process_writer)
    if isinstance(base := start.get("step_base"), int):
        return base
    resumes = start.get("resume") in ("allow", "must")
    return max(resumed_at, int(start.get("step_base_min", 0))) if resumes else 0


def _read_start(folder: RunFolder, writer: str) -> dict[str, Any]:
    data = read_journal(folder.path, writer, 0, JOURNAL_SEGMENT_BYTES)
    for _, body in wire.split_bodies(data):
        payload = decode_body(body)[3]
        return payload if isinstance(payload, dict) else {}
    return {}
