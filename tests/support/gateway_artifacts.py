"""Artifacts logged as the official client logs them: its calls of the gateway, one by one."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from steelyard.testing.server import ThrowawayServer

CREATE = """mutation CreateArtifact($input: CreateArtifactInput!) {
    createArtifact(input: $input) {
        artifact { id state artifactSequence { latestArtifact { id } } }
    }
}"""
MANIFEST = """mutation CreateArtifactManifest(
    $artifact: ID!, $base: ID, $name: String!, $digest: String!, $entity: String!,
    $project: String!, $run: String!, $kind: ArtifactManifestType!, $withUpload: Boolean!
) {
    createArtifactManifest(input: {
        artifactID: $artifact, baseArtifactID: $base, name: $name, digest: $digest,
        entityName: $entity, projectName: $project, runName: $run, type: $kind
    }) {
        artifactManifest {
            id
            file {
                id
                uploadUrl @include(if: $withUpload)
                uploadHeaders @include(if: $withUpload)
            }
        }
    }
}"""
FILES = """mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) {
    createArtifactFiles(input: $input) {
        files { edges { node {
            name storagePath uploadUrl uploadHeaders
            uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } }
            artifact { id }
        } } }
    }
}"""
COMMIT = """mutation CommitArtifact($id: ID!) {
    commitArtifact(input: {artifactID: $id}) { artifact { id digest state versionIndex } }
}"""


def md5_of(content: bytes) -> str:
    """Base64, as manifests have it."""
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def digest_of(contents: Mapping[str, bytes]) -> str:
    """The digest of an artifact with these files."""
    lines = "".join(f"{path}:{md5_of(contents[path])}\n" for path in sorted(contents))
    return hashlib.md5(f"wandb-artifact-manifest-v1\n{lines}".encode()).hexdigest()


class GatewayArtifacts:
    """Artifacts of one project on a server, as whoever has `key`."""

    def __init__(
        self, server: ThrowawayServer, *, key: str | None = None, project: str | None = None
    ) -> None:
        self.server = server
        self.key = key
        self.project = project or f"artifacts-{uuid.uuid4().hex[:8]}"
        self.entity: str = self.ask("{ viewer { entity } }")["viewer"]["entity"]

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """`data` of an answer without errors."""
        found: dict[str, Any] = self.server.graphql(query, key=self.key, **variables)
        return found

    def refuse(self, query: str, **variables: Any) -> str:
        """The message of an answer that must be an error."""
        content = {"query": query, "variables": variables}
        answer = self.server.call("POST", "/graphql", content=content, key=self.key)
        assert answer.get("errors"), answer
        message: str = answer["errors"][0]["message"]
        return message

    def input(self, name: str, contents: Mapping[str, bytes], **more: Any) -> dict[str, Any]:
        """What createArtifact takes."""
        return {
            "entityName": self.entity,
            "projectName": self.project,
            "artifactTypeName": "dataset",
            "artifactCollectionName": name,
            "digest": digest_of(contents),
            "digestAlgorithm": "MANIFEST_MD5",
            "enableDigestDeduplication": True,
            "clientID": uuid.uuid4().hex,
            "sequenceClientID": uuid.uuid4().hex,
            **more,
        }

    def create(self, name: str, contents: Mapping[str, bytes], **more: Any) -> dict[str, Any]:
        made = self.ask(CREATE, input=self.input(name, contents, **more))
        artifact: dict[str, Any] = made["createArtifact"]["artifact"]
        return artifact

    def ask_files(self, artifact_id: str, contents: Mapping[str, bytes]) -> list[dict[str, Any]]:
        """What the server says of each file, in the same order."""
        specs = [
            {"artifactID": artifact_id, "name": path, "md5": md5_of(content)}
            for path, content in contents.items()
        ]
        asked = self.ask(FILES, input={"artifactFiles": specs, "storageLayout": "V2"})
        return [edge["node"] for edge in asked["createArtifactFiles"]["files"]["edges"]]

    def announce(self, artifact_id: str, digest: str, **more: Any) -> dict[str, Any]:
        """The manifest of a draft."""
        given = {
            "base": None,
            "name": "wandb_manifest.json",
            "run": "",
            "kind": "FULL",
            "withUpload": True,
        }
        made = self.ask(
            MANIFEST,
            artifact=artifact_id,
            digest=digest,
            entity=self.entity,
            project=self.project,
            **{**given, **more},
        )
        manifest: dict[str, Any] = made["createArtifactManifest"]["artifactManifest"]
        return manifest

    def put(self, url: str, body: bytes, **headers: str) -> Any:
        """PUT without a key, as the client does."""
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}"
        return self.server.request("PUT", path, body=body, key="", headers=headers)

    def get(self, url: str) -> Any:
        parts = urlsplit(url)
        return self.server.request("GET", f"{parts.path}?{parts.query}", key="")

    def log(self, name: str, contents: Mapping[str, bytes], **more: Any) -> dict[str, Any]:
        """Log a version from start to end; what the commit says, or the one that was there."""
        artifact = self.create(name, contents, **more)
        if artifact["state"] == "COMMITTED":
            return artifact
        files = self.ask_files(artifact["id"], contents)
        entries = {}
        for file, (path, content) in zip(files, contents.items(), strict=True):
            if file["uploadUrl"] is not None:
                assert self.put(file["uploadUrl"], content).status == 200
            entries[path] = {
                "digest": md5_of(content),
                "size": len(content),
                "birthArtifactID": file["artifact"]["id"],
            }
        manifest = json.dumps(
            {
                "version": 1,
                "storagePolicy": "wandb-storage-policy-v1",
                "storagePolicyConfig": {"storageLayout": "V2"},
                "contents": entries,
            }
        ).encode()
        announced = self.announce(artifact["id"], md5_of(manifest))
        assert self.put(announced["file"]["uploadUrl"], manifest).status == 200
        committed: dict[str, Any] = self.ask(COMMIT, id=artifact["id"])["commitArtifact"]
        done: dict[str, Any] = committed["artifact"]
        return done
