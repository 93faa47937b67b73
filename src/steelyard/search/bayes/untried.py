"""Never the same twice: which rows are new and allowed, and what is left of a finite space."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from steelyard.limits import SEARCH_ENUMERATED_MAX
from steelyard.search.bayes.arrays import Array, Indices, Rng
from steelyard.search.bayes.codec import NEUTRAL, NO_CATEGORY, Codec
from steelyard.search.bayes.start import spread_rows

SAME = 1e-9  # difference of codes that is rounding
ROWS_TRIED = 512


class Untried:
    """The rows of a space that were not handed out yet and keep the constraints on parameters."""

    def __init__(self, codec: Codec, seen: Array) -> None:
        self.codec, self.seen = codec, seen
        self.is_constrained = bool(codec.space.input_constraints)

    def is_allowed(self, row: Array) -> bool:
        """Whether the row keeps the constraints that are known before a run."""
        return not self.is_constrained or self.codec.space.is_feasible(self.codec.decode(row))

    def accepts(self, row: Array) -> bool:
        """Whether the row may be suggested."""
        if self.was_seen(row):
            return False
        if self.codec.is_rounded:  # different codes may be the same configuration
            exact, _ = self.codec.encode([self.codec.decode(row)])
            if self.was_seen(exact[0]):
                return False
        return self.is_allowed(row)

    def was_seen(self, row: Array) -> bool:
        return bool((np.abs(self.seen - row) <= SAME).all(1).any())

    def first(self, rows: Iterable[Array]) -> Array | None:
        return next((row for row in rows if self.accepts(row)), None)

    def best_allowed(self, rows: Array, order: Indices, count: int) -> Indices:
        """The first `count` of `order` whose rows are allowed."""
        if not self.is_constrained:
            return order[:count]
        kept: list[int] = []
        for i in order[:ROWS_TRIED]:
            if self.is_allowed(rows[i]):
                kept.append(int(i))
                if len(kept) == count:
                    break
        return np.array(kept, dtype=np.intp)

    def any_row(self, rng: Rng) -> Array | None:
        """A random row that may be suggested; None when there is none left.

        Raises Infeasible where no configuration at all keeps the constraints.
        """
        row = self.first(spread_rows(self.codec, rng, ROWS_TRIED))
        if row is not None:
            return row
        everything = all_rows(self.codec)
        if everything is not None:
            return self.first(everything[rng.permutation(len(everything))])
        for _ in range(ROWS_TRIED):
            rows, _ = self.codec.encode([self.codec.space.sample(rng)])
            if self.accepts(rows[0]):
                return np.asarray(rows[0])
        return None


def all_rows(codec: Codec, most: int = SEARCH_ENUMERATED_MAX) -> Array | None:
    """Every configuration of a finite space; None if it is infinite or has more than `most`.

    Constraints are not looked at.
    """
    width = codec.width
    steps: list[Array] = []
    for column in range(width):
        if column in codec.ladders:
            steps.append(codec.ladders[column].codes)
        elif codec.is_category[column]:
            steps.append(np.arange(codec.category_counts[column]))
        else:
            return None
    rows = np.zeros((1, 0))
    neutral = np.where(codec.is_category, NO_CATEGORY, NEUTRAL)
    for column, codes in enumerate(steps):
        filled = np.hstack([rows, np.broadcast_to(neutral[column:], (len(rows), width - column))])
        exists = codec.active(filled)[:, column]
        if int(exists.sum()) * len(codes) + int((~exists).sum()) > most:
            return None
        with_codes = np.repeat(rows[exists], len(codes), axis=0)
        tiled = np.tile(codes, int(exists.sum()))[:, None]
        without = np.hstack([rows[~exists], np.full((int((~exists).sum()), 1), neutral[column])])
        rows = np.vstack([np.hstack([with_codes, tiled]), without])
    return rows
