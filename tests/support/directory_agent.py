"""An agent of a sweep in a directory, for processes that are killed while they are at it."""

from __future__ import annotations

from pathlib import Path

from steelyard.sdk.sweeps.directory.queue import DirectoryQueue
from steelyard.sdk.sweeps.queue import Exit, Run
from tests.support.directory_sweeps import WrittenRun


def run_agent(directory: str, names: str) -> None:
    """Work until there is nothing left. The agent's name goes into the folder `names`."""
    path = Path(directory)
    # Whoever is killed here is killed with its run: there is no program that may still begin.
    queue = DirectoryQueue(path, grace_s=0.0)
    agent = queue.register("here")
    marker = Path(names) / agent
    marker.touch()
    while True:
        for command in queue.heartbeat(agent, {}, wants_work=True):
            if isinstance(command, Exit):
                queue.heartbeat(agent, {}, wants_work=False)
                return
            assert isinstance(command, Run), command
            queue.heartbeat(agent, {command.run_name: "running"}, wants_work=True)
            run = WrittenRun(path, command.run_name)
            for step in range(3):
                run.log(loss=command.config["a"] + step)
            run.finish()
            queue.heartbeat(agent, {command.run_name: "finished"}, wants_work=False)
