"""The choice of the next run once there are results: which model is asked, and what it answers."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from steelyard.limits import SEARCH_MODEL_ROWS_MAX
from steelyard.search.bayes import gp, outcomes, reasons, start, targets, tpe
from steelyard.search.bayes.acquisition import improvement_chance, log_expected_improvement
from steelyard.search.bayes.arrays import Array, Indices, Mask, Rng
from steelyard.search.bayes.codec import Codec
from steelyard.search.bayes.maximise import Score, maximise
from steelyard.search.bayes.observations import Observations
from steelyard.search.bayes.several import Chebyshev, Improvement, on_front
from steelyard.search.bayes.untried import Untried
from steelyard.search.problem import Problem
from steelyard.search.trials import SuggestionKind

ABSENT_SHARE = 0.4  # of the parameters, from which a space is a deep hierarchy
TURNS = 3  # of so many suggestions one is another model's, where two take turns
FIRST_FIT_ROWS = 64
CURIOUS_SHARE = 0.33
DRAWS_MAX, DRAWS_SHARE = 3, 160  # models beside the likeliest: fewer with more results
FORBIDDEN = 1e6  # taken off a score
CURIOSITY = (0.5, 1.0, 2.0)


class Choice(msgspec.Struct):
    row: Array
    reason: str
    kind: SuggestionKind
    mean: float | None = None
    std: float | None = None


class Known(msgspec.Struct):
    """The results that the models are made of: all of them, or a sample where they are many."""

    rows: Array
    losses: Array
    ids: list[str]
    slacks: Array
    cost: Array | None

    @property
    def is_kept(self) -> Mask:
        return outcomes.is_kept(self.slacks)


def choose(
    problem: Problem, codec: Codec, seen: Observations, untried: Untried, rng: Rng, index: int
) -> Choice | None:
    """The row that is worth most, or None when nothing untried was found."""
    known = select(problem, seen, rng)
    if known.losses.shape[1] > 1:
        return choose_of_several(problem, codec, seen, known, untried, rng, index)
    turn = index % TURNS == TURNS - 1
    if turn and is_deep(codec, known.rows):
        return choose_by_density(codec, known, penalised(known), untried, rng, reasons.DEEP)
    stalled = turn and is_stalled(seen, codec.width)
    if stalled and index % 2:
        return choose_by_density(codec, known, penalised(known), untried, rng, reasons.STALLED)
    return choose_by_model(problem, codec, seen, known, untried, rng, index, elsewhere=stalled)


def select(problem: Problem, seen: Observations, rng: Rng) -> Known:
    """At most SEARCH_MODEL_ROWS_MAX results: the best half of them and a sample of the rest."""
    table = outcomes.slacks(problem, seen.trials)
    count = len(seen.losses)
    kept: Indices = np.arange(count)
    if count > SEARCH_MODEL_ROWS_MAX:
        half = SEARCH_MODEL_ROWS_MAX // 2
        overall = seen.losses[:, 0] if seen.losses.shape[1] == 1 else ranks_summed(seen.losses)
        best = np.argsort(overall, kind="stable")[:half]
        rest = np.setdiff1d(kept, best)
        kept = np.sort(np.concatenate([best, rng.choice(rest, half, replace=False)]))
    return Known(
        rows=seen.rows[kept],
        losses=seen.losses[kept],
        ids=[seen.trials[i].id for i in kept],
        slacks=table[kept],
        cost=None if seen.cost is None else seen.cost[kept],
    )


def ranks_summed(losses: Array) -> Array:
    """The front first, then by the sum of the ranks; lower is better.

    The front is looked for among the best of each metric and of all together: comparing every
    pair would take seconds with ten thousand results.
    """
    order = np.argsort(np.argsort(losses, axis=0, kind="stable"), axis=0, kind="stable")
    total: Array = order.sum(1).astype(np.float64)
    each = np.argsort(losses, axis=0, kind="stable")[:SEARCH_MODEL_ROWS_MAX]
    likely = np.union1d(each, np.argsort(total, kind="stable")[: 4 * SEARCH_MODEL_ROWS_MAX])
    total[likely[on_front(losses[likely])]] -= losses.size
    return total


def is_deep(codec: Codec, rows: Array) -> bool:
    """Whether configurations have few of the parameters, and there are few of them.

    With fewer results than length-scales a Gaussian process sees little; later it is the better.
    """
    few = len(rows) < codec.width
    return few and codec.is_conditional and 1 - float(codec.active(rows).mean()) > ABSENT_SHARE


def is_stalled(seen: Observations, width: int) -> bool:
    """Whether the last runs, more of them with more parameters, were none the better."""
    losses = seen.losses[:, 0]
    return len(losses) - 1 - int(losses.argmin()) >= 15 + width


def penalised(known: Known) -> Array:
    """Losses in which every run that broke an outcome constraint is worse than all the others."""
    losses = known.losses[:, 0]
    worse = float(losses.max() - losses.min()) + 1.0
    return np.where(known.is_kept, losses, losses + worse)


def choose_by_density(
    codec: Codec, known: Known, losses: Array, untried: Untried, rng: Rng, why: str
) -> Choice | None:
    drawn, ratios = tpe.rank_by_density(codec, rng, known.rows, losses)
    row = untried.first(drawn[np.argsort(-ratios, kind="stable")])
    if row is None:
        return None
    return Choice(row, reasons.of_tpe(len(losses), why=why), "tpe")


def fit_model(codec: Codec, rows: Array, values: Array, *, steps: int = 40) -> Array:
    """Length-scales and noise for targets. Many rows are fitted after some of them, which is as
    good as a warm start and needs no memory of the last suggestion."""
    features = codec.features(rows)
    if len(rows) <= FIRST_FIT_ROWS:
        return gp.fit(features, codec.owners, values, steps=steps)
    order = np.argsort(values, kind="stable")
    some = np.concatenate(
        [order[: FIRST_FIT_ROWS // 2], order[FIRST_FIT_ROWS // 2 :: 1 + len(rows) // 48]]
    )
    theta = gp.fit(features[some], codec.owners, values[some], steps=steps)
    return gp.fit(features, codec.owners, values, starts=[theta], steps=max(steps // 3, 8))


def choose_by_model(
    problem: Problem,
    codec: Codec,
    seen: Observations,
    known: Known,
    untried: Untried,
    rng: Rng,
    index: int,
    *,
    elsewhere: bool,
) -> Choice | None:
    """The row of the highest expected improvement, or of the best bound for the curious.

    With `elsewhere` the search begins anew: nothing near the best run is looked at, and the best
    of the others is what is to be improved. It leads out of a valley that is not the deepest.
    """
    losses = known.losses[:, 0]
    values = targets.by_value(losses) if index % 2 else targets.by_half_rank(losses)
    theta = fit_model(codec, known.rows, values)
    features = codec.features(known.rows)
    alone = gp.condition(features, codec.owners, values, theta)
    kept = known.is_kept
    best = float(values[kept].min()) if kept.any() else None
    scales = np.exp(theta[:-2] / 2)
    home = known.rows[int(np.argmin(values))]
    away = is_away(codec, home, known.rows, scales)
    elsewhere = elsewhere and bool((kept & away).sum() >= start.RESULTS_MIN)
    draws = min(DRAWS_MAX, DRAWS_SHARE // len(values))
    thetas = [theta, *gp.draw(features, codec.owners, values, theta, rng, draws)]
    floor = float(values.min()) if best is None else best
    models = [believe(codec, known.rows, values, seen.pending, each, floor) for each in thetas]
    extra = extra_terms(codec, known)
    aim = float(values[kept & away].min()) if elsewhere else best
    curious = 0.0
    if extra is None and not elsewhere and rng.random() < CURIOUS_SHARE:
        curious = float(rng.choice(CURIOSITY))

    def score(rows: Array) -> Array:
        total = np.zeros(len(rows))
        if aim is not None:
            at = codec.features(rows)
            predicted = [model.predict(at) for model in models]
            if curious:
                bounds = [curious * sd - mean for mean, sd in predicted]
                return np.asarray(np.mean(bounds, axis=0))
            gains = [log_expected_improvement(mean, sd, best=aim) for mean, sd in predicted]
            total = np.logaddexp.reduce(gains, axis=0)
        if elsewhere:
            total = np.where(is_away(codec, home, rows, scales), total, total - FORBIDDEN)
        return total if extra is None else total + extra(rows)

    climb_from = np.where(away, values, values + FORBIDDEN) if elsewhere else values
    row = maximise(codec, rng, score, known.rows, climb_from, untried)
    if row is None:
        return None
    choice = explain(problem, codec, known, values, row, alone, theta, best)
    if curious:
        choice.reason += reasons.CURIOUS
    if elsewhere:
        choice.reason += reasons.ELSEWHERE
    return choice


def believe(
    codec: Codec, rows: Array, values: Array, pending: Array, theta: Array, floor: float
) -> gp.Posterior:
    """The process with `theta` after the results, and after what is under way came back as
    expected, but never as better than `floor`."""
    model = gp.condition(codec.features(rows), codec.owners, values, theta)
    if not len(pending):
        return model
    mean, _ = model.predict(codec.features(pending))
    return gp.condition(
        codec.features(np.vstack([rows, pending])),
        codec.owners,
        np.concatenate([values, np.maximum(mean, floor)]),
        theta,
    )


def is_away(codec: Codec, home: Array, rows: Array, scales: Array) -> Mask:
    """Which rows are further from `home` than the length-scale of the model."""
    steps = reasons.differences(codec, home, rows) * scales
    return np.asarray((steps * steps).sum(1) > 1.0)


def extra_terms(codec: Codec, known: Known) -> Score | None:
    """What the logarithm of the expected improvement is corrected by: feasibility and cost."""
    terms: list[Score] = []
    if known.slacks.shape[1]:
        terms.append(outcomes.log_chance_of_keeping(codec, known.rows, known.slacks))
    if known.cost is not None:
        term = outcomes.log_of_cost(codec, known.rows, known.cost)
        if term is not None:
            terms.append(lambda rows: -term(rows))
    if not terms:
        return None
    return lambda rows: np.sum([term(rows) for term in terms], axis=0)


def explain(
    problem: Problem,
    codec: Codec,
    known: Known,
    values: Array,
    row: Array,
    model: gp.Posterior,
    theta: Array,
    best: float | None,
) -> Choice:
    """The choice with its expectation in the units of the metric."""
    losses = known.losses[:, 0]
    means, sds = model.predict(codec.features(row[None]))
    mean, sd = float(means[0]), float(sds[0])
    low, middle, high = (
        targets.back_to_losses(at, values, losses) for at in (mean - sd, mean, mean + sd)
    )
    metric = problem.metrics[0]
    sign = -1.0 if metric.goal == "maximize" else 1.0
    std = max((high - low) / 2, 0.0)
    place = reasons.describe_place(
        codec, row, known.rows, losses, known.ids, np.exp(theta[:-2] / 2)
    )
    if best is None:
        return Choice(row, reasons.of_infeasible(len(losses), place), "model", sign * middle, std)
    reason = reasons.of_model(
        results=len(losses),
        metric=metric.name,
        mean=sign * middle,
        std=std,
        best=sign * float(losses[known.is_kept].min()),
        chance=improvement_chance(mean, sd, best),
        place=place,
    )
    return Choice(row, reason, "model", sign * middle, std)


def choose_of_several(
    problem: Problem,
    codec: Codec,
    seen: Observations,
    known: Known,
    untried: Untried,
    rng: Rng,
    index: int,
) -> Choice | None:
    """Pareto search: hypervolume for two metrics; for more, Chebyshev mixed with densities."""
    count = known.losses.shape[1]
    values = np.column_stack([targets.by_value(column) for column in known.losses.T])
    scalar = Chebyshev(rng.dirichlet(np.ones(count)), values[on_front(values)])
    if index % TURNS == TURNS - 1 and (count > 2 or is_deep(codec, known.rows)):
        losses = np.where(known.is_kept, scalar.of(values), scalar.of(values) + 1e6)
        return choose_by_density(codec, known, losses, untried, rng, reasons.MANY_METRICS)
    features = codec.features(known.rows)
    thetas = [fit_model(codec, known.rows, column, steps=25) for column in values.T]
    pairs = list(zip(thetas, values.T, strict=True))
    models = [gp.condition(features, codec.owners, column, theta) for theta, column in pairs]
    alone = models
    rows = known.rows
    if len(seen.pending):
        pending = codec.features(seen.pending)
        means = np.column_stack([model.predict(pending)[0] for model in models])
        rows, values = np.vstack([rows, seen.pending]), np.vstack([values, means])
        features = codec.features(rows)
        pairs = list(zip(thetas, values.T, strict=True))
        models = [gp.condition(features, codec.owners, column, theta) for theta, column in pairs]
    kept = np.concatenate([known.is_kept, np.ones(len(rows) - len(known.rows), bool)])
    improvement = Improvement(codec, models, values[kept] if kept.any() else values, rng)
    extra = extra_terms(codec, known)

    def score(candidates: Array) -> Array:
        gained = improvement.score(candidates)
        return gained if extra is None else gained + extra(candidates)

    # The search for the maximum starts from the front, the rest by a random scalarisation.
    order = np.where(on_front(values), -math.inf, scalar.of(values))
    row = maximise(codec, rng, score, rows, order, untried)
    if row is None:
        return None
    return explain_several(problem, codec, known, row, alone)


def explain_several(
    problem: Problem, codec: Codec, known: Known, row: Array, models: list[gp.Posterior]
) -> Choice:
    expected: list[float] = []
    spreads: list[float] = []
    features = codec.features(row[None])
    for metric, model, losses in zip(problem.metrics, models, known.losses.T, strict=True):
        mean, sd = (float(each[0]) for each in model.predict(features))
        values = targets.by_value(losses)
        ends = [targets.back_to_losses(at, values, losses) for at in (mean - sd, mean, mean + sd)]
        expected.append(-ends[1] if metric.goal == "maximize" else ends[1])
        spreads.append(max((ends[2] - ends[0]) / 2, 0.0))
    pairs = zip(problem.metrics, expected, spreads, strict=True)
    said = [f"{m.name} = {reasons.number(e)} ± {reasons.number(s)}" for m, e, s in pairs]
    reason = reasons.of_several(len(known.losses), said, int(on_front(known.losses).sum()))
    return Choice(row, reason, "model", expected[0], spreads[0])
