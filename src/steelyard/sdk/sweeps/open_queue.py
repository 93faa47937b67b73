"""Which queue a path names."""

from __future__ import annotations

from pathlib import Path

from steelyard.sdk.sweeps.queue import Queue


def open_queue(path: str, *, entity: str | None = None, project: str | None = None) -> Queue:
    """The queue behind SWEEP, PROJECT/SWEEP, ENTITY/PROJECT/SWEEP, a sweep's page, or a directory
    that has a sweep in it.

    Raises UsageError for a path that names nothing or without a server to ask, NoApiKey.
    """
    from steelyard.sdk.sweeps.directory.store import is_sweep_directory

    # Scripts hand over what they have: None from a function that made no sweep.
    if isinstance(path, str) and is_sweep_directory(Path(path)):
        from steelyard.sdk.sweeps.directory.queue import DirectoryQueue

        return DirectoryQueue(Path(path).absolute())  # scripts change their directory
    from steelyard.sdk.sweeps.server_queue import open_server_queue

    return open_server_queue(path, entity=entity, project=project)
