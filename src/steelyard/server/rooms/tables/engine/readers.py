"""Files to batches of rows, read from front to back: memory holds one batch, whatever the size.

Every reader gives the names of the columns it knows so far and rows as lists; Parquet, which polars
reads by itself, is in `parquet`.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from steelyard.errors import Invalid
from steelyard.limits import (
    MIB,
    TABLE_BATCH_CELLS,
    TABLE_BATCH_CHARS,
    TABLE_BATCH_ROWS,
    TABLE_COLUMNS_MAX,
    TABLE_ROW_BYTES_MAX,
)

READ_CHARS = 4 * MIB
ROWS_CHARS = MIB // 4  # parsed in one call
DIGITS_MAX = 4300  # sys.get_int_max_str_digits() as it is by default
_SPACE = re.compile(r"[ \t\n\r]*")
_DELIMITERS = ",;\t|"


class Batch(msgspec.Struct, frozen=True):
    """Rows that belong together. Rows may be shorter than `columns`, or longer."""

    columns: list[str]
    rows: list[list[Any]]


class Header:
    """What a `.table.json` says beside its rows; complete when the file has been read."""

    def __init__(self) -> None:
        self.columns: list[str] | None = None
        self.column_types: Any = None
        self.warnings: list[str] = []


def parse_integer(digits: str) -> int | str:
    """The integer, or its digits where they are more than Python converts, which takes too long."""
    return digits if len(digits) > DIGITS_MAX else int(digits)


def is_long_integer(error: ValueError) -> bool:
    """Python refused to convert an integer for its length."""
    return "integer string conversion" in str(error)


_scan_short = json.JSONDecoder(strict=False).raw_decode
_scan_long = json.JSONDecoder(strict=False, parse_int=parse_integer).raw_decode  # a third slower


def check_width(count: int, name: str) -> None:
    """Raises Invalid for more columns than a table may have."""
    if count > TABLE_COLUMNS_MAX:
        raise Invalid(
            f"{name} has {count:,} columns; a table is shown with at most {TABLE_COLUMNS_MAX:,} "
            "(TABLE_COLUMNS_MAX)"
        )


def is_full(rows: list[list[Any]], chars: int) -> bool:
    """Whether these rows, made of that many characters, are enough for a batch."""
    count = len(rows)
    return count > 0 and (
        count >= TABLE_BATCH_ROWS
        or chars >= TABLE_BATCH_CHARS
        or count * len(rows[-1]) >= TABLE_BATCH_CELLS
    )


# ---- .table.json


def read_table_json(path: Path, name: str, header: Header) -> Iterator[Batch]:
    """Batches of a table of either client, its other members into `header`.

    `NaN` and `Infinity` stand bare in these files. The order of members is not fixed: `columns` may
    come after `data`. Raises Invalid, with the place, for what is no table.
    """
    # utf-8-sig, because Windows programs begin files with a byte order mark.
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        text = _Text(file, name)
        text.expect("{", "is no table: it does not begin with an object")
        has_data = False
        while (key := text.next_key()) is not None:
            if key == "data":
                has_data = True
                yield from _read_data(text, name, header)
            elif key == "columns":
                header.columns = _check_columns(text.value(), name)
            elif key == "column_types":
                header.column_types = text.value()
            else:
                text.value()
        if not has_data or header.columns is None:
            raise Invalid(
                f"{name} is no table: it has no {'columns' if has_data else 'data'}; "
                "a table is an object with columns and data"
            )


def _read_data(text: _Text, name: str, header: Header) -> Iterator[Batch]:
    text.expect("[", "is no table: its data is no list")
    rows: list[list[Any]] = []
    count, begin = 0, text.place
    while text.next_item(is_first=count == 0):
        some = text.rows()
        if not some:
            row = text.value()
            if type(row) is not list:
                raise Invalid(f"{name}: row {count + 1:,} of the data is no list")
            some = [row]
        if (width := max(map(len, some))) > TABLE_COLUMNS_MAX:
            number = next(place for place, row in enumerate(some, 1) if len(row) == width)
            check_width(width, f"row {count + number:,} of {name}")
        count += len(some)
        rows += some
        if is_full(rows, text.place - begin):
            yield Batch(header.columns or [], rows)
            rows, begin = [], text.place
    yield Batch(header.columns or [], rows)


def _check_columns(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str | int) for each in value):
        raise Invalid(f"{name}: columns must be a list of names, not {value!r:.100}")
    check_width(len(value), name)
    return [str(each) for each in value]


class _Text:
    """A JSON text of any length, value by value, of which one value at a time is in memory."""

    def __init__(self, file: io.TextIOBase, name: str) -> None:
        self._file = file
        self._name = name
        self._text = ""
        self._at = 0
        self._read_before = 0
        self._one_by_one_until = 0
        self._scan: Callable[[str, int], tuple[Any, int]] = _scan_short

    @property
    def place(self) -> int:
        """How many characters were read."""
        return self._read_before + self._at

    def expect(self, char: str, otherwise: str) -> None:
        if self._peek() != char:
            raise Invalid(f"{self._name} {otherwise}")
        self._at += 1

    def next_key(self) -> str | None:
        """The next member of the object; None at its end."""
        char = self._peek()
        if char == ",":
            self._at += 1
            char = self._peek()
        if char == "}":
            self._at += 1
            return None
        key = self.value()
        if not isinstance(key, str) or self._peek() != ":":
            raise self._broken("a member of the object")
        self._at += 1
        return key

    def next_item(self, *, is_first: bool) -> bool:
        """Step to the next item of a list; False behind its end."""
        char = self._peek()
        if char == "]":
            self._at += 1
            return False
        if is_first:
            return True
        if char != ",":
            raise self._broken("a comma or the end of the data")
        self._at += 1
        self._peek()
        return True

    def value(self) -> Any:
        """The value that begins here."""
        self._peek()
        while True:
            try:
                value, end = self._scan(self._text, self._at)
                # A number may go on, and so may Infinity, behind what is in memory.
                if end < len(self._text) or not self._more():
                    self._at = end
                    return value
            except RecursionError as error:
                raise Invalid(f"{self._name} is nested too deeply") from error
            except ValueError as error:
                if is_long_integer(error) and self._scan is not _scan_long:
                    self._scan = _scan_long
                    continue
                if len(self._text) - self._at > TABLE_ROW_BYTES_MAX:
                    raise Invalid(
                        f"{self._name}: a single row has more than {TABLE_ROW_BYTES_MAX:,} "
                        "characters (TABLE_ROW_BYTES_MAX), or the JSON is broken in it"
                    ) from error
                if not self._more():
                    raise self._broken("a value") from error

    def rows(self) -> list[list[Any]]:
        """Lists that begin here, as many as are surely whole; steps behind the last of them.

        One call of the parser for thousands of rows takes a third of the time of a call for each.
        The text is cut between "]" and "[". Where that was inside of a text or of a list in a cell,
        or where anything is odd, the parser says so and the answer is empty: what stands here is
        for `value`, which knows the place of every error.
        """
        if self.place < self._one_by_one_until:
            return []
        if len(self._text) - self._at < ROWS_CHARS:
            self._more()
        end = self._at + ROWS_CHARS
        cut = max(self._text.rfind("],[", self._at, end), self._text.rfind("], [", self._at, end))
        found: Any = None
        if cut >= 0:
            with contextlib.suppress(ValueError, RecursionError):
                some = f"[{self._text[self._at : cut + 1]}]"
                found, stop = self._scan(some, 0)
                found = found if stop == len(some) else None  # the data ended before the cut
        if found is None or set(map(type, found)) != {list}:
            self._one_by_one_until = self.place + ROWS_CHARS
            return []
        self._at = cut + 1
        rows: list[list[Any]] = found
        return rows

    def _peek(self) -> str:
        """The next character that is no space; empty at the end of the file."""
        while True:
            found = _SPACE.match(self._text, self._at)
            assert found is not None
            self._at = found.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        # Growing by what is there keeps the cost of a long value linear.
        more = self._file.read(max(READ_CHARS, len(self._text) - self._at))
        if not more:
            return False
        self._read_before += self._at
        self._text = self._text[self._at :] + more
        self._at = 0
        return True

    def _broken(self, wanted: str) -> Invalid:
        found = self._text[self._at : self._at + 30]
        what = f"{found!r} stands there" if found else "the file ends there"
        return Invalid(
            f"{self._name} is not JSON: at character {self.place:,} {wanted} is missing, {what}; "
            "its upload may have broken off"
        )


# ---- lines


def read_jsonl(path: Path, name: str) -> Iterator[Batch]:
    """One object in each line; its keys are the columns, in the order they appear."""
    places: dict[str, int] = {}
    rows: list[list[Any]] = []
    with path.open(encoding="utf-8-sig", errors="replace", newline="\n") as file:
        lines = _Lines(file, name)
        for line in lines:
            if not line.strip():
                continue
            row = _parse_line(line, lines.number, name)
            cells: list[Any] = [None] * len(places)
            for key, value in row.items():
                place = places.get(key)
                if place is None:
                    places[key] = len(cells)
                    cells.append(value)
                else:
                    cells[place] = value
            check_width(len(places), name)
            rows.append(cells)
            if is_full(rows, lines.chars):
                yield Batch(list(places), rows)
                rows, lines.chars = [], 0
    yield Batch(list(places), rows)


def _parse_line(line: str, number: int, name: str) -> dict[str, Any]:
    try:
        try:
            row = json.loads(line, strict=False)
        except ValueError as error:
            if not is_long_integer(error):
                raise
            row = json.loads(line, strict=False, parse_int=parse_integer)
    except RecursionError as error:
        raise Invalid(f"{name}: line {number:,} is nested too deeply") from error
    except ValueError as error:
        raise Invalid(f"{name}: line {number:,} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise Invalid(f"{name}: line {number:,} is no object, so it has no columns")
    return row


class _Lines:
    """The lines of a file, none of them too long; `chars` counts what was read."""

    def __init__(self, file: io.TextIOBase, name: str) -> None:
        self._file, self._name = file, name
        self.number = 0
        self.chars = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(TABLE_ROW_BYTES_MAX + 1):
            self.number += 1
            self.chars += len(line)
            if len(line) > TABLE_ROW_BYTES_MAX:
                raise Invalid(
                    f"{self._name}: line {self.number:,} is longer than "
                    f"{TABLE_ROW_BYTES_MAX:,} characters (TABLE_ROW_BYTES_MAX)"
                )
            yield line


# ---- CSV


def read_csv(path: Path, name: str, *, delimiter: str | None) -> Iterator[Batch]:
    """Rows of texts, an empty cell is None; the first row has the names.

    Without `delimiter` the header's most frequent one of comma, semicolon, tab and bar counts.
    """
    csv.field_size_limit(TABLE_ROW_BYTES_MAX)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        first = file.readline(TABLE_ROW_BYTES_MAX + 1)
        file.seek(0)
        used = delimiter or max(_DELIMITERS, key=first.count)
        lines = _Lines(file, name)
        reader = csv.reader((line.replace("\0", "") for line in lines), delimiter=used)
        try:
            columns = next(reader, [])
            check_width(len(columns), name)
            rows: list[list[Any]] = []
            for row in reader:
                if not row:
                    continue
                rows.append([cell or None for cell in row])
                if is_full(rows, lines.chars):
                    yield Batch(columns, rows)
                    rows, lines.chars = [], 0
            yield Batch(columns, rows)
        except csv.Error as error:
            raise Invalid(f"{name}: line {reader.line_num:,} is not CSV: {error}") from error
