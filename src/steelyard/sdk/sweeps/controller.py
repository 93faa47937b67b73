"""`steelyard.controller()`: configurations of a sweep that are chosen in this process.

The sweep has `controller: {type: local}`. What is to be run is written into it, and agents get it
in that order. Documents and the names of methods: wandb 0.31.0 wandb_controller.py.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import NotFound, Overloaded, SweepNotFound, Unavailable, UsageError
from steelyard.sdk import terminal
from steelyard.sdk.api.attributes import parse_object
from steelyard.sdk.api.server import Server
from steelyard.sdk.session import new_id
from steelyard.sdk.sweeps.controller_runs import (
    PAGE_RUNS,
    SAMPLES,
    STATE,
    SWEEP,
    WRITE,
    SweepRun,
    describe_args,
    find_metric,
    read_args,
    read_run,
)
from steelyard.sdk.sweeps.create import create_sweep, prepare_config
from steelyard.sdk.sweeps.places import SweepPath, complete, open_server, parse_sweep_path
from steelyard.sdk.sweeps.server_queue import read_yaml_map

if TYPE_CHECKING:
    from steelyard.search.problem import Problem

STEP_S: Final = 2.0
Search = Callable[[dict[str, Any], list[SweepRun]], SweepRun | None]
Stopping = Callable[[dict[str, Any], list[SweepRun]], list[SweepRun]]


def controller(
    sweep_id_or_config: str | dict[str, Any] | None = None,
    entity: str | None = None,
    project: str | None = None,
) -> Controller:
    """A controller for a sweep: one that is there, one that is made of a configuration, or one
    that is configured step by step and made by `create`. Call `run` on it."""
    return Controller(sweep_id_or_config, entity=entity, project=project)


class Controller:
    """Chooses what a sweep runs, and which of its runs end early, in this process.

    A search of one's own gets the configuration and the runs so far, and gives the next run or
    None for the end. Without one the engine of the server searches here, as `method` says.
    """

    def __init__(
        self,
        sweep_id_or_config: str | dict[str, Any] | None = None,
        entity: str | None = None,
        project: str | None = None,
    ) -> None:
        self._entity, self._project = entity, project
        self._server: Server | None = None
        self._path: SweepPath | None = None
        self._draft: dict[str, Any] = {}
        self._search: Search | None = None
        self._stop_rule: Stopping | None = None
        self._found: dict[str, Any] = {}
        self._runs: list[SweepRun] = []
        self._controller: dict[str, Any] = {}
        self._actions: list[str] = []
        self._status = ""
        self._is_started = False
        if isinstance(sweep_id_or_config, str):
            remote = open_server()
            named = parse_sweep_path(sweep_id_or_config, entity=entity, project=project)
            self._path = complete(named, remote)
            self._read()
        elif isinstance(sweep_id_or_config, Mapping):
            self._take(dict(sweep_id_or_config))
            self.create()
        elif sweep_id_or_config is not None:
            raise UsageError(
                f"controller() takes a sweep or a configuration, not {sweep_id_or_config!r:.80}"
            )

    # ---- what the sweep is

    @property
    def sweep_id(self) -> str | None:
        """The id of the sweep; None before it is made."""
        return None if self._path is None else self._path.sweep

    @property
    def sweep_config(self) -> dict[str, Any]:
        """The configuration of the sweep, as it is on the server."""
        return read_yaml_map(str(self._found["config"])) if self._found else dict(self._draft)

    def configure(self, sweep_dict_or_config: dict[str, Any] | str) -> None:
        """Give the whole configuration, as a dict or as YAML."""
        self._require_draft()
        if self._draft:
            raise UsageError("the sweep is configured already; call configure() first, or not")
        given = sweep_dict_or_config
        self._take(read_yaml_map(given) if isinstance(given, str) else dict(given))

    def configure_search(self, search: str | Search) -> None:
        """The method, or a function of (configuration, runs) that gives the next run."""
        self._require_draft()
        if callable(search):
            self._search = search
        self._draft["method"] = "custom" if callable(search) else search

    def configure_stopping(
        self, stopping: str | Callable[[dict[str, Any]], Stopping], **kwargs: Any
    ) -> None:
        """The rule of early termination with its options, or a function that is given the options
        and gives one of (configuration, runs) that gives the runs to stop."""
        self._require_draft()
        if callable(stopping):
            self._stop_rule = stopping(kwargs)
        else:
            self._draft["early_terminate"] = {"type": stopping, **kwargs}

    def configure_metric(self, metric: str, goal: str | None = None) -> None:
        """What is made small, or with goal="maximize" large."""
        self._require_draft()
        self._draft["metric"] = {"name": metric, **({"goal": goal} if goal else {})}

    def configure_program(self, program: str) -> None:
        """What agents run. Raises UsageError for a function: agents are other processes."""
        self._require_draft()
        if not isinstance(program, str):
            raise UsageError(
                "configure_program() takes the path of a program; a function is run by "
                "steelyard.agent(SWEEP, function=...)"
            )
        self._draft["program"] = program

    def configure_name(self, name: str) -> None:
        """What people see."""
        self._require_draft()
        self._draft["name"] = name

    def configure_description(self, description: str) -> None:
        """What the sweep is for."""
        self._require_draft()
        self._draft["description"] = description

    def configure_parameter(
        self,
        name: str,
        values: Sequence[Any] | None = None,
        value: Any = None,
        distribution: str | None = None,
        min: float | None = None,
        max: float | None = None,
        mu: float | None = None,
        sigma: float | None = None,
        q: float | None = None,
        a: float | None = None,
        b: float | None = None,
    ) -> None:
        """One parameter, by what a configuration says of it; without anything a constant None."""
        self._require_draft()
        given = {
            "values": None if values is None else list(values),
            "value": value,
            "distribution": distribution,
            **{"min": min, "max": max, "mu": mu, "sigma": sigma, "q": q, "a": a, "b": b},
        }
        said = {key: each for key, each in given.items() if each is not None}
        self._draft.setdefault("parameters", {})[name] = said or {"value": None}

    def configure_controller(self, type: str) -> None:
        """`local`: this process chooses. It is what a controller makes anyway."""
        self._require_draft()
        self._draft["controller"] = {"type": type}

    def create(self) -> str:
        """Make the sweep that was configured; its id. Raises SweepInvalid."""
        self._require_draft()
        if not self._draft:
            raise UsageError("there is nothing to make a sweep of; call configure() first")
        self._draft.setdefault("controller", {"type": "local"})
        made = create_sweep(prepare_config(self._draft), entity=self._entity, project=self._project)
        for warning in made.warnings:
            terminal.say(warning, level="warn")
        terminal.say(f"Create sweep with ID: {made.path.sweep}")
        terminal.say(f"Sweep URL: {made.url}")
        self._path = made.path
        self._read()
        return made.path.sweep

    def _take(self, config: dict[str, Any]) -> None:
        """Functions in place of names are the search and the rule of early termination."""
        if callable(config.get("method")):
            self._search, config["method"] = config["method"], "custom"
        if callable(config.get("early_terminate")):
            self._stop_rule = config.pop("early_terminate")
        self._draft = config

    def _require_draft(self) -> None:
        if self._path is not None:
            raise UsageError("the sweep is made; configure a controller before create()")

    # ---- the loop

    def run(
        self,
        verbose: bool = False,
        print_status: bool = True,
        print_actions: bool = False,
        print_debug: bool = False,
    ) -> None:
        """Choose until the sweep has an end. A server that is away is asked again."""
        while True:
            try:
                if self.done():
                    self.print_status()
                    return
                self.step()
            except (Unavailable, Overloaded) as error:
                if isinstance(error, NotFound):
                    raise
                terminal.say(f"the sweep cannot be asked: {error}; asking again", level="warn")
            if print_status or verbose:
                self.print_status()
            if print_actions or verbose:
                self.print_actions()
            if print_debug or verbose:
                self.print_debug()
            time.sleep(STEP_S)

    def done(self) -> bool:
        """Whether the sweep has ended, asked anew."""
        self._start()
        assert self._server is not None and self._path is not None
        found = self._server.read_project(
            STATE, self._path.entity or "", self._path.project or "", sweep=self._path.sweep
        )["sweep"]
        if found is None:
            raise SweepNotFound(str(self._path))
        self._found["state"] = found["state"]
        return self._found.get("state") not in ("PENDING", "RUNNING", "PAUSED")

    def step(self) -> None:
        """Choose one configuration if none waits, and stop what is to be stopped."""
        self._start()
        self._read()
        if not self._waiting():
            self.schedule(self.search())
        if to_stop := self.stopping():
            self.stop_runs(to_stop)

    def search(self) -> SweepRun | None:
        """The next run; None when there is nothing more to try."""
        self._start()
        if self._search is not None:
            return self._search(self.sweep_config, list(self._runs))
        from steelyard.sdk.sweeps.local_search import suggest_run

        return suggest_run(self._problem(), self._runs, seed=self._seed())

    def schedule(self, run: SweepRun | None) -> None:
        """Have agents run this next; None: there is nothing more. One waits at a time."""
        self._start()
        if self._waiting():
            return
        args = None if run is None else read_args(run)
        self._controller["schedule"] = [{"id": new_id(10), "data": {"args": args}}]
        said = "nothing more" if args is None else describe_args(args)
        self._actions.append(f"schedule ({said})")
        self._write()

    def stopping(self) -> list[SweepRun]:
        """The runs that are to end early now."""
        self._start()
        if self._stop_rule is not None:
            return self._stop_rule(self.sweep_config, list(self._runs))
        if "early_terminate" not in self.sweep_config:
            return []
        from steelyard.sdk.sweeps.local_search import find_stops

        return find_stops(self._problem(), self._runs)

    def stop_runs(self, runs: Sequence[SweepRun]) -> None:
        """Ask these runs to end."""
        names = sorted({run.name for run in runs if run.name is not None})
        self._controller["earlystop"] = names
        self._actions.append(f"stop ({', '.join(names)})")
        self._write()

    # ---- what it prints

    def print_status(self) -> None:
        """One line on the sweep and its runs, when it has changed."""
        counts: dict[str, int] = {}
        for run in self._runs:
            counts[run.state] = counts.get(run.state, 0) + 1
        said = ", ".join(f"{state}: {count}" for state, count in sorted(counts.items()))
        state = str(self._found.get("state", "")).lower()
        line = f"sweep {self.sweep_id} is {state}; runs: {len(self._runs)}"
        line += f" ({said})" if said else ""
        if line != self._status:
            self._status = line
            terminal.say(line)

    def print_actions(self) -> None:
        """What was scheduled and stopped since the last call."""
        for action in self._actions:
            terminal.say(action)
        self._actions = []

    def print_debug(self) -> None:
        """Why runs were stopped."""
        for run in self._runs:
            if run.early_terminate_info:
                terminal.say(f"{run.name}: {run.early_terminate_info}")

    def print_space(self) -> None:
        """What is searched."""
        for name, said in self.sweep_config.get("parameters", {}).items():
            terminal.say(f"{name}: {said}")

    def print_summary(self) -> None:
        """Every run with its configuration and summary."""
        for run in self._runs:
            terminal.say(f"{run.name} ({run.state}): {describe_args(run.config)}")

    # ---- the server

    def _start(self) -> None:
        """Raises UsageError for a sweep that is not made, or that the server searches."""
        if self._is_started:
            return
        if self._path is None:
            raise UsageError("there is no sweep yet; call create(), or name one")
        self._read()
        given = self.sweep_config.get("controller")
        kind = given.get("type") if isinstance(given, Mapping) else None
        if kind != "local" and self.sweep_config.get("method") != "custom":
            raise UsageError(
                f"the sweep {self._path} is searched by the server; a controller needs "
                "controller: {type: local} in its configuration"
            )
        self._is_started = True
        self._controller = {}

    def _read(self) -> None:
        assert self._path is not None
        if self._server is None:
            self._server = Server(open_server())
        metric = find_metric(self.sweep_config)
        keys = ["_step", metric] if metric else ["_step"]
        specs = [json.dumps({"keys": keys, "samples": SAMPLES})]
        runs: list[SweepRun] = []
        cursor: str | None = None
        while True:
            found = self._server.read_project(
                SWEEP,
                self._path.entity or "",
                self._path.project or "",
                sweep=self._path.sweep,
                specs=specs,
                after=cursor,
                first=PAGE_RUNS,
            )["sweep"]
            if found is None:
                raise SweepNotFound(str(self._path))
            page = found.pop("runs")
            runs += [read_run(edge["node"]) for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"] or not page["edges"]:
                break
            cursor = page["edges"][-1]["cursor"]
        self._found, self._runs = found, runs

    def _waiting(self) -> bool:
        """Something that was scheduled has not begun."""
        scheduled = parse_object(self._found.get("scheduler")).get("scheduled") or []
        names = {run.name for run in self._runs}
        begun = {each.get("id") for each in scheduled if each.get("runid") in names}
        left = [each for each in self._controller.get("schedule", ()) if each["id"] not in begun]
        self._controller["schedule"] = left
        return bool(left)

    def _write(self) -> None:
        assert self._server is not None
        content = {"id": self._found["id"], "controller": json.dumps(self._controller)}
        answer = self._server.change(WRITE, input=content)
        self._found["state"] = answer["upsertSweep"]["sweep"]["state"]

    def _problem(self) -> Problem:
        from steelyard.search.config import read_config

        problem, found = read_config(str(self._found["config"]))
        if problem is None:
            raise UsageError(f"the sweep's configuration cannot be searched: {found[0]}")
        return problem

    def _seed(self) -> int:
        """The same for a sweep, whoever controls it."""
        return int.from_bytes(str(self.sweep_id).encode()[-4:], "big") % 2**31
