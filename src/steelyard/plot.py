"""Charts that are made with one call: `run.log({"roc": steelyard.plot.roc_curve(y, p)})`."""

from __future__ import annotations

from steelyard.sdk.plot.chart import (
    CustomChart,
    CustomChartSpec,
    Visualize,
    VisualizeSpec,
    plot_table,
    visualize,
)
from steelyard.sdk.plot.classifiers import confusion_matrix, pr_curve, roc_curve
from steelyard.sdk.plot.presets import bar, histogram, line, line_series, scatter

__all__ = [
    "CustomChart",
    "CustomChartSpec",
    "Visualize",
    "VisualizeSpec",
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "roc_curve",
    "scatter",
    "visualize",
]
