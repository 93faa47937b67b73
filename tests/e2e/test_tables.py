"""Tables and media that the official client logs, as people look into them."""

from __future__ import annotations

import urllib.parse
from pathlib import Path

import pytest

from tests.e2e.conftest import Product, Visitor, make_client
from tests.support.table_files import ask

# Two runs: pictures with boxes and masks at three steps, a chart, and a table of 300 answers, of
# which the second run has better scores for the first hundred.
LOGGED = """
import numpy, wandb
for number in (0, 1):
    with wandb.init(id=f"eval-{number}", name=f"model {number}") as run:
        for step in (0, 10, 20):
            picture = numpy.full((60, 80, 3), 60 + 5 * step, dtype=numpy.uint8)
            mask = numpy.zeros((60, 80), dtype=numpy.uint8)
            mask[10:30, 10:40] = 1
            box = {"position": {"minX": 0.1, "maxX": 0.6, "minY": 0.2, "maxY": 0.7}, "class_id": 1}
            run.log({"samples": [wandb.Image(
                picture, caption=f"sample of step {step}",
                boxes={"found": {"box_data": [box], "class_labels": {1: "cat"}}},
                masks={"truth": {"mask_data": mask, "class_labels": {1: "cat"}}},
            )]}, step=step)
        rows = [
            [i, f"question {i}", None if i == 5 else float("nan") if i == 6
             else i / 300 + (0.01 if number and i < 100 else 0),
             "easy" if i % 3 else "hard", "## Because\\n\\nIt is **so**. " * 4]
            for i in range(300)
        ]
        columns = ["id", "question", "score", "kind", "reason"]
        curve = wandb.Table(columns=["x", "y"], data=[[k, k * k] for k in range(20)])
        run.log({
            "eval/answers": wandb.Table(columns=columns, data=rows),
            "curve": wandb.plot.line(curve, "x", "y", title="Squares"),
        }, step=30)
"""


