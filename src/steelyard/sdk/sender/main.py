"""The sender process: what it waits for, and what it does about it.

One main thread looks after the parent, the pipes and the disk. It never talks to the network;
`uploader.py` does, in threads of its own. Started by `launch.py`, without site-packages, so that
what is imported here is what it costs.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from types import FrameType

from steelyard.sdk.sender.care import RunCare
from steelyard.sdk.sender.folder import read_run_facts
from steelyard.sdk.sender.machine import BEGIN_S, Machine
from steelyard.sdk.sender.pipes import Commands, Reports
from steelyard.sdk.sender.process import is_running

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

TICK_S = 0.5
IDLE_TICK_S = 1.0
IDLE_AFTER_S = 10.0
FLUSH_TICK_S = 0.05
LIST_EVERY_S = 1.0
PARENT_EVERY_S = 1.0
TAKE_EVERY_S = 2.0  # until a folder is tried again that could not be taken
LEFTOVERS_AFTER_S = 10.0
REFUSED_LINGER_S = 600.0  # what a person may take to mend a key
TERMINATED_LINGER_S = 20.0  # a machine that goes down gives about that much


def main() -> None:
    """Run until the parent is gone and everything is sent, or nothing more can be. Exits."""
    commands = Commands(0)
    hello = commands.read_hello()
    if hello is None:
        os._exit(0)
    sys.path.extend(hello["path"])
    sender = Sender(hello, commands, Reports(1))
    try:
        sender.run()
    except Exception as error:  # noqa: BLE001  # the process edge
        import traceback

        for care in sender.cares:
            care.log(f"our mistake: {error!r}\n{traceback.format_exc()}")
        os._exit(1)
    os._exit(0)  # a thread may be inside a request that still has its timeout before it


class Sender:
    def __init__(self, hello: dict[str, Any], commands: Commands, reports: Reports) -> None:
        self.cares: list[RunCare] = []
        self._settings: dict[str, Any] = hello["settings"]
        self._parent, self._parent_started = hello["parent"], hello["parent_started"]
        self._commands, self._reports = commands, reports
        self._is_sending = self._settings["mode"] == "online"
        self._uploader: Any = None
        self._machine = Machine(self.list_cares, self._settings, hello["process"] or {}, self._wake)
        self._is_parent_dead = False
        self._parent_died_us = 0
        self._parent_died_at = self._parent_checked_at = self._listed_at = 0.0
        self._linger_s = float(self._settings["sender_linger_s"])
        self._started_at = self._grew_at = time.monotonic()
        self._fsync_s = max(0.1, float(self._settings["x_transaction_log_flush_interval"]))
        self._has_looked_for_leftovers = False
        self._roots: dict[str, None] = {}
        self._said: set[str] = set()
        self._not_taken: dict[str, float] = {}  # folders, and when to try again
        self._flushes: dict[str, int] = {}  # of folders that are not taken yet
        self._ended: dict[str, dict[str, Any]] = {}  # the last progress of folders let go of
        self._wake_read, self._wake_write = os.pipe()
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        self._poll = select.poll()
        self._poll.register(0, select.POLLIN)
        self._poll.register(self._wake_read, select.POLLIN)
        self._parent_fd = self._open_parent()

    def list_cares(self) -> list[RunCare]:
        return list(self.cares)

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._be_terminated)
        for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(ignored, signal.SIG_IGN)
        self._listen()  # what came along with the first message makes no descriptor readable
        tick_s = 0.0  # a short script has ended by now, and no descriptor tells of it any more
        while True:
            ready = {fd for fd, _ in self._poll.poll(tick_s * 1000)}
            now = time.monotonic()
            if 0 in ready:
                self._listen()
            if self._wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
            self._look_at_parent(now, is_certain=self._parent_fd in ready)
            self._look_at_runs(now)
            if self._is_over(now):
                break
            tick_s = self._tick_s()
        self._free_disk()

    def _free_disk(self) -> None:
        """Keep the journals of earlier runs within their budget. Looking takes a while, so senders
        that lived shortly leave it to others, mostly."""
        lived_s = time.monotonic() - self._started_at
        if not self._is_sending or (lived_s < LEFTOVERS_AFTER_S and os.urandom(1)[0] >= 16):
            return
        from steelyard.sdk.run_folders import free_journals

        for base in self._roots:
            free_journals(base, int(self._settings["journal_keep_bytes"]))

    def _tick_s(self) -> float:
        if any(care.is_flushing for care in self.cares) or self._is_parent_dead:
            busy = any(not care.is_sent() or not care.is_captured for care in self.cares)
            return FLUSH_TICK_S if busy and not self._is_waiting() else TICK_S
        if self._is_sending and time.monotonic() < self._grew_at + IDLE_AFTER_S:
            return TICK_S
        return IDLE_TICK_S

    def _is_waiting(self) -> bool:
        """There is nothing to do but wait for a server."""
        return all(
            care.upload is not None and care.upload.state != "working" for care in self.cares
        )

    def _wake(self) -> None:
        """From another thread: something is done that the main thread waits for."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"!")

    # The parent.

    def _open_parent(self) -> int:
        """A file descriptor that becomes readable when the parent ends, or -1."""
        if not hasattr(os, "pidfd_open"):
            return -1
        try:
            fd = os.pidfd_open(self._parent)
        except OSError:
            return -1
        self._poll.register(fd, select.POLLIN)
        return fd

    def _look_at_parent(self, now: float, *, is_certain: bool) -> None:
        if self._is_parent_dead:
            return
        if not is_certain and now < self._parent_checked_at + PARENT_EVERY_S:
            return
        self._parent_checked_at = now
        # The pid may have been given to another process before we opened it.
        if not is_running(self._parent, self._parent_started):
            self._listen()  # what it said last
            self._is_parent_dead, self._parent_died_at = True, now
            if self._parent_fd >= 0:
                self._poll.unregister(self._parent_fd)
            self._parent_died_us = time.time_ns() // 1000
            for care in self.cares:
                if not care.is_leftover:
                    care.look(list_too=True)
                    self._end_without_parent(care)

    def _end_without_parent(self, care: RunCare) -> None:
        """The run is over, unless a forked child goes on with it, as a daemon does."""
        if not care.has_forks():
            care.end_by_crash(died_at_us=self._parent_died_us)

    def _be_terminated(self, number: int, frame: FrameType | None) -> None:
        """The machine is going down, or somebody wants us gone: be quick about the rest."""
        self._linger_s = TERMINATED_LINGER_S
        self._has_looked_for_leftovers = True

    # What it says.

    def _listen(self) -> None:
        for message in self._commands.read():
            if folder := message.get("watch"):
                self._watch(folder)
            if folder := message.get("flush"):
                self._flush(folder, int(message.get("token", 0)))
            if folder := message.get("hurry"):
                self._hurry(folder)
        if self._commands.is_closed:
            with contextlib.suppress(KeyError):
                self._poll.unregister(0)

    def _watch(self, folder: str) -> None:
        if any(care.run_dir == folder for care in self.cares):
            return
        facts = read_run_facts(folder)
        if facts is None:
            self._reports.notice("error", f"{folder} is no run folder, so it is not sent")
            return
        care = RunCare(folder, facts)
        try:
            care.look(list_too=True)
            care.open_own_journal()
        except OSError as error:  # another sender's, or a full disk: both may pass
            if folder not in self._not_taken:
                if isinstance(error, BlockingIOError):
                    care.log("another sender has this folder")
                else:
                    self._reports.notice("error", f"{folder}: {error.strerror or error}")
            self._not_taken[folder] = time.monotonic() + TAKE_EVERY_S
            return
        self._not_taken.pop(folder, None)
        self._roots[os.path.dirname(folder)] = None  # noqa: PTH120
        self._take(care)
        if token := self._flushes.pop(folder, 0):
            self._flush(folder, token)

    def _take(self, care: RunCare) -> None:
        if self._is_sending:
            if self._uploader is None:
                from steelyard.sdk.sender.uploader import Uploader

                self._uploader = Uploader(self.list_cares, self._settings)
            self._uploader.open_upload(care)
            if not care.is_leftover:
                care.predecessors = self._take_predecessors(care)
        self.cares.append(care)
        if self._uploader is not None:
            self._uploader.wake()

    def _take_predecessors(self, care: RunCare) -> list[RunCare]:
        from steelyard.sdk.sender.leftovers import find_predecessors

        taken = {other.run_dir for other in self.cares}
        found = find_predecessors(care, self._settings["base_url"], taken)
        for predecessor in found:
            self._take(predecessor)
        return found

    def _flush(self, folder: str, token: int) -> None:
        for care in self.cares:
            if care.run_dir == folder:
                care.token, care.is_flushing, care.told = token, True, {}
                if care.upload is not None:
                    care.upload.look_for_artifacts()  # to count them, also without a server
                    care.upload.try_again()
                    self._uploader.wake()
                return
        if folder in self._not_taken:
            self._not_taken[folder], self._flushes[folder] = 0.0, token
            return
        last = self._ended.get(folder, NOTHING_LEFT)
        self._reports.say({"progress": {**last, "dir": folder, "token": token}})

    def _hurry(self, folder: str) -> None:
        """Somebody waits for an artifact."""
        for care in self.cares:
            if care.run_dir == folder and care.upload is not None:
                care.upload.try_again()
                self._uploader.hurry(folder)

    # The runs.

    def _look_at_runs(self, now: float) -> None:
        is_listing = now >= self._listed_at + LIST_EVERY_S
        if is_listing:
            self._listed_at = now
        for care in self.list_cares():
            try:
                is_last_look = care.is_flushing or self._is_parent_dead
                if care.look(list_too=is_listing or is_last_look):
                    self._grew_at = now
                    if self._uploader is not None:
                        self._uploader.wake()
                if now >= care.synced_at + self._fsync_s:
                    care.synced_at = now
                    care.tail.fsync()
                self._look_at_end(care, now)
                self._report(care)
                care.write_status()
            except OSError as error:
                care.log(f"cannot read the run folder: {error}")
                if not os.path.isdir(care.run_dir):  # noqa: PTH112  # somebody removed it
                    self._drop(care)
                    self._ended[care.run_dir] = REMOVED
        for folder, at in list(self._not_taken.items()):
            if now >= at:
                self._watch(folder)
        if not self._is_parent_dead and now > self._started_at + BEGIN_S and self.cares:
            self._machine.start()
        self._look_for_leftovers(now)

    def _look_at_end(self, care: RunCare, now: float) -> None:
        if not care.is_finished and self._is_parent_dead and not care.is_leftover:
            self._end_without_parent(care)
        if not care.is_finished:
            return
        if not care.is_captured:
            self._machine.finish(care)
            care.look(list_too=True)
        if care.is_captured and care.upload is not None and not care.upload.is_ending:
            care.upload.is_ending = True
            self._uploader.wake()
        is_refused = care.upload is not None and care.upload.is_over and care.is_captured
        if care.is_complete() or is_refused:
            care.tail.fsync()
            self._report(care)
            self._drop(care)

    def _drop(self, care: RunCare) -> None:
        if not care.is_leftover:
            self._ended[care.run_dir] = care.progress()
        care.close()
        self.cares.remove(care)

    def _report(self, care: RunCare) -> None:
        """Tell the parent what it may want to know, once."""
        upload = care.upload
        if upload is None and not care.is_finished and care.has_stop_file():
            self._reports.say_once({"stop": care.facts["run"]})
        if upload is not None and not care.is_leftover:
            if upload.name is not None and care.run_dir not in self._said:
                self._said.add(care.run_dir)
                self._reports.say({"name": self._describe(upload.name)})
            if upload.is_stop_requested and not care.is_finished:
                self._reports.say_once(
                    {
                        "stop": care.facts["run"],
                        "reason": upload.stop_reason,
                        "early": upload.is_early_stop,
                    }
                )
            for problem in upload.list_problems():
                if self._reports.notice("warn", problem):
                    care.log(problem)
            self._report_trouble(care)
        if care.is_flushing:
            progress = care.progress()
            if progress != care.told:
                care.told = progress
                self._reports.say({"progress": progress})
            if progress["state"] not in ("working", "waiting"):
                care.is_flushing = False

    def _report_trouble(self, care: RunCare) -> None:
        upload = care.upload
        if upload is None:
            return
        trouble = upload.state if upload.state != "working" else ""
        if upload.state == "waiting" and upload.backoff.failures < 2:
            trouble = care.trouble  # a single failure is not worth a line
        if trouble == care.trouble:
            return
        care.trouble = trouble
        care.log(f"{upload.state}: {upload.message}")
        run, message = care.facts["run"], _as_sentence(upload.message)
        if trouble == "waiting":
            self._tell("warn", f"{message} What you log is kept on disk and sent later.")
        elif trouble:
            self._tell("error", f"Run {run} is not sent; it is kept on disk. {message}")
        else:
            self._tell("info", f"Run {run}: the server answers again.")

    def _tell(self, level: str, text: str) -> None:
        self._reports.say({"notice": {"level": level, "text": text}})

    def _describe(self, name: dict[str, str]) -> dict[str, str]:
        path = f"{name['entity']}/{name['project']}/runs/{name['run']}"
        return name | {"url": f"{self._uploader.app_url}/{path}"}

    # The end.

    def _look_for_leftovers(self, now: float) -> None:
        """Once: runs in the same directories whose senders did not get to the end."""
        if self._has_looked_for_leftovers or not self._is_sending:
            return
        is_ending = self._is_parent_dead or self._commands.is_closed
        if not is_ending and now < self._started_at + LEFTOVERS_AFTER_S:
            return
        own = [care.upload for care in self.cares if care.upload is not None]
        if any(upload.state != "working" or upload.name is None for upload in own):
            return  # the server has to be there for ours first
        if is_ending and own:
            return  # ours first
        self._has_looked_for_leftovers = True
        from steelyard.sdk.sender.leftovers import find_leftovers

        taken = {care.run_dir for care in self.cares}
        found = find_leftovers(list(self._roots), self._settings["base_url"], taken)
        for care in found:
            self._take(care)
        if found:
            what = "an earlier run that was" if len(found) == 1 else f"{len(found)} runs that were"
            self._reports.notice("info", f"Sending {what} not sent in full.")

    def _is_over(self, now: float) -> bool:
        if not self._is_parent_dead and not (self._commands.is_closed and not self.cares):
            return False
        if not self.cares:
            return True
        waited_s = now - self._parent_died_at if self._is_parent_dead else 0.0
        for care in self.list_cares():
            is_refused = care.upload is not None and care.upload.state == "refused"
            linger_s = REFUSED_LINGER_S if is_refused else self._linger_s
            if care.is_leftover and not any(care in own.predecessors for own in self.cares):
                is_given_up = care.upload is not None and care.upload.state != "working"
            else:
                is_given_up = waited_s > min(linger_s, self._linger_s)
            if is_given_up and not care.has_forks():
                care.log("gave up; `steelyard sync` sends the rest")
                self._drop(care)
        return not self.cares


def _as_sentence(text: str | None) -> str:
    words = (text or "something is wrong").strip()
    start = words[0] if words.startswith("http") else words[0].upper()
    return f"{start}{words[1:]}{'' if words[-1] in '.?!' else '.'}"


NOTHING_LEFT: dict[str, Any] = {
    "state": "done",
    "acknowledged": 0,
    "total": 0,
    "files_left": 0,
    "files_done": 0,
    "message": None,
}
REMOVED = NOTHING_LEFT | {"state": "refused", "message": "its folder was removed"}
