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
    from steelyard.search.composite import Composed as Composed
    from steelyard.search.composite import compose as compose
    from steelyard.search.composite import compose_metrics as compose_metrics
    from steelyard.search.config import Diagnostic as Diagnostic
    from steelyard.search.config import read_config as read_config
    from steelyard.search.crossval import Aggregate as Aggregate
    from steelyard.search.crossval import FoldResult as FoldResult
    from steelyard.search.crossval import aggregate as aggregate
    from steelyard.search.expression import Expression as Expression
    from steelyard.search.expression import parse as parse
    from steelyard.search.importance import Importance as Importance
    from steelyard.search.importance import Importances as Importances
    from steelyard.search.importance import measure_importance as measure_importance
    from steelyard.search.pareto import hypervolume as hypervolume
    from steelyard.search.pareto import hypervolume_history as hypervolume_history
    from steelyard.search.pareto import pareto_front as pareto_front
    from steelyard.search.pareto import pareto_ranks as pareto_ranks
    from steelyard.search.pareto import reference_point as reference_point
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
    from steelyard.search.stopping import Rung as Rung
    from steelyard.search.stopping import brackets as brackets
    from steelyard.search.stopping import decide as decide
    from steelyard.search.stopping import list_rungs as list_rungs
    from steelyard.search.trials import Exhausted as Exhausted
    from steelyard.search.trials import Suggestion as Suggestion
    from steelyard.search.trials import Trial as Trial
    from steelyard.search.weighting import Term as Term
    from steelyard.search.weighting import rank_runs as rank_runs
    from steelyard.search.weighting import reweigh as reweigh
    from steelyard.search.weighting import split_terms as split_terms
    from steelyard.search.weighting import term_values as term_values
    from steelyard.search.weighting import weigh as weigh

_HOMES = {
    "composite": ("Composed", "compose", "compose_metrics"),
    "config": ("Diagnostic", "read_config"),
    "crossval": ("Aggregate", "FoldResult", "aggregate"),
    "expression": ("Expression", "parse"),
    "importance": ("Importance", "Importances", "measure_importance"),
    "pareto": (
        "hypervolume",
        "hypervolume_history",
        "pareto_front",
        "pareto_ranks",
        "reference_point",
    ),
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
    "stopping": ("Curve", "Decision", "Rung", "brackets", "decide", "list_rungs"),
    "trials": ("Exhausted", "Suggestion", "Trial"),
    "weighting": ("Term", "rank_runs", "reweigh", "split_terms", "term_values", "weigh"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Aggregate",
    "Budget",
    "Composed",
    "Condition",
    "Constraint",
    "CrossValidation",
    "Curve",
    "Decision",
    "Diagnostic",
    "EarlyTerminate",
    "Exhausted",
    "Expression",
    "FoldResult",
    "Importance",
    "Importances",
    "Metric",
    "Parameter",
    "Phase",
    "Problem",
    "Rung",
    "Space",
    "Suggestion",
    "Term",
    "Trial",
    "aggregate",
    "brackets",
    "compose",
    "compose_metrics",
    "decide",
    "hypervolume",
    "hypervolume_history",
    "list_rungs",
    "measure_importance",
    "pareto_front",
    "pareto_ranks",
    "parse",
    "rank_runs",
    "read_config",
    "reference_point",
    "reweigh",
    "split_terms",
    "suggest",
    "term_values",
    "weigh",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'steelyard.search' has no attribute {name!r}")
    return getattr(import_module(f"steelyard.search.{_HOME_OF[name]}"), name)
