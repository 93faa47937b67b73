"""The sweep in a directory: read as far as it goes, and changed one entry at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from steelyard.errors import NotFound, Unavailable
from steelyard.limits import SWEEP_DIRECTORY_CHECKPOINT_ENTRIES
from steelyard.sdk.sweeps.directory.fold import follow
from steelyard.sdk.sweeps.directory.log import EntryLog, read_sealed, replace_sealed
from steelyard.sdk.sweeps.directory.model import Entry, Event, Sweep

QUEUE: Final = "queue"

_encode: Final = msgspec.json.Encoder().encode
_decode_entry: Final = msgspec.json.Decoder(Entry).decode
_decode_sweep: Final = msgspec.json.Decoder(Sweep).decode
Answer = TypeVar("Answer")


def is_sweep_directory(path: Path) -> bool:
    """Whether there is a sweep in this directory."""
    return EntryLog(path / QUEUE / "log").is_there()


class Store:
    """One directory's sweep, for one thread.

    Attributes:
        sweep: as of the last look; `refresh` looks again.
    """

    def __init__(self, directory: Path) -> None:
        self.directory: Path = directory
        self.queue: Path = directory / QUEUE
        self.sweep: Sweep = Sweep()
        self._log = EntryLog(self.queue / "log")

    @property
    def name(self) -> str:
        assert self.sweep.head is not None
        return self.sweep.head.name

    def refresh(self) -> Sweep:
        """The sweep as it is now. Raises NotFound where there is none, Unavailable."""
        if not self.sweep.number:
            self._read_checkpoint()
        for _, content in self._log.read_on(self.sweep.number):
            follow(self.sweep, _parse(content))
        if self.sweep.number and not self._log.is_there():
            raise NotFound(f"the sweep in {self.directory} is gone")
        if self.sweep.head is None:
            if self.sweep.number:
                raise Unavailable(
                    f"the first entry of the sweep in {self.directory} is damaged, which says what "
                    f"is searched; restore {self._log.place_of(0)} from a backup"
                )
            raise NotFound(
                f"there is no sweep in {self.directory}; make one: "
                f"steelyard sweep --directory {self.directory} CONFIG.yaml"
            )
        return self.sweep

    def decide(
        self, decide: Callable[[Sweep], tuple[list[Event], Answer]], *, at_us: int
    ) -> Answer:
        """Append what `decide` makes of the sweep as it is now, and return its answer.

        It is called again with what was first where another process was; no events, no entry.
        Raises what `refresh` and `decide` raise, Unavailable.
        """
        while True:
            sweep = self.refresh()
            events, answer = decide(sweep)
            if not events or self.append(Entry(at_us, events)):
                return answer

    def append(self, entry: Entry) -> bool:
        """Append to the sweep as of the last look; False where somebody else was first."""
        number = self.sweep.number
        if not self._log.append(number, _encode(entry)):
            return False
        follow(self.sweep, entry)
        if (number + 1) % SWEEP_DIRECTORY_CHECKPOINT_ENTRIES == 0:
            self._write_checkpoint()
        return True

    def _write_checkpoint(self) -> None:
        with contextlib.suppress(OSError):  # it only saves reading
            replace_sealed(self.queue / "checkpoint", _encode(self.sweep))

    def _read_checkpoint(self) -> None:
        content = read_sealed(self.queue / "checkpoint")
        if content is not None:
            with contextlib.suppress(msgspec.MsgspecError):
                self.sweep = _decode_sweep(content)


def _parse(content: bytes | None) -> Entry | None:
    if content is None:
        return None
    try:
        return _decode_entry(content)
    except msgspec.MsgspecError as error:
        # Its checksum holds, so it was written so: to pass it over would be to hand out twice.
        raise Unavailable(
            f"the sweep was written by a newer Steelyard ({error}); upgrade: "
            "pip install -U steelyard"
        ) from error
