"""`parameters:` of a configuration: nested maps become a list of parameters, parents first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from steelyard.limits import SWEEP_PARAMETERS_MAX
from steelyard.search import distributions
from steelyard.search.diagnostics import Report, Section, kind_of, short
from steelyard.search.parameter import Parameter, is_number
from steelyard.search.read_conditions import Found, attach_conditions, read_condition
from steelyard.search.read_values import read_probabilities, read_values
from steelyard.search.yaml_source import Path

RANGE = ("min", "max")
# The keys each distribution takes. Source: sweeps 0.3.0 config/schema.json.
DISTRIBUTIONS: dict[str, tuple[str, ...]] = {
    "constant": ("value",),
    "categorical": ("values",),
    "categorical_w_probabilities": ("values", "probabilities"),
    "int_uniform": RANGE,
    "uniform": RANGE,
    "q_uniform": (*RANGE, "q"),
    "log_uniform": RANGE,
    "log_uniform_values": RANGE,
    "q_log_uniform": (*RANGE, "q"),
    "q_log_uniform_values": (*RANGE, "q"),
    "inv_log_uniform": RANGE,
    "inv_log_uniform_values": RANGE,
    "normal": ("mu", "sigma"),
    "q_normal": ("mu", "sigma", "q"),
    "log_normal": ("mu", "sigma"),
    "q_log_normal": ("mu", "sigma", "q"),
    "beta": ("a", "b"),
    "q_beta": ("a", "b", "q"),
}
SHAPE_KEYS = frozenset(key for keys in DISTRIBUTIONS.values() for key in keys)
KEYS = (*sorted(SHAPE_KEYS), "distribution", "parameters", "condition", "description")
EXPONENT_MAX = 700.0  # e^700 is near the largest float
Q_DEFAULT = 1.0


def read_parameters(report: Report, place: Path, value: Any) -> tuple[Parameter, ...]:
    """All parameters below `place`, in W&B's order: by name on every level.

    Source of the order: sweeps 0.3.0 params.py, `HyperParameterSet.from_config`. It decides in
    which order a grid is walked, and makes a dict and a YAML text with other line order the same.
    """
    found: list[Found] = []
    _read_group(report, place, value, (), [], found)
    if len(found) > SWEEP_PARAMETERS_MAX:
        report.error(
            place,
            f"has {len(found):,} parameters; the limit SWEEP_PARAMETERS_MAX is "
            f"{SWEEP_PARAMETERS_MAX:,}",
            "a long list of constants fits into one constant that is a map or a list",
        )
        return ()
    names: dict[str, Path] = {}
    for each in found:
        if each.name in names:
            report.error(
                each.place, f"two parameters are called {each.name!r}", "rename one of them"
            )
        names[each.name] = each.place
    return attach_conditions(report, found)


def _read_group(
    report: Report,
    place: Path,
    value: Any,
    prefix: tuple[str, ...],
    wanted: list[tuple[Path, str, Any]],
    found: list[Found],
) -> None:
    if not isinstance(value, Mapping) or not value:
        what = f"must be a map of parameters, not {kind_of(value)}" if value else "is empty"
        report.error(place, what, "name a parameter with its values: lr: {values: [0.1, 0.01]}")
        return
    for name, item in sorted(value.items()):
        at, path = (*place, name), (*prefix, name)
        if not isinstance(item, Mapping) or not item:
            _refuse_bare_value(report, at, item)
            found.append(Found(name=".".join(path), parameter=None, place=at, wanted=[]))
            continue
        section = Section(report, at, item, KEYS)
        conditions = wanted + read_condition(section, prefix)
        if "parameters" in section:
            extra = [key for key in section.values if key in SHAPE_KEYS or key == "distribution"]
            if extra:
                report.error(
                    (*at, extra[0]),
                    f"{name} is a group of parameters and cannot have {extra[0]!r} of its own",
                    "move it into one of the parameters of the group",
                )
            inner = section.get("parameters")
            _read_group(report, (*at, "parameters"), inner, path, conditions, found)
            continue
        parameter = _read_parameter(section, path)
        found.append(Found(name=".".join(path), parameter=parameter, place=at, wanted=conditions))


def _refuse_bare_value(report: Report, at: Path, item: Any) -> None:
    """`lr: 0.1`, `lr: [0.1, 0.2]`, `lr:` instead of a map."""
    written = report.text_at(at)
    one_line = written if written is not None and "\n" not in written else None
    if isinstance(item, list) and item:
        report.error(
            at,
            "is a list, and must be a map",
            f"write {at[-1]}: {{values: …}}",
            fix=report.value_edit(at, f"{{values: {one_line}}}") if one_line else (),
        )
    elif item in (None, "", [], {}):
        report.error(at, "is empty", "give it values: [...], value: or min: and max:")
    else:
        report.error(
            at,
            f"is {kind_of(item)}, and must be a map",
            f"write {at[-1]}: {{value: …}} for a constant",
            fix=report.value_edit(at, f"{{value: {one_line}}}") if one_line else (),
        )


def _read_parameter(section: Section, path: tuple[str, ...]) -> Parameter | None:
    errors = len(section.report.found)
    kind = _distribution_of(section)
    if kind is None:
        return None
    section.warn_of_unknown("a parameter", KEYS)
    _warn_of_unused(section, kind)
    values: tuple[Any, ...] = ()
    probabilities = None
    if kind == "constant":
        values = (section.get("value"),)
    elif kind.startswith("categorical"):
        values = read_values(section)
        if kind == "categorical_w_probabilities":
            probabilities = read_probabilities(section, len(values))
    keys = DISTRIBUTIONS[kind]
    low = high = None
    if "min" in keys:
        low, high = _read_range(section, kind)
    sigma = section.number("sigma", least=0.0) if "sigma" in keys else None
    parameter = Parameter(
        name=".".join(path),
        path=path,
        distribution=kind,
        values=values,
        probabilities=probabilities,
        min=low,
        max=high,
        mu=_or(section.number("mu"), 0.0) if "mu" in keys else None,
        sigma=_or(sigma, 1.0) if "sigma" in keys else None,
        a=_or(section.number("a", above=0.0), 1.0) if "a" in keys else None,
        b=_or(section.number("b", above=0.0), 1.0) if "b" in keys else None,
        q=_or(section.number("q", above=0.0), Q_DEFAULT) if "q" in keys else None,
    )
    if any(each.severity == "error" for each in section.report.found[errors:]):
        return None
    if "q" in keys and not _has_multiple(parameter):
        section.report.error(
            section.at("q") if "q" in section else section.path,
            f"no multiple of q = {short(parameter.q)} lies between min and max",
            "make q smaller",
        )
        return None
    return parameter


def _distribution_of(section: Section) -> str | None:
    """The distribution that is named, or that the keys mean. None where they mean none."""
    report = section.report
    if "distribution" in section:
        kind = section.choice("distribution", DISTRIBUTIONS)
        if kind is None:
            return None
        if kind == "categorical" and "probabilities" in section:
            kind = "categorical_w_probabilities"
        missing = [k for k in DISTRIBUTIONS[kind] if k not in section and k in _REQUIRED]
        if missing:
            report.error(section.path, f"{kind} needs {' and '.join(missing)}", _instead(section))
            return None
        return kind
    if "value" in section and "values" in section:
        report.error(section.at("value"), "has value and values", "keep one of them")
        return None
    if "values" in section:
        return "categorical_w_probabilities" if "probabilities" in section else "categorical"
    if "min" in section and "max" in section:
        return _uniform_of(section)
    if "value" in section:
        return "constant"
    if "min" in section or "max" in section:
        missing_end = "max" if "min" in section else "min"
        report.error(section.path, f"has no {missing_end}", "a range has both ends, min and max")
    elif any(key in section for key in ("mu", "sigma", "a", "b")):
        kind = "normal" if "mu" in section or "sigma" in section else "beta"
        report.error(section.path, "has no distribution", f"add distribution: {kind}")
    elif section.unknown and any(isinstance(item, Mapping) for item in _unknown_values(section)):
        report.error(
            section.path,
            f"{section.path[-1]} is no parameter: it has no value, values, min and max",
            f"put its parameters one level deeper: {section.path[-1]}: {{parameters: {{…}}}}",
        )
    else:
        report.error(section.path, "says nothing about its values", _instead(section))
    return None


_REQUIRED = frozenset({"value", "values", "probabilities", "min", "max"})


def _unknown_values(section: Section) -> list[Any]:
    place: Any = section.report.source.value
    for part in section.report.written(section.path):
        place = place[part]
    return [place[key] for key in section.unknown]


def _instead(section: Section) -> str:
    if "values" in section:
        return "write distribution: categorical for a list of values"
    return "give it values: [...], value: or min: and max:"


def _uniform_of(section: Section) -> str:
    """W&B's rule: two whole numbers are int_uniform, two with a point uniform."""
    low, high = section.get("min"), section.get("max")
    if "q" in section:
        section.report.error(
            section.at("q"), "q needs a distribution with steps", "add distribution: q_uniform"
        )
        return "q_uniform"
    if isinstance(low, int) is isinstance(high, int) or not (is_number(low) and is_number(high)):
        return "int_uniform" if isinstance(low, int) and isinstance(high, int) else "uniform"
    whole = "min" if isinstance(low, int) else "max"
    written = section.get(whole)
    section.report.warn(
        section.at(whole),
        f"{whole} is a whole number and the other end is not: read as uniform "
        "(the official client refuses it)",
        f"write {whole}: {written}.0",
        fix=section.report.value_edit(section.at(whole), f"{written}.0"),
    )
    return "uniform"


