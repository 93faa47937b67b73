"""The parent's side of the sender: start it, talk to it over two pipes, start it again if killed.

Pipe A carries JSON lines to the sender, pipe B JSON lines back; what they say is in
`docs/concepts/journal.md`. Nothing here waits for the network, and nothing but `flush` waits.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from steelyard.sdk.settings import ClientSettings

State = Literal["working", "waiting", "done", "refused", "deleted", "kept", "gone"]

RESTARTS_MAX = 5
LINE_BYTES_MAX = 1 << 20  # of one message from the sender

# The sender closes what it inherited, leaves the user's process tree (so that nobody who waits for
# "any child" waits for it), and knows no path but the one given: `-I -S` keep the user's modules
# and site hooks out.
BOOT = (
    "import os,sys;os.closerange(3,65536)\n"
    "if os.fork():os._exit(0)\n"
    "sys.path.append(sys.argv[1])\n"
    "from steelyard.sdk.sender.main import main\n"
    "main()\n"
)


class Progress(msgspec.Struct, frozen=True):
    """How far a run folder is sent. Bytes count all its journals.

    `state`: working; waiting (network or server away, `message` says what); done (everything is
    acknowledged); refused and deleted (the server does not take it, `message` says why); kept
    (nothing is sent in this mode); gone (the sender cannot run here).
    """

    state: State
    acknowledged: int
    total: int
    files_left: int
    message: str | None = None
    files_done: int = 0

    @property
    def is_final(self) -> bool:
        """Waiting longer changes nothing."""
        return self.state not in ("working", "waiting")


class RunName(msgspec.Struct, frozen=True):
    """What the server calls the run."""

    run: str
    entity: str
    project: str
    display_name: str
    url: str


class SenderHandle:
    """One sender process of this process. Every method may be called from any thread."""

    def watch(self, run_dir: Path) -> None:
        """Have the sender look after that run folder. Never blocks, never raises."""

    def flush(
        self, run_dir: Path, *, timeout_s: float, on_progress: Callable[[Progress], None]
    ) -> Progress:
        """Wait until everything of the folder is acknowledged, at most `timeout_s`.

        Calls `on_progress` when something changed. Returns how far it got; does not raise.
        """
        raise NotImplementedError

    def is_stop_requested(self, run_id: str) -> bool:
        """Somebody asked on the server that the run ends."""
        raise NotImplementedError

    def name_of(self, run_id: str) -> RunName | None:
        """What the server answered; None before it did."""
        raise NotImplementedError


def get_sender(settings: ClientSettings) -> SenderHandle:
    """The sender of this process for these settings, started when there is none."""
    raise NotImplementedError


def shut_down(timeout_s: float) -> None:
    """Let the senders end when they are done; waits at most `timeout_s` for that."""
    raise NotImplementedError
