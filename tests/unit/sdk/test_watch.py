"""Histograms of a model's gradients and parameters.

The first tests need no torch: they give `watch` objects that can do what it asks of a model. The
others use the real thing where it is installed, and numpy's histograms to compare with.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import Invalid, RunFinished
from steelyard.sdk.run import Run
from steelyard.sdk.watch import count_values, unwatch, watch
from tests.support.journal_runs import list_rows, make_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(tmp_path)


def logged(run: Run) -> dict[str, list[int]]:
    """For each name of a histogram the steps at which it was logged."""
    found: dict[str, list[int]] = {}
    for step, _, row in list_rows(run):
        for key, value in row.items():
            if isinstance(value, dict):
                assert value["_type"] == "histogram"
                found.setdefault(key, []).append(step)
    return found


@pytest.mark.parametrize("model", [None, 1, "model", [object()]])
def test_what_is_no_model_is_refused(run: Run, model: Any) -> None:
    with pytest.raises(Invalid, match=r"torch\.nn\.Module"):
        watch(run, model)


@pytest.mark.parametrize("options", [{"log": "graph"}, {"log_freq": 0}, {"log_freq": 1.5}])
def test_other_options_are_refused(run: Run, options: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=next(iter(options))):
        watch(run, [], **options)


def test_a_finished_run_watches_nothing(run: Run) -> None:
    run.finish()
    with pytest.raises(RunFinished, match="watch"):
        run.watch([])


def test_unwatch_of_something_unknown_is_no_error(run: Run) -> None:
    unwatch(run, object())
    unwatch(run)


class Model:
    """Two linear layers of torch, made when torch is there."""

    def __new__(cls) -> Any:
        torch = pytest.importorskip("torch")
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 1))


def train(model: Any, run: Run, steps: int, *, size: int = 4) -> None:
    torch = pytest.importorskip("torch")
    for _ in range(steps):
        model(torch.ones(2, size)).sum().backward()
        run.log({"loss": 1.0})


def test_gradients_come_every_so_many_batches_with_the_row_of_the_batch(run: Run) -> None:
    model = Model()
    assert run.watch(model, log_freq=2) == []
    train(model, run, 5)
    expected = [f"gradients/{name}" for name, _ in model.named_parameters()]
    assert logged(run) == {key: [1, 3] for key in expected}
    rows = list_rows(run)
    assert [step for step, _, row in rows if "loss" in row] == [0, 1, 2, 3, 4]


def test_parameters_and_both(run: Run) -> None:
    model = Model()
    run.watch(model, log="all", log_freq=1)
    train(model, run, 1)
    names = [name for name, _ in model.named_parameters()]
    assert sorted(logged(run)) == sorted(
        [f"gradients/{name}" for name in names] + [f"parameters/{name}" for name in names]
    )
    run.watch(model, log="parameters", log_freq=1)  # instead of both, under the same names
    train(model, run, 1)
    assert logged(run)["parameters/0.weight"] == [0, 1]
    assert logged(run)["gradients/0.weight"] == [0]


def test_models_are_numbered_by_run(run: Run, tmp_path: Path) -> None:
    first, second, third = Model(), Model(), Model()
    run.watch([first, second], log_freq=1)
    run.watch(third, log_freq=1, idx=7)
    for model in (first, second, third):
        train(model, run, 1)
    assert logged(run)["gradients/0.bias"] == [0]
    assert logged(run)["gradients/graph_10.bias"] == [1]
    assert logged(run)["gradients/graph_70.bias"] == [2]
    other = make_run(tmp_path)
    other.watch(first, log_freq=1)
    train(first, other, 1)
    assert "gradients/0.bias" in logged(other)


def test_unwatch_and_the_end_of_the_run_remove_the_hooks(run: Run) -> None:
    first, second = Model(), Model()
    run.watch([first, second], log="all", log_freq=1)
    run.unwatch(first)
    train(first, run, 1)
    assert logged(run) == {}
    run.finish()
    for model in (first, second):
        assert not model._forward_hooks
        assert not any(parameter._backward_hooks for parameter in model.parameters())


def test_frozen_parameters_have_no_gradients(run: Run) -> None:
    model = Model()
    model[0].requires_grad_(False)
    run.watch(model, log_freq=1)
    train(model, run, 1)
    assert sorted(logged(run)) == ["gradients/1.bias", "gradients/1.weight"]


def test_gradients_without_finite_values_are_left_out(run: Run) -> None:
    torch = pytest.importorskip("torch")
    model = Model()
    run.watch(model, log_freq=1)
    model(torch.full((1, 4), math.nan)).sum().backward()
    run.log({"loss": 1.0})
    assert sorted(logged(run)) == ["gradients/0.bias", "gradients/1.bias"]


def test_explicit_steps_stay_the_scripts_own(run: Run) -> None:
    torch = pytest.importorskip("torch")
    model = Model()
    run.watch(model, log_freq=1)
    for step in (10, 20):
        model(torch.ones(1, 4)).sum().backward()
        run.log({"loss": 1.0}, step=step)
    steps = {step for step, _, row in list_rows(run) if "loss" in row}
    assert steps == {10, 20}


def test_the_graph_is_accepted_and_nothing_else_happens(run: Run) -> None:
    assert run.watch(Model(), log=None, log_graph=True) == []


@pytest.mark.parametrize(
    "dtype",
    ["float32", "float64", "float16", "bfloat16", "int32", "bool", "float8_e4m3fn"],
)
def test_counts_are_those_of_numpy(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    numpy = pytest.importorskip("numpy")
    torch.manual_seed(1)
    normal = torch.randn(10, 1000) * 20
    tensor = normal > 5 if dtype == "bool" else normal.to(getattr(torch, dtype))
    counted = count_values(tensor)
    assert counted is not None
    values = tensor.double().numpy().reshape(-1)
    counts, edges = numpy.histogram(values, bins=64, range=(values.min(), values.max()))
    # A value may be within rounding of an edge: torch places it in float32.
    assert sum(counted[0]) == 10_000
    assert numpy.abs(numpy.array(counted[0]) - counts).sum() <= 4
    assert counted[1] == pytest.approx(edges.tolist(), rel=1e-6, abs=1e-6)


def test_values_that_are_not_finite_are_left_out() -> None:
    torch = pytest.importorskip("torch")
    counted = count_values(torch.tensor([1.0, math.nan, 3.0, math.inf, -math.inf]))
    assert counted is not None
    assert (sum(counted[0]), counted[1][0], counted[1][-1]) == (2, 1.0, 3.0)
    assert count_values(torch.tensor([math.nan])) is None
    assert count_values(torch.tensor([])) is None


def test_equal_values_are_one_bin() -> None:
    torch = pytest.importorskip("torch")
    assert count_values(torch.tensor([2.0, 2.0])) == ([2], [2.0, 2.0])
    assert count_values(torch.tensor(3)) == ([1], [3.0, 3.0])


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize("layout", ["coo", "csr"])
def test_what_a_sparse_tensor_leaves_out_counts_as_zeros(layout: str) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.sparse_coo_tensor([[1, 5], [2, 3]], [1.0, 2.0], (100, 100))
    counted = count_values(tensor if layout == "coo" else tensor.to_sparse_csr())
    assert counted is not None
    counts, edges = counted
    assert (sum(counts), counts[0], counts[-1], edges[0], edges[-1]) == (10_000, 9998, 1, 0, 2)


def test_numbers_far_apart_and_close_together() -> None:
    torch = pytest.importorskip("torch")
    far = torch.tensor([1e308, -1e308], dtype=torch.float64)
    counted = count_values(far)
    assert counted is not None
    assert (counted[0][0], counted[0][-1]) == (1, 1)
    counted = count_values(torch.tensor([3e38, -3e38]))
    assert counted is not None
    assert (counted[0][0], counted[0][-1]) == (1, 1)
    close = torch.tensor([1.0, 1.0 + 2**-52], dtype=torch.float64)
    assert count_values(close) == ([2], [1.0, 1.0 + 2**-52])


def test_a_long_tensor_is_counted_exactly() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.zeros(2**24 + 3)
    tensor[0] = 1
    counted = count_values(tensor)
    assert counted is not None
    assert (counted[0][0], counted[0][-1]) == (2**24 + 2, 1)
