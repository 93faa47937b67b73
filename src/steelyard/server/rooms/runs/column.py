"""One field of all runs of a project, typed, for filters and orders over tens of thousands of runs.

Numbers lie in a float64 array (integers beyond 2**53 lose their last digits). Everything else is a
code into a table of distinct values, so that a condition is asked once per distinct value by the
plain evaluator of `filters` and then looked up.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from steelyard.server.rooms.runs.fields import MISSING
from steelyard.server.rooms.runs.filters import Test, kind_of, test_value
from steelyard.server.rooms.runs.json_text import dump_json

Bools = NDArray[np.bool_]
#: What a run is sorted by: a class (numbers, texts, …) and a float64 within it.
SortKeys = tuple[NDArray[np.int8], NDArray[np.float64]]

ABSENT_CODE, NUMBER_CODE = -1, -2
SORT_CLASSES = {"number": 0, "text": 1, "bool": 2, "list": 3, "object": 3}
LAST_CLASS = 9  # missing, null and NaN: after all others in both directions
DISTINCT_SLACK = 1024
DISTINCT_BYTES = 120  # of a distinct value, about


class Column:
    """Values by slot (the position of a run in its index). Not thread-safe: the index locks.

    `seq` is the change count of the project up to which the values are known.
    """

    def __init__(self, capacity: int) -> None:
        self.seq = -1
        self.version = 0
        self._numbers = np.zeros(capacity)
        self._codes = np.full(capacity, ABSENT_CODE, dtype=np.int32)
        self._distinct: list[Any] = []
        self._code_of: dict[tuple[str, Any], int] = {}
        self._has_lists = False
        self._ranks: tuple[int, NDArray[np.int8], NDArray[np.float64], dict[int, list[Any]]] | None
        self._ranks = None

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def size_bytes(self) -> int:
        """Memory it holds, about."""
        arrays = self._numbers.nbytes + self._codes.nbytes
        return arrays + len(self._distinct) * DISTINCT_BYTES

    def grow(self, capacity: int) -> None:
        """Make room for more slots, absent until set."""
        more = capacity - len(self)
        if more > 0:
            self._numbers = np.append(self._numbers, np.zeros(more))
            self._codes = np.append(self._codes, np.full(more, ABSENT_CODE, dtype=np.int32))
            self.version += 1

    def set(self, slot: int, value: Any) -> None:
        """Take the value of a run, in place of the one before."""
        kind = type(value)
        if kind is float or kind is int:
            number = to_float(value)
            if self._codes[slot] == NUMBER_CODE and self._numbers[slot] == number:
                return
            self._numbers[slot], self._codes[slot] = number, NUMBER_CODE
        else:
            code = ABSENT_CODE if value is MISSING else self._encode(value)
            if self._codes[slot] == code:
                return
            self._codes[slot] = code
        self.version += 1

    def get(self, slot: int) -> Any:
        """The value at a slot; numbers come back as float."""
        code = int(self._codes[slot])
        if code == NUMBER_CODE:
            return float(self._numbers[slot])
        return MISSING if code == ABSENT_CODE else self._distinct[code]

    def test(self, test: Test) -> Bools:
        """bool per slot: does its value pass the condition? As `filters.test_value` says."""
        answers = np.empty(len(self._distinct) + 2, dtype=bool)
        answers[ABSENT_CODE] = test_value(MISSING, test.operator, test.operand)
        answers[NUMBER_CODE] = False
        operands = test.operand if test.operator == "$in" else [test.operand]
        is_lookup = test.operator in ("$eq", "$in") and not self._has_lists
        if is_lookup and not any(isinstance(operand, list | dict) for operand in operands):
            # Equal texts share a code, so they are found without looking at each of them.
            answers[:NUMBER_CODE] = False
            found = [self._code_of.get(_identity(operand), -1) for operand in operands]
            answers[[code for code in found if code >= 0]] = True
        elif (is_match := _text_test(test)) is not None:
            answers[:NUMBER_CODE] = [
                is_match(value)
                if isinstance(value, str)
                else test_value(value, test.operator, test.operand)
                for value in self._distinct
            ]
        else:
            for code, value in enumerate(self._distinct):
                answers[code] = test_value(value, test.operator, test.operand)
        passed: Bools = answers[self._codes]
        is_number = self._codes == NUMBER_CODE
        if is_number.any():
            np.copyto(passed, _test_numbers(self._numbers, test), where=is_number)
        return passed

    def sort_keys(self) -> SortKeys:
        """Class and key of each slot: they ascend as the values do."""
        classes, keys, _ = self._rank_distinct()
        class_of_slot = classes[self._codes]
        key_of_slot = keys[self._codes]
        is_number = self._codes == NUMBER_CODE
        np.copyto(key_of_slot, self._numbers, where=is_number)
        is_nan = np.isnan(key_of_slot)
        class_of_slot[is_nan], key_of_slot[is_nan] = LAST_CLASS, 0
        return class_of_slot, key_of_slot

    def locate(self, sort_class: int, value: Any) -> tuple[int, float]:
        """Class and key at which a value from a cursor sorts; between two ranks when it is gone."""
        if sort_class == LAST_CLASS:
            return LAST_CLASS, 0.0
        if sort_class == SORT_CLASSES["number"]:
            return sort_class, float(value)
        ranked = self._rank_distinct()[2].get(sort_class, [])
        at = bisect.bisect_left(ranked, value)
        is_known = at < len(ranked) and ranked[at] == value
        return sort_class, float(at) if is_known else at - 0.5

    def cursor_value(self, slot: int) -> tuple[int, Any]:
        """What `locate` needs to find the place of a slot again, in JSON types."""
        value = self.get(slot)
        return _sort_class(value), _sort_value(value)

    def _encode(self, value: Any) -> int:
        identity = _identity(value)
        code = self._code_of.get(identity)
        if code is None:
            if len(self._distinct) > 2 * len(self) + DISTINCT_SLACK:
                self._forget_unused()
            code = self._code_of[identity] = len(self._distinct)
            self._distinct.append(value)
            self._has_lists = self._has_lists or isinstance(value, list)
        return code

    def _forget_unused(self) -> None:
        """Drop distinct values that no run has any more: of a text that changes all the time."""
        used = np.unique(self._codes[self._codes >= 0])
        new_codes = np.full(len(self._distinct) + 2, ABSENT_CODE, dtype=np.int32)
        new_codes[NUMBER_CODE] = NUMBER_CODE
        new_codes[used] = np.arange(len(used))
        self._codes = new_codes[self._codes]
        self._distinct = [self._distinct[code] for code in used.tolist()]
        self._code_of = {_identity(value): code for code, value in enumerate(self._distinct)}
        self._has_lists = any(isinstance(value, list) for value in self._distinct)
        self._ranks = None

    def _rank_distinct(
        self,
    ) -> tuple[NDArray[np.int8], NDArray[np.float64], dict[int, list[Any]]]:
        """Class and rank by code, and the sorted values of each class."""
        if self._ranks is not None and self._ranks[0] == len(self._distinct):
            return self._ranks[1:]
        classes = np.full(len(self._distinct) + 2, LAST_CLASS, dtype=np.int8)
        classes[NUMBER_CODE] = SORT_CLASSES["number"]
        keys = np.zeros(len(self._distinct) + 2)
        by_class: dict[int, list[tuple[Any, int]]] = {}
        for code, value in enumerate(self._distinct):
            classes[code] = _sort_class(value)
            if classes[code] != LAST_CLASS:
                by_class.setdefault(int(classes[code]), []).append((_sort_value(value), code))
        ranked: dict[int, list[Any]] = {}
        for sort_class, entries in by_class.items():
            entries.sort()
            ranked[sort_class] = [value for value, _ in entries]
            for rank, (_, code) in enumerate(entries):
                keys[code] = rank
        self._ranks = (len(self._distinct), classes, keys, ranked)
        return self._ranks[1:]


def _text_test(test: Test) -> Callable[[str], bool] | None:
    """`test_value` for texts without what it asks first: a search goes through every name."""
    operand = test.operand
    if test.operator == "$regex":
        return cast("Callable[[str], bool]", operand.search)
    if test.operator == "$contains":
        return lambda text: operand in text.lower()
    return None


def _test_numbers(numbers: NDArray[np.float64], test: Test) -> Bools:
    """`test_value` for an array of numbers."""
    operator, operand = test.operator, test.operand
    if operator == "$exists":
        return np.full(len(numbers), operand)
    if operator in ("$in", "$nin"):
        wanted = [to_float(item) for item in operand if kind_of(item) == "number"]
        is_in: Bools = np.isin(numbers, wanted)
        return is_in if operator == "$in" else ~is_in
    if operator == "$ne":
        return ~_test_numbers(numbers, Test(test.field, "$eq", operand))
    if kind_of(operand) != "number":
        return np.zeros(len(numbers), dtype=bool)
    compare: Any = {
        "$eq": np.equal,
        "$gt": np.greater,
        "$gte": np.greater_equal,
        "$lt": np.less,
        "$lte": np.less_equal,
    }[operator]
    result: Bools = compare(numbers, to_float(operand))
    return result


def to_float(value: int | float) -> float:
    """The nearest float64; infinite for integers beyond its range."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _identity(value: Any) -> tuple[str, Any]:
    """Hashable; equal for texts, booleans and nulls that are equal, and for identical documents."""
    kind = kind_of(value)
    return (kind, dump_json(value)) if kind in ("list", "object") else (kind, value)


def _sort_class(value: Any) -> int:
    if isinstance(value, float) and math.isnan(value):
        return LAST_CLASS
    return SORT_CLASSES.get(kind_of(value), LAST_CLASS)


def _sort_value(value: Any) -> Any:
    kind = kind_of(value)
    if kind in ("missing", "null") or (isinstance(value, float) and math.isnan(value)):
        return None
    return dump_json(value) if kind in ("list", "object") else value
