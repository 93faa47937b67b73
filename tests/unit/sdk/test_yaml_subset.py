"""The YAML of config files, against PyYAML (which wandb uses) where both understand it."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with wandb
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.sdk.yaml_subset import parse_yaml


class Loader(yaml.SafeLoader):  # type: ignore[misc]  # untyped
    """PyYAML with the numbers of YAML 1.2, as wandb reads them, and keys as text."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        for key, _ in node.value:
            key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if not tag.endswith(("float", "timestamp"))]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.inf)$"),
    list("-+0123456789."),
)

DOCUMENTS = [
    "",
    "# only a comment\n",
    "lr: 1e-3\nwd: 5E-4\nn: 3\nneg: -2\nf: 0.5\ng: .5\nh: 2.\ninf: .inf\nminf: -.inf\n",
    "a: yes\nb: No\nc: on\nd: OFF\ne: true\nf: False\ng: y\n",
    "a: ~\nb: null\nc:\nd: ''\n",
    "a: 0x1f\nb: 0b101\nc: 010\nd: 1_000\ne: 0\n",
    "a:\n  b:\n    c: 1\n  d: 2\ne: 3\n",
    "a:\n- 1\n- 2\nb:\n  - x: 1\n    y: 2\n  - z\n",
    "- - 1\n  - 2\n-\n  - 3\n- a: 1\n  b:\n  - 4\n",
    "a: [1, 2.5, 'x, y', {b: c}, [], {}]\nd: {e: 1, f: [2], 'g h': 3, i: }\n",
    "a: [1,\n    2, # two\n    3]\nb: {c: 1,\n\n  d: 2}\n",
    "a: \"tab\\t \\u00e9 \\\"q\\\" \\\\ \\x41\"\nb: 'it''s'\n\"c d\": 1\n'e: f': 2\n",
    "a: http://x.y/z#frag\nb: a#b\nc: a # b\nd: 'x # y'\n",
    "a: |\n  one\n    two\n\n  three\nb: >\n  one\n  two\n\n  three\nc: 1\n",
    "a: |-\n  one\nb: |+\n  one\n\nc: >-\n  x\n  y\n",
    "--- # start\na: 1\n...\n",
    "---\na: 1\n",
    '{"a": {"b": [1, 2.0, null, true, "x"]}}\n',
    "key with spaces: value with spaces\n1: int key\ntrue: bool key\n",
    "a: -1\n",
    "a:\r\n  b: 1\r\nc: 2\r\n",
    "a: {b: http://x, c: 1}\n",
    "a: x:y\n",
    "a: 1.5.2\nb: v1\nc: 1e\nd: +\ne: 2020-01-01\nf: 1.2.3.4\n",
    "plain text",
    "'quoted'",
    "[1, 2]",
]


@pytest.mark.parametrize("text", DOCUMENTS)
def test_documents_mean_what_they_mean_to_pyyaml(text: str) -> None:
    assert repr(parse_yaml(text, name="f")) == repr(yaml.load(text, Loader))


def test_nan_is_a_number() -> None:
    assert math.isnan(parse_yaml("a: .nan", name="f")["a"])


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: *x\n", 2, "references"),
        ("a: &x 1\n", 1, "anchors"),
        ("a: !t 1\n", 1, "tags"),
        ("<<: {a: 1}\n", 1, "merges"),
        ("? a\n", 1, "keys of several lines"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("a: one\n  two\n", 2, "several lines"),
        ('a: "one\n  two"\n', 1, "closing"),
        ("a: [1, 2\n", 1, "closing bracket"),
        ("a: [1 2, {b}\n", 1, "closing bracket"),
        ("x: 1\na: {b: 1 c: 2}\n", 2, "wanted"),
        ("a: 1\na: 2\n", 2, "second time"),
        ("a: {b: 1, b: 2}\n", 1, "second time"),
        ("a:\n\tb: 1\n", 2, "tab"),
        ("a: b: c\n", 1, "second colon"),
        ("  a: 1\nb: 2\n", 2, "indentation"),
        ("a:\n  b: 1\n c: 2\n", 3, "deeper"),
        ("a\nb: 1\n", 2, "indentation"),
        ("a: 'x' y\n", 1, "follows the value"),
        ('a: "\\q"\n', 1, "no escape"),
        ("a: |x\n  y\n", 1, "wanted"),
        ("- 1\na: 2\n", 2, "indentation"),
        ("a: 1\n- 2\n", 2, "wanted"),
        ("a: @x\n", 1, "quote it"),
        ("a: " + "[" * 100, 1, "levels"),
        ("\n".join(" " * i + "a:" for i in range(100)), 65, "levels"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_yaml(text, name="conf.yaml")
    assert str(caught.value).startswith(f"conf.yaml line {line}: ")
    assert words in str(caught.value)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(
        st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("ab-_ c", min_size=1, max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


def has_float_as_text(value: Any) -> bool:
    if isinstance(value, dict):
        return any(has_float_as_text(part) for part in (*value, *value.values()))
    if isinstance(value, list):
        return any(has_float_as_text(part) for part in value)
    return (
        isinstance(value, str) and re.fullmatch(r"[-+]?[0-9.]+[eE][-+]?[0-9]+", value) is not None
    )


@given(config=st.dictionaries(st.text("abcXYZ_", min_size=1, max_size=6), VALUES, max_size=5))
def test_what_pyyaml_writes_is_read_the_same(config: dict[str, Any]) -> None:
    for flow in (False, None, True):
        text = yaml.safe_dump(config, default_flow_style=flow, allow_unicode=True, width=10**6)
        if has_float_as_text(config):  # a float in YAML 1.2, so PyYAML writes it without quotes
            continue
        if "? " in text or "'\n" in text:  # long or odd keys and texts over lines: refused
            continue
        assert parse_yaml(text, name="f") == (config or {})


@given(text=st.text(alphabet="ab:-[]{}#'\"|>\n ,\\&1.", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_yaml(text, name="f")
    except Invalid as error:
        assert re.match(r"f line \d+: ", str(error))
