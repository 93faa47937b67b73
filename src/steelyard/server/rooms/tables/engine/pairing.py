"""Rows of two tables with equal keys, each row once.

A key that several rows have on one side is paired by its order: the first with the first, the
second with the second. So nothing is multiplied. null is a key like any other, and so is NaN.
"""

from __future__ import annotations

import polars as pl


def pair_rows(left: pl.DataFrame, right: pl.DataFrame, *, may_repeat: bool = True) -> pl.DataFrame:
    """Row numbers `left` and `right`, first all rows of the left, then those of the right alone.

    Both frames have the same columns of keys, and nothing else. `may_repeat` is False where it is
    known that no key is there twice on a side.
    """
    names = left.columns
    sides = [frame.with_row_index(side) for side, frame in (("left", left), ("right", right))]
    if may_repeat:
        sides = [
            frame.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).over(names).alias("nth"))
            for frame in sides
        ]
        names = [*names, "nth"]
    joined = sides[0].join(
        sides[1], on=names, how="full", nulls_equal=True, coalesce=True, maintain_order="left_right"
    )
    return joined.select("left", "right")
