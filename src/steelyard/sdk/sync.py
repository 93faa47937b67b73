"""Sends run folders to the server: those of offline runs, and what a sender did not get to.

Everything is by offset, so a sync that was cut off, repeated, or that meets a run which is still
written sends what is missing and no more.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from steelyard.errors import Invalid, NotFound
from steelyard.limits import SYNC_RUNS_AT_ONCE
from steelyard.sdk.journal.folder import find_run_folders
from steelyard.sdk.sender.care import RunCare
from steelyard.sdk.sender.console_log import write_output_log
from steelyard.sdk.sender.folder import read_run_facts
from steelyard.sdk.sender.link import Later, Link, Refused
from steelyard.sdk.sender.own_journal import is_held
from steelyard.sdk.sender.process import is_running
from steelyard.sdk.sender.run_upload import RunUpload, Target
from steelyard.sdk.sender.tail import read_json, write_json

if TYPE_CHECKING:
    from steelyard.sdk.connection import Connection
    from steelyard.sdk.wandb_import import WandbSync

PATIENCE_S = 60.0  # for a server that is away
SENDER_WAITED_S = 30.0  # for the sender of a run that has just ended
WATCH_EVERY_S = 1.0
STOP_NAME = "stop"  # file in a folder whose run was stopped on a server that its sender has not

Kind = Literal["sent", "running", "left", "skipped"]


class SyncOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`entity`, `project`, `run_id`: go before what the folder says."""

    entity: str | None = None
    project: str | None = None
    run_id: str | None = None
    include_online: bool = True
    from_start: bool = False
    """Forget what was acknowledged: for a run that was deleted on the server."""
    patience_s: float = PATIENCE_S


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one run.

    `kind`: sent (the run has ended and all of it is on the server), running (all there is now is),
    left (`reason` says what kept it), skipped (not ours to send, `reason` says why).
    """

    path: Path
    kind: Kind
    reason: str | None = None
    name: str | None = None
    """entity/project/run, as the server says; None before it answered."""
    is_new: bool = True
    """Something was sent this time."""
    sent_bytes: int = 0
    file_count: int = 0
    artifact_count: int = 0
    notices: tuple[str, ...] = ()


def find_runs(paths: Iterable[Path]) -> list[Path]:
    """Run folders, and logs of the official client, at and below these paths; oldest first.

    Raises NotFound for a path where there is none.
    """
    found: dict[Path, None] = {}
    for path in paths:
        here = [folder.path for folder in find_run_folders(path)] or _find_wandb_logs(path)
        if not here:
            raise NotFound(f"no runs in {path}; name a directory that holds run folders")
        found |= dict.fromkeys(here)
    return list(found)


def _find_wandb_logs(path: Path) -> list[Path]:
    if path.suffix == ".wandb":
        return [path]
    for pattern in ("run-*.wandb", "*run-*/run-*.wandb", "wandb/*run-*/run-*.wandb"):
        logs = sorted(path.glob(pattern))
        if logs:
            return [log for log in logs if not log.parent.is_symlink()]
    return []


def group_by_run(paths: Iterable[Path]) -> list[list[Path]]:
    """The folders of each run together, by the time when their processes began."""
    groups: dict[Any, list[tuple[int, Path]]] = {}
    for path in paths:
        facts = None if path.suffix == ".wandb" else read_run_facts(str(path))
        if facts is None:
            groups[path] = [(0, path)]
            continue
        run = (facts.get("entity"), facts["project"], facts["run"])
        groups.setdefault(run, []).append((int(facts.get("started_at_us") or 0), path))
    return [[path for _, path in sorted(group)] for group in groups.values()]


class FolderSync:
    """One run folder on its way. `step` may be called again while the run still writes."""

    def __init__(
        self, path: Path, link: Link, options: SyncOptions, server_id: str | None = None
    ) -> None:
        facts = read_run_facts(str(path))
        if facts is None:
            raise Invalid(f"{path / 'run.json'} is missing, damaged or of a newer version")
        self.path = path
        self.facts = facts
        self.is_done = False
        self._link = link
        self._options = options
        self._care = RunCare(str(path), facts)
        target = Target(
            options.entity or facts.get("entity"),
            options.project or facts["project"],
            options.run_id or facts["run"],
        )
        self._care.upload = self._upload = RunUpload(str(path), facts, link, target)
        self._is_loaded = False
        self._server_id = server_id

    def step(self, *, is_watched: bool = False) -> Outcome:
        """Send what there is. Never raises for what server, network or disk do."""
        try:
            if not self._care.lock.acquire():
                return self._outcome("skipped", _who_is_at_it(self.path))
            try:
                return self._step(is_watched=is_watched)
            finally:
                self._care.lock.release()
        except OSError as error:
            return self._outcome("left", f"{error.filename or self.path}: {error.strerror}")

    def _step(self, *, is_watched: bool) -> Outcome:
        upload, care = self._upload, self._care
        if not self._is_loaded:
            upload.load(self._server_id)
            upload.forget(failed_only=not self._options.from_start)
            self._is_loaded = True
        before, files_before = upload.tail.acknowledged, self._count_done()
        care.look(list_too=True)
        if not care.tail.journals:
            self.is_done = True
            return self._outcome("skipped", "its journals were cleaned away")
        self._find_end(is_watched=is_watched)
        self._send(0.0 if is_watched else self._options.patience_s)
        outcome = self._judge(before, files_before)
        self.is_done = outcome.kind == "sent"
        self._write_status(outcome)
        return outcome

    def _find_end(self, *, is_watched: bool) -> None:
        """Whether the process still writes; if it died without a word, say so in its place."""
        care = self._care
        if not care.is_finished:
            care.is_finished = care.own_says_finish()
        if not care.is_finished and self._is_dead():
            try:
                care.open_own_journal()
            except BlockingIOError:
                return  # its sender lives, and says so itself
            try:
                care.end_by_crash(is_late=True)
            finally:
                care.close_own_journal()
        if not care.is_finished or care.has_forks() or self._is_sender_busy(is_watched=is_watched):
            return
        if not self._upload.is_ending:
            with contextlib.suppress(OSError):
                if not (self.path / "files" / "output.log").exists():
                    write_output_log(str(self.path))
            self._upload.is_ending = True

    def _is_sender_busy(self, *, is_watched: bool) -> bool:
        """The process has ended, and its sender still writes down what it knows of it."""
        deadline = time.monotonic() + (0.0 if is_watched else SENDER_WAITED_S)
        while is_held(str(self.path), self._care.writer):
            if time.monotonic() >= deadline:
                return True
            time.sleep(0.1)
        return False

    def _is_dead(self) -> bool:
        pid, started = self.facts.get("pid"), self.facts.get("pid_started")
        running = is_running(int(pid or 0), str(started or ""))
        if running is None:  # of another machine, or of a container that is gone
            return self._care.is_silent()
        return not running and not self._care.has_forks()

    def _send(self, patience_s: float) -> None:
        """Journals and files, until nothing is left or something does not go on."""
        upload = self._upload
        deadline = time.monotonic() + patience_s
        if not upload.backoff.is_over(time.monotonic()) and not patience_s:
            return
        while not upload.is_over:
            upload.tail.refresh()
            upload.look_for_artifacts()
            upload.files.refresh(is_ending=upload.is_ending)
            # While its sender still adds to it, the end of the process is held back.
            is_held_back = self._care.is_finished and not upload.is_ending
            moved = upload.send_journals(files_left=1 if is_held_back else upload.things_left())
            if upload.state == "refused":
                return
            if upload.state == "waiting":
                wait_s = upload.backoff.not_before - time.monotonic()
                if time.monotonic() + wait_s > deadline:
                    return
                time.sleep(max(wait_s, 0.0))
                continue
            if upload.send_file(self._link) or moved or upload.send_artifact(self._link):
                continue
            if upload.needs_heartbeat(time.monotonic()):
                upload.send_heartbeat()
                continue
            if not self._is_file_waiting(deadline, patience_s):
                return

    def _is_file_waiting(self, deadline: float, patience_s: float) -> bool:
        """A file or artifact is to be tried again before the deadline, or FINISH is held until it
        is."""
        upload = self._upload
        left = upload.files_left() or upload.has_unsent() if upload.is_ending else False
        if not (left or upload.artifacts_left()):
            return False
        if upload.artifacts is not None and upload.artifacts.moved_at is not None:
            deadline = max(deadline, upload.artifacts.moved_at + patience_s)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
        return True

    def _judge(self, before: int, files_before: int) -> Outcome:
        upload = self._upload
        is_new = upload.tail.acknowledged > before or self._count_done() > files_before
        if upload.is_over or upload.state != "working":
            return self._outcome("left", upload.message, is_new=is_new)
        artifacts = upload.artifacts
        if artifacts is not None and artifacts.failed_count:
            return self._outcome("left", artifacts.problems[-1], is_new=is_new)
        if upload.has_unsent() or upload.things_left():
            waiting = artifacts.message if artifacts is not None else None
            reason = upload.message or waiting or "not everything is acknowledged yet"
            if self._care.is_finished and not upload.is_ending:
                reason = "its sender still writes down how it ended; sync it again"
            return self._outcome("left", reason, is_new=is_new)
        if not upload.is_ending:
            return self._outcome("running", "it is still running", is_new=is_new)
        return self._outcome("sent", is_new=is_new)

    def _outcome(self, kind: Kind, reason: str | None = None, *, is_new: bool = False) -> Outcome:
        upload = self._upload
        name = upload.name
        if upload.is_stop_requested and not self._care.is_finished:
            with contextlib.suppress(OSError):
                (self.path / STOP_NAME).touch()
        return Outcome(
            path=self.path,
            kind=kind,
            reason=reason,
            name=f"{name['entity']}/{name['project']}/{name['run']}" if name else None,
            is_new=is_new,
            sent_bytes=upload.tail.acknowledged,
            file_count=upload.files.done_count,
            artifact_count=upload.artifacts.done_count if upload.artifacts is not None else 0,
            notices=tuple(upload.list_problems()),
        )

    def _write_status(self, outcome: Outcome) -> None:
        states = {"sent": "done", "running": "working", "left": self._upload.state}
        state = states.get(outcome.kind, "waiting")
        known = self._care.progress() | {"state": state, "at_us": time.time_ns() // 1000}
        keys = (
            "state",
            "message",
            "acknowledged",
            "total",
            "files_left",
            "artifacts_left",
            "at_us",
        )
        status = {"pid": None} | {key: known[key] for key in keys if key in known}
        with contextlib.suppress(OSError):
            write_json(str(self.path / "status.json"), status)

    def _count_done(self) -> int:
        artifacts = self._upload.artifacts
        return self._upload.files.done_count + (artifacts.done_count if artifacts else 0)


class Syncer:
    """Sends many runs at once to one server.

    `settings` hold the server, the key and the way there, as `connection_facts` gives them;
    `key_source` says in words where the key is from.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        options: SyncOptions,
        *,
        key_source: str = "",
        parallel: int = SYNC_RUNS_AT_ONCE,
    ) -> None:
        self.base_url = str(settings["base_url"]).rstrip("/")
        self._settings = settings
        self._options = options
        self._key_source = key_source
        self._parallel = parallel
        self._server_id: str | None = None
        self._has_asked = False
        self._asking = threading.Lock()
        self._folders: dict[Path, FolderSync] = {}
        self._logs: dict[Path, WandbSync] = {}

    def sync(
        self, paths: Iterable[Path], on_outcome: Callable[[Outcome], None], *, named: bool = False
    ) -> list[Outcome]:
        """Send each of these runs once; `on_outcome` hears of each when it is done.

        Runs go side by side; folders of one run one after the other, oldest first, because a
        process that resumed it counts its steps on behind those before it.

        `named`: the person named them, so runs that were meant for another server go as well.
        """
        from concurrent.futures import ThreadPoolExecutor, as_completed

        outcomes = []
        with ThreadPoolExecutor(self._parallel, thread_name_prefix="sync") as pool:
            jobs = [pool.submit(self._sync_group, group, named) for group in group_by_run(paths)]
            try:
                for job in as_completed(jobs):
                    for outcome in job.result():
                        outcomes.append(outcome)
                        on_outcome(outcome)
            except BaseException:  # Ctrl-C: the next call goes on where this one ends
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return outcomes

    def _sync_group(self, paths: list[Path], is_named: bool) -> list[Outcome]:
        return [self.sync_one(path, is_named=is_named) for path in paths]

    def sync_one(self, path: Path, *, is_named: bool = False, is_watched: bool = False) -> Outcome:
        """Send what the server lacks of one run folder, or one log of the official client."""
        if path.suffix == ".wandb":
            return self._sync_wandb_log(path, is_watched=is_watched)
        folder = self._folders.get(path)
        if folder is None:
            try:
                folder = FolderSync(path, self._make_link(), self._options, self._find_server_id())
            except Invalid as error:
                return Outcome(path=path, kind="left", reason=str(error))
            reason = None if is_named else self._why_not(folder.facts)
            if reason:
                return Outcome(path=path, kind="skipped", reason=reason)
            if is_watched:
                self._folders[path] = folder
        return folder.step(is_watched=is_watched)

    def watch(
        self,
        list_paths: Callable[[], list[Path]],
        on_outcome: Callable[[Outcome], None],
        is_stopping: Callable[[], bool],
    ) -> None:
        """Send what comes, until `is_stopping`. `on_outcome` hears of every change of kind."""
        from concurrent.futures import ThreadPoolExecutor

        kinds: dict[Path, tuple[str, str | None]] = {}
        with ThreadPoolExecutor(self._parallel, thread_name_prefix="sync") as pool:
            while not is_stopping():
                begun = time.monotonic()
                paths = [path for path in list_paths() if kinds.get(path, ("",))[0] != "sent"]
                looks = pool.map(self._watch_group, group_by_run(paths))
                for path, outcome in itertools.chain.from_iterable(looks):
                    if kinds.get(path) != (outcome.kind, outcome.reason):
                        kinds[path] = (outcome.kind, outcome.reason)
                        on_outcome(outcome)
                    if outcome.kind == "sent":
                        self._folders.pop(path, None)
                        self._logs.pop(path, None)
                while not is_stopping() and time.monotonic() < begun + WATCH_EVERY_S:
                    time.sleep(0.1)

    def _watch_group(self, paths: list[Path]) -> list[tuple[Path, Outcome]]:
        return [(path, self.sync_one(path, is_watched=True)) for path in paths]

    def _find_server_id(self) -> str | None:
        """Asked once: a new server at the address of an old one has nothing of what that had."""
        with self._asking:
            if not self._has_asked:
                self._has_asked = True
                with contextlib.suppress(Later, Refused):
                    self._server_id = self._make_link().ask_server_id()
            return self._server_id

    def open_connection(self) -> Connection:
        """A connection to the server, for what are no runs. Raises Invalid without a server."""
        from steelyard.sdk.connection import open_connection

        return open_connection(self._settings)

    def _make_link(self) -> Link:
        return Link(self._settings, key_source=self._key_source)

    def _why_not(self, facts: Mapping[str, Any]) -> str | None:
        if facts.get("mode") != "online":
            return None
        if not self._options.include_online:
            return "it is an online run"
        meant_for = facts.get("base_url")
        if meant_for and str(meant_for).rstrip("/") != self.base_url:
            return f"it was meant for {meant_for}; name its folder to send it to {self.base_url}"
        return None

    def _sync_wandb_log(self, path: Path, *, is_watched: bool) -> Outcome:
        from steelyard.sdk.wandb_import import WandbSync
        from steelyard.sdk.wandb_log import NotAWandbLog

        options = self._options
        log = self._logs.get(path)
        if log is None:
            log = WandbSync(
                path,
                self._make_link(),
                project=options.project,
                entity=options.entity,
                run_id=options.run_id,
                patience_s=0.0 if is_watched else options.patience_s,
            )
            if is_watched:  # the next look reads on where this one ends
                self._logs[path] = log
        try:
            found = log.step(is_watched=is_watched)
        except (OSError, NotAWandbLog) as error:
            return Outcome(path=path, kind="left", reason=str(error))
        if found.is_complete:
            kind: Kind = "sent"
        elif found.problem:
            kind = "left"
        else:
            kind = {"running": "running", "crashed": "sent"}.get(found.state, "skipped")  # type: ignore[assignment]  # one of Kind
        parts = (found.entity, found.project, found.run_id)
        return Outcome(
            path=path,
            kind=kind,
            reason=found.problem or ("there is nothing in it yet" if kind == "skipped" else None),
            name="/".join(parts) if found.entity else None,
            is_new=bool(found.sent_bytes or found.files_done),
            sent_bytes=found.sent_bytes,
            file_count=found.files_done,
            artifact_count=found.artifacts_done,
            notices=found.notices,
        )


def _who_is_at_it(path: Path) -> str:
    status = read_json(str(path / "status.json")) or {}
    pid = status.get("pid")
    return f"its own sender{f' (pid {pid})' if pid else ''} is sending it"
