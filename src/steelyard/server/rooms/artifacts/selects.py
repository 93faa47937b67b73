"""The statements behind every read of whole rows, and rows as Structs.

Names of projects, entities and users are declared by column, so that one statement reads a row
with its names without importing tables of other rooms.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from steelyard.server.rooms.artifacts.model import Artifact, Collection, Event, Member
from steelyard.server.rooms.artifacts.tables import (
    artifact_collections,
    artifact_events,
    artifact_members,
    artifact_types,
    artifacts,
)

_projects = sa.table("projects", sa.column("id"), sa.column("name"), sa.column("entity_id"))
_entities = sa.table("entities", sa.column("id"), sa.column("name"))
_users = sa.table("users", sa.column("id"), sa.column("username"))
_collections = artifact_collections


def select_collections() -> sa.Select[Any]:
    """Add WHERE, ORDER BY and LIMIT."""
    return (
        sa.select(
            *_collections.c,
            _projects.c.name.label("project"),
            _projects.c.entity_id,
            _entities.c.name.label("entity"),
            artifact_types.c.name.label("type"),
        )
        .select_from(_collections)
        .join(artifact_types, artifact_types.c.id == _collections.c.type_id)
        .join(_projects, _projects.c.id == _collections.c.project_id)
        .join(_entities, _entities.c.id == _projects.c.entity_id)
    )


def collection_from_row(row: Row[Any]) -> Collection:
    return Collection(**row._mapping)


def select_artifacts() -> sa.Select[Any]:
    """Add WHERE, ORDER BY and LIMIT."""
    return (
        sa.select(
            *artifacts.c,
            _projects.c.name.label("project"),
            _projects.c.entity_id,
            _entities.c.name.label("entity"),
            _collections.c.name.label("collection"),
            _collections.c.type_id,
            (_collections.c.deleted_mark != 0).label("is_collection_deleted"),
            artifact_types.c.name.label("type"),
            _users.c.username,
        )
        .select_from(artifacts)
        .join(_collections, _collections.c.id == artifacts.c.collection_id)
        .join(artifact_types, artifact_types.c.id == _collections.c.type_id)
        .join(_projects, _projects.c.id == artifacts.c.project_id)
        .join(_entities, _entities.c.id == _projects.c.entity_id)
        .outerjoin(_users, _users.c.id == artifacts.c.created_by_user_id)
    )


def select_names(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """What versions are called, beside other columns. Join what those are of; add WHERE."""
    return (
        sa.select(
            *columns,
            artifacts.c.version_index,
            _collections.c.name.label("collection"),
            artifact_types.c.name.label("type"),
            _projects.c.name.label("project"),
            _entities.c.name.label("entity"),
        )
        .select_from(artifacts)
        .join(_collections, _collections.c.id == artifacts.c.collection_id)
        .join(artifact_types, artifact_types.c.id == _collections.c.type_id)
        .join(_projects, _projects.c.id == artifacts.c.project_id)
        .join(_entities, _entities.c.id == _projects.c.entity_id)
    )


def artifact_from_row(row: Row[Any]) -> Artifact:
    values = dict(row._mapping)
    sha256 = values.pop("manifest_sha256")
    values["manifest_sha256"] = None if sha256 is None else bytes(sha256)
    values["is_collection_deleted"] = bool(values["is_collection_deleted"])
    return Artifact(**values)


def select_members() -> sa.Select[Any]:
    """Of collections and versions that are there. Add WHERE, ORDER BY and LIMIT."""
    return (
        sa.select(
            artifact_members.c.id,
            artifact_members.c.collection_id,
            artifact_members.c.version_index,
            artifact_members.c.artifact_id,
            artifact_members.c.is_link,
            artifact_members.c.created_at_us,
            artifact_members.c.created_by_user_id,
            _collections.c.project_id,
            _collections.c.name.label("collection"),
            _collections.c.kind,
            artifact_types.c.name.label("type"),
            _projects.c.name.label("project"),
            _projects.c.entity_id,
            _entities.c.name.label("entity"),
        )
        .select_from(artifact_members)
        .join(_collections, _collections.c.id == artifact_members.c.collection_id)
        .join(artifact_types, artifact_types.c.id == _collections.c.type_id)
        .join(_projects, _projects.c.id == _collections.c.project_id)
        .join(_entities, _entities.c.id == _projects.c.entity_id)
        .where(artifact_members.c.is_hidden.is_(False), _collections.c.deleted_mark == 0)
    )


def member_from_row(row: Row[Any]) -> Member:
    values = dict(row._mapping)
    values["is_link"] = bool(values["is_link"])
    return Member(**values)


def select_events() -> sa.Select[Any]:
    """Add WHERE, ORDER BY and LIMIT."""
    return (
        sa.select(*artifact_events.c, _users.c.username)
        .select_from(artifact_events)
        .outerjoin(_users, _users.c.id == artifact_events.c.user_id)
    )


def event_from_row(row: Row[Any]) -> Event:
    return Event(**row._mapping)
