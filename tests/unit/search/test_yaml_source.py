"""What a word of YAML means, where it stands, and what is no configuration at all."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from steelyard.limits import SWEEP_CONFIG_CHARS_MAX, YAML_DEPTH_MAX
from steelyard.search.yaml_source import SourceError, read_mapping, read_yaml, scalar_of


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1e-6", 1e-6), ("1E-6", 1e-6), ("1.0e-6", 1e-6), ("-6", -6), ("+1e3", 1000.0),
        (".5", 0.5), ("5.", 5.0), ("1_000", 1000), ("0x1F", 31), ("010", 8), ("0o10", 8),
        (".inf", math.inf), ("-.inf", -math.inf), ("~", None), ("null", None),
        ("true", True), ("Yes", True), ("off", False),
        ("1:30", "1:30"), ("2026-01-01", "2026-01-01"), ("1e", "1e"), ("e5", "e5"), ("7b", "7b"),
        ("NaN", "NaN"), ("1.2.3", "1.2.3"), ("-", "-"), ("08", "08"), ("1_0.5", 10.5),
    ],
)  # fmt: skip
def test_a_word_means(word: str, value: Any) -> None:
    assert scalar_of(word) == value
    assert type(scalar_of(word)) is type(value)


def test_places_are_where_the_values_stand() -> None:
    text = "a: 1\nb:\n  c: [x, 2]\n  'd': \"y\"\n"
    source = read_yaml(text)
    assert source.value == {"a": 1, "b": {"c": ["x", 2], "d": "y"}}
    place = source.places[("b", "c", 1)]
    assert (place.line, text[place.start : place.end]) == (3, "2")
    place = source.places[("b", "d")]
    assert (place.line, text[place.start : place.end]) == (4, '"y"')
    assert text[place.key_start : place.key_end] == "'d'"


def test_anchors_and_merges_are_followed_and_marked() -> None:
    source = read_yaml("base: &b {min: 1, max: 2}\nx: *b\ny: {<<: *b, max: 3}\n")
    assert source.value == {
        "base": {"min": 1, "max": 2},
        "x": {"min": 1, "max": 2},
        "y": {"max": 3, "min": 1},
    }
    assert source.places[("x",)].shared
    assert source.places[("y", "min")].shared
    assert not source.places[("y", "max")].shared


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "a stands here and on line 1"),
        ("x: {a: 1, a: 2}", 1, r"x\.a stands here"),
        ("a:\n\tb: 1\n", 2, "not valid YAML"),
        ("a: b: c\n", 1, "not valid YAML"),
        ("a: [1, 2\nb: 3\n", 2, "not valid YAML"),
        ("a: *nobody\n", 1, "undefined alias"),
        ("a: &x [*x]\n", 1, "contains itself"),
        ("a: 1\n---\nb: 2\n", 2, "another document"),
        ("a: !!python/object:os.system ls\n", 1, "means nothing here"),
        ("[1]: 2\n", 1, "a key is a word"),
        ("a: !!int word\n", 1, "does not fit"),
        ("a: \x01\n", 1, "does not allow"),
        ("<<: 3\n", 1, "takes a map"),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_line(
    text: str, line: int, message: str
) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read_yaml(text)
    assert caught.value.line == line


def test_tabs_are_explained() -> None:
    with pytest.raises(SourceError) as caught:
        read_yaml("a:\n\tb: 1\n")
    assert caught.value.suggestion is not None
    assert "spaces" in caught.value.suggestion


def test_a_bomb_of_references_ends_with_an_error() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(SourceError, match="SWEEP_CONFIG_NODES_MAX"):
        read_yaml("\n".join(lines))


def test_a_text_that_is_too_deep_or_too_long_is_refused() -> None:
    for depth in (YAML_DEPTH_MAX + 2, 5000):
        with pytest.raises(SourceError, match="nested deeper"):
            read_yaml("[" * depth + "]" * depth)
    with pytest.raises(SourceError, match="SWEEP_CONFIG_CHARS_MAX"):
        read_yaml("#" * (SWEEP_CONFIG_CHARS_MAX + 1))


def test_a_dict_may_hold_numpys_numbers_and_no_objects() -> None:
    given_values = {"a": np.float64(0.5), "b": (1, 2), "c": np.arange(3), "d": range(2)}
    plain = read_mapping(given_values).value
    assert plain == {"a": 0.5, "b": [1, 2], "c": [0, 1, 2], "d": [0, 1]}
    assert type(plain["a"]) is float
    with pytest.raises(SourceError, match="half a character"):
        read_mapping({"a": "\ud800"})
    with pytest.raises(SourceError, match=r"a\.b: a object"):
        read_mapping({"a": {"b": object()}})


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text().filter(lambda text: scalar_of(text) == text)  # PyYAML writes 1e3 without quotes
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(value=st.dictionaries(st.text(max_size=8), VALUES, max_size=4))
def test_a_dict_written_as_json_and_read_as_yaml_is_the_same(value: dict[str, Any]) -> None:
    assert read_yaml(json.dumps(value)).value == value


@given(value=st.dictionaries(st.text("abcxyz_", min_size=1), VALUES, max_size=4))
def test_a_dict_written_by_pyyaml_is_the_same(value: dict[str, Any]) -> None:
    """As the official client sends a configuration."""
    assert read_yaml(yaml.safe_dump(value)).value == value


@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_yaml(text)
    except SourceError as error:
        assert str(error)
