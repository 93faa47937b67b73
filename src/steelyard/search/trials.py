"""What has been tried, and what comes next: the words between a search and whoever asks it."""

from typing import Any, Literal

import msgspec

TrialState = Literal["pending", "running", "finished", "failed", "stopped"]
SuggestionKind = Literal["prior", "start", "model", "tpe", "random", "grid", "phase"]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration that was handed out, and what came of it.

    Attributes:
        id: names the trial for people and in decisions; nothing is computed from it.
        config: flat, by the dotted names of the parameters, active ones only.
        state: `stopped` means ended by early termination, so that the values are partial.
        values: one per metric of the problem, as logged; None, NaN and infinities are missing.
        outcomes: values of the metrics that outcome constraints and the cost name.
        seconds: how long it ran, where that is known.
        is_prior: it was run outside of this search (an earlier sweep, a run added by hand).
    """

    id: str
    config: dict[str, Any]
    state: TrialState
    values: tuple[float | None, ...] = ()
    outcomes: dict[str, float] = {}
    seconds: float | None = None
    is_prior: bool = False


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """The next configuration to run: flat, active parameters only.

    `reason` is a sentence for people. `mean` and `std` are what the model expects of the first
    metric, in the units it is logged in, where a model made the suggestion.
    """

    config: dict[str, Any]
    reason: str
    kind: SuggestionKind
    mean: float | None = None
    std: float | None = None


class Exhausted(msgspec.Struct, frozen=True, kw_only=True):
    """There is nothing left to suggest; `reason` is a sentence that says why."""

    reason: str
