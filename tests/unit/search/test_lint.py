"""What works and is hardly meant: warnings and hints, and their silence where all is well."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.search import read_config
from steelyard.search.config import Diagnostic


def found_in(config: dict[str, Any], **more: Any) -> list[Diagnostic]:
    problem, found = read_config(config, **more)
    assert problem is not None, found
    return found


def messages(config: dict[str, Any], **more: Any) -> str:
    return " | ".join(f"{each.severity} {each}" for each in found_in(config, **more))


def one_parameter(name: str, shape: dict[str, Any], method: str = "random") -> dict[str, Any]:
    return {"method": method, "parameters": {name: shape}}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            one_parameter("learning_rate", {"min": 1e-5, "max": 1e-3}),
            "hint parameters.learning_rate: 91% of the samples are above 0.0001: the scale is "
            "linear; add distribution: log_uniform_values",
        ),
        (
            one_parameter("batch_size", {"min": 8, "max": 128}),
            "hint parameters.batch_size: any whole number from 8 to 128 is a batch size, "
            "37 as well as 32; write values: [8, 16, 32, 64, 128]",
        ),
        (
            one_parameter("x", {"values": ["1e-4", "1e-5"]}),
            "warning parameters.x.values[0]: '1e-4' is text",
        ),
        (one_parameter("x", {"values": [1, 2, 1.0]}), "warning parameters.x.values[2]: 1.0 stands"),
        (
            one_parameter("x", {"min": 0.0, "max": 1.0, "mu": 3}),
            "warning parameters.x.mu: mu has no effect on a uniform parameter",
        ),
        (
            one_parameter("x", {"distribution": "q_uniform", "min": 1, "max": 10, "q": 3}),
            "hint parameters.x: values are multiples of q = 3: from 3 to 9",
        ),
        (
            one_parameter(
                "x", {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.25}, method="grid"
            ),
            "hint parameters.x: a grid of q_uniform leaves out max: it ends at 0.75; "
            "write max: 1.125 to include 1",
        ),
        (
            one_parameter("x", {"value": [1, 2]}),
            "hint parameters.x.value: every run gets the whole list of 2; write values:",
        ),
        (one_parameter("x", {"value": 3}), "warning parameters: are all constant"),
        (
            one_parameter("x", {"values": [1, 2], "probabilities": [0.5, 0.5]}, method="grid"),
            "warning parameters.x.probabilities: have no effect on a grid",
        ),
        (
            one_parameter("x", {"min": 0, "max": 99_999}, method="grid"),
            "warning parameters: the grid has 100,000 points",
        ),
        (
            {**one_parameter("x", {"values": [1]}), "command": ["python", "train.py"]},
            "hint command: passes no arguments",
        ),
        (
            {**one_parameter("chunk", {"values": [1]}), "constraints": ["chnk < 3"]},
            "warning constraints[0]: 'chnk' is no parameter, so this is checked after each run; "
            "did you mean chunk?",
        ),
        (
            {**one_parameter("x", {"values": [1]}), "metric": {"name": "val_acc"}},
            "warning metric: has no goal, so 'val_acc' is minimized",
        ),
        (
            {
                **one_parameter("x", {"values": [1]}),
                "metric": {"name": "val/loss", "goal": "maximize"},
            },
            "warning metric.goal: goal is maximize, and 'val/loss' sounds",
        ),
    ],
)
def test_it_is_said(config: dict[str, Any], said: str) -> None:
    assert said in messages(config)


def test_a_good_configuration_is_met_with_silence() -> None:
    config = {
        "program": "train.py",
        "method": "bayes",
        "metric": {"name": "val_loss", "goal": "minimize"},
        "run_cap": 50,
        "parameters": {
            "learning_rate": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-2},
            "batch_size": {"values": [16, 32, 64]},
            "epochs": {"value": 20},
            "dropout": {"min": 0.0, "max": 0.5},
            "norm": {"values": ["layer", "batch", None, True, "7b", "13b"]},
        },
        "early_terminate": {"type": "hyperband", "min_iter": 3},
    }
    assert found_in(config, known_metrics={"val_loss", "epoch"}) == []


@pytest.mark.parametrize(
    ("metric", "known", "said"),
    [
        ({"name": "val_los"}, {"val_loss"}, "did you mean 'val_loss'?"),
        ({"name": "loss"}, {"train/loss", "epoch"}, "did you mean 'train/loss'?"),
        ({"name": "zebra"}, {"loss"}, "logged are loss"),
        ({"expression": "a + bb"}, {"a", "b"}, "'bb' is never logged"),
    ],
)
def test_a_metric_that_is_never_logged_is_said(
    metric: dict[str, Any], known: set[str], said: str
) -> None:
    config = {**one_parameter("x", {"values": [1]}), "metric": metric}
    assert said in messages(config, known_metrics=known)


@pytest.mark.parametrize(
    ("epochs", "is_said"),
    [
        ({"value": 3}, True),
        ({"values": [2, 4]}, True),
        ({"values": [2, 5]}, False),
        ({"min": 1, "max": 4}, True),
        ({"min": 1, "max": 9}, False),
        ({"values": ["few"]}, False),
    ],
)
def test_hyperband_that_runs_never_reach_is_said(epochs: dict[str, Any], is_said: bool) -> None:
    config = {
        "method": "random",
        "metric": {"name": "loss"},
        "parameters": {"num_train_epochs": epochs, "x": {"values": [1, 2]}},
        "early_terminate": {"type": "hyperband", "min_iter": 5},
    }
    assert ("the first bracket is at 5" in messages(config)) is is_said


def test_a_grid_that_is_cut_off_is_said() -> None:
    config = {
        "method": "grid",
        "run_cap": 10,
        "parameters": {name: {"min": 0, "max": 9} for name in "abc"},
    }
    assert "only the first 10 of 1,000 grid points are run" in messages(config)


def test_words_that_yaml_reads_as_truth_are_said() -> None:
    text = "method: random\nparameters:\n  x: {values: [on, off]}\n"
    problem, found = read_config(text)
    assert problem is not None
    assert problem.space.parameters[0].values == (True, False)
    assert [(each.line, each.message) for each in found] == [(3, "on without quotes means true")]
    assert read_config(text.replace("on, off", '"on", "off"'))[1] == []


@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("fold", {"cross_validation": {"folds": 3}}),
        ("seed", {"cross_validation": {"seeds": 2}}),
        ("fraction", {"phases": [{"runs": 3}, {}]}),
    ],
)
def test_a_parameter_may_not_be_called_like_what_runs_are_told(
    key: str, more: dict[str, Any]
) -> None:
    config = {
        "method": "random",
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {key: {"values": [1, 2]}},
    }
    problem, found = read_config(config | more)
    assert problem is None
    assert [each.path for each in found if each.severity == "error"] == [f"parameters.{key}"]
    assert read_config(config)[0] is not None


def test_folds_without_a_metric_have_nothing_to_be_judged_by() -> None:
    config = {"method": "random", "parameters": {"x": {"values": [1, 2]}}}
    problem, found = read_config(config | {"cross_validation": {"folds": 3}})
    assert problem is None
    assert "needs a metric" in str(found[0])
