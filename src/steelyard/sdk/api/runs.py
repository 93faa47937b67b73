"""The runs of a project: filtered, ordered, read page by page."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from steelyard.errors import Invalid
from steelyard.sdk.api import run_documents as documents
from steelyard.sdk.api.pages import SizedPages
from steelyard.sdk.api.run import Run
from steelyard.sdk.api.server import Server
from steelyard.sdk.media.libraries import load_library

DEFAULT_ORDER: Final = "+created_at"


class Runs(SizedPages[Run]):
    """Runs of a project, oldest first unless `order` says otherwise.

    `filters` is a filter of MongoDB's form over state, config.KEY, summary_metrics.KEY, tags, …;
    `order` is `[+-]FIELD`, several with commas.
    """

    def __init__(
        self,
        server: Server,
        entity: str,
        project: str,
        filters: dict[str, Any] | None = None,
        order: str = DEFAULT_ORDER,
        per_page: int = 50,
        include_sweeps: bool = False,
        lazy: bool = True,
    ) -> None:
        super().__init__(per_page)
        self._server = server
        self.entity: str = entity
        self.project: str = project
        self.filters: dict[str, Any] = filters or {}
        self.order: str = order or DEFAULT_ORDER
        self._lazy = lazy
        try:
            self._filter_text = json.dumps(self.filters)
        except TypeError as error:
            raise Invalid(f"a filter of runs has only what JSON has: {error}") from None

    def __repr__(self) -> str:
        return f"<Runs {self.entity}/{self.project}>"

    def histories(
        self,
        samples: int = 500,
        keys: list[str] | None = None,
        x_axis: str = "_step",
        format: Literal["default", "pandas", "polars"] = "default",
        stream: Literal["default", "system"] = "default",
    ) -> Any:
        """Sampled rows of all these runs, each row with its `run_id`. See `Run.history`.

        Raises Invalid for another format, MissingLibrary without pandas or polars.
        """
        if format not in ("default", "pandas", "polars"):
            raise Invalid(f"format is default, pandas or polars, not {format!r}")
        rows: list[dict[str, Any]] = []
        for run in self:
            found = run.history(samples, keys, x_axis, pandas=False, stream=stream)
            rows += [{**row, "run_id": run.id} for row in found]
        if format == "default":
            return rows
        columns = sorted({key for row in rows for key in row})
        library = load_library(format, f"histories(format={format!r})", package=format)
        if format == "pandas":
            return library.DataFrame.from_records(rows, columns=columns)
        return library.from_dicts(rows, infer_schema_length=None).select(columns)

    def upgrade_to_full(self) -> None:
        """Read config and summary of the runs that were read already, and of those to come."""
        self._lazy = False
        for run in self.objects:
            run._lazy = False
            run.load_full_data()

    def _read_page(self, cursor: str | None) -> dict[str, Any]:
        fields = documents.LIGHT_FIELDS if self._lazy else documents.FULL_FIELDS
        project = self._server.read_project(
            documents.RUNS + fields,
            self.entity,
            self.project,
            filters=self._filter_text,
            order=self.order,
            after=cursor,
            first=self.per_page,
        )
        page: dict[str, Any] = project["runs"]
        return {**page, "totalCount": project["runCount"]}

    def _convert(self, edge: dict[str, Any]) -> Run | None:
        node = edge["node"]
        place = (self._server, self.entity, self.project, node["name"])
        return Run(*place, node, lazy=self._lazy)
