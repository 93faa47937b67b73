"""A run in a notebook: as a frame with its page, or as it is now, with all its data inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.sdk.notebook import display_html, python_kind

if TYPE_CHECKING:
    from steelyard.sdk.run import Run


def encode_frame(run: Run, height: int, hidden: bool) -> str:
    """HTML of the run: a frame with its page to embed, or folded up, with its data inside.

    What a notebook shows by itself is folded up, and asks nobody for a login.
    """
    import html

    url = run.url
    if hidden or url is None:
        from steelyard.sdk.run_widget import encode_widget

        return encode_widget(run, height, hidden)
    style = f"border:none;width:100%;height:{int(height)}px;"
    return f'<iframe src="{html.escape(url)}?jupyter=true" style="{style}"></iframe>'


def show_frame(run: Run, height: int, hidden: bool) -> bool:
    """Show the run as it is now below the cell, and say whether this is a notebook."""
    if python_kind() != "jupyter":
        return False
    from steelyard.sdk.run_widget import encode_widget

    return display_html(encode_widget(run, height, hidden))
