"""One run folder on its way to one run of one server. The sender and `steelyard sync` share it.

Three threads may work on one run: one on its journals, one on its files, one on its artifacts.
"""

from __future__ import annotations

import _thread
import os
import time
from collections.abc import Mapping

from steelyard.limits import SENDER_FINISH_HELD_S, SENDER_HEARTBEAT_S
from steelyard.sdk.sender.link import SMALLEST_UPLOAD_BYTES, Backoff, Later, Link, Refused
from steelyard.sdk.sender.run_files import RunFiles
from steelyard.sdk.sender.tail import Chunk, Journal, RunTail
from steelyard.wire.journal import FINISH

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

    from steelyard.sdk.sender.artifact_upload import RunArtifacts

PACE_PER_REQUEST = 20  # a small request that takes 0.1 s is followed by the next after 2 s
PACE_S_MAX = 15.0  # as often as the official client sends
SILENT_REFUSALS_MAX = 3  # answers that take nothing and say nothing


class Target:
    """Where a run goes on the server; `entity` None is the caller's own."""

    __slots__ = ("entity", "project", "run")

    def __init__(self, entity: str | None, project: str, run: str) -> None:
        self.entity, self.project, self.run = entity, project, run

    @property
    def path(self) -> str:
        from urllib.parse import quote

        parts = (self.entity or "-", self.project, self.run)
        return "/api/v1/runs/" + "/".join(quote(part, safe="") for part in parts)


