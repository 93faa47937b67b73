"""What objects of the user's process do first thing in a forked child.

A lock may have been held by a thread that the child does not have, and files of the parent are
not the child's to write. `os.fork`, `multiprocessing` with fork, and daemons all come by here.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class AwareOfForks(Protocol):
    def become_child(self) -> None:
        """Called in the child before anything else of Python runs there. Must not block."""


_objects: weakref.WeakSet[AwareOfForks] = weakref.WeakSet()


def tell_of_forks(thing: AwareOfForks) -> None:
    """Have `become_child` called in every child forked while `thing` lives."""
    _objects.add(thing)


def _tell_all() -> None:
    for thing in list(_objects):
        thing.become_child()


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_tell_all)
