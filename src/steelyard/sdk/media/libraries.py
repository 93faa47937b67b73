"""Libraries that some values need, loaded when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from steelyard.errors import MissingLibrary


def load_library(name: str, what: str, *, package: str, otherwise: str = "") -> Any:
    """The module. Raises MissingLibrary that says what needs it and what works without."""
    try:
        return import_module(name)
    except ImportError:
        raise MissingLibrary(what, package, otherwise) from None
