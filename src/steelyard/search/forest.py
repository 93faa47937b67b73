"""A random forest for regression on coded columns, grown a level at a time with numpy.

Every column holds small whole numbers: the place of a numeric value in its quantiles, or a
category. A split of a node is a table of bits, one per code: left or right. Numeric codes are split
at a threshold; categories at a threshold in the order of their mean target within the node, which
contains the best of all splits in two (Fisher 1958; Breiman et al. 1984, CART, section 4.2.2).
Source: Breiman (2001), Random Forests, Machine Learning 45, 5-32: bootstrap, random columns,
permutation of left-out rows. The random third of the columns is drawn for a level of a tree, not
for each node: a third of the work, and the same parameters found on planted ones.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Bits = npt.NDArray[np.bool_]

CODES_MAX = 32  # codes of one column
DEPTH_MAX = 10
LEAF_ROWS_MIN = 4.0  # bootstrap rows on each side of a split
COLUMNS_SHARE = 1.0 / 3.0  # tried at each level …
COLUMNS_MIN = 4  # … but at least so many


class Table(msgspec.Struct, frozen=True):
    """What a forest learns from.

    Attributes:
        codes: intp[rows, columns], 0 <= code < CODES_MAX.
        unordered: bool[columns]: whether the codes of a column are categories.
        active: bool[rows, columns]: whether the column means anything for the row. Where it does
            not, its code is neutral, and a permutation leaves it alone.
    """

    codes: Codes
    unordered: Bits
    active: Bits


class Tree(msgspec.Struct, frozen=True):
    """Nodes by number, 0 is the root. `columns` is -1 at a leaf; a right child is `left` + 1."""

    columns: Codes
    goes_left: Bits  # [nodes, CODES_MAX]
    left: Codes
    values: Array
    depth: int


class Judgement(msgspec.Struct, frozen=True):
    """What a forest found, over the trees that have not seen a row; NaN where all have.

    Attributes:
        gains: float64[rows, columns]: by how much the row's squared error rises when the column is
            permuted, as a share of the target's variance.
        predicted: float64[rows].
    """

    gains: Array
    predicted: Array


def grow_and_judge(
    table: Table, target: Array, *, trees: int, rng: np.random.Generator
) -> Judgement:
    """Grow `trees` trees on bootstrap samples and permute every column on the rows left out.

    Cost: about 8 ms CPU a tree for 1,000 rows of 40 columns.
    """
    rows, columns = table.codes.shape
    gains, predicted, votes = np.zeros((rows, columns)), np.zeros(rows), np.zeros(rows)
    for _ in range(trees):
        weights = np.bincount(rng.integers(rows, size=rows), minlength=rows).astype(np.float64)
        seen, unseen = np.flatnonzero(weights), np.flatnonzero(weights == 0)
        if not len(unseen):
            continue
        tree = grow(table, seen, weights[seen], target[seen], rng)
        guesses = judge_tree(gains, table, tree, unseen, target[unseen], rng)
        predicted[unseen] += guesses
        votes[unseen] += 1
    with np.errstate(invalid="ignore", divide="ignore"):
        return Judgement(gains / (votes[:, None] * target.var()), predicted / votes)


def grow(
    table: Table, seen: Codes, weights: Array, target: Array, rng: np.random.Generator
) -> Tree:
    """One tree on the rows `seen`, which count `weights` times."""
    codes = table.codes[seen]
    columns, tables, lefts = [-1], [np.zeros(CODES_MAX, dtype=bool)], [0]
    values = [float(np.average(target, weights=weights))]
    node_of = np.zeros(len(seen), dtype=np.intp)  # of each row
    open_nodes = [0]
    depth = 0
    while open_nodes and depth < DEPTH_MAX:
        local = np.full(len(columns), -1, dtype=np.intp)
        local[open_nodes] = np.arange(len(open_nodes))
        rows = np.flatnonzero(local[node_of] >= 0)
        tried = draw_columns(codes.shape[1], rng)
        split = find_splits(
            codes[rows][:, tried],
            local[node_of[rows]],
            len(open_nodes),
            weights[rows],
            target[rows],
            table.unordered[tried],
        )
        split_columns = np.where(split.columns >= 0, tried[split.columns], -1)
        children: list[int] = []
        for place, node in enumerate(open_nodes):
            if split_columns[place] < 0:
                continue
            columns[node], lefts[node] = int(split_columns[place]), len(columns)
            tables[node] = split.goes_left[place]
            for value, count in zip(split.values[place], split.counts[place], strict=True):
                if count >= 2 * LEAF_ROWS_MIN:
                    children.append(len(columns))
                columns.append(-1)
                lefts.append(0)
                tables.append(tables[0])
                values.append(float(value))
        column_of = split_columns[local[node_of[rows]]]
        moving = rows[column_of >= 0]
        column_of = column_of[column_of >= 0]
        if len(moving):
            bits = split.goes_left[local[node_of[moving]], codes[moving, column_of]]
            node_of[moving] = np.asarray(lefts)[node_of[moving]] + ~bits
        open_nodes = children
        depth += 1
    return Tree(
        np.asarray(columns, dtype=np.intp),
        np.asarray(tables),
        np.asarray(lefts, dtype=np.intp),
        np.asarray(values),
        depth,
    )


class Splits(msgspec.Struct, frozen=True):
    """The best split of every open node: its column (-1: none), its bits, and for both sides the
    mean target and the number of rows.
    """

    columns: Codes
    goes_left: Bits
    values: Array
    counts: Array


def find_splits(
    codes: Codes,
    node_of: Codes,
    nodes: int,
    weights: Array,
    target: Array,
    unordered: Bits,
) -> Splits:
    """The split of each node that lowers the squared error most; `node_of` is 0 … nodes - 1."""
    counts, sums = histograms(codes, node_of, nodes, weights, target)
    order = order_codes(counts, sums, unordered)
    if unordered.any():
        counts = np.take_along_axis(counts, order, axis=2)
        sums = np.take_along_axis(sums, order, axis=2)
    left_count, left_sum = counts.cumsum(axis=2), sums.cumsum(axis=2)
    all_count, all_sum = left_count[:, :, -1:], left_sum[:, :, -1:]
    right_count, right_sum = all_count - left_count, all_sum - left_sum
    allowed = (left_count >= LEAF_ROWS_MIN) & (right_count >= LEAF_ROWS_MIN)
    with np.errstate(invalid="ignore", divide="ignore"):
        gains = left_sum**2 / left_count + right_sum**2 / right_count - all_sum**2 / all_count
    gains = np.where(allowed, gains, -np.inf).reshape(nodes, -1)
    best = gains.argmax(axis=1)
    each = np.arange(nodes)
    column, cut = np.divmod(best, CODES_MAX)
    useful = gains[each, best] > 1e-12
    ranks = np.empty((nodes, CODES_MAX), dtype=np.intp)  # of each code, in the order of its column
    np.put_along_axis(ranks, order[each, column], np.arange(CODES_MAX)[None, :], axis=1)
    sides = [(left_count, left_sum), (right_count, right_sum)]
    found = np.stack([count[each, column, cut] for count, _ in sides], axis=1)
    totals = np.stack([total[each, column, cut] for _, total in sides], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = totals / found
    return Splits(np.where(useful, column, -1), ranks <= cut[:, None], values, found)


def histograms(
    codes: Codes, node_of: Codes, nodes: int, weights: Array, target: Array
) -> tuple[Array, Array]:
    """Weights, and weights times target: float64[nodes, columns, codes] each."""
    columns = codes.shape[1]
    cells = (node_of[:, None] * columns + np.arange(columns)) * CODES_MAX + codes
    size = nodes * columns * CODES_MAX
    flat = cells.ravel()
    counts = np.bincount(flat, np.repeat(weights, columns), minlength=size)
    sums = np.bincount(flat, np.repeat(weights * target, columns), minlength=size)
    shape = (nodes, columns, CODES_MAX)
    return counts.astype(np.float64).reshape(shape), sums.astype(np.float64).reshape(shape)


def order_codes(counts: Array, sums: Array, unordered: Bits) -> Codes:
    """The order in which codes are split: as they are, or by their mean target for categories."""
    order = np.broadcast_to(np.arange(CODES_MAX), counts.shape).copy()
    if unordered.any():
        with np.errstate(invalid="ignore", divide="ignore"):
            means = sums[:, unordered] / counts[:, unordered]
        # A category that the node has not seen sorts last (NaN), and so goes to the right.
        order[:, unordered] = np.argsort(means, axis=2, kind="stable")
    return order


def draw_columns(columns: int, rng: np.random.Generator) -> Codes:
    """Ascending places of the columns that a level may split at."""
    tried = min(columns, max(COLUMNS_MIN, math.ceil(columns * COLUMNS_SHARE)))
    return np.sort(rng.permutation(columns)[:tried])


def judge_tree(
    gains: Array, table: Table, tree: Tree, unseen: Codes, truth: Array, rng: np.random.Generator
) -> Array:
    """The tree's guesses for unseen rows; adds to `gains` how much their squared errors rise.

    A permuted column changes a guess only where the row's way through the tree asks for it, so only
    those pairs of row and column are walked again: a fifth of all with 40 columns.
    """
    codes = table.codes[unseen]
    asked = np.zeros(codes.shape, dtype=bool)
    at = np.zeros(len(unseen), dtype=np.intp)
    rows = np.arange(len(unseen))
    for _ in range(tree.depth):
        inner = tree.columns[at] >= 0
        asked[rows[inner], tree.columns[at[inner]]] = True
        at = step(tree, at, codes[rows, tree.columns[at]])
    guesses = tree.values[at]
    row, column = np.nonzero(asked & table.active[unseen])
    other = permute_codes(codes, table.active[unseen], rng)[row, column]
    at = np.zeros(len(row), dtype=np.intp)
    for _ in range(tree.depth):
        at_column = tree.columns[at]
        at = step(tree, at, np.where(at_column == column, other, codes[row, at_column]))
    rises = (tree.values[at] - truth[row]) ** 2 - (guesses[row] - truth[row]) ** 2
    gains[unseen[row], column] += rises  # every pair occurs once
    return guesses


def step(tree: Tree, at: Codes, codes: Codes) -> Codes:
    """The child that each row goes on to from node `at`, or the leaf where it is."""
    children = tree.left[at] + ~tree.goes_left[at, codes]
    return np.where(tree.columns[at] >= 0, children, at)


def permute_codes(codes: Codes, active: Bits, rng: np.random.Generator) -> Codes:
    """Every column permuted among the rows where it is active."""
    permuted = codes.copy()
    for column in range(codes.shape[1]):
        rows = np.flatnonzero(active[:, column])
        permuted[rows, column] = codes[rng.permutation(rows), column]
    return permuted
