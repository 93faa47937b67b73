"""Users' regular expressions: the answers of `re`, in bounded time."""

import re
import time

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given

from steelyard.errors import Invalid
from steelyard.limits import REGEX_CHARS_MAX
from steelyard.patterns import Automaton, compile_pattern, parser

atoms = st.sampled_from(
    [
        "a",
        "b",
        "é",
        ".",
        r"\d",
        r"\W",
        r"\s",
        "[ab]",
        "[^a]",
        "[a-c1]",
        "^",
        "$",
        r"\b",
        r"\B",
        r"\Z",
    ]
)


def grow(inner):
    return st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    )


patterns = st.recursive(atoms, grow, max_leaves=8)
texts = st.text(alphabet="abcé1 _\nA", max_size=12)


@given(pattern=patterns, text=texts, flags=st.sampled_from(["", "(?i)", "(?m)", "(?s)"]))
def test_the_automaton_answers_as_re_does(pattern, text, flags):
    assume(text or r"\B" not in pattern)  # the answer of `re` changed with Python 3.14
    pattern = flags + pattern
    expected = re.search(pattern, text) is not None
    assert Automaton(parser.parse(pattern)).search(text) is expected
    assert compile_pattern(pattern).search(text) is expected


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*b$", "(a*)*b", "a*a*a*a*a*a*a*b", "(.*a){12}b"]
)
def test_patterns_that_stop_re_take_milliseconds(pattern):
    started = time.process_time()
    assert not compile_pattern(pattern).search("a" * 5_000 + "!")
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "not a regular expression"),
        ("a" * (REGEX_CHARS_MAX + 1), "the limit is 1,000"),
        (r"(a)\1", "not supported"),
        ("a(?=b)", "not supported"),
        ("(?:a{1000}){1000}", "smaller counts"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_the_reason(pattern, reason):
    with pytest.raises(Invalid, match=reason):
        compile_pattern(pattern)


def test_case_can_be_ignored():
    assert compile_pattern("LOSS$", ignore_case=True).search("train/loss")
