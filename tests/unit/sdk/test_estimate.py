"""Latency and cost of a language model from a formula, and said to be that."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

import steelyard
from steelyard.errors import Invalid
from steelyard.sdk.estimate import GPUS, estimate


def test_an_answer_takes_the_prompt_and_its_tokens() -> None:
    """By hand: 2 * 8e9 * 2048 / (312e12 * 0.5) = 0.2101 s, and 100 * 16e9 / (2.039e12 * 0.7)
    = 1.1210 s."""
    found = steelyard.estimate("latency", params=8e9, seq=2048, gpu="A100", new_tokens=100)
    assert found.value == pytest.approx(0.2101 + 1.1210, rel=1e-3)
    assert (found.unit, found.lower < found.value < found.upper) == ("s", True)
    assert eval(found.formula) == pytest.approx(found.value, rel=0.01)


def test_a_cost_is_the_time_of_all_gpus_at_their_price() -> None:
    same = {"params": 8e9, "seq": 2048, "gpu": "NVIDIA H100 80GB HBM3", "gpu_count": 2}
    seconds = estimate("latency", **same).value  # type: ignore[arg-type]
    cost = estimate("cost", usd_per_hour=3.6, **same)  # type: ignore[arg-type]
    assert cost.value == pytest.approx(seconds * 2 * 3.6 / 3600)
    assert cost.as_log("cost_usd") == {"cost_usd": cost.value, "cost_usd.is_estimate": True}


@given(
    params=st.floats(1e6, 1e12),
    seq=st.integers(1, 10**6),
    gpu=st.sampled_from(sorted(GPUS)),
)
def test_larger_models_and_longer_prompts_take_longer(params: float, seq: int, gpu: str) -> None:
    one = estimate("latency", params=params, seq=seq, gpu=gpu)
    assert estimate("latency", params=2 * params, seq=seq, gpu=gpu).value > one.value
    assert estimate("latency", params=params, seq=2 * seq, gpu=gpu).value > one.value


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gpu": "abacus"}, "no figures for the GPU 'abacus'; there are: V100"),
        ({"params": 0}, "params must be above 0"),
        ({"seq": "many"}, "seq must be a number"),
        ({"params": float("nan")}, "params must be above 0"),
    ],
)
def test_figures_that_cannot_be_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        estimate("latency", **({"params": 1e9, "seq": 8, "gpu": "A100"} | changes))  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="needs usd_per_hour"):
        estimate("cost", params=1e9, seq=8, gpu="A100")
