"""What the sender makes of a server that commits an artifact while nobody hears it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.sdk.sender.artifact_upload import RunArtifacts
from steelyard.sdk.sender.link import Refused

PLACE = "me/p/run"
NAME = {"entity": "me", "project": "p", "run": "run"}


class Answer:
    def __init__(self, value: Any) -> None:
        self.body = json.dumps(value).encode()


class LateServer:
    """Refuses the manifest; `state` is what it says of the draft when it is asked again."""

    base_url = "http://server"

    def __init__(self, state: str) -> None:
        self.state = state
        self.asked: list[str] = []

    def request(self, method: str, path: str, **options: Any) -> Answer:
        self.asked.append(f"{method} {path}")
        if path.endswith("/manifest"):
            raise Refused("it is committed", code="conflict", status=409)
        state = "PENDING" if len(self.asked) == 1 else self.state
        version = "v0" if state == "COMMITTED" else None
        return Answer({"id": "aWQ=", "state": state, "version": version})


def make_run(run_dir: Path) -> RunArtifacts:
    folder = run_dir / "artifacts/client1"
    folder.mkdir(parents=True)
    draft = {"collection": "data", "type": "t", "client_id": "client1"}
    (folder / "draft.json").write_text(json.dumps(draft))
    (folder / "manifest.json").write_text('{"version": 1, "contents": {}}')
    (run_dir / "artifacts.jsonl").write_text('{"client_id": "client1"}\n')
    artifacts = RunArtifacts(str(run_dir))
    artifacts.refresh()
    return artifacts


@pytest.mark.parametrize("state", ["COMMITTED", "PENDING"])
def test_a_commit_that_nobody_heard_of_is_no_failure(tmp_path: Path, state: str) -> None:
    artifacts, server = make_run(tmp_path), LateServer(state)
    link: Any = server
    assert artifacts.send_next(link, PLACE, NAME)
    (line,) = (tmp_path / "artifacts.ack.jsonl").read_text().splitlines()
    result = json.loads(line)
    if state == "COMMITTED":
        assert (result["state"], result["id"], result["version"]) == ("COMMITTED", "aWQ=", "v0")
        assert result["name"] == "data"
        assert not artifacts.problems
    else:
        assert (result["state"], result["error"]) == ("FAILED", "it is committed")
