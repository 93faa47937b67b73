"""Which queue a path names."""

from __future__ import annotations

from steelyard.sdk.sweeps.queue import Queue


def open_queue(path: str, *, entity: str | None = None, project: str | None = None) -> Queue:
    """The queue behind SWEEP, PROJECT/SWEEP, ENTITY/PROJECT/SWEEP or a sweep's page.

    Raises UsageError for a path that names nothing or without a server to ask, NoApiKey.
    """
    from steelyard.sdk.sweeps.server_queue import open_server_queue

    return open_server_queue(path, entity=entity, project=project)
