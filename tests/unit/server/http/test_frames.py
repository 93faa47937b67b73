"""Frames: what goes in comes out, within half a level, and nothing odd is lost on the way."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis.extra import numpy as hnp

from steelyard.limits import CHART_EXACT_VALUES_MAX, CHART_NONFINITE_MAX
from steelyard.server.http.frames import Panel, encode_failed_panel, encode_panel, quantise
from steelyard.testing.frames import DecodedFrame, decode_frames

finite = st.floats(-1e6, 1e6, allow_nan=False)
values_or_gaps = st.one_of(finite, st.just(math.nan))
shapes = st.tuples(st.integers(1, 8), st.integers(1, 60))


def make_panel(line, *, grid=None, **fields):
    line = np.asarray(line, dtype=float)
    return Panel(
        **{
            "index": 7,
            "panel": "p1",
            "key": "train/loss",
            "stream": "history",
            "axis": "step",
            "x_key": None,
            "series": [(f"run-{i}", line.shape[1]) for i in range(line.shape[0])],
            "grid": np.arange(float(line.shape[1])) if grid is None else grid,
            "line": line,
            **fields,
        }
    )


@given(line=hnp.arrays(np.float64, shapes, elements=values_or_gaps))
def test_small_panels_come_back_bit_for_bit(line):
    frame = DecodedFrame(encode_panel(make_panel(line, grid=(1.5, 0.25, line.shape[1]))))
    assert frame.meta["dtype"] == "f64"
    np.testing.assert_array_equal(frame.line, line)
    np.testing.assert_array_equal(frame.x, 1.5 + 0.25 * np.arange(line.shape[1]))


@given(line=hnp.arrays(np.float64, shapes, elements=values_or_gaps))
def test_levels_are_within_half_a_level_and_keep_gaps(line):
    rows = line.shape[0]
    times = CHART_EXACT_VALUES_MAX // line.size + 1
    frame = DecodedFrame(encode_panel(make_panel(np.tile(line, (times, 1)))))
    got = frame.line[:rows]
    np.testing.assert_array_equal(np.isnan(got), np.isnan(line))
    assume(not np.isnan(line).all())
    y0, y1 = frame.meta["y0"], frame.meta["y1"]
    assume(y1 == y0 or y1 - y0 > 1e-290)  # below, levels would vanish: float64, tested apart
    assert frame.meta["dtype"] == "u16"
    assert y0 == np.nanmin(line) and y1 == np.nanmax(line)
    rounding = 4 * np.spacing(max(abs(y0), abs(y1)))
    assert np.nanmax(np.abs(got - line)) <= (y1 - y0) / 65534 / 2 + rounding


@given(line=hnp.arrays(np.float64, shapes, elements=st.floats(1e-9, 1e9)))
def test_log_levels_are_within_half_a_level_of_the_logarithm(line):
    y0, y1 = float(line.min()), float(line.max())
    levels = quantise(line, y0, y1, scale="log")
    got = np.log(y0) + levels / 65534 * (np.log(y1) - np.log(y0))
    assert np.abs(got - np.log(line)).max() <= (np.log(y1) - np.log(y0)) / 65534 / 2 + 1e-13


def test_a_log_panel_with_values_below_zero_falls_back_to_linear_levels():
    line = np.tile(np.array([[-1.0, 2.0]]), (CHART_EXACT_VALUES_MAX, 1))
    assert DecodedFrame(encode_panel(make_panel(line, scale="log"))).meta["scale"] == "linear"


@pytest.mark.parametrize("high", [1.7e308, 5e-324])
def test_a_range_that_levels_cannot_hold_travels_as_float64(high):
    line = np.tile(np.array([[-high, high]]), (CHART_EXACT_VALUES_MAX, 1))
    frame = DecodedFrame(encode_panel(make_panel(line)))
    assert frame.meta["dtype"] == "f64"
    np.testing.assert_array_equal(frame.line, line)


def test_the_envelope_follows_the_line_and_widens_the_range():
    line = np.array([[1.0, 2.0, np.nan]])
    frame = DecodedFrame(encode_panel(make_panel(line, lo=line - 1, hi=line + 3)))
    assert frame.has_envelope and frame.meta["envelope"]
    assert (frame.meta["y0"], frame.meta["y1"]) == (0.0, 5.0)
    np.testing.assert_array_equal(frame.lo, line - 1)
    np.testing.assert_array_equal(frame.hi, line + 3)


def test_values_that_cannot_be_drawn_are_listed():
    listed = [(0, 1, "NaN", 2), (0, 2, "-Inf", 1)]
    frame = DecodedFrame(encode_panel(make_panel([[1.0, np.nan, np.nan]], nonfinite=listed)))
    assert frame.meta["nonfinite"] == [list(entry) for entry in listed]


def test_too_many_such_values_are_cut_with_a_warning():
    listed = [(0, 0, "NaN", 1)] * (CHART_NONFINITE_MAX + 1)
    meta = DecodedFrame(encode_panel(make_panel([[1.0]], nonfinite=listed))).meta
    assert len(meta["nonfinite"]) == CHART_NONFINITE_MAX
    assert "10,001 places" in meta["warnings"][0]


def test_a_panel_that_failed_is_a_frame_with_the_reason():
    data = encode_failed_panel(
        3, "p9", key="notes", stream="history", axis="metric", x_key="epoch", error="only text"
    )
    frame = DecodedFrame(data)
    assert (frame.index, frame.meta["panel"], frame.meta["error"]) == (3, "p9", "only text")
    assert frame.meta["x"] == {"axis": "metric", "key": "epoch"}
    assert frame.line.shape == (0, 0)


def test_frames_lie_one_after_the_other_aligned_to_eight_bytes():
    parts = [encode_panel(make_panel([[float(i)] * 3], index=i)) for i in range(4)]
    assert all(len(part) % 8 == 0 for part in parts)
    assert [frame.index for frame in decode_frames(b"".join(parts))] == [0, 1, 2, 3]
