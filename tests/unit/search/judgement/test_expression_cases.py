"""The browser evaluates the language, too: these cases hold the answers that it has to give.

`python -m tests.unit.search.judgement.test_expression_cases` writes them anew.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from steelyard.errors import ExpressionError
from steelyard.search.composite import compose
from steelyard.search.expression import parse
from steelyard.search.weighting import split_terms

CASES = Path(__file__).parents[4] / "web/src/features/sweeps/analysis/fixtures/expressions.json"
NAMES = ("a", "b.c", "`val/loss`", "gone", "word")
RUNS: list[dict[str, Any]] = [
    {"a": 1.5, "b.c": -2.0, "val/loss": 0.25, "word": "adam"},
    {"a": -3.0, "b.c": 7.0, "val/loss": 1e-3, "word": "sgd"},
    {"a": 0.0, "b.c": 0.1, "val/loss": 100.0, "word": 3},
    {"a": True, "b.c": 1.0, "val/loss": None},
    {"a": 1e200, "b.c": 1e-200, "val/loss": 5.0, "word": "adam"},
]
UNARY = ("-{}", "not {}", "abs({})", "sqrt({})", "log({})", "exp({})", "({})", "+{}")
BINARY = (
    *("{} + {}", "{} - {}", "{}*{}", "{}/{}", "{}//{}", "{} % {}", "{}**{}"),
    *("{} < {}", "{} >= {}", "{} == {}", "{} != {}", "{} and {}", "{} or {}"),
    *("min({}, {})", "max({}, {}, 1)", "norm_cap({}, {})", "clip({}, {}, 2)"),
)


def write_expression(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.15:
        number = rng.choice(("0", "1", "2", "0.1", "3.5", "1e-3", "7", "'adam'"))
        return rng.choice((number, rng.choice(NAMES), rng.choice(NAMES)))
    if rng.random() < 0.3:
        return rng.choice(UNARY).format(write_expression(rng, depth - 1))
    parts = [write_expression(rng, depth - 1) for _ in range(2)]
    if rng.random() < 0.4:
        parts = [f"({part})" for part in parts]
    return rng.choice(BINARY).format(*parts)


def make_cases(count: int = 400) -> dict[str, Any]:
    """Random expressions with their answers for every run, zscores, summands, and refusals."""
    rng = random.Random(5)
    answers, refused = [], []
    while len(answers) < count:
        text = write_expression(rng, rng.randint(1, 4))
        try:
            expression = parse(text)
        except ExpressionError as error:
            if len(refused) < count // 4:
                refused.append({"text": text, "at": error.at})
            continue
        values = [expression.evaluate(run) for run in RUNS]
        terms = [[term.weight, term.text] for term in split_terms(expression)]
        answers.append({"text": text, "values": values, "terms": terms})
    scores = []
    for text in ("zscore(a)", "zscore(`val/loss`) - 2*zscore(b.c)", "zscore(1)", "zscore(gone)"):
        found = compose(parse(text, across_runs=True), RUNS[:4]).values.tolist()
        scores.append({"text": text, "values": [None if v != v else v for v in found]})
    return {"runs": RUNS, "answers": answers, "scores": scores, "refused": refused}


def test_the_cases_that_the_browser_is_tested_with_are_up_to_date() -> None:
    assert json.loads(CASES.read_text()) == json.loads(json.dumps(make_cases()))


def test_the_cases_hold_values_and_gaps() -> None:
    values = [value for each in make_cases()["answers"] for value in each["values"]]
    assert sum(value is None for value in values) > 100
    assert sum(value is not None for value in values) > 300
    assert parse("1 // 0.1").evaluate({}) == 9.0  # and not floor(10.0)


if __name__ == "__main__":
    CASES.parent.mkdir(parents=True, exist_ok=True)
    CASES.write_text(json.dumps(make_cases(), ensure_ascii=False) + "\n")
