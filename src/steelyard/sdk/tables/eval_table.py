"""Tables of evaluations: which columns go in, which come out, and which are scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from steelyard.errors import Invalid, UsageError
from steelyard.sdk.tables.table import Table


class EvalTable(Table):
    """A Table that says what its columns mean. It is logged as a table, with their roles.

    Args:
        input_columns, output_columns, score_columns: names of columns; the others are outputs.
            Without `columns` and a DataFrame these are the columns.
        backend, unsupported_media_mode: accepted for scripts of the official client, which sends
            such tables to other services; here they are tables, and take all media.

    The others are those of Table; log_mode can only be IMMUTABLE.
    """

    def __init__(
        self,
        columns: Sequence[str | int] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: bool | list[bool] = True,
        allow_mixed_types: bool = False,
        log_mode: Literal["IMMUTABLE"] = "IMMUTABLE",
        *,
        input_columns: list[str] | None = None,
        output_columns: list[str] | None = None,
        score_columns: list[str] | None = None,
        backend: str | None = None,
        unsupported_media_mode: Literal["stub", "raise"] = "stub",
    ) -> None:
        if log_mode != "IMMUTABLE":
            raise UsageError("log_mode of an EvalTable is IMMUTABLE; use a Table for others")
        self._roles: dict[str, list[str]] = {
            "input": list(input_columns or ()),
            "output": list(output_columns or ()),
            "score": list(score_columns or ()),
        }
        named = [name for names in self._roles.values() for name in names]
        if columns is None and dataframe is None and named:
            columns = list(dict.fromkeys(named))
        super().__init__(
            columns, data, rows, dataframe, dtype, optional, allow_mixed_types, log_mode
        )
        lost = [name for name in named if name not in map(str, self.columns)]
        if lost:
            raise Invalid(f"the table has no columns {lost}; it has {self.columns}")

    def to_json(self, run_or_artifact: Any) -> dict[str, Any]:
        return super().to_json(run_or_artifact) | {"column_roles": self.column_roles()}

    def describe(self, artifact: Any) -> tuple[dict[str, Any], list[list[Any]]]:
        head, rows = super().describe(artifact)
        return head | {"column_roles": self.column_roles()}, rows

    def column_roles(self) -> dict[str, list[str]]:
        """Columns by role, those that none was given to as outputs."""
        named = {name for names in self._roles.values() for name in names}
        others = [str(name) for name in self.columns if str(name) not in named]
        return {**self._roles, "output": [*self._roles["output"], *others]}
