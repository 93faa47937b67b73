"""Rows of a run: sampled, and all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Self

from steelyard.errors import Invalid
from steelyard.limits import HISTORY_PAGE_ROWS_MAX
from steelyard.sdk import terminal
from steelyard.sdk.api import run_documents as documents

if TYPE_CHECKING:
    from steelyard.sdk.api.run import Run

STEP: Final = "_step"


def read_history(
    run: Run, *, samples: int, keys: list[str] | None, x_axis: str, stream: str
) -> list[dict[str, Any]] | None:
    """`Run.history` as dicts; None, and said, for arguments that mean nothing."""
    # wandb 0.31.0 apis/public/runs.py history: says so and gives an empty list.
    if keys is not None and not _is_list_of_names(keys):
        terminal.termerror("keys must be a list of names")
        return None
    if keys and stream != "default":
        terminal.termerror(
            'keys are those of the default stream: leave out keys, or stream="system"'
        )
        return None
    if keys:
        spec = json.dumps({"keys": [x_axis, *keys], "samples": samples})
        rows: list[dict[str, Any]] = run._read(documents.SAMPLED, specs=[spec])["sampledHistory"][0]
        return rows
    is_system = stream != "default"
    found = run._read(documents.EVENTS if is_system else documents.HISTORY, samples=samples)
    return [json.loads(line) for line in found["events" if is_system else "history"]]


def _is_list_of_names(keys: Any) -> bool:
    return isinstance(keys, list) and all(isinstance(key, str) for key in keys)


class HistoryScan(Iterator[dict[str, Any]]):
    """All rows of a run's history with min_step <= step <= max_step, by step."""

    def __init__(
        self,
        run: Run,
        *,
        min_step: int,
        max_step: int,
        keys: list[str] | None = None,
        page_size: int = 1000,
    ) -> None:
        if keys is not None and not _is_list_of_names(keys):
            raise Invalid("keys must be a list of names")
        if page_size < 1:
            raise Invalid(f"page_size is at least 1, not {page_size}")
        self.run: Run = run
        self.keys: list[str] | None = keys
        self.min_step: int = min_step
        self.page_size: int = page_size
        self._stop_step = max_step
        self._rewind()

    def _rewind(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._offset = 0
        self._next_step: int | None = self.min_step

    @property
    def max_step(self) -> int:
        """The last step that is read."""
        return self._stop_step - 1

    def __iter__(self) -> Self:
        self._rewind()
        return self

    def __next__(self) -> dict[str, Any]:
        while self._offset >= len(self.rows):
            if self._next_step is None or self._next_step >= self._stop_step:
                raise StopIteration
            self._load_page(self._next_step)
        self._offset += 1
        return self.rows[self._offset - 1]

    def _load_page(self, first: int) -> None:
        count = min(self.page_size, HISTORY_PAGE_ROWS_MAX)
        self.rows = self._read(first, count)
        self._offset = 0
        self._next_step = int(self.rows[-1][STEP]) + 1 if len(self.rows) == count else None

    def _read(self, first: int, count: int) -> list[dict[str, Any]]:
        if not self.keys:
            place = {"from": first, "to": self._stop_step}
            found = self.run._read(documents.HISTORY_RANGE, samples=count, **place)["history"]
            return [json.loads(line) for line in found]
        keys = list(dict.fromkeys([STEP, *self.keys]))
        # The last step of a spec is included.
        steps = {"minStep": first, "maxStep": self._stop_step - 1}
        spec = json.dumps({"keys": keys, "samples": count, **steps})
        rows: list[dict[str, Any]] = self.run._read(documents.SAMPLED, specs=[spec])[
            "sampledHistory"
        ][0]
        return rows
