"""Uploading an artifact from here and now, without a run: for the command line."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import Invalid, Unavailable
from steelyard.sdk.artifacts.context import staging_dir
from steelyard.sdk.artifacts.progress import Progress
from steelyard.sdk.artifacts.remote import Remote
from steelyard.sdk.artifacts.stage import stage
from steelyard.sdk.artifacts.wait import find_result

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.sender.artifact_upload import RunArtifacts

PATIENCE_S: Final = 120.0  # without any progress
LOOK_S: Final = 0.2


def upload(
    artifact: Artifact,
    remote: Remote,
    *,
    entity: str,
    project: str,
    aliases: Iterable[str],
    tags: Iterable[str] = (),
) -> dict[str, Any]:
    """Log a draft that no run made, and wait for it. Returns the version as the server has it.

    Raises Invalid for what the server refuses, Unavailable when it does not answer for two minutes;
    what has arrived by then is not sent again the next time.
    """
    artifact._settings = remote.settings
    base = staging_dir(remote.settings)
    Path(base).mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = Path(tempfile.mkdtemp(prefix="put-", dir=base))
    try:
        client_id = stage(
            artifact,
            folder,
            aliases=aliases,
            tags=tags,
            entity=entity,
            project=project,
            is_of_run=False,
        )
        _send(folder, artifact, remote, {"entity": entity, "project": project, "run": ""})
        result = find_result(folder, client_id)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if result is None:
        raise Unavailable(f"the artifact {artifact.name} was not sent")
    if error := result.get("error"):
        raise Invalid(f"the artifact {artifact.name} is not on the server: {error}")
    return remote.get(str(result["id"]))


def _send(folder: Path, artifact: Artifact, remote: Remote, name: dict[str, str]) -> None:
    """Send what is in the folder, with a line that shows how far it is."""
    import threading

    from steelyard.sdk.connection import connection_facts
    from steelyard.sdk.sender.artifact_upload import RunArtifacts
    from steelyard.sdk.sender.link import Link

    link = Link(connection_facts(remote.settings))
    waiting = RunArtifacts(str(folder))
    waiting.refresh()
    manifest = artifact.manifest
    total = sum(entry.size or 0 for entry in manifest.entries.values() if entry.ref is None)
    progress = Progress(
        f"uploading {artifact.name}", file_count=len(manifest.entries), size_bytes=total
    )
    is_over = threading.Event()
    shower = threading.Thread(target=_show, args=(waiting, progress, total, is_over), daemon=True)
    shower.start()
    try:
        _send_until_done(waiting, link, name)
    finally:
        is_over.set()
        shower.join()
        progress.end()
        link.close()


def _send_until_done(waiting: RunArtifacts, link: Any, name: dict[str, str]) -> None:
    moved_at, left = time.monotonic(), waiting.measure_left()
    while not waiting.send_next(link, "", name):
        now = time.monotonic()
        if waiting.measure_left() != left:
            moved_at, left = now, waiting.measure_left()
        is_refused = waiting.backoff.failures == 0  # it would wait for somebody to mend it
        if is_refused or now > moved_at + PATIENCE_S:
            raise Unavailable(waiting.message or f"{link.base_url} does not answer")
        while not waiting.backoff.is_over(time.monotonic()):
            time.sleep(LOOK_S)


def _show(waiting: RunArtifacts, progress: Progress, total: int, is_over: Any) -> None:
    done = 0
    while not is_over.wait(LOOK_S):
        now_done = total - waiting.measure_left()
        progress.add(now_done - done)
        done = now_done
