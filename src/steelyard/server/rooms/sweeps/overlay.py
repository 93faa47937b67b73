"""What was decided about a sweep since its configuration was written: the weighting that the search
follows, the phase it is in, and the ranges that are left."""

from __future__ import annotations

import msgspec

from steelyard.errors import Invalid
from steelyard.search.objective import Weighting, objective_of, with_spread_limit
from steelyard.search.phases import Range, apply_ranges
from steelyard.search.problem import Metric, Phase, Problem
from steelyard.server.rooms.sweeps.model import Sweep


class Overlay(msgspec.Struct, frozen=True, omit_defaults=True):
    """The column of that name, as JSON."""

    weighting: Weighting | None = None
    phase: int = 0
    ranges: dict[str, Range] = {}
    phase_over: str | None = None
    """Why the phase has nothing left to suggest; None while it has."""


def overlay_of(sweep: Sweep) -> Overlay:
    """What was decided about this sweep."""
    return msgspec.json.decode(sweep.overlay, type=Overlay)


def encode_overlay(overlay: Overlay) -> str:
    return msgspec.json.encode(overlay).decode()


def objective(problem: Problem, overlay: Overlay) -> tuple[Metric, ...]:
    """What runs are ranked by. A weighting that an edit has made meaningless is left out."""
    try:
        return objective_of(problem, overlay.weighting)
    except Invalid:
        return objective_of(problem)


def searched(problem: Problem, overlay: Overlay) -> Problem:
    """The problem that the search is given: what the configuration says, as of now."""
    space = apply_ranges(problem.space, overlay.ranges) if problem.phases else problem.space
    return with_spread_limit(
        msgspec.structs.replace(problem, metrics=objective(problem, overlay), space=space)
    )


def phase_of(problem: Problem, overlay: Overlay) -> Phase | None:
    """The phase the search is in; None for a search without phases."""
    if not problem.phases:
        return None
    return problem.phases[min(overlay.phase, len(problem.phases) - 1)]


def phase_index(problem: Problem, overlay: Overlay) -> int | None:
    """Its place; an edit may have taken phases away."""
    return min(overlay.phase, len(problem.phases) - 1) if problem.phases else None
