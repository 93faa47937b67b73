"""Columns of texts, as CSV has them, to numbers, truths and times where every text is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from steelyard.server.rooms.tables.engine.spool import Kind

COLUMNS_AT_ONCE = 200
#: 007 and 0123 are names, not numbers; 0, 0.5 and -0.5 are numbers.
_LEADING_ZERO = r"^[+-]?0\d"
_WORDS = ("true", "false")
_TIME_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d",
)


def find_kinds(frame: pl.LazyFrame, places: Sequence[int]) -> dict[int, Kind]:
    """What each of the text columns holds, looking at every value."""
    kinds: dict[int, Kind] = {}
    for start in range(0, len(places), COLUMNS_AT_ONCE):
        some = places[start : start + COLUMNS_AT_ONCE]
        row = frame.select(list(_questions(some))).collect(engine="streaming").row(0, named=True)
        for place in some:
            kinds[place] = _choose(
                {key.split(":", 1)[1]: row[key] for key in row if key.startswith(f"{place}:")}
            )
    return kinds


def cast_text(place: int, kind: Kind) -> pl.Expr:
    """The text column in the kind found for it."""
    column = pl.col(f"c{place}")
    trimmed = column.str.strip_chars()
    if kind == "int":
        return trimmed.cast(pl.Int64)
    if kind == "float":
        return trimmed.cast(pl.Float64)
    if kind == "bool":
        return trimmed.str.to_lowercase() == "true"
    if kind == "datetime":
        return pl.coalesce(_times(trimmed)).alias(f"c{place}")
    return column


def _questions(places: Sequence[int]) -> Iterator[pl.Expr]:
    for place in places:
        column = pl.col(f"c{place}")
        trimmed = column.str.strip_chars()
        number = trimmed.cast(pl.Float64, strict=False)
        yield column.count().alias(f"{place}:n")
        yield trimmed.cast(pl.Int64, strict=False).count().alias(f"{place}:int")
        yield number.count().alias(f"{place}:float")
        yield trimmed.str.contains(_LEADING_ZERO).any().alias(f"{place}:zero")
        # A number written in digits that no float holds would be shown as infinite.
        is_written = trimmed.str.contains(r"\d")
        yield (number.is_infinite() & is_written).any().alias(f"{place}:beyond")
        yield trimmed.str.to_lowercase().is_in(_WORDS).sum().alias(f"{place}:bool")
        # Looking for times takes longer than all else: only where the first value looks like one.
        first = column.drop_nulls().first()
        yield first.alias(f"{place}:first")


def find_times(frame: pl.LazyFrame, places: Sequence[int]) -> set[int]:
    """Those of the text columns of which every value is a time."""
    found: set[int] = set()
    for place in places:
        column = pl.col(f"c{place}")
        times = pl.coalesce(_times(column.str.strip_chars()))
        row = frame.select(column.count().alias("n"), times.count().alias("t")).collect().row(0)
        if row[0] == row[1] > 0:
            found.add(place)
    return found


def _times(column: pl.Expr) -> list[pl.Expr]:
    return [column.str.to_datetime(form, time_unit="us", strict=False) for form in _TIME_FORMATS]


def _choose(answers: dict[str, int | bool | str | None]) -> Kind:
    n = answers["n"]
    if not n:
        return "null"
    if answers["bool"] == n:
        return "bool"
    if not answers["zero"] and not answers["beyond"]:
        if answers["int"] == n:
            return "int"
        if answers["float"] == n:
            return "float"
    first = str(answers["first"]).strip()
    if len(first) >= 10 and first[:4].isdigit() and first[4:5] == "-":
        return "datetime"  # perhaps: see find_times
    return "text"
