"""Launchers by name, from every installed package that has one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from steelyard.errors import Invalid
from steelyard.launch.interface import Launcher, LauncherMaker

GROUP: Final = "steelyard.launchers"


def list_launchers() -> dict[str, EntryPoint]:
    """Every launcher that is installed, by name; ours win over others of the same name."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        if point.name not in found or point.value.startswith("steelyard.launch."):
            found[point.name] = point
    return dict(sorted(found.items()))


def open_launcher(name: str, options: Mapping[str, str], *, environ: Mapping[str, str]) -> Launcher:
    """The launcher of that name. Raises Invalid when there is none, or an option is unknown."""
    known = list_launchers()
    point = known.get(name)
    if point is None:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise Invalid(f"no launcher is called {name!r}; there are: {', '.join(known)}{hint}")
    maker: LauncherMaker = point.load()
    return maker(options, environ)


def parse_options(texts: Iterable[str]) -> dict[str, str]:
    """Options as typed: KEY=VALUE, or KEY alone for one without a value. The last one counts."""
    options = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name.strip():
            raise Invalid(f"an option is KEY=VALUE, not {text!r}")
        options[name.strip()] = value.strip()
    return options
