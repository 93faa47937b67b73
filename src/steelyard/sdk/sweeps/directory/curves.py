"""The metric of each run while it runs, for those who judge: its journal they would see late."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from steelyard.sdk.sweeps.directory.log import read_sealed, replace_sealed
from steelyard.sdk.sweeps.directory.model import Trial


class Curves:
    """Curves by name of the run, in files that the agent of the run replaces as a whole.

    Attributes:
        known: what was read or published last.
    """

    def __init__(self, folder: Path) -> None:
        self.known: dict[str, list[float]] = {}
        self._folder = folder
        self._own: set[str] = set()
        self._whole: set[str] = set()  # of runs that have ended: read for the last time
        self._judged: dict[str, int] = {}

    def publish(self, run_name: str, curve: list[float]) -> None:
        """Write down the curve of a run of ours, if it has grown."""
        self._own.add(run_name)
        if self.known.get(run_name) == curve:
            return
        with contextlib.suppress(OSError):  # the next beat tries again
            replace_sealed(self._path(run_name), msgspec.json.encode(curve))
            self.known[run_name] = curve

    def read(self, trials: Iterable[Trial]) -> None:
        """Read those of others that may have grown."""
        for trial in trials:
            name = trial.run_name
            if name in self._own or name in self._whole:
                continue
            if not trial.is_open:
                self._whole.add(name)
            content = read_sealed(self._path(name))
            if content is not None:
                with contextlib.suppress(msgspec.MsgspecError):
                    self.known[name] = msgspec.json.decode(content, type=list[float])

    def have_grown(self) -> bool:
        """Whether there is anything to judge since the last time that this was asked."""
        lengths = {name: len(curve) for name, curve in self.known.items()}
        is_news = lengths != self._judged
        self._judged = lengths
        return is_news

    def _path(self, run_name: str) -> Path:
        return self._folder / f"{run_name}.json"
