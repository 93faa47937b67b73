"""One agent for several sweeps of a server, which decides by their priority whose turn it is."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from steelyard.errors import NotFound, SteelyardError
from steelyard.sdk import terminal
from steelyard.sdk.sweeps.queue import Command, Exit, Resume, Run, RunState, SweepInfo
from steelyard.sdk.sweeps.server_queue import ServerQueue, read_command

NEXT = "/api/v1/sweeps:next"
#: Of the whole of them, as the agent names it.
NAME = "several"


class SeveralQueues:
    """The queues of several sweeps of one server, as one: see `Queue`.

    There is no more work when none of them has any. A sweep that was deleted is left out.
    """

    def __init__(self, queues: Sequence[ServerQueue]) -> None:
        """`queues` are of one server, at least one."""
        self._queues = list(queues)
        self._open: dict[str, ServerQueue] = {}
        self._agents: dict[str, str] = {}
        self._infos: dict[str, SweepInfo] = {}
        self._sweep_of: dict[str, str] = {}
        self._waits: dict[str, str | None] = {}

    @property
    def infos(self) -> Sequence[SweepInfo]:
        """Of each sweep; known once somebody has asked for `describe`."""
        return list(self._infos.values())

    def sweep_of(self, run_name: str) -> str:
        """The path of the sweep that handed this run out."""
        return self._sweep_of[run_name]

    def describe(self) -> SweepInfo:
        """All of them under one name. Raises as each of them does."""
        for queue in self._queues:
            info = queue.describe()
            self._infos[info.path] = info
            self._open[info.path] = queue
        first = next(iter(self._infos.values()))
        return SweepInfo(path=", ".join(self._infos), name=NAME, config={}, url=first.url)

    def register(self, host: str) -> str:
        """An agent in each of them."""
        for path, queue in [*self._open.items()]:
            try:
                self._agents[path] = queue.register(host)
            except NotFound as error:
                self._leave_out(path, error)
        return NAME

    def heartbeat(
        self, agent: str, run_states: Mapping[str, RunState], *, wants_work: bool
    ) -> list[Command]:
        """One request for all of them."""
        while True:
            beats = [self._beat(path, run_states, wants_work=wants_work) for path in self._agents]
            try:
                answer = next(iter(self._open.values())).call("POST", NEXT, {"agents": beats})
            except NotFound as error:
                if error.code == "agent_not_found" or not self._leave_out_gone():
                    raise
                continue
            return self._read(answer["work"])

    def _beat(
        self, path: str, run_states: Mapping[str, RunState], *, wants_work: bool
    ) -> dict[str, object]:
        entity, project, sweep = path.split("/")
        own = {name: state for name, state in run_states.items() if self._sweep_of[name] == path}
        return {
            "entity": entity,
            "project": project,
            "sweep": sweep,
            "agent": self._agents[path],
            "running": [name for name, state in own.items() if state == "running"],
            "ended": {name: state for name, state in own.items() if state != "running"},
            "wants_work": wants_work,
        }

    def _read(self, work: Sequence[Mapping[str, object]]) -> list[Command]:
        found: list[Command] = []
        exits: dict[str, Exit] = {}
        for path, each in zip([*self._agents], work, strict=True):
            self._tell_waits(path, each.get("waits"))
            commands = each["commands"]
            for said in commands if isinstance(commands, list) else ():
                command = read_command(said)
                if isinstance(command, Exit):
                    exits[path] = command
                    continue
                if isinstance(command, Run | Resume):
                    self._sweep_of[command.run_name] = path
                found.append(command)
        if len(exits) == len(self._agents):
            reasons = "; ".join(f"{path}: {each.reason}" for path, each in exits.items())
            found.append(Exit(reason=reasons))
        return found

    def _tell_waits(self, path: str, waits: object) -> None:
        said = None if waits is None else str(waits)
        if said and said != self._waits.get(path):
            terminal.say(f"waiting for work of {path}: {said}")
        self._waits[path] = said

    def _leave_out_gone(self) -> bool:
        """Leave out the sweeps that were deleted; True when some were and others are there."""
        before = len(self._open)
        for path, queue in [*self._open.items()]:
            try:
                queue.describe()
            except NotFound as error:  # any other error says nothing of whether it is there
                self._leave_out(path, error)
        return 0 < len(self._open) < before

    def _leave_out(self, path: str, error: SteelyardError) -> None:
        terminal.say(f"the sweep {path} is gone: {error}", level="error")
        for known in (self._open, self._agents, self._waits):
            with contextlib.suppress(KeyError):
                del known[path]
        if not self._open:
            raise error
