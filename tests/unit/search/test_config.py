"""Configurations: what is read from them, and every error with its path, line and suggestion."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from steelyard.search import read_config
from steelyard.search.config import Diagnostic
from steelyard.search.problem import Problem
from tests.unit.search.test_distributions import shapes

S02 = """\
program: train_finetune.py
method: bayes
metric:
  name: composite_score
  goal: maximize
parameters:
  learning_rate:
    distribution: log_uniform
    min: 1e-6
    max: 1e-4
  lora_r:
    values: [8, 16, 32, 64]
  num_train_epochs:
    value: 3
early_terminate:
  type: hyperband
  min_iter: 5
"""


def read(source: str | dict[str, Any], **more: Any) -> Problem:
    """The problem of a configuration without errors."""
    problem, found = read_config(source, **more)
    assert problem is not None, found
    return problem


def errors_of(source: str | dict[str, Any], **more: Any) -> list[Diagnostic]:
    problem, found = read_config(source, **more)
    errors = [each for each in found if each.severity == "error"]
    assert (problem is None) is bool(errors)
    return errors


def with_parameter(shape: Any, method: str = "random") -> dict[str, Any]:
    return {"method": method, "parameters": {"x": shape}}


def test_the_sample_with_a_bayesian_search_is_read() -> None:
    problem = read(
        {
            "method": "bayes",
            "metric": {"goal": "minimize", "name": "val/loss"},
            "parameters": {
                "learning_rate": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-3},
                "lora_r": {"values": [8, 16, 32, 64]},
            },
        }
    )
    assert problem.metrics[0].name == "val/loss"
    assert [parameter.name for parameter in problem.space.parameters] == ["learning_rate", "lora_r"]
    assert problem.run_cap is None


def test_values_that_are_written_as_exponents_are_an_error_with_a_fix() -> None:
    (error,) = errors_of(S02)
    assert (error.path, error.line) == ("parameters.learning_rate.distribution", 8)
    assert "samples from 1 to 1.0001" in error.message
    assert error.fix is not None


def test_exponents_that_look_like_powers_of_ten_are_warned_of() -> None:
    problem, found = read_config(
        with_parameter({"distribution": "log_uniform", "min": -6, "max": -4})
    )
    assert problem is not None
    (warning,) = found
    assert "samples from 0.00247875 to 0.0183156" in warning.message
    assert "1e-6 to 1e-4" in (warning.suggestion or "")


def test_numbers_in_scientific_notation_are_numbers() -> None:
    for word in ("1e-6", "1E-6", "1.0e-6"):
        problem = read(f"method: random\nparameters: {{x: {{min: {word}, max: 1e-3}}}}\n")
        (parameter,) = problem.space.parameters
        assert (parameter.distribution, parameter.min) == ("uniform", 1e-6)


def test_what_the_official_client_makes_of_scientific_notation_is_a_number() -> None:
    """Its YAML library reads 1e-6 as text, and writes that text without quotes."""
    config = with_parameter({"min": "1e-6", "max": "1e-3"})
    problem, found = read_config(yaml.safe_dump(config))
    assert problem is not None
    assert problem.space.parameters[0].min == 1e-6
    assert not found


def test_a_number_in_quotes_is_a_number_with_a_warning() -> None:
    problem, found = read_config(with_parameter({"min": "1e-6", "max": "1e-3"}))
    assert problem is not None
    assert problem.space.parameters[0].min == 1e-6
    assert {each.severity for each in found} == {"warning"}


@pytest.mark.parametrize(
    ("shape", "distribution"),
    [
        ({"value": None}, "constant"),
        ({"value": [1, 2]}, "constant"),
        ({"values": [None, 1]}, "categorical"),
        ({"values": [1, 2], "probabilities": [0.5, 0.5]}, "categorical_w_probabilities"),
        ({"min": 0, "max": 1}, "int_uniform"),
        ({"min": 0.0, "max": 1.0}, "uniform"),
        ({"min": 0, "max": 1.0}, "uniform"),
        ({"values": [1], "distribution": "categorical"}, "categorical"),
        ({"distribution": "normal"}, "normal"),
    ],
)
def test_the_distribution_is_the_one_that_wb_infers(
    shape: dict[str, Any], distribution: str
) -> None:
    assert read(with_parameter(shape)).space.parameters[0].distribution == distribution


@pytest.mark.parametrize(
    ("shape", "path", "message"),
    [
        ({"min": 3, "max": 1}, "parameters.x.min", "min 3 is above max 1"),
        ({"min": 3, "max": 3}, "parameters.x.min", "both 3"),
        ({"min": 3}, "parameters.x", "has no max"),
        ({"min": "low", "max": 3}, "parameters.x.min", "a number, not the text"),
        ({"min": True, "max": 3}, "parameters.x.min", "a number, not true"),
        ({"min": None, "max": 3}, "parameters.x.min", "is empty"),
        ({"min": 0.0, "max": float("inf")}, "parameters.x.max", "no number"),
        ({"min": 0, "max": 10**400}, "parameters.x.max", "too large"),
        ({"values": [1, 10**400]}, "parameters.x.values[1]", "too large"),
        ({"min": "${LOW}", "max": 3}, "parameters.x.min", "not replaced"),
        ({"values": []}, "parameters.x.values", "is empty"),
        ({"values": None}, "parameters.x.values", "is empty"),
        ({"values": 3}, "parameters.x.values", "must be a list"),
        ({"values": [1, float("nan")]}, "parameters.x.values[1]", "no number"),
        ({"value": 1, "values": [1]}, "parameters.x.value", "value and values"),
        ({"values": [1, 2], "probabilities": [1]}, "parameters.x.probabilities", "1 numbers"),
        ({"values": [1, 2], "probabilities": [1, 1]}, "parameters.x.probabilities", "adds up to 2"),
        ({"values": [1, 2], "probabilities": [2, -1]}, "parameters.x.probabilities[0]", "0 to 1"),
        ({"distribution": "normal", "sigma": -1}, "parameters.x.sigma", "at least 0"),
        ({"distribution": "beta", "a": 0}, "parameters.x.a", "above 0"),
        ({"distribution": "gauss", "min": 0, "max": 1}, "parameters.x.distribution", "unknown"),
        ({"distribution": "uniform", "values": [1]}, "parameters.x", "uniform needs min and max"),
        ({"distribution": "int_uniform", "min": 0.5, "max": 2}, "parameters.x.min", "whole"),
        ({"distribution": "log_uniform_values", "min": 0, "max": 2}, "parameters.x.min", "no 0"),
        ({"distribution": "log_uniform", "min": 1, "max": 10**5}, "parameters.x.max", "no number"),
        ({"distribution": "q_uniform", "min": 1, "max": 2, "q": 5}, "parameters.x.q", "multiple"),
        ({"distribution": "q_uniform", "min": 1, "max": 2, "q": 0}, "parameters.x.q", "above 0"),
        ({"min": 1, "max": 2, "q": 1}, "parameters.x.q", "distribution with steps"),
        ({"mu": 1}, "parameters.x", "no distribution"),
        ({"lr": {"values": [1]}}, "parameters.x", "no parameter"),
        ({"colour": "red"}, "parameters.x", "says nothing"),
        ({"parameters": {}}, "parameters.x.parameters", "is empty"),
        ({"parameters": {"y": {"value": 1}}, "min": 1}, "parameters.x.min", "is a group"),
        ([1, 2], "parameters.x", "is a list, and must be a map"),
        (3, "parameters.x", "the number 3"),
        (None, "parameters.x", "is empty"),
    ],
)  # fmt: skip
def test_a_parameter_that_cannot_be_is_refused(shape: Any, path: str, message: str) -> None:
    (error,) = errors_of(with_parameter(shape))
    assert error.path == path
    assert message in error.message


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"method": None}, "method", "is empty"),
        ({"method": "bayesian"}, "method", "'bayesian' is unknown"),
        ({"method": 3}, "method", "'3' is unknown"),
        ({"metric": None}, "metric", "is empty"),
        ({"metric": "loss"}, "metric", "must be a map"),
        ({"metric": {"goal": "minimize"}}, "metric", "has no name"),
        ({"metric": {"name": "loss", "goal": "max"}}, "metric.goal", "'max' is unknown"),
        ({"metric": [{"name": "a"}]}, "metric", "must be one metric"),
        ({"metrics": [{"name": "a"}]}, "metrics", "metric and metrics"),
        ({"parameters": {}}, "parameters", "is empty"),
        ({"parameters": [1]}, "parameters", "must be a map"),
        ({"run_cap": 0}, "run_cap", "at least 1"),
        ({"run_cap": 1.5}, "run_cap", "whole number"),
        ({"budget": {"usd": "much"}}, "budget.usd", "must be a number"),
        ({"budget": -1}, "budget", "above 0"),
        ({"early_terminate": {"min_iter": 3}}, "early_terminate", "no type"),
        ({"early_terminate": {"type": "hyperband"}}, "early_terminate", "no min_iter"),
        (
            {"early_terminate": {"type": "hyperband", "max_iter": 27}},
            "early_terminate",
            "needs s",
        ),
        (
            {"early_terminate": {"type": "hyperband", "max_iter": 2, "s": 2, "eta": 3}},
            "early_terminate",
            "can never stop",
        ),
        ({"early_terminate": {"type": "halving"}}, "early_terminate.type", "unknown"),
        ({"constraints": ["x <"]}, "constraints[0]", "character"),
        ({"constraints": "x < 3"}, "constraints", "must be a list"),
        ({"constraints": [3]}, "constraints[0]", "must be an expression"),
        ({"constraints": ["x < 0", "x > 3"]}, "constraints[0]", "combinations"),
        ({"command": ["${program}"]}, "command", "no program"),
        ({"cross_validation": {"penalty": 1}}, "cross_validation", "neither folds nor seeds"),
        ({"phases": [{"fraction": 0.1}, {}]}, "phases[0]", "has no runs"),
        ({"phases": {"broad": {"fraction": 2, "runs": 3}}}, "phases.broad.fraction", "at most 1"),
    ],
)
def test_a_section_that_cannot_be_is_refused(
    change: dict[str, Any], path: str, message: str
) -> None:
    good: dict[str, Any] = {
        "method": "bayes",
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {"x": {"values": [1, 2, 3]}},
    }
    assert not errors_of(good)
    (error,) = errors_of({**good, **change})
    assert error.path == path
    assert message in error.message


def test_bayes_and_early_termination_need_a_metric() -> None:
    (error,) = errors_of(with_parameter({"values": [1]}, method="bayes"))
    assert "needs a metric" in error.message
    stopping = {"early_terminate": {"type": "hyperband", "min_iter": 3}}
    (error,) = errors_of({**with_parameter({"values": [1]}, method="grid"), **stopping})
    assert "needs a metric" in error.message


def test_one_slip_is_one_error_and_all_slips_are_found_at_once() -> None:
    errors = errors_of(
        "methd: bayes\n"
        "metirc: {name: loss, gaol: minimize}\n"
        "parameters:\n"
        "  lr: {min: 3, max: 1}\n"
        "  batch_size: {value: [16, 32]}\n"
        "  drop: {values: }\n"
    )
    assert [(error.line, error.path) for error in errors] == [
        (1, "methd"),
        (2, "metirc"),
        (2, "metirc.gaol"),
        (4, "parameters.lr.min"),
        (6, "parameters.drop.values"),
    ]
    assert errors[0].suggestion == "did you mean 'method'?"


def test_a_key_without_a_meaning_is_warned_of_and_those_of_others_are_not() -> None:
    config = {
        **with_parameter({"values": [1]}),
        "controller": {"type": "local"},
        "image_uri": "x",
        "job": "y",
        "description": "",
        "settings": {},
        "launch": {"queue": "q"},
        "zebra": 1,
    }
    problem, found = read_config(config)
    assert problem is not None
    assert [(each.severity, each.path) for each in found] == [("warning", "zebra")]
    assert problem.raw["zebra"] == 1


def test_nested_parameters_have_dotted_names_and_nested_configurations() -> None:
    problem = read(
        with_parameter(
            {"parameters": {"lr": {"value": 0.1}, "inner": {"parameters": {"n": {"value": 1}}}}}
        )
    )
    space = problem.space
    assert [parameter.name for parameter in space.parameters] == ["x.inner.n", "x.lr"]
    flat = {"x.inner.n": 1, "x.lr": 0.1}
    nested = {"x": {"inner": {"n": 1}, "lr": 0.1}}
    assert space.nest(flat) == nested
    assert space.flatten({**nested, "other": 3}) == flat
    assert space.flatten({"x.lr": 0.1, "x": {"inner": 3}}) == {"x.lr": 0.1}


def test_two_spellings_of_one_name_are_refused() -> None:
    (error,) = errors_of(
        {
            "method": "random",
            "parameters": {"a.b": {"value": 1}, "a": {"parameters": {"b": {"value": 2}}}},
        }
    )
    assert "two parameters are called 'a.b'" in error.message


def test_a_condition_is_looked_for_in_its_group_first() -> None:
    problem = read(
        {
            "method": "random",
            "parameters": {
                "kind": {"values": ["out"]},
                "group": {
                    "parameters": {
                        "kind": {"values": ["in", "other"]},
                        "x": {"values": [1], "condition": {"kind": "in"}},
                        "y": {"values": [1], "condition": {"kind": ["in", "other"]}},
                    }
                },
                "z": {"values": [1], "condition": {"group.kind": "other", "kind": "out"}},
            },
        }
    )
    conditions = {
        parameter.name: [(each.parameter, each.values) for each in parameter.conditions]
        for parameter in problem.space.parameters
        if parameter.conditions
    }
    assert conditions == {
        "group.x": [("group.kind", ("in",))],
        "group.y": [("group.kind", ("in", "other"))],
        "z": [("group.kind", ("other",)), ("kind", ("out",))],
    }


def test_a_condition_on_a_group_holds_for_all_in_it() -> None:
    space = read(
        {
            "method": "random",
            "parameters": {
                "opt": {"values": ["adam", "sgd"]},
                "sgd": {"condition": {"opt": "sgd"}, "parameters": {"m": {"min": 0.0, "max": 1.0}}},
            },
        }
    ).space
    assert space.prune({"opt": "adam", "sgd.m": 0.5}) == {"opt": "adam"}
    assert space.prune({"opt": "sgd", "sgd.m": 0.5}) == {"opt": "sgd", "sgd.m": 0.5}


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"opt": "sdg"}, "opt is never 'sdg'"),
        ({"optt": "sgd"}, "no parameter is called 'optt'"),
        ({"x": 1}, "cannot depend on itself"),
        ({"lr": 0.5}, "is continuous"),
        ({"layers": 9}, "layers is never 9"),
        ("sgd", "must be a map"),
        ({"opt": []}, "is empty"),
    ],
)
def test_a_condition_that_never_holds_is_refused(condition: Any, message: str) -> None:
    parameters = {
        "opt": {"values": ["adam", "sgd"]},
        "lr": {"min": 0.0, "max": 1.0},
        "layers": {"min": 1, "max": 4},
        "x": {"values": [1], "condition": condition},
    }
    (error,) = errors_of({"method": "random", "parameters": parameters})
    assert message in error.message


def test_conditions_in_a_circle_are_refused() -> None:
    parameters = {
        "a": {"values": [1], "condition": {"b": 1}},
        "b": {"values": [1], "condition": {"a": 1}},
    }
    (error,) = errors_of({"method": "random", "parameters": parameters})
    assert "in a circle: a, b" in error.message


def test_a_grid_of_a_million_million_points_needs_a_cap() -> None:
    config = {
        "method": "grid",
        "parameters": {name: {"min": 0, "max": 9} for name in "abcdefghijkl"},
    }
    (error,) = errors_of(config)
    assert "1,000,000,000,000 points" in error.message
    assert not errors_of({**config, "run_cap": 10})


def test_a_continuous_parameter_of_a_grid_is_an_error_that_suggests_values() -> None:
    (error,) = errors_of(with_parameter({"min": 0.0, "max": 1.0}, method="grid"))
    assert error.path == "parameters.x"
    assert "values: [0, 0.25, 0.5, 0.75, 1]" in (error.suggestion or "")


def test_constraints_are_split_by_when_they_are_known() -> None:
    space = read(
        {
            **with_parameter({"values": [1, 2]}),
            "constraints": ["x < 2", "gpu_hours <= 2", "x * seconds < 10"],
        }
    ).space
    assert [each.text for each in space.input_constraints] == ["x < 2"]
    assert [each.text for each in space.outcome_constraints] == [
        "gpu_hours <= 2",
        "x * seconds < 10",
    ]
    assert space.is_feasible({"x": 1})
    assert not space.is_feasible({"x": 2})


def test_variables_of_the_environment_are_replaced_where_it_is_given() -> None:
    text = (
        "method: random\n"
        "budget: ${BUDGET_USD}\n"
        "program: ${FOLDER}/train.py\n"
        'command: ["${env}", "python", "${program}"]\n'
        "parameters:\n"
        "  x: {min: 0, max: \"${MOST:-7}\"}\n"
    )  # fmt: skip
    problem = read(text, environment={"BUDGET_USD": "200", "FOLDER": "src"})
    assert problem.budget is not None
    assert problem.budget.usd == 200
    assert problem.program == "src/train.py"
    assert problem.command == ("${env}", "python", "${program}")
    assert problem.space.parameters[0].max == 7
    (first, *_) = errors_of(text, environment={"FOLDER": "src"})
    assert (first.line, first.path) == (2, "budget")
    assert "no BUDGET_USD" in first.message


def test_without_an_environment_variables_stay_text() -> None:
    assert read(with_parameter({"value": "${HOME}/data"})).space.parameters[0].values == (
        "${HOME}/data",
    )


def test_a_composite_metric_names_itself() -> None:
    formula = "0.6*accuracy + 0.3*(1/avg_latency) + 0.1*(1/training_cost)"
    metric = {"expression": f"score = {formula}", "goal": "maximize"}
    (read_metric,) = read({**with_parameter({"values": [1]}), "metric": metric}).metrics
    assert (read_metric.name, read_metric.expression) == ("score", formula)


def test_phases_folds_and_budgets_are_read() -> None:
    problem = read(
        {
            **with_parameter({"values": [1]}),
            "metric": {"name": "loss", "goal": "minimize"},
            "phases": {"broad": {"fraction": 0.05, "runs": 60}, "full": {"gate": "approval"}},
            "cross_validation": {"folds": 5, "seeds": 3, "lambda": 0.5},
            "budget": {"usd": 200, "gpu_hours": 40, "runs": 60, "hours": 12},
            "cost": {"metric": "seconds"},
            "prior_runs": ["a1", "b2"],
        }
    )
    assert [(phase.name, phase.fraction, phase.runs) for phase in problem.phases] == [
        ("broad", 0.05, 60),
        ("full", 1.0, None),
    ]
    assert problem.cross_validation is not None
    assert problem.cross_validation.seeds == (0, 1, 2)
    assert problem.cross_validation.penalty == 0.5
    assert problem.budget is not None
    assert problem.budget.gpu_hours == 40
    assert (problem.cost, problem.prior_runs) == ("seconds", ("a1", "b2"))


@given(parameters=st.dictionaries(st.text("abcdef_", min_size=1), shapes(), min_size=1, max_size=5))
def test_a_dict_and_its_yaml_are_the_same_problem(parameters: dict[str, Any]) -> None:
    config = {"method": "random", "parameters": parameters}
    of_dict, found = read_config(config)
    of_yaml, found_in_yaml = read_config(yaml.safe_dump(config))
    assert of_dict == of_yaml
    assert sorted(each.message for each in found) == sorted(each.message for each in found_in_yaml)
    if of_dict is not None:
        again = read_config(of_dict.raw)[0]
        assert again == of_dict


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.sampled_from(
        ["", "a", "bayes", "grid", "uniform", "log_uniform", "1e-3", "x < 1", "${A}"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(
            ["method", "metric", "metrics", "name", "goal", "parameters", "min", "max", "q", "mu",
             "values", "value", "distribution", "condition", "constraints", "early_terminate",
             "type", "min_iter", "budget", "phases", "cross_validation", "folds", "x", "y"]
        ), inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(junk=JUNK)
def test_reading_never_raises(junk: Any) -> None:
    config = {"method": "grid", "parameters": junk, "metric": junk, "phases": junk}
    for source in (config, junk):
        if isinstance(source, dict):
            problem, found = read_config(source)
            assert (problem is None) is any(each.severity == "error" for each in found)
