"""Regular expressions that users send, searched in bounded time.

Python's `re` backtracks: `(a+)+$` on thirty letters takes minutes and holds the interpreter lock,
so one request could stop the server. Here a pattern is compiled twice: by `re`, used wherever its
worst case is small (no repeat inside a repeat, and short enough text), and as a Thompson automaton
whose work is linear in the text, used everywhere else. Both give the same answer. What an automaton
cannot express (backreferences, look-around) is refused with the reason.

Source of the method: Thompson (1968), CACM 11(6); lazily built state sets as in Cox (2007).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from re import _constants as ops  # type: ignore[attr-defined]  # no public parser exists
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from steelyard.errors import Invalid
from steelyard.limits import REGEX_CHARS_MAX

BACKTRACKS_MAX = 1_000_000  # steps `re` may need in the worst case, about 10 ms
INSTRUCTIONS_MAX = 5_000
TRANSITIONS_MAX = 20_000  # remembered; beyond, they are forgotten and built again

#: What stands at one side of a position: nothing, a newline, the last newline, a word char, other.
NOTHING, NEWLINE, LAST_NEWLINE, WORD, OTHER = range(5)

_CATEGORIES = {
    ops.CATEGORY_DIGIT: re.compile(r"\d"),
    ops.CATEGORY_NOT_DIGIT: re.compile(r"\D"),
    ops.CATEGORY_SPACE: re.compile(r"\s"),
    ops.CATEGORY_NOT_SPACE: re.compile(r"\S"),
    ops.CATEGORY_WORD: re.compile(r"\w"),
    ops.CATEGORY_NOT_WORD: re.compile(r"\W"),
}
_is_word = _CATEGORIES[ops.CATEGORY_WORD].match
_REPEATS = (ops.MAX_REPEAT, ops.MIN_REPEAT)

Chars = Callable[[str], bool]
State = tuple[frozenset[int], int]


class Pattern:
    """One user's regular expression. Equal texts and flags share one, see `compile_pattern`."""

    def __init__(self, text: str, *, ignore_case: bool = False) -> None:
        if len(text) > REGEX_CHARS_MAX:
            raise Invalid(
                f"the regular expression has {len(text):,} characters; "
                f"the limit is {REGEX_CHARS_MAX:,}"
            )
        flags = re.IGNORECASE if ignore_case else 0
        try:
            self._re = re.compile(text, flags)
            tree = parser.parse(text, flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise Invalid(f"{text!r} is not a regular expression: {error}") from error
        self.text = text
        self._automaton = Automaton(tree)
        self._repeats = _count_repeats(tree)

    def search(self, text: str) -> bool:
        """Is there a match anywhere in the text? Time is bounded, linear for long texts."""
        if self._repeats is not None and len(text) ** (self._repeats + 1) <= BACKTRACKS_MAX:
            return self._re.search(text) is not None
        return self._automaton.search(text)


@lru_cache(maxsize=256)
def compile_pattern(text: str, *, ignore_case: bool = False) -> Pattern:
    """The pattern of a text. Raises Invalid: wrong syntax, too long, or not supported here."""
    return Pattern(text, ignore_case=ignore_case)


def _count_repeats(tree: Any) -> int | None:
    """How many repeats of open length can follow each other; None when one contains another."""
    total = 0
    for op, value in tree:
        if op in _REPEATS:
            low, high, body = value
            inside = _count_repeats(body)
            if low != high and inside != 0:
                return None
            if inside is None or inside * low > 10:
                return None
            total += 1 if low != high else inside * low
        elif op is ops.SUBPATTERN or op is ops.BRANCH:
            branches = [value[-1]] if op is ops.SUBPATTERN else value[1]
            counts = [_count_repeats(branch) for branch in branches]
            if None in counts:
                return None
            total += max(count for count in counts if count is not None)
    return total


class Automaton:
    """Instructions with epsilon moves, and the transitions between sets of them found so far.

    Thread-safe: threads that race write the same transitions.
    """

    def __init__(self, tree: Any) -> None:
        self._chars: dict[int, tuple[Chars, int]] = {}
        self._splits: dict[int, tuple[int, ...]] = {}
        self._places: dict[int, tuple[Any, bool, int]] = {}
        self._count = 1
        self._start = self._build(tree, tree.state.flags, 0)  # instruction 0 is the match
        self._moves: dict[tuple[State, str, bool], State | None] = {}

    def search(self, text: str) -> bool:
        """Is there a match anywhere in the text? Each character costs one look-up."""
        state: State = (frozenset(), NOTHING)
        moves, last = self._moves, len(text) - 1
        for i, char in enumerate(text):
            move = (state, char, i == last and char == "\n")
            if move not in moves:
                if len(moves) > TRANSITIONS_MAX:
                    moves.clear()
                moves[move] = self._step(*move)
            following = moves[move]
            if following is None:
                return True
            state = following
        return 0 in self._close(state, NOTHING)

    def _step(self, state: State, char: str, is_last_newline: bool) -> State | None:
        """The state after a character; None when a match ended before it."""
        if char == "\n":
            kind = LAST_NEWLINE if is_last_newline else NEWLINE
        else:
            kind = WORD if _is_word(char) else OTHER
        closed = self._close(state, kind)
        if 0 in closed:
            return None
        after = {self._chars[at][1] for at in closed if self._accepts(at, char)}
        return frozenset(after), kind

    def _accepts(self, at: int, char: str) -> bool:
        return at in self._chars and self._chars[at][0](char)

    def _close(self, state: State, following: int) -> set[int]:
        """The instructions reachable without a character, a new search starting here included."""
        waiting, seen = [self._start, *state[0]], set[int]()
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            waiting.extend(self._splits.get(at, ()))
            if at in self._places:
                place, in_lines, target = self._places[at]
                if _holds(place, in_lines, state[1], following):
                    waiting.append(target)
        return seen

    # ---- building, from the end to the start

    def _new(self) -> int:
        self._count += 1
        if self._count > INSTRUCTIONS_MAX:
            raise Invalid("the regular expression repeats too much; use smaller counts in {m,n}")
        return self._count - 1

    def _build(self, tree: Any, flags: int, target: int) -> int:
        for op, value in reversed(list(tree)):
            target = self._build_one(op, value, flags, target)
        return target

    def _build_one(self, op: Any, value: Any, flags: int, target: int) -> int:
        if op in _REPEATS:
            low, high, body = value
            return self._build_repeat(low, high, body, flags, target)
        at = self._new()
        if op is ops.BRANCH:
            self._splits[at] = tuple(self._build(branch, flags, target) for branch in value[1])
        elif op is ops.SUBPATTERN:
            _group, added, removed, body = value
            self._splits[at] = (self._build(body, (flags | added) & ~removed, target),)
        elif op is ops.AT:
            self._places[at] = (value, bool(flags & re.MULTILINE), target)
        elif op in (ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN):
            self._chars[at] = (_chars(op, value, flags), target)
        else:
            raise Invalid(
                "backreferences, look-around and possessive repeats are not supported here; "
                "use plain groups and repeats"
            )
        return at

    def _build_repeat(self, low: int, high: int, body: Any, flags: int, target: int) -> int:
        if high is ops.MAXREPEAT:
            loop = self._new()
            self._splits[loop] = (self._build(body, flags, loop), target)
            target = loop
        else:
            end = target
            for _ in range(high - low):
                option = self._new()
                self._splits[option] = (self._build(body, flags, target), end)
                target = option
        for _ in range(low):
            target = self._build(body, flags, target)
        return target


def _chars(op: Any, value: Any, flags: int) -> Chars:
    """Which characters an instruction accepts."""
    if op is ops.ANY:
        return (lambda _: True) if flags & re.DOTALL else (lambda char: char != "\n")
    if op is ops.LITERAL or op is ops.NOT_LITERAL:
        items, negated = [(ops.LITERAL, value)], op is ops.NOT_LITERAL
    else:
        negated = value[0][0] is ops.NEGATE
        items = value[1:] if negated else value
    is_caseless = bool(flags & re.IGNORECASE)

    def accepts(char: str) -> bool:
        forms = {char, char.lower(), char.upper()} if is_caseless else {char}
        return any(_is_item(item, form) for item in items for form in forms) is not negated

    return accepts


def _is_item(item: tuple[Any, Any], char: str) -> bool:
    kind, value = item
    if kind is ops.CATEGORY:
        return _CATEGORIES[value].match(char) is not None
    if len(char) != 1:  # "ß".upper() is two letters
        return False
    low, high = (value, value) if kind is ops.LITERAL else value
    return bool(low <= ord(char) <= high)


def _holds(place: Any, in_lines: bool, before: int, after: int) -> bool:
    """Does an assertion hold between what stands before and after a position?"""
    if place is ops.AT_BEGINNING:
        return before == NOTHING or (in_lines and before in (NEWLINE, LAST_NEWLINE))
    if place is ops.AT_BEGINNING_STRING:
        return before == NOTHING
    if place is ops.AT_END:
        return after in (NOTHING, LAST_NEWLINE) or (in_lines and after == NEWLINE)
    if place is ops.AT_END_STRING:
        return after == NOTHING
    is_boundary = (before == WORD) != (after == WORD)
    return is_boundary if place is ops.AT_BOUNDARY else not is_boundary
