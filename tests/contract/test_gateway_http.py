"""What a client meets at /graphql, whatever the operation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steelyard.testing.server import ThrowawayServer

WHO = "query Who { viewer { username } }"


def _ask(server: ThrowawayServer, content: Any, **options: Any) -> Any:
    answer = server.request("POST", "/graphql", content=content, **options)
    assert answer.status == 200, answer.data[:500]
    return json.loads(answer.data)


def test_the_name_of_the_operation_may_be_left_out(shared_server: ThrowawayServer) -> None:
    for name in ({}, {"operationName": None}, {"operationName": ""}, {"operationName": "Who"}):
        assert _ask(shared_server, {"query": WHO, **name})["data"]["viewer"]["username"]


def test_variables_that_nobody_declared_are_ignored(shared_server: ThrowawayServer) -> None:
    asked = {"query": WHO, "variables": {"usedAs": None, "entity": "x", "n": [1, {}]}}
    assert "errors" not in _ask(shared_server, asked)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"variables":{}}', b'{"query":1}', b"\xff\xfe"]
)
def test_a_body_that_is_no_request_is_answered_400_with_a_reason(
    shared_server: ThrowawayServer, body: bytes
) -> None:
    answer = shared_server.request("POST", "/graphql", body=body)
    assert answer.status == 400
    assert "not a GraphQL request" in json.loads(answer.data)["error"]


@pytest.mark.parametrize("key", ["", "short", "0" * 40])
def test_without_a_known_key_the_answer_is_401_at_once(
    shared_server: ThrowawayServer, key: str
) -> None:
    answer = shared_server.request("POST", "/graphql", content={"query": WHO}, key=key)
    assert answer.status == 401
    assert json.loads(answer.data)["error"]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("query { viewer { nonsense } }", "Cannot query field 'nonsense'"),
        ("query {", "Syntax Error"),
        ("query A { viewer { id } } query B { viewer { id } }", "name one"),
        ("mutation { createNonsense(input: {}) { nonsense { id } } }", "createNonsense"),
    ],
)
def test_a_wrong_document_is_an_error_that_nobody_repeats(
    shared_server: ThrowawayServer, query: str, reason: str
) -> None:
    answer = shared_server.request("POST", "/graphql", content={"query": query})
    assert answer.status in (200, 400)
    assert reason in answer.data.decode()


def test_an_error_of_a_room_has_its_code_and_its_place(shared_server: ThrowawayServer) -> None:
    query = 'mutation { stopRun(input: {id: "UnVuOjk5OTk5OTk="}) { success } }'
    answer = _ask(shared_server, {"query": query})
    assert answer["data"] == {"stopRun": None}
    assert answer["errors"][0]["extensions"]["code"] == "run_not_found"
    assert answer["errors"][0]["path"] == ["stopRun"]


def test_an_id_that_is_none_is_not_found(shared_server: ThrowawayServer) -> None:
    for made_up in ("", "x", "UnVuOg==", "UnVuOi0x", "VXNlcjox", "💥", "9" * 500):
        query = "mutation M($id: ID!) { stopRun(input: {id: $id}) { success } }"
        answer = _ask(shared_server, {"query": query, "variables": {"id": made_up}})
        assert answer["errors"][0]["extensions"]["code"] == "not_found"


def test_a_mutation_with_an_error_changes_nothing(shared_server: ThrowawayServer) -> None:
    query = """mutation {
        upsertBucket(input: {name: "half", modelName: "rolled-back"}) { inserted }
        stopRun(input: {id: "UnVuOjk5OTk5OTk="}) { success }
    }"""
    assert _ask(shared_server, {"query": query})["errors"]
    found = shared_server.graphql('{ project(name: "rolled-back") { id } }')
    assert found == {"project": None}


def test_ten_megabytes_of_variables_are_taken(shared_server: ThrowawayServer) -> None:
    query = """query Project($entity: String!, $name: String!, $runName: String!, $desc: String!) {
        project(entityName: $entity, name: $name) {
            run(name: $runName, desc: $desc) { name summaryMetrics }
        }
    }"""
    variables = {"entity": "x", "name": "y", "runName": "", "desc": "a" * 10**7}
    answer = _ask(shared_server, {"query": query, "variables": variables})
    assert answer == {"data": {"project": None}}


def test_introspection_is_served(shared_server: ThrowawayServer) -> None:
    found = shared_server.graphql('{ __type(name: "UpsertBucketInput") { inputFields { name } } }')
    assert {"name": "modelName"} in found["__type"]["inputFields"]
