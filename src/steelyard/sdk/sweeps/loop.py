"""The loop of an agent: ask for a configuration, have it run, say how it ended, ask again.

It knows a `Queue` and a way to perform a run (`programs.py`, `functions.py`), and never lets go of
a run because the queue is away: it says so once and asks again until somebody answers.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from steelyard.errors import NotFound, Overloaded, SteelyardError, Unavailable
from steelyard.limits import SWEEP_QUEUE_AWAY_S_MAX
from steelyard.sdk import terminal
from steelyard.sdk.sweeps.queue import (
    BEAT_S,
    Command,
    Exit,
    Queue,
    Resume,
    Run,
    RunState,
    Stop,
    SweepInfo,
)

#: wandb 0.31.0 wandb_agent.py Agent
FLAPPING_S: Final = 60.0
FLAPPING_FAILURES: Final = 3
#: Steps in which an agent that waits looks whether it is told to leave.
STEP_S: Final = 0.1
FIRST_PAUSE_S: Final = 0.5
#: Seconds that an agent which is just started waits for a server that restarts.
START_PATIENCE_S: Final = 60.0
Work = Run | Resume
Outcome = Literal["done", "gone", "gave up", "left"]


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """When an agent gives up, and how long it waits for a run that is to end."""

    has_flapping_check: bool = True
    """Give up after FLAPPING_FAILURES failed runs in the first FLAPPING_S seconds."""
    initial_failures_max: int = 5
    """Give up when so many runs have failed and none before them was good."""
    failures_in_a_row_max: int | None = None
    kill_delay_s: float = 30.0
    """Seconds between SIGTERM and SIGKILL for a run that is to stop."""


class Tally(msgspec.Struct):
    """What an agent has done so far."""

    ended: int = 0
    failed: int = 0
    failed_in_a_row: int = 0
    given_back: int = 0


class Leaving:
    """Whether somebody told the agent to go. Set by signal handlers: a plain value, no lock."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.is_urgent = False
        self.is_interrupting = False  # a function is at work, in the thread that gets signals

    def ask(self, reason: str, *, is_urgent: bool) -> None:
        """End after the run at work, or give it back at once."""
        self.reason = self.reason or reason
        self.is_urgent = self.is_urgent or is_urgent


class Heart:
    """The signs of life of one agent, with what becomes of its runs. Threads take turns."""

    def __init__(self, queue: Queue, info: SweepInfo) -> None:
        self._queue = queue
        self._info = info
        self._lock = threading.Lock()
        self._agent: str | None = None
        self._unsaid: dict[str, RunState] = {}
        self._away_since: float | None = None
        self.at_work: str | None = None
        self.is_gone = False

    def begin(self, leaving: Leaving) -> bool:
        """Register; False when the agent was told to leave before that. Raises what the queue says;
        an unreachable one is asked until it answers."""
        while leaving.reason is None and not self.is_away_for_good:
            try:
                self._agent = self._queue.register(socket.gethostname())
            except (Unavailable, Overloaded) as error:
                self._note_away(error)
                time.sleep(FIRST_PAUSE_S)
            else:
                self._note_answer()
                return True
        return False

    @property
    def is_away_for_good(self) -> bool:
        """Nobody has answered for longer than an agent waits."""
        since = self._away_since
        return since is not None and time.monotonic() - since > SWEEP_QUEUE_AWAY_S_MAX

    def note_end(self, run_name: str, state: RunState) -> None:
        """A run has ended; the next beat that arrives says so."""
        with self._lock:
            self._unsaid[run_name] = state
            self.at_work = None

    def beat(self, *, wants_work: bool) -> list[Command] | None:
        """What the queue answers; None when it could not be reached, or is gone for good."""
        with self._lock:
            if self.is_gone:
                return None
            said = dict(self._unsaid)
            states: dict[str, RunState] = dict(said)
            if self.at_work is not None:
                states[self.at_work] = "running"
            try:
                commands = self._ask(states, wants_work=wants_work)
            except NotFound as error:
                self._note_gone(error)
                return None
            except (Unavailable, Overloaded) as error:
                self._note_away(error)
                return None
            except SteelyardError as error:
                if self.at_work is None:
                    raise
                self._note_away(error)  # a run at work goes on, whatever the queue thinks
                return None
            self._note_answer()
            for name, state in said.items():
                if self._unsaid.get(name) == state:
                    del self._unsaid[name]
            return commands

    def _ask(self, states: Mapping[str, RunState], *, wants_work: bool) -> list[Command]:
        assert self._agent is not None
        try:
            return self._queue.heartbeat(self._agent, states, wants_work=wants_work)
        except NotFound as error:
            if error.code != "agent_not_found":
                raise
            # The server was set back to an earlier backup: the sweep may be there all the same.
            self._agent = self._queue.register(socket.gethostname())
            return self._queue.heartbeat(self._agent, states, wants_work=wants_work)

    def _note_away(self, error: SteelyardError) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            what = f"; run {self.at_work} goes on" if self.at_work else ""
            terminal.say(f"the sweep cannot be asked: {error}{what}; asking again", level="warn")

    def _note_answer(self) -> None:
        if self._away_since is not None:
            self._away_since = None
            terminal.say("the sweep answers again")

    def _note_gone(self, error: NotFound) -> None:
        self.is_gone = True
        rest = f"; run {self.at_work} ends first" if self.at_work else ""
        terminal.say(f"the sweep {self._info.path} is gone{rest}: {error}", level="error")


