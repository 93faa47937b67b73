"""Where an agent gets its work: a sweep of a server, or one in a shared directory.

The loop of an agent (`loop.py`) knows only what is here. A queue hands out each configuration once,
takes back what an agent does not finish, and survives agents that are killed at any moment; the
loop runs it, says what became of it, and asks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol

import msgspec

#: What a run of an agent is at: `running`; or how it ended, said until one beat has arrived.
#: `stopped`: ended because the queue said so. `preempted`: the agent was told to go, and gives the
#: configuration back.
RunState = Literal["running", "finished", "failed", "stopped", "preempted"]


class SweepInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent has to know of its sweep before it begins."""

    path: str
    """As people type it behind `steelyard agent`: ENTITY/PROJECT/SWEEP, or the directory."""
    name: str
    """The id that runs name as theirs: 8 characters."""
    config: dict[str, Any]
    """The configuration as a mapping: `program`, `command` and the rest."""
    entity: str | None = None
    project: str | None = None
    url: str | None = None
    """Page of the sweep; None where there is no server."""
    state: str = "running"
    environment: dict[str, str] = {}
    """Variables that every run of this sweep gets, say WANDB_MODE=offline."""
    program_directory: str | None = None
    """Directory that a relative `program` is in; None: where the agent was started."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Run a configuration under this name. `config` is nested, as the run sees it."""

    run_name: str
    config: dict[str, Any]
    program: str | None = None
    environment: dict[str, str] = {}
    """Variables of this run alone."""


class Resume(msgspec.Struct, frozen=True, kw_only=True):
    """The same for a run that was preempted: it goes on under its name."""

    run_name: str
    config: dict[str, Any]
    program: str | None = None
    environment: dict[str, str] = {}


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """End a run that this agent has at work, and say why."""

    run_name: str
    reason: str
    is_early: bool = False
    """Its curve was judged: the run ends well, with what it has. Else it counts as killed."""


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """There is nothing more to do. What the agent has at work ends first."""

    reason: str


Command = Run | Resume | Stop | Exit


class Queue(Protocol):
    """A sweep, for those who work for it. One thread at a time calls it."""

    def describe(self) -> SweepInfo:
        """The sweep as it is now. Raises NotFound without it, Unavailable without an answer."""
        ...

    def register(self, host: str) -> str:
        """Make an agent that works on `host` known; its name. Raises as `describe` does."""
        ...

    def heartbeat(
        self, agent: str, run_states: Mapping[str, RunState], *, wants_work: bool
    ) -> list[Command]:
        """Say that an agent lives and what its runs are at, and hear what it is to do.

        An agent that wants work and has nothing at work gets a run, an exit, or nothing for now:
        it asks again after `BEAT_S`. Asking twice does no harm: what was handed out and not named
        since is told again. Without `wants_work` nothing new is handed out; the last beat of an
        agent is one of that kind, with no run that is running.

        Raises Unavailable when the queue cannot be reached (the loop goes on and asks again),
        NotFound when the sweep is gone (the loop lets its run end, and then ends).
        """
        ...


#: Seconds between two signs of life of an agent with a run at work, or without any.
BEAT_S: Final = 5.0
