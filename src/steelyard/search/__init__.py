"""Search for good configurations: a pure package, usable alone in a notebook.

    problem, diagnostics = read_config(text_or_dict)      # what is searched
    step = suggest(problem, trials, seed=1)               # what to run next
    decide(problem, curves)                               # which runs to stop now

Everything is a function of its arguments: the same problem, trials and seed give the same
suggestion, today and on another machine. No network, no files, no clock. Names load when they are
first used, so that reading a configuration needs neither numpy nor scipy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# At once and not when it is used: the module has the function's name, and would hide it.
from steelyard.search.suggest import suggest as suggest

if TYPE_CHECKING:
    from steelyard.search.config import Diagnostic as Diagnostic
    from steelyard.search.config import read_config as read_config
    from steelyard.search.expression import Expression as Expression
    from steelyard.search.expression import parse as parse
    from steelyard.search.problem import Budget as Budget
    from steelyard.search.problem import Condition as Condition
    from steelyard.search.problem import Constraint as Constraint
    from steelyard.search.problem import CrossValidation as CrossValidation
    from steelyard.search.problem import EarlyTerminate as EarlyTerminate
    from steelyard.search.problem import Metric as Metric
    from steelyard.search.problem import Parameter as Parameter
    from steelyard.search.problem import Phase as Phase
    from steelyard.search.problem import Problem as Problem
    from steelyard.search.problem import Space as Space
    from steelyard.search.stopping import Curve as Curve
    from steelyard.search.stopping import Decision as Decision
    from steelyard.search.stopping import brackets as brackets
    from steelyard.search.stopping import decide as decide
    from steelyard.search.trials import Exhausted as Exhausted
    from steelyard.search.trials import Suggestion as Suggestion
    from steelyard.search.trials import Trial as Trial

_HOMES = {
    "config": ("Diagnostic", "read_config"),
    "expression": ("Expression", "parse"),
    "problem": (
        "Budget",
        "Condition",
        "Constraint",
        "CrossValidation",
        "EarlyTerminate",
        "Metric",
        "Parameter",
        "Phase",
        "Problem",
        "Space",
    ),
    "stopping": ("Curve", "Decision", "brackets", "decide"),
    "trials": ("Exhausted", "Suggestion", "Trial"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Budget",
    "Condition",
    "Constraint",
    "CrossValidation",
    "Curve",
    "Decision",
    "Diagnostic",
    "EarlyTerminate",
    "Exhausted",
    "Expression",
    "Metric",
    "Parameter",
    "Phase",
    "Problem",
    "Space",
    "Suggestion",
    "Trial",
    "brackets",
    "decide",
    "parse",
    "read_config",
    "suggest",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'steelyard.search' has no attribute {name!r}")
    return getattr(import_module(f"steelyard.search.{_HOME_OF[name]}"), name)
