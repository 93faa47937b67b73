"""Waiting until the sender has brought a logged artifact to the server.

What it did stands in `artifacts.ack.jsonl` of the run's folder, so any process may wait.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from steelyard.errors import ArtifactNotLoggedError, Invalid, Unavailable, WaitTimeoutError
from steelyard.limits import ARTIFACT_WAIT_AWAY_S
from steelyard.sdk.journal.folder import RunFolder
from steelyard.sdk.sender.run_files import read_lines
from steelyard.sdk.sender.tail import read_json

FIRST_PAUSE_S: Final = 0.01
PAUSE_S_MAX: Final = 0.2
LOOK_EVERY_S: Final = 1.0
GONE_S: Final = 10.0  # a killed sender is started again sooner


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an artifact. `version` is None for a part of a distributed one."""

    id: str
    state: str
    entity: str
    project: str
    name: str
    version: str | None


def find_result(run_folder: RunFolder | Path | str, client_id: str) -> dict[str, Any] | None:
    """The last line about that artifact among the results; None while there is none."""
    path = _root_of(run_folder) / "artifacts.ack.jsonl"
    return _Results(path).find(client_id)


def wait_for(
    run_folder: RunFolder | Path | str, client_id: str, timeout: float | None = None
) -> Logged:
    """Wait until the artifact is on the server, at most `timeout` seconds.

    Raises Invalid (a ValueError) when it could not be sent and never will be; WaitTimeoutError
    after `timeout`, and without one when the server is away for five minutes; Unavailable when
    nobody is there to send it; ArtifactNotLoggedError for the artifact of an offline run.
    """
    from steelyard.sdk.sender.launch import hurry

    root = _root_of(run_folder)
    results = _Results(root / "artifacts.ack.jsonl")
    began = time.monotonic()
    watch = _SenderWatch(root, began)
    if (found := results.find(client_id)) is not None:
        return _judge(found)
    if watch.is_offline:
        raise ArtifactNotLoggedError("Artifact.wait", None)
    hurry(str(root))
    pause_s = FIRST_PAUSE_S
    while (found := results.find(client_id)) is None:
        now = time.monotonic()
        if timeout is not None and now >= began + timeout:
            raise WaitTimeoutError(
                f"the artifact is not uploaded after {timeout:g} s; the upload goes on in the "
                f"background{watch.describe()}"
            )
        watch.look(now)
        if timeout is not None:
            pause_s = min(pause_s, max(began + timeout - now, 0.001))
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, PAUSE_S_MAX)
    return _judge(found)


def _root_of(run_folder: RunFolder | Path | str) -> Path:
    return run_folder.path if isinstance(run_folder, RunFolder) else Path(run_folder)


def _judge(result: dict[str, Any]) -> Logged:
    if error := result.get("error"):
        raise Invalid(f"artifact {result.get('name')} is not on the server: {error}")
    return Logged(
        id=str(result["id"]),
        state=str(result["state"]),
        entity=str(result["entity"]),
        project=str(result["project"]),
        name=str(result["name"]),
        version=result.get("version"),
    )


class _Results:
    """The list of results as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._read_to = 0
        self._found: dict[str, dict[str, Any]] = {}

    def find(self, client_id: str) -> dict[str, Any] | None:
        lines, self._read_to = read_lines(self._path, self._read_to)
        for line in lines:
            self._found[str(line.get("client_id"))] = line
        return self._found.get(client_id)


class _SenderWatch:
    """Whether waiting has a point."""

    def __init__(self, root: Path, now: float) -> None:
        self._root = root
        facts = read_json(str(root / "run.json")) or {}
        self._writer = str(facts.get("writer"))
        self.is_offline = facts.get("mode") != "online"
        self._looked_at = self._lived_at = self._worked_at = now
        self._message: str | None = None

    def look(self, now: float) -> None:
        """Raises Unavailable where no sender is, or it was sent away; WaitTimeoutError where the
        server is away for long."""
        from steelyard.sdk.sender.own_journal import is_held

        if now < self._looked_at + LOOK_EVERY_S:
            return
        self._looked_at = now
        if is_held(str(self._root), self._writer):
            self._lived_at = now
        elif now > self._lived_at + GONE_S:
            raise Unavailable(
                f"nobody sends the artifact: the sender process of its run is gone; "
                f"send it: steelyard sync {self._root}"
            )
        status = read_json(str(self._root / "status.json")) or {}
        self._message = status.get("message")
        state = status.get("state")
        if state in ("refused", "deleted"):
            raise Unavailable(f"the run of the artifact is not sent: {self._message}")
        if state != "waiting":
            self._worked_at = now
        elif now > self._worked_at + ARTIFACT_WAIT_AWAY_S:
            raise WaitTimeoutError(f"the artifact is kept on disk and sent later{self.describe()}")

    def describe(self) -> str:
        """What the sender said last."""
        return f": {self._message}" if self._message else f"; it waits in {os.fspath(self._root)}"
