"""Two tables beside each other, row by row with the same key."""

from __future__ import annotations

import base64
import os
from typing import Any

from steelyard.errors import Invalid, UsageError, WrongType
from steelyard.sdk.media.media import Media
from steelyard.sdk.media.places import is_run
from steelyard.sdk.tables.partitioned import PartitionedTable
from steelyard.sdk.tables.table import Table


class JoinedTable(Media):
    """Two tables, joined by a key where they are shown.

    Args:
        table1, table2: tables, entries of artifacts that are tables, or names of tables in the
            artifact that this is added to.
        join_key: the column that both have, or [that of the first, that of the second].
    """

    _log_type = "joined-table"

    def __init__(self, table1: Any, table2: Any, join_key: str | list[str]) -> None:
        super().__init__()
        is_pair = isinstance(join_key, list | tuple) and len(join_key) == 2
        if not isinstance(join_key, str) and not is_pair:
            raise Invalid(f"join_key is a column, or a list of two columns, not {join_key!r}")
        for name, table in (("table1", table1), ("table2", table2)):
            if not _is_table(table):
                raise WrongType(
                    f"{name} of a JoinedTable is a Table, an entry or the name of a .table.json, "
                    f"not {table!r:.100}"
                )
        self._table1: Any = table1
        self._table2: Any = table2
        self._join_key: str | list[str] = join_key if isinstance(join_key, str) else list(join_key)

    def to_json(self, run_or_artifact: Any) -> dict[str, Any]:
        if is_run(run_or_artifact):
            address = self._get_artifact_entry_ref_url()
            if address is None:
                raise UsageError("add the JoinedTable to an artifact before it is logged")
            return {"_type": self._log_type, "artifact_path": address}
        return {
            "_type": self._log_type,
            "table1": self._put_into(run_or_artifact, self._table1, 1),
            "table2": self._put_into(run_or_artifact, self._table2, 2),
            "join_key": self._join_key,
        }

    def _put_into(self, artifact: Any, table: Any, number: int) -> str:
        """Have the table in the artifact. Returns its name there."""
        if isinstance(table, Table | PartitionedTable):
            name = f"t{number}_{id(self)}"
            if table._artifact_source is not None and table._artifact_source.name is not None:
                name = os.path.basename(table._artifact_source.name)  # noqa: PTH119
            return str(artifact.add(table, name).path)
        if hasattr(table, "ref_url"):
            hash_ = base64.b64decode(table.digest).hex()[:20]
            kind = str(table.path).split(".")[-2]
            entry = artifact.add_reference(table.ref_url(), name=f"{hash_}.{kind}.json")[0]
            return str(entry.path)
        if table not in artifact.manifest.entries:
            raise Invalid(f"the artifact has no table {table!r}; add it before the JoinedTable")
        return str(table)

    @classmethod
    def from_json(cls, json_obj: dict[str, Any], source_artifact: Any) -> JoinedTable:
        first, second = (
            source_artifact.get(json_obj[name]) or json_obj[name] for name in ("table1", "table2")
        )
        return cls(first, second, json_obj["join_key"])

    def bind_to_run(self, *args: Any, **kwargs: Any) -> None:
        """A run has no such files: the artifact has."""
        raise UsageError("a JoinedTable is part of an artifact, not of a run")

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, JoinedTable)
            and self._join_key == other._join_key
            and self._table1 == other._table1
            and self._table2 == other._table2
        )

    def __hash__(self) -> int:
        return object.__hash__(self)


def _is_table(value: Any) -> bool:
    if isinstance(value, str):
        return value.endswith(".table.json")
    if isinstance(value, Table | PartitionedTable):
        return True
    return hasattr(value, "ref_url") and str(value.path).endswith(".table.json")
