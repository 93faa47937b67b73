"""The sections of a configuration beside its parameters: metrics, stopping, budget, phases, …"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from steelyard.errors import ExpressionError
from steelyard.search import expression
from steelyard.search.diagnostics import Report, Section, kind_of
from steelyard.search.problem import (
    Budget,
    Constraint,
    CrossValidation,
    EarlyTerminate,
    Goal,
    Impute,
    ImputeWhileRunning,
    Metric,
    Phase,
    StoppingRule,
)
from steelyard.search.yaml_source import Path

METRIC_KEYS = (
    "name", "goal", "target", "impute", "impute_while_running", "weight", "expression",
)  # fmt: skip
STOPPING_KEYS = (
    "type", "min_iter", "max_iter", "s", "eta", "strict", "warmup", "min_trials", "confidence",
)  # fmt: skip
BUDGET_KEYS = ("runs", "hours", "gpu_hours", "usd", "stop_running")
CROSS_VALIDATION_KEYS = ("folds", "seeds", "penalty", "lambda", "max_std")
PHASE_KEYS = ("name", "fraction", "runs", "top", "margin", "narrow", "gate")
ASSIGNED = re.compile(r"\s*([^\W\d]\w*)\s*=(?!=)\s*(.+)", re.DOTALL)


def read_metrics(top: Section) -> tuple[Metric, ...]:
    """`metric:` (one) or `metrics:` (a list)."""
    report = top.report
    if "metric" in top and "metrics" in top:
        report.error(
            top.at("metrics"),
            "metric and metrics are both there",
            "keep metric for one objective, metrics for several",
        )
        return ()
    if "metric" in top:
        value = top.get("metric")
        if isinstance(value, list):
            report.error(
                top.at("metric"),
                "must be one metric, not a list",
                "write metrics: for several",
                fix=report.key_edit(top.at("metric"), "metrics"),
            )
            return ()
        metric = _read_metric(report, top.at("metric"), value)
        return () if metric is None else (metric,)
    if "metrics" not in top:
        return ()
    items = top.get("metrics")
    if not isinstance(items, list) or not items:
        what = f"must be a list, not {kind_of(items)}" if items else "is empty"
        report.error(top.at("metrics"), what, "write metrics: [{name: loss, goal: minimize}, …]")
        return ()
    metrics = [_read_metric(report, top.at("metrics", at), item) for at, item in enumerate(items)]
    names = [metric.name for metric in metrics if metric is not None]
    for at, name in enumerate(names):
        if name in names[:at]:
            report.error(top.at("metrics", at, "name"), f"{name!r} is there twice", "remove one")
    return tuple(metric for metric in metrics if metric is not None)


def _read_metric(report: Report, place: Path, value: Any) -> Metric | None:
    if isinstance(value, str) and value.strip():
        written = report.text_at(place)
        report.error(
            place,
            f"must be a map, not {kind_of(value)}",
            f"write {{name: {value}, goal: minimize}}",
            fix=report.value_edit(place, f"{{name: {written}}}") if written else (),
        )
        return None
    if not isinstance(value, Mapping) or not value:
        what = f"must be a map, not {kind_of(value)}" if value else "is empty"
        report.error(place, what, "write {name: val_loss, goal: minimize}")
        return None
    section = Section(report, place, value, METRIC_KEYS)
    section.warn_of_unknown("a metric", METRIC_KEYS)
    if "goal" not in section:
        _warn_of_default_goal(section)
    goal = section.choice("goal", get_args(Goal)) or "minimize"
    if section.get("impute_while_running") is False:  # YAML's false for W&B's text "false"
        section.values["impute_while_running"] = "false"
    name, formula = section.text("name"), _read_formula(section)
    if formula is not None and name is None:
        name = formula[0]
    if name is None:
        if "name" not in section and "expression" not in section:
            report.error(place, "has no name", "add name: and the key that your program logs")
        return None
    return Metric(
        name=name,
        goal=goal,  # type: ignore[arg-type]  # choice() gives one of the options
        target=section.number("target"),
        impute=section.choice("impute", get_args(Impute)) or "worst",  # type: ignore[arg-type]
        impute_while_running=section.choice(  # type: ignore[arg-type]
            "impute_while_running", get_args(ImputeWhileRunning)
        )
        or "false",
        weight=section.number("weight", least=0.0),
        expression=None if formula is None else formula[1],
    )


LARGE_IS_GOOD = re.compile(
    r"(?:^|[^a-z])(?:acc|accuracy|auc|auroc|f1|score|reward|return|map|iou|dice|bleu|rouge|recall|"
    r"precision|r2|psnr|ssim|throughput|win_rate)(?:$|[^a-z])"
)
SMALL_IS_GOOD = re.compile(
    r"(?:^|[^a-z])(?:loss|error|err|mse|rmse|mae|nll|perplexity|ppl|latency|fid|wer|cer|cost)"
    r"(?:$|[^a-z])"
)


def _warn_of_default_goal(section: Section) -> None:
    name = section.get("name")
    if isinstance(name, str) and LARGE_IS_GOOD.search(name.lower()):
        section.report.warn(
            section.path,
            f"has no goal, so {name!r} is minimized",
            "add goal: maximize if more is better",
        )


def warn_of_contrary_goal(report: Report, place: Path, metric: Metric) -> None:
    """`loss` that is maximized, `accuracy` that is minimized."""
    name = metric.name.lower()
    contrary = SMALL_IS_GOOD if metric.goal == "maximize" else LARGE_IS_GOOD
    agreeing = LARGE_IS_GOOD if metric.goal == "maximize" else SMALL_IS_GOOD
    if contrary.search(name) and not agreeing.search(name):
        other = "minimize" if metric.goal == "maximize" else "maximize"
        report.warn(
            (*place, "goal"),
            f"goal is {metric.goal}, and {metric.name!r} sounds as if it were to be {other}d",
            f"write goal: {other} if so",
        )


def _read_formula(section: Section) -> tuple[str, str] | None:
    """(name, formula) of `expression:`; "score = 0.6*acc" names itself."""
    text = section.text("expression")
    if text is None:
        return None
    assigned = ASSIGNED.fullmatch(text)
    name, formula = (assigned[1], assigned[2]) if assigned else (text, text)
    try:
        expression.parse(formula, across_runs=True)
    except ExpressionError as error:
        section.report.error(section.at("expression"), str(error))
        return None
    return name, formula


def read_constraints(top: Section) -> tuple[Constraint, ...]:
    """`constraints:`, a list of comparisons."""
    value, report = top.get("constraints"), top.report
    if "constraints" not in top:
        return ()
    place = top.at("constraints")
    if isinstance(value, str):
        report.error(place, f"must be a list, not {kind_of(value)}", f'write ["{value}"]')
        return ()
    if not isinstance(value, list):
        report.error(
            place, f"must be a list, not {kind_of(value)}", 'write ["overlap < chunk_size"]'
        )
        return ()
    constraints = []
    for at, each in enumerate(value):
        if not isinstance(each, str):
            report.error((*place, at), f"must be an expression, not {kind_of(each)}")
            continue
        try:
            constraints.append(Constraint(text=each, expression=expression.parse(each)))
        except ExpressionError as error:
            report.error((*place, at), str(error))
    return tuple(constraints)


def read_early_terminate(top: Section) -> EarlyTerminate | None:
    """`early_terminate:`; null is none at all."""
    if top.get("early_terminate") is None:
        return None
    section = top.section("early_terminate", STOPPING_KEYS)
    if section is None:
        return None
    section.warn_of_unknown("early_terminate", STOPPING_KEYS)
    if "type" not in section:
        top.report.error(section.path, "has no type", "add type: hyperband")
        return None
    kind = section.choice("type", get_args(StoppingRule))
    if kind is None:
        return None
    min_iter, max_iter = section.integer("min_iter", least=1), section.integer("max_iter", least=1)
    # sweeps 0.3.0 config/schema.json: hyperband needs min_iter, or max_iter together with s.
    if kind == "hyperband" and "min_iter" not in section:
        if "max_iter" not in section:
            top.report.error(section.path, "has no min_iter", "add min_iter: or max_iter: and s:")
        elif "s" not in section:
            top.report.error(section.path, "max_iter needs s, too", "add s: 2, or use min_iter:")
    return EarlyTerminate(
        type=kind,  # type: ignore[arg-type]  # choice() gives one of the options
        min_iter=min_iter,
        max_iter=max_iter,
        s=section.integer("s", least=1),
        eta=section.number("eta", above=1.0),
        strict=section.flag("strict"),
        warmup=section.integer("warmup", least=0),
        min_trials=section.integer("min_trials", least=1),
        confidence=section.number("confidence", above=0.0, most=1.0),
    )


def read_budget(top: Section) -> Budget | None:
    """`budget:`, a map; a single number is dollars."""
    if top.get("budget") is None:
        return None
    if not isinstance(top.get("budget"), Mapping):
        usd = top.number("budget", above=0.0)
        return None if usd is None else Budget(usd=usd)
    section = top.section("budget", BUDGET_KEYS)
    if section is None:
        return None
    section.warn_of_unknown("a budget", BUDGET_KEYS)
    return Budget(
        runs=section.integer("runs", least=1),
        hours=section.number("hours", above=0.0),
        gpu_hours=section.number("gpu_hours", above=0.0),
        usd=section.number("usd", above=0.0),
        stop_running=section.flag("stop_running") is not False,
    )


def read_cost(top: Section) -> str | None:
    """`cost: seconds`, or `cost: {metric: gpu_hours}`."""
    if isinstance(top.get("cost"), Mapping):
        section = top.section("cost", ("metric",))
        return None if section is None else section.text("metric")
    return top.text("cost")


def read_cross_validation(top: Section) -> CrossValidation | None:
    """`cross_validation: {folds: 5}`; `seeds` is a number of seeds or a list of them."""
    if top.get("cross_validation") is None:
        return None
    section = top.section("cross_validation", CROSS_VALIDATION_KEYS)
    if section is None:
        return None
    section.warn_of_unknown("cross_validation", CROSS_VALIDATION_KEYS)
    folds = section.integer("folds", least=1)
    seeds: tuple[int, ...] = ()
    given = section.get("seeds")
    if isinstance(given, list):
        if all(isinstance(seed, int) and not isinstance(seed, bool) for seed in given):
            seeds = tuple(dict.fromkeys(given))
        else:
            top.report.error(section.at("seeds"), "must be a list of whole numbers")
    elif "seeds" in section:
        seeds = tuple(range(section.integer("seeds", least=1) or 0))
    if "folds" not in section and "seeds" not in section:
        top.report.error(section.path, "has neither folds nor seeds", "add folds: 5")
    key = "lambda" if "lambda" in section else "penalty"
    return CrossValidation(
        folds=folds or 1,
        seeds=seeds,
        penalty=section.number(key, least=0.0) or 0.0,
        max_std=section.number("max_std", above=0.0),
    )


def read_phases(top: Section) -> tuple[Phase, ...]:
    """`phases:`, a list of maps with a name, or a map from the name to the rest."""
    value, report = top.get("phases"), top.report
    if value is None:
        return ()
    if isinstance(value, Mapping) and value:
        items: list[tuple[Path, str | None, Any]] = [
            (top.at("phases", name), name, item) for name, item in value.items()
        ]
    elif isinstance(value, list) and value:
        items = [(top.at("phases", at), None, item) for at, item in enumerate(value)]
    else:
        report.error(
            top.at("phases"),
            f"must be a list of phases, not {kind_of(value)}",
            "write phases: [{name: broad, fraction: 0.05, runs: 60}, {name: full}]",
        )
        return ()
    phases = [
        _read_phase(report, place, name or f"phase {at + 1}", item)
        for at, (place, name, item) in enumerate(items)
    ]
    for at, phase in enumerate(phases[:-1]):
        if phase is not None and phase.runs is None:
            report.error(
                items[at][0], "has no runs, so that the next phase never begins", "add runs:"
            )
    return tuple(phase for phase in phases if phase is not None)


def _read_phase(report: Report, place: Path, name: str, value: Any) -> Phase | None:
    if not isinstance(value, Mapping):
        report.error(
            place, f"must be a map, not {kind_of(value)}", "write {fraction: 0.05, runs: 60}"
        )
        return None
    section = Section(report, place, value, PHASE_KEYS)
    section.warn_of_unknown("a phase", PHASE_KEYS)
    gate = section.text("gate")
    if gate is not None and gate != "approval":
        try:
            expression.parse(gate)
        except ExpressionError as error:
            report.error(section.at("gate"), str(error), 'or write "approval"')
    narrow = section.flag("narrow")
    return Phase(
        name=section.text("name") or name,
        fraction=section.number("fraction", above=0.0, most=1.0) or 1.0,
        runs=section.integer("runs", least=1),
        top=section.integer("top", least=1) or 10,
        margin=_or(section.number("margin", least=0.0), 0.1),
        narrow=True if narrow is None else narrow,
        gate=gate,
    )


def read_texts(top: Section, key: str) -> tuple[str, ...] | None:
    """A list of texts such as `command:`; None where there is none."""
    value = top.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or any(isinstance(each, list | Mapping) for each in value):
        top.report.error(
            top.at(key), f"must be a list of texts, not {kind_of(value)}", f"write {key}: [a, b]"
        )
        return None
    return tuple("" if each is None else str(each) for each in value)


def _or(value: float | int | None, default: float) -> float:
    return default if value is None else value
