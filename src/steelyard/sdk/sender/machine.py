"""What the sender adds to a run: facts of the process, samples of the machine, files about both.

What is captured, and how, is `sdk/capture`; this says when. Of a run that is over within a second
the facts are found at its end, and no sample is taken.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from steelyard.sdk.sender.care import RunCare
from steelyard.wire.journal import METADATA, SYSTEM

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

BEGIN_S = 1.0  # after the first look at a run
SAMPLE_S_MIN = 0.1
WAITED_S = 5.0  # at the end of a run, for facts that are slow to find


class Machine:
    def __init__(
        self,
        cares: Callable[[], list[RunCare]],
        settings: Mapping[str, Any],
        process: dict[str, Any],
        on_captured: Callable[[], None],
    ) -> None:
        self._cares = cares
        self._settings = settings
        self._process = process
        self._on_captured = on_captured
        self._sampler: Any = None
        self._is_started = False
        self._hurry: Any = None  # an event: a run has ended, and its facts are waited for
        self._captured: set[str] = set()

    def start(self) -> None:
        """Capture and sample in a thread from now on."""
        if not self._is_started:
            import threading

            self._is_started = True
            self._hurry = threading.Event()
            threading.Thread(target=self._run, daemon=True).start()

    def finish(self, care: RunCare) -> None:
        """Have `care.is_captured` become true, now or within WAITED_S."""
        if care.is_captured or care.is_leftover:
            care.is_captured = True
        elif not self._is_started:
            self.start()  # not here: git may take a minute in a repository that hangs
        elif care.finished_at is not None and time.monotonic() > care.finished_at + WAITED_S:
            care.log("did not wait longer for the facts of the process")
            self._write_log(care)
            care.is_captured = True
        elif care.run_dir in self._captured:
            self._write_log(care)
            care.is_captured = True
        else:
            self._hurry.set()

    def _run(self) -> None:
        while True:
            cares = [care for care in self._cares() if not care.is_leftover]
            for care in cares:
                if care.run_dir not in self._captured:
                    self._capture(care)
                    self._on_captured()
            running = [care for care in cares if not care.is_finished]
            if running:
                self._sample(running)
            self._wait()

    def _wait(self) -> None:
        interval_s = max(SAMPLE_S_MIN, float(self._settings["x_stats_sampling_interval"]))
        until = time.monotonic() + interval_s
        while (left_s := until - time.monotonic()) > 0:
            self._hurry.wait(min(left_s, BEGIN_S))
            self._hurry.clear()
            if any(c.run_dir not in self._captured for c in self._cares() if not c.is_leftover):
                return  # another run has begun

    def _capture(self, care: RunCare) -> None:
        try:
            self._capture_facts(care)
        except Exception as error:  # noqa: BLE001  # a plug-in: the run goes on without it
            care.log(f"cannot capture the facts of the process: {type(error).__name__}: {error}")
        self._captured.add(care.run_dir)

    def _capture_facts(self, care: RunCare) -> None:
        from steelyard.sdk.capture.environment import write_environment_files, write_metadata_file
        from steelyard.sdk.capture.metadata import collect_metadata
        from steelyard.sdk.sender.folder import ask_for_upload

        files_dir = os.path.join(care.run_dir, "files")  # noqa: PTH118
        merged: dict[str, Any] = {}
        # The process is one, its runs may be several.
        started_at_us = care.facts.get("started_at_us") or self._process.get("started_at_us")
        facts = self._process | {"started_at_us": started_at_us}
        for part in collect_metadata(facts, self._settings):
            merged |= part
            care.append(METADATA, part)
        if merged:
            ask_for_upload(care.run_dir, write_metadata_file(merged, files_dir))
        for name in write_environment_files(facts, self._settings, files_dir):
            ask_for_upload(care.run_dir, name)

    def _sample(self, cares: list[RunCare]) -> None:
        if self._settings["x_disable_stats"]:
            return
        try:
            if self._sampler is None:
                from steelyard.sdk.capture.system import SystemSampler

                self._sampler = SystemSampler(self._process["pid"], self._settings)
            sample = self._sampler.sample()
        except Exception as error:  # noqa: BLE001  # a plug-in: the run goes on without it
            for care in cares:
                care.log(f"cannot sample the machine: {type(error).__name__}: {error}")
            return
        for care in cares:
            if sample:
                care.append(SYSTEM, sample)

    def _write_log(self, care: RunCare) -> None:
        if self._settings["console"] == "off":
            return
        from steelyard.sdk.sender.console_log import write_output_log

        try:
            write_output_log(care.run_dir)
        except OSError as error:
            care.log(f"cannot write output.log: {error}")
