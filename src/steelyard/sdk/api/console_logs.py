"""Console output of a run."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steelyard.sdk.api import run_documents as documents
from steelyard.sdk.api.pages import Pages

if TYPE_CHECKING:
    from steelyard.sdk.api.run import Run
    from steelyard.sdk.api.server import Server


@dataclass(frozen=True)
class ConsoleLogLine:
    """A line; `level` is "error" for stderr. `timestamp` is UTC."""

    number: int
    timestamp: datetime.datetime | None
    level: str
    label: str
    content: str


class ConsoleLogs(Pages[ConsoleLogLine]):
    """Lines of a run's console in their order; only the `last` ones if that is given."""

    def __init__(
        self, server: Server, run: Run, per_page: int = 1000, last: int | None = None
    ) -> None:
        super().__init__(per_page)
        self.run: Run = run
        self._last = last

    def __repr__(self) -> str:
        return f"<ConsoleLogs {self.run.entity}/{self.run.project}/{self.run.id}>"

    def _read_page(self, cursor: str | None) -> dict[str, Any]:
        ask = {"last": self._last} if self._last is not None else {"first": self.per_page}
        page: dict[str, Any] = self.run._read(documents.LOG_LINES, after=cursor, **ask)["logLines"]
        return page if self._last is None else {**page, "pageInfo": {"hasNextPage": False}}

    def _convert(self, edge: dict[str, Any]) -> ConsoleLogLine | None:
        node = edge["node"]
        return ConsoleLogLine(
            number=int(node["number"]),
            timestamp=_parse_time(node["timestamp"]),
            level=node["level"] or "",
            label=node["label"] or "",
            content=node["line"],
        )


def _parse_time(text: str | None) -> datetime.datetime | None:
    if not text:
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return moment.astimezone(datetime.UTC)
