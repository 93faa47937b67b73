"""From the text or dict of a sweep's configuration to the problem it states.

W&B's language in full, and beyond it `condition:` on a parameter or group, `constraints:`,
`metrics:` with any method, `expression:` of a metric, `budget:`, `cost:`, `cross_validation:`,
`phases:`, `prior_runs:`, `priority:` and `retries:`.

    parameters:
      optimizer: {values: [adam, sgd]}
      momentum: {min: 0.0, max: 0.99, condition: {optimizer: sgd}}
    constraints: ["batch_size * lora_r <= 1024", "gpu_hours <= 2"]
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, get_args

from steelyard.search.diagnostics import Diagnostic, Edit, Report, Section, kind_of, listing
from steelyard.search.problem import Method, Problem, Space
from steelyard.search.read_parameters import read_parameters
from steelyard.search.read_sections import (
    read_budget,
    read_constraints,
    read_cost,
    read_cross_validation,
    read_early_terminate,
    read_metrics,
    read_phases,
    read_texts,
)
from steelyard.search.yaml_source import (
    Path,
    Source,
    SourceError,
    read_mapping,
    read_yaml,
    scalar_of,
)

__all__ = ["Diagnostic", "Edit", "read_config"]

KEYS = (
    "method", "parameters", "metric", "metrics", "early_terminate", "run_cap", "program", "command",
    "name", "description", "entity", "project", "constraints", "budget", "cost",
    "cross_validation", "phases", "prior_runs", "priority", "retries",
)  # fmt: skip
# Keys that clients of W&B send and that concern others: launch, the local controller, the CLI.
OTHERS_KEYS = (
    "apiVersion", "kind", "controller", "settings", "scheduler", "job", "image_uri", "imageuri",
    "launch", "queue", "resource", "resource_args", "template_variables",
    "template_variable_values", "wandb_version",
)  # fmt: skip
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def read_config(
    source: str | Mapping[str, Any],
    *,
    known_metrics: Collection[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[Problem | None, list[Diagnostic]]:
    """Read and check a configuration. Never raises for what is in it.

    Args:
        source: YAML or JSON text, or a dict; both mean the same.
        known_metrics: the keys that runs are known to log, if they are known: a metric that is not
            among them is warned of.
        environment: `${NAME}` and `${NAME:-default}` are replaced from it, and a name that it
            lacks is an error. Without it they stay as text. Never replaced in `command:`, whose
            macros are the agent's.
    Returns:
        The problem, None where there is an error; what is to be said, in the order of the text.
    """
    try:
        read = read_yaml(source) if isinstance(source, str) else read_mapping(source)
    except SourceError as error:
        return None, [
            Diagnostic(
                severity="error",
                path="",
                line=error.line,
                message=error.reason,
                suggestion=error.suggestion,
            )
        ]
    report = Report(read)
    problem = _read_problem(report, environment)
    if problem is not None:
        from steelyard.search.lint import lint

        lint(report, problem, known_metrics=known_metrics)
    found = sorted(report.found, key=lambda each: each.line or 0)
    return (None if report.has_errors else problem), found


def _read_problem(report: Report, environment: Mapping[str, str] | None) -> Problem | None:
    """The problem as far as it can be read, so that one look finds all errors."""
    value = report.source.value
    if not isinstance(value, Mapping) or not value:
        what = f"must be a map, not {kind_of(value)}" if value else "is empty"
        report.error((), what, "begin with method: bayes and parameters:")
        return None
    if environment is not None:
        value = _replace_variables(report, value, (), environment)
        report.source = Source(value=value, text=report.source.text, places=report.source.places)
    top = Section(report, (), value, (*KEYS, *OTHERS_KEYS))
    top.warn_of_unknown("a configuration", KEYS)
    if "method" in top:
        method = top.choice("method", get_args(Method))
    else:
        method = None
        report.error((), "has no method", "add method: bayes, random or grid")
    metrics = read_metrics(top)
    if not metrics and not report.has_errors:
        _require_metric(report, top, method)
    early_terminate = read_early_terminate(top)
    space = Space(parameters=_read_space(top), constraints=read_constraints(top))
    return Problem(
        method=method or "bayes",  # type: ignore[arg-type]  # without one there is an error
        space=space,
        metrics=metrics,
        early_terminate=early_terminate,
        run_cap=top.integer("run_cap", least=1),
        budget=read_budget(top),
        cost=read_cost(top),
        cross_validation=read_cross_validation(top),
        phases=read_phases(top),
        prior_runs=read_texts(top, "prior_runs") or (),
        priority=top.integer("priority", least=-1000) or 0,
        retries=top.integer("retries", least=0),
        program=top.text("program"),
        command=read_texts(top, "command"),
        name=top.text("name"),
        description=top.text("description") if top.get("description") else None,
        entity=top.text("entity") if top.get("entity") else None,
        project=top.text("project") if top.get("project") else None,
        raw=dict(value),
    )


def _require_metric(report: Report, top: Section, method: str | None) -> None:
    if method == "bayes":
        report.error(
            (), "method bayes needs a metric", "add metric: {name: val_loss, goal: minimize}"
        )
    elif top.get("early_terminate"):
        report.error(
            top.at("early_terminate"),
            "stopping runs early needs a metric",
            "add metric: {name: val_loss, goal: minimize}",
        )


def _read_space(top: Section) -> tuple[Any, ...]:
    if "parameters" not in top:
        scheduler = top.get("scheduler")
        # sweeps 0.3.0 config/cfg.py: a custom scheduler may bring its own search space.
        if not (isinstance(scheduler, Mapping) and scheduler.get("search_space")):
            top.report.error((), "has no parameters", "add parameters: {lr: {values: [0.1, 0.01]}}")
        return ()
    return read_parameters(top.report, top.at("parameters"), top.get("parameters"))


def _replace_variables(
    report: Report, value: Any, path: Path, environment: Mapping[str, str]
) -> Any:
    if path == ("command",):
        return value
    if isinstance(value, Mapping):
        return {
            key: _replace_variables(report, item, (*path, key), environment)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _replace_variables(report, item, (*path, at), environment)
            for at, item in enumerate(value)
        ]
    if not isinstance(value, str) or "${" not in value:
        return value
    missing = [
        match[1]
        for match in VARIABLE.finditer(value)
        if match[1] not in environment and match[2] is None
    ]
    if missing:
        report.error(
            path,
            f"the environment has no {listing(missing)}",
            f"export {missing[0]}=…, or write a default: ${{{missing[0]}:-…}}",
        )
        return value
    text = VARIABLE.sub(lambda match: environment.get(match[1], match[2] or ""), value)
    # Quoted or not: in {max: "${LIMIT}"} YAML demands the quotes, and a number is meant.
    return scalar_of(text) if VARIABLE.fullmatch(value) else text
