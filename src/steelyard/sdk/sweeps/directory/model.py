"""What is said in the log of a sweep without a server, and the sweep that comes of it.

The words are those of sweeps on a server: see docs/guides/sweeps.md.
"""

from __future__ import annotations

import secrets
import string
from typing import Any, Final, Literal

import msgspec

SweepState = Literal["pending", "running", "paused", "finished", "canceled"]
#: leased: handed out, and not heard of yet · lost: waits for the next agent · stopped: ended early,
#: with what it had until then.
TrialState = Literal["leased", "running", "lost", "finished", "failed", "stopped"]
AT_WORK: tuple[TrialState, ...] = ("leased", "running")
OPEN: tuple[TrialState, ...] = ("leased", "running", "lost")
#: States of a sweep in which configurations of lost agents are handed on.
ACTIVE: tuple[SweepState, ...] = ("pending", "running", "paused")

_NAME_CHARS: Final = string.ascii_lowercase + string.digits


def make_name() -> str:
    """A random name, as servers give them to sweeps, agents and runs."""
    return "".join(secrets.choice(_NAME_CHARS) for _ in range(8))


class Created(msgspec.Struct, frozen=True, tag="created", kw_only=True):
    """Always the first. `config` is YAML as it was written; `name` is the id that runs name."""

    name: str
    seed: int
    config: str
    entity: str | None
    project: str
    program_directory: str | None = None


class StateSet(msgspec.Struct, frozen=True, tag="state"):
    """Somebody paused, resumed, stopped or canceled it; or it is done."""

    state: SweepState


class AgentCame(msgspec.Struct, frozen=True, tag="agent"):
    """An agent began to work; the first one starts the sweep."""

    name: str
    host: str


class Drawn(msgspec.Struct, frozen=True, tag="drawn", kw_only=True):
    """A new configuration, handed to an agent. `config` is flat, `key` its identity in hex."""

    index: int
    run_name: str
    config: dict[str, Any]
    key: str
    kind: str
    reason: str
    agent: str
    mean: float | None = None
    std: float | None = None


class Leased(msgspec.Struct, frozen=True, tag="leased"):
    """A lost configuration, handed to the next agent, as a new run or to go on with that one."""

    index: int
    run_name: str
    agent: str


class Began(msgspec.Struct, frozen=True, tag="began"):
    """Its run is at work; also of one that was given up for lost, and is heard of again."""

    index: int
    agent: str


class Lost(msgspec.Struct, frozen=True, tag="lost"):
    """It waits for the next agent. `resumable`: it was preempted, and its run goes on."""

    index: int
    resumable: bool
    reason: str


class Stopping(msgspec.Struct, frozen=True, tag="stopping"):
    """Its run is to end early."""

    index: int
    reason: str


class Ended(msgspec.Struct, frozen=True, tag="ended", kw_only=True):
    """What became of it. `values`: one per metric, None where none was logged."""

    index: int
    state: Literal["finished", "failed", "stopped"]
    reason: str | None = None
    values: list[float | None] = []
    outcomes: dict[str, float] = {}
    seconds: float | None = None


class Exhausted(msgspec.Struct, frozen=True, tag="exhausted"):
    """There is nothing left to hand out."""

    reason: str


Event = (
    Created | StateSet | AgentCame | Drawn | Leased | Began | Lost | Stopping | Ended | Exhausted
)


class Entry(msgspec.Struct, frozen=True):
    """One decision: everything in it holds, or nothing. `at_us` by the clock of who wrote it."""

    at_us: int
    events: list[Event]


class Trial(msgspec.Struct, kw_only=True):
    """One configuration that was suggested, as the log has it."""

    index: int
    run_name: str
    config: dict[str, Any]
    key: str
    kind: str
    reason: str
    mean: float | None
    std: float | None
    state: TrialState
    agent: str
    attempts: int
    created_at_us: int
    started_at_us: int
    earlier_runs: list[str] = []
    is_resumable: bool = False
    stop_reason: str | None = None
    is_judged: bool = False
    """It was told to stop since its curve was bad."""
    values: list[float | None] = []
    outcomes: dict[str, float] = {}
    seconds: float | None = None
    ended_at_us: int | None = None

    @property
    def is_at_work(self) -> bool:
        return self.state in AT_WORK

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


class Agent(msgspec.Struct, frozen=True):
    """A process that works, or worked, for the sweep."""

    name: str
    host: str
    created_at_us: int


class Sweep(msgspec.Struct, kw_only=True):
    """The sweep as of the entries before `number`."""

    number: int = 0
    head: Created | None = None
    state: SweepState = "pending"
    exhausted_reason: str | None = None
    trials: dict[int, Trial] = {}
    agents: dict[str, Agent] = {}
    damaged: list[int] = []
    """Entries that could not be read, and count as if they said nothing."""
    created_at_us: int = 0
    finished_at_us: int | None = None

    @property
    def trial_count(self) -> int:
        """How many configurations were drawn: the index of the next one."""
        return max(self.trials, default=-1) + 1
