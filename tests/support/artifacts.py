"""Artifacts for tests that work on a database and a blob store without a server."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from steelyard.server.blobs.interface import BlobStore, StoredBlob
from steelyard.server.blobs.local import LocalBlobs
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.artifacts.commit import commit_artifact
from steelyard.server.rooms.artifacts.contents import record_contents
from steelyard.server.rooms.artifacts.drafts import (
    create_artifact,
    create_manifest,
    record_manifest,
)
from steelyard.server.rooms.artifacts.model import Actor, Artifact, ManifestKind, NewDraft
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.projects.model import Project
from tests.support.accounts import NOW_US, make_caller

_numbers = itertools.count(1)
DIGEST_HEADER = "wandb-artifact-manifest-v1\n"


def md5_of(content: bytes) -> str:
    """Base64, as manifests have it."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def manifest_of(
    files: Mapping[str, bytes], references: Mapping[str, dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The manifest of these files, and entries as they are."""
    entries = {
        path: {"digest": md5_of(content), "size": len(content)} for path, content in files.items()
    }
    return {
        "version": 1,
        "storagePolicy": "wandb-storage-policy-v1",
        "storagePolicyConfig": {"storageLayout": "V2"},
        "contents": entries | dict(references or {}),
    }


def digest_of(manifest: Mapping[str, Any]) -> str:
    """The artifact's digest, computed the slow way."""
    lines = [f"{path}:{entry['digest']}\n" for path, entry in sorted(manifest["contents"].items())]
    text = DIGEST_HEADER + "".join(lines)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def store(blobs: BlobStore, content: bytes) -> StoredBlob:
    writer = blobs.create_writer()
    writer.write(content)
    return writer.commit()


class Shelf:
    """A project with artifacts, and a clock that stands still until it is moved."""

    def __init__(
        self,
        db: Database,
        directory: Path | None = None,
        *,
        blobs: BlobStore | None = None,
        caller: Caller | None = None,
        entity: str = "",
        name: str = "shelf",
    ) -> None:
        self.db = db
        if blobs is None:
            assert directory is not None
            blobs = LocalBlobs(directory)
        self.blobs = blobs
        self.caller = caller or db.write_now(make_caller)
        self.actor = Actor(self.caller.user_id)
        self.now_us = NOW_US
        self.entity = entity
        self.project = self.make_project(name)

    def make_project(self, name: str) -> Project:
        def make(conn: Connection) -> Project:
            return ensure_project(
                conn, caller=self.caller, entity=self.entity, name=name, now_us=self.now_us
            )[0]

        return self.db.write_now(make)

    def draft(self, name: str = "data", **changes: Any) -> Artifact:
        values = {
            "type": "dataset",
            "collection": name,
            "digest": "",
            "client_id": f"client-{next(_numbers)}",
        } | changes
        project = values.pop("project", self.project)
        return self.db.write_now(
            create_artifact,
            project=project,
            draft=NewDraft(**values),
            actor=self.actor,
            now_us=self.now_us,
        )

    def upload(self, artifact: Artifact, contents: Sequence[bytes]) -> None:
        stored = [store(self.blobs, content) for content in contents]
        self.db.write_now(record_contents, artifact.id, stored, now_us=self.now_us)

    def send_manifest(
        self,
        artifact: Artifact,
        manifest: Mapping[str, Any] | bytes,
        *,
        kind: ManifestKind = "full",
        base_id: int | None = None,
    ) -> None:
        data = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        announced = self.db.write_now(
            create_manifest,
            artifact,
            kind=kind,
            base_id=base_id,
            digest=md5_of(data),
            now_us=self.now_us,
        )
        blob = store(self.blobs, data)
        self.db.write_now(record_manifest, announced.id, blob, now_us=self.now_us)

    def commit(self, artifact: Artifact) -> Artifact:
        return commit_artifact(
            self.db, self.blobs, artifact.id, actor=self.actor, now_us=self.now_us
        )

    def log(
        self,
        files: Mapping[str, bytes],
        name: str = "data",
        *,
        kind: ManifestKind = "full",
        base_id: int | None = None,
        references: Mapping[str, dict[str, Any]] | None = None,
        **changes: Any,
    ) -> Artifact:
        """A version with these files, logged as the clients do it."""
        manifest = manifest_of(files, references)
        digest = digest_of(manifest)
        is_full = kind == "full"
        artifact = self.draft(name, digest=digest, is_deduplicated=is_full, **changes)
        if artifact.state == "COMMITTED":
            return artifact
        self.upload(artifact, list(files.values()))
        self.send_manifest(artifact, manifest, kind=kind, base_id=base_id)
        return self.commit(artifact)
