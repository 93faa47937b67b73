"""Lists of the gateway read what all their rows need at once, not row by row."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from graphql import ExecutionResult, execute, parse
from sqlalchemy.engine import Connection

from steelyard.server.blobs.local import LocalBlobs
from steelyard.server.db.interface import Database
from steelyard.server.gateway.context import Context
from steelyard.server.gateway.graphql import SCHEMA
from steelyard.server.http.signing import Signer
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.artifacts.tables import (
    artifact_aliases,
    artifact_collections,
    artifact_members,
    artifact_tags,
    artifact_types,
    artifacts,
)
from steelyard.server.rooms.runs.index import RunIndex
from tests.support.accounts import NOW_US, make_caller, make_run

VERSION = """
    id commitHash description state
    artifactSequence { name project { id internalId name entity { name } } }
    artifactType { name } tags { id name }
    aliases { id alias artifactCollection { name project { name } } }
"""
LIST = """query ProjectArtifacts($project: String!, $first: Int) {
    project(name: $project) {
        artifactType(name: "dataset") {
            artifactCollection(name: "data") {
                artifacts(first: $first, filters: "{\\"state\\": \\"COMMITTED\\"}") {
                    totalCount
                    edges { version node {
                        %s
                        artifactMemberships { edges { node {
                            versionIndex aliases { alias } artifactCollection { name }
                        } } }
                    } }
                }
            }
        }
    }
}"""


def add_versions(conn: Connection, caller: Caller, count: int) -> None:
    """Versions v0, v1, … of one collection, each with an alias and a tag, logged by one run."""
    run = make_run(conn, caller, project="p")

    def insert(table: sa.Table, **values: Any) -> int:
        made = conn.execute(sa.insert(table).values(values).returning(*table.primary_key.columns))
        return int(made.scalar_one())

    times = {"created_at_us": NOW_US, "updated_at_us": NOW_US}
    type_id = insert(
        artifact_types, project_id=run.project_id, name="dataset", created_at_us=NOW_US
    )
    collection_id = insert(
        artifact_collections,
        project_id=run.project_id,
        type_id=type_id,
        kind="sequence",
        name="data",
        **times,
    )
    for index in range(count):
        artifact_id = insert(
            artifacts,
            project_id=run.project_id,
            collection_id=collection_id,
            version_index=index,
            state="COMMITTED",
            digest=f"d{index}",
            digest_algorithm="MANIFEST_MD5",
            created_by_run_id=run.id,
            **times,
        )
        member_id = insert(
            artifact_members,
            collection_id=collection_id,
            version_index=index,
            artifact_id=artifact_id,
            is_link=False,
            created_at_us=NOW_US,
        )
        insert(artifact_tags, artifact_id=artifact_id, tag=f"t{index}")
        insert(
            artifact_aliases,
            collection_id=collection_id,
            alias=f"a{index}",
            member_id=member_id,
            updated_at_us=NOW_US,
        )


def list_statements(conn: Connection, caller: Caller, first: int, blobs: LocalBlobs) -> list[str]:
    """What the database is asked for a page of `first` versions."""
    context = Context(
        caller,
        now_us=NOW_US,
        signer=Signer(b"0" * 32),
        base_url="http://here",
        run_index=RunIndex(),
        db=None,  # type: ignore[arg-type]  # nothing leaves the transaction
        blobs=blobs,
        sweeps=None,  # type: ignore[arg-type]  # nor asks for work
    )
    context.begin(conn)
    statements: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    sa.event.listen(conn, "before_cursor_execute", note)
    try:
        result = execute(
            SCHEMA,
            parse(LIST % VERSION),
            context_value=context,
            variable_values={"project": "p", "first": first},
        )
    finally:
        sa.event.remove(conn, "before_cursor_execute", note)
    assert isinstance(result, ExecutionResult)
    assert result.errors is None
    assert result.data is not None
    collection = result.data["project"]["artifactType"]["artifactCollection"]
    assert len(collection["artifacts"]["edges"]) == first
    return statements


@pytest.mark.parametrize("many", [20])
def test_a_page_of_many_versions_costs_as_many_statements_as_a_page_of_two(
    db: Database, many: int, tmp_path: Any
) -> None:
    caller = db.write_now(make_caller)
    db.write_now(add_versions, caller, many)
    blobs = LocalBlobs(tmp_path)
    few = db.read_now(list_statements, caller, 2, blobs)
    assert len(db.read_now(list_statements, caller, many, blobs)) == len(few)
