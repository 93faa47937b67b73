"""What values become in a journal."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import decimal
import enum
import fractions
import math
import uuid
from collections import OrderedDict, deque, namedtuple
from pathlib import PurePosixPath
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.sdk.values import encode_msgpack, plain, plain_config, plain_row


def kept(value: Any) -> Any:
    """The value in history, through the bytes of a journal."""
    return msgspec.msgpack.decode(encode_msgpack(plain_row({"key": value})))["key"]


class Colour(enum.Enum):
    RED = "r"


class Level(enum.IntEnum):
    HIGH = 3


class Loss(float):
    pass


class Names(dict[str, int]):
    pass


class Struct(msgspec.Struct):
    lr: float
    steps: tuple[int, ...] = (1, 2)


@dataclasses.dataclass
class Settings:
    lr: float
    inner: Struct


Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (-(2**63), -(2**63)),
        (2**64 - 1, 2**64 - 1),
        (2**70, float(2**70)),
        (-(10**400), -math.inf),
        (1.5, 1.5),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
        ("loss", "loss"),
        ("\ud800x", "\\ud800x"),
        (Loss(2.5), 2.5),
        (Level.HIGH, 3),
        (Colour.RED, "r"),
        (fractions.Fraction(3, 2), 1.5),
        (Names(a=1), {"a": 1}),
        (OrderedDict(b=1), {"b": 1}),
        ((1, 2), [1, 2]),
        ({3}, [3]),
        (frozenset({3}), [3]),
        (deque([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        ({0: 2, None: 3, True: 4, "a": {2.5: 6}}, {"0": 2, "null": 3, "true": 4, "a": {"2.5": 6}}),
        (Pair(1, [2]), [1, [2]]),
        (datetime.datetime(2020, 1, 1), "2020-01-01T00:00:00"),  # noqa: DTZ001
        (datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), "2020-01-01T00:00:00+00:00"),
        (datetime.date(2020, 1, 2), "2020-01-02"),
        (decimal.Decimal("1.5"), 1.5),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (1 + 2j, "(1+2j)"),
        (PurePosixPath("/data"), "/data"),
        (b"text", "text"),
        (len, "builtins.len"),
        (dict, "builtins.dict"),
        (Settings(0.1, Struct(0.2)), {"lr": 0.1, "inner": {"lr": 0.2, "steps": [1, 2]}}),
        (argparse.Namespace(a=1), {"a": 1}),
        (slice(1, None), {"slice_start": 1, "slice_step": None, "slice_stop": None}),
    ],
)
def test_values_of_python_become_plain_ones(value: Any, expected: Any) -> None:
    assert kept(value) == expected
    assert type(kept(value)) is type(expected)


def test_nan_stays_nan() -> None:
    assert math.isnan(kept(math.nan))
    assert math.isnan(kept([math.nan])[0])
    assert math.isnan(kept(np.float32("nan")))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(1.5), 1.5),
        (np.float32(0.5), 0.5),
        (np.float16(0.5), 0.5),
        (np.int64(-7), -7),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True),
        (np.str_("text"), "text"),
        (np.array(2.5), 2.5),
        (np.array([2.5]), 2.5),
        (np.array([[3]]), 3),
        (np.arange(3), [0, 1, 2]),
        (np.ones((2, 2)), [[1.0, 1.0], [1.0, 1.0]]),
        (np.array([]), []),
        (np.datetime64("2020-01-01"), "2020-01-01"),
        ({np.int64(3): np.float32(1)}, {"3": 1.0}),
        ([np.float32(1), {"a": np.int8(2)}], [1.0, {"a": 2}]),
    ],
)
def test_values_of_numpy_become_plain_ones(value: Any, expected: Any) -> None:
    assert kept(value) == expected
    assert type(kept(value)) is type(expected)


def test_a_long_array_is_a_histogram_in_history_and_whole_in_the_config() -> None:
    values = np.arange(1000, dtype=np.float32).reshape(10, 100)
    histogram = kept(values)
    assert histogram["_type"] == "histogram"
    counts, edges = np.histogram(values, bins=32)
    assert histogram["values"] == counts.tolist()
    assert histogram["bins"] == pytest.approx(edges.tolist())
    assert plain_config("key", values) == values.tolist()


def test_a_long_array_in_the_summary_is_described_as_the_official_client_does() -> None:
    values = np.random.default_rng(0).normal(size=500)
    found = plain(values, key="x", use="summary")
    assert found.pop("_type") == "numpy.ndarray"
    assert found == pytest.approx(
        {
            "var": np.var(values),
            "mean": np.mean(values),
            "min": np.min(values),
            "max": np.max(values),
            "10%": np.percentile(values, 10),
            "25%": np.percentile(values, 25),
            "75%": np.percentile(values, 75),
            "90%": np.percentile(values, 90),
            "size": 500,
        }
    )


class Tensor:
    """Does what a torch tensor does that requires gradients, of bfloat16 as well."""

    def __init__(self, array: np.ndarray[Any, Any], *, needs_detach: bool = True) -> None:
        self.array = array
        self.needs_detach = needs_detach
        self.shape = array.shape

    def detach(self) -> Tensor:
        return Tensor(self.array, needs_detach=False)

    def cpu(self) -> Tensor:
        return self

    def numel(self) -> int:
        return int(self.array.size)

    def size(self) -> tuple[int, ...]:
        return self.array.shape

    def item(self) -> Any:
        return self.array.item()

    def tolist(self) -> Any:
        if self.needs_detach:
            raise RuntimeError("can't call this on a tensor that requires grad")
        return self.array.tolist()


class EagerTensor:
    """Does what one of tensorflow does."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array
        self.shape = array.shape

    def numpy(self) -> Any:
        return self.array


