"""Artifacts logged by a script in a process of its own, and what became of them on the server."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from steelyard.testing.server import ThrowawayServer


class ArtifactReader:
    """Artifacts of one project, as the owner of the server sees them by REST."""

    def __init__(self, server: ThrowawayServer, project: str) -> None:
        self.server = server
        entity = server.call("GET", "/api/v1/me")["default_entity"]
        self.entity: str = entity
        self.project = project
        self._path = f"/api/v1/{entity}/{project}"

    def find(self, name: str, ref: str = "latest") -> dict[str, Any] | None:
        """A version; None when there is none."""
        answer = self.server.request("GET", f"{self._path}/artifacts/{name}/versions/{ref}")
        if answer.status == 404:
            return None
        assert answer.status == 200, answer.data
        found: dict[str, Any] = json.loads(answer.data)
        return found

    def get(self, name: str, ref: str = "latest") -> dict[str, Any]:
        found = self.find(name, ref)
        assert found is not None, f"no {name}:{ref}"
        return found

    def versions(self, name: str) -> list[str]:
        """Digests, oldest first."""
        answer = self.server.request("GET", f"{self._path}/artifacts/{name}/versions?limit=200")
        if answer.status == 404:
            return []
        heads = sorted(json.loads(answer.data)["items"], key=lambda head: head["index"])
        return [head["digest"] for head in heads]

    def files(self, name: str, ref: str = "latest") -> dict[str, dict[str, Any]]:
        """By path: size_bytes, digest, ref, url and so on."""
        found: dict[str, dict[str, Any]] = {}
        after = ""
        while True:
            page = self.server.call(
                "GET",
                f"{self._path}/artifacts/{name}/versions/{ref}/files"
                f"?limit=5000&after={quote(after, safe='')}",
            )
            found |= {item["path"]: item for item in page["items"]}
            if not page["items"] or not page.get("next_cursor"):
                return found
            after = page["items"][-1]["path"]

    def hash_file(self, name: str, path: str, ref: str = "latest") -> str:
        """SHA-256 of the bytes that the server gives."""
        url = urlsplit(self.files(name, ref)[path]["url"])
        answer = self.server.request("GET", f"{url.path}?{url.query}")
        assert answer.status == 200, answer.data
        return hashlib.sha256(answer.data).hexdigest()

    def run_artifacts(self, run: str) -> dict[str, list[dict[str, Any]]]:
        """inputs and outputs of a run."""
        found: dict[str, list[dict[str, Any]]] = self.server.call(
            "GET", f"{self._path}/runs/{run}/artifacts"
        )
        return found


def list_results(run_dir: Path) -> list[dict[str, Any]]:
    """What became of the artifacts of a run folder, in order."""
    try:
        lines = (run_dir / "artifacts.ack.jsonl").read_text().splitlines()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]
