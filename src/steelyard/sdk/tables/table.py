"""Tables: rows of typed columns, logged as one value and kept as an artifact.

Longer than files usually are: the class has the members of the official client's.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from steelyard.errors import Invalid, UsageError, WrongType
from steelyard.limits import (
    TABLE_ROWS_IN_RUN_FILE_MAX,
    TABLE_ROWS_LOGGED_MAX,
    TABLE_SHAPES_KEPT_MAX,
)
from steelyard.sdk.media.libraries import is_array, load_library
from steelyard.sdk.media.media import Media
from steelyard.sdk.media.places import is_run
from steelyard.sdk.media.value import WBValue
from steelyard.sdk.tables import types
from steelyard.sdk.tables.keys import TableIndex, TableKey, key_columns, wrap_keys
from steelyard.sdk.tables.registry import ARTIFACT_ADDRESS, type_of_numpy_class
from steelyard.sdk.tables.sources import rows_of_array, rows_of_frame
from steelyard.sdk.terminal import termwarn

if TYPE_CHECKING:
    from steelyard.sdk.run import Run

LogMode = Literal["IMMUTABLE", "MUTABLE", "INCREMENTAL"]
LOG_MODES = ("IMMUTABLE", "MUTABLE", "INCREMENTAL")
_USUAL_ROWS = frozenset({list, tuple})
DEFAULT_COLUMNS = ("Input", "Output", "Expected")


class Table(Media):
    """Rows of typed columns; cells may be media.

    Args:
        columns: names, text or whole numbers. Default: Input, Output, Expected.
        data: rows, an array of two dimensions or more, or a DataFrame.
        rows: the same as rows of `data`; of old scripts.
        dataframe: a DataFrame, with its own column names.
        dtype: what a column holds: a class such as float or Image, a list or dict of such, or a
            value that is the only one allowed; one for all columns or a list with one for each.
            Default: what the first value is, and others must be alike.
        optional: whether cells may be None; for all columns or a list with one for each.
        allow_mixed_types: take any value in any column.
        log_mode: what happens when a table that was logged is logged again. IMMUTABLE: nothing,
            it stays as it was. MUTABLE: it is logged anew if it was changed. INCREMENTAL: rows
            that were added since then are logged.

    Raises Invalid for rows that are no rows, TypeError for a cell of another type than its column.
    """

    #: Rows in the file beside the run; the artifact has them all.
    MAX_ROWS: ClassVar[int] = TABLE_ROWS_IN_RUN_FILE_MAX
    #: Rows in the artifact.
    MAX_ARTIFACT_ROWS: ClassVar[int] = TABLE_ROWS_LOGGED_MAX
    _log_type = "table"
    _media_dir = "media/table"

    def __init__(
        self,
        columns: Sequence[str | int] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: bool | list[bool] = True,
        allow_mixed_types: bool = False,
        log_mode: LogMode | None = "IMMUTABLE",
    ) -> None:
        super().__init__()
        if log_mode not in LOG_MODES:
            raise Invalid(f"log_mode is one of {', '.join(LOG_MODES)}, not {log_mode!r}")
        self.log_mode: LogMode = log_mode
        self.data: list[list[Any]] = []
        self._pk_col: Any = None
        self._fk_cols: list[Any] = []
        self._known_shapes: set[tuple[type, ...]] = set()
        # Of INCREMENTAL: how often it was logged, what was, and into which run.
        self._increment_num: int | None = None
        self._last_logged_idx: int | None = None
        self._previous_increments_paths: list[str] | None = None
        self._run_target_for_increments: Run | None = None
        given: Any = data if data is not None else rows
        if dataframe is not None or _is_frame(given):
            columns, given = rows_of_frame(given if dataframe is None else dataframe)
        self.columns: list[Any] = _check_columns(DEFAULT_COLUMNS if columns is None else columns)
        self._column_types: types.TypedDictType = types.TypedDictType()
        self._set_column_types(types.AnyType() if allow_mixed_types else dtype, optional)
        if is_array(given):
            given = rows_of_array(given)
        if given is not None:
            self._add_rows(given)

    def _set_column_types(self, dtype: Any, optional: bool | list[bool]) -> None:
        """One type, or a list with one for each column."""
        given = types.UNKNOWN if dtype is None else dtype
        per_column = given if isinstance(given, list) else [given] * len(self.columns)
        optionals = optional if isinstance(optional, list) else [optional] * len(self.columns)
        for what, values in (("dtype", per_column), ("optional", optionals)):
            if len(values) < len(self.columns):
                raise Invalid(
                    f"{what} has {len(values)} values for {len(self.columns)} columns; "
                    "give one for all, or a list with one for each"
                )
        for name, each, may_be_none in zip(self.columns, per_column, optionals, strict=False):
            self.cast(name, each, bool(may_be_none))

    # ---- adding

    def add_data(self, *data: Any) -> None:
        """Add a row, one value per column.

        Raises Invalid for another number of values, TypeError for one of another type.
        """
        self._before_change("add_data")
        self._add_row(list(data))
        self._after_append()

    def add_row(self, *row: Any) -> None:
        """The old name of `add_data`."""
        self.add_data(*row)

    def _add_rows(self, rows: Any) -> None:
        if isinstance(rows, str | bytes | dict) or not isinstance(rows, Iterable):
            raise WrongType(
                "data of a Table is a list of rows, an array or a DataFrame, not a "
                f"{type(rows).__name__}"
            )
        # Else the garbage collector looks at all rows again and again: half of the time.
        was_collecting = gc.isenabled()
        gc.disable()
        try:
            self._add_each(rows)
        finally:
            if was_collecting:
                gc.enable()

    def _add_each(self, rows: Iterable[Any]) -> None:
        known, append, add = self._known_shapes, self.data.append, self._add_row
        for place, row in enumerate(rows):
            if type(row) not in _USUAL_ROWS and not _is_row(row):
                raise WrongType(f"row {place} of the table is {row!r:.100}, no list of cells")
            cells = list(row)
            if tuple(map(type, cells)) in known:
                append(cells)
            else:
                add(cells)

    def _add_row(self, row: list[Any]) -> None:
        """Add a row. A row whose cells are of known classes needs no closer look (0.5 µs)."""
        shape = tuple(map(type, row))
        if shape in self._known_shapes:
            self.data.append(row)
            return
        if len(row) != len(self.columns):
            raise Invalid(
                f"row {len(self.data)} has {len(row)} cells, and the table {len(self.columns)} "
                f"columns: {self.columns}"
            )
        for name, cell in zip(self.columns, row, strict=True):
            if isinstance(cell, TableKey | TableIndex):
                self.cast(name, types.type_of(cell), optional=False)
        cells = dict(zip(self.columns, row, strict=True))
        found = {name: self._column_types.type_map[name].assign(cells[name]) for name in cells}
        if any(isinstance(each, types.InvalidType) for each in found.values()):
            raise WrongType(
                f"row {len(self.data)} has a cell of another type than its column:\n"
                f"{self._column_types.explain(cells)}\n"
                "Table(allow_mixed_types=True) takes any"
            )
        is_known = all(each is self._column_types.type_map[name] for name, each in found.items())
        if not is_known:
            self._known_shapes.clear()
            self._column_types = types.TypedDictType(found)
        self._update_keys()
        if self._pk_col is not None or self._fk_cols:
            wrap_keys(self, row, self._pk_col, self._fk_cols)
        elif len(self._known_shapes) < TABLE_SHAPES_KEPT_MAX and self._is_told_by_class(row):
            self._known_shapes.add(shape)
        self.data.append(row)

    def _is_told_by_class(self, row: list[Any]) -> bool:
        """Whether every row with cells of these classes fits, and changes no type."""
        for name, cell in zip(self.columns, row, strict=True):
            own = self._column_types.type_map[name]
            kind = type(cell)
            if kind is float:
                # It may be NaN, which counts as None.
                if isinstance(own.assign(0.0), types.InvalidType) or own.assign(None) is not own:
                    return False
                if own.assign(0.0) is not own:
                    return False
            elif kind is str:
                if cell.startswith(ARTIFACT_ADDRESS) or own.assign("") is not own:
                    return False
            elif kind in (int, bool):
                if own.assign(kind()) is not own:
                    return False
            elif cell is None:
                if own.assign(None) is not own:
                    return False
            elif type_of_numpy_class(kind) is None:
                return False
        return True

    def add_column(self, name: str, data: Any, optional: bool = False) -> None:
        """Add a column.

        Args:
            data: one value per row, a list or an array; in a table without columns, the rows.
            optional: whether cells may be None.
        """
        self._refuse_if_incremental("add_column")
        self._before_change("add_column")
        if not isinstance(name, str) or name in self.columns:
            raise Invalid(f"a new column has a name that is text and not there yet, not {name!r}")
        values = _column_values(data)
        is_first = not self.columns
        if not is_first and len(values) != len(self.data):
            raise Invalid(
                f"column {name!r} has {len(values)} values, and the table {len(self.data)} rows"
            )
        before = self.data
        self.data = (
            [[value] for value in values]
            if is_first
            else [[*row, value] for row, value in zip(before, values, strict=True)]
        )
        self.columns = [*self.columns, name]
        try:
            self.cast(name, types.UNKNOWN, optional=optional)
        except TypeError:
            self.data, self.columns = before, self.columns[:-1]
            raise

    def add_computed_columns(self, fn: Callable[[int, dict[Any, Any]], dict[str, Any]]) -> None:
        """Add the columns that `fn(number of the row, {column: value})` gives for each row."""
        self._refuse_if_incremental("add_computed_columns")
        self._before_change("add_computed_columns")
        computed: dict[str, list[Any]] = {}
        for index, row in self.iterrows():
            # As a plain number: a column of it refers to no other table.
            found = fn(int(index), dict(zip(self.columns, row, strict=True)))
            if not isinstance(found, dict) or (index and found.keys() != computed.keys()):
                raise Invalid(
                    f"row {int(index)}: the function gives {found!r:.100}; it has to give a dict "
                    "with the same keys for each row"
                )
            for name, value in found.items():
                computed.setdefault(name, []).append(value)
        for name, values in computed.items():
            self.add_column(name, values)

    def cast(self, col_name: Any, dtype: Any, optional: bool = False) -> types.Type:
        """Give a column another type, and return it. See `dtype` and `optional` of the class.

        Raises TypeError when a cell does not fit; then nothing changes.
        """
        self._before_change("cast")
        at = self._index_of(col_name)
        found = types.type_from_dtype(dtype)
        if optional:
            found = types.OptionalType(found)
        for place, row in enumerate(self.data):
            assigned = found.assign(row[at])
            if isinstance(assigned, types.InvalidType):
                raise WrongType(
                    f"row {place} of column {col_name!r} is {row[at]!r:.100}, a "
                    f"{types.type_of(row[at])}, which cannot be a {found}"
                )
            found = assigned
        self._check_key_type(found, optional)
        own = self._column_types.type_map
        self._column_types = types.TypedDictType({**own, col_name: found})
        self._known_shapes.clear()
        if self._update_keys():
            for row in self.data:
                wrap_keys(self, row, self._pk_col, self._fk_cols)
        return found

    def _check_key_type(self, found: types.Type, optional: bool) -> None:
        from steelyard.sdk.tables.media_types import (
            ForeignIndexType,
            ForeignKeyType,
            PrimaryKeyType,
        )

        if not isinstance(found, PrimaryKeyType | ForeignKeyType | ForeignIndexType):
            return
        if optional:
            raise Invalid("a column of keys cannot be optional: each row has one")
        if found.params.get("table") is self:
            raise Invalid("a table cannot refer to itself; use another table")
        if isinstance(found, PrimaryKeyType) and self._pk_col is not None:
            raise Invalid(f"the table has a primary key already, {self._pk_col!r}")

    def _update_keys(self) -> bool:
        """Whether other columns are keys now."""
        found = key_columns(self)
        is_new = found != (self._pk_col, self._fk_cols)
        if is_new:
            if found[0] is None and self._pk_col is not None:
                raise Invalid(f"the primary key {self._pk_col!r} stays a key")
            if lost := [name for name in self._fk_cols if name not in found[1]]:
                raise Invalid(f"columns that refer to other tables go on doing so: {lost}")
            self._pk_col, self._fk_cols = found
        return is_new

    def set_pk(self, col_name: Any) -> None:
        """Have a column of text name the rows, so that other tables can refer to them."""
        from steelyard.sdk.tables.media_types import PrimaryKeyType

        self.cast(col_name, PrimaryKeyType())

    def set_fk(self, col_name: Any, table: Table, table_col: str) -> None:
        """Have a column of text refer to a column of another table."""
        from steelyard.sdk.tables.media_types import ForeignKeyType

        if col_name == self._pk_col:
            raise Invalid(f"{col_name!r} is the primary key; it cannot refer to another table too")
        self.cast(col_name, ForeignKeyType(table, table_col))

    # ---- reading

    def _index_of(self, name: Any) -> int:
        if name not in self.columns:
            raise Invalid(f"the table has no column {name!r}; it has {self.columns}")
        return self.columns.index(name)

    def get_column(self, name: Any, convert_to: Literal["numpy"] | None = None) -> Any:
        """The values of a column; as an array of numpy if asked for."""
        at = self._index_of(name)
        if convert_to is None:
            return [row[at] for row in self.data]
        if convert_to != "numpy":
            raise Invalid(f"convert_to is 'numpy' or None, not {convert_to!r}")
        numpy = load_library("numpy", "get_column(convert_to='numpy')", package="numpy")
        cells = (row[at] for row in self.data)
        return numpy.array(
            [cell.to_data_array() if isinstance(cell, WBValue) else cell for cell in cells]
        )

    def get_dataframe(self) -> Any:
        """The table as a DataFrame of pandas."""
        pandas = load_library("pandas", "get_dataframe()", package="pandas")
        return pandas.DataFrame.from_records(self.data, columns=self.columns)

    def iterrows(self) -> Iterator[tuple[TableIndex, list[Any]]]:
        """(number, cells) of each row. In another table, the number refers to the row."""
        yield from zip(self.get_index(), self.data, strict=True)

    def get_index(self) -> list[TableIndex]:
        """The numbers of all rows; in another table they refer to them."""
        return [self.index_ref(place) for place in range(len(self.data))]

    def index_ref(self, index: int) -> TableIndex:
        """The number of a row, which refers to it in another table."""
        if not 0 <= index < len(self.data):
            raise Invalid(f"the table has {len(self.data)} rows, and none with number {index}")
        found = TableIndex(index)
        found.set_table(self)
        return found

    # ---- logging

    def has_been_logged(self) -> bool:
        return self._run is not None or self._artifact_target is not None

    def _refuse_if_incremental(self, call: str) -> None:
        if self.log_mode == "INCREMENTAL":
            raise UsageError(
                f"{call}() changes rows that were logged: a table with log_mode='INCREMENTAL' only "
                "grows; use MUTABLE"
            )

    def _before_change(self, call: str) -> None:
        if self._run is None and self._artifact_target is None:
            return
        if self.log_mode == "MUTABLE":
            self._forget_log()
        elif self.log_mode == "IMMUTABLE":
            termwarn(
                f"{call}() changes a table that was logged; its log_mode is IMMUTABLE, so it is "
                "not logged again. Use log_mode='MUTABLE', or 'INCREMENTAL' for more rows",
                repeat=False,
            )

    def _after_append(self) -> None:
        """Rows that come after a log are the next increment."""
        if self.log_mode != "INCREMENTAL" or self._artifact_target is None:
            return
        address = self._get_artifact_entry_ref_url()
        if address is not None:
            self._previous_increments_paths = [*(self._previous_increments_paths or []), address]
        self._increment_num = (self._increment_num or 0) + 1
        self._forget_log()

    def _forget_log(self) -> None:
        self._run = self._artifact_target = self._path = self._sha256 = None

    def rows_to_log(self, count_max: int) -> list[list[Any]]:
        """The rows that a log takes: all, or those since the last one; at most so many."""
        first = 0
        if self.log_mode == "INCREMENTAL" and self._last_logged_idx is not None:
            first = self._last_logged_idx + 1
        return self.data[first : first + count_max]

    def bind_to_run(
        self,
        run: Run,
        key: int | str,
        step: int | str,
        id_: int | str | None = None,
        ignore_copy_err: bool | None = None,
    ) -> None:
        """Write the first rows into a file of the run; the artifact has them all."""
        from steelyard.sdk.tables.encode import write_run_file

        path, sha256, size = write_run_file(self, self.rows_to_log(type(self).MAX_ROWS))
        self._path, self._sha256, self._size = path, sha256, size
        self._is_tmp, self._extension = True, ".table.json"
        super().bind_to_run(run, key, step, id_, ignore_copy_err)

    def to_json(self, run_or_artifact: Any) -> dict[str, Any]:
        """In a run what was logged, in an artifact all rows.

        Source: wandb 0.31.0 sdk/data_types/table.py Table.to_json.
        """
        from steelyard.sdk.tables.encode import encode_rows

        if not is_run(run_or_artifact):
            head, rows = self.describe(run_or_artifact)
            return head | {"data": encode_rows(self, rows, run_or_artifact)}
        found = super().to_json(run_or_artifact) | self._increment()
        is_incremental = self.log_mode == "INCREMENTAL"
        return found | {
            "_type": "incremental-table-file" if is_incremental else "table-file",
            "ncols": len(self.columns),
            "nrows": len(self.data),
            "log_mode": self.log_mode,
        }

    def describe(self, artifact: Any) -> tuple[dict[str, Any], list[list[Any]]]:
        """(what an artifact's table says besides its rows, the rows that it takes)."""
        from steelyard.sdk.tables.encode import store_arrays

        rows = self.rows_to_log(type(self).MAX_ARTIFACT_ROWS)
        left = len(self.rows_to_log(len(self.data))) - len(rows)
        if left > 0:
            termwarn(
                f"the table has {left:,} rows more than Table.MAX_ARTIFACT_ROWS "
                f"({type(self).MAX_ARTIFACT_ROWS:,}); they are not logged. Set it higher, or log "
                "several tables",
                repeat=False,
            )
        column_types = store_arrays(self, artifact)
        return {
            **self._increment(),
            "_type": self._log_type,
            "column_types": column_types.to_json(artifact),
            "columns": self.columns,
            "log_mode": self.log_mode,
            "ncols": len(self.columns),
            "nrows": len(rows),
        }, rows

    def _increment(self) -> dict[str, Any]:
        if self.log_mode != "INCREMENTAL":
            return {}
        self._increment_num = self._increment_num or 0
        self._previous_increments_paths = self._previous_increments_paths or []
        return {
            "increment_num": self._increment_num,
            "previous_increments_paths": self._previous_increments_paths,
        }

    def iter_json(self, artifact: Any) -> Iterator[bytes]:
        """`to_json` of an artifact as text in pieces, without the whole of it in memory."""
        from steelyard.sdk.tables.encode import iter_artifact_json

        return iter_artifact_json(self, artifact)

    @classmethod
    def from_json(cls, json_obj: dict[str, Any], source_artifact: Any) -> Table:
        """The table that an artifact holds, media included."""
        from steelyard.sdk.tables.decode import read_table

        return read_table(cls, json_obj, source_artifact)

    def __eq__(self, other: object) -> bool:
        """Whether columns, types and cells are the same."""
        if not isinstance(other, Table):
            return False
        return (
            self.columns == other.columns
            and self._column_types == other._column_types
            and len(self.data) == len(other.data)
            and all(map(_is_same_row, self.data, other.data))
        )

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __repr__(self) -> str:
        return f"<Table of {len(self.data):,} rows x {len(self.columns)} columns>"


def _is_same_row(own: list[Any], other: list[Any]) -> bool:
    for left, right in zip(own, other, strict=True):
        same = left == right
        if hasattr(same, "all"):
            same = same.all()
        if not same:
            return False
    return True


def _is_row(row: object) -> bool:
    return isinstance(row, Iterable) and not isinstance(row, str | bytes)


def _is_frame(value: object) -> bool:
    kind = type(value)
    return kind.__module__.startswith("pandas.") and "DataFrame" in kind.__name__


def _check_columns(columns: Any) -> list[Any]:
    if isinstance(columns, str) or not isinstance(columns, Sequence):
        raise WrongType(f"columns is a list of names, not {columns!r:.100}")
    found = [column.item() if hasattr(column, "item") else column for column in columns]
    for column in found:
        if type(column) not in (str, int):
            raise WrongType(
                f"names of columns are text or whole numbers, not {column!r}, a "
                f"{type(column).__name__}"
            )
    if len(set(map(str, found))) != len(found):
        twice = sorted({str(each) for each in found if list(map(str, found)).count(str(each)) > 1})
        raise Invalid(f"columns have names of their own; these are there more than once: {twice}")
    return found


def _column_values(data: Any) -> Sequence[Any]:
    if is_array(data):
        is_plain = data.ndim == 1 and data.dtype.kind in "biuf"
        values: list[Any] = data.tolist() if is_plain else list(data)
        return values
    if isinstance(data, list | tuple):
        return data
    if hasattr(data, "to_numpy"):  # a column of a DataFrame
        return _column_values(data.to_numpy())
    raise WrongType(f"a column is a list or an array, not a {type(data).__name__}")
