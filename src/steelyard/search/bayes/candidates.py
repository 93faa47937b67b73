"""Where to look for the next run: everywhere, around the best runs, and between them."""

from __future__ import annotations

import numpy as np

from steelyard.search.bayes.arrays import Array, Rng
from steelyard.search.bayes.codec import NEUTRAL, NO_CATEGORY, Codec


def reflect(numbers: Array) -> Array:
    """Numbers mirrored at 0 and 1, once, then clipped."""
    numbers = np.abs(numbers)
    return np.clip(np.where(numbers > 1, 2 - numbers, numbers), 0.0, 1.0)


def random_categories(codec: Codec, rng: Rng, shape: tuple[int, ...]) -> Array:
    return np.floor(rng.random(shape) * codec.category_counts)


def mutate(codec: Codec, rng: Rng, parents: Array, count: int, *, scale: float) -> Array:
    """Copies of random parents with a few coordinates changed.

    Numbers move by scale, scale/2, scale/4 or scale/8 times a normal deviate; categories are drawn
    anew; what the parent did not have (its branch may have changed) is drawn anew as well.
    """
    width, is_category = codec.width, codec.is_category
    rows = parents[rng.integers(len(parents), size=count)].copy()
    share = rng.choice([1.5 / width, 3.0 / width, 0.5], size=count)
    changed = rng.random((count, width)) < np.maximum(1.0 / width, share)[:, None]
    changed[np.arange(count), rng.integers(width, size=count)] = True
    sizes = scale * 0.5 ** rng.integers(0, 4, size=count)
    steps = rng.normal(size=(count, width)) * sizes[:, None]
    numbers = changed & ~is_category
    rows[numbers] += steps[numbers]
    rows[:, ~is_category] = reflect(rows[:, ~is_category])
    drawn = random_categories(codec, rng, rows.shape)
    rows = np.where(changed & is_category, drawn, rows)
    if codec.is_conditional:
        rows = fill_absent(codec, rng, rows, drawn)
    return codec.settle(rows)


def fill_absent(codec: Codec, rng: Rng, rows: Array, drawn: Array) -> Array:
    """Rows whose neutral coordinates have values, in case they exist after all."""
    rows = np.where((rows == NO_CATEGORY) & codec.is_category, drawn, rows)
    absent = (rows == NEUTRAL) & ~codec.is_category & (rng.random(rows.shape) < 0.7)
    return np.where(absent, rng.random(rows.shape), rows)


def best_quarter(losses: Array) -> int:
    return max(2, min(len(losses) // 4, 15))


def draw_like_best(codec: Codec, rng: Rng, rows: Array, losses: Array, count: int) -> Array:
    """Draws from windows around the best quarter of the rows.

    Half of them keep one row's coordinates together, half mix the coordinates of several.
    """
    kept = best_quarter(losses)
    good = rows[np.argsort(losses, kind="stable")[:kept]]
    together = good[rng.integers(len(good), size=count)]
    mixed = good[rng.integers(len(good), size=(count, codec.width)), np.arange(codec.width)]
    drawn = np.where(rng.random(count)[:, None] < 0.5, mixed, together)
    numbers = ~codec.is_category
    window = np.maximum(good.std(0) * 1.06 * kept**-0.2, 0.03)
    moved = reflect(drawn + rng.normal(size=drawn.shape) * window)
    anew = rng.random(drawn.shape) < 1.0 / (kept + 1)
    fresh = rng.random(drawn.shape)
    categories = random_categories(codec, rng, drawn.shape)
    redrawn = (anew | (drawn == NO_CATEGORY)) & codec.is_category
    drawn = np.where(redrawn, categories, np.where(numbers, moved, drawn))
    return codec.settle(np.where(anew & numbers, fresh, drawn))


def one_category_changed(codec: Codec, rng: Rng, row: Array, count: int) -> Array:
    """All rows that differ from `row` in one category, or `count` random ones of them."""
    pairs = [
        (column, value)
        for column in np.flatnonzero(codec.is_category & codec.active(row[None])[0])
        for value in range(int(codec.category_counts[column]))
        if value != row[column]
    ]
    if len(pairs) > count:
        pairs = [pairs[i] for i in rng.choice(len(pairs), count, replace=False)]
    rows = np.repeat(row[None], len(pairs), axis=0)
    for i, (column, value) in enumerate(pairs):
        rows[i, column] = value
    if codec.is_conditional and len(pairs):
        rows = fill_absent(codec, rng, rows, random_categories(codec, rng, rows.shape))
    return codec.settle(rows)