def _warn_of_unused(section: Section, kind: str) -> None:
    for key in sorted(SHAPE_KEYS & section.values.keys() - set(DISTRIBUTIONS[kind])):
        suggestion = f"{kind} takes {' and '.join(DISTRIBUTIONS[kind])}; remove {key}"
        if key == "q" and f"q_{kind}" in DISTRIBUTIONS:
            suggestion = f"write distribution: q_{kind} for multiples of q"
        elif key in ("min", "max") and kind in ("normal", "log_normal", "q_normal"):
            suggestion = f"a {kind} distribution has no bounds; remove {key}"
        section.report.warn(
            section.at(key), f"{key} has no effect on a {kind} parameter", suggestion
        )


def _read_range(section: Section, kind: str) -> tuple[float | int | None, float | int | None]:
    low, high = section.number("min"), section.number("max")
    if low is None or high is None:
        return low, high
    report = section.report
    if low > high:
        report.error(
            section.at("min"),
            f"min {short(low)} is above max {short(high)}",
            "exchange the two" if kind != "constant" else None,
        )
    elif low == high:
        report.error(
            section.at("min"), f"min and max are both {short(low)}", f"write value: {short(low)}"
        )
    elif kind == "int_uniform":
        if not (float(low).is_integer() and float(high).is_integer()):
            report.error(
                section.at("min" if not float(low).is_integer() else "max"),
                "int_uniform takes whole numbers",
                "write distribution: uniform",
                fix=report.value_edit(section.at("distribution"), "uniform"),
            )
            return None, None
        return int(low), int(high)
    elif kind.endswith("log_uniform_values") and low <= 0:
        _refuse_zero(section, kind, low, high)
    elif kind.endswith("log_uniform") and max(abs(low), abs(high)) > EXPONENT_MAX:
        _refuse_exponent(section, kind, low, high)
    else:
        return low, high
    return None, None


