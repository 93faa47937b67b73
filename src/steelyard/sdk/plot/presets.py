"""Charts of columns: lines, points, bars and counts.

Source: wandb 0.31.0 plot/*.py, for the names of the drawings and of their fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from steelyard.errors import Invalid
from steelyard.sdk.plot.chart import CustomChart, plot_table
from steelyard.sdk.tables.table import Table


def line(
    table: Table,
    x: str,
    y: str,
    stroke: str | None = None,
    title: str = "",
    split_table: bool = False,
) -> CustomChart:
    """A line through the points of two columns; one per value of the column `stroke`."""
    fields = {"x": x, "y": y, "stroke": stroke}
    return plot_table("wandb/line/v0", table, fields, {"title": title}, split_table)


def scatter(
    table: Table, x: str, y: str, title: str = "", split_table: bool = False
) -> CustomChart:
    """A point for each row."""
    return plot_table("wandb/scatter/v0", table, {"x": x, "y": y}, {"title": title}, split_table)


def bar(
    table: Table, label: str, value: str, title: str = "", split_table: bool = False
) -> CustomChart:
    """A bar for each row."""
    fields = {"label": label, "value": value}
    return plot_table("wandb/bar/v0", table, fields, {"title": title}, split_table)


def histogram(table: Table, value: str, title: str = "", split_table: bool = False) -> CustomChart:
    """How often values of a column occur."""
    return plot_table("wandb/histogram/v0", table, {"value": value}, {"title": title}, split_table)


def line_series(
    xs: Iterable[Any],
    ys: Iterable[Iterable[Any]],
    keys: Iterable[str] | None = None,
    title: str = "",
    xname: str = "x",
    split_table: bool = False,
) -> CustomChart:
    """Several lines in one chart.

    Args:
        xs: the x of all lines, or a list of them for each line.
        ys: the values of each line.
        keys: names of the lines. Default: line_0, line_1, …
        xname: name of the x axis.

    Raises Invalid when there are not as many of one as of the other.
    """
    lines = [_as_list(each) for each in _as_list(ys)]
    given = _as_list(xs)
    if not given:
        raise Invalid("line_series() needs at least one x")
    is_shared = isinstance(given[0], str | bytes) or not isinstance(given[0], Iterable)
    all_xs = [given] * len(lines) if is_shared else [_as_list(each) for each in given]
    if len(all_xs) != len(lines):
        raise Invalid(f"there are {len(all_xs)} lists of x for {len(lines)} lines")
    names = [f"line_{place}" for place in range(len(lines))] if keys is None else list(keys)
    if len(names) != len(lines):
        raise Invalid(f"there are {len(names)} keys for {len(lines)} lines")
    rows = [
        [x, name, y]
        for name, own_xs, own_ys in zip(names, all_xs, lines, strict=True)
        for x, y in zip(own_xs, own_ys, strict=False)
    ]
    columns = ["step", "lineKey", "lineVal"]
    return plot_table(
        "wandb/lineseries/v0",
        Table(data=rows, columns=columns),
        {name: name for name in columns},
        {"title": title, "xname": xname},
        split_table,
    )


def _as_list(values: Any) -> Sequence[Any]:
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    if hasattr(values, "tolist"):
        found = values.tolist()
        return found if isinstance(found, list) else [found]
    return list(values)
