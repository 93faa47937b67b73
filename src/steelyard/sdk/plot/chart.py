"""A chart: a table, and the name of a drawing in Vega with the columns that it takes.

When it is logged, the table becomes a value of the row under `<key>_table`, and the chart itself
a note in the run's config. Source: wandb 0.31.0 plot/custom_chart.py, plot/viz.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steelyard.errors import UsageError, WrongType
from steelyard.sdk.tables.table import Table


@dataclass
class CustomChartSpec:
    """What is drawn, and from which columns.

    Attributes:
        spec_name: of the drawing, such as "wandb/line/v0".
        fields: what the drawing calls it → column.
        string_fields: what the drawing calls it → text.
        key: under which the chart is logged.
        split_table: show its table among the "Custom Chart Tables".
    """

    spec_name: str
    fields: Mapping[str, Any]
    string_fields: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    panel_type: str = "Vega2"
    split_table: bool = False

    @property
    def table_key(self) -> str:
        """The key of the chart's table. Raises UsageError before `key` is set."""
        if not self.key:
            raise UsageError("a chart has a key once it is logged; set it with set_key()")
        return f"{'Custom Chart Tables/' if self.split_table else ''}{self.key}_table"

    @property
    def config_value(self) -> dict[str, Any]:
        """What the run's config notes of the chart."""
        table = {
            "name": "summaryTable",
            "args": [{"name": "tableKey", "value": self.table_key}],
            "fields": [],
        }
        names: list[dict[str, Any]] = [
            {"name": name, "fields": []} for name in ("id", "name", "_defaultColorIndex")
        ]
        run_sets = {
            "name": "runSets",
            "args": [{"name": "runSets", "value": "${runSets}"}],
            "fields": [*names, table],
        }
        return {
            "panel_type": self.panel_type,
            "panel_config": {
                "panelDefId": self.spec_name,
                "fieldSettings": dict(self.fields),
                "stringSettings": dict(self.string_fields),
                "transform": {"name": "tableWithLeafColNames"},
                "userQuery": {"queryFields": [run_sets]},
            },
        }

    @property
    def config_key(self) -> tuple[str, str, str]:
        return ("_wandb", "visualize", self.key)


@dataclass
class CustomChart:
    """A chart to be logged: `run.log({"roc": chart})`."""

    table: Table
    spec: CustomChartSpec

    def set_key(self, key: str) -> None:
        """Say under which key it is logged; `log` does it."""
        self.spec.key = key


@dataclass
class VisualizeSpec:
    """The name of a panel that draws a table."""

    name: str
    key: str = ""

    @property
    def config_value(self) -> dict[str, Any]:
        return {
            "id": self.name,
            "historyFieldSettings": {"x-axis": "_step", "key": self.key},
        }

    @property
    def config_key(self) -> tuple[str, str, str]:
        return ("_wandb", "viz", self.key)


@dataclass
class Visualize:
    """A table with a panel that draws it; of old scripts."""

    table: Table
    spec: VisualizeSpec

    def set_key(self, key: str) -> None:
        self.spec.key = key


def plot_table(
    vega_spec_name: str,
    data_table: Table,
    fields: Mapping[str, Any],
    string_fields: Mapping[str, Any] | None = None,
    split_table: bool = False,
) -> CustomChart:
    """A chart of a table, by a drawing in Vega that the server knows.

    Args:
        vega_spec_name: of the drawing, such as "wandb/line/v0" or one of your own.
        fields: what the drawing calls it → column of the table.
        string_fields: what the drawing calls it → text, such as its title.
        split_table: show the table apart, among the "Custom Chart Tables".
    """
    if not isinstance(data_table, Table):
        raise WrongType(f"data_table is a Table, not a {type(data_table).__name__}")
    spec = CustomChartSpec(
        spec_name=vega_spec_name,
        fields=fields,
        string_fields=string_fields or {},
        split_table=split_table,
    )
    return CustomChart(table=data_table, spec=spec)


def visualize(id: str, value: Table) -> Visualize:
    """A table with a panel that draws it; `plot_table` is its successor."""
    if not isinstance(value, Table):
        raise WrongType(f"value is a Table, not a {type(value).__name__}")
    return Visualize(table=value, spec=VisualizeSpec(name=id))
