"""Which queue a path names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from steelyard.errors import UsageError
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


def open_queues(
    paths: Sequence[str], *, entity: str | None = None, project: str | None = None
) -> Queue:
    """The queue of one path, or one queue of several sweeps of the server. Raises as `open_queue`.

    Raises UsageError for a directory beside others: only a server knows whose turn it is.
    """
    if len(paths) == 1:
        return open_queue(paths[0], entity=entity, project=project)
    from steelyard.sdk.sweeps.server_queue import ServerQueue
    from steelyard.sdk.sweeps.several import SeveralQueues

    queues = [open_queue(path, entity=entity, project=project) for path in dict.fromkeys(paths)]
    on_server = [queue for queue in queues if isinstance(queue, ServerQueue)]
    if len(on_server) < len(queues):
        raise UsageError(
            "an agent works for several sweeps of a server, or for one in a directory: "
            "start an agent for each directory"
        )
    return SeveralQueues(on_server)