class RunUpload:
    """Attributes:
    state: working, waiting (the server is away, `message` says how), refused, deleted.
    name: what the server calls the run, once it answered.
    is_stop_requested: somebody asked on the server that the run ends.
    stop_reason: why its sweep ends it; None when somebody asked by hand.
    is_early_stop: its curve was judged, so that the run ends well.
    is_ending: nothing more will be written: files of the end go, FINISH goes last.
    artifacts: None while none was logged.
    """

    def __init__(
        self, run_dir: str, facts: Mapping[str, Any], link: Link, target: Target | None = None
    ) -> None:
        self.run_dir = run_dir
        self.writer = str(facts["writer"])
        self.target = target or Target(facts.get("entity"), facts["project"], facts["run"])
        self.place = f"{link.base_url}{self.target.path}"
        self.tail = RunTail(run_dir)
        self.files = RunFiles(run_dir)
        self.artifacts: RunArtifacts | None = None
        self.state = "working"
        self.message: str | None = None
        self.name: dict[str, str] | None = None
        self.is_stop_requested = False
        self.stop_reason: str | None = None
        self.is_early_stop = False
        self.is_ending = False
        self.backoff = Backoff()
        self.problems: list[str] = []
        self.sent_at = 0.0
        self.pace_s = 0.0  # between requests, at least: a server at its limit is asked less often
        self._link = link
        self._held_since: float | None = None
        self._silent_refusals = 0
        self._turn = 0
        self._urged_at = 0.0
        self._known_server_id: str | None = None
        self._artifacts_lock = _thread.allocate_lock()
        self._forgets_results = self._retries_failed = False

    def load(self, server_id: str | None = None) -> None:
        """Take over what is on disk, and what of it the server of that id has, if it is known.

        Raises OSError when the folder is gone.
        """
        self._known_server_id = server_id
        self.tail.refresh()
        self.tail.read_acknowledged(self.place, server_id)
        self.files.read_acknowledged(self.place, server_id)

    @property
    def is_over(self) -> bool:
        """The server will never take more of it."""
        return self.state == "deleted" or (self.state == "refused" and not self._is_mendable)

    _is_mendable = False

    def has_unsent(self) -> bool:
        return self.tail.unsent > 0

    def files_left(self) -> int:
        """Files to send, those of the end included once it has come."""
        if self.is_ending and not self.files.has_walked:
            return 1
        return self.files.count_left(is_ending=self.is_ending)

    def things_left(self) -> int:
        """Files and artifacts to send."""
        return self.files_left() + self.artifacts_left()

    def forget(self, *, failed_only: bool = False) -> None:
        """After `load`: send everything anew, or the artifacts that failed."""
        if failed_only:
            self._retries_failed = True
            return
        self._forgets_results = True
        for journal in self.tail.journals.values():
            journal.acknowledged = 0
        self.files.forget_acknowledged()

    def look_for_artifacts(self) -> RunArtifacts | None:
        """The artifacts of the run, with those that were logged by now. The module that sends
        them is loaded when there is one."""
        with self._artifacts_lock:
            if self.artifacts is None:
                if not os.path.exists(os.path.join(self.run_dir, "artifacts.jsonl")):  # noqa: PTH110, PTH118
                    return None
                from steelyard.sdk.sender.artifact_upload import RunArtifacts

                found = RunArtifacts(self.run_dir)
                if not self._forgets_results:
                    found.read_acknowledged(self.place, self._known_server_id)
                if self._retries_failed:
                    found.forget_acknowledged(failed_only=True)
                found.refresh()
                self.artifacts = found
            else:
                self.artifacts.refresh()
            return self.artifacts

    def artifacts_left(self) -> int:
        """Artifacts to send, as far as they were looked for."""
        return self.artifacts.count_left() if self.artifacts is not None else 0

    def send_artifact(self, link: Link) -> bool:
        """Send the next artifact; False when there is none, or it has to wait. Never raises for
        what a server or a network does."""
        if self.name is None or self.is_over or self.artifacts is None:
            return False
        self.artifacts.server_id = self.files.server_id
        return self.artifacts.send_next(link, self.place, self.name)

    def try_again(self) -> None:
        """At once, whatever was before."""
        self._urged_at = time.monotonic()
        self.backoff.succeed()
        self.files.try_again()
        if self.artifacts is not None:
            self.artifacts.backoff.succeed()
        if not self.is_over:
            self.state = "working"  # what was wrong may be mended by now

    def list_problems(self) -> list[str]:
        """What could not be sent and never will, one sentence each."""
        artifacts = self.artifacts.problems if self.artifacts is not None else []
        return [*self.problems, *self.files.problems, *artifacts]

    def needs_heartbeat(self, now: float) -> bool:
        """A word without records is due: after a while of silence; and for files that are left
        when all journals were sent by an earlier sender, as only the answer says where they go."""
        if self.is_ending:
            return self.name is None and self._was_begun() and self.things_left() > 0
        return self._was_begun() and now >= self.sent_at + SENDER_HEARTBEAT_S

    def _was_begun(self) -> bool:
        first = self.tail.journals.get(self.writer)
        return first is not None and first.acknowledged > 0

    def send_journals(self, *, files_left: int = 0) -> bool:
        """One request: the next piece of a journal. False when there was nothing to send.

        FINISH is held back a while as long as `files_left` or another journal has more. Never
        raises for what a server or a network does: `state`, `message` and `backoff` say it.
        """
        for journal in self._in_order():
            if not journal.unsent:
                continue
            chunk = journal.read(self._link.upload_bytes)
            data = self._without_finish(journal, chunk, files_left)
            if data:
                if not journal.acknowledged and journal.writer != self.writer:
                    # The first piece of any journal makes the run. If it was deleted meanwhile,
                    # this says so, and it stays deleted.
                    self.send_heartbeat()
                    if self.state != "working":
                        return True
                self._send(journal, data)
                return True
        return False

    def send_heartbeat(self) -> None:
        """Tell the server that the run lives; learn whether it is to stop."""
        self._send(self.tail.journals[self.writer], b"")

    def send_file(self, link: Link) -> bool:
        """Send the next file that is due; False when there is none. Never raises as above."""
        if self.name is None or self.is_over:
            return False  # a file needs its run
        now = time.monotonic()
        for file in self.files.list_due(now, is_ending=self.is_ending):
            try:
                self.files.send(file, link, self.target.path, self.place)
            except Later as later:
                self.message = str(later)
                return False
            except Refused as refusal:
                self.message = str(refusal)
                return False
            return True
        return False

    def _in_order(self) -> list[Journal]:
        """The process' own first, because it makes the run; then each in turn."""
        journals = self.tail.journals
        first = journals.get(self.writer)
        if first is None:
            return []
        if not first.acknowledged:
            return [first]
        names = sorted(journals)
        self._turn += 1
        start = self._turn % len(names)
        return [journals[name] for name in names[start:] + names[:start]]

    def _without_finish(self, journal: Journal, chunk: Chunk, files_left: int) -> bytes:
        """The records to send now: the end of the process goes when the rest is there."""
        if chunk.last_kind != FINISH or journal.writer != self.writer:
            return chunk.data
        others = sum(other.unsent for other in self.tail.journals.values() if other is not journal)
        now = time.monotonic()
        if self._held_since is None:
            self._held_since = now
        if not (files_left or others) or now > self._held_since + SENDER_FINISH_HELD_S:
            return chunk.data
        return chunk.data[: chunk.last_at]

    def _send(self, journal: Journal, data: bytes) -> None:
        offset = journal.acknowledged
        path = f"{self.target.path}/journals/{journal.writer}?offset={offset}"
        now = time.monotonic()
        try:
            answer = self._link.post_journal(path, data)
        except Later as later:
            if now >= self._urged_at:  # else the answer is to a question from before
                self.state, self.message = "waiting", str(later)
                self.backoff.fail(now, later.wait_s)
        except Refused as refusal:
            if now >= self._urged_at or not refusal.is_mendable:
                self._refuse(refusal, offset, now)
        else:
            if len(data) < SMALLEST_UPLOAD_BYTES:
                self.pace_s = min(PACE_S_MAX, PACE_PER_REQUEST * (time.monotonic() - now))
            self._accept(journal, data, answer)

    def _refuse(self, refusal: Refused, offset: int, now: float) -> None:
        self.message = str(refusal)
        if refusal.code == "run_not_found" and offset:
            self.state = "deleted"
            self.message = f"the run was deleted on the server: {refusal}"
            return
        self.state, self._is_mendable = "refused", refusal.is_mendable
        self.backoff.wait_long(now)

    def _accept(self, journal: Journal, data: bytes, answer: dict[str, Any]) -> None:
        kept = int(answer["acknowledged"])
        self.sent_at = time.monotonic()
        self.is_stop_requested |= bool(answer.get("stop"))
        self.stop_reason = self.stop_reason or answer.get("stop_reason")
        self.is_early_stop |= bool(answer.get("is_early"))
        if self.name is None:
            keys = ("run", "entity", "project", "display_name")
            self.name = {key: str(answer.get(key, "")) for key in keys}
        self.files.server_id = answer.get("server")
        if answer.get("reason") and not self.problems:
            self.problems.append(
                f"the server could not use {answer.get('skipped')} records: {answer['reason']}"
            )
        if data and kept == journal.acknowledged:
            self._silent_refusals += 1
            if self._silent_refusals >= SILENT_REFUSALS_MAX:
                self.state, self.message = "waiting", "the server takes no more of the journal"
                self.backoff.fail(self.sent_at)
                return
        else:
            self._silent_refusals = 0
        # The server knows: less than we thought after a restored backup, more after a lost answer.
        journal.acknowledged = min(kept, journal.size)
        journal.whole = max(journal.whole, journal.acknowledged)
        self.state, self.message = "working", None
        self.backoff.succeed()
        if data:
            self._remember(journal)

    def _remember(self, journal: Journal) -> None:
        try:
            self.tail.write_acknowledged(
                journal, self._link.base_url, self.place, self.files.server_id
            )
        except OSError:
            return  # a full disk; the server knows
