"""Versions beside each other and among runs: differences and their causes, lineage."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import get
from litestar.params import Parameter
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.limits import (
    ARTIFACT_BISECT_VERSIONS_MAX,
    LINEAGE_DEPTH_MAX,
    LINEAGE_NODES_DEFAULT,
    LINEAGE_NODES_MAX,
)
from steelyard.server.api.artifact_rows import heads_of, ref_of_artifact, run_ref
from steelyard.server.api.artifact_versions import VERSION
from steelyard.server.api.artifacts import COLLECTION
from steelyard.server.api.runs import RUN_PATH
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.db.interface import Database
from steelyard.server.http.paging import check_limit, decode_cursor, encode_cursor
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import may_read_entity
from steelyard.server.rooms.artifacts.causes import compare_in_row, diff_runs, list_metrics
from steelyard.server.rooms.artifacts.diff import diff_documents, diff_files
from steelyard.server.rooms.artifacts.lineage import trace_lineage
from steelyard.server.rooms.artifacts.model import Artifact
from steelyard.server.rooms.artifacts.names import parse_path
from steelyard.server.rooms.artifacts.policy import get_readable_collection, get_readable_member
from steelyard.server.rooms.artifacts.queries import (
    aliases_by_artifact,
    artifacts_by_id,
    count_members,
    list_members,
)
from steelyard.server.rooms.artifacts.uses import list_logged, list_used
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.policy import get_readable_run_named
from steelyard.server.rooms.runs.queries import find_run_by_id, list_runs_by_id
from steelyard.wire import artifacts as wire

RUN_ARTIFACTS_MAX = 5000


@get(VERSION + "/diff")
async def compare_artifact_versions(
    entity: str,
    project: str,
    name: str,
    ref: str,
    to: Annotated[
        str,
        Parameter(description='The later side: "v7", an alias, or "entity/project/name:v7"'),
    ],
    caller: Caller,
    db: Database,
    blobs: BlobStore,
) -> wire.VersionDiff:
    """What changed from this version to another: files, metadata, and what caused it."""

    def read(conn: Connection) -> wire.VersionDiff:
        before = get_readable_member(conn, caller, entity, project, name, ref)
        if ":" in to:
            to_entity, to_project, to_name, to_ref = parse_path(to)
        else:
            to_entity, to_project, to_name, to_ref = None, None, name, to
        after = get_readable_member(
            conn, caller, to_entity or entity, to_project or project, to_name, to_ref
        )
        found = artifacts_by_id(conn, [before.artifact_id, after.artifact_id])
        old, new = found[before.artifact_id], found[after.artifact_id]
        run_from, run_to = (_run_behind(conn, caller, artifact) for artifact in (old, new))
        causes = diff_runs(conn, blobs, run_from, run_to)
        heads = heads_of(conn, caller, [before, after])
        return wire.VersionDiff(
            from_version=heads[0],
            to=heads[1],
            files=diff_files(conn, old.id, new.id),
            metadata=diff_documents(old.parse_metadata(), new.parse_metadata()),
            description=None
            if old.description == new.description
            else wire.ValueChange("description", old.description, new.description),
            causes=wire.Causes(
                run_from=None if run_from is None else run_ref(run_from),
                run_to=None if run_to is None else run_ref(run_to),
                inputs=causes.inputs,
                config=causes.config,
                code=causes.code,
                environment=causes.environment,
                metrics=causes.metrics,
            ),
        )

    return await db.read(read)


@get(COLLECTION + "/bisect")
async def bisect_artifact_versions(
    entity: str,
    project: str,
    name: str,
    caller: Caller,
    db: Database,
    blobs: BlobStore,
    metric: Annotated[
        str | None, Parameter(description="A key of summaries, nested ones joined by dots")
    ] = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> wire.Bisection:
    """Versions in a row, newest first: the metric of each, and what changed since the last."""
    count = check_limit(limit, limit_max=ARTIFACT_BISECT_VERSIONS_MAX)
    after = decode_cursor(cursor, tuple[int])[0] if cursor else None

    def read(conn: Connection) -> wire.Bisection:
        found = get_readable_collection(conn, caller, entity, project, name)
        # One more than is shown: the last one shown has a version before it, too.
        members = list_members(conn, found.id, after=after, limit=count + 1)
        versions = artifacts_by_id(conn, [member.artifact_id for member in members])
        ids = {artifact.created_by_run_id for artifact in versions.values()} - {None}
        behind = {
            run.id: run
            for run in list_runs_by_id(conn, [each for each in ids if each is not None])
            if may_read_entity(caller, run.entity_id)
        }
        runs = [
            behind.get(versions[member.artifact_id].created_by_run_id or 0) for member in members
        ]
        steps = compare_in_row(conn, blobs, runs, metric=metric)
        heads = heads_of(conn, caller, members)
        before = [head.version for head in heads[1:]] + [None]
        items = [
            wire.BisectStep(
                version=head, before=old, value=step.value, delta=step.delta, causes=step.causes
            )
            for head, old, step in zip(heads, before, steps, strict=True)
        ]
        return wire.Bisection(
            items=items[:count],
            next_cursor=encode_cursor(heads[count - 1].index) if len(members) > count else None,
            total=count_members(conn, found.id),
            metrics=list_metrics(list(behind.values())),
        )

    return await db.read(read)


@get(VERSION + "/lineage")
async def show_artifact_lineage(
    entity: str,
    project: str,
    name: str,
    ref: str,
    caller: Caller,
    db: Database,
    depth: int = 3,
    direction: Literal["both", "up", "down"] = "both",
    limit: int = LINEAGE_NODES_DEFAULT,
    expand: list[str] | None = None,
) -> wire.Lineage:
    """The graph of runs and versions around this one. `expand` opens stacks by their ids."""
    if not 0 <= depth <= LINEAGE_DEPTH_MAX:
        raise Invalid(f"depth must be 0…{LINEAGE_DEPTH_MAX}, not {depth}")
    if not 1 <= limit <= LINEAGE_NODES_MAX:
        raise Invalid(f"limit must be 1…{LINEAGE_NODES_MAX}, not {limit}")

    def read(conn: Connection) -> wire.Lineage:
        member = get_readable_member(conn, caller, entity, project, name, ref)
        return trace_lineage(
            conn,
            member.artifact_id,
            depth=depth,
            direction=direction,
            limit=limit,
            expand=frozenset(expand or ()),
            may_read=lambda entity_id: may_read_entity(caller, entity_id),
        )

    return await db.read(read)


@get(RUN_PATH + "/artifacts")
async def list_run_artifacts(
    entity: str, project: str, run: str, caller: Caller, db: Database
) -> wire.RunArtifacts:
    """Versions that a run read, and versions that it logged; up to 5,000 of each."""

    def read(conn: Connection) -> wire.RunArtifacts:
        found = get_readable_run_named(conn, caller, entity, project, run)
        used = list_used(conn, found.id, limit=RUN_ARTIFACTS_MAX)
        logged = list_logged(conn, found.id, limit=RUN_ARTIFACTS_MAX)
        visible = [(use, a) for use, a in used if may_read_entity(caller, a.entity_id)]
        ids = [a.id for _, a in visible] + [a.id for a in logged]
        aliases = aliases_by_artifact(conn, ids)

        def names(artifact: Artifact) -> list[str]:
            return [
                alias.alias
                for alias in aliases.get(artifact.id, [])
                if alias.collection_id == artifact.collection_id
            ]

        return wire.RunArtifacts(
            inputs=[ref_of_artifact(a, names(a), use.use_as) for use, a in visible],
            outputs=[ref_of_artifact(a, names(a)) for a in logged],
        )

    return await db.read(read)


def _run_behind(conn: Connection, caller: Caller, artifact: Artifact) -> Run | None:
    """The run that logged the version, when the caller may see it."""
    if artifact.created_by_run_id is None:
        return None
    run = find_run_by_id(conn, artifact.created_by_run_id)
    return run if run is not None and may_read_entity(caller, run.entity_id) else None


handlers = [
    compare_artifact_versions,
    bisect_artifact_versions,
    show_artifact_lineage,
    list_run_artifacts,
]
