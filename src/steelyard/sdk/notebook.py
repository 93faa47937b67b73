"""Whether this is a notebook, without importing anything that is not there already."""

from __future__ import annotations

import sys
from typing import Literal


def python_kind() -> Literal["python", "ipython", "jupyter"]:
    """jupyter for notebooks of all makes, ipython for its shell in a terminal."""
    module = sys.modules.get("IPython")
    get_ipython = getattr(module, "get_ipython", None)
    shell = get_ipython() if callable(get_ipython) else None
    if shell is None:
        return "python"
    # Kernels (Jupyter, Colab, VS Code) talk over sockets and have a ZMQ shell or a kernel object.
    is_kernel = hasattr(shell, "kernel") and "spyder" not in sys.modules
    return "jupyter" if is_kernel else "ipython"


def is_notebook() -> bool:
    """Cells are run one by one: in a notebook or in the shell of IPython."""
    return python_kind() != "python"


def display_html(html: str) -> bool:
    """Show HTML below the cell; False where that is not possible."""
    if python_kind() != "jupyter":
        return False
    from importlib import import_module  # a notebook has IPython, we do not depend on it

    module = import_module("IPython.display")
    module.display(module.HTML(html))
    return True
