"""What one does to a run on its page."""

from __future__ import annotations

import json

from tests.e2e.conftest import Product, Visitor
from tests.support.official_client import OfficialClient, kill_group
from tests.support.run_reader import RunReader

SHORT = "import wandb\nwith wandb.init(id='r', name='short') as run: run.log({'loss': 1})"
ENDLESS = """
import itertools, time, wandb
run = wandb.init(id="r", name="endless")
for step in itertools.count():
    run.log({"step": step})
    time.sleep(0.1)
"""

# Would each run, load or draw something if it ever were taken for markup.
ODD_TEXTS = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(2)</script>",
    "</title></textarea><svg onload=alert(3)>",
    "[click](javascript:alert(4)) ![x](http://example.org/x.png) **bold**",
    "{{constructor.constructor('alert(5)')()}} ${alert(6)} &lt;b&gt; \u202e 名前",
]


def test_a_run_is_renamed_tagged_and_described(
    product: Product, client: OfficialClient, runs: RunReader, project: str, visitor: Visitor
) -> None:
    client.run_script(SHORT)
    page = visitor()
    page.goto(f"/{product.entity}/{project}/runs/r/overview")
    page.at("button", "Edit: Name of the run").click()
    page.at("textbox", "Name of the run").fill("a better name")
    page.press("Enter")
    page.at("heading", "a better name").see()
    page.at("text", "Name saved.").see()

    page.at("button", "Add tag").click()
    page.at("textbox", "New tag").fill("baseline")
    page.press("Enter")
    page.at("button", "Remove tag baseline").see()
    page.at("text", "Tags saved.").see()

    page.at("button", "Edit notes").click()
    page.at("textbox", "Notes").fill("Worth keeping.\n*Not* markup.")
    page.at("button", "Save").click()
    page.at("region", "Notes").wait_for_text(r"Worth keeping\.\s\*Not\* markup\.")
    page.at("text", "Notes saved.").see()

    run = runs.get_run("r")
    assert (run["display_name"], run["tags"]) == ("a better name", ["baseline"])
    assert run["notes"] == "Worth keeping.\n*Not* markup."
    other = visitor()
    other.goto(f"/{product.entity}/{project}/runs/r/overview")
    other.at("heading", "a better name").see()
    other.at("button", "Remove tag baseline").see()


def test_a_refused_change_is_taken_back_and_said(
    product: Product, client: OfficialClient, project: str, visitor: Visitor
) -> None:
    client.run_script(SHORT)
    page = visitor()
    page.goto(f"/{product.entity}/{project}/runs/r/overview")
    page.at("heading", "short").see()
    product.server.call("DELETE", f"/api/v1/{product.entity}/{project}/runs/r")
    page.allowed.append("404 (Not Found)")
    page.at("button", "Edit: Name of the run").click()
    page.at("textbox", "Name of the run").fill("too late")
    page.press("Enter")
    page.at("text", "/^Not saved: /").see()
    page.at("heading", "too late").vanish()
    page.reload()
    page.at("heading", "There is no such run here").see()
    page.at("link", "Go to the project").click()
    page.at("heading", f"Log the first run of {project}").see()


def test_stop_ends_the_script_of_the_official_client(
    product: Product, client: OfficialClient, runs: RunReader, project: str, visitor: Visitor
) -> None:
    page = visitor()
    script = client.start_script(ENDLESS)
    try:
        runs.wait_for("r", lambda run: run["history_row_count"] > 0)
        page.goto(f"/{product.entity}/{project}/runs/r/overview")
        page.at("button", "Stop").click()
        page.at("button", "Stopping").see()
        output, _ = script.communicate(timeout=120)
    finally:
        kill_group(script)
        script.wait()
    assert script.returncode != 0
    assert "KeyboardInterrupt" in output
    page.at("button", "Stopping").vanish()
    assert runs.get_run("r")["state"] == "killed"


def test_a_deleted_run_is_gone_with_its_project_back_at_the_beginning(
    product: Product, client: OfficialClient, runs: RunReader, project: str, visitor: Visitor
) -> None:
    client.run_script(SHORT)
    page = visitor()
    page.goto(f"/{product.entity}/{project}/runs/r/overview")
    page.at("button", "More actions").click()
    page.at("menuitem", "Delete run").click()
    page.at("dialog", "Delete this run?").at("button", "Cancel").click()
    page.at("heading", "short").see()
    page.at("button", "More actions").click()
    page.at("menuitem", "Delete run").click()
    page.at("dialog", "Delete this run?").at("button", "Delete the run").click()
    page.at("heading", f"Log the first run of {project}").see()
    assert runs.list_runs() == []


def test_markup_in_what_scripts_log_is_shown_as_text(
    product: Product, client: OfficialClient, project: str, visitor: Visitor
) -> None:
    """A browser that took any of it for markup would open a dialog or leave the server, and the
    end of the visit would say so."""
    client.run_script(
        "import json, os, wandb\n"
        "odd = json.loads(os.environ['ODD'])\n"
        "with wandb.init(id='r', name=odd[0], notes='\\n'.join(odd), tags=[odd[1][:60]],\n"
        "        group=odd[2], config={'text': odd, odd[0]: {odd[1]: odd[2]}}) as run:\n"
        "    run.log({'loss': 1, odd[0]: 2, 'text': odd[3]})\n"
        "    for text in odd: print(text)\n",
        ODD=json.dumps(ODD_TEXTS),
    )
    page = visitor()
    page.goto(f"/{product.entity}/{project}")
    page.at("link", ODD_TEXTS[0]).see()
    page.at("figure", f"{ODD_TEXTS[0]}, 1 run, up to step 0, lowest 2 {ODD_TEXTS[0]}").see()
    page.at("figure", "/^loss, /").at("slider").hover(0.5, 0.5)

    page.at("link", ODD_TEXTS[0]).click()
    page.at("heading", ODD_TEXTS[0]).see()
    assert page.do("title") == f"{ODD_TEXTS[0]} · {project} · Steelyard"
    page.at("button", f"Remove tag {ODD_TEXTS[1][:60]}").see()
    notes = page.at("region", "Notes").text
    config = page.at("table", "Config").text
    for text in ODD_TEXTS:
        assert text in notes
        assert text in config or json.dumps(text, ensure_ascii=False)[1:-1] in config
    assert ODD_TEXTS[3] in page.at("table", "Summary").text

    page.at("link", "/^Logs/").click()
    log = page.at("region", "Console output")
    log.wait_for_text("名前")
    assert [text for text in ODD_TEXTS if text not in log.text] == []
    assert page.evaluate("document.querySelectorAll('main img, main script').length") == 0
