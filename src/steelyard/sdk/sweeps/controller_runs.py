"""What a controller reads of a sweep and its runs, and what it writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from steelyard.sdk.api.attributes import parse_object

SAMPLES: Final = 100_000
PAGE_RUNS: Final = 500
SWEEP: Final = """query SteelyardController($entity: String!, $project: String!, $sweep: String!,
  $specs: [JSONString!]!, $after: String, $first: Int) {
  project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) {
    id name state config controller scheduler
    runs(after: $after, first: $first) { pageInfo { hasNextPage } edges { cursor node {
      name state config summaryMetrics shouldStop stopped sampledHistory(specs: $specs) } } } } }
}"""
STATE: Final = """query SteelyardSweepState($entity: String!, $project: String!, $sweep: String!) {
  project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) { state } }
}"""
WRITE: Final = """mutation SteelyardControllerStep($input: UpsertSweepInput!) {
  upsertSweep(input: $input) { sweep { id state } }
}"""


class SweepRun(msgspec.Struct, kw_only=True):
    """A run of a sweep as a controller sees it; made by a search, only `config` counts:
    {parameter: {"value": …}}."""

    config: dict[str, Any]
    name: str | None = None
    state: str = "pending"
    summary_metrics: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    stopped: bool = False
    should_stop: bool = False
    early_terminate_info: dict[str, Any] | None = None


def find_metric(config: Mapping[str, Any]) -> str | None:
    metric = config.get("metric")
    name = metric.get("name") if isinstance(metric, Mapping) else None
    return name if isinstance(name, str) else None


def read_run(node: Mapping[str, Any]) -> SweepRun:
    sampled = node.get("sampledHistory") or []
    return SweepRun(
        name=str(node["name"]),
        state=str(node["state"]),
        config={
            key: value if isinstance(value, dict) and "value" in value else {"value": value}
            for key, value in parse_object(node.get("config")).items()
            if key not in ("_wandb", "wandb_version")
        },
        summary_metrics=parse_object(node.get("summaryMetrics")),
        history=[dict(row) for rows in sampled for row in rows],
        stopped=bool(node.get("stopped")),
        should_stop=bool(node.get("shouldStop")),
    )


def read_args(run: Any) -> dict[str, Any]:
    """{parameter: {"value": …}} of what a search gave: ours, wandb's `sweeps.SweepRun`, a dict."""
    config = run.get("config", run) if isinstance(run, Mapping) else run.config
    return {
        str(key): value if isinstance(value, Mapping) and "value" in value else {"value": value}
        for key, value in dict(config).items()
    }


def describe_args(args: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key}={value['value'] if isinstance(value, Mapping) and 'value' in value else value}"
        for key, value in sorted(args.items())
    )
