"""The tree of a parsed expression, and its value for one run."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from steelyard import limits


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an expression: the characters `start` to `end` of its text."""

    start: int
    end: int


class Number(Node, frozen=True, kw_only=True):
    value: float


class Text(Node, frozen=True, kw_only=True):
    value: str


class Name(Node, frozen=True, kw_only=True):
    name: str


class Negative(Node, frozen=True, kw_only=True):
    operand: Node


class Not(Node, frozen=True, kw_only=True):
    operand: Node


class Power(Node, frozen=True, kw_only=True):
    base: Node
    exponent: Node


class Chain(Node, frozen=True, kw_only=True):
    """Operators of one precedence, applied from left to right: long sums make no deep tree."""

    first: Node
    rest: tuple[tuple[str, Node], ...]


class Comparison(Node, frozen=True, kw_only=True):
    """`a < b <= c` holds when each neighbouring pair does."""

    first: Node
    rest: tuple[tuple[str, Node], ...]


class Logic(Node, frozen=True, kw_only=True):
    operator: str  # "and" or "or"
    operands: tuple[Node, ...]


class Call(Node, frozen=True, kw_only=True):
    function: str
    arguments: tuple[Node, ...]


class Function(msgspec.Struct, frozen=True):
    """A helper of the language; `compute` is None where it needs all runs at once."""

    signature: str
    arguments_min: int
    arguments_max: int
    compute: Callable[..., float] | None


def norm_cap(x: float, limit: float) -> float:
    """1 - min(x/limit, 1): 1 for nothing, 0 from the limit on; undefined for limit <= 0."""
    if limit <= 0:
        raise ValueError("the limit is not positive")
    return 1.0 - min(x / limit, 1.0)


def clip(x: float, low: float, high: float) -> float:
    if low > high:
        raise ValueError("the bounds are in the wrong order")
    return min(max(x, low), high)


FUNCTIONS: dict[str, Function] = {
    "abs": Function("abs(x)", 1, 1, abs),
    "clip": Function("clip(x, low, high)", 3, 3, clip),
    "exp": Function("exp(x)", 1, 1, math.exp),
    "log": Function("log(x)", 1, 1, math.log),
    "log10": Function("log10(x)", 1, 1, math.log10),
    "log2": Function("log2(x)", 1, 1, math.log2),
    "max": Function("max(x, y, …)", 2, limits.EXPRESSION_NAMES_MAX, max),
    "min": Function("min(x, y, …)", 2, limits.EXPRESSION_NAMES_MAX, min),
    "norm_cap": Function("norm_cap(x, limit)", 2, 2, norm_cap),
    "sqrt": Function("sqrt(x)", 1, 1, math.sqrt),
    "zscore": Function("zscore(x)", 1, 1, None),
}

ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def evaluate_node(node: Node, values: Mapping[str, Any]) -> float | str | None:
    """The value of a part for one run: float (truth too), text, or None."""
    match node:
        case Number(value=value) | Text(value=value):
            return value
        case Name(name=name):
            return as_value(values.get(name))
        case Chain(first=first, rest=rest):
            total = evaluate_node(first, values)
            for sign, operand in rest:
                total = compute(ARITHMETIC[sign], total, evaluate_node(operand, values))
            return total
        case Comparison(first=first, rest=rest):
            return compare(first, rest, values)
        case Logic(operator=word, operands=operands):
            return decide_logic(word, operands, values)
        case Negative(operand=operand):
            return compute(operator.neg, evaluate_node(operand, values))
        case Not(operand=operand):
            return compute(operator.not_, evaluate_node(operand, values))
        case Power(base=base, exponent=exponent):
            return compute(math.pow, evaluate_node(base, values), evaluate_node(exponent, values))
        case Call(function=function, arguments=arguments):
            call = FUNCTIONS[function].compute
            if call is None:
                return None
            return compute(call, *(evaluate_node(argument, values) for argument in arguments))
    raise AssertionError(node)


def as_value(value: Any) -> float | str | None:
    if isinstance(value, str):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def compute(function: Callable[..., float], *operands: float | str | None) -> float | None:
    if any(not isinstance(operand, float) for operand in operands):
        return None
    try:
        value = float(function(*operands))
    except (ArithmeticError, ValueError):
        return None
    return value if math.isfinite(value) else None


def compare(
    first: Node, rest: tuple[tuple[str, Node], ...], values: Mapping[str, Any]
) -> float | None:
    """Kleene's `and` of the neighbouring pairs. Text and numbers are different, never ordered."""
    left = evaluate_node(first, values)
    known = True
    for sign, node in rest:
        right = evaluate_node(node, values)
        comparable = sign in ("==", "!=") or (isinstance(left, float) and isinstance(right, float))
        if left is None or right is None or not comparable:
            known = False
        elif not COMPARISONS[sign](left, right):
            return 0.0
        left = right
    return 1.0 if known else None


def decide_logic(word: str, operands: tuple[Node, ...], values: Mapping[str, Any]) -> float | None:
    decisive = word == "or"
    known = True
    for operand in operands:
        value = evaluate_node(operand, values)
        if not isinstance(value, float):
            known = False
        elif (value != 0.0) is decisive:
            return float(decisive)
    return float(not decisive) if known else None
