"""Rows of a table from arrays and data frames. Their libraries are loaded already, by the user."""

from __future__ import annotations

from typing import Any

from steelyard.errors import Invalid, WrongType


def rows_of_array(array: Any) -> list[Any]:
    """Rows of an array of two dimensions or more; numbers become those of Python."""
    if array.ndim < 2:
        raise Invalid(
            f"a table is made of an array of rows and columns, not of one of shape "
            f"{list(array.shape)}; try array.reshape(-1, 1)"
        )
    if array.ndim == 2 and array.dtype.kind in "biufU":
        rows: list[Any] = array.tolist()  # 40 times as fast as cell by cell
        return rows
    return list(array)


def rows_of_frame(frame: Any) -> tuple[list[Any], list[Any]]:
    """(columns, rows) of a DataFrame."""
    if not (hasattr(frame, "columns") and hasattr(frame, "iloc")):
        raise WrongType(f"dataframe is a DataFrame of pandas, not a {type(frame).__name__}")
    if getattr(frame.columns, "nlevels", 1) > 1:
        raise Invalid(
            "the DataFrame has several levels of column names; join them first: "
            "df.columns = ['.'.join(map(str, name)) for name in df.columns]"
        )
    columns = list(frame.columns)
    cells = [_cells_of(frame.iloc[:, place]) for place in range(len(columns))]
    return columns, list(map(list, zip(*cells, strict=True)))


def _cells_of(series: Any) -> list[Any]:
    """The cells of a column: numbers as Python's, what is missing as None."""
    kind = getattr(series.dtype, "kind", "O")
    is_numpy = type(series.dtype).__module__.startswith("numpy")
    if is_numpy and kind in "biuf":
        numbers: list[Any] = series.to_numpy().tolist()
        return numbers
    cells = series.to_numpy() if is_numpy else series.array
    if kind == "M":
        missing = series.isna()
        if not is_numpy:  # of a time zone
            cells = [
                cell if empty else cell.to_pydatetime()
                for cell, empty in zip(cells, missing, strict=True)
            ]
        return [None if empty else cell for cell, empty in zip(cells, missing, strict=True)]
    return [None if _is_missing(cell) else cell for cell in cells]


def _is_missing(value: object) -> bool:
    """pandas.NA and NaT; NaN is a number that a table knows."""
    return type(value).__name__ in ("NAType", "NaTType")
