"""A client of the file stream that behaves as the official one does when things break.

wandb v0.28.2 core/internal/filestream, core/internal/clients/retry_policy.go: requests of a run are
sent strictly one after the other; the same bytes are sent again after a broken connection, 408,
429 and 5xx; other 4xx end the stream. Only the waits are shorter here.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import urllib3

from steelyard.testing.server import ThrowawayServer

FATAL_STATUSES = frozenset({400, 401, 403, 404, 409, 410, 413, 422, 501})
UPSERT = """
mutation UpsertBucket($name: String, $entity: String, $project: String, $config: JSONString) {
  upsertBucket(
    input: {name: $name, entityName: $entity, modelName: $project, config: $config}
  ) { bucket { id name project { name entity { name } } historyLineCount } inserted }
}
"""


class StreamDied(AssertionError):
    """The server answered what makes the official client give up."""


class FileStreamClient:
    """One process that writes one run."""

    def __init__(
        self,
        base_url: str,
        key: str,
        path: str,
        *,
        writer: str = "",
        wait_s: float = 0.05,
        patience_s: float = 120,
    ) -> None:
        self.url = f"{base_url}/files/{path}/file_stream"
        self.retry_count = 0
        self._wait_s, self._patience_s = wait_s, patience_s
        self.headers = {
            "Authorization": "Basic " + base64.b64encode(f"api:{key}".encode()).decode(),
            "Content-Type": "application/json",
        } | ({"X-WANDB-ASYNC-CLIENT-ID": writer} if writer else {})
        self._pool = urllib3.PoolManager(retries=False, timeout=180)

    def send(self, content: Any) -> dict[str, Any]:
        """Send until it is acknowledged. Raises StreamDied, or TimeoutError when nobody answers."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                answer = self.send_once(body)
            except urllib3.exceptions.HTTPError as error:
                reason = repr(error)
            else:
                if answer.status == 200:
                    said = json.loads(answer.data)
                    assert isinstance(said, dict), said
                    return said
                if answer.status in FATAL_STATUSES:
                    raise StreamDied(f"{answer.status}: {answer.data[:500]!r}")
                reason = f"{answer.status}: {answer.data[:300]!r}"
            if time.monotonic() > deadline:
                raise TimeoutError(f"no acknowledgement from {self.url}: {reason}")
            self.retry_count += 1
            time.sleep(self._wait_s)

    def send_once(
        self, body: bytes, *, headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """One attempt, whatever comes of it."""
        return self._pool.request(
            "POST", self.url, body=body, headers=self.headers | dict(headers or {})
        )

    def send_history(self, first: int, lines: Sequence[str]) -> dict[str, Any]:
        return self.send({"files": {"wandb-history.jsonl": {"offset": first, "content": lines}}})

    def close(self) -> None:
        self._pool.clear()


def create_run(server: ThrowawayServer, name: str, *, project: str = "fault") -> str:
    """Make (or wake) a run of the owner; its path "entity/project/run"."""
    data = server.graphql(UPSERT, name=name, entity="", project=project, config="{}")
    bucket = data["upsertBucket"]["bucket"]
    return f"{bucket['project']['entity']['name']}/{bucket['project']['name']}/{bucket['name']}"


def open_stream(
    server: ThrowawayServer, name: str, *, project: str = "fault", **options: Any
) -> FileStreamClient:
    """A new run and its client."""
    path = create_run(server, name, project=project)
    return FileStreamClient(server.base_url, server.owner_key, path, **options)
