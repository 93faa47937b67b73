"""Sends a run that the official client keeps on disk to the server: its log, then its files.

Every call starts at the beginning of the log and lets the server say how much it has, so a sync
that was cut off, is repeated, or comes while the run still writes sends what is missing and no
more. One log is read and sent piece by piece, whatever its size.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from steelyard.errors import Invalid
from steelyard.limits import HEARTBEAT_SILENCE_CRASHED_S
from steelyard.sdk.sender.link import Backoff, Later, Link, Refused
from steelyard.sdk.sender.run_files import RunFiles
from steelyard.sdk.sender.run_upload import Target
from steelyard.sdk.wandb_journal import Translation
from steelyard.sdk.wandb_log import WandbLog

#: What the official client leaves beside a log that it uploaded (core/internal/runsync).
SYNCED_SUFFIX: Final = ".synced"
DEFAULT_PROJECT: Final = "uncategorized"
PATIENCE_S: Final = 60.0
SILENT_ANSWERS_MAX: Final = 3

T = TypeVar("T")


class SyncProgress(msgspec.Struct, frozen=True):
    """How far a sync is; bytes are those of the log."""

    read_bytes: int
    size_bytes: int
    files_done: int = 0
    files_left: int = 0


class SyncOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one log.

    Attributes:
        run_id, project, entity, display_name: as the server calls them, when it answered.
        state: finished or failed as the process said; crashed: it died without a word; running:
            it still writes, or nobody can tell; empty: the log does not say yet what the run is.
        is_complete: the run has ended, and all it wrote down is on the server.
        problem: what kept something from being sent, in one line; None when nothing did.
        notices: what is in the log and cannot be sent by this version, one line each.
        row_count, skipped_blocks, unsent_files: of the log; of 32 KiB that were damaged; files.
    """

    path: Path
    run_id: str = ""
    project: str = ""
    entity: str = ""
    display_name: str = ""
    state: str = "empty"
    is_complete: bool = False
    problem: str | None = None
    notices: tuple[str, ...] = ()
    row_count: int = 0
    skipped_blocks: int = 0
    sent_bytes: int = 0
    files_done: int = 0
    unsent_files: int = 0


def sync_wandb_file(
    path: Path,
    link: Link,
    *,
    project: str | None = None,
    entity: str | None = None,
    run_id: str | None = None,
    on_progress: Callable[[SyncProgress], None] = lambda _: None,
    is_watched: bool = False,
    patience_s: float = PATIENCE_S,
) -> SyncOutcome:
    """Send what the server lacks of the run in `path`, a file `run-ID.wandb`.

    `project`, `entity` and `run_id` go before what the log says. `is_watched`: the caller will
    look again, so that a log that is silent is not yet taken for that of a dead process. A server
    that is away is asked again for `patience_s` seconds.

    Raises NotAWandbLog, OSError. What the server or the network refuses is the outcome's problem.
    """
    sync = _Sync(path, link, patience_s=patience_s, on_progress=on_progress)
    sync.find_target(project=project, entity=entity, run_id=run_id)
    if sync.target is None:
        return SyncOutcome(path=path, skipped_blocks=sync.log.skipped_blocks)
    try:
        sync.send_journal()
        sync.state = _judge(path, sync.translation, is_watched=is_watched)
        if sync.state == "crashed":
            sync.send_crash()
        sync.send_files()
    except Later as later:
        sync.problem = f"{later}; nothing is lost, run the same command again"
    except Refused as refusal:
        sync.problem = str(refusal)
    return sync.finish()


