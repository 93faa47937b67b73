from __future__ import annotations

import pytest

from steelyard.cli.tables import clean_line, describe_age, describe_duration, describe_value


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (7200, "2h"), (1e6, "11d")],
)
def test_ages(seconds: float, text: str) -> None:
    assert describe_age(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (12.7, "12s"), (185, "3m 05s"), (7620, "2h 07m"), (356_400, "4d 03h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert describe_duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a b", "a b"),
        (1, "1"),
        (0.1, "0.1"),
        (None, "null"),
        (True, "true"),
        ([1, "ü"], '[1, "ü"]'),
        ({"_type": "image-file", "path": "x"}, "<image-file>"),
    ],
)
def test_values(value: object, text: str) -> None:
    assert describe_value(value) == text


def test_a_log_line_cannot_move_the_cursor_of_the_reader() -> None:
    line = "a\x1b[2J\x1b[31mred\x1b[0m\x1b]0;title\x07\x08\x9b1A end\x1b"
    assert clean_line(line) == "ared 1A end"