@pytest.mark.parametrize("kind", [Tensor, EagerTensor])
def test_tensors_are_known_by_what_they_can_do(kind: Any) -> None:
    assert kept(kind(np.array(1.5))) == 1.5
    assert kept(kind(np.array([[1.5]]))) == 1.5
    assert kept(kind(np.arange(4.0))) == [0, 1, 2, 3]
    assert kept(kind(np.arange(64.0)))["_type"] == "histogram"


def test_a_scalar_that_is_a_number_of_no_language_becomes_a_float() -> None:
    class Bfloat16:
        """As ml_dtypes has it: `item()` gives itself."""

        shape = ()

        def item(self) -> Bfloat16:
            return self

        def __float__(self) -> float:
            return 0.25

    assert kept(Bfloat16()) == 0.25
    assert kept([Bfloat16()]) == [0.25]


def test_a_tensor_that_breaks_is_named() -> None:
    class Broken:
        shape = (3,)

        def tolist(self) -> Any:
            raise RuntimeError("the device was lost")

    with pytest.raises(Invalid, match=r"'key' is a .*Broken .*the device was lost"):
        kept(Broken())


@pytest.mark.parametrize("value", [object(), (n for n in range(3)), b"\xff\xfe", [object()]])
def test_what_has_no_plain_form_is_refused_by_name(value: Any) -> None:
    with pytest.raises(Invalid, match="'key'"):
        kept(value)
    with pytest.raises(Invalid, match=r"'key\.inner'"):
        kept({"inner": value})


def test_anything_goes_into_a_config_as_its_text() -> None:
    class Model:
        def __repr__(self) -> str:
            return "Model(layers=3)"

    assert plain_config("model", Model()) == "Model(layers=3)"
    assert plain_config("seed", 2**70) == str(2**70)
    assert plain_config("seed", 1 << 20_000) == hex(1 << 20_000)


def test_lists_that_contain_themselves_are_refused_and_deep_ones_kept() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(Invalid, match="contains itself"):
        kept(circle)
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    with pytest.raises(Invalid, match="contains itself"):
        kept(loop)
    deep: Any = 1
    for _ in range(90):
        deep = [deep]
    assert kept(deep) == deep


def test_a_bad_repr_does_not_hide_the_error() -> None:
    class Bad:
        def __repr__(self) -> str:
            raise RuntimeError

    with pytest.raises(Invalid, match=r"'key' is a .*Bad"):
        kept(Bad())


@given(st.text() | st.lists(st.text()) | st.dictionaries(st.text(), st.text()))
def test_any_text_is_kept(value: Any) -> None:
    found = kept(value)
    assert len(found) == len(value) or "\\ud" in str(found)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.text() | st.integers() | st.none(), inner)
            | st.tuples(inner, inner)
        ),
    )
)
def test_a_value_is_kept_or_refused_and_never_breaks_the_journal(value: Any) -> None:
    try:
        found = plain_row({"key": value})
    except Invalid as problem:
        assert "key" in str(problem)  # quoted one way or the other
        return
    assert isinstance(encode_msgpack(found), bytes)


def test_members_of_enums_have_their_names_in_a_config() -> None:
    assert plain_config("key", [Colour.RED, Level.HIGH, {"a": Colour.RED}]) == [
        "RED",
        "HIGH",
        {"a": "RED"},
    ]
