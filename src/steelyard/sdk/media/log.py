"""Media in a row: made part of the run, and replaced by their JSON.

Source: wandb 0.31.0 sdk/data_types/utils.py val_to_json, sdk/wandb_run.py _pop_all_charts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from steelyard.limits import VALUE_DEPTH_MAX
from steelyard.sdk.media.media import BatchableMedia, Media
from steelyard.sdk.media.own_config import note
from steelyard.sdk.media.value import WBValue
from steelyard.sdk.terminal import termwarn

if TYPE_CHECKING:
    from steelyard.sdk.run import Run

_TABLES: Final = ("table", "partitioned-table", "joined-table")


def replace_media(run: Run, row: Mapping[str, Any], step: int | str) -> dict[str, Any]:
    """The row with media, tables, charts and figures as JSON; their files are part of the run.

    `step` is part of the files' names: the number of the row, or "summary".
    Raises Invalid for media that a run cannot hold, OSError when the disk takes no more.
    """
    rest, charts = _split_charts(row, "")
    found = {key: _replace(run, key, value, step) for key, value in rest.items()}
    for key, chart in charts.items():
        chart.set_key(key)
        _, group, name = chart.spec.config_key
        note(run, group, name, chart.spec.config_value)
        place = getattr(chart.spec, "table_key", key)
        found[place] = _replace(run, place, chart.table, step)
    return found


def _split_charts(
    row: Mapping[str, Any], prefix: str, depth: int = 0
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the row without charts, {key with dots: chart})."""
    rest: dict[str, Any] = {}
    charts: dict[str, Any] = {}
    for key, value in list(row.items()):
        name = f"{prefix}{key}"
        if _is_chart(value):
            charts[name] = value
        elif type(value) is dict and depth < VALUE_DEPTH_MAX:
            rest[key], inner = _split_charts(value, f"{name}.", depth + 1)
            charts |= inner
        else:
            rest[key] = value
    return rest, charts


def _is_chart(value: object) -> bool:
    return hasattr(value, "spec") and hasattr(value, "set_key") and hasattr(value, "table")


def _replace(run: Run, key: str, value: Any, step: int | str, depth: int = 0) -> Any:
    """The JSON of what is media; everything else as it is."""
    if depth > VALUE_DEPTH_MAX:
        return value  # said where all values are looked at
    if isinstance(value, WBValue):
        return _log_value(run, key, value, step)
    if isinstance(value, Mapping):
        return {name: _replace(run, name, item, step, depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        if value and all(isinstance(item, WBValue) for item in value):
            return _log_list(run, key, value, step)
        return [_replace(run, key, item, step, depth + 1) for item in value]
    kind = _library_of(value)
    if kind == "pandas" and "DataFrame" in type(value).__name__:
        from steelyard.sdk.tables.table import Table

        return _log_value(run, key, Table(dataframe=value), step)
    if kind in ("matplotlib", "plotly"):
        from steelyard.sdk.media.plotly import Plotly

        return _log_value(run, key, Plotly.make_plot_media(value), step)
    return value


def _library_of(value: object) -> str:
    name = value.__name__ if isinstance(value, ModuleType) else type(value).__module__
    return name.partition(".")[0]


def _log_list(run: Run, key: str, values: Sequence[Any], step: int | str) -> Any:
    """A list of media of one kind is one value; others are logged one by one."""
    first = values[0]
    if not isinstance(first, BatchableMedia) or any(
        type(each) is not type(first) for each in values
    ):
        return [_log_value(run, key, each, step) for each in values]
    limit = first.MAX_ITEMS
    if limit is not None and len(values) > limit:
        termwarn(
            f"{key!r} has {len(values)} {type(first).__name__}s; the first {limit} are logged. "
            "Log the others under other keys, or in a Table",
            repeat=False,
        )
        values = list(islice(values, limit))
    for each in values:
        each.bind_to_run(run, key, step, ignore_copy_err=True)
    return first.seq_to_json(values, run, key, step)


def _log_value(run: Run, key: str, value: WBValue, step: int | str) -> Any:
    from steelyard.sdk.tables.table import Table

    if isinstance(value, Media) and not value.is_bound():
        if value._log_type in _TABLES and run.folder is not None:
            _log_as_artifact(run, key, value)
        if value._log_type not in ("partitioned-table", "joined-table"):
            value.bind_to_run(run, key, step)
    found = value.to_json(run)
    if isinstance(value, Table) and value.log_mode == "INCREMENTAL":
        value._last_logged_idx = len(value.data) - 1
    return found


def _log_as_artifact(run: Run, key: str, value: Any) -> None:
    """Log the table as an artifact too, which has all its rows and media."""
    from steelyard.sdk.artifacts.log import log_artifact
    from steelyard.sdk.tables import increments
    from steelyard.sdk.tables.table import Table

    if value._get_artifact_entry_ref_url() is not None and value._artifact_source is not None:
        return  # it is in an artifact already
    if isinstance(value, Table) and value.log_mode == "INCREMENTAL":
        artifact, name = increments.begin(run, key, value)
    else:
        artifact, name = increments.new_artifact(f"run-{run.id}-{key}", "run_table"), key
    artifact.add(value, increments.safe_entry_name(name))
    log_artifact(run, artifact, is_internal=True)
