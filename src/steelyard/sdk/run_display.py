"""A run in a notebook."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steelyard.sdk.run import Run


def encode_frame(run: Run, height: int, hidden: bool) -> str:
    """HTML of the page of the run; of a line of text when it has none."""
    import html

    url = run.url
    if url is None:
        return f"<p>Run <code>{html.escape(run.id)}</code> in {html.escape(run.sync_dir)}</p>"
    style = f"border:none;width:100%;height:{int(height)}px;"
    frame = f'<iframe src="{html.escape(url)}?jupyter=true" style="{style}"></iframe>'
    if not hidden:
        return frame
    return f"<details><summary>Run {html.escape(run.name or run.id)}</summary>{frame}</details>"


def show_frame(run: Run, height: int, hidden: bool) -> bool:
    """Show it, if this is a notebook, and say whether it was one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or type(shell).__name__ != "ZMQInteractiveShell":
        return False
    from IPython.display import HTML, display  # type: ignore[import-not-found]  # the notebook's

    display(HTML(encode_frame(run, height, hidden)))
    return True
