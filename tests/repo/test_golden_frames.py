"""The frames the web decoder is tested on are the frames this encoder writes."""

from pathlib import Path

import pytest

from steelyard.testing.frames import describe, golden_frames

FIXTURES = Path(__file__).parents[2] / "web" / "src" / "core" / "fixtures"


@pytest.mark.parametrize("name", golden_frames())
def test_golden_frames_are_in_step_with_the_encoder(name):
    """Otherwise run: python -m steelyard.testing.frames web/src/core/fixtures"""
    data = golden_frames()[name]
    assert (FIXTURES / f"{name}.bin").read_bytes() == data
    assert (FIXTURES / f"{name}.json").read_text(encoding="utf-8") == describe(data)
