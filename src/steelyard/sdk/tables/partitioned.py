"""A table made of all tables below a directory of an artifact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from steelyard.errors import Invalid, UsageError
from steelyard.sdk.media.media import Media
from steelyard.sdk.media.places import is_run


class PartitionedTable(Media):
    """All tables below a directory of an artifact, one after the other.

    Args:
        parts_path: the directory.
    """

    _log_type = "partitioned-table"

    def __init__(self, parts_path: str) -> None:
        super().__init__()
        self.parts_path: str = parts_path
        self._parts: list[tuple[Any, Any]] = []

    def to_json(self, run_or_artifact: Any) -> dict[str, Any]:
        if not is_run(run_or_artifact):
            return {"_type": self._log_type, "parts_path": self.parts_path}
        address = self._get_artifact_entry_ref_url()
        if address is None:
            raise UsageError("add the PartitionedTable to an artifact before it is logged")
        return {"_type": self._log_type, "artifact_path": address}

    @classmethod
    def from_json(cls, json_obj: dict[str, Any], source_artifact: Any) -> PartitionedTable:
        found = cls(json_obj["parts_path"])
        entries = source_artifact.manifest.get_entries_in_directory(json_obj["parts_path"])
        found._parts = [(entry, source_artifact) for entry in entries]
        return found

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """(number, cells) of each row; one table is in memory at a time."""
        columns = None
        place = 0
        for entry, artifact in self._parts:
            part = artifact.get(entry.path)
            if part is None:
                continue
            if columns is None:
                columns = part.columns
            elif columns != part.columns:
                raise Invalid(
                    f"{entry.path} has the columns {part.columns}, and tables before it {columns}"
                )
            for row in part.data:
                yield place, row
                place += 1

    def bind_to_run(self, *args: Any, **kwargs: Any) -> None:
        """A run has no such files: the artifact has."""
        raise UsageError("a PartitionedTable is part of an artifact, not of a run")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PartitionedTable) and self.parts_path == other.parts_path

    def __hash__(self) -> int:
        return object.__hash__(self)
