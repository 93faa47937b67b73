"""A project of a test's own on a real server, filled as the official client would fill it."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from steelyard.testing.frames import DecodedFrame, decode_frames
from steelyard.testing.server import ThrowawayServer

UPSERT = """mutation Upsert($name: String, $project: String, $entity: String, $config: JSONString,
    $displayName: String, $tags: [String!], $groupName: String) {
  upsertBucket(input: {name: $name, modelName: $project, entityName: $entity, config: $config,
    displayName: $displayName, tags: $tags, groupName: $groupName}) { bucket { id } inserted }
}"""
_numbers = itertools.count()


class ApiProject:
    """Writes runs through the client's protocol; reads them through our API."""

    def __init__(self, server: ThrowawayServer, *, key: str | None = None) -> None:
        self.server = server
        self.key = key
        self.entity: str = server.call("GET", "/api/v1/me", key=key)["default_entity"]
        self.name = f"project-{next(_numbers)}-{uuid.uuid4().hex[:8]}"
        self.path = f"/api/v1/{self.entity}/{self.name}"

    def add_run(
        self,
        name: str,
        rows: Iterable[Mapping[str, Any] | str] = (),
        *,
        config: Mapping[str, Any] | None = None,
        summary: Mapping[str, Any] | None = None,
        display_name: str | None = None,
        tags: Sequence[str] | None = None,
        group: str | None = None,
        **streamed: Any,
    ) -> None:
        """A run with history rows; see `send` for the rest."""
        self.server.graphql(
            UPSERT,
            key=self.key,
            name=name,
            project=self.name,
            entity=self.entity,
            displayName=display_name or f"run {name}",
            config=json.dumps({key: {"value": value} for key, value in (config or {}).items()}),
            tags=list(tags) if tags is not None else None,
            groupName=group,
        )
        self.send(name, rows, summary=summary, **streamed)

    def send(
        self,
        name: str,
        rows: Iterable[Mapping[str, Any] | str] = (),
        *,
        offset: int = 0,
        summary: Mapping[str, Any] | None = None,
        system: Iterable[Mapping[str, Any]] = (),
        log: Sequence[str] = (),
        exit_code: int | None = None,
    ) -> None:
        """One request of the file stream."""
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        files: dict[str, Any] = {
            "wandb-history.jsonl": {"offset": offset, "content": lines},
            "wandb-events.jsonl": {"offset": 0, "content": [json.dumps(row) for row in system]},
            "output.log": {"offset": 0, "content": list(log)},
        }
        content: dict[str, Any] = {"files": {k: v for k, v in files.items() if v["content"]}}
        if summary is not None:
            content["files"]["wandb-summary.json"] = {
                "offset": 0,
                "content": [json.dumps(dict(summary))],
            }
        if exit_code is not None:
            content |= {"complete": True, "exitcode": exit_code}
        path = f"/files/{self.entity}/{self.name}/{name}/file_stream"
        self.server.call("POST", path, content=content, key=self.key)

    def call(self, method: str, path: str, content: Any = None) -> Any:
        """A JSON answer of this project's API: `path` starts behind the project."""
        return self.server.call(method, f"{self.path}/{path}", content=content, key=self.key)

    def refusal(self, method: str, path: str, content: Any = None) -> tuple[int, str]:
        """(status, detail) of a request that is to be refused."""
        answer = self.server.request(method, f"{self.path}/{path}", content=content, key=self.key)
        problem = json.loads(answer.data)
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["status"] == answer.status
        return answer.status, problem["detail"]

    def names(self, **query: Any) -> list[str]:
        """Names of the runs that a query lists."""
        return [row["name"] for row in self.call("POST", "runs:query", query)["items"]]

    def frames(self, panels: Sequence[Mapping[str, Any]], **query: Any) -> list[DecodedFrame]:
        """The frames of `series:query`, decoded."""
        answer = self.server.request(
            "POST", f"{self.path}/series:query", content={"panels": panels, **query}, key=self.key
        )
        assert answer.status == 200, answer.data
        assert answer.headers["content-type"] == "application/vnd.steelyard.frame"
        return list(decode_frames(answer.data))
