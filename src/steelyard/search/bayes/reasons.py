"""The sentences that say why a configuration was suggested."""

from __future__ import annotations

import numpy as np

from steelyard.search.bayes.arrays import Array
from steelyard.search.bayes.codec import Codec

NAMED_MAX = 3  # parameters named in a sentence
OF_PRIOR = "a configuration that was given to be tried first"
OF_LEFTOVER = "one of the configurations that were not tried yet, by chance"
CURIOUS = "; a look at where the model is unsure, to learn"
ELSEWHERE = "; the last runs near the best one brought nothing better, so this one is elsewhere"
DEEP = "the first runs of a space with many conditions are partly chosen by comparison"
STALLED = "the last runs brought nothing better, so some are chosen in another way"
MANY_METRICS = "every third run with so many metrics is chosen by comparing good with bad runs"


def number(value: float) -> str:
    return f"{value:.4g}"


def share(probability: float) -> str:
    if probability < 0.01:
        return "less than a 1 % chance"
    return f"a {round(100 * min(probability, 0.99))} % chance"


def of_start(index: int, count: int, middle: str | None) -> str:
    which = f"start design, {index + 1} of {count}"
    if middle:
        return f"{which}: {middle}"
    return (
        f"{which}: the first runs are spread over the whole space, "
        "so that the model has something to learn from"
    )


def of_waiting(results: int) -> str:
    known = {0: "no run has ended yet", 1: "only one run has ended"}.get(
        results, f"only {results} runs have ended"
    )
    return f"{known}, too few for a model: an even spread over the space goes on"


def of_constant(results: int) -> str:
    return (
        f"all {results} results so far are equal, so there is nothing to learn from them: "
        "an even spread over the space goes on"
    )


def of_tpe(results: int, *, why: str) -> str:
    return f"{why}: most like the best quarter of {results} runs, least like the rest"


def of_infeasible(results: int, place: str) -> str:
    return f"none of {results} runs kept the constraints: the likeliest place to keep them; {place}"


def of_several(results: int, expected: list[str], on_front: int) -> str:
    return (
        f"the models of {results} runs expect {', '.join(expected)} here: a likely gain over the "
        f"{on_front} runs that no other run beats"
    )


def of_exhausted(tried: int) -> str:
    return f"every configuration of the search space was tried ({tried} of them)"


def of_model(
    *, results: int, metric: str, mean: float, std: float, best: float, chance: float, place: str
) -> str:
    return (
        f"the model of {results} runs expects {metric} = {number(mean)} ± {number(std)} here, "
        f"{share(chance)} to beat the best so far ({number(best)}); {place}"
    )


def describe_place(
    codec: Codec, row: Array, rows: Array, losses: Array, ids: list[str], scales: Array
) -> str:
    """Where a row lies: near which of the best runs, and by which parameters it differs.

    Args:
        scales: float64[width], inverse length-scales: how much each parameter matters.
    """
    best = np.argsort(losses, kind="stable")[: max(3, len(losses) // 10)]
    steps = differences(codec, row, rows[best]) * scales
    nearest = int(np.argmin((steps * steps).sum(1)))
    distance = float(np.sqrt((steps[nearest] ** 2).sum()))
    if distance > 1.5:
        return "a region with no run among the best yet, where the model is unsure"
    order = np.argsort(-steps[nearest], kind="stable")
    least = 0.05 * (distance or 1.0)
    changed = [codec.parameters[i].name for i in order if steps[nearest][i] > least]
    which = f"run {ids[int(best[nearest])]}"
    if not changed:
        return f"next to {which}, one of the best"
    more = len(changed) - NAMED_MAX
    names = ", ".join(changed[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
    return f"close to {which}, one of the best, with a change in {names}"


def differences(codec: Codec, row: Array, rows: Array) -> Array:
    """float64[n, width]: distance per parameter, 0 or 1 for categories."""
    apart = np.abs(rows - row)
    apart[:, codec.is_category] = apart[:, codec.is_category] > 0
    return apart
