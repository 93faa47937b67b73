"""The page of a sweep, as people meet it: trials counted, brushed, narrowed; the sweep paused."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.e2e.conftest import Product, Visitor

CONFIG = """\
# Which learning rate, and which optimizer?
name: finding the rate
method: grid
metric: {name: loss, goal: minimize}
parameters:
  lr: {values: [0.1, 0.2, 0.3]}
  optimizer: {values: [adam, sgd]}
"""
UPSERT = """mutation U($name: String, $project: String, $sweep: String, $summary: JSONString) {
    upsertBucket(
        input: {name: $name, modelName: $project, sweep: $sweep, summaryMetrics: $summary}
    ) { bucket { id } }
}"""


@pytest.fixture(scope="module")
def swept(product: Product) -> str:
    """The address of a sweep: five of its six trials have ended, one of them failed."""
    server, project = product.server, f"swept-{uuid.uuid4().hex[:8]}"
    sweeps = f"/api/v1/{product.entity}/{project}/sweeps"
    sweep = server.call("POST", sweeps, content={"config": CONFIG})["name"]
    agent = server.call("POST", f"{sweeps}/{sweep}/agents", content={"host": "here"})["name"]
    ask = f"{sweeps}/{sweep}/agents/{agent}/next"
    for place in range(6):
        [command] = server.call("POST", ask, content={})["commands"]
        lr = command["args"]["lr"]["value"]
        run = {"name": command["run_id"], "project": project, "sweep": sweep}
        server.graphql(UPSERT, **run, summary=json.dumps({"loss": lr + place / 100}))
        if place < 5:
            stream = f"/files/{product.entity}/{project}/{command['run_id']}/file_stream"
            done = {"complete": True, "exitcode": 1 if place == 0 else 0}
            server.call("POST", stream, content=done)
    server.call("POST", ask, content={"running": [command["run_id"]]})
    return f"/{product.entity}/{project}/sweeps/{sweep}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_trials_are_counted_brushed_and_fine_with_axe(
    visitor: Visitor, swept: str, scheme: str
) -> None:
    page = visitor(scheme=scheme)
    page.goto(swept.rpartition("/sweeps/")[0])
    page.at("navigation", "Views of the project").at("link", "Sweeps").click()
    page.at("table", "Sweeps").at("link", "finding the rate").see()
    assert "\n".join(page.find_accessibility_problems()) == ""
    page.at("link", "finding the rate").click()
    page.at("figure", "Parallel coordinates of 6 trials over lr, optimizer, loss").see()
    page.at("list", "Counted trials").wait_for_text("4 complete.*1 failed.*1 running")
    page.at("figure", "/^Best loss so far against trials that ended/").see()
    page.at("button", "Axis optimizer").click()
    page.at("menuitem", "Choose ranges…").click()
    page.at("dialog", "Ranges of optimizer").at("label", "adam").click()
    assert "\n".join(page.find_accessibility_problems()) == ""
    page.at("button", "Done").click()
    page.at("text", "3 of 6 trials selected").see()
    page.at("region", "Selected trials").wait_for_text("^Selected trials3")
    page.wait_for_address(
        r"brush=parameter%3Aoptimizer%7E0\.\.0|brush=parameter%3Aoptimizer~0\.\.0"
    )
    assert "\n".join(page.find_accessibility_problems()) == ""
    page.reload()
    page.at("text", "3 of 6 trials selected").see()


def test_a_space_is_narrowed_to_what_is_brushed_and_a_sweep_is_paused(
    visitor: Visitor, swept: str
) -> None:
    page = visitor()
    page.goto(f"{swept}?brush=parameter:optimizer~0..0")
    page.at("button", "Narrow the space to this").click()
    dialog = page.at("dialog", "Edit what is searched")
    dialog.at("region", "What changes").wait_for_text(r"optimizer: \{values: \[adam\]\}")
    dialog.wait_for_text("This can be searched: 3 trials in all")
    assert "\n".join(page.find_accessibility_problems()) == ""
    dialog.at("label", "Configuration").fill("method: bayes\nparameters: {lr: {min: 3, max: 1}}\n")
    dialog.wait_for_text("This cannot be searched")
    dialog.at("list", "Remarks").wait_for_text(r"parameters\.lr.*line 2")
    dialog.at("button", "Leave it as it is").click()
    page.at("button", "Pause").click()
    page.at("dialog", "Pause this sweep?").wait_for_text("The running trial goes on to its end")
    page.at("dialog", "Pause this sweep?").at("button", "Pause").click()
    page.at("button", "Resume").see()
    page.at("text", "/^paused$/").see()