class _Sync:
    """One log on its way."""

    def __init__(
        self,
        path: Path,
        link: Link,
        *,
        patience_s: float,
        on_progress: Callable[[SyncProgress], None],
    ) -> None:
        self.path = path
        self.log = WandbLog(path)
        self.target: Target | None = None
        self.state = "running"
        self.problem: str | None = None
        self._feed = _Feed(self.log)
        self._link = link
        self._patience_s = patience_s
        self._on_progress = on_progress
        self._place: dict[str, str] = {}
        self._sent_bytes = 0
        self._files_done = 0
        self._unsent_files = 0
        self._skipped = ""

    @property
    def translation(self) -> Translation:
        return self._feed.translation

    def find_target(self, *, project: str | None, entity: str | None, run_id: str | None) -> None:
        """Where the run goes, from the first message that says what it is."""
        first = Translation()
        for _ in first.translate(self.log):
            break
        if first.run is None:
            return
        run = run_id or first.run.run_id
        if not run:
            raise Invalid(f"{self.path} does not say the id of its run; give one: --id ID")
        self.target = Target(
            entity or first.run.entity,
            project or first.run.project or DEFAULT_PROJECT,
            run,
        )

    # ---- journal

    def send_journal(self) -> None:
        """Send what the server lacks of the journal."""
        offset, silent = 0, 0
        had_bytes: int | None = None
        # START alone at first: the answer says how much the server has.
        chunk = self._feed.read(0, 1)
        while chunk:
            kept = self._post(self.translation.writer, offset, chunk)
            if had_bytes is None:
                had_bytes = kept if kept > len(chunk) else 0
            self._sent_bytes = max(0, kept - had_bytes)
            silent = silent + 1 if kept == offset else 0
            if silent == SILENT_ANSWERS_MAX:
                raise Refused(
                    f"the server keeps {kept:,} bytes of this run and takes no more",
                    code="conflict",
                    status=409,
                )
            offset = kept
            chunk = self._feed.read(offset, self._link.upload_bytes)
            self._tell()
        if self._feed.position < offset:
            self.problem = (
                f"the server has more of this run than {self.path.name} holds; "
                "is the file an older copy?"
            )

    def send_crash(self) -> None:
        """Say that the process is dead."""
        assert self.target is not None
        target = self.target
        writer, data = self.translation.translate_crash(run_id=target.run, project=target.project)
        self._post(writer, 0, data)

    def _post(self, writer: str, offset: int, data: bytes) -> int:
        """Bytes of the journal that the server keeps now."""
        assert self.target is not None
        path = f"{self.target.path}/journals/{writer}?offset={offset}"
        answer = self._patiently(lambda: self._link.post_journal(path, data))
        names = ("entity", "project", "run", "display_name")
        self._place = {name: str(answer.get(name, "")) for name in names}
        if answer.get("reason") and not self._skipped:
            self._skipped = f"the server could not use a record: {answer['reason']}"
        kept: int = answer["acknowledged"]
        return kept

    # ---- files

    def send_files(self) -> None:
        """Send the files of the run that the server lacks or that have changed."""
        assert self.target is not None
        target = Target(
            self._place.get("entity") or self.target.entity,
            self._place.get("project") or self.target.project,
            self._place.get("run") or self.target.run,
        )
        files = RunFiles(str(self.path.parent))
        place = f"{self._link.base_url}{target.path}"
        files.read_acknowledged(place)
        files.refresh(is_ending=True)
        self._unsent_files = files.count_left(is_ending=True)
        for file in files.list_due(time.monotonic(), is_ending=True):
            self._tell()
            self._patiently(partial(files.send, file, self._link, target.path, place))
            self._files_done = files.done_count
            self._unsent_files = files.count_left(is_ending=True)
        if files.problems:
            self.problem = files.problems[0]
        self._tell()

    def finish(self) -> SyncOutcome:
        """The outcome; a run that is complete is marked as the official client marks it."""
        is_complete = (
            self.problem is None and self.translation.exit is not None and not self._unsent_files
        )
        if is_complete:
            with contextlib.suppress(OSError):
                self.path.with_name(self.path.name + SYNCED_SUFFIX).touch()
        notices = [
            f"{what} is not uploaded{f' ({count} times)' if count > 1 else ''}"
            for what, count in self.translation.notices.items()
        ]
        if self._skipped:
            notices.append(self._skipped)
        assert self.target is not None
        return SyncOutcome(
            path=self.path,
            run_id=self._place.get("run") or self.target.run,
            project=self._place.get("project") or self.target.project,
            entity=self._place.get("entity") or self.target.entity or "",
            display_name=self._place.get("display_name", ""),
            state=self.state,
            is_complete=is_complete,
            problem=self.problem,
            notices=tuple(notices),
            row_count=self.translation.row_count,
            skipped_blocks=self.log.skipped_blocks,
            sent_bytes=self._sent_bytes,
            files_done=self._files_done,
            unsent_files=self._unsent_files,
        )

    def _patiently(self, ask: Callable[[], T]) -> T:
        """What `ask` returns, asked again while it raises Later."""
        backoff, deadline = Backoff(), time.monotonic() + self._patience_s
        while True:
            try:
                return ask()
            except Later as later:
                now = time.monotonic()
                backoff.fail(now, later.wait_s)
                if backoff.not_before > deadline:
                    raise
                time.sleep(backoff.not_before - now)

    def _tell(self) -> None:
        size = max(self.log.size_bytes, self.path.stat().st_size)
        self._on_progress(SyncProgress(self.log.end, size, self._files_done, self._unsent_files))