def _refuse_zero(section: Section, kind: str, low: float, high: float) -> None:
    if high < 0:
        suggestion = f"for exponents of e write distribution: {kind.removesuffix('_values')}"
    else:
        suggestion = f"begin at a small number: min: {short(high / 1000)}"
    section.report.error(
        section.at("min"),
        f"a logarithmic scale has no {short(low)}: min must be above 0",
        suggestion,
    )


def _refuse_exponent(section: Section, kind: str, low: float, high: float) -> None:
    bound = high if abs(high) > EXPONENT_MAX else low
    fix = section.report.value_edit(section.at("distribution"), f"{kind}_values") if low > 0 else ()
    section.report.error(
        section.at("max" if bound == high else "min"),
        f"min and max of {kind} are exponents of e, and e^{short(bound)} is no number",
        f"for values from {short(low)} to {short(high)} write distribution: {kind}_values"
        if low > 0
        else "write the bounds as exponents of e",
        fix=fix,
    )


def _has_multiple(parameter: Parameter) -> bool:
    assert parameter.q is not None
    low, high = distributions.bounds(parameter)
    if math.isinf(low) or math.isinf(high):
        return True
    return math.floor(high / parameter.q + 1e-9) >= math.ceil(low / parameter.q - 1e-9)


def _or(value: float | int | None, default: float) -> float | int:
    return default if value is None else value
