"""A user of our own client: a home directory, an environment, and scripts run there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steelyard.sdk.journal.folder import RunFolder, find_run_folders, read_run_json
from steelyard.sdk.journal.reader import iter_records, list_writers
from steelyard.wire.journal import CONFIG, HISTORY, START

TIMEOUT_S = 120.0


class SdkUser:
    """Somebody who has just installed Steelyard. Nothing of the caller's settings reaches them."""

    def __init__(self, home: Path, **environ: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.environ = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "NO_PROXY": "localhost,127.0.0.1",
            **environ,
        }

    def run(
        self,
        script: str,
        *arguments: str,
        check: bool = True,
        input: str | None = None,
        cwd: Path | None = None,
        without: tuple[str, ...] = (),
        **environ: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a Python script, given as text, to its end."""
        return self._run(["-c", script, *arguments], check, input, cwd, without, environ)

    def command(
        self, *arguments: str, check: bool = True, input: str | None = None, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `steelyard …` to its end."""
        return self._run(["-m", "steelyard", *arguments], check, input, None, (), environ)

    def _run(
        self,
        arguments: list[str],
        check: bool,
        input: str | None,
        cwd: Path | None,
        without: tuple[str, ...],
        environ: Mapping[str, str],
    ) -> subprocess.CompletedProcess[str]:
        merged = {**self.environ, **environ}
        for name in without:
            merged.pop(name, None)
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd or self.home,
            env=merged,
            text=True,
            capture_output=True,
            timeout=TIMEOUT_S,
            # An empty pipe, not a terminal, unless something is piped in.
            input="" if input is None else input,
        )
        if check:
            assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def folders(self, root: Path | None = None) -> list[RunFolder]:
        """Run folders, oldest first (names have seconds only)."""
        found = find_run_folders(root or self.home)
        return sorted(found, key=lambda folder: int(read_run_json(folder)["started_at_us"]))

    def records(self, folder: RunFolder, kind: int) -> list[Any]:
        """Payloads of one kind in the journal of the process, in order."""
        return [payload for found, payload in _records(folder) if found == kind]

    def start(self, folder: RunFolder) -> dict[str, Any]:
        """What START of the process says; forked children have their own."""
        (start,) = [each for each in self.records(folder, START) if each["role"] == "process"]
        assert isinstance(start, dict)
        return start

    def config(self, folder: RunFolder) -> dict[str, Any]:
        """The config as the journal has it."""
        merged: dict[str, Any] = {}
        for payload in self.records(folder, CONFIG):
            merged.update(payload["set"])
            for key in payload.get("delete", ()):
                merged.pop(key, None)
        return merged

    def rows(self, folder: RunFolder) -> list[Any]:
        """HISTORY as [step, is_automatic, values]."""
        return [list(payload) for payload in self.records(folder, HISTORY)]


def _records(folder: RunFolder) -> Iterator[tuple[int, Any]]:
    for writer in list_writers(folder.path):
        if not writer.endswith("-s"):
            for kind, _, _, payload in iter_records(folder.path, writer):
                yield kind, payload
