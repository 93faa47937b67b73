"""Sweeps as scripts read them: state, runs, the best of them, agents; and waiting for the end."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import NotOnServer, Unavailable, UsageError
from steelyard.sdk import terminal
from steelyard.sdk.api.attributes import Attributes, frame_html
from steelyard.sdk.api.pages import Pages, SizedPages
from steelyard.sdk.api.run import Run
from steelyard.sdk.api.run_documents import LIGHT_FIELDS
from steelyard.sdk.api.runs import Runs

if TYPE_CHECKING:
    from steelyard.sdk.api.server import Server
    from steelyard.sdk.sweeps.create import State

FIELDS: Final = """id name displayName description state method bestLoss config createdAt updatedAt
  runCount runCountExpected"""
SWEEP: Final = f"""query SteelyardSweep($entity: String!, $project: String!, $sweep: String!) {{
  project(name: $project, entityName: $entity) {{ sweep(sweepName: $sweep) {{ {FIELDS} }} }}
}}"""
SWEEPS: Final = f"""query SteelyardSweeps($entity: String!, $project: String!,
  $filters: JSONString, $after: String, $first: Int) {{
  project(name: $project, entityName: $entity) {{ totalSweeps
    sweeps(filters: $filters, after: $after, first: $first) {{
      pageInfo {{ hasNextPage }} edges {{ cursor node {{ {FIELDS} }} }} }} }}
}}"""
AGENT_FIELDS: Final = "id name host state totalRuns createdAt heartbeatAt"
AGENTS: Final = f"""query SteelyardAgents($entity: String!, $project: String!, $sweep: String!,
  $after: String) {{
  project(name: $project, entityName: $entity) {{ sweep(sweepName: $sweep) {{
    agents(after: $after, first: 100) {{
      pageInfo {{ hasNextPage }} edges {{ cursor node {{ {AGENT_FIELDS} }} }} }} }} }}
}}"""
AGENT: Final = f"""query SteelyardAgent($entity: String!, $project: String!, $sweep: String!,
  $agent: String!) {{
  project(name: $project, entityName: $entity) {{ sweep(sweepName: $sweep) {{
    agent(agentName: $agent) {{ {AGENT_FIELDS} }} }} }}
}}"""
AGENT_RUNS: Final = (
    """query SteelyardAgentRuns($entity: String!, $project: String!, $sweep: String!,
  $agent: String!, $order: String, $after: String, $first: Int) {
  project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) {
    agent(agentName: $agent) { runs(after: $after, first: $first, order: $order) {
      pageInfo { hasNextPage } edges { cursor node { ...RunFields } } } } } }
}
"""
    + LIGHT_FIELDS
)
ENQUEUE: Final = """mutation SteelyardEnqueue($input: EnqueueSweepRunInput!) {
  enqueueSweepRun(input: $input) { id }
}"""
ENDED: Final = ("FINISHED", "CANCELED", "CRASHED")
POLL_S: Final = 2.0
PER_PAGE: Final = 50
_PREFIXES: Final = ("summary_metrics.", "config.", "summary.")


class Sweep(Attributes):
    """A sweep of a project. Facts of the server are attributes in either spelling.

    Raises NotOnServer where there is no such sweep.
    """

    def __init__(
        self,
        server: Server,
        entity: str,
        project: str,
        sweep_id: str,
        attrs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(dict(attrs or {}))
        self._server = server
        self._entity = entity
        self.project: str = project
        self.id: str = sweep_id
        self.load(force=not attrs)

    def __repr__(self) -> str:
        return f"<Sweep {'/'.join(self.path)} ({self.state})>"

    def load(self, force: bool = False) -> dict[str, Any]:
        """Its facts, read anew with `force`."""
        if force or not self._attrs:
            found = self._server.read_project(SWEEP, self._entity, self.project, sweep=self.id)[
                "sweep"
            ]
            if found is None:
                raise NotOnServer(
                    f"no sweep {self._entity}/{self.project}/{self.id}, or you may not see it"
                )
            self._attrs = {**self._attrs, **found}
        return self._attrs

    # ---- what it is

    @property
    def entity(self) -> str:
        return self._entity

    @property
    def username(self) -> str:
        """Deprecated in wandb for `entity`."""
        return self._entity

    @property
    def path(self) -> list[str]:
        """Entity, project and id."""
        return [self._entity, self.project, self.id]

    @property
    def url(self) -> str:
        """Its page in the UI."""
        return self._server.page_url(self._entity, self.project, "sweeps", self.id)

    @property
    def name(self) -> str:
        """What people call it: as they renamed it, as its configuration says, else its id."""
        return str(self._attrs.get("displayName") or self.config.get("name") or self.id)

    @property
    def state(self) -> str:
        """PENDING, RUNNING, PAUSED, FINISHED or CANCELED, as of the last `load`."""
        return str(self._attrs["state"])

    @property
    def config(self) -> dict[str, Any]:
        """Its configuration."""
        from steelyard.sdk.sweeps.server_queue import read_yaml_map

        return read_yaml_map(str(self._attrs["config"]))

    @property
    def expected_run_count(self) -> int | None:
        """How many runs there will be; None where that is open."""
        found: int | None = self._attrs.get("runCountExpected")
        return found

    @property
    def order(self) -> str | None:
        """How `runs` are ordered from the best on; None without a metric."""
        metric = self.config.get("metric")
        if not isinstance(metric, Mapping) or not metric.get("name"):
            return None
        sign = "-" if metric.get("goal", "minimize") == "maximize" else "+"
        return f"{sign}summary_metrics.{metric['name']}"

    # ---- runs

    @property
    def runs(self) -> Runs:
        """Its runs, oldest first, read page by page."""
        return self._list_runs("+created_at", PER_PAGE)

    def _list_runs(self, order: str, per_page: int) -> Runs:
        filters = {"$and": [{"sweep": self.id}]}
        return Runs(self._server, self._entity, self.project, filters, order, per_page=per_page)

    def best_run(self, order: str | None = None) -> Run | None:
        """The best run by the metric of the configuration, or by `order`; None without runs.

        `order`: `[+-]FIELD` such as "-summary_metrics.acc"; + has the smallest first. A formula of
        several metrics, and the first of `metrics:`, go by the values that the server computed.
        """
        if order is None and self._is_valued_by_server():
            return self._best_by_value()
        chosen = self.order if order is None else _full_order(order)
        if chosen is None:
            terminal.termwarn(f"the sweep {self.id} has no metric: this is its latest run")
            chosen = "-created_at"
        for run in self._list_runs(chosen, 1):
            return run
        return None

    def _is_valued_by_server(self) -> bool:
        config = self.config
        metric = config.get("metric")
        has_formula = isinstance(metric, Mapping) and "expression" in metric
        return has_formula or ("metrics" in config and not metric)

    def _best_by_value(self) -> Run | None:
        detail = self._server.remote.read(self._place())
        sign = -1.0 if detail["metrics"][0]["goal"] == "maximize" else 1.0
        trials = [
            trial
            for trial in self._server.remote.list_pages(f"{self._place()}/trials")
            if trial["values"] and trial["values"][0] is not None
        ]
        if not trials:
            return None
        best = min(trials, key=lambda trial: sign * float(trial["values"][0]))
        return Run(self._server, self._entity, self.project, best["run"], lazy=False)

    def _place(self) -> str:
        from steelyard.sdk.sweeps.places import SweepPath, sweep_place

        return sweep_place(SweepPath(self._entity, self.project, self.id))

    def wait(self, timeout: float | None = None, polling_interval: float = POLL_S) -> Run | None:
        """Wait until the sweep has an end, and return its best run.

        A paused sweep is waited for: it may go on. A server that is away for a while is asked
        again. Raises TimeoutError after `timeout` seconds.
        """
        if polling_interval <= 0:
            raise UsageError(f"polling_interval is above 0, not {polling_interval!r}")
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                self.load(force=True)
            except NotOnServer:
                raise
            except Unavailable as error:
                terminal.termwarn(f"the sweep cannot be asked: {error}; asking again", repeat=False)
            if self.state in ENDED:
                return self.best_run()
            rest_s = polling_interval if deadline is None else deadline - time.monotonic()
            if rest_s <= 0:
                raise TimeoutError(
                    f"the sweep {'/'.join(self.path)} is {self.state.lower()} after {timeout:g} s"
                )
            time.sleep(min(polling_interval, rest_s))

    # ---- steering

    def pause(self) -> None:
        """Begin no new runs until `resume`."""
        self._set_state("paused")

    def resume(self) -> None:
        """Go on."""
        self._set_state("running")

    def stop(self) -> None:
        """Let the runs at work end, and finish."""
        self._set_state("finished")

    def cancel(self) -> None:
        """Stop its runs, and end."""
        self._set_state("canceled")

    def enqueue_run(self, config: Mapping[str, Any], display_name: str | None = None) -> str:
        """Have the next free agent run this configuration; the id that its run will have.

        `config`: values by parameter, nested as in the sweep's own configuration.
        """
        args = {
            name: value if isinstance(value, Mapping) and "value" in value else {"value": value}
            for name, value in config.items()
        }
        content = {"id": self._attrs["id"], "config": json.dumps(args), "displayName": display_name}
        return str(self._server.change(ENQUEUE, input=content)["enqueueSweepRun"]["id"])

    def _set_state(self, state: State) -> None:
        """Raises Conflict for what cannot follow its state, Forbidden for viewers."""
        self._server.connection.call("PATCH", self._place(), content={"state": state})
        self.load(force=True)

    # ---- agents

    def agents(self) -> list[Agent]:
        """Every agent that ever worked for it."""
        found: list[Agent] = []
        cursor: str | None = None
        while True:
            page = self._server.read_project(
                AGENTS, self._entity, self.project, sweep=self.id, after=cursor
            )["sweep"]["agents"]
            found += [Agent(self, edge["node"]) for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"] or not page["edges"]:
                return found
            cursor = page["edges"][-1]["cursor"]

    def agent(self, agent_id: str) -> Agent:
        """One agent by its name or id. Raises NotOnServer."""
        sweep = self._server.read_project(
            AGENT, self._entity, self.project, sweep=self.id, agent=agent_id
        )["sweep"]
        if sweep is None or sweep["agent"] is None:
            raise NotOnServer(f"the sweep {'/'.join(self.path)} has no agent {agent_id!r}")
        return Agent(self, sweep["agent"])

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """Its page, in a frame of so many pixels."""
        return frame_html(self.url, height=height, hidden=hidden, what="sweep")

    def _repr_html_(self) -> str:
        return self.to_html()


class Agent(Attributes):
    """A process that works, or worked, for a sweep."""

    def __init__(self, sweep: Sweep, attrs: Mapping[str, Any]) -> None:
        super().__init__(dict(attrs))
        self.sweep: Sweep = sweep

    def __repr__(self) -> str:
        return f"<Agent {self._attrs['name']} on {self._attrs.get('host')}>"

    def runs(self, order: str = "+created_at", per_page: int = PER_PAGE) -> AgentRuns:
        """The runs that it was the last to get; ordered by created_at, + or -."""
        return AgentRuns(self, order, per_page)


class AgentRuns(Pages[Run]):
    """The runs of one agent."""

    def __init__(self, agent: Agent, order: str, per_page: int) -> None:
        super().__init__(per_page)
        self._agent = agent
        self._order = order

    def _read_page(self, cursor: str | None) -> dict[str, Any]:
        sweep = self._agent.sweep
        found = sweep._server.read_project(
            AGENT_RUNS,
            sweep.entity,
            sweep.project,
            sweep=sweep.id,
            agent=self._agent.name,
            order=self._order,
            after=cursor,
            first=self.per_page,
        )
        page: dict[str, Any] = found["sweep"]["agent"]["runs"]
        return page

    def _convert(self, edge: dict[str, Any]) -> Run | None:
        sweep, node = self._agent.sweep, edge["node"]
        return Run(sweep._server, sweep.entity, sweep.project, node["name"], node)


class Sweeps(SizedPages[Sweep]):
    """The sweeps of a project, newest first.

    `filters` is a filter of MongoDB's form over name, display_name, state, method, created_at, ….
    """

    def __init__(
        self,
        server: Server,
        entity: str,
        project: str,
        filters: Mapping[str, Any] | None = None,
        per_page: int = PER_PAGE,
    ) -> None:
        super().__init__(per_page)
        self._server = server
        self.entity: str = entity
        self.project: str = project
        self._filter_text = json.dumps(dict(filters)) if filters else None

    def __repr__(self) -> str:
        return f"<Sweeps {self.entity}/{self.project}>"

    def _read_page(self, cursor: str | None) -> dict[str, Any]:
        found = self._server.read_project(
            SWEEPS,
            self.entity,
            self.project,
            filters=self._filter_text,
            after=cursor,
            first=self.per_page,
        )
        page: dict[str, Any] = found["sweeps"]
        total = None if self._filter_text else found["totalSweeps"]
        return {**page, "totalCount": total}

    def _convert(self, edge: dict[str, Any]) -> Sweep | None:
        node = edge["node"]
        return Sweep(self._server, self.entity, self.project, node["name"], node)


def _full_order(order: str) -> str:
    """`[+-]FIELD` with what FIELD is of; a bare metric is one of the summary.

    wandb 0.31.0 apis/public/query_generator.py format_order_key.
    """
    sign, name = (order[0], order[1:]) if order[:1] in "+-" and order else ("+", order)
    is_full = name.startswith(_PREFIXES) or name in ("created_at", "heartbeat_at", "name", "state")
    return f"{sign}{name}" if is_full else f"{sign}summary_metrics.{name}"
