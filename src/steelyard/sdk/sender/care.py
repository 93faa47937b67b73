"""One run folder in the sender's care, from the first look to the last acknowledged byte."""

from __future__ import annotations

import _thread
import contextlib
import os
import time

from steelyard.limits import SENDER_LOG_BYTES_MAX
from steelyard.sdk.sender.folder import FolderLock
from steelyard.sdk.sender.own_journal import OwnJournal
from steelyard.sdk.sender.process import describe_start, is_running
from steelyard.sdk.sender.tail import (
    SENDER_SUFFIX,
    SUFFIX,
    Journal,
    RunTail,
    whole_records,
    write_json,
)
from steelyard.sdk.sender.unpack import decode_body
from steelyard.wire.journal import FINISH, HEADER, HEADER_BYTES, START

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

    from steelyard.sdk.sender.run_upload import RunUpload

STATUS_EVERY_S = 2.0
SILENT_ELSEWHERE_S = 3600.0  # a run of another machine that wrote nothing for so long has ended
FIRST_READ_BYTES = 4096  # what START is usually shorter than


class RunCare:
    """Attributes:
    start: the payload of START of the process, {} while there is none.
    own: the sender's journal in the folder.
    upload: None where nothing is sent.
    is_finished: the process said FINISH, or died and we said it.
    is_captured: all facts of the process are in `own`, or nobody waits for them any more.
    is_flushing: somebody waits for `progress`; `token` is the number of that flush.
    told, trouble: the progress and the state that the parent was last told of.
    """

    def __init__(self, run_dir: str, facts: dict[str, Any], *, token: int = 0) -> None:
        self.run_dir, self.facts, self.token = run_dir, facts, token
        self.writer = str(facts["writer"])
        self.tail = RunTail(run_dir)
        self.lock = FolderLock(run_dir)
        self.own: OwnJournal | None = None
        self.upload: RunUpload | None = None
        self.start: dict[str, Any] = {}
        self.is_finished = self.is_crashed = self.is_captured = self.is_leftover = False
        self.is_flushing = False
        self.trouble = ""
        self.watched_at = self.synced_at = time.monotonic()
        self.finished_at: float | None = None
        self.told: dict[str, Any] = {}
        self.own_lock = _thread.allocate_lock()
        self.predecessors: list[RunCare] = []  # what goes to the server before this
        self.written_at_us = 0  # before `own` was opened
        self._forks: dict[str, tuple[int, str]] = {}
        self._status: dict[str, Any] = {}
        self._status_at = 0.0

    def look(self, *, list_too: bool) -> bool:
        """Look at the journals; whether anything is new. Raises OSError if the folder is gone."""
        grew = self.tail.refresh(list_too=list_too)
        journal = self.tail.journals.get(self.writer)
        if journal is not None and journal.size > journal.whole:
            if not self.start:
                self.start = read_start(journal)
            self.is_finished = journal.find_end()
            if self.is_finished and self.finished_at is None:
                self.finished_at = time.monotonic()
        if list_too:
            self._notice_forks()
        return grew

    def own_says_finish(self) -> bool:
        """A sender has already said that the process is dead."""
        own = self.tail.journals.get(self.writer + SENDER_SUFFIX)
        return own is not None and own.find_end()

    def open_own_journal(self) -> None:
        """Begin our journal, or go on with that of a sender that was killed. Raises OSError."""
        if self.own is None:
            self.written_at_us = int(self._written_at_s() * 1e6)
            fallback = {key: self.facts.get(key) for key in ("run", "entity", "project", "mode")}
            self.own = OwnJournal(self.run_dir, self.writer, self.start or fallback)

    def append(self, kind: int, payload: Any) -> None:
        """Write into our journal, from any thread."""
        with self.own_lock:
            if self.own is not None:
                self.own.append(kind, payload)

    def end_by_crash(self, *, is_late: bool = False, died_at_us: int | None = None) -> None:
        """The process is dead: cut what it left half written, and say FINISH if it did not.

        `is_late`: nobody saw it die; it did when the folder was last written to. `died_at_us`:
        when it was seen to be dead. What a forked child said of its own end after that is the end
        of the run: the process became a daemon.
        """
        self.look(list_too=True)
        if self.is_finished and not self._is_torn():
            return
        self.cut_torn_tails()
        self.look(list_too=True)
        if self.is_finished:
            return
        exit_code = None if died_at_us is None else self._find_end_of_daemon(died_at_us)
        with self.own_lock:
            if self.own is not None and exit_code is not None:
                self.own.append(FINISH, {"writer": self.writer, "exit_code": exit_code})
            elif self.own is not None:
                self.own.append_crash(self.writer, at_us=self.written_at_us if is_late else None)
        self.is_finished, self.is_crashed = True, exit_code is None
        self.finished_at = time.monotonic()

    def _find_end_of_daemon(self, after_us: int) -> int | None:
        """The exit code that a forked child gave after that time; None when none did."""
        for writer in self._forks:
            journal = self.tail.journals[writer]
            if not journal.find_end():
                continue
            _, path = journal.segments[-1]
            with open(path, "rb") as file:  # noqa: PTH123
                chunk = whole_records(file.read())
            body = chunk.data[chunk.last_at + HEADER_BYTES :]
            with contextlib.suppress(ValueError, KeyError, TypeError):
                _, _, time_us, payload = decode_body(memoryview(body))
                if time_us >= after_us:
                    return int(payload["exit_code"])
        return None

    def _is_torn(self) -> bool:
        """Some journal ends in the middle of a record."""
        for journal in self.tail.journals.values():
            journal.find_end()
        return any(journal.whole < journal.size for journal in self.tail.journals.values())

    def cut_torn_tails(self) -> None:
        """Of the journals of dead processes."""
        from pathlib import Path

        from steelyard.sdk.journal.reader import cut_torn_tail
        from steelyard.wire.journal import DamagedJournal

        for writer, journal in self.tail.journals.items():
            if journal.is_of_sender or self.is_fork_running(writer):
                continue
            try:
                cut_torn_tail(Path(self.run_dir), writer)
            except (DamagedJournal, OSError):
                continue  # the server says where, when it comes to that

    def is_fork_running(self, writer: str) -> bool:
        """A forked child of the process writes that journal and lives."""
        pid, started = self._forks.get(writer, (0, ""))
        if not (pid and started):
            return False
        running = is_running(pid, started)
        # None: of another machine, or of before a restart of this one.
        return running if running is not None else not self.is_silent()

    def is_silent(self) -> bool:
        """Nobody has written into the folder for so long that, wherever its processes were, they
        are gone."""
        return time.time() > self._written_at_s() + SILENT_ELSEWHERE_S

    def _written_at_s(self) -> float:
        """When one of the journals was last written to; 0 without any."""
        try:
            with os.scandir(self.tail.journal_dir) as entries:
                times = [e.stat().st_mtime for e in entries if e.name.endswith(SUFFIX)]
        except OSError:  # the folder is gone
            return 0.0
        return min(max(times, default=0.0), time.time())

    def has_forks(self) -> bool:
        return any(map(self.is_fork_running, self._forks))

    def _notice_forks(self) -> None:
        for writer, journal in self.tail.journals.items():
            if writer == self.writer or journal.is_of_sender or writer in self._forks:
                continue
            start = read_start(journal) if journal.size else {}
            if isinstance(pid := start.get("pid"), int):
                # Without a start time there is the pid only, and others may have it by now.
                self._forks[writer] = (pid, str(start.get("pid_started") or describe_start(pid)))

    def has_stop_file(self) -> bool:
        """`steelyard sync --watch` heard a stop from a server that we do not talk to."""
        return os.path.exists(os.path.join(self.run_dir, "stop"))  # noqa: PTH110, PTH118

    def is_sent(self) -> bool:
        """Everything that is there now is acknowledged."""
        if self.upload is None:
            return True
        if self.upload.is_over:
            return True
        if self.upload.tail.total < self.tail.total or self.upload.has_unsent():
            return False
        if self.upload.artifacts_left():
            return False
        return not (self.is_finished and (not self.upload.is_ending or self.upload.files_left()))

    def is_complete(self) -> bool:
        """Finished, and nothing is left to send."""
        return self.is_finished and self.is_captured and self.is_sent() and not self.has_forks()

    def progress(self) -> dict[str, Any]:
        """What `launch.Progress` holds, with the folder and the number of its last flush."""
        upload = self.upload
        known = {"dir": self.run_dir, "token": self.token, "total": self.tail.total}
        if upload is None:
            return known | {"state": "kept", "acknowledged": 0, "files_left": 0, "message": None}
        state = "done" if self.is_sent() and not upload.is_over else upload.state
        message = upload.message
        about_artifacts: dict[str, int] = {}
        if (artifacts := upload.artifacts) is not None:
            if state == "working" and artifacts.count_left() and artifacts.message:
                state, message = "waiting", artifacts.message
            about_artifacts = {
                "artifacts_left": artifacts.count_left(),
                "artifact_bytes_left": artifacts.measure_left(),
                "artifacts_failed": artifacts.failed_count,
            }
        return known | {
            "state": state,
            "acknowledged": min(upload.tail.acknowledged, self.tail.total),
            "files_left": upload.files_left(),
            "files_done": upload.files.done_count,
            "message": message,
            **about_artifacts,
        }

    def write_status(self, *, is_urgent: bool = False) -> None:
        """`status.json`, when something changed."""
        now = time.monotonic()
        if not is_urgent and now < self._status_at + STATUS_EVERY_S:
            return
        found = self.progress()
        keys = ("state", "message", "acknowledged", "total", "files_left", "artifacts_left")
        status = {key: found[key] for key in keys if key in found}
        if status["state"] == "done" and not self.is_complete():
            status["state"] = "working"
        if status == self._status:
            return
        self._status, self._status_at = status, now
        at = {"pid": os.getpid(), "at_us": time.time_ns() // 1000}
        if self.upload is not None and self.upload.state == "refused" and not self.upload.is_over:
            at["is_mendable"] = True  # a key, say: the next sender tries again
        try:
            write_json(os.path.join(self.run_dir, "status.json"), at | status)  # noqa: PTH118
        except OSError:
            return  # a full disk, or a folder that was removed

    def log(self, text: str) -> None:
        """A line in `logs/sender.log`, up to its limit."""
        path = os.path.join(self.run_dir, "logs", "sender.log")  # noqa: PTH118
        moment = time.strftime("%Y-%m-%d %H:%M:%S")
        try:
            with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123
                if file.tell() < SENDER_LOG_BYTES_MAX:
                    file.write(f"{moment} {os.getpid()} {text}\n")
        except OSError:
            return

    def close(self) -> None:
        self.write_status(is_urgent=True)
        self.close_quietly()

    def close_quietly(self) -> None:
        """Let go of the folder and leave no trace."""
        self.close_own_journal()
        self.lock.release()

    def close_own_journal(self) -> None:
        with self.own_lock:
            if self.own is not None:
                self.own.close()
                self.own = None


def read_start(journal: Journal) -> dict[str, Any]:
    """The payload of the first record; {} when it is not there yet or is no START."""
    kept, journal.acknowledged = journal.acknowledged, 0
    try:
        data = journal.read(FIRST_READ_BYTES).data  # whole records, one at least
        if not data:
            return {}
        length, _ = HEADER.unpack_from(data)
        kind, _, _, payload = decode_body(memoryview(data)[HEADER_BYTES : HEADER_BYTES + length])
    except (OSError, ValueError):
        return {}
    finally:
        journal.acknowledged = kept
    return payload if kind == START and isinstance(payload, dict) else {}
