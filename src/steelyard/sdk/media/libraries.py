"""Libraries that some values need, loaded when they are needed."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from steelyard.errors import MissingLibrary


def load_library(name: str, what: str, *, package: str, otherwise: str = "") -> Any:
    """The module. Raises MissingLibrary that says what needs it and what works without."""
    try:
        return import_module(name)
    except ImportError:
        raise MissingLibrary(what, package, otherwise) from None


def is_array(value: object) -> bool:
    """Whether it is an array of numpy; a number of numpy is none."""
    numpy: Any = sys.modules.get("numpy")  # it is loaded, or there were no such value
    return numpy is not None and isinstance(value, numpy.ndarray)
