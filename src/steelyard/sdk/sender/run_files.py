"""Files of a run on their way to the server: which there are, which are sent, which changed.

`files.jsonl` says which, one line each, and `files.ack.jsonl` which were sent and how they looked
then, so that neither a restarted sender nor `steelyard sync` sends a checkpoint twice.
"""

from __future__ import annotations

import _thread
import contextlib
import json
import os
import stat
import time
from collections.abc import Iterator

from steelyard.limits import RUN_FILES_MAX
from steelyard.sdk.sender.link import Backoff, Later, Link, Refused
from steelyard.sdk.sender.tail import is_same_server

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import IO, Any

LIVE_EVERY_S = 10.0
STEADY_S = 1.0  # a live file is sent when it has not changed this long

Look = tuple[int, int]  # size in bytes, modification time in ns


class RunFile:
    __slots__ = ("backoff", "is_given_up", "name", "policy", "sent", "sent_at", "source")

    def __init__(self, name: str, source: str, policy: str) -> None:
        self.name, self.source, self.policy = name, source, policy
        self.sent: Look | None = None
        self.sent_at = 0.0
        self.is_given_up = False
        self.backoff = Backoff()


class RunFiles:
    """The files of one run folder, for one place on one server. Threads may share it."""

    def __init__(self, run_dir: str) -> None:
        self.files_dir = os.path.join(run_dir, "files")  # noqa: PTH118
        self.problems: list[str] = []
        self.done_count = 0
        self.server_id: str | None = None  # of the server they go to, once it has answered
        self._list_path = os.path.join(run_dir, "files.jsonl")  # noqa: PTH118
        self._ack_path = os.path.join(run_dir, "files.ack.jsonl")  # noqa: PTH118
        self._ignored: tuple[str, ...] = ()
        self._read_to = 0
        self._files: dict[str, RunFile] = {}
        self._sent_before: dict[str, Look] = {}
        self.has_walked = False
        self._lock = _thread.allocate_lock()

    def ignore(self, patterns: tuple[str, ...]) -> None:
        """Leave out files whose names match one of these globs."""
        self._ignored = patterns

    def read_acknowledged(self, place: str, server_id: str | None = None) -> None:
        """Take over what was sent to that run of that server before."""
        for line in read_lines(self._ack_path, 0)[0]:
            if line.get("place") == place and is_same_server(line, server_id):
                self._sent_before[str(line["path"])] = (line["size"], line["mtime_ns"])

    def forget_acknowledged(self) -> None:
        """Send everything anew."""
        self._sent_before.clear()

    def refresh(self, *, is_ending: bool) -> None:
        """Read new lines of the list; at the end, take what else lies in the folder."""
        lines, self._read_to = read_lines(self._list_path, self._read_to)
        with self._lock:
            for line in lines:
                path, source = line.get("path"), line.get("source")
                if isinstance(path, str) and path:
                    self._add(path, source, str(line.get("policy", "end")))
            if is_ending and not self.has_walked:
                for name, source in _walk(self.files_dir):
                    if name not in self._files:
                        self._add(name, source, "end")
                self.has_walked = True

    def list_due(self, now: float, *, is_ending: bool) -> list[RunFile]:
        """Files to send now."""
        with self._lock:
            return [
                file
                for file in self._files.values()
                if file.backoff.is_over(now) and self._is_due(file, now, is_ending=is_ending)
            ]

    def try_again(self) -> None:
        """Files that have to wait because of what was before are due at once."""
        with self._lock:
            for file in self._files.values():
                file.backoff.succeed()

    def count_left(self, *, is_ending: bool) -> int:
        """Files that are still to be sent, as far as is known."""
        with self._lock:
            return sum(
                not file.is_given_up and self._needs(file, is_ending=is_ending)
                for file in self._files.values()
            )

    def send(self, file: RunFile, link: Link, run_path: str, place: str) -> None:
        """Send one file. Raises Later when the server cannot be reached, or it changed."""
        from urllib.parse import quote

        now = time.monotonic()
        try:
            found = os.stat(file.source)  # noqa: PTH116
            if not stat.S_ISREG(found.st_mode):  # opening a named pipe would wait for a writer
                raise OSError("it is no regular file")
            with open(file.source, "rb") as content:  # noqa: PTH123
                found = os.fstat(content.fileno())
                look = (found.st_size, found.st_mtime_ns)
                # All that is asked of it is read() or send_on().
                body: Any = Exactly(content, found.st_size)
                link.request(
                    "PUT",
                    f"{run_path}/files/{quote(file.name, safe='/')}",
                    body=body,
                    headers={
                        "Content-Type": "application/octet-stream",
                        "Content-Length": str(found.st_size),
                    },
                )
        except OSError as error:
            self._give_up(file, f"{file.name}: {error.strerror or error}, so it is not uploaded")
            return
        except Later as error:
            file.backoff.fail(now, error.wait_s)
            raise
        except Refused as refusal:
            if refusal.status in (401, 403) or refusal.is_mendable:
                file.backoff.wait_long(now)
                raise
            self._give_up(file, f"the server does not take {file.name}: {refusal}")
            return
        file.backoff.succeed()
        file.sent, file.sent_at = look, now
        self.done_count += 1
        line = {
            "path": file.name,
            "size": look[0],
            "mtime_ns": look[1],
            "place": place,
            "server": self.server_id,
        }
        with contextlib.suppress(OSError), open(self._ack_path, "a", encoding="utf-8") as acks:  # noqa: PTH123
            acks.write(json.dumps(line) + "\n")

    def _add(self, name: str, source: Any, policy: str) -> None:
        if self._ignored and _matches(name, self._ignored):
            return
        if len(self._files) >= RUN_FILES_MAX and name not in self._files:
            if not self.problems:
                self.problems.append(f"a run has at most {RUN_FILES_MAX:,} files; others stay here")
            return
        path = source if isinstance(source, str) else os.path.join(self.files_dir, name)  # noqa: PTH118
        old = self._files.get(name)
        file = RunFile(name, path, policy)
        if old is None:
            file.sent = self._sent_before.get(name)
        elif policy != "now":  # said again: "now" means that it is to be sent again if it changed
            file.sent, file.sent_at = old.sent, old.sent_at
        else:
            file.sent = old.sent
        self._files[name] = file

    def _is_due(self, file: RunFile, now: float, *, is_ending: bool) -> bool:
        if file.is_given_up:
            return False
        if file.policy == "live" and not is_ending and now < file.sent_at + LIVE_EVERY_S:
            return False
        if not self._needs(file, is_ending=is_ending):
            return False
        if file.policy == "live" and not is_ending:
            look = _look_at(file.source)
            return look is not None and time.time_ns() - look[1] > STEADY_S * 1e9
        return True

    def _needs(self, file: RunFile, *, is_ending: bool) -> bool:
        if file.policy == "end" and not is_ending:
            return False
        if file.sent is None:
            # A live file may come into being later.
            return is_ending or file.policy != "live" or _look_at(file.source) is not None
        if file.policy == "now" and not is_ending and file.sent_at:
            return False
        look = _look_at(file.source)
        return look is not None and look != file.sent

    def _give_up(self, file: RunFile, problem: str) -> None:
        file.is_given_up = True
        self.problems.append(problem)


