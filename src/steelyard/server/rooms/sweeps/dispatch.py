"""Hands trials to agents: who is lost comes first, then what was queued, then a new suggestion.

A suggestion takes up to a quarter of a second, so it is computed outside of transactions and then
put in with a check that it is still the next one. Within one process the agents of a sweep queue
up for it, since of sixty-four that compute the same suggestion one would win; and the first of them
has one drawn for each that waits behind it, which costs little more than one. Those are queued, and
the others take them.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from weakref import WeakValueDictionary

import msgspec
from sqlalchemy.engine import Connection

from steelyard.limits import SWEEP_BATCH_MAX, SWEEP_SUGGESTION_TRIES_MAX, SWEEP_TRIALS_MAX
from steelyard.search.crossval import runs_per_trial
from steelyard.search.problem import Problem
from steelyard.search.trials import Exhausted
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.sweeps.admission import admit, find_quota, look_after
from steelyard.server.rooms.sweeps.agents import (
    command_of,
    is_busy_with,
    record_beat,
    say_exit,
)
from steelyard.server.rooms.sweeps.budget import has_amounts
from steelyard.server.rooms.sweeps.commands import (
    finish_if_done,
    lock_sweep,
    make_name,
    write_sweep,
)
from steelyard.server.rooms.sweeps.configuration import Problems, run_limit
from steelyard.server.rooms.sweeps.folds import explain_limit, insert_suggestion
from steelyard.server.rooms.sweeps.leases import lease_trial, settle_trials
from steelyard.server.rooms.sweeps.model import (
    AT_WORK,
    OPEN,
    AgentCommand,
    AgentReport,
    Beat,
    Sweep,
    SweepTrial,
)
from steelyard.server.rooms.sweeps.phase_steps import note_exhausted, step_phase
from steelyard.server.rooms.sweeps.policy import get_own_agent
from steelyard.server.rooms.sweeps.queries import (
    count_busy_agents,
    count_trials_in,
    list_trials,
    list_trials_in,
    list_trials_of_agent,
)
from steelyard.server.rooms.sweeps.searching import Found, load_search, next_suggestions
from steelyard.server.rooms.sweeps.trials import Taken

log = logging.getLogger("steelyard.sweeps")

NOTHING: list[AgentCommand] = []
#: What of a sweep decides about its next suggestion.
SEARCHED = ("trial_count", "config_version", "overlay")


class Asked(msgspec.Struct, frozen=True):
    """A suggestion is needed: the next one of this sweep as it is now.

    `is_alone`: only one, however many wait, since after it the next may have to wait or to change.
    """

    sweep: Sweep
    is_alone: bool


class Gate:
    """Where the agents of a sweep queue up for suggestions, in one process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._counted = threading.Lock()
        self._agents: Counter[int] = Counter()
        self.drawn = 0  # how often something was drawn

    @property
    def inside(self) -> list[int]:
        """Idle agents that are being answered; one that asks twice is one."""
        with self._counted:
            return list(self._agents)

    @contextmanager
    def enter(self, agent_id: int) -> Iterator[None]:
        """An idle agent is being answered."""
        with self._counted:
            self._agents[agent_id] += 1
        try:
            yield
        finally:
            with self._counted:
                self._agents[agent_id] -= 1
                if not self._agents[agent_id]:
                    del self._agents[agent_id]

    def let_draw(self) -> None:
        """Wait for whoever draws now: it draws for all that are inside."""
        if self.lock.locked():
            with self.lock:
                pass


