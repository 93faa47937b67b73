"""The cells that were run in a notebook, in their order, stored with the run as a notebook."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from steelyard.limits import CAPTURED_SCRIPT_BYTES_MAX
from steelyard.sdk.journal.folder import append_to_files_list, write_atomically
from steelyard.sdk.notebook_hooks import find_shell
from steelyard.sdk.terminal import termwarn

if TYPE_CHECKING:
    from steelyard.sdk.run import Run

#: Where wandb puts it, too (wandb 0.31.0 jupyter.py Notebook.save_history).
NAME: Final = "code/_session_history.ipynb"


def keep_session_history(run: Run) -> None:
    """Store the cells when the run ends, if its settings say that code is stored.

    The notebook file itself may have been edited since, or its cells run in another order.
    """
    settings = run.settings
    if find_shell() is not None and settings.save_code and not settings.disable_code:
        run.add_end_hook(lambda code: save_session_history(run))


def save_session_history(run: Run) -> None:
    """Write the cells run so far into the run's directory, and ask for the upload."""
    import json

    manager = getattr(find_shell(), "history_manager", None)
    if run.folder is None or manager is None:
        return
    cells = [
        _cell(number, source, output)
        for _, number, (source, output) in manager.get_range(output=True)
    ]
    if not cells:
        return
    content = json.dumps({"cells": cells, **_frame()}, indent=1).encode()
    if len(content) > CAPTURED_SCRIPT_BYTES_MAX:
        termwarn(
            f"the cells of this session are {len(content):,} bytes and are not stored "
            f"(CAPTURED_SCRIPT_BYTES_MAX is {CAPTURED_SCRIPT_BYTES_MAX:,})"
        )
        return
    path = run.folder.files_dir / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    append_to_files_list(run.folder, NAME, source=None, policy="now")


def _cell(number: int, source: str, output: str | None) -> dict[str, Any]:
    """A cell of the notebook format 4.4, with the text of its value if it has one."""
    outputs = []
    if output:
        outputs.append(
            {
                "output_type": "execute_result",
                "execution_count": number,
                "metadata": {},
                "data": {"text/plain": str(output)},
            }
        )
    return {
        "cell_type": "code",
        "execution_count": number,
        "metadata": {},
        "outputs": outputs,
        "source": source,
    }


def _frame() -> dict[str, Any]:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return {
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python", "version": version},
        },
        "nbformat": 4,
        "nbformat_minor": 4,
    }
