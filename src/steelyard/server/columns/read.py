"""The reading side of the store in one place. Every read sees all acknowledged lines."""

from steelyard.server.columns.append import (
    count_replaced_lines,
    get_line_count,
    list_line_counts,
)
from steelyard.server.columns.catalogue import (
    count_overwritten_values,
    describe_keys,
    list_key_stats,
)
from steelyard.server.columns.cells import find_cells_at, list_cell_keys, list_cell_steps
from steelyard.server.columns.rows import (
    count_rows,
    get_last_step,
    list_last_lines,
    read_rows,
    sample_rows,
)
from steelyard.server.columns.series import (
    iter_series_of,
    join_xy,
    read_series,
    read_series_of,
    read_xy,
)

__all__ = [
    "count_overwritten_values",
    "count_replaced_lines",
    "count_rows",
    "describe_keys",
    "find_cells_at",
    "get_last_step",
    "get_line_count",
    "iter_series_of",
    "join_xy",
    "list_cell_keys",
    "list_cell_steps",
    "list_key_stats",
    "list_last_lines",
    "list_line_counts",
    "read_rows",
    "read_series",
    "read_series_of",
    "read_xy",
    "sample_rows",
]