class Dispatcher:
    """What agents ask for work; one per server process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.problems = Problems()
        # A gate lasts as long as somebody is in it or waits for it.
        self._gates: WeakValueDictionary[int, Gate] = WeakValueDictionary()
        self._gates_lock = threading.Lock()

    def beat(
        self, caller: Caller, agent_id: int, report: AgentReport, *, now_us: int
    ) -> list[AgentCommand]:
        """Note that an agent lives, and what it is to do; blocking, with transactions of its own.

        Raises AgentNotFound when its sweep was deleted, Forbidden for viewers.
        """
        if report.running or not report.wants_work:
            return self._db.write_now(self._record, caller, agent_id, report, now_us).commands
        _, sweep = self._db.read_now(get_own_agent, caller, agent_id)
        gate = self._gate_of(sweep.id)
        with gate.enter(agent_id):
            beat = self._db.write_now(self._record, caller, agent_id, report, now_us)
            if not beat.wants_trial:
                return beat.commands
            return self._hand_out(gate, caller, agent_id, now_us)

    def _record(
        self,
        conn: Connection,
        caller: Caller,
        agent_id: int,
        report: AgentReport,
        now_us: int,
    ) -> Beat:
        agent, sweep = get_own_agent(conn, caller, agent_id)
        sweep = lock_sweep(conn, sweep.id)
        return record_beat(
            conn,
            agent,
            sweep,
            self.problems.get(sweep),
            problem_of=self._problem_of(conn, sweep),
            report=report,
            now_us=now_us,
        )

    def _hand_out(
        self, gate: Gate, caller: Caller, agent_id: int, now_us: int
    ) -> list[AgentCommand]:
        """The command to run the next trial, to exit, or nothing for now."""
        for _ in range(SWEEP_SUGGESTION_TRIES_MAX):
            gate.let_draw()
            drawn = gate.drawn
            given = self._db.write_now(self._take, caller, agent_id, now_us)
            if not isinstance(given, Asked):
                return given
            with gate.lock:
                if gate.drawn != drawn:
                    continue  # somebody has drawn for all in the meantime
                waiting = [] if given.is_alone else gate.inside[:SWEEP_BATCH_MAX]
                count = max(1, len(waiting))
                found = self._suggest(given.sweep, count)
                commands = self._db.write_now(
                    self._put, caller, agent_id, given.sweep, found, waiting, now_us
                )
                gate.drawn += 1
            if commands is not None:
                return commands
        log.warning("no suggestion of a sweep could be kept", extra={"agent": agent_id})
        return NOTHING  # the agent asks again in a few seconds

    def _take(
        self, conn: Connection, caller: Caller, agent_id: int, now_us: int
    ) -> list[AgentCommand] | Asked:
        """A trial that waits for an agent; otherwise whether there should be a new one."""
        agent, sweep = get_own_agent(conn, caller, agent_id)
        sweep = lock_sweep(conn, sweep.id)
        problem = self.problems.get(sweep)
        waiting = list_trials_in(conn, sweep.id, ("queued",), limit=1)
        if not waiting or count_trials_in(conn, sweep.id, ("lost",)):
            # What the agents of this sweep were just drawn is handed out without looking at what
            # the others are at: that is looked after anyway.
            waiting = self._settle_all(conn, sweep, problem, now_us)
        if sweep.state in ("finished", "canceled"):
            return say_exit(conn, agent, sweep, now_us=now_us).commands
        if sweep.state == "paused":
            return NOTHING
        given = find_given(conn, agent.id)
        if given is not None:
            problem = self._problem_of(conn, sweep)(given)
            return [command_of(given, problem)] if given.state == "leased" else NOTHING
        if waiting or sweep.exhausted_reason is None:
            admission = admit(conn, sweep, problem, now_us=now_us)
            sweep = admission.sweep
            if admission.is_over:
                return say_exit(conn, agent, sweep, now_us=now_us).commands
            if not admission.may_begin:
                return NOTHING
        if waiting:
            trial = lease_trial(
                conn, waiting[0], agent_id=agent.id, run_name=make_name(), now_us=now_us
            )
            return [command_of(trial, self._problem_of(conn, sweep)(trial))]
        sweep, must_wait = step_phase(conn, sweep, problem, now_us=now_us)
        if must_wait:
            said = {"waits_reason": "the next phase has not begun yet"}
            write_sweep(conn, sweep, said, now_us=now_us)
            return NOTHING
        spent = explain_limit(sweep, problem, run_limit(problem))
        if spent is not None and not sweep.exhausted_reason:
            sweep = write_sweep(conn, sweep, {"exhausted_reason": spent}, now_us=now_us)
        if sweep.exhausted_reason is not None:
            finish_if_done(conn, sweep, now_us=now_us)
            return say_exit(conn, agent, sweep, now_us=now_us).commands
        if sweep.is_local:
            return NOTHING
        has_quota = find_quota(conn, sweep.entity_id) is not None
        return Asked(sweep, has_quota or has_amounts(problem) or bool(problem.phases))

    def _settle_all(
        self, conn: Connection, sweep: Sweep, problem: Problem, now_us: int
    ) -> list[SweepTrial]:
        """Bring every open trial up to date; those that wait for an agent, lost ones first."""
        trials = list_trials_in(conn, sweep.id, OPEN, limit=SWEEP_TRIALS_MAX)
        settled = settle_trials(conn, sweep, problem, trials, now_us=now_us)
        lost = [trial for trial in settled if trial.state == "lost"]
        return lost + [trial for trial in settled if trial.state == "queued"]

    def _suggest(self, sweep: Sweep, count: int) -> list[Found]:
        problem = self.problems.get(sweep)
        limit = run_limit(problem)
        if limit is not None:
            left = (limit - sweep.trial_count) // runs_per_trial(problem.cross_validation)
            count = max(1, min(count, left))
        search = self._db.read_now(load_search, sweep, problem)
        return next_suggestions(search, count)

    def _put(
        self,
        conn: Connection,
        caller: Caller,
        agent_id: int,
        asked: Sweep,
        found: Sequence[Found],
        waiting: Sequence[int],
        now_us: int,
    ) -> list[AgentCommand] | None:
        """Keep suggestions and hand out the first; None when it is no longer the next one."""
        agent, _ = get_own_agent(conn, caller, agent_id)
        sweep = lock_sweep(conn, asked.id)
        if any(getattr(sweep, name) != getattr(asked, name) for name in SEARCHED):
            return None
        if find_given(conn, agent.id) is not None:
            return None
        problem, given = self.problems.get(sweep), found[0].suggestion
        if isinstance(given, Exhausted):
            sweep = note_exhausted(conn, sweep, problem, given.reason, now_us=now_us)
            if sweep.exhausted_reason is None:
                return None  # in this phase: there is another
            finish_if_done(conn, sweep, now_us=now_us)
            return say_exit(conn, agent, sweep, now_us=now_us).commands
        if sweep.state not in ("pending", "running"):
            return None
        first = sweep.trial_count
        try:
            sweep = insert_suggestion(
                conn,
                sweep,
                problem,
                given,
                agent_id=agent.id,
                parent_index=found[0].parent_index,
                now_us=now_us,
            )
        except Taken:
            return None
        # Those that have been given something in the meantime need none of these.
        idle = len(waiting) - count_busy_agents(conn, waiting)
        for each in found[1 : 1 + idle]:
            if isinstance(each.suggestion, Exhausted):
                break
            with suppress(Taken):
                sweep = insert_suggestion(
                    conn,
                    sweep,
                    problem,
                    each.suggestion,
                    agent_id=None,
                    parent_index=None,
                    now_us=now_us,
                )
        trial = list_trials(conn, sweep.id, limit=1, after_index=first - 1)[0]
        return [command_of(trial, problem)]

    def settle(self, conn: Connection, sweep_id: int, *, now_us: int) -> Sweep:
        """Bring the trials of a sweep up to date without an agent asking, and finish it if done."""
        sweep = lock_sweep(conn, sweep_id)
        problem = self.problems.get(sweep)
        waiting = self._settle_all(conn, sweep, problem, now_us)
        sweep = look_after(conn, sweep, problem, now_us=now_us)
        if sweep.state == "running" and not waiting:
            sweep, _ = step_phase(conn, sweep, problem, now_us=now_us)
        return finish_if_done(conn, sweep, now_us=now_us)

    def _problem_of(self, conn: Connection, sweep: Sweep) -> Callable[[SweepTrial], Problem]:
        """What was searched when a trial was suggested: an edit does not change its arguments."""
        return lambda trial: self.problems.get_version(conn, sweep, trial.config_version)

    def _gate_of(self, sweep_id: int) -> Gate:
        with self._gates_lock:
            return self._gates.setdefault(sweep_id, Gate())


def find_given(conn: Connection, agent_id: int) -> SweepTrial | None:
    """The trial an agent has already.

    A client that waits too long for an answer asks again, and both requests come to a hand-out.
    """
    trials = list_trials_of_agent(conn, agent_id, states=AT_WORK)
    return next(filter(is_busy_with, trials), None)
