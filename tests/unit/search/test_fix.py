"""Fixes change what they say and nothing else: comments, layout and line ends stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.search import read_config
from steelyard.search.fix import fix_text

BROKEN = """\
# the sweep of last night
methd: bayesian   # which way
metric:
  name: composite_score
  goal: max
parameters:
  learning_rate:
    distribution: log_uniform   # !
    min: 1e-6
    max: "1e-4"
  lora_r: [8, 16]
  epochs: 3
  drop: {values: 0.1}
"""
FIXED = """\
# the sweep of last night
method: bayes   # which way
metric:
  name: composite_score
  goal: maximize
parameters:
  learning_rate:
    distribution: log_uniform_values   # !
    min: 1e-6
    max: 1e-4
  lora_r: {values: [8, 16]}
  epochs: {value: 3}
  drop: {value: 0.1}
"""


def test_every_safe_fix_is_done_and_the_rest_is_untouched() -> None:
    fixed, settled = fix_text(BROKEN)
    assert fixed == FIXED
    assert len(settled) == 8
    problem, found = read_config(fixed)
    assert problem is not None, found


def test_line_ends_of_windows_stay() -> None:
    assert fix_text(BROKEN.replace("\n", "\r\n"))[0] == FIXED.replace("\n", "\r\n")


def test_fixing_twice_is_fixing_once() -> None:
    assert fix_text(FIXED) == (FIXED, [])


@pytest.mark.parametrize(
    "text",
    [
        "method: random\nparameters: {x: {min: 3, max: 1}}\n",  # exchange, or a typo?
        "method: random\nparameters: {x: {distribution: zzz, min: 1, max: 2}}\n",
        "a: 1\na: 2\n",
        "",
    ],
)
def test_what_has_no_one_answer_is_left(text: str) -> None:
    assert fix_text(text) == (text, [])


def test_what_stands_in_an_anchor_is_left() -> None:
    """It is used in two places, and meant in one of them."""
    text = (
        "method: random\n"
        "parameters:\n"
        "  a: &shared {distribution: log_uniform, min: 1e-6, max: 1e-4}\n"
        "  b: *shared\n"
    )
    fixed, _ = fix_text(text)
    assert "b: *shared" in fixed
    assert read_config(fixed)[0] is not None


@given(text=st.text("methodpars:{}[],.0123456789e-# \n\"'", max_size=120))
def test_fixes_never_make_it_worse(text: str) -> None:
    before = sum(each.severity == "error" for each in read_config(text)[1])
    fixed, settled = fix_text(text)
    assert sum(each.severity == "error" for each in read_config(fixed)[1]) <= before
    assert (fixed == text) is (settled == [])