class Exactly:
    """A file of which exactly `size` bytes are read, however it grows or shrinks meanwhile."""

    def __init__(self, content: IO[bytes], size: int) -> None:
        self._content, self._left = content, size

    def read(self, count: int = -1) -> bytes:
        wanted = self._left if count < 0 else min(count, self._left)
        data = self._content.read(wanted)
        if len(data) < wanted:
            raise OSError("it became shorter while it was read")
        self._left -= len(data)
        return data

    def send_on(self, sock: Any) -> None:
        """Send all of it on a plain socket, from file to socket without a copy of ours."""
        if self._left:
            self._left -= sock.sendfile(self._content, self._content.tell(), self._left)
        if self._left:
            raise OSError("it became shorter while it was read")


def _look_at(path: str) -> Look | None:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _walk(top: str) -> Iterator[tuple[str, str]]:
    """(name in the run, path) of every regular file below `top`. Links to folders are not
    followed; links to files are."""
    for folder, _, names in os.walk(top):
        for name in sorted(names):
            path = os.path.join(folder, name)  # noqa: PTH118
            look = _stat(path)
            if look is not None and stat.S_ISREG(look.st_mode):
                yield os.path.relpath(path, top).replace(os.sep, "/"), path


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116
    except OSError:
        return None


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    from fnmatch import fnmatch

    return any(fnmatch(name, pattern) for pattern in patterns)


def read_lines(path: str, offset: int) -> tuple[list[dict[str, Any]], int]:
    """(objects of the whole lines from `offset`, where the rest begins)."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            file.seek(offset)
            data = file.read()
    except OSError:
        return [], offset
    end = data.rfind(b"\n") + 1
    values = []
    for line in data[:end].splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            values.append(value)
    return values, offset + end