def describe_sweep(queue: Queue) -> SweepInfo:
    """The sweep of a queue; one that does not answer is asked for START_PATIENCE_S."""
    deadline = time.monotonic() + START_PATIENCE_S
    is_told = False
    while True:
        try:
            return queue.describe()
        except NotFound:
            raise
        except (Unavailable, Overloaded) as error:
            if time.monotonic() > deadline:
                raise
            if not is_told:
                terminal.say(f"the sweep cannot be asked: {error}; asking again", level="warn")
                is_told = True
            time.sleep(FIRST_PAUSE_S)


#: Runs one configuration to its end; `heart` beats while it does.
Perform = Callable[[Work, Heart], RunState]


class Agent:
    """One agent at work on a sweep."""

    def __init__(
        self,
        queue: Queue,
        info: SweepInfo,
        perform: Perform,
        *,
        count: int | None,
        patience: Patience,
        leaving: Leaving,
    ) -> None:
        self.heart: Heart = Heart(queue, info)
        self.tally: Tally = Tally()
        self._perform = perform
        self._count = count
        self._patience = patience
        self._leaving = leaving
        self._started_at = 0.0

    def run(self) -> Outcome:
        """Work until there is nothing left, `count` runs are done, or somebody says to leave."""
        if not self.heart.begin(self._leaving):
            return "gone" if self._leaving.reason is None else "left"
        self._started_at = time.monotonic()
        try:
            return self._work()
        finally:
            if not self.heart.is_gone:
                self.heart.beat(wants_work=False)

    def _work(self) -> Outcome:
        while True:
            if self._leaving.reason is not None:
                terminal.say(f"{self._leaving.reason}: the agent ends")
                return "left"
            if self._count is not None and self.tally.ended >= self._count:
                return "done"
            work = self._next_work()
            if isinstance(work, Exit):
                terminal.say(f"no more work: {work.reason}")
                return "done"
            if work is None:
                if self._leaving.reason is None:
                    return "gone"
                continue
            self.heart.at_work = work.run_name
            state: RunState = "preempted"
            try:
                if self._leaving.reason is None:
                    state = self._perform(work, self.heart)
            finally:
                self.heart.note_end(work.run_name, state)
            if self._count_up(work.run_name, state):
                return "gave up"

    def _next_work(self) -> Work | Exit | None:
        """The next configuration; Exit when there is none; None when the agent is to go."""
        pause_s, is_told = FIRST_PAUSE_S, False
        while self._leaving.reason is None:
            commands = self.heart.beat(wants_work=True)
            for command in commands or ():
                if isinstance(command, Run | Resume | Exit):
                    return command
            if self.heart.is_gone:
                return None
            if self.heart.is_away_for_good:
                terminal.say("nobody has answered for a day: the agent ends", level="error")
                return None
            if commands is not None and not is_told:
                terminal.say("waiting for a configuration: the sweep has none to give out now")
                is_told = True
            self._pause(pause_s)
            pause_s = min(pause_s * 2, BEAT_S)
        return None

    def _pause(self, seconds: float) -> None:
        """In steps, since a signal does not end a sleep."""
        deadline = time.monotonic() + seconds
        while self._leaving.reason is None and time.monotonic() < deadline:
            time.sleep(STEP_S)

    def _count_up(self, run_name: str, state: RunState) -> bool:
        """Whether so much has failed that the agent should give up."""
        tally, patience = self.tally, self._patience
        if state == "preempted":
            tally.given_back += 1
            return False
        tally.ended += 1
        if state != "failed":
            terminal.say(f"the agent has done run {run_name}: {state}")
            tally.failed_in_a_row = 0
            return False
        tally.failed += 1
        tally.failed_in_a_row += 1
        terminal.say(f"run {run_name} failed", level="error")
        if (limit := patience.failures_in_a_row_max) and tally.failed_in_a_row >= limit:
            terminal.say(f"{limit} runs in a row have failed: the agent ends", level="error")
            return True
        is_young = time.monotonic() < self._started_at + FLAPPING_S
        if patience.has_flapping_check and is_young and tally.failed >= FLAPPING_FAILURES:
            terminal.say(
                f"{FLAPPING_FAILURES} runs failed in the first {FLAPPING_S:g} s: the agent ends; "
                "mend the program, or set WANDB_AGENT_DISABLE_FLAPPING=true",
                level="error",
            )
            return True
        if tally.failed == tally.ended >= patience.initial_failures_max:
            terminal.say(
                f"the first {tally.failed} runs have all failed: the agent ends; more are allowed "
                "by WANDB_AGENT_MAX_INITIAL_FAILURES",
                level="error",
            )
            return True
        return False


def find_stop(commands: list[Command] | None, run_name: str) -> Stop | None:
    """The command to stop this run, if the queue gave one."""
    for command in commands or ():
        if isinstance(command, Stop) and command.run_name == run_name:
            return command
    return None
