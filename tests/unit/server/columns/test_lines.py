"""Whatever a line holds, it becomes a row."""

import json
import math

import pytest

from steelyard import limits
from steelyard.server.columns.lines import (
    INVALID_KEY,
    PACKED,
    decode_line,
    encode_line,
    encode_row,
    parse_line,
    take_step,
)


def test_bare_tokens_of_the_official_client_are_numbers():
    row = parse_line(b'{"a": NaN, "b": Infinity, "c": -Infinity, "d": 1e400, "e": 1.5e+2}')
    assert math.isnan(row["a"])
    assert (row["b"], row["c"], row["d"], row["e"]) == (math.inf, -math.inf, math.inf, 150.0)


def test_numbers_keep_their_kind():
    row = parse_line(b'{"i": 1, "f": 1.0, "z": -0.0, "big": 123456789012345678901234567890}')
    assert [type(value) for value in row.values()] == [int, float, float, int]
    assert row["big"] == 123456789012345678901234567890
    assert math.copysign(1, row["z"]) == -1


def test_the_last_of_two_equal_keys_wins():
    assert parse_line(b'{"a": 1, "a": 2}') == {"a": 2}


def test_lone_surrogates_and_nul_are_kept():
    assert parse_line(b'{"a": "\\ud800", "b\\u0000": "\\u0000"}') == {"a": "\ud800", "b\0": "\0"}
    line = '{"a": "\ud800"}'
    assert decode_line(encode_line(line)) == line
    assert parse_line(encode_line(line)) == {"a": "\ud800"}


@pytest.mark.parametrize(
    "line", ["", "no json", "[1, 2]", "3", '{"a": 1', '{"a": 1} {"b": 2}', "null", '{"a": 01}']
)
def test_what_is_no_object_is_kept_as_text(line):
    assert parse_line(line.encode()) == {"_invalid": line}


def test_digits_without_end_are_kept_as_text():
    line = '{"a": ' + "9" * 5000 + "}"
    assert parse_line(line.encode()) in ({"_invalid": line}, {"a": int("9" * 4000)})


def test_depth_is_bounded_but_length_is_not():
    deep = '{"a": ' + "[" * limits.LINE_DEPTH_MAX + "]" * limits.LINE_DEPTH_MAX + "}"
    assert parse_line(deep.encode()) == {"_invalid": deep}
    wide = json.dumps({"a": [[0]] * 1000, "text": "[" * 1000})
    assert parse_line(wide.encode()) == json.loads(wide)
    very_deep = '{"a": ' + "[" * 10_000_000
    assert parse_line(very_deep.encode()) == {"_invalid": very_deep}


def test_a_line_of_ten_megabytes_is_a_row():
    line = json.dumps({"text": "x" * 10_000_000, "a": 1}).encode()
    assert len(parse_line(line)["text"]) == 10_000_000


@pytest.mark.parametrize(
    ("value", "step"), [(3, 3), (3.0, 3), (-4, -4), (2.5, None), (True, None), ("3", None)]
)
def test_steps_are_whole_numbers(value, step):
    row = {"_step": value, "a": 1}
    assert take_step(row) == step
    assert ("_invalid" in row) == (step is None)


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**63, None, [1]])
def test_what_is_no_step_is_not_lost(value):
    row = {"_step": value}
    assert take_step(row) is None
    assert row == {"_invalid": json.dumps({"_step": value})}


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"_step": 3, "loss": 0.5, "text": "ü✓\x00", "none": None, "nested": {"a": [1, True]}},
        {"inf": float("inf"), "big": 2**64 - 1},
        {"beyond 64 bits": 2**70},
        {"half": "\ud83d"},
    ],
)
def test_a_row_that_we_encode_comes_back(row):
    assert parse_line(encode_row(row)) == row


@pytest.mark.parametrize("line", [PACKED, PACKED + b"\x81", PACKED + b"\x01"])
def test_a_packed_row_that_is_damaged_is_kept_as_text(line):
    assert parse_line(line) == {INVALID_KEY: line.hex()}
