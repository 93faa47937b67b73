"""Files of runs for tests of tables and media: put where the clients put them."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from steelyard.testing.server import ThrowawayServer
from tests.support.api_project import ApiProject

PATIENCE_S = 120.0


def put_file(project: ApiProject, run: str, name: str, content: bytes) -> str:
    """Store a file of a run; the reference of it as a table."""
    path = f"/api/v1/runs/{project.entity}/{project.name}/{run}/files/{quote(name)}"
    answer = project.server.request("PUT", path, body=content, key=project.key)
    assert answer.status < 300, answer.data
    return f"run:{project.entity}/{project.name}/{run}/{name}"


def put_table(
    project: ApiProject, run: str, name: str, columns: Sequence[Any], rows: Sequence[Any]
) -> str:
    """Store rows as a `.table.json`; its reference."""
    text = json.dumps({"columns": list(columns), "data": list(rows)})
    return put_file(project, run, name, text.encode())


def ask(server: ThrowawayServer, method: str, path: str, content: Any = None) -> Any:
    """A JSON answer, asked again while the server prepares the table."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answer = server.request(method, f"/api/v1/{path}", content=content)
        if answer.status != 503 or time.monotonic() > deadline:
            assert answer.status < 300, f"{answer.status} {answer.data[:2000]!r}"
            return json.loads(answer.data)
        time.sleep(0.1)


def refusal(server: ThrowawayServer, method: str, path: str, content: Any = None) -> Any:
    """(status, detail) of a request that is refused, not only for now."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answer = server.request(method, f"/api/v1/{path}", content=content)
        if answer.status != 503 or time.monotonic() > deadline:
            return answer.status, json.loads(answer.data)["detail"]
        time.sleep(0.1)


def make_png(width: int, height: int, color: Any = (200, 30, 30), mode: str = "RGB") -> bytes:
    """A picture of one colour."""
    from PIL import Image

    file = io.BytesIO()
    Image.new(mode, (width, height), color).save(file, "PNG")
    return file.getvalue()


def path_of(url: str) -> str:
    """Path and query of a URL: the server calls itself localhost, tests ask 127.0.0.1."""
    return "/" + url.split("/", 3)[3]
