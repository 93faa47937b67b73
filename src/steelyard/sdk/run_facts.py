"""What a run is made of, besides its journal."""

from __future__ import annotations

from collections.abc import Mapping
from time import time_ns
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from steelyard.sdk.journal.folder import RunFolder


class Console(Protocol):
    def flush(self) -> None:
        """Hand on what waits for the end of its line."""

    def uninstall(self) -> None:
        """Stop capturing; what was captured has been handed on when this returns."""


class RunFacts(msgspec.Struct, kw_only=True):
    """What is known of a run when it begins.

    Attributes:
        entity: None until the server says whose key it is.
        starting_step: the step of the first row; None when only the server knows, and then steps
            count from 0 here and the server adds what is missing.
        base_url: of the web pages, without a slash at its end; None without a server.
        summary: of the run so far, when it is resumed and the server was asked.
    """

    run_id: str
    project: str
    mode: str
    started_at_us: int
    entity: str | None = None
    display_name: str | None = None
    group: str | None = None
    job_type: str | None = None
    tags: tuple[str, ...] = ()
    notes: str | None = None
    sweep_id: str | None = None
    starting_step: int | None = 0
    resumed: bool = False
    base_url: str | None = None
    summary: dict[str, Any] = {}


class RunStatus(msgspec.Struct, frozen=True):
    """How far the upload is. Items are records of the journal and files.

    `sync_time` is when the server last acknowledged something, a datetime, or None.
    """

    sync_items_total: int = 0
    sync_items_pending: int = 0
    sync_time: Any = None


class NoJournal:
    """In place of the journal of a run that is disabled: it takes everything and keeps nothing."""

    count = 0
    size_bytes = 0
    waiting_count = 0
    is_untouched = True
    history_at_us = 0

    def append(self, kind: int, payload: Any) -> None:
        return

    def append_history(self, step: int, is_automatic: bool, data: Mapping[str, Any]) -> None:
        self.history_at_us = time_ns() // 1000

    def close(self) -> int:
        return 0


def read_status(folder: RunFolder, record_count: int) -> RunStatus:
    """The sender's last word on the run; all is pending before its first."""
    import datetime
    import json

    try:
        said = json.loads(folder.status_path.read_bytes())
        sent, total = said["acknowledged"], said["total"]
        files_left, at_us = said["files_left"], said["at_us"]
        # The sender counts bytes; a record that is sent in part is pending.
        done = int(record_count * sent / total) if total else 0
        when = datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC)
        return RunStatus(
            sync_items_total=record_count + files_left,
            sync_items_pending=record_count - done + files_left,
            sync_time=when if sent else None,
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return RunStatus(sync_items_total=record_count, sync_items_pending=record_count)
