"""The language of constraints and composite metrics: what it means, and what it refuses."""

import math
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard import limits
from steelyard.errors import ExpressionError, Invalid
from steelyard.search.expression import parse


def value_of(text: str, **values: Any) -> float | None:
    return parse(text).evaluate(values)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2*3", 7.0),
        ("(1 + 2)*3", 9.0),
        ("10 - 3 - 2", 5.0),
        ("2**3**2", 512.0),
        ("-2**2", -4.0),
        ("2**-1", 0.5),
        ("7 // 2 + 7 % 4", 6.0),
        ("-7 % 3", 2.0),
        ("1e-6*1E6", 1.0),
        (".5 + 5.", 5.5),
        ("--3", 3.0),
        ("+3", 3.0),
        ("1 < 2 <= 2 < 3", 1.0),
        ("1 < 2 < 2", 0.0),
        ("not 1 < 2", 0.0),
        ("not 0 and 1", 1.0),
        ("1 or 0 and 0", 1.0),
        ("'a' == \"a\" and 'a' != 'b'", 1.0),
        ("'1' == 1", 0.0),
        ("True + true - false", 2.0),
        ("min(3, 1, 2) + max(1, 2)", 3.0),
        ("abs(-2) + sqrt(9) + log(exp(1)) + log10(1000) + log2(8)", 12.0),
        ("clip(5, 0, 1) + clip(-5, 0, 1) + clip(0.5, 0, 1)", 1.5),
        ("norm_cap(250, 1000)", 0.75),
        ("norm_cap(5000, 1000)", 0.0),
    ],
)
def test_arithmetic_has_pythons_precedence(text: str, value: float) -> None:
    assert value_of(text) == pytest.approx(value, rel=1e-12)


def test_the_weighted_score_of_quality_latency_and_cost_is_0_8235() -> None:
    text = "0.5*accuracy + 0.3*norm_cap(latency_ms, 1000) + 0.2*norm_cap(cost_per_1k, 0.05)"
    found = value_of(text, accuracy=0.89, latency_ms=245.0, cost_per_1k=0.012)
    assert found == pytest.approx(0.8235, abs=1e-9)


def test_a_score_with_reciprocals_is_read_as_it_is_written() -> None:
    text = "0.6*accuracy + 0.3*(1/avg_latency) + 0.1*(1/training_cost)"
    assert parse(text).names == {"accuracy", "avg_latency", "training_cost"}
    assert value_of(text, accuracy=0.9, avg_latency=2, training_cost=4) == pytest.approx(0.715)
    assert value_of(text, accuracy=0.9, avg_latency=0, training_cost=4) is None


def test_constraints_compare_parameters_of_both_kinds() -> None:
    rule = parse("batch_size*lora_r <= mem_gb*8 and (optimizer.name == 'adam' or momentum < 0.99)")
    values = {"batch_size": 8, "lora_r": 16, "mem_gb": 24, "optimizer.name": "adam"}
    assert rule.holds(values) is True
    assert rule.holds({**values, "lora_r": 64}) is False
    assert rule.holds({**values, "optimizer.name": "sgd"}) is None  # momentum is missing
    assert rule.holds({**values, "optimizer.name": "sgd", "momentum": 0.5}) is True


def test_any_name_can_stand_in_backquotes() -> None:
    expression = parse("`val/loss` + `Validation Accuracy` + `log`")
    assert expression.names == {"val/loss", "Validation Accuracy", "log"}
    values = {"val/loss": 1.0, "Validation Accuracy": 2.0, "log": 3.0}
    assert expression.evaluate(values) == 6.0


