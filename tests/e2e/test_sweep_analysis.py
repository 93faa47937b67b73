"""What a sweep has taught, in a browser: every panel is filled, linked, and fine with axe."""

from __future__ import annotations

import json
import re
import uuid

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.e2e.conftest import Product, Visitor

CONFIG = """
method: random
name: {name}
metrics:
  - {{name: accuracy, goal: maximize}}
  - {{name: latency, goal: minimize}}
parameters:
  lr: {{min: 0.00001, max: 0.1, distribution: log_uniform_values}}
  depth: {{values: [2, 4, 8]}}
  optimizer: {{values: [adam, sgd]}}
"""
UPSERT = """mutation U($name: String, $project: String, $sweep: String, $summary: JSONString) {
    upsertBucket(
        input: {name: $name, modelName: $project, sweep: $sweep, summaryMetrics: $summary}
    ) { bucket { id } }
}"""


def make_sweep(server: ThrowawayServer, entity: str, project: str, name: str, runs: int) -> str:
    """A sweep with so many ended runs, by the protocol of agents and runs."""
    sweeps = f"/api/v1/{entity}/{project}/sweeps"
    sweep = server.call("POST", sweeps, content={"config": CONFIG.format(name=name)})["name"]
    if runs == 0:
        return str(sweep)
    agent = server.call("POST", f"{sweeps}/{sweep}/agents", content={"host": "here"})["name"]
    for place in range(runs):
        asked = server.call("POST", f"{sweeps}/{sweep}/agents/{agent}/next", content={})
        [command] = asked["commands"]
        lr, depth = command["args"]["lr"]["value"], command["args"]["depth"]["value"]
        summary = {"accuracy": 0.9 - lr, "latency": depth + place / 100, "size": depth * 10}
        run = {"name": command["run_id"], "project": project, "sweep": sweep}
        server.graphql(UPSERT, **run, summary=json.dumps(summary))
        stream = f"/files/{entity}/{project}/{command['run_id']}/file_stream"
        server.call("POST", stream, content={"complete": True, "exitcode": 0})
    server.call("POST", f"{sweeps}/{sweep}/agents/{agent}/next", content={})
    return str(sweep)


@pytest.fixture(scope="module")
def searched(product: Product) -> tuple[str, str, str]:
    """The address of the sweeps of a project, one with results, and an empty one."""
    project = f"searched-{uuid.uuid4().hex[:8]}"
    full = make_sweep(product.server, product.entity, project, "full", 14)
    empty = make_sweep(product.server, product.entity, project, "empty", 0)
    return f"/{product.entity}/{project}/sweeps", full, empty


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_panel_is_filled_and_fine_with_axe(
    visitor: Visitor, searched: tuple[str, str, str], scheme: str
) -> None:
    sweeps, full, empty = searched
    page = visitor(scheme=scheme)
    page.goto(f"{sweeps}/{full}/analysis")
    page.at("region", "Importance of parameters").at("table").see()
    page.at("figure", "/^Slice of accuracy along/").see()
    page.at("figure", "/^Pareto front: latency over accuracy/").see()
    page.at("region", "Pareto front").wait_for_text("Hypervolume")
    page.at("region", "Weigh metrics anew").at("table").see()
    page.at("heading", "Every run goes on to its end").see()
    page.at("region", "Budget and gain").wait_for_text("No limit is set")
    assert "\n".join(page.find_accessibility_problems()) == ""
    page.goto(f"{sweeps}/{full}/analysis?x=lr&y=optimizer&ground=uncertainty")
    page.at("figure", "/^Contour of accuracy over lr and optimizer/").see()
    page.goto(f"{sweeps}/compare?sweep={full}&sweep={empty}")
    page.at("figure", "/^Best so far/").see()
    page.at("figure", "/^Hypervolume/").see()
    assert "\n".join(page.find_accessibility_problems()) == ""
    page.goto(f"{sweeps}/{empty}/analysis")
    page.at("heading", "Nothing to analyse yet").see()
    assert "\n".join(page.find_accessibility_problems()) == ""


def test_weights_reorder_the_trials_and_are_kept_under_a_name(
    visitor: Visitor, searched: tuple[str, str, str]
) -> None:
    sweeps, full, _ = searched
    page = visitor()
    page.goto(f"{sweeps}/{full}/analysis")
    panel = page.at("region", "Weigh metrics anew")
    panel.at("textbox", "Score").fill("1*accuracy - 0.001*size")
    panel.at("slider", "/accuracy/").focus()
    page.press("Home")
    panel.at("button", "Reset weights").see()
    panel.wait_for_text(r"-2")
    panel.at("textbox", "Name of the weighting").fill("small ones")
    panel.at("button", "Save").click()
    page.at("text", "Saved small ones").see()
    page.reload()
    page.at("region", "Weigh metrics anew").at("combobox", "saved").see()
    panel.at("textbox", "Score").fill("1*nothing^2")
    panel.wait_for_text(re.escape("write **"))
