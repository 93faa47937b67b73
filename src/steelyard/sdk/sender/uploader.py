"""The sender's threads that talk to the server: one for journals, one for files, and one for
artifacts when there are any.

A big file must not hold up the points of a chart, and neither may hold up the main loop, which
looks after the parent.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping

from steelyard.limits import ARTIFACT_NICENESS
from steelyard.sdk.sender.care import RunCare
from steelyard.sdk.sender.link import Link
from steelyard.sdk.sender.run_upload import RunUpload

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

INTERVAL_S = 0.8  # between two requests of one run
LOCKED_S = 2.0  # until we ask again for a folder that `steelyard sync` is at
LIST_EVERY_S = 1.0
HELD_S = 0.05
PREDECESSORS_S = 120.0  # a server that is away longer may get the later rows of a run first
IDLE_S = 5.0
ENDING_S = 0.5  # files that could not be sent are tried again
FOR_EVER_S = 3600.0


class Uploader:
    """Serves every run in `cares`, each in turn, until the process ends."""

    def __init__(self, cares: Callable[[], list[RunCare]], settings: Mapping[str, Any]) -> None:
        self.is_working = False
        self._cares = cares
        self._settings = settings
        source = settings.get("key_source") or ""
        self._link = Link(settings, key_source=source)
        self._file_link = Link(settings, key_source=source)
        given_s = settings.get("x_file_stream_transmit_interval")
        spread = 0.75 + os.urandom(1)[0] / 512  # runs started together drift apart
        self._interval_s = (given_s or INTERVAL_S) * spread
        self._wake, self._wake_files = threading.Event(), threading.Event()
        self._wake_artifacts = threading.Event()
        self._file_thread: threading.Thread | None = None
        self._artifact_thread: threading.Thread | None = None
        self._looked_at: dict[str, float] = {}
        threading.Thread(target=self._send_journals, daemon=True).start()

    @property
    def app_url(self) -> str:
        return self._link.app_url

    def wake(self) -> None:
        self._wake.set()

    def hurry(self, folder: str) -> None:
        """Look at once for what is new in that folder."""
        self._looked_at.pop(folder, None)
        self._wake.set()

    def open_upload(self, care: RunCare) -> None:
        """Raises OSError when the folder is gone."""
        upload = RunUpload(care.run_dir, care.facts, self._link)
        upload.files.ignore(tuple(self._settings.get("ignore_globs") or ()))
        upload.load()
        care.upload = upload

    def _send_journals(self) -> None:
        while True:
            self._wake.clear()
            wait_s = IDLE_S
            for care in self._cares():
                try:
                    wait_s = min(wait_s, self._serve(care))
                except OSError as error:
                    care.log(f"cannot read the run folder: {error}")
                    wait_s = min(wait_s, LOCKED_S)
                except Exception as error:  # noqa: BLE001  # the edge: other runs go on
                    care.log(f"our mistake: {type(error).__name__}: {error}")
                    wait_s = min(wait_s, LOCKED_S)
            if wait_s > 0:
                self._wake.wait(wait_s)

    def _serve(self, care: RunCare) -> float:
        """At most one request for that run; seconds until it wants the next."""
        upload = care.upload
        if upload is None or upload.is_over:
            return FOR_EVER_S
        if not care.lock.acquire():
            upload.state, upload.message = "waiting", "another process is sending this run"
            return LOCKED_S
        now = time.monotonic()
        if self._has_predecessors_under_way(care, now):
            return HELD_S
        if not upload.backoff.is_over(now):
            return upload.backoff.not_before - now
        self._look(care, upload, now)
        if upload.has_unsent():
            due = upload.sent_at + max(self._interval_s, upload.pace_s)
            if now < due and not self._is_urgent(care):
                return due - now
            left = upload.things_left() if upload.is_ending or not care.is_finished else 1
            return 0.0 if upload.send_journals(files_left=left) else HELD_S
        if upload.needs_heartbeat(now):
            upload.send_heartbeat()
            return HELD_S
        return ENDING_S if care.is_finished else IDLE_S

    def _look(self, care: RunCare, upload: RunUpload, now: float) -> None:
        is_listing = now >= self._looked_at.get(care.run_dir, 0.0) + LIST_EVERY_S
        is_urgent = self._is_urgent(care)
        upload.tail.refresh(list_too=is_listing or is_urgent)
        if not (is_listing or is_urgent):
            return
        self._looked_at[care.run_dir] = now
        artifacts = upload.look_for_artifacts()  # first: the end of a run asks the files
        if upload.name is not None and artifacts is not None and artifacts.is_due(now):
            if self._artifact_thread is None:
                self._artifact_thread = threading.Thread(target=self._send_artifacts, daemon=True)
                self._artifact_thread.start()
            self._wake_artifacts.set()
        upload.files.refresh(is_ending=upload.is_ending)
        if upload.name is not None and upload.files.list_due(now, is_ending=upload.is_ending):
            if self._file_thread is None:
                self._file_thread = threading.Thread(target=self._send_files, daemon=True)
                self._file_thread.start()
            self._wake_files.set()

    def _has_predecessors_under_way(self, care: RunCare, now: float) -> bool:
        """What is left of earlier processes of the run goes first, if that is not for ever."""
        if not care.predecessors:
            return False
        states = ("working", "waiting") if now < care.watched_at + PREDECESSORS_S else ("working",)
        care.predecessors = [
            other
            for other in care.predecessors
            if other.upload is not None and other.upload.state in states and not other.is_complete()
        ]
        present = self._cares()
        return any(other in present for other in care.predecessors)

    def _is_urgent(self, care: RunCare) -> bool:
        return care.is_flushing or care.is_finished or care.is_leftover

    def _send_files(self) -> None:
        while True:
            self._wake_files.wait()
            self._wake_files.clear()
            for care in self._cares():
                try:
                    while care.upload is not None and care.upload.send_file(self._file_link):
                        self._wake.set()
                except Exception as error:  # noqa: BLE001  # the edge: other runs go on
                    care.log(f"our mistake with a file: {type(error).__name__}: {error}")
            self._wake.set()

    def _send_artifacts(self) -> None:
        _be_nice()
        link = Link(self._settings, key_source=self._settings.get("key_source") or "")
        while True:
            self._wake_artifacts.wait()
            self._wake_artifacts.clear()
            for care in self._cares():
                try:
                    while care.upload is not None and care.upload.send_artifact(link):
                        self._wake.set()
                except Exception as error:  # noqa: BLE001  # the edge: other runs go on
                    care.log(f"our mistake with an artifact: {type(error).__name__}: {error}")
            self._wake.set()


def _be_nice() -> None:
    """Let this thread, and those it starts, go after everybody else. Linux counts it by thread;
    elsewhere it would be the process, journals included."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), ARTIFACT_NICENESS)
