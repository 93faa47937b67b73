from __future__ import annotations

from typing import Any

import pytest

from steelyard.cli.runs import _parse_filters
from steelyard.errors import UsageError


@pytest.mark.parametrize(
    ("texts", "parsed"),
    [
        ([], None),
        (["state=running"], {"state": {"$eq": "running"}}),
        (["config.lr >= 0.1"], {"config.lr": {"$gte": 0.1}}),
        (["loss<1e-3"], {"summary.loss": {"$lt": 0.001}}),
        (["name~^base=1"], {"name": {"$regex": "^base=1"}}),
        (["config.model!=resnet"], {"config.model": {"$ne": "resnet"}}),
        (["group=7"], {"group": {"$eq": "7"}}),
        (["config.on=true"], {"config.on": {"$eq": True}}),
        (['{"tags": "best"}'], {"tags": "best"}),
        (["a=1", "b=2"], {"$and": [{"summary.a": {"$eq": 1}}, {"summary.b": {"$eq": 2}}]}),
    ],
)
def test_conditions(texts: list[str], parsed: Any) -> None:
    assert _parse_filters(tuple(texts)) == parsed


@pytest.mark.parametrize("text", ["state", "=1", "", "{broken"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--filter"):
        _parse_filters((text,))
