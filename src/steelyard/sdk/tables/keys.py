"""Cells that refer to rows: of their own table, or of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steelyard.errors import Invalid
from steelyard.sdk.tables.media_types import ForeignIndexType, ForeignKeyType, PrimaryKeyType

if TYPE_CHECKING:
    from steelyard.sdk.tables.table import Table


class TableKey(str):
    """Text that names a row of a table, by what stands in one of its columns."""

    _table: Table
    _col_name: Any

    def set_table(self, table: Table, col_name: Any) -> None:
        if col_name not in table.columns:
            raise Invalid(f"the table has no column {col_name!r}; it has {table.columns}")
        self._table, self._col_name = table, col_name


class TableIndex(int):
    """The number of a row of a table."""

    _table: Table | None = None

    def set_table(self, table: Table) -> None:
        self._table = table

    def get_row(self) -> dict[Any, Any]:
        """{column: value} of the row."""
        if self._table is None:
            return {}
        return dict(zip(self._table.columns, self._table.data[self], strict=True))


def key_columns(table: Table) -> tuple[Any, list[Any]]:
    """(the column of the primary key or None, columns that refer to other tables)."""
    primary, foreign = None, []
    for name, found in table._column_types.type_map.items():
        if isinstance(found, PrimaryKeyType):
            primary = name
        elif isinstance(found, ForeignKeyType | ForeignIndexType):
            foreign.append(name)
    return primary, foreign


def wrap_keys(table: Table, row: list[Any], primary: Any, foreign: list[Any]) -> None:
    """Have the cells of a row that are keys know what they refer to."""
    types = table._column_types.type_map
    for name in foreign:
        at, kind = table.columns.index(name), types[name]
        if isinstance(kind, ForeignKeyType) and not isinstance(row[at], TableKey):
            key = TableKey(row[at])
            key.set_table(kind.params["table"], kind.params["col_name"])
            row[at] = key
        elif isinstance(kind, ForeignIndexType) and not isinstance(row[at], TableIndex):
            index = TableIndex(row[at])
            index.set_table(kind.params["table"])
            row[at] = index
    if primary is not None:
        at = table.columns.index(primary)
        own = TableKey(row[at])
        own.set_table(table, primary)
        row[at] = own
