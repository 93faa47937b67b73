"""The environment as a function of an agent finds it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def changed_environ(variables: Mapping[str, str], hidden: Iterable[str]) -> Iterator[None]:
    """Have these variables set and those others unset, for a function that an agent runs and for
    what it starts; afterwards as before."""
    environ = os.environ  # noqa: TID251  # what programs get, functions get too
    names = {*variables, *hidden}
    before = {name: environ.get(name) for name in names}
    for name in names:
        environ.pop(name, None)
    environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                environ.pop(name, None)
            else:
                environ[name] = value
