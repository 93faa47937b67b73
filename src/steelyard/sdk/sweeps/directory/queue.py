"""The queue of a sweep in a shared directory: what an agent asks, answered from the log."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from steelyard.errors import AgentNotFound, TooLarge, Unavailable
from steelyard.limits import (
    SWEEP_AGENTS_MAX,
    SWEEP_GONE_GRACE_S,
    SWEEP_LEASE_S,
    SWEEP_SUGGESTION_TRIES_MAX,
)
from steelyard.sdk import terminal
from steelyard.sdk.sweeps.directory.agents import Watch, write_pulse
from steelyard.sdk.sweeps.directory.curves import Curves
from steelyard.sdk.sweeps.directory.drawing import (
    find_reached,
    find_stops,
    held_for_drawing,
    read_problem,
    run_limit,
    suggest_next,
)
from steelyard.sdk.sweeps.directory.model import (
    AgentCame,
    Drawn,
    Entry,
    Event,
    Exhausted,
    Leased,
    Stopping,
    Sweep,
    Trial,
    make_name,
)
from steelyard.sdk.sweeps.directory.readings import Reading, RunFolders, RunReader
from steelyard.sdk.sweeps.directory.settling import (
    Again,
    finish_if_done,
    give_back,
    list_stops,
    settle_own,
    settle_silent,
)
from steelyard.sdk.sweeps.directory.store import Store
from steelyard.sdk.sweeps.queue import (
    Command,
    Exit,
    Resume,
    Run,
    RunState,
    SweepInfo,
)
from steelyard.search.problem import Problem
from steelyard.search.trials import Exhausted as NothingLeft
from steelyard.search.trials import Suggestion

#: How often one that is busy looks whether others are silent.
WATCHES_A_LEASE: Final = 8


class DirectoryQueue:
    """A sweep in a directory, for those who work for it. Satisfies `Queue`.

    `lease_s`: an agent that is silent so long has lost its trial. `grace_s`: a program that was
    started has so long to begin its run.
    """

    def __init__(
        self,
        directory: Path,
        *,
        lease_s: float = SWEEP_LEASE_S,
        grace_s: float = SWEEP_GONE_GRACE_S,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = Store(directory)
        self._now_us = now_us
        self._folders = RunFolders(directory)
        self._agents = directory / "queue" / "agents"
        self._watch = Watch(
            self._agents, self._folders, lease_s=lease_s, grace_s=grace_s, monotonic=monotonic
        )
        self._watch_every_s = lease_s / WATCHES_A_LEASE
        self._monotonic = monotonic
        self._watched_at = -math.inf
        self._problem: Problem | None = None
        self._beats = 0
        self._readers: dict[str, RunReader] = {}
        self._curves = Curves(directory / "queue" / "curves")

    # ---- what an agent calls

    def describe(self) -> SweepInfo:
        """The sweep as it is now. Raises NotFound without it, Unavailable."""
        sweep = self._store.refresh()
        head = sweep.head
        assert head is not None
        directory = self._store.directory
        program_directory = head.program_directory
        if program_directory is not None and not Path(program_directory).is_dir():
            program_directory = None  # not seen from this machine
        environment = {
            "WANDB_MODE": "offline",
            "WANDB_DIR": str(directory.resolve()),
            "WANDB_PROJECT": head.project,
        }
        if head.entity:
            environment["WANDB_ENTITY"] = head.entity
        return SweepInfo(
            path=str(directory),
            name=head.name,
            config=dict(self._get_problem(sweep).raw),
            entity=head.entity,
            project=head.project,
            state=sweep.state,
            environment=environment,
            program_directory=program_directory,
        )

    def register(self, host: str) -> str:
        """Make an agent known; its name. The first one starts the sweep."""
        name = make_name()
        self._store.refresh()
        self._write_pulse(name, {}, has_left=False)

        def come(sweep: Sweep) -> tuple[list[Event], None]:
            if len(sweep.agents) >= SWEEP_AGENTS_MAX:
                raise TooLarge(
                    "the list of agents of a sweep",
                    size=len(sweep.agents) + 1,
                    limit=SWEEP_AGENTS_MAX,
                    limit_name="SWEEP_AGENTS_MAX",
                )
            return [AgentCame(name, host[:128])], None

        self._store.decide(come, at_us=self._now_us())
        return name

    def heartbeat(
        self, agent: str, run_states: Mapping[str, RunState], *, wants_work: bool
    ) -> list[Command]:
        """See `Queue.heartbeat`. Raises Unavailable, NotFound, MissingExtra."""
        sweep = self._store.refresh()
        if agent not in sweep.agents:
            raise AgentNotFound(f"{agent!r} of the sweep in {self._store.directory}")
        self._folders.expire()
        has_left = not wants_work and "running" not in run_states.values()
        self._write_pulse(agent, run_states, has_left=has_left)
        problem = self._get_problem(sweep)
        for run_name, said in run_states.items():
            self._publish(run_name, problem)
            if said == "finished" and not self._folders.find(run_name):
                terminal.say(
                    f"run {run_name} is not in {self._store.directory}: the sweep learns nothing "
                    "from it; let init() choose its directory and mode",
                    level="warn",
                )
        now_us = self._now_us()
        self._settle(agent, run_states, has_left=has_left, now_us=now_us)
        self._judge(problem, now_us)
        asked = self._store.decide(
            lambda sweep: self._answer(sweep, agent, run_states, wants_work=wants_work),
            at_us=now_us,
        )
        if asked is None:
            asked = self._draw(agent, run_states)
        self._forget_ended()
        return asked

    def settle(self) -> Sweep:
        """Bring trials up to date whose agents are known to be gone; for those who are no agent.

        Raises NotFound without a sweep, Unavailable.
        """
        self._store.refresh()
        self._folders.expire()
        self._settle("", {}, has_left=False, now_us=self._now_us())
        return self._store.sweep

    # ---- what has become of trials

    def _settle(
        self, agent: str, run_states: Mapping[str, RunState], *, has_left: bool, now_us: int
    ) -> None:
        again = Again(self._get_problem(self._store.sweep).retries)

        def is_named(trial: Trial) -> bool:
            return trial.agent == agent and (
                run_states.get(trial.run_name) == "running" or trial.state == "leased"
            )

        def decide(sweep: Sweep) -> tuple[list[Event], None]:
            own = settle_own(sweep, agent, run_states, again=again, read_run=self._read_run)
            if has_left:
                own += give_back(sweep, agent, run_states)
            return own, None

        def decide_silent(sweep: Sweep) -> tuple[list[Event], None]:
            events = settle_silent(
                sweep,
                is_named=is_named,
                is_silent=self._watch.is_silent,
                again=again,
                read_run=self._read_run,
            )
            return events, None

        self._store.decide(decide, at_us=now_us)
        # Now and then for the busy: each of sixty-four would read sixty-three others every beat.
        is_busy = "running" in run_states.values()
        if not is_busy or self._monotonic() - self._watched_at >= self._watch_every_s:
            self._watched_at = self._monotonic()
            self._store.decide(decide_silent, at_us=now_us)
        self._store.decide(lambda sweep: (finish_if_done(sweep), None), at_us=now_us)

    def _judge(self, problem: Problem, now_us: int) -> None:
        """Stop those that are worth no further iteration, if any has logged anything new."""
        if problem.early_terminate is None or not problem.metrics:
            return
        sweep = self._store.sweep
        if not any(trial.state == "running" for trial in sweep.trials.values()):
            return
        self._curves.read(sweep.trials.values())
        if not self._curves.have_grown():
            return

        def decide(sweep: Sweep) -> tuple[list[Event], None]:
            stops = find_stops(sweep, problem, self._curves.known)
            return [
                Stopping(index, found.reason)
                for index, found in stops.items()
                if sweep.trials[index].state == "running"
                and sweep.trials[index].stop_reason is None
            ], None

        self._store.decide(decide, at_us=now_us)

    def _read_run(self, trial: Trial) -> Reading:
        problem = self._get_problem(self._store.sweep)
        reader = self._readers.setdefault(trial.run_name, RunReader(problem))
        return reader.read(self._folders.find(trial.run_name))

    def _publish(self, run_name: str, problem: Problem) -> None:
        reader = self._readers.setdefault(run_name, RunReader(problem))
        reading = reader.read(self._folders.find(run_name))
        if problem.early_terminate is not None:
            self._curves.publish(run_name, reading.curve)

    def _forget_ended(self) -> None:
        at_work = {trial.run_name for trial in self._store.sweep.trials.values() if trial.is_open}
        self._readers = {name: each for name, each in self._readers.items() if name in at_work}

    # ---- what an agent is to do

    def _answer(
        self, sweep: Sweep, agent: str, run_states: Mapping[str, RunState], *, wants_work: bool
    ) -> tuple[list[Event], list[Command] | None]:
        """What the log says an agent is to do; None: a new configuration is to be drawn."""
        running = [name for name, said in run_states.items() if said == "running"]
        stops = list_stops(sweep, agent, running)
        if stops or running or not wants_work:
            return [], list(stops)
        if sweep.state in ("finished", "canceled"):
            return [], [Exit(reason=sweep.exhausted_reason or f"the sweep is {sweep.state}")]
        if sweep.state == "paused":
            return [], []
        open_trials = [sweep.trials[index] for index in sorted(sweep.trials)]
        for trial in open_trials:
            if trial.is_at_work and trial.agent == agent and trial.run_name not in run_states:
                # Running and not named: it has time to be heard of. Leased: it was not heard.
                return [], [self._command_of(trial)] if trial.state == "leased" else []
        for trial in open_trials:
            if trial.state == "lost":
                run_name = trial.run_name if trial.is_resumable else make_name()
                leased = Leased(trial.index, run_name, agent)
                told = msgspec.structs.replace(trial, run_name=run_name)
                return [leased], [self._command_of(told)]
        reason = None if sweep.exhausted_reason else self._find_end(sweep)
        if reason is not None:
            return [Exhausted(reason)], self._say_exit(sweep, reason)
        if sweep.exhausted_reason is not None:
            return finish_if_done(sweep), self._say_exit(sweep, sweep.exhausted_reason)
        return [], None

    def _find_end(self, sweep: Sweep) -> str | None:
        """Why no new configuration is drawn any more; None while one may be."""
        problem = self._get_problem(sweep)
        limit = run_limit(problem)
        if sweep.trial_count >= limit:
            return f"all {limit:,} runs that the configuration allows were handed out"
        return find_reached(sweep, problem, lambda trial: self._read_run(trial).values)

    def _say_exit(self, sweep: Sweep, reason: str) -> list[Command]:
        """There is nothing more to do, unless somebody's trial is about to be lost."""
        now_us = self._now_us()
        at_work = (trial for trial in sweep.trials.values() if trial.is_at_work)
        if any(self._watch.is_doubtful(trial, now_us=now_us) for trial in at_work):
            return []
        return [Exit(reason=reason)]

    def _draw(self, agent: str, run_states: Mapping[str, RunState]) -> list[Command]:
        with held_for_drawing(self._store.queue / "drawing.lock"):
            for _ in range(SWEEP_SUGGESTION_TRIES_MAX):
                # Between the question and the lock others were at it.
                commands = self._store.decide(
                    lambda sweep: self._answer(sweep, agent, run_states, wants_work=True),
                    at_us=self._now_us(),
                )
                if commands is not None:
                    return commands
                sweep = self._store.sweep
                count, number = sweep.trial_count, sweep.number
                found = suggest_next(sweep, self._get_problem(sweep))
                drawn = self._put(agent, found, count=count, number=number)
                if drawn is not None:
                    return drawn
        return []  # the agent asks again in a few seconds

    def _put(
        self, agent: str, found: Suggestion | NothingLeft, *, count: int, number: int
    ) -> list[Command] | None:
        """Keep a suggestion and hand it out; None when it is no longer the next one."""
        while True:
            sweep = self._store.sweep
            if sweep.number != number:
                still_running = sweep.state in ("pending", "running")
                if sweep.trial_count != count or not still_running or sweep.exhausted_reason:
                    return None
            if isinstance(found, NothingLeft):
                if self._store.append(Entry(self._now_us(), [Exhausted(found.reason)])):
                    return self._store.decide(
                        lambda sweep: (finish_if_done(sweep), self._say_exit(sweep, found.reason)),
                        at_us=self._now_us(),
                    )
            else:
                drawn = self._drawn_of(agent, found, count)
                if self._store.append(Entry(self._now_us(), [drawn])):
                    return [self._command_of(self._store.sweep.trials[count])]
            self._store.refresh()

    def _drawn_of(self, agent: str, found: Suggestion, index: int) -> Drawn:
        key = self._get_problem(self._store.sweep).space.key_of(found.config).hex()
        return Drawn(
            index=index,
            run_name=make_name(),
            config=found.config,
            key=key,
            kind=found.kind,
            reason=found.reason,
            agent=agent,
            mean=found.mean,
            std=found.std,
        )

    def _command_of(self, trial: Trial) -> Run | Resume:
        problem = self._get_problem(self._store.sweep)
        made = Resume if trial.is_resumable else Run
        return made(
            run_name=trial.run_name,
            config=problem.space.nest(trial.config),
            program=problem.program,
        )

    def _get_problem(self, sweep: Sweep) -> Problem:
        if self._problem is None:
            self._problem = read_problem(sweep)
        return self._problem

    def _write_pulse(
        self, agent: str, run_states: Mapping[str, RunState], *, has_left: bool
    ) -> None:
        self._beats += 1
        running = {name: said for name, said in run_states.items() if said == "running"}
        try:
            write_pulse(
                self._agents / f"{agent}.json",
                count=self._beats,
                at_us=self._now_us(),
                runs=running,
                has_left=has_left,
            )
        except OSError as error:
            raise Unavailable(str(error)) from error
