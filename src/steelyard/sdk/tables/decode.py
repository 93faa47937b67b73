"""Tables back from artifacts."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.errors import Invalid
from steelyard.sdk.media.libraries import load_library
from steelyard.sdk.media.value import WBValue, find_class
from steelyard.sdk.tables import types
from steelyard.sdk.terminal import termwarn

if TYPE_CHECKING:
    from steelyard.sdk.tables.table import Table


def read_table(cls: type[Table], json_obj: dict[str, Any], artifact: Any) -> Table:
    """The table of JSON in an artifact, with its media. Raises Invalid for what is no table."""
    try:
        columns = json_obj["columns"]
        log_mode: Any = json_obj.get("log_mode") or "IMMUTABLE"
        if log_mode == "INCREMENTAL":
            rows = _rows_of_increments(json_obj, artifact)
        else:
            rows = json_obj["data"]
    except (KeyError, TypeError) as problem:
        raise Invalid(f"this is no table: it has no {problem}") from None
    dtypes = None
    given = json_obj.get("column_types")
    column_types = types.type_from_json(given, artifact) if given is not None else None
    if isinstance(column_types, types.TypedDictType):
        type_map = {name: column_types.type_map[str(name)] for name in columns}
        rows = _Reader(columns, type_map, artifact).read(rows)
        dtypes = list(type_map.values())
    else:
        rows = _Reader(columns, {}, artifact).read(rows)
    found = cls(
        columns=columns, data=rows, dtype=dtypes, log_mode=log_mode, optional=dtypes is None
    )
    if dtypes is not None:
        found._column_types = types.TypedDictType(dict(zip(columns, dtypes, strict=True)))
        found._known_shapes.clear()
        found._update_keys()
    return found


class _Reader:
    """Turns cells of JSON into values."""

    def __init__(self, columns: list[Any], type_map: dict[Any, types.Type], artifact: Any) -> None:
        self._artifact = artifact
        self._times: set[int] = set()
        self._arrays: dict[int, Any] = {}
        for place, name in enumerate(columns):
            own = type_map.get(name)
            several = own.params["allowed_types"] if isinstance(own, types.UnionType) else [own]
            for each in several:
                if isinstance(each, types.TimestampType):
                    self._times.add(place)
                elif isinstance(each, types.NDArrayType) and each.serialization_path is not None:
                    self._arrays[place] = self._load(each.serialization_path)
                    each.serialization_path = None

    def _load(self, place: dict[str, str]) -> Any:
        numpy = load_library("numpy", "a table with arrays", package="numpy")
        with numpy.load(str(self._artifact.get_entry(place["path"]).download())) as arrays:
            return arrays[place["key"]]

    def read(self, rows: list[list[Any]]) -> list[list[Any]]:
        is_plain = not self._times and not self._arrays
        if is_plain and not any(type(cell) in (dict, list) for row in rows for cell in row):
            return rows
        return [
            [self._read_cell(cell, row_place, place) for place, cell in enumerate(row)]
            for row_place, row in enumerate(rows)
        ]

    def _read_cell(self, cell: Any, row_place: int, place: int) -> Any:
        if place in self._arrays:
            return self._arrays[place][row_place]
        if place in self._times and isinstance(cell, int | float) and not isinstance(cell, bool):
            return datetime.datetime.fromtimestamp(cell / 1000, tz=datetime.UTC)
        if isinstance(cell, dict) and find_class(cell.get("_type")) is not None:
            return WBValue.init_from_json(cell, self._artifact)
        return cell


def _rows_of_increments(json_obj: dict[str, Any], artifact: Any) -> list[list[Any]]:
    """All rows of a table that was logged in increments, in their order.

    Source: wandb 0.31.0 sdk/data_types/table.py _get_data_from_increments.
    """
    if "latest" not in artifact.aliases:
        termwarn(
            "this is not the latest version of an incremental table; rows that came later are "
            "missing",
            repeat=False,
        )
    if json_obj.get("increment_num") is None:
        return []
    names = [name for name in artifact.manifest.entries if str(name).endswith(".table.json")]
    rows: list[list[Any]] = []
    for name in sorted(map(str, names), key=_order_of_increment):
        path = Path(str(artifact.get_entry(name).download()))
        try:
            rows += json.loads(path.read_text(encoding="utf-8"))["data"]
        except (ValueError, KeyError, TypeError) as problem:
            raise Invalid(f"{name} of the artifact is no table ({problem})") from problem
    return rows


def _order_of_increment(name: str) -> tuple[int, int]:
    """By number, then by time: names are `<number>-<milliseconds>.<key>.table.json`."""
    number, _, time_ms = name.partition(".")[0].partition("-")
    try:
        return int(number), int(time_ms or 0)
    except ValueError:
        return 0, 0
