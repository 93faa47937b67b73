"""Converted tables as they are asked: columns are read from the disk when first named.

Column number i of a table is `c{i}`; a text column of a long table has `r{i}` beside it, the ranks
of its values, because integers sort and group several times as fast as texts. What was read is kept
for the next question, all tables together up to a limit.
"""

from __future__ import annotations

import difflib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from steelyard.errors import Invalid
from steelyard.limits import TABLE_COLUMN_BYTES_KEPT
from steelyard.server.rooms.tables.jobs import TableGone, read_meta
from steelyard.server.rooms.tables.model import Column

DATA_FILE, RANKS_FILE = "table.arrow", "ranks.arrow"
OPEN_MAX = 16
NAMES_SHOWN = 20


class Table:
    """A converted table in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.meta = read_meta(directory)
        self._places = {column.name: place for place, column in enumerate(self.meta.columns)}
        self._ranked = frozenset(self.meta.ranked)

    @property
    def height(self) -> int:
        return self.meta.row_count

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def place(self, name: str) -> int:
        """The number of the column. Raises Invalid, naming the columns there are."""
        found = self._places.get(name)
        if found is None:
            raise Invalid(unknown_column(name, list(self._places)))
        return found

    def column(self, name: str) -> tuple[Column, pl.Expr]:
        """What the column is, and how to read it."""
        place = self.place(name)
        return self.meta.columns[place], pl.col(f"c{place}")

    def order_key(self, name: str) -> tuple[Column, pl.Expr]:
        """What sorts and groups as the column does."""
        place = self.place(name)
        stem = "r" if place in self._ranked else "c"
        return self.meta.columns[place], pl.col(f"{stem}{place}")

    def evaluate(self, expressions: Sequence[pl.Expr]) -> pl.DataFrame:
        """The expressions over all rows. Only the columns they name are read."""
        roots = dict.fromkeys(name for each in expressions for name in each.meta.root_names())
        return self.load(roots).lazy().select(expressions).collect()

    def load(self, names: Iterable[str]) -> pl.DataFrame:
        """Columns by the names they have in the files."""
        wanted = list(names)
        found = {name: _columns.find((str(self.directory), name)) for name in wanted}
        for file, stem in ((DATA_FILE, "c"), (RANKS_FILE, "r")):
            missing = [n for n, series in found.items() if series is None and n[0] == stem]
            if missing:
                read = self._read(file, missing)
                found |= {series.name: series for series in read.iter_columns()}
        return pl.DataFrame([series for series in found.values() if series is not None])

    def _read(self, file: str, names: list[str]) -> pl.DataFrame:
        try:
            read = pl.scan_ipc(self.directory / file, glob=False).select(names).collect()
        except FileNotFoundError as error:
            raise TableGone(f"{self.directory.name} was dropped from the cache") from error
        for series in read.iter_columns():
            _columns.keep((str(self.directory), series.name), series)
        return read


class _KeptColumns:
    """Columns in memory, those not used longest go first."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: OrderedDict[tuple[str, str], tuple[pl.Series, int]] = OrderedDict()

    def find(self, key: tuple[str, str]) -> pl.Series | None:
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def keep(self, key: tuple[str, str], series: pl.Series) -> None:
        size_bytes = int(series.estimated_size()) + 1000
        if size_bytes > self._bytes_max or key in self._kept:
            return
        self._kept[key] = (series, size_bytes)
        self._bytes += size_bytes
        while self._bytes > self._bytes_max:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._bytes -= dropped


_columns = _KeptColumns(TABLE_COLUMN_BYTES_KEPT)
_open: OrderedDict[str, Table] = OrderedDict()


def open_table(directory: str) -> Table:
    """The table in the directory. Raises TableGone."""
    table = _open.pop(directory, None)
    if table is None:
        table = Table(Path(directory))
    _open[directory] = table
    while len(_open) > OPEN_MAX:
        _open.popitem(last=False)
    return table


def unknown_column(name: str, there: list[str]) -> str:
    """What to say of a column that is not there."""
    near = difflib.get_close_matches(name, there[:1000], n=1)
    listed = ", ".join(repr(each) for each in there[:NAMES_SHOWN]) or "no columns"
    more = f" and {len(there) - NAMES_SHOWN:,} more" if len(there) > NAMES_SHOWN else ""
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"there is no column {name!r}{hint} The columns are {listed}{more}"
