"""Fixes that can do no harm, as edits of the text: comments, order and layout stay."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from steelyard.search.config import read_config
from steelyard.search.diagnostics import Diagnostic, Edit

ROUNDS_MAX = 5  # a fix may bring to light what another one can fix


def fix_text(
    text: str,
    *,
    known_metrics: Collection[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[str, list[Diagnostic]]:
    """The text with its safe fixes, and the diagnostics that they settled, in order.

    Whatever would make matters worse is not done: a round of fixes counts only when the text can
    still be read and has fewer errors, or as many errors and fewer warnings, than before.
    """
    settled: list[Diagnostic] = []
    found = read_config(text, known_metrics=known_metrics, environment=environment)[1]
    for _ in range(ROUNDS_MAX):
        fixable = [each for each in found if each.fix is not None]
        if not fixable:
            break
        done, fixed = _apply(text, fixable)
        after = read_config(fixed, known_metrics=known_metrics, environment=environment)[1]
        if _badness(after) >= _badness(found):
            break
        text, found = fixed, after
        settled += done
    return text, settled


def _apply(text: str, fixable: Sequence[Diagnostic]) -> tuple[list[Diagnostic], str]:
    """All fixes whose edits touch no other's; the rest waits for the next round."""
    done: list[Diagnostic] = []
    edits: list[Edit] = []
    for diagnostic in fixable:
        assert diagnostic.fix is not None
        if not any(_overlap(one, other) for one in diagnostic.fix for other in edits):
            edits += diagnostic.fix
            done.append(diagnostic)
    for edit in sorted(edits, key=lambda each: -each.start):
        text = text[: edit.start] + edit.replacement + text[edit.end :]
    return done, text


def _overlap(one: Edit, other: Edit) -> bool:
    return one.start < other.end and other.start < one.end


def _badness(found: Sequence[Diagnostic]) -> tuple[int, int]:
    errors = sum(each.severity == "error" for each in found)
    return errors, sum(each.severity == "warning" for each in found)
