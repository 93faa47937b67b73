"""Figures of matplotlib and plotly, recognised by their types' names: neither is loaded here."""

from __future__ import annotations

import io
from typing import Any

from steelyard.errors import Invalid
from steelyard.sdk.media.libraries import load_library
from steelyard.sdk.media.media import full_type_name


def is_matplotlib(value: object) -> bool:
    """A figure, an artist, or `matplotlib.pyplot` itself."""
    return full_type_name(value).startswith("matplotlib.")


def is_plotly(value: object) -> bool:
    return full_type_name(value).startswith("plotly.")


def figure_of(value: Any) -> Any:
    """The figure of what matplotlib draws with. Raises Invalid where there is none."""
    from matplotlib.figure import Figure

    if isinstance(value, Figure):
        return value
    if full_type_name(value) == "matplotlib.pyplot":
        return value.gcf()
    found = getattr(value, "figure", None)
    if not isinstance(found, Figure):
        raise Invalid(
            f"a {full_type_name(value)} belongs to no figure; pass the figure, or matplotlib.pyplot"
        )
    return found


def draw(value: Any, file_type: str) -> bytes:
    """The image file of a figure."""
    buffer = io.BytesIO()
    try:
        figure_of(value).savefig(buffer, format="jpeg" if file_type == "jpg" else file_type)
    except ValueError as problem:
        if isinstance(problem, Invalid):
            raise
        raise Invalid(f"matplotlib cannot draw the figure as {file_type}: {problem}") from problem
    return buffer.getvalue()


def contains_images(value: Any) -> bool:
    """Whether it shows pixels, which plotly cannot take over."""
    return any(axes.images for axes in figure_of(value).axes)


def to_plotly(value: Any) -> Any:
    """A figure of plotly with what a figure of matplotlib shows.

    Raises MissingLibrary without plotly, Invalid for what it cannot take over.
    """
    figure = figure_of(value)
    tools = load_library(
        "plotly.tools",
        "an interactive chart of a matplotlib figure",
        package="plotly",
        otherwise="Image(figure) works without",
    )
    import warnings

    _mend_spines()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it could not take over is no fault of the user
            return tools.mpl_to_plotly(figure)
    except Exception as problem:
        raise Invalid(
            f"plotly cannot show this matplotlib figure ({type(problem).__name__}: {problem}); "
            "log it as Image(figure)"
        ) from problem


def _mend_spines() -> None:
    """plotly asks spines for a method that matplotlib has no more.

    Source: wandb 0.31.0 util.py ensure_matplotlib_figure.
    """
    from matplotlib.spines import Spine

    def is_frame_like(self: Any) -> bool:
        position = self._position or ("outward", 0.0)
        if isinstance(position, str):
            position = {"center": ("axes", 0.5), "zero": ("data", 0)}.get(position, ("", 1))
        return bool(tuple(position) == ("outward", 0))

    if not hasattr(Spine, "is_frame_like"):
        Spine.is_frame_like = is_frame_like  # type: ignore[attr-defined]  # it is added here
