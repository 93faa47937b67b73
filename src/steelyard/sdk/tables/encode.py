"""Tables as JSON: fast where cells are numbers and text, exact everywhere.

msgspec writes NaN and the infinities as null, so columns are looked through before: their sum is
finite if all of them are. 1,000,000 rows x 12 columns take 1.5 s and memory for 2,000 rows.
"""

from __future__ import annotations

import datetime
import hashlib
import os
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import chain
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from steelyard.errors import Invalid
from steelyard.limits import TABLE_EMBEDDING_VALUES_MAX, TABLE_ROWS_AT_ONCE, VALUE_DEPTH_MAX
from steelyard.sdk.journal.folder import make_writer_name
from steelyard.sdk.media.libraries import load_library
from steelyard.sdk.media.media import encode_json, lists_of
from steelyard.sdk.media.places import new_scratch_file
from steelyard.sdk.media.value import WBValue
from steelyard.sdk.tables import types
from steelyard.sdk.values import SIMPLE_TYPES, plain

if TYPE_CHECKING:
    from steelyard.sdk.tables.table import Table

Rows = list[list[Any]]

_encode = msgspec.json.Encoder().encode
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def write_run_file(table: Table, rows: Rows) -> tuple[str, str, int]:
    """(path, SHA-256, size) of a new file with columns and rows, as it is kept beside a run.

    Source: wandb 0.31.0 sdk/data_types/table.py bind_to_run: NaN stays NaN there.
    """
    path = new_scratch_file(".table.json")
    digest, size = hashlib.sha256(), 0
    with Path(path).open("wb") as file:
        for piece in _iter_run_json(table.columns, rows):
            file.write(piece)
            digest.update(piece)
            size += len(piece)
    return path, digest.hexdigest(), size


def _iter_run_json(columns: list[Any], rows: Rows) -> Iterator[bytes]:
    yield b'{"columns":' + encode_json(columns) + b',"data":['
    yield from _join(_encode_chunk(chunk) for chunk in _chunks(rows))
    yield b"]}"


def iter_artifact_json(table: Table, artifact: Any) -> Iterator[bytes]:
    """The JSON of a table in an artifact, keys sorted, in pieces."""
    head, rows = table.describe(artifact)
    stored = stored_columns(table)
    names = sorted([*head, "data"])
    for place, name in enumerate(names):
        yield (b"," if place else b"{") + encode_json(name) + b":"
        if name != "data":
            yield encode_json(head[name])
            continue
        yield b"["
        yield from _join(_encode_artifact_chunk(chunk, artifact, stored) for chunk in _chunks(rows))
        yield b"]"
    yield b"}"


def encode_rows(table: Table, rows: Rows, artifact: Any) -> Rows:
    """The rows as JSON has them in an artifact; media get their files into it."""
    stored = stored_columns(table)
    return [_plain_row(row, artifact, stored) for row in rows]


def _chunks(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows), TABLE_ROWS_AT_ONCE):
        yield rows[start : start + TABLE_ROWS_AT_ONCE]