@pytest.mark.parametrize(
    "text",
    [
        "1/0",
        "1//0",
        "1%0",
        "log(0)",
        "log(-1)",
        "sqrt(-1)",
        "(-8)**0.5",
        "0**-1",
        "exp(1000)",
        "9**9**9**9",
        "1e308*10",
        "norm_cap(1, 0)",
        "norm_cap(1, -1)",
        "clip(1, 2, 0)",
        "a + 1",
        "missing + 1",
        "text*2",
        "text < 2",
        "nan_value + 1",
        "infinite*0",
        "max(1, missing)",
        "not missing",
        "-missing",
        "missing == 1",
        "huge + 1",
        "a_list + 1",
    ],
)
def test_what_is_missing_or_undefined_is_none(text: str) -> None:
    values = {
        "missing": None,
        "text": "x",
        "nan_value": math.nan,
        "infinite": math.inf,
        "huge": 10**400,
        "a_list": [1],
    }
    assert parse(text).evaluate(values) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0 and missing", 0.0),
        ("missing and 0", 0.0),
        ("1 and missing", None),
        ("1 or missing", 1.0),
        ("missing or 1", 1.0),
        ("0 or missing", None),
        ("2 < 1 < missing", 0.0),
        ("missing < 1 < 0", 0.0),
    ],
)
def test_logic_is_decided_without_what_it_does_not_need(text: str, value: float | None) -> None:
    assert parse(text).evaluate({}) == value


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("", 0, "empty"),
        ("   ", 3, "empty"),
        ("1 +", 3, "ends where a value should stand"),
        ("2x", 1, "did you mean 2*x?"),
        ("a b", 2, "an operator is missing before 'b'"),
        ("(a + b", 0, "the bracket is not closed"),
        ("a + b)", 5, "an operator is missing before ')'"),
        ("a + * b", 4, "a value should stand before '*'"),
        ("(a b)", 3, "an operator or ')' is missing"),
        ("a ^ 2", 2, "did you mean **?"),
        ("a && b", 2, "did you mean and?"),
        ("a || b", 2, "did you mean or?"),
        ("a = b", 2, "did you mean ==?"),
        ("!a", 0, "did you mean not?"),
        ("squrt(a)", 0, "did you mean sqrt?"),
        ("system(a)", 0, "there is no function 'system'"),
        ("a.append(1)", 0, "there is no function 'a.append'"),
        ("min(a)", 0, "did you mean min(x, y, …)?"),
        ("sqrt()", 0, "did you mean sqrt(x)?"),
        ("clip(a, 1)", 0, "did you mean clip(x, low, high)?"),
        ("zscore(a)", 0, "compares runs"),
        ("a if b else 1", 2, "not part of the language"),
        ("lambda: 1", 0, "not part of the language"),
        ("a[0]", 1, "the character '[' means nothing here"),
        ("a; b", 1, "the character ';' means nothing here"),
        ("`a", 0, "not closed"),
        ("'a", 0, "not closed"),
        ("a\\b", 1, "means nothing here"),
        ("'x' + 1", 4, "can only be compared"),
        ("'x' < 'y'", 4, "can only be compared"),
        ("not 'x'", 0, "can only be compared"),
        ("-'x'", 0, "can only be compared"),
        ("2**'x'", 1, "can only be compared"),
        ("a and 'x'", 2, "can only be compared"),
        ("log('x')", 0, "can only be compared"),
        ("'x'", 0, "text alone"),
        ("1e999", 0, "larger than a float64"),
        ("\x00", 0, "means nothing here"),
    ],
)
def test_an_error_says_where_and_what_instead(text: str, at: int, says: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert caught.value.at == at
    assert says in str(caught.value)
    assert f"character {at + 1} of " in str(caught.value)
    assert isinstance(caught.value, Invalid)
    assert caught.value.code == "bad_expression"


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    known = ["val/loss", "batch_size", "a"]
    assert parse("batch_size + a + `val/loss`", known=known).names == set(known)
    for text, suggestion in [("batchsize + 1", "batch_size"), ("val/loss", "`val/loss`")]:
        with pytest.raises(ExpressionError) as caught:
            parse(text, known=known)
        assert caught.value.suggestion == suggestion
    with pytest.raises(ExpressionError, match="there is no 'zzz'"):
        parse("zzz", known=known)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(ExpressionError, match="this is a int"):
        parse(5)  # type: ignore[arg-type]


def test_length_depth_and_names_are_bounded() -> None:
    for text, limit in [
        ("a" * (limits.EXPRESSION_CHARS_MAX + 1), "EXPRESSION_CHARS_MAX"),
        ("(" * 1000 + "a" + ")" * 1000, "EXPRESSION_DEPTH_MAX"),
        ("-" * 3000 + "a", "EXPRESSION_DEPTH_MAX"),
        ("not " * 900 + "a", "EXPRESSION_DEPTH_MAX"),
        ("**".join(["2"] * 500), "EXPRESSION_DEPTH_MAX"),
        ("log(" * 500 + "2" + ")" * 500, "EXPRESSION_DEPTH_MAX"),
        (" + ".join(f"x{i}" for i in range(500)), "EXPRESSION_NAMES_MAX"),
    ]:
        with pytest.raises(ExpressionError, match=limit):
            parse(text)


def test_long_sums_products_and_conditions_are_no_deep_trees() -> None:
    assert value_of("+".join(["1"] * 1900)) == 1900.0
    assert value_of("*".join(["1"] * 1900)) == 1.0
    assert value_of(" and ".join(["1"] * 600)) == 1.0
    assert value_of("<=".join(["1"] * 1300)) == 1.0


def test_nesting_up_to_the_limit_is_allowed() -> None:
    deep = limits.EXPRESSION_DEPTH_MAX
    assert value_of("(" * deep + "1" + ")" * deep) == 1.0
    assert value_of("not " * deep + "1") == 1.0


def test_expressions_of_the_same_text_are_equal_and_can_be_keys() -> None:
    assert parse("a + 1") == parse("a + 1")
    assert parse("a + 1") != parse("a + 2")
    assert len({parse("a + 1"), parse("a + 1")}) == 1
    assert str(parse(" a+1 ")) == " a+1 "


@given(text=st.text(alphabet=string.printable, max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        expression = parse(text, across_runs=True)
    except ExpressionError as error:
        assert 0 <= error.at <= len(text)
        return
    found = expression.evaluate({name: 1.5 for name in expression.names})
    assert found is None or math.isfinite(found)


SIGNS = ["+", "-", "*", "/", "//", "%", "**", "(", ")", ",", "<", "==", "!=", "and", "or", "not"]
CALLS = ["min(", "log(", "clip(", "norm_cap(", "zscore("]
PIECES = st.sampled_from([*SIGNS, *CALLS, "a", "b", "`x/y`", "'t'", "1", "0", "2.5", "1e300"])
ODDITIES = st.sampled_from([None, "t", 0, 1e200])


@given(pieces=st.lists(PIECES, max_size=40), a=st.floats(), b=ODDITIES)
def test_any_words_are_read_or_refused(pieces: list[str], a: float, b: Any) -> None:
    try:
        expression = parse(" ".join(pieces), across_runs=True)
    except ExpressionError:
        return
    found = expression.evaluate({"a": a, "b": b, "x/y": 3})
    assert found is None or math.isfinite(found)


NUMBERS = st.integers(0, 9).map(str)
ARITHMETIC = st.recursive(
    NUMBERS | st.sampled_from(["a", "b"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(" ".join)
        | inner.map(lambda text: f"({text})")
        | inner.map(lambda text: f"-{text}")
    ),
    max_leaves=20,
)


@given(text=ARITHMETIC)
def test_arithmetic_is_what_python_computes(text: str) -> None:
    try:
        expected = eval(text, {"__builtins__": {}}, {"a": 1.5, "b": -0.25})
    except ZeroDivisionError:
        expected = None
    try:
        found = value_of(text, a=1.5, b=-0.25)
    except ExpressionError as error:
        assert "EXPRESSION_DEPTH_MAX" in str(error)
        return
    if expected is None:
        assert found is None
    else:
        assert found == pytest.approx(float(expected), rel=1e-9, abs=1e-12)