class _Feed:
    """The journal of a log, by offset. Reads forwards; backwards, it begins anew."""

    def __init__(self, log: WandbLog) -> None:
        self.translation = Translation()
        self.position = 0
        self._log = log
        self._records: Iterator[bytes] = iter(())
        self._next: bytes | None = None
        self._begin()

    def read(self, offset: int, size: int) -> bytes:
        """Whole records from byte `offset` on: as many as fit into `size`, at least one.

        Empty at the end. Raises Refused when no record begins there: it is not our journal that
        the server has.
        """
        if offset < self.position:
            self._begin()
        while self._next is not None and self.position < offset:
            self._step()
        if self.position > offset:
            raise Refused(
                "the server has something else of this run than the log says; "
                "sync it under another id: --id ID",
                code="conflict",
                status=409,
            )
        parts: list[bytes] = []
        length = 0
        while self._next is not None and (not parts or length + len(self._next) <= size):
            parts.append(self._next)
            length += len(self._next)
            self._step()
        return b"".join(parts)

    def _begin(self) -> None:
        self.translation = Translation()
        self._records = self.translation.translate(self._log)
        self.position = 0
        self._next = next(self._records, None)

    def _step(self) -> None:
        assert self._next is not None
        self.position += len(self._next)
        self._next = next(self._records, None)


# ---- is anybody writing it?


def _judge(path: Path, translation: Translation, *, is_watched: bool) -> str:
    """finished, failed, crashed or running, as far as can be told from here."""
    if translation.exit is not None:
        return "failed" if translation.exit.exit_code else "finished"
    stat = path.stat()
    silent_s = time.time() - stat.st_mtime
    if silent_s >= HEARTBEAT_SILENCE_CRASHED_S:
        return "running" if is_held_open(path) else "crashed"
    host = translation.run.host if translation.run is not None else None
    can_tell = host == platform.node() and stat.st_uid == os.getuid()
    if is_watched or not can_tell or is_held_open(path):
        return "running"
    return "crashed"


def is_held_open(path: Path) -> bool:
    """Whether a process of this user on this machine has the file open."""
    target = str(path.resolve())
    if not Path("/proc/self/fd").is_dir():
        return _is_held_open_by_psutil(target)
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            if any(str(link.readlink()) == target for link in folder.iterdir()):
                return True
        except OSError:  # of another user, or it has ended
            continue
    return False


def _is_held_open_by_psutil(target: str) -> bool:
    import psutil  # type: ignore[import-untyped]  # no stubs

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if any(file.path == target for file in process.open_files()):
                return True
    return False
