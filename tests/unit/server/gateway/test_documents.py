"""Documents are prepared once per text, and no more of them kept than there is room for."""

from __future__ import annotations

import pytest
from graphql import build_schema, parse

from steelyard import limits
from steelyard.errors import Invalid
from steelyard.server.gateway.documents import Documents, is_mutation

SCHEMA = build_schema("type Query { a: Int } type Mutation { b: Int }")


def test_the_same_text_is_prepared_once() -> None:
    documents = Documents(SCHEMA)
    assert documents.prepare("{ a }") is documents.prepare("{ a }")
    assert documents.prepare("{ nonsense }") is documents.prepare("{ nonsense }")


def test_the_least_recently_used_text_goes_first() -> None:
    documents = Documents(SCHEMA)
    first, second = documents.prepare("{ a }"), documents.prepare("{ a1: a }")
    for number in range(2, limits.GRAPHQL_DOCUMENTS_KEPT_MAX):
        documents.prepare(f"{{ a{number}: a }}")
    assert documents.prepare("{ a }") is first
    documents.prepare("{ last: a }")
    assert len(documents) == limits.GRAPHQL_DOCUMENTS_KEPT_MAX
    assert documents.prepare("{ a }") is first
    assert documents.prepare("{ a1: a }") is not second


def test_a_very_long_text_is_not_kept() -> None:
    documents = Documents(SCHEMA)
    documents.prepare("{ a }" + " " * limits.GRAPHQL_TEXT_CHARS_KEPT_MAX)
    assert len(documents) == 0


@pytest.mark.parametrize("text", ["{" * 30_000, "{ " + "a " * 30_000 + "}", "}", ""])
def test_a_text_that_is_too_much_or_too_little_is_an_error(text: str) -> None:
    prepared = Documents(SCHEMA).prepare(text)
    assert prepared.document is None
    assert prepared.errors


def test_the_operation_is_chosen_by_name_or_by_being_the_only_one() -> None:
    two = parse("query A { a } mutation B { b }")
    assert not is_mutation(two, "A")
    assert is_mutation(two, "B")
    assert is_mutation(parse("mutation { b }"), None)
    for document, name in ((two, None), (two, "C"), (parse("fragment F on Query { a }"), None)):
        with pytest.raises(Invalid):
            is_mutation(document, name)
