"""The weights of a composite metric: what its summands are, and what other weights would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from steelyard.errors import Invalid
from steelyard.search.composite import compose
from steelyard.search.expression import Expression, parse
from steelyard.search.expression_tree import (
    Call,
    Chain,
    Name,
    Negative,
    Node,
    Number,
)
from steelyard.search.problem import Goal

Array = npt.NDArray[np.float64]


class Term(msgspec.Struct, frozen=True):
    """One summand at the top of an expression: `weight` times what `text` says."""

    weight: float
    text: str


def split_terms(expression: Expression) -> tuple[Term, ...]:
    """The summands of an expression: `0.6*a - b/4` has `a` by 0.6 and `b` by -0.25.

    The sum of weight times value is the value of the expression (up to rounding).
    """
    root = expression.root
    signed = [("+", root)]
    if isinstance(root, Chain) and root.rest[0][0] in ("+", "-"):
        signed = [("+", root.first), *root.rest]
    return tuple(as_term(sign, node, expression.text) for sign, node in signed)


def as_term(sign: str, node: Node, text: str) -> Term:
    weight = -1.0 if sign == "-" else 1.0
    while isinstance(node, Negative):
        weight, node = -weight, node.operand
    if isinstance(node, Number):
        return Term(weight * node.value, "1")
    if not isinstance(node, Chain) or any(sign not in ("*", "/") for sign, _ in node.rest):
        return Term(weight, quote(node, text))
    kept = ""
    for factor_sign, factor in (("*", node.first), *node.rest):
        while isinstance(factor, Negative):
            weight, factor = -weight, factor.operand
        if isinstance(factor, Number) and not (factor_sign == "/" and factor.value == 0.0):
            weight = weight * factor.value if factor_sign == "*" else weight / factor.value
        elif factor_sign == "*" and not kept:
            kept = quote(factor, text)
        else:
            kept = f"{kept or '1'}{factor_sign}{quote(factor, text)}"
    return Term(weight, kept or "1")


def quote(node: Node, text: str) -> str:
    written = text[node.start : node.end]
    return written if isinstance(node, Name | Number | Call) else f"({written})"


def reweigh(expression: Expression, weights: Sequence[float]) -> Expression:
    """The same summands by other weights, in the order of `split_terms`. Raises Invalid."""
    terms = split_terms(expression)
    check_weights(weights, len(terms))
    parts = [f"{weight!r}*{term.text}" for weight, term in zip(weights, terms, strict=True)]
    return parse(" + ".join(parts), across_runs=expression.across_runs)


def term_values(expression: Expression, rows: Sequence[Mapping[str, Any]]) -> Array:
    """float64[runs, terms]: every summand of every run without its weight, NaN where missing.

    With this table at hand other weights are one product (`weigh`), here or in a browser.
    """
    terms = split_terms(expression)
    parsed = [parse(term.text, across_runs=expression.across_runs) for term in terms]
    return np.stack([compose(part, rows).values for part in parsed], axis=1)


def weigh(terms: Array, weights: Sequence[float]) -> Array:
    """float64[runs]: the weighted sums. A summand of weight 0 is left out, missing or not."""
    check_weights(weights, terms.shape[1])
    factors = np.asarray(weights, dtype=np.float64)
    used = factors != 0.0
    sums: Array = terms[:, used] @ factors[used]
    return sums


def check_weights(weights: Sequence[float], count: int) -> None:
    if len(weights) != count:
        raise Invalid(f"there are {count} summands and {len(weights)} weights; give one for each")
    if not all(np.isfinite(weight) for weight in weights):
        raise Invalid(f"a weight is not finite: {list(weights)}; give numbers")


def rank_runs(values: Array, goal: Goal) -> list[int]:
    """Places of the runs from best to worst; those without a value come last, in their order."""
    losses = -values if goal == "maximize" else values
    return [int(place) for place in np.argsort(losses, kind="stable")]
