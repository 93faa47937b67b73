"""What is asked of a table and what comes back: plain Structs that both processes read.

A table is asked for by a reference, `run:ENTITY/PROJECT/RUN/PATH` or
`artifact:ENTITY/PROJECT/NAME:VERSION/PATH`. Its columns have one of six types; cells of the types
`json` and `media` are kept as JSON text. No cell is ever compared with one of another kind.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from steelyard.errors import Invalid

ColumnType = Literal["number", "string", "boolean", "media", "json", "datetime"]
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "contains", "regex", "is_null"]
Function = Literal[
    "count", "nulls", "distinct", "sum", "mean", "min", "max", "std", "median", "first"
]
Format = Literal["table", "csv", "tsv", "jsonl", "parquet"]

#: Endings of the files that are tables, and how they are read.
FORMATS: dict[str, Format] = {
    ".table.json": "table",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
# wandb 0.31.0 sdk/data_types/table.py: names of entries end in the type and ".json".
PARTITIONED_SUFFIX = ".partitioned-table.json"
JOINED_SUFFIX = ".joined-table.json"


class TableRef(msgspec.Struct, frozen=True):
    """Where a table is. `version` is None for a file of a run, whose name is `name` then."""

    entity: str
    project: str
    name: str
    version: str | None
    path: str

    def __str__(self) -> str:
        kind = "run" if self.version is None else "artifact"
        name = self.name if self.version is None else f"{self.name}:{self.version}"
        return f"{kind}:{self.entity}/{self.project}/{name}/{self.path}"


def parse_ref(text: str) -> TableRef:
    """The reference in a text. Raises Invalid, with the form it should have."""
    kind, _, rest = text.partition(":")
    parts = rest.split("/", 3)
    is_whole = kind in ("run", "artifact") and len(parts) == 4 and all(parts)
    if is_whole and kind == "run":
        return TableRef(parts[0], parts[1], parts[2], None, parts[3])
    if is_whole:
        name, _, version = parts[2].partition(":")
        if name:
            return TableRef(parts[0], parts[1], name, version or "latest", parts[3])
    raise Invalid(
        f"{text!r} names no table; write run:ENTITY/PROJECT/RUN/PATH "
        "or artifact:ENTITY/PROJECT/NAME:VERSION/PATH"
    )


def find_format(path: str) -> Format | None:
    """How the file is read, None when its ending says no table."""
    lower = path.lower()
    return next((form for ending, form in FORMATS.items() if lower.endswith(ending)), None)


class Histogram(msgspec.Struct, frozen=True):
    """`counts[i]` finite values lie from `edges[i]` to `edges[i + 1]`."""

    edges: list[float]
    counts: list[int]


class Column(msgspec.Struct, frozen=True):
    """A column and what is in it. `distinct` counts different values that are not null.

    `min` and `max` are numbers, the first and last text (cut), or times in ISO 8601; of numbers
    they and the histogram leave NaN and infinities out. `media_type` is "mixed" for several.
    """

    name: str
    type: ColumnType
    media_type: str | None = None
    null_count: int = 0
    distinct: int | None = None
    min: float | str | None = None
    max: float | str | None = None
    histogram: Histogram | None = None


class ColumnHead(msgspec.Struct, frozen=True):
    """A column of an answer."""

    name: str
    type: ColumnType
    media_type: str | None = None


class TableMeta(msgspec.Struct, frozen=True):
    """What is known of a converted table. `warnings` say what was changed while it was read."""

    columns: list[Column]
    row_count: int
    warnings: list[str] = []
    column_types: Any = None
    """As the file has them, to be written again with a part of the table."""
    is_head: bool = False
    """Only the beginning of the file was read."""
    ranked: list[int] = []
    """Text columns that have ranks beside them, see engine/opened.py."""


# ---- filters


class Test(msgspec.Struct, frozen=True, tag="test"):
    """One condition on one column."""

    __test__ = False  # not a class of pytest

    column: str
    op: Operator
    value: Any


class All(msgspec.Struct, frozen=True, tag="all"):
    parts: list[Filter]


class Some(msgspec.Struct, frozen=True, tag="some"):
    parts: list[Filter]


class Not(msgspec.Struct, frozen=True, tag="not"):
    part: Filter


Filter = Test | All | Some | Not


class Sort(msgspec.Struct, frozen=True):
    column: str
    desc: bool = False


class Aggregate(msgspec.Struct, frozen=True):
    """`fn` of the values of a column in each group; the column of the answer is `fn(column)`."""

    column: str
    fn: Function

    @property
    def title(self) -> str:
        return f"{self.fn}({self.column})"
