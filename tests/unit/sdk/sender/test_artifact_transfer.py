"""Contents of artifacts on their way to a real server."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from steelyard.limits import ARTIFACT_MULTIPART_FROM_BYTES
from steelyard.sdk.sender.artifact_transfer import Transfer, ask
from steelyard.sdk.sender.link import Later, Link
from steelyard.testing.server import ThrowawayServer

LARGE_BYTES = ARTIFACT_MULTIPART_FROM_BYTES + 1


@pytest.fixture
def link(sdk_server: ThrowawayServer) -> Link:
    return Link({"base_url": sdk_server.base_url, "api_key": sdk_server.owner_key})


def begin_draft(link: Link, name: str) -> str:
    draft = {"type": "dataset", "collection": name, "digest": "", "kind": "full"}
    made = ask(link, "POST", "/api/v1/-/transfers/artifacts", draft | {"client_id": name})
    return str(made["id"])


def stage_large(folder: Path) -> Path:
    """The folder of an artifact with a file that goes in parts."""
    folder.mkdir()
    content = bytes(LARGE_BYTES)
    (folder / "large").write_bytes(content)
    digest = b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    entry = {"digest": digest, "size": LARGE_BYTES, "local_path": str(folder / "large")}
    (folder / "manifest.json").write_text(json.dumps({"contents": {"large": entry}}))
    return folder


class Overtaken(Transfer):
    """Another writer of the same draft is done before the first part is sent."""

    other: Transfer

    def _find_parts(self, upload: Any) -> None:
        super()._find_parts(upload)
        self.other.run()


def test_a_content_that_another_writer_completes_meanwhile_is_no_fault(
    link: Link, tmp_path: Path
) -> None:
    folder = str(stage_large(tmp_path / "staged"))
    draft = begin_draft(link, "shared")
    spoiled: dict[str, int] = {}
    slow = Overtaken(link, draft, folder, spoiled)
    slow.other = Transfer(link, draft, folder)
    with pytest.raises(Later):
        slow.run()
    again = Transfer(link, draft, folder, spoiled)
    again.run()
    assert (again.sent_bytes, spoiled) == (0, {})
