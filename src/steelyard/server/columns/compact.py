"""Which segments to merge, so that a long run has few large ones and each is rewritten seldom."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard import limits
from steelyard.server.columns.segments import SegmentHead


def choose_merge(heads: Sequence[SegmentHead], *, is_final: bool) -> list[SegmentHead]:
    """The newest segments to merge into one, in order; empty when it is not worth it yet.

    A segment joins when it is no larger than all newer ones together, so a row is rewritten about
    log2 times on its way to COMPACT_ROWS. `is_final`: the run has ended, any two are worth it.
    """
    chosen: list[SegmentHead] = []
    rows = size_bytes = 0
    for head in reversed(heads):
        is_full = (
            rows + head.n_lines > limits.COMPACT_ROWS
            or size_bytes + head.size_bytes > limits.COMPACT_BYTES
        )
        if is_full or (chosen and not is_final and head.n_lines > rows):
            break
        chosen.append(head)
        rows += head.n_lines
        size_bytes += head.size_bytes
    enough = 2 if is_final else limits.COMPACT_SEGMENTS_MIN
    return chosen[::-1] if len(chosen) >= enough else []
