"""A small language of arithmetic for constraints and composite metrics. Nothing in it can run code.

    0.6*accuracy + 0.3*(1/avg_latency) + 0.1*(1/training_cost)
    batch_size*lora_r <= mem_gb*8 and (optimizer.name == "adam" or momentum < 0.99)
    0.5*`val/accuracy` + 0.5*norm_cap(latency_ms, 1000)

Numbers, names, `+ - * / // % **`, comparisons (also `0 < x < 1`), `and or not`, and the functions
in FUNCTIONS, with Python's precedence. A name is a parameter's path or a metric; one that holds
other characters than letters, digits, `_` and dots stands in backquotes. Text in quotes may only be
compared with == and !=. All arithmetic is in float64, so no number grows without end.

A value that is missing, NaN, infinite or undefined (1/0, log(-1)) makes the result None, unless
`and` or `or` is decided without it: `False and missing` is False (Kleene's strong logic).
`search.composite` evaluates the same trees over many runs at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

import msgspec

from steelyard import limits
from steelyard.errors import ExpressionError
from steelyard.search.expression_tokens import CONSTANTS, Token, tokenize
from steelyard.search.expression_tree import (
    COMPARISONS,
    FUNCTIONS,
    Call,
    Chain,
    Comparison,
    Logic,
    Name,
    Negative,
    Node,
    Not,
    Number,
    Power,
    Text,
    evaluate_node,
)


class Expression(msgspec.Struct, frozen=True):
    """A parsed expression. Equal text means equal expressions; `str` gives the text back."""

    text: str
    names: frozenset[str]
    root: Node
    across_runs: bool = False  # holds zscore(…), which needs `search.composite`

    def evaluate(self, values: Mapping[str, Any]) -> float | None:
        """Its value for one run: None when it is missing or undefined, 1.0 and 0.0 for truth.

        `values` holds numbers, truth values and text by name; None, NaN and what is absent is
        missing. `zscore` has no meaning for one run: such an expression gives None.
        """
        value = evaluate_node(self.root, values)
        return float(value) if isinstance(value, int | float) else None

    def holds(self, values: Mapping[str, Any]) -> bool | None:
        """Whether it is true (not zero); None when that cannot be said."""
        value = self.evaluate(values)
        return None if value is None else value != 0.0

    def __str__(self) -> str:
        return self.text


def parse(
    text: str, *, known: Collection[str] | None = None, across_runs: bool = False
) -> Expression:
    """Read an expression.

    Args:
        text: at most EXPRESSION_CHARS_MAX characters, EXPRESSION_DEPTH_MAX levels of brackets
            and signs, EXPRESSION_NAMES_MAX different names.
        known: the names that there are; others are refused, with the nearest as a suggestion.
        across_runs: whether zscore(…) may be used (composite metrics, not constraints).
    Raises ExpressionError with the place and, where one is near, a suggestion.
    """
    if not isinstance(text, str):
        kind = type(text).__name__
        raise ExpressionError(repr(text)[:100], 0, f"an expression is text, and this is a {kind}")
    if len(text) > limits.EXPRESSION_CHARS_MAX:
        problem = (
            f"the expression is {len(text):,} characters long; "
            f"EXPRESSION_CHARS_MAX is {limits.EXPRESSION_CHARS_MAX:,}"
        )
        raise ExpressionError(text[:100], 0, problem)
    parser = Parser(text, known=known, across_runs=across_runs)
    root = parser.parse()
    return Expression(text, frozenset(parser.names), root, parser.uses_zscore)


class Parser:
    """Recursive descent, one function per precedence, lowest first."""

    def __init__(self, text: str, *, known: Collection[str] | None, across_runs: bool) -> None:
        self.text = text
        self.known = known
        self.across_runs = across_runs
        self.tokens = tokenize(text)
        self.at = 0
        self.depth = 0
        self.names: dict[str, None] = {}
        self.uses_zscore = False

    def parse(self) -> Node:
        if self.peek().kind == "end":
            self.refuse(self.peek(), "the expression is empty")
        root = self.parse_logic("or")
        if self.peek().kind != "end":
            self.refuse(self.peek(), f"an operator is missing before {self.quote(self.peek())}")
        if isinstance(root, Text):
            self.refuse(self.tokens[0], "text alone is no value", f"`{root.value}`")
        return root

    def peek(self) -> Token:
        return self.tokens[self.at]

    def taken_end(self) -> int:
        """Where the last token that was taken ends: brackets belong to what holds them."""
        return self.tokens[self.at - 1].end

    def quote(self, token: Token) -> str:
        return repr(self.text[token.start : token.end])

    def refuse(self, token: Token, problem: str, suggestion: str | None = None) -> NoReturn:
        raise ExpressionError(self.text, token.start, problem, suggestion)

    def take(self, *operators: str) -> Token | None:
        """The next token, when it is one of these operators."""
        token = self.peek()
        if token.kind != "operator" or token.value not in operators:
            return None
        self.at += 1
        return token

    def deeper(self, token: Token) -> None:
        self.depth += 1
        if self.depth > limits.EXPRESSION_DEPTH_MAX:
            limit = limits.EXPRESSION_DEPTH_MAX
            self.refuse(token, f"more than EXPRESSION_DEPTH_MAX = {limit} levels of nesting")

    def parse_logic(self, word: str) -> Node:
        deeper = self.parse_not if word == "and" else lambda: self.parse_logic("and")
        start = self.peek().start
        operands = [deeper()]
        while token := self.take(word):
            self.refuse_text(operands[-1], token)
            operands.append(deeper())
            self.refuse_text(operands[-1], token)
        if len(operands) == 1:
            return operands[0]
        return Logic(operator=word, operands=tuple(operands), start=start, end=self.taken_end())

    def parse_not(self) -> Node:
        token = self.take("not")
        if token is None:
            return self.parse_comparison()
        self.deeper(token)
        operand = self.parse_not()
        self.depth -= 1
        self.refuse_text(operand, token)
        return Not(operand=operand, start=token.start, end=self.taken_end())

    def parse_comparison(self) -> Node:
        start = self.peek().start
        first = self.parse_chain("+", "-")
        rest: list[tuple[str, Node]] = []
        while token := self.take(*COMPARISONS):
            operand = self.parse_chain("+", "-")
            if token.value not in ("==", "!="):
                self.refuse_text(rest[-1][1] if rest else first, token)
                self.refuse_text(operand, token)
            rest.append((token.value, operand))
        if not rest:
            return first
        return Comparison(first=first, rest=tuple(rest), start=start, end=self.taken_end())

    def parse_chain(self, *operators: str) -> Node:
        sums = "+" in operators
        start = self.peek().start
        first = self.parse_chain("*", "/", "//", "%") if sums else self.parse_sign()
        rest: list[tuple[str, Node]] = []
        while token := self.take(*operators):
            self.refuse_text(rest[-1][1] if rest else first, token)
            operand = self.parse_chain("*", "/", "//", "%") if sums else self.parse_sign()
            self.refuse_text(operand, token)
            rest.append((token.value, operand))
        if not rest:
            return first
        return Chain(first=first, rest=tuple(rest), start=start, end=self.taken_end())

    def parse_sign(self) -> Node:
        token = self.take("-", "+")
        if token is None:
            return self.parse_power()
        self.deeper(token)
        operand = self.parse_sign()
        self.depth -= 1
        self.refuse_text(operand, token)
        if token.value == "+":
            return operand
        return Negative(operand=operand, start=token.start, end=self.taken_end())

    def parse_power(self) -> Node:
        start = self.peek().start
        base = self.parse_atom()
        token = self.take("**")
        if token is None:
            return base
        self.deeper(token)
        exponent = self.parse_sign()  # 2**-1, and 2**3**2 is 2**(3**2), as in Python
        self.depth -= 1
        self.refuse_text(base, token)
        self.refuse_text(exponent, token)
        return Power(base=base, exponent=exponent, start=start, end=self.taken_end())

    def parse_atom(self) -> Node:
        token = self.peek()
        place = {"start": token.start, "end": token.end}
        if token.kind == "end":
            self.refuse(token, "the expression ends where a value should stand")
        self.at += 1
        if token.kind == "number":
            return Number(value=float(token.value), **place)
        if token.kind == "text":
            return Text(value=token.value, **place)
        if token.kind == "name":
            return self.parse_name(token)
        if token.value != "(":
            self.refuse(token, f"a value should stand before {self.quote(token)}")
        self.deeper(token)
        inner = self.parse_logic("or")
        self.depth -= 1
        self.close(token)
        return inner

    def close(self, opened: Token) -> Token:
        closed = self.take(")")
        if closed is None and self.peek().kind == "end":
            self.refuse(opened, "the bracket is not closed")
        if closed is None:
            after = self.peek()
            self.refuse(after, f"an operator or ')' is missing before {self.quote(after)}")
        return closed

    def parse_name(self, token: Token) -> Node:
        quoted = self.text[token.start] == "`"
        if not quoted and self.peek().kind == "operator" and self.peek().value == "(":
            return self.parse_call(token)
        place = {"start": token.start, "end": token.end}
        if not quoted and token.value in CONSTANTS:
            return Number(value=CONSTANTS[token.value], **place)
        if self.known is not None and token.value not in self.known:
            self.refuse(token, f"there is no {token.value!r}", nearest(token.value, self.known))
        self.names[token.value] = None
        if len(self.names) > limits.EXPRESSION_NAMES_MAX:
            self.refuse(token, f"more than EXPRESSION_NAMES_MAX = {limits.EXPRESSION_NAMES_MAX}")
        return Name(name=token.value, **place)

    def parse_call(self, token: Token) -> Node:
        function = FUNCTIONS.get(token.value)
        if function is None:
            there = f"there is no function {token.value!r}; there are {', '.join(FUNCTIONS)}"
            self.refuse(token, there, nearest(token.value, FUNCTIONS))
        if function.compute is None:
            if not self.across_runs:
                problem = f"{token.value} compares runs, so it can only stand in a composite metric"
                self.refuse(token, problem)
            self.uses_zscore = True
        opened = self.peek()
        self.at += 1
        self.deeper(opened)
        arguments: list[Node] = []
        if self.peek().value != ")" or self.peek().kind != "operator":
            arguments.append(self.parse_logic("or"))
            while self.take(","):
                arguments.append(self.parse_logic("or"))
        self.depth -= 1
        closed = self.close(opened)
        for argument in arguments:
            self.refuse_text(argument, token)
        if not function.arguments_min <= len(arguments) <= function.arguments_max:
            problem = f"{token.value} does not take {len(arguments)} values"
            self.refuse(token, problem, function.signature)
        return Call(
            function=token.value, arguments=tuple(arguments), start=token.start, end=closed.end
        )

    def refuse_text(self, node: Node, at: Token) -> None:
        if isinstance(node, Text):
            self.refuse(at, f"text such as {node.value!r} can only be compared with == and !=")


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name that this one may be a slip of; `val` also finds `val/loss`."""
    names = sorted(known)[: limits.EXPRESSION_NAMES_COMPARED_MAX]
    close = difflib.get_close_matches(name, names, n=1) or [n for n in names if n.startswith(name)]
    if not close:
        return None
    plain = all(part.isidentifier() for part in close[0].split("."))
    return close[0] if plain else f"`{close[0]}`"
