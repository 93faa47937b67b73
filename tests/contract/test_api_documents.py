"""The GraphQL documents of our own client are valid on the server's schema."""

from __future__ import annotations

import importlib

import pytest
from graphql import parse, validate

from steelyard.sdk.api import run_documents
from steelyard.server.gateway.graphql import SCHEMA

MODULES = (
    "run_documents",
    "versions",
    "artifact_lists",
    "artifact_collection",
    "projects",
    "users",
)


def list_documents() -> dict[str, str]:
    found = {}
    for name in MODULES:
        module = importlib.import_module(f"steelyard.sdk.api.{name}")
        for constant, text in vars(module).items():
            if isinstance(text, str) and text.lstrip().startswith(("query ", "mutation ")):
                found[constant] = text
    runs = found.pop("RUNS")
    found["RUNS lazy"] = runs + run_documents.LIGHT_FIELDS
    found["RUNS"] = runs + run_documents.FULL_FIELDS
    found["RUN_VERSIONS"] = found["RUN_VERSIONS"].replace("%s", "inputArtifacts")
    return found


DOCUMENTS = list_documents()


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_document_is_valid(name: str) -> None:
    assert validate(SCHEMA, parse(DOCUMENTS[name])) == []
