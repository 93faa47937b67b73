"""The runs of one suggestion: a fold and a seed each, handed to whichever agent asks.

Runs are told by keys of their configuration: `fold` (0 …) and `folds`, `seed`, and in a sweep with
phases `fraction`. Every run is a row of its own with a lease of its own, so that a lost fold goes
to the next agent like any other run. The rows of one suggestion follow each other; all name the
first as `trial_index`.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy.engine import Connection

from steelyard.errors import TooLarge
from steelyard.limits import SWEEP_TRIALS_MAX
from steelyard.search.crossval import FOLD, FOLDS, FRACTION, SEED, runs_per_trial
from steelyard.search.problem import CrossValidation, Problem
from steelyard.search.trials import Suggestion
from steelyard.server.rooms.sweeps.commands import make_name
from steelyard.server.rooms.sweeps.model import Sweep
from steelyard.server.rooms.sweeps.overlay import overlay_of, phase_index, phase_of
from steelyard.server.rooms.sweeps.trials import NewTrial, insert_trial


def keys_of_runs(rule: CrossValidation | None) -> list[dict[str, Any]]:
    """What each run of a configuration is told beside it, in the order they are handed out."""
    if rule is None:
        return [{}]
    found: list[dict[str, Any]] = []
    for fold in range(max(1, rule.folds)):
        told = {FOLD: fold, FOLDS: rule.folds} if rule.folds > 1 else {}
        found += [told | {SEED: seed} for seed in rule.seeds] or [told]
    return found


def insert_suggestion(
    conn: Connection,
    sweep: Sweep,
    problem: Problem,
    found: Suggestion,
    *,
    agent_id: int | None,
    parent_index: int | None,
    now_us: int,
) -> Sweep:
    """Keep a suggestion: its first run goes to the agent, the others wait for the next to ask;
    all of them without an agent.

    The sweep must be locked. Raises Taken for a configuration that it has, TooLarge beyond
    SWEEP_TRIALS_MAX.
    """
    overlay = overlay_of(sweep)
    phase, place = phase_of(problem, overlay), phase_index(problem, overlay)
    of_phase = {} if phase is None else {FRACTION: phase.fraction}
    keys = keys_of_runs(problem.cross_validation)
    first = sweep.trial_count
    if first + len(keys) > SWEEP_TRIALS_MAX:
        raise TooLarge(
            "the list of trials of a sweep",
            size=first + len(keys),
            limit=SWEEP_TRIALS_MAX,
            limit_name="SWEEP_TRIALS_MAX",
        )
    for number, told in enumerate(keys):
        new = NewTrial(
            config={**found.config, **of_phase, **told},
            key=None if number else _key(problem, found, place),
            kind=found.kind,
            reason=found.reason,
            mean=found.mean,
            std=found.std,
            agent_id=None if number else agent_id,
            trial_index=first if len(keys) > 1 else None,
            phase=place,
            parent_index=parent_index,
        )
        sweep = insert_trial(conn, sweep, new, run_name=make_name(), now_us=now_us)
    return sweep


def _key(problem: Problem, found: Suggestion, place: int | None) -> bytes:
    """Identity of a configuration. In another phase it is another experiment."""
    key = problem.space.key_of(found.config)
    if not place:
        return key
    return hashlib.blake2b(key, digest_size=16, key=str(place).encode()).digest()


def explain_limit(sweep: Sweep, problem: Problem, limit: int | None) -> str | None:
    """Why a limit on the number of runs leaves no room for another suggestion with all its runs;
    None while there is room. The first one always has it, so that something is run."""
    each = runs_per_trial(problem.cross_validation)
    if limit is None or not sweep.trial_count or sweep.trial_count + each <= limit:
        return None
    if sweep.trial_count >= limit:
        return f"all {limit:,} runs that the configuration allows were handed out"
    return (
        f"{sweep.trial_count:,} of {limit:,} runs were handed out, and another configuration "
        f"needs {each:,}"
    )
