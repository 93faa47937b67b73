"""A configuration is narrowed where it is written, and never widened."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.search.config import read_config
from steelyard.search.distributions import bounds
from steelyard.search.narrowing import Kept, narrow_text

CONFIG = """\
# What we know of it stays: comments too.
method: bayes
metric: {name: loss, goal: minimize}
parameters:
  lr: {distribution: log_uniform_values, min: 1.0e-5, max: 0.1}  # the one that matters
  old_lr:
    distribution: log_uniform
    min: -10
    max: -1
  depth: {distribution: int_uniform, min: 2, max: 24}
  optimizer:
    values:
      - adam  # the usual
      - sgd
      - "lion"
  schedule: {values: [cosine, linear], probabilities: [0.2, 0.8]}
  noise: {distribution: normal, mu: 0, sigma: 1}
  model:
    parameters:
      width: {min: 1.0, max: 8.0}
"""


def narrowed(**kept: Kept) -> tuple[str, list[str]]:
    return narrow_text(CONFIG, kept)


def range_of(text: str, name: str) -> tuple[float, float]:
    problem, found = read_config(text)
    assert problem is not None, found
    return bounds(problem.space.by_name[name])


def test_ranges_are_written_where_they_stood_and_all_else_stays() -> None:
    text, notes = narrowed(lr=Kept([(1e-4, 1e-3), (2e-3, 1e-2)]), depth=Kept([(3.2, 8.9)]))
    assert notes == []
    assert range_of(text, "lr") == (1e-4, 1e-2)
    assert range_of(text, "depth") == (4, 8)
    changed = [
        (old, new)
        for old, new in zip(CONFIG.splitlines(), text.splitlines(), strict=True)
        if old != new
    ]
    assert len(changed) == 2
    assert changed[0][1].endswith("# the one that matters")


def test_exponents_are_written_as_exponents_and_nested_parameters_are_found() -> None:
    kept = {"old_lr": Kept([(math.exp(-5), math.exp(-2))]), "model.width": Kept([(2.0, 4.0)])}
    text, notes = narrow_text(CONFIG, kept)
    assert notes == []
    assert range_of(text, "old_lr") == pytest.approx((math.exp(-5), math.exp(-2)), rel=1e-4)
    assert range_of(text, "model.width") == (2.0, 4.0)


def test_values_of_a_category_are_left_out_with_their_probabilities() -> None:
    text, notes = narrowed(
        optimizer=Kept(values=["adam", "lion"]), schedule=Kept(values=["linear"])
    )
    problem, _ = read_config(text)
    assert notes == []
    assert problem is not None
    assert problem.space.by_name["optimizer"].values == ("adam", "lion")
    assert problem.space.by_name["schedule"].values == ("linear",)
    assert "lr: {distribution: log_uniform_values" in text


def test_what_cannot_be_narrowed_is_said_and_the_rest_is_done() -> None:
    text, notes = narrow_text(
        CONFIG,
        {
            "noise": Kept([(-1.0, 1.0)]),
            "gone": Kept([(0.0, 1.0)]),
            "lr": Kept([(0.5, 0.9)]),
            "depth": Kept([(3.1, 3.2)]),
            "optimizer": Kept(values=["rmsprop"]),
            "model.width": Kept([(2.0, 3.0)]),
        },
    )
    assert [note.split(":")[0] for note in notes] == ["noise", "gone", "lr", "depth", "optimizer"]
    assert range_of(text, "model.width") == (2.0, 3.0)
    assert range_of(text, "lr") == range_of(CONFIG, "lr")


def test_a_range_in_an_anchor_that_others_use_is_left_alone() -> None:
    shared = "method: random\nparameters:\n  a: &r {min: 0.0, max: 1.0}\n  b: *r\n"
    text, notes = narrow_text(shared, {"b": Kept([(0.2, 0.4)])})
    assert text == shared
    assert "anchor" in notes[0]


def test_a_text_that_cannot_be_read_stays_as_it_is() -> None:
    text, notes = narrow_text("method: [", {"a": Kept([(0.0, 1.0)])})
    assert text == "method: ["
    assert "cannot be read" in notes[0]


@given(
    low=st.floats(1e-9, 10, allow_subnormal=False), high=st.floats(1e-9, 10, allow_subnormal=False)
)
def test_nothing_is_ever_widened(low: float, high: float) -> None:
    least, greatest = range_of(CONFIG, "lr")
    text, notes = narrowed(lr=Kept([(min(low, high), max(low, high))]))
    found = range_of(text, "lr")
    assert least <= found[0] <= found[1] <= greatest
    if notes:
        assert text == CONFIG