@pytest.fixture(scope="session")
def logged(product: Product, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a project with two runs that logged media and tables; look, do not change."""
    home = tmp_path_factory.mktemp("tables")
    make_client(home, product.server, "tables").run_script(LOGGED)
    return f"/{product.entity}/tables"


def find_table(product: Product, run: str) -> str:
    """The reference of the run's table."""
    path = f"/api/v1/{product.entity}/tables/media:at"
    found = product.server.call(
        "POST", path, content={"runs": [run], "key": "eval/answers", "step": 100}
    )
    ref: str = found["runs"][0]["items"][0]["table_refs"][0]
    return ref


def table_address(logged: str, ref: str) -> str:
    return f"{logged}/tables/{urllib.parse.quote(ref, safe='')}"


def test_pictures_of_two_runs_are_followed_over_their_steps(logged: str, visitor: Visitor) -> None:
    page = visitor()
    page.goto(logged)
    panel = page.at("region", "samples")
    panel.at("group", "model 0").at("button", "Enlarge sample of step 20").see()
    panel.at("group", "model 1").at("button", "Enlarge sample of step 20").see()
    panel.at("slider", "Step of samples").press("ArrowLeft")
    panel.at("group", "model 1").at("button", "Enlarge sample of step 10").click()
    dialog = page.at("dialog", "sample of step 10")
    dialog.at("img", "sample of step 10").see()
    dialog.wait_for_text("cat")
    page.press("Escape")
    page.at("region", "curve_table").at("figure", "/^Squares: y over x/").see()
    assert page.find_accessibility_problems() == []


def test_a_table_is_filtered_sorted_grouped_and_opened(
    logged: str, product: Product, visitor: Visitor
) -> None:
    page = visitor(scheme="dark")
    page.goto(table_address(logged, find_table(product, "eval-0")))
    page.at("text", "300 rows").see()
    page.at("button", "Filter").click()
    form = page.at("form", "New filter")
    form.at("label", "Column").do("select", option="score")
    form.at("label", "Condition").do("select", option=">=")
    form.at("label", "Value").fill("0.5")
    form.at("button", "Apply").click()
    page.at("text", "150 of 300 rows").see()
    page.at("button", "score").click()
    page.at("button", "score").click()
    page.at("row", "/^Open row 299/").see()
    page.at("button", "Open row 299").click()
    row = page.at("complementary", "Row in full")
    row.wait_for_text("question 299")
    row.at("button", "Show as plain text").see()
    assert page.find_accessibility_problems() == []
    page.press("Escape")

    page.at("button", "Column kind").click()
    page.at("menuitem", "Group by it").click()
    groups = page.at("grid", "/^Groups of /")
    groups.at("row", "/easy 100/").see()
    groups.at("button", "Show the rows of group 2").click()
    page.at("text", "50 of 300 rows").see()
    page.wait_for_address("from=kind")
    page.reload()
    page.at("text", "50 of 300 rows").see()


def test_the_tables_of_two_runs_are_compared_row_by_row(
    logged: str, product: Product, visitor: Visitor
) -> None:
    page = visitor()
    page.goto(table_address(logged, find_table(product, "eval-0")))
    page.at("button", "Compare").click()
    page.at("list", "Runs to compare with").at("button", "/^eval-1/").click()
    page.at("button", "B is better 98").see()
    page.at("button", "same 200").see()
    page.at("button", "B is better 98").click()
    page.at("grid", "Rows beside each other").wait_for_text("question 24")
    page.at("label", "Better is").do("select", option="low")
    page.at("button", "A is better 98").see()
    assert page.find_accessibility_problems() == []


# Made without numpy: a table of 100,000 rows takes the client longer to type than to send.
LARGE = """
import json, pathlib, wandb
rows = (
    [i, f"question {i}?", i % 1000 / 1000, ("easy", "hard", "odd")[i % 3], i % 2 == 0]
    for i in range(100_000)
)
columns = ["id", "question", "score", "kind", "passed"]
with pathlib.Path("large.table.json").open("w") as file:
    file.write(json.dumps({"_type": "table", "columns": columns, "data": list(rows)}))
with wandb.init(id="large", name="large") as run:
    artifact = wandb.Artifact("answers", type="dataset")
    artifact.add_file("large.table.json")
    run.log_artifact(artifact)
"""
ROWS_IN_PAGE_MAX = 60


@pytest.fixture(scope="session")
def large(product: Product, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a table of 100,000 rows; look, do not change."""
    home = tmp_path_factory.mktemp("large")
    make_client(home, product.server, "large").run_script(LARGE)
    ref = f"artifact:{product.entity}/large/answers:v0/large.table.json"
    ask(product.server, "GET", f"tables/schema?ref={urllib.parse.quote(ref)}")
    return table_address(f"/{product.entity}/large", ref)


def test_a_long_table_is_seen_to_its_last_row_with_few_rows_in_the_page(
    large: str, visitor: Visitor
) -> None:
    page = visitor()
    page.goto(large)
    page.at("text", "100,000 rows").see()
    grid = page.at("grid")
    grid.at("row", "/^Open row 0 /").see()
    assert grid.at("row").count < ROWS_IN_PAGE_MAX
    grid.focus()
    for key, row in (("Control+End", "99,999"), ("Control+Home", "0")):
        # The first key only says which cell is active.
        grid.press("ArrowDown")
        grid.press(key)
        grid.at("row", f"/^Open row {row} /").see()
        assert grid.at("row").count < ROWS_IN_PAGE_MAX
    page.evaluate(
        "(() => { const grid = document.querySelector('[role=grid]');"
        " grid.scrollTop = (grid.scrollHeight - grid.clientHeight) / 2; })()"
    )
    grid.at("row", "/^Open row 50,000 /").see()
    assert grid.at("row").count < ROWS_IN_PAGE_MAX
    page.at("button", "score").click()
    page.at("button", "score").click()
    grid.at("row", "/^Open row 999 /").see()
    page.at("searchbox", "Search all columns").fill("question 99999")
    page.at("text", "1 of 100,000 rows").see()


def test_rows_that_pass_any_of_some_filters_are_downloaded_to_the_last(
    large: str, visitor: Visitor, tmp_path: Path
) -> None:
    page = visitor(scheme="dark")
    page.goto(large)
    page.at("text", "100,000 rows").see()

    def add(column: str, condition: str, value: str, counts: str | None) -> None:
        page.at("button", "Filter").click()
        form = page.at("form", "New filter")
        form.at("label", "Column").do("select", option=column)
        form.at("label", "Condition").do("select", option=condition)
        form.at("label", "Value").fill(value)
        if counts is not None:
            form.at("label", "Counts").do("select", option=counts)
        form.at("button", "Apply").click()

    add("score", ">=", "0.5", None)
    page.at("text", "50,000 of 100,000 rows").see()
    add("kind", "is", "odd", "and in a new group")
    add("kind", "is", "hard", "in the group kind is odd")
    # i % 1000 >= 500 and i % 3 != 0.
    kept = [i for i in range(100_000) if i % 1000 >= 500 and i % 3]
    page.at("text", f"{len(kept):,} of 100,000 rows").see()
    page.wait_for_address("hard")
    page.reload()
    page.at("text", f"{len(kept):,} of 100,000 rows").see()
    assert page.find_accessibility_problems() == []
    page.at("button", "Save").click()
    page.at("menuitem", "Download as CSV…").click()
    link = page.at("link", f"Download {len(kept):,} rows")
    lines = link.download(tmp_path / "all.csv").decode().split("\r\n")
    assert (lines[0], lines[-1]) == ("id,question,score,kind,passed", "")
    assert [int(line.partition(",")[0]) for line in lines[1:-1]] == kept
    page.at("label", "Rows pass").do("select", option="any of")
    any_of = sum(1 for i in range(100_000) if i % 1000 >= 500 or i % 3)
    page.at("text", f"{any_of:,} of 100,000 rows").see()
