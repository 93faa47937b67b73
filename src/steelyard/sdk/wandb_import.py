"""Sends a run that the official client keeps on disk to the server: its log, then its files.

Every sync starts at the beginning of the log and lets the server say how much it has, so a sync
that was cut off, is repeated, or comes while the run still writes sends what is missing and no
more. One log is read and sent piece by piece, whatever its size.
"""

from __future__ import annotations

import contextlib
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from steelyard.errors import Invalid, Torn
from steelyard.limits import HEARTBEAT_SILENCE_CRASHED_S, SENDER_HEARTBEAT_S
from steelyard.sdk.sender.link import Backoff, Later, Link, Refused
from steelyard.sdk.sender.run_files import RunFiles
from steelyard.sdk.sender.run_upload import Target
from steelyard.sdk.wandb_journal import Translation
from steelyard.sdk.wandb_log import WandbLog

if TYPE_CHECKING:
    from steelyard.sdk.sender.artifact_upload import RunArtifacts

#: What the official client leaves beside a log that it uploaded (core/internal/runsync).
SYNCED_SUFFIX: Final = ".synced"
DEFAULT_PROJECT: Final = "uncategorized"
PATIENCE_S: Final = 60.0
SILENT_ANSWERS_MAX: Final = 3
LOOK_EVERY_S: Final = 10.0
#: A log of another machine that is watched and grew by nothing for so long is that of a dead run.
WATCHED_SILENCE_S: Final = 3600.0

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
    artifacts_done: int = 0
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
    sync = WandbSync(
        path,
        link,
        project=project,
        entity=entity,
        run_id=run_id,
        on_progress=on_progress,
        patience_s=patience_s,
    )
    return sync.step(is_watched=is_watched)