def _join(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Encoded lists as the elements of one."""
    is_first = True
    for piece in pieces:
        if len(piece) > 2:
            yield piece[1:-1] if is_first else b"," + piece[1:-1]
            is_first = False


def _is_plain(rows: Rows) -> bool:
    """Whether msgspec writes these rows as they are: simple cells, and every float finite."""
    kinds = set(map(type, chain.from_iterable(rows)))
    if not kinds <= SIMPLE_TYPES:
        return False
    if float not in kinds:
        return True
    for column in zip(*rows, strict=True):
        own = set(map(type, column))
        if float not in own:
            continue
        numbers: Sequence[Any] = column
        if not own <= {float, int, bool}:
            numbers = [cell for cell in column if type(cell) is float]
        if not isfinite(_sum(numbers)):
            return False
    return True


def _sum(numbers: Sequence[Any]) -> float:
    """The sum; infinite when some number is too large for a float."""
    try:
        return float(sum(numbers))
    except OverflowError:
        return inf


def _encode_chunk(rows: Rows) -> bytes:
    try:
        if _is_plain(rows):
            return _encode(rows)
    except (ValueError, OverflowError, UnicodeEncodeError):
        pass  # ragged rows of a user, a number beyond 64 bits, half a surrogate pair
    return encode_json(lists_of(rows))


def _encode_artifact_chunk(rows: Rows, artifact: Any, stored: set[int]) -> bytes:
    try:
        if not stored and _is_plain(rows):
            return _encode(rows)
    except (ValueError, OverflowError, UnicodeEncodeError):
        pass
    return encode_json([_plain_row(row, artifact, stored) for row in rows])


def _plain_row(row: list[Any], artifact: Any, stored: set[int]) -> list[Any]:
    return [
        None if place in stored else _plain_cell(cell, artifact) for place, cell in enumerate(row)
    ]


def _plain_cell(value: Any, artifact: Any, depth: int = 0) -> Any:
    """A cell as an artifact's table has it: NaN is null, times are milliseconds.

    Source: wandb 0.31.0 sdk/data_types/utils.py _json_helper.
    """
    kind = type(value)
    if kind is float:
        return value if value == value else None
    if kind in SIMPLE_TYPES:
        return value
    if depth > VALUE_DEPTH_MAX:
        raise Invalid(f"a cell holds more than {VALUE_DEPTH_MAX} levels of lists and dicts")
    if isinstance(value, WBValue):
        return value.to_json(artifact)
    if isinstance(value, dict):
        return {key: _plain_cell(item, artifact, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain_cell(item, artifact, depth + 1) for item in value]
    if isinstance(value, datetime.datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)
        return (moment - _EPOCH) // datetime.timedelta(milliseconds=1)
    if isinstance(value, datetime.date):
        return (value - _EPOCH.date()).days * 86_400_000
    if kind.__name__ == "datetime64":
        return _milliseconds(value)
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if hasattr(value, "tolist"):
        return _plain_cell(value.tolist(), artifact, depth + 1)
    if hasattr(value, "numpy"):  # TensorFlow
        return _plain_cell(value.numpy(), artifact, depth + 1)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float | Decimal):
        return _plain_cell(float(value), artifact, depth + 1)
    return plain(value, key="a cell", use="config")


def _milliseconds(value: Any) -> Any:
    """Of a datetime64; None for no time."""
    if value != value:
        return None
    return int(value.astype("datetime64[ms]").astype("int64"))


# ---- arrays


def array_types(table: Table) -> list[tuple[int, Any, types.NDArrayType]]:
    """(place, name, type) of columns that hold arrays."""
    found = []
    for place, name in enumerate(table.columns):
        own = table._column_types.type_map[name]
        several = own.params["allowed_types"] if isinstance(own, types.UnionType) else [own]
        found += [(place, name, each) for each in several if isinstance(each, types.NDArrayType)]
    return found


def stored_columns(table: Table) -> set[int]:
    """Places of columns whose arrays are in a file of their own."""
    return {place for place, _, each in array_types(table) if each.serialization_path is not None}


def store_arrays(table: Table, artifact: Any) -> types.TypedDictType:
    """Put arrays of several dimensions, and long ones, into files of numpy in the artifact.

    Short ones of one dimension stay in the table, as lists of numbers. Returns the types of the
    columns as they are written.
    Source: wandb 0.31.0 sdk/data_types/table.py Table.to_json.
    """
    written = dict(table._column_types.type_map)
    for place, name, found in array_types(table):
        shape = found.params["shape"]
        if len(shape) == 1 and shape[0] <= TABLE_EMBEDDING_VALUES_MAX:
            short = types.ListType(types.NUMBER, shape[0])
            is_whole = all(row[place] is not None for row in table.data)
            written[name] = short if is_whole else types.OptionalType(short)
            continue
        numpy = load_library("numpy", "a column of arrays", package="numpy")
        cells = table.get_column(name)
        blank = numpy.zeros(shape)
        array = numpy.array([blank if cell is None else cell for cell in cells])
        base = f"{_file_name(name)}_{make_writer_name()}.npz"
        path = f"{os.path.dirname(new_scratch_file(''))}/{base}"  # noqa: PTH120
        numpy.savez_compressed(path, **{str(name): array})
        entry = artifact.add_file(path, name=f"media/serialized_data/{base}", is_tmp=True)
        found.serialization_path = {"path": str(entry.path), "key": str(name)}
    return types.TypedDictType(written)


def _file_name(name: Any) -> str:
    """The name of a column, as part of a file's."""
    text = str(name).encode("utf-8", "backslashreplace").decode()
    safe = "".join(
        char if char.isprintable() and char not in '/\\:*?"<>|' else "_" for char in text
    )
    return safe[:80].lstrip(".") or "column"
