"""Inputs of a run: found on the server, and noted there. Both wait for it, a bounded time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from steelyard.errors import NotFound, Unavailable
from steelyard.limits import ARTIFACT_RUN_WAIT_S
from steelyard.sdk.artifacts.names import parse_path
from steelyard.sdk.artifacts.remote import Remote, open_remote

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.run import Run

PAUSE_S: Final = 0.05
PAUSE_S_MAX: Final = 1.0


def find_version(run: Run, name: str, type: str | None) -> Artifact:
    """The artifact of that name; what the name leaves out is the run's.

    Raises ArtifactMissing, Invalid for another type than `type`, Unavailable without the server.
    """
    from steelyard.sdk.artifacts.artifact import Artifact

    remote = open_remote(run.settings)
    path = parse_path(name)
    if path.entity is None or path.project is None:
        path = path.with_defaults(_entity_of(run, remote), run.project)
    return Artifact._from_version(remote.find(path, type=type), remote, asked=path)


def record_use(run: Run, artifact: Artifact, use_as: str | None) -> None:
    """Note that the run reads the artifact.

    The run may be new, and its first words on their way: the server is asked again for half a
    minute. Raises Unavailable when it does not know the run then.
    """
    from steelyard.sdk.sender.launch import hurry

    remote = open_remote(run.settings)
    reader = {"entity": _entity_of(run, remote), "project": run.project, "name": run.id}
    path = parse_path(artifact.qualified_name)
    deadline, pause_s = time.monotonic() + ARTIFACT_RUN_WAIT_S, PAUSE_S
    while True:
        try:
            remote.use(path, reader, use_as)
            return
        except NotFound as error:
            if error.code not in ("run_not_found", "project_not_found"):
                raise
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"{artifact.name} cannot be noted as an input: the server does not know the "
                    f"run {run.id} yet; is it being sent? See {run.sync_dir}/status.json"
                ) from error
        hurry(run.sync_dir)
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, PAUSE_S_MAX)


def _entity_of(run: Run, remote: Remote) -> str:
    return run.facts.entity or run.entity or remote.default_entity
