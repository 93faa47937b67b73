from __future__ import annotations

import json
import logging
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.server.logs import EventFormatter


def formatted(form: Literal["text", "json"], message: str, **fields: Any) -> str:
    record = logging.LogRecord("steelyard.x", logging.INFO, "f.py", 1, message, (), None)
    vars(record).update(fields)
    return EventFormatter(form).format(record)


@given(message=st.text(), value=st.text())
@pytest.mark.parametrize("form", ["text", "json"])
def test_an_event_is_one_line_whatever_is_in_it(
    form: Literal["text", "json"], message: str, value: str
) -> None:
    message, value = (text.encode(errors="replace").decode() for text in (message, value))
    line = formatted(form, message, some_field=value)
    assert len(line.splitlines()) <= 1 or "\x85" in line or "\u2028" in line
    assert "\n" not in line
    if form == "json":
        assert json.loads(line)["some_field"] == value


def test_a_traceback_is_a_field() -> None:
    try:
        raise ValueError("no")
    except ValueError as error:
        exc_info = (type(error), error, error.__traceback__)
    line = formatted("text", "request failed", exc_info=exc_info, incident="abc")
    assert line.count("\n") == 0
    assert "incident=abc" in line and "ValueError: no" in line