class WandbSync:
    """One log on its way. `step` may be called again while the run still writes: it reads on."""

    def __init__(
        self,
        path: Path,
        link: Link,
        *,
        project: str | None = None,
        entity: str | None = None,
        run_id: str | None = None,
        on_progress: Callable[[SyncProgress], None] = lambda _: None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.path = path
        self.state = "empty"
        self.problem: str | None = None
        self._chosen = (entity, project, run_id)
        self._target: Target | None = None
        self._feed = _Feed(WandbLog(path), self._stage_artifact)
        self._artifacts: RunArtifacts | None = None
        self._artifact_problem: str | None = None
        self._offset = 0
        self._had_bytes: int | None = None
        self._link = link
        self._patience_s = patience_s
        self._on_progress = on_progress
        self._place: dict[str, str] = {}
        self._server_id: str | None = None
        self._sent_at = 0.0
        self._looked_at = -math.inf
        self._files_done = 0
        self._unsent_files = 0
        self._skipped = ""

    def step(self, *, is_watched: bool = False) -> SyncOutcome:
        """Send what there is now; see `sync_wandb_file`."""
        self.problem = None
        if self._target is None:
            self._target = self._find_target()
        if self._target is None:
            return self._describe()
        try:
            self._send_journal()
            self._look_around(is_watched=is_watched)
        except Later as later:
            self.problem = f"{later}; nothing is lost, run the same command again"
        except Refused as refusal:
            self.problem = str(refusal)
        return self._describe()

    def _look_around(self, *, is_watched: bool) -> None:
        """How the process does, and its files; of a watched run that goes on, now and then."""
        now, has_ended = time.monotonic(), self._feed.translation.exit is not None
        if is_watched and not has_ended and now < self._looked_at + LOOK_EVERY_S:
            return
        self.state = _judge(self.path, self._feed.translation, is_watched=is_watched)
        if self.state == "crashed":
            self._send_crash()
        self._send_files()
        self._send_artifacts()
        self._looked_at = now

    def _find_target(self) -> Target | None:
        """Where the run goes, when the log says what it is."""
        self._feed.look()
        run = self._feed.translation.run
        if run is None:
            return None
        entity, project, run_id = self._chosen
        run_id = run_id or run.run_id
        if not run_id:
            raise Invalid(f"{self.path} does not say the id of its run; give one: --id ID")
        return Target(entity or run.entity, project or run.project or DEFAULT_PROJECT, run_id)

    # ---- journal

    def _send_journal(self) -> None:
        """Send what the server lacks of the journal."""
        silent = 0
        # START alone at first: the answer says how much the server has.
        chunk = self._feed.read(0, 1) if self._had_bytes is None else self._read_chunk()
        if not chunk and time.monotonic() > self._sent_at + SENDER_HEARTBEAT_S:
            self._post(self._feed.translation.writer, self._offset, b"")
        while chunk:
            kept = self._post(self._feed.translation.writer, self._offset, chunk)
            if self._had_bytes is None:
                self._had_bytes = kept if kept > len(chunk) else 0
            silent = silent + 1 if kept == self._offset else 0
            if silent == SILENT_ANSWERS_MAX:
                raise Refused(
                    f"the server keeps {kept:,} bytes of this run and takes no more",
                    code="conflict",
                    status=409,
                )
            self._offset = kept
            chunk = self._read_chunk()
            self._tell()
        if self._feed.position < self._offset:
            self.problem = (
                f"the server has more of this run than {self.path.name} holds; "
                "is the file an older copy?"
            )

    def _read_chunk(self) -> bytes:
        return self._feed.read(self._offset, self._link.upload_bytes)

    def _send_crash(self) -> None:
        """Say that the process is dead."""
        assert self._target is not None
        writer, data = self._feed.translation.translate_crash(
            run_id=self._target.run, project=self._target.project
        )
        self._post(writer, 0, data)

    def _post(self, writer: str, offset: int, data: bytes) -> int:
        """Bytes of that journal that the server keeps now."""
        assert self._target is not None
        path = f"{self._target.path}/journals/{writer}?offset={offset}"
        answer = self._patiently(lambda: self._link.post_journal(path, data))
        self._sent_at = time.monotonic()
        names = ("entity", "project", "run", "display_name")
        self._place = {name: str(answer.get(name, "")) for name in names}
        self._server_id = answer.get("server")
        if answer.get("reason") and not self._skipped:
            self._skipped = f"the server could not use a record: {answer['reason']}"
        kept: int = answer["acknowledged"]
        return kept

    # ---- files

    def _send_files(self) -> None:
        """Send the files of the run that the server lacks or that have changed."""
        target = Target(self._place["entity"], self._place["project"], self._place["run"])
        place = f"{self._link.base_url}{target.path}"
        files = RunFiles(str(self.path.parent))
        files.server_id = self._server_id
        files.read_acknowledged(place, self._server_id)
        files.refresh(is_ending=True)
        self._unsent_files = files.count_left(is_ending=True)
        done_before = self._files_done
        for file in files.list_due(time.monotonic(), is_ending=True):
            self._tell()
            self._patiently(partial(files.send, file, self._link, target.path, place))
            self._files_done = done_before + files.done_count
            self._unsent_files = files.count_left(is_ending=True)
        if files.problems:
            self.problem = files.problems[0]
        self._tell()

    # ---- artifacts

    def _stage_artifact(self, content: bytes) -> None:
        """Put an artifact of the log where artifacts of our own runs wait."""
        from steelyard.sdk.wandb_artifacts import stage_record

        try:
            stage_record(content, self.path.parent)
        except (Torn, OSError) as problem:
            self._artifact_problem = f"an artifact cannot be taken from the log: {problem}"

    def _send_artifacts(self) -> None:
        """Send the artifacts of the run, in the order they were logged."""
        from steelyard.sdk.wandb_artifacts import send_artifacts

        target = Target(self._place["entity"], self._place["project"], self._place["run"])
        place = f"{self._link.base_url}{target.path}"
        self._artifacts = send_artifacts(
            self.path.parent,
            self._link,
            place,
            self._place,
            server_id=self._server_id,
            patience_s=self._patience_s,
        )
        if self._artifacts.problems:
            self.problem = self._artifacts.problems[0]

    # ---- what became of it

    def _describe(self) -> SyncOutcome:
        """The outcome; a run that is complete is marked as the official client marks it."""
        translation = self._feed.translation
        self.problem = self.problem or self._artifact_problem
        is_complete = (
            self.problem is None
            and translation.exit is not None
            and not self._unsent_files
            and bool(self._place)
        )
        if is_complete:
            with contextlib.suppress(OSError):
                self.path.with_name(self.path.name + SYNCED_SUFFIX).touch()
        notices = [
            f"{what} is not uploaded{f' ({count} times)' if count > 1 else ''}"
            for what, count in translation.notices.items()
        ]
        if self._skipped:
            notices.append(self._skipped)
        named = self._target or Target(None, "", "")
        return SyncOutcome(
            path=self.path,
            run_id=self._place.get("run") or named.run,
            project=self._place.get("project") or named.project,
            entity=self._place.get("entity") or named.entity or "",
            display_name=self._place.get("display_name", ""),
            state=self.state,
            is_complete=is_complete,
            problem=self.problem,
            notices=tuple(notices),
            row_count=translation.row_count,
            skipped_blocks=self._feed.log.skipped_blocks,
            sent_bytes=max(0, self._offset - (self._had_bytes or 0)),
            files_done=self._files_done,
            artifacts_done=self._artifacts.done_count if self._artifacts is not None else 0,
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
        log = self._feed.log
        size = max(log.size_bytes, self.path.stat().st_size)
        self._on_progress(SyncProgress(log.end, size, self._files_done, self._unsent_files))


class _Feed:
    """The journal of a log, by offset. Reads forwards; backwards, it begins anew."""

    def __init__(self, log: WandbLog, on_artifact: Callable[[bytes], None]) -> None:
        self.log = log
        self._on_artifact = on_artifact
        self.translation = Translation(on_artifact)
        self.position = 0
        self._records: Iterator[bytes] = iter(())
        self._next: bytes | None = None
        self._begin()

    def look(self) -> None:
        """Read on in the log, if its end was reached before."""
        if self._next is None:
            self._records = self.translation.translate(self.log.read_on())
            self._next = next(self._records, None)

    def read(self, offset: int, size: int) -> bytes:
        """Whole records from byte `offset` on: as many as fit into `size`, at least one.

        Empty at the end. Raises Refused when no record begins there: it is not our journal that
        the server has.
        """
        if offset < self.position:
            self._begin()
        self.look()
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
        self.translation = Translation(self._on_artifact)
        self.position = 0
        self.log.restart()
        self._next = None

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
    host = translation.run.host if translation.run is not None else None
    can_tell = host == platform.node() and stat.st_uid == os.getuid()
    silence_s = WATCHED_SILENCE_S if is_watched else HEARTBEAT_SILENCE_CRASHED_S
    if not can_tell and time.time() < stat.st_mtime + silence_s:
        return "running"  # on another machine, as far as can be told from here
    return "running" if is_held_open(path) else "crashed"


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
