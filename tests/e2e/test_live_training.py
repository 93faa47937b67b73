"""A script logs while somebody watches."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import Product, Visitor
from tests.support.browser import Target
from tests.support.installed_wheel import ROOT
from tests.support.official_client import OfficialClient, kill_group
from tests.support.run_reader import RunReader

# Logs ten rows each time the file that it waits for is there.
WATCHED = """
import sys, time, wandb
from pathlib import Path
with wandb.init(id="watched", name="brisk-start") as run:
    for part in (0, 1):
        while part and not Path(sys.argv[1]).exists():
            time.sleep(0.05)
        for step in range(part * 10, part * 10 + 10):
            run.log({"loss": 1 / (step + 3), "odd": float("nan") if step == 4 else step * 1.5})
"""
EPOCHS = 20


def test_a_new_project_turns_into_a_live_chart_with_the_logged_numbers(
    product: Product, client: OfficialClient, project: str, visitor: Visitor, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    page = visitor()
    page.allowed.append("404 (Not Found)")
    page.goto(f"/{product.entity}/{project}")
    page.at("heading", f"No project {product.entity}/{project} yet").see()
    page.at("text", f"/wandb login --host={product.server.base_url}/").see()
    page.evaluate("window.wasNotReloaded = true")

    script = client.start_script(WATCHED, str(go))
    try:
        loss = page.at("figure", "/^loss, 1 run, up to step 9, /").see()
        loss.at("button", "View as table").click()
        assert page.at("region", "loss, table").at("table").rows == [
            ["Run", "Last", "Last step", "Min", "Max", "Points"],
            ["brisk-start", six(1 / 12), "9", six(1 / 12), six(1 / 3), "10"],
        ]
        page.at("list", "Runs").at("listitem").wait_for_text("running")
        page.at("status").wait_for_text("live")
        assert page.at("figure", "/^odd, /").text.splitlines()[:2] == ["odd", "1 NaN/Inf"]

        go.touch()
        page.at("figure", "/^loss, 1 run, up to step 19, /").see()
        assert page.at("region", "loss, table").at("table").rows[1:] == [
            ["brisk-start", six(1 / 22), "19", six(1 / 22), six(1 / 3), "20"],
        ]
        output, _ = script.communicate(timeout=120)
    finally:
        kill_group(script)
        script.wait()
    assert script.returncode == 0, output
    page.at("list", "Runs").at("listitem").wait_for_text("finished")
    assert page.evaluate("window.wasNotReloaded") is True


def test_the_read_out_of_a_chart_says_what_was_logged(visitor: Visitor, charted: str) -> None:
    page = visitor()
    page.goto(charted)
    chart = page.at("figure", "/^eval/acc, 3 runs, up to step 19, lowest 0.51 brisk-1$/").see()
    reader = chart.at("slider", "Read values of eval/acc")
    reader.press("End")
    assert read_out(reader) == ["brisk-1 0.89", "brisk-2 0.9", "brisk-3 0.91", "step 19"]
    reader.press("Home")
    assert read_out(reader) == ["brisk-1 0.51", "brisk-2 0.52", "brisk-3 0.53", "step 0"]


def test_a_training_of_twenty_epochs_is_on_its_page_as_it_was(
    product: Product,
    client: OfficialClient,
    runs: RunReader,
    project: str,
    visitor: Visitor,
    tmp_path: Path,
) -> None:
    """scikit-learn's digits by the example of the repository, which knows nothing of Steelyard."""
    client.run_script(
        ROOT / "examples/train_sklearn.py",
        *("--epochs", str(EPOCHS), "--project", project, "--name", "sgd"),
        WANDB__SYSTEM_METRICS_INTERVAL="1",
    )
    run = runs.get_only_run()
    rows = runs.list_history(run["name"])
    page = visitor()
    page.goto(f"/{product.entity}/{project}/runs/{run['name']}")

    page.at("heading", "sgd").see()
    # The example asks for the best accuracy; of all else the last value is the summary.
    best = max(row["valid/accuracy"] for row in rows)
    summary = page.at("table", "Summary")
    for value in (rows[-1]["train/loss"], rows[-1]["valid/loss"], best):
        exact = summary.at("text", six(value)).attribute("title")
        assert exact is not None
        assert float(exact) == value
    assert ["epoch", str(EPOCHS - 1)] in summary.rows
    config = dict(row for row in page.at("table", "Config").rows if len(row) == 2)
    assert config["epochs"] == "20"
    assert config["learning_rate"] == "0.001"
    assert config["kind"] == "SGDClassifier"
    assert page.at("list", "Tags").at("listitem").texts == ["digits", "scikit-learn"]

    page.at("navigation", "Views of the run").at("link", "Charts").click()
    page.at("figure", "/^valid/accuracy, 1 run, up to step 19/").see()

    page.at("link", "System").click()
    page.at("figure", "/^.*cpu.*, 1 run/").see()

    page.at("link", "/^Logs/").click()
    log = page.at("region", "Console output")
    log.wait_for_text("epoch 19: accuracy")
    assert log.text.count("accuracy") == EPOCHS

    page.at("link", "Files").click()
    page.at("button", "requirements.txt").click()
    page.at("region", "Preview of requirements.txt").wait_for_text("scikit-learn==")
    saved = page.at("link", "Download requirements.txt").download(tmp_path / "requirements.txt")
    stored = runs.list_files(run["name"])["requirements.txt"]
    assert len(saved) == stored
    assert saved == next(client.home.glob("wandb/run-*/files/requirements.txt")).read_bytes()


def read_out(reader: Target) -> list[str]:
    """What a chart says aloud, in an order of its own."""
    return sorted((reader.attribute("aria-valuetext") or "").split(", "))


def six(value: float) -> str:
    """As charts write a value: six significant digits."""
    return f"{value:.6g}"
