"""No statement of artifacts reads a table from end to end, however much is in it."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import ARTIFACT_TRASH_DAYS
from steelyard.server.db.interface import Database
from steelyard.server.rooms import artifacts as room
from steelyard.server.rooms.artifacts import (
    causes,
    collections,
    contents,
    dependents,
    diff,
    drafts,
    edits,
    files,
    freed,
    gateway_lists,
    history,
    lineage,
    links,
    listing,
    named,
    policy,
    purge,
    queries,
    reach,
    references,
    removal,
    sweep,
    usage,
    uses,
    version_search,
)
from steelyard.server.rooms.artifacts.gateway_lists import Asked, ListPage
from steelyard.server.rooms.artifacts.model import Collection, NewDraft
from steelyard.server.rooms.artifacts.tables import artifacts
from steelyard.server.rooms.artifacts.uploads import begin_upload
from steelyard.server.rooms.offboarding.commands import delete_project
from steelyard.server.tasks.artifacts import age_artifacts
from tests.support.accounts import make_run
from tests.support.artifacts import Shelf, manifest_of, md5_of, store
from tests.support.query_plans import Statements

DAY_US = 24 * 3600 * 1_000_000
#: Read everything on purpose: a backup and the collection of unused blobs want all digests.
READS_ALL = {"queries.list_digests"}
Call = tuple[Callable[..., Any], dict[str, Any]]


class RolledBack(Exception):
    """Ends a transaction that only looked."""


def list_functions() -> set[str]:
    """All functions of the room that take a connection."""
    found = set()
    for module in pkgutil.iter_modules(room.__path__):
        loaded = importlib.import_module(f"{room.__name__}.{module.name}")
        for name, fn in vars(loaded).items():
            if not inspect.isfunction(fn) or fn.__module__ != loaded.__name__ or name[0] == "_":
                continue
            if next(iter(inspect.signature(fn).parameters), "") == "conn":
                found.add(f"{module.name}.{name}")
    return found


class Scene:
    """A project with a version, its successor, one in the trash, a draft and a portfolio."""

    def __init__(self, shelf: Shelf) -> None:
        db = shelf.db
        self.shelf, self.now_us = shelf, shelf.now_us
        self.act: dict[str, Any] = {"actor": shelf.actor, "now_us": shelf.now_us}
        self.run = db.write_now(make_run, shelf.caller, project="shelf")
        made: dict[str, Any] = {"run_id": self.run.id, "sequence_client_id": "sequence"}
        self.first = shelf.log({"a": b"1", "d/b": b"2"}, **made)
        self.second = shelf.log({"a": b"1", "d/b": b"3"}, aliases=["best"], tags=["t"], **made)
        self.draft = shelf.draft(distributed_id="several")
        use: dict[str, Any] = {"run_id": self.run.id, "use_as": "x", "now_us": shelf.now_us}
        db.write_now(uses.use_artifact, self.first, **use)
        self.link = db.write_now(
            links.link_artifact,
            self.second,
            project=shelf.project,
            portfolio="p",
            aliases=["x"],
            **self.act,
        )
        self.upload = begin_upload(
            db,
            shelf.blobs,
            self.draft.id,
            md5=bytes(16),
            size_bytes=1,
            part_bytes=10,
            now_us=shelf.now_us,
        )
        gone = shelf.log({"a": b"4"})
        self.gone = db.write_now(removal.trash_artifact, gone, delete_aliases=True, **self.act)
        self.manifest = db.write_now(
            drafts.create_manifest,
            self.draft,
            kind="patch",
            base_id=None,
            digest="",
            now_us=shelf.now_us,
        )
        self.collection = self._collection("data")
        self.portfolio = self._collection("p")
        member = db.read_now(queries.find_own_member, self.second.id)
        assert member is not None
        self.member = member
        self.blob = store(shelf.blobs, b"1")
        self.md5 = self.blob.md5
        self.new = NewDraft(
            type="dataset",
            collection="data",
            digest="x",
            client_id="c",
            distributed_id="several",
            aliases=["z"],
            tags=["t"],
        )
        self.project: dict[str, Any] = {"project_id": shelf.project.id}
        self.named: dict[str, Any] = {
            "caller": shelf.caller,
            "entity": shelf.project.entity,
            "project": "shelf",
            "name": "data",
        }
        self.of_collection: dict[str, Any] = {"collection_id": self.collection.id}
        self.of_version: dict[str, Any] = {"artifact_id": self.first.id}
        self.of_manifest: dict[str, Any] = {"manifest_id": self.manifest.id}
        self.of_upload = {"artifact_id": self.draft.id, "upload_id": self.upload.upload_id}

    def _collection(self, name: str) -> Collection:
        found = self.shelf.db.read_now(queries.find_collection, self.shelf.project.id, name)
        assert found is not None
        return found


def calls_of_collections_and_contents(s: Scene) -> Iterator[Call]:
    """Collections, contents, uploads."""
    yield causes.diff_runs, {"blobs": s.shelf.blobs, "before": s.run, "after": s.run}
    yield causes.load_facts, {"runs": [s.run]}
    yield (
        causes.compare_in_row,
        {"blobs": s.shelf.blobs, "runs": [s.run, None], "metric": "loss"},
    )
    yield collections.ensure_type, s.project | {"name": "new", "now_us": s.now_us}
    yield (
        collections.ensure_collection,
        {"project": s.shelf.project, "name": "n", "kind": "sequence", "type": "dataset"} | s.act,
    )
    yield (
        collections.create_collection,
        {"project": s.shelf.project, "name": "n", "kind": "sequence", "type": "dataset"} | s.act,
    )
    yield collections.lock_collection, s.of_collection
    yield (
        collections.update_collection,
        {"collection": s.collection, "name": "other", "type": "model", "tags": ["a"]} | s.act,
    )
    yield collections.set_values, s.of_collection | {"values": {"updated_at_us": 1}}
    yield collections.add_collection_tags, s.of_collection | {"tags": ["a"]}
    yield collections.remove_collection_tags, s.of_collection | {"tags": ["a"]}
    yield (
        contents.ask_contents,
        {"artifact": s.draft, "md5s": [s.md5, bytes(16)], "now_us": s.now_us},
    )
    yield contents.adopt_contents, {"artifact": s.draft, "md5s": [s.md5], "now_us": s.now_us}
    yield (
        contents.record_contents,
        {"artifact_id": s.draft.id, "blobs": [s.blob], "now_us": s.now_us},
    )
    yield contents.record_content, {"artifact_id": s.draft.id, "blob": s.blob, "now_us": s.now_us}
    yield contents.find_upload, s.of_upload
    yield contents.get_upload, s.of_upload
    yield contents.get_upload_by_id, {"upload_id": s.upload.upload_id}
    yield contents.find_uploads, {"artifact_id": s.draft.id, "md5s": [bytes(16)]}
    yield contents.put_upload, {"upload": s.upload}
    yield contents.delete_upload, {"upload_id": s.upload.upload_id}


def calls_of_versions(s: Scene) -> Iterator[Call]:
    """Drafts, edits."""
    yield diff.diff_files, {"before_id": s.first.id, "after_id": s.second.id}
    yield drafts.create_artifact, {"project": s.shelf.project, "draft": s.new} | s.act
    yield drafts.find_by_digest, s.of_collection | {"digest": s.first.digest}
    yield (
        drafts.take_marks,
        {"artifact": s.first, "marks": drafts.DraftMarks(["m"], ["t"]), "run_id": s.run.id} | s.act,
    )
    yield drafts.add_output, {"artifact_id": s.first.id, "run_id": s.run.id, "now_us": s.now_us}
    yield drafts.lock_draft, {"artifact_id": s.draft.id}
    yield drafts.touch_draft, {"artifact_id": s.draft.id, "now_us": s.now_us}
    yield (
        drafts.create_manifest,
        {"artifact": s.draft, "kind": "full", "base_id": None, "digest": "", "now_us": s.now_us},
    )
    yield drafts.announce_manifest, s.of_manifest | {"digest": md5_of(b"m"), "now_us": s.now_us}
    yield drafts.record_manifest, s.of_manifest | {"blob": s.blob, "now_us": s.now_us}
    yield edits.add_aliases, {"member": s.member, "aliases": ["new", "best"]} | s.act
    yield edits.remove_aliases, {"member": s.member, "aliases": ["best"]} | s.act
    yield (
        edits.update_artifact,
        {"artifact": s.first, "description": "d", "metadata": '{"a": 1}', "ttl_s": 60} | s.act,
    )
    yield edits.add_tags, {"artifact_id": s.first.id, "tags": ["u"]}
    yield edits.remove_tags, {"artifact_id": s.first.id, "tags": ["u"]}


def calls_of_files_and_lists(s: Scene) -> Iterator[Call]:
    """Files, and what is counted of them."""
    yield files.list_entries, s.of_version | {"prefix": "d", "limit": 9}
    yield files.iter_entries, s.of_version
    yield files.iter_digests, s.of_version
    yield files.find_entries, s.of_version | {"paths": ["a"]}
    yield files.count_entries, s.of_version | {"prefix": "d/"}
    yield files.list_directory, s.of_version | {"path": "", "limit": 9}
    yield files.find_content, s.of_collection | {"md5": s.md5}
    yield files.contents_by_md5, s.of_collection | {"md5s": [s.md5]}
    yield files.find_project_content, s.project | {"md5": s.md5}
    yield freed.freed_by_version, {"artifact": s.first}
    yield freed.retained_versions, s.of_collection | {"besides": s.first}
    yield freed.freed_by_collection, s.of_collection
    yield freed.born_bytes, {"artifact": s.first}
    tested = {"tag": "t", "kind": "sequence", "type": "dataset"}
    yield (
        gateway_lists.list_collections,
        s.project | {"asked": Asked(5, tested, "name"), "type_id": s.first.type_id},
    )
    yield gateway_lists.list_collections, s.project | {"asked": Asked(5)}
    yield gateway_lists.list_versions, s.of_collection | {"asked": Asked(5)}
    asked = Asked(5, {"tag": "t", "alias": "best", "metadata.a": 1}, "-size")
    yield gateway_lists.list_versions, s.of_collection | {"asked": asked}


def calls_of_edges(s: Scene) -> Iterator[Call]:
    """Events, lineage, links, permission."""
    yield history.add_event, {"kind": "renamed"} | s.of_collection | s.act
    yield history.list_events, s.of_collection | {"after": 9, "limit": 9}
    yield history.list_events, s.of_version | {"limit": 9}
    yield history.delete_events, {"collection_ids": [s.collection.id]}
    yield (
        lineage.trace_lineage,
        s.of_version
        | {"depth": 3, "direction": "both", "limit": 99, "expand": ()}
        | {"may_read": lambda _: True},
    )
    yield (
        links.link_artifact,
        {"artifact": s.first, "project": s.shelf.project, "portfolio": "p", "aliases": ["y"]}
        | s.act,
    )
    yield links.unlink, {"member": s.link} | s.act
    yield links.drop_aliases, {"member_ids": [s.member.id, s.link.id]}
    yield links.point_latest, s.of_collection | s.act
    for sort in ("name", "-created_at", "-updated_at", "size", "-versions"):
        yield listing.list_collections, s.project | {"sort": sort, "limit": 9}
    at = {"after": listing.position_of(s.collection), "limit": 9}
    chosen = {"type": "dataset", "kind": "sequence", "q": "a"}
    yield listing.list_collections, s.project | at | chosen
    yield listing.count_collections, s.project | chosen
    yield listing.count_collections, s.project
    yield listing.find_trashed, s.project | {"name": "data", "index": 2}
    yield policy.may_read_artifact, {"caller": s.shelf.caller, "artifact": s.first}
    for by_number in (policy.get_readable_artifact, policy.get_writable_artifact):
        yield by_number, {"caller": s.shelf.caller, "artifact_id": s.first.id}
    for by_name in (policy.get_readable_collection, policy.get_writable_collection):
        yield by_name, s.named
    for of_member in (policy.get_readable_member, policy.get_writable_member):
        yield of_member, s.named | {"ref": "latest"}
    yield purge.find_expired, {"now_us": s.now_us, "limit": 9}
    yield purge.expire_artifact, s.of_version | {"freed_bytes": 1, "now_us": s.now_us}
    yield purge.purge_some, {"now_us": 2 * s.now_us, "limit": 9}
    yield purge.give_up_drafts, {"silent_since_us": 2 * s.now_us, "now_us": s.now_us, "limit": 9}
    yield purge.delete_some_artifacts, {"project_ids": [s.shelf.project.id], "count": 20}
    yield purge.delete_some_artifacts, {"project_ids": [s.shelf.project.id + 1], "count": 20}
    yield purge.delete_contents, s.of_collection | {"md5s": [s.md5], "touched_before_us": s.now_us}


def calls_of_queries(s: Scene) -> Iterator[Call]:
    """Single rows and their neighbours."""
    yield queries.find_type, s.project | {"name": "dataset"}
    yield queries.types_by_id, {"ids": [1]}
    yield queries.list_types, s.project | {"after": "a", "limit": 9}
    yield queries.count_types, s.project
    yield queries.find_collection, s.project | {"name": "data"}
    yield queries.find_collection_by_id, s.of_collection
    yield queries.collections_by_id, {"ids": [s.collection.id]}
    yield queries.tags_by_collection, {"ids": [s.collection.id]}
    yield queries.find_artifact, s.of_version
    yield queries.get_artifact, s.of_version
    yield queries.artifacts_by_id, {"ids": [s.first.id]}
    yield queries.find_by_client_id, {"client_id": "sequence"}
    yield queries.tags_by_artifact, {"ids": [s.first.id]}
    for ref in ("v0", "best", "latest"):
        yield queries.find_member, s.project | {"name": "data", "ref": ref}
        yield queries.find_member_of, s.of_collection | {"ref": ref}
    yield queries.find_latest, s.of_collection
    yield queries.latest_by_collection, {"collection_ids": [s.collection.id, s.portfolio.id, 99]}
    yield queries.find_own_member, s.of_version
    yield queries.members_by_id, {"ids": [s.member.id]}
    yield queries.members_by_artifact, {"artifact_ids": [s.first.id]}
    yield queries.list_members, s.of_collection | {"after": 9, "limit": 9}
    yield queries.list_members, s.of_collection | {"after": 0, "limit": 9, "newest_first": False}
    yield queries.count_members, s.of_collection | {"before": 9}
    yield version_search.search_members, s.of_collection | {"q": "v1", "after": 9, "limit": 9}
    yield version_search.count_found, s.of_collection | {"q": "prod"}
    yield queries.aliases_by_member, {"member_ids": [s.member.id]}
    yield queries.aliases_by_artifact, {"artifact_ids": [s.first.id]}
    yield queries.list_aliases, s.of_collection | {"after": "a", "limit": 9}
    yield queries.find_manifest, s.of_manifest
    yield queries.list_manifests, {"artifact_id": s.draft.id}
    yield queries.latest_manifest, {"artifact_id": s.draft.id}
    yield queries.list_unreferenced, {"digests": [s.blob.sha256]}
    yield queries.list_digests, {}
    found = {"caller": s.shelf.caller, "entity": s.shelf.project.entity}
    paths = [f"wandb-artifact://{s.first.id:x}/a", "wandb-client-artifact://sequence/a"]
    yield references.resolve_artifact_paths, {"caller": s.shelf.caller, "paths": paths}
    yield references.follow_references, {"caller": s.shelf.caller, "references": paths}
    yield reach.find_entity_content, found | {"md5": s.md5}
    asked: dict[str, Any] = {"md5": s.md5, "digests": named.VersionDigests()}
    foreign = msgspec.structs.replace(s.shelf.caller, entity_roles={}, is_admin=False)
    of_portfolio = {"caller": s.shelf.caller, "collection": s.portfolio}
    yield reach.get_version_content, asked | {"caller": foreign, "artifact": s.first}
    yield reach.get_collection_content, asked | of_portfolio


def calls_of_removals_and_uses(s: Scene) -> Iterator[Call]:
    """The trash, the sweep, usage."""
    yield removal.get_usage, {"artifact": s.first}
    yield removal.trash_artifact, {"artifact": s.second, "delete_aliases": True} | s.act
    yield removal.restore_artifact, {"artifact": s.gone} | s.act
    yield removal.trash_collection, {"collection": s.collection, "freed_bytes": 1} | s.act
    yield removal.trash_collection, {"collection": s.portfolio, "freed_bytes": 0} | s.act
    yield removal.list_trash, s.project | {"after": 99, "limit": 9}
    yield removal.trash_artifacts_of_run, {"run_id": s.run.id} | s.act
    yield removal.measure_deletion, {"target": s.first}
    yield removal.measure_deletion, {"target": s.collection}
    yield dependents.get_collection_usage, {"collection": s.collection}
    yield dependents.get_collection_usage, {"collection": s.portfolio}
    yield sweep.find_dirty, {"limit": 9}
    yield usage.trash_by_project, {"projects": sa.select(sa.literal(s.shelf.project.id))}
    yield usage.trash_by_collection, s.project
    yield usage.logged_bytes_by_run, {"run_ids": [s.run.id]}
    yield uses.use_artifact, {"artifact": s.first} | {"run_id": s.run.id, "now_us": s.now_us}
    yield uses.list_uses, s.of_version | {"after": 99, "limit": 9}
    yield uses.count_uses, {"artifact_ids": [s.first.id]}
    yield uses.inputs_by_run, {"run_ids": [s.run.id], "limit": 9}
    yield uses.list_used, {"run_id": s.run.id, "after": 0, "limit": 9}
    yield uses.count_used, {"run_ids": [s.run.id]}
    yield uses.list_logged, {"run_id": s.run.id, "after": 0, "limit": 9, "type": "dataset"}
    yield uses.count_logged, {"run_ids": [s.run.id], "type": "dataset"}
    yield uses.runs_by_output, {"artifact_ids": [s.first.id]}


GROUPS = (
    calls_of_collections_and_contents,
    calls_of_versions,
    calls_of_files_and_lists,
    calls_of_edges,
    calls_of_queries,
    calls_of_removals_and_uses,
)


def name_of(fn: Callable[..., Any]) -> str:
    return f"{fn.__module__.rpartition('.')[2]}.{fn.__name__}"


def read_all(conn: Connection, statement: sa.Select[Any]) -> None:
    conn.execute(statement).all()


def run_and_roll_back(conn: Connection, fn: Callable[..., Any], arguments: dict[str, Any]) -> None:
    answer = fn(conn, **arguments)
    if inspect.isgenerator(answer):
        list(answer)
    if isinstance(answer, ListPage):
        answer.count()
    raise RolledBack


@pytest.fixture
def statements() -> Iterator[Statements]:
    """To be asked for before `db`: statements of connections that are open already are not seen."""
    with Statements() as entered:
        yield entered


def test_every_function_of_the_room_finds_its_rows_by_an_index(
    statements: Statements, db: Database, tmp_path: Path
) -> None:
    scene = Scene(Shelf(db, tmp_path / "blobs"))
    calls = [call for group in GROUPS for call in group(scene)]
    assert {name_of(fn) for fn, _ in calls} == list_functions()
    found: dict[str, list[str]] = {}
    for fn, arguments in calls:
        statements.forget()
        with pytest.raises(RolledBack):
            db.write_now(run_and_roll_back, fn, arguments)
        unsought = db.write_now(statements.list_unsought)
        if unsought:
            found.setdefault(name_of(fn), []).extend(unsought)
    texts = [f"{name}: {each}" for name, plans in found.items() for each in plans]
    assert found.keys() <= READS_ALL, "\n\n".join(texts)


def test_a_statement_that_reads_a_whole_table_would_be_found(
    statements: Statements, db: Database
) -> None:
    for where in (artifacts.c.description == "x", artifacts.c.size_bytes > 1):
        found = sa.select(artifacts.c.id).where(where).order_by(artifacts.c.id)
        statements.forget()
        db.read_now(read_all, found)
        [plan] = db.write_now(statements.list_unsought)
        assert "artifacts" in plan


def test_logging_and_sweeping_find_their_rows_by_an_index(
    statements: Statements, db: Database, tmp_path: Path
) -> None:
    shelf = Shelf(db, tmp_path / "blobs")
    act: dict[str, Any] = {"actor": shelf.actor, "now_us": shelf.now_us}
    draft = shelf.draft()
    first = shelf.log({"a": b"1", "b": b"2"})
    shelf.upload(draft, [b"1", b"2"])
    shelf.send_manifest(draft, manifest_of({"a": b"1", "b": b"2"}))
    assert shelf.commit(draft).id == first.id
    shelf.log({"c": b"3"}, kind="incremental", base_id=first.id)
    shelf.log({"a": b"1"}, "other")
    db.write_now(removal.trash_artifact, first, delete_aliases=True, **act)
    asyncio.run(age_artifacts(db, now_us=shelf.now_us + ARTIFACT_TRASH_DAYS * DAY_US + 1))
    db.write_now(delete_project, shelf.project.id, now_us=shelf.now_us)
    plans = db.write_now(statements.list_unsought)
    assert [plan for plan in plans if "artifact" in plan] == []
