"""Versions that the official client logs, as people find, follow and compare them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Product, Visitor, make_client

# Two versions of a dataset, a model made from the second, and a run that uses the model.
CHAIN = """
import pathlib, wandb
data = pathlib.Path("data")
(data / "train").mkdir(parents=True)
(data / "report.html").write_text(
    "<p id='said'>no script</p><script>"
    "document.getElementById('said').textContent = 'ran as ' + origin</script>"
)
(data / "eval.csv").write_text("question,score\\nwhy,0.5\\nhow,0.75\\n")
for number in (0, 1):
    (data / "train" / "rows.txt").write_text(f"rows of {number}")
    (data / "train" / f"only-{number}.txt").write_text("here")
    config = {"threshold": number}
    with wandb.init(id=f"clean-{number}", name=f"clean {number}", config=config) as run:
        artifact = wandb.Artifact("training-data", type="dataset", metadata={"rows": 100 + number})
        artifact.add_dir(str(data))
        run.log_artifact(artifact, aliases=["prod"] if number == 0 else [])
        run.log({"kept": 0.5 + number / 4})
pathlib.Path("model.pt").write_text("weights")
with wandb.init(id="train", name="training") as run:
    run.use_artifact("training-data:latest")
    model = wandb.Artifact("model", type="model")
    model.add_file("model.pt")
    run.log_artifact(model)
with wandb.init(id="eval", name="evaluation") as run:
    run.use_artifact("model:latest")
"""


@pytest.fixture(scope="session")
def chain(product: Product, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a project with a chain dataset, run, model, run; look, but do not change it."""
    home = tmp_path_factory.mktemp("chain")
    make_client(home, product.server, "chain").run_script(CHAIN)
    return f"/{product.entity}/chain"


def test_a_dataset_is_found_looked_into_and_downloaded(
    chain: str, visitor: Visitor, tmp_path: Path
) -> None:
    page = visitor()
    page.goto(chain)
    page.at("link", "Artifacts").click()
    page.at("button", "/^dataset /").click()
    page.at("link", "training-data").click()
    page.at("heading", "training-data v1").see()
    page.at("navigation", "Views of the version").at("link", "Files").click()
    page.at("treeitem", "/^train /").click()
    page.at("treeitem", "/^rows.txt /").click()
    page.at("region", "Preview of train/rows.txt").wait_for_text("rows of 1")
    got = page.at("link", "Download").download(tmp_path / "rows.txt")
    assert got == b"rows of 1"

    page.at("treeitem", "/^eval.csv /").click()
    page.at("grid", "Rows of eval.csv").wait_for_text("why")
    page.at("treeitem", "/^report.html /").click()
    page.at("text", "/^Shown in a frame without access/").see()
    assert page.find_accessibility_problems() == []


def test_the_lineage_leads_from_the_data_to_the_model_and_back(
    chain: str, visitor: Visitor
) -> None:
    page = visitor()
    page.goto(f"{chain}/artifacts/dataset/training-data/v1/lineage")
    page.at("link", "/^clean 1 /").see()
    page.at("link", "/^evaluation /").see()
    assert page.find_accessibility_problems() == []
    page.at("link", "/^model v0 model/").click()
    page.at("heading", "model v0").see()
    page.at("navigation", "Views of the version").at("link", "Lineage").click()
    page.at("link", "/^training-data v1 dataset/").focus()
    page.press("ArrowRight")
    page.press("Enter")
    page.at("heading", "training").see()
    page.at("navigation", "Views of the run").at("link", "Artifacts").click()
    page.at("table", "Inputs").at("link", "training-data:v1").see()
    page.at("table", "Outputs").at("link", "model:v0").see()


def test_the_difference_of_two_versions_names_its_causes(chain: str, visitor: Visitor) -> None:
    page = visitor()
    page.goto(f"{chain}/artifacts/dataset/training-data/v1/diff")
    files = page.at("table", "Changed files")
    files.wait_for_text("only-1.txt")
    assert [row[0].split()[-1] for row in files.rows[1:]] == [
        "train/only-1.txt",
        "train/rows.txt",
    ]
    page.at("table", "Config").wait_for_text("threshold")
    page.at("table", "Metrics").wait_for_text("kept")
    page.at("table", "Metadata").wait_for_text("rows")
    assert page.find_accessibility_problems() == []


def test_an_alias_is_moved_back_and_a_version_deleted_and_restored(
    product: Product, visitor: Visitor, project: str, tmp_path: Path
) -> None:
    make_client(tmp_path / "home", product.server, project).run_script(CHAIN)
    base = f"/{product.entity}/{project}/artifacts/dataset/training-data"
    page = visitor()
    page.goto(f"{base}/v1/overview")
    page.at("button", "Add alias").click()
    page.at("textbox", "New alias").fill("prod")
    page.press("Enter")
    page.at("text", "Aliases saved.").see()
    page.goto(f"{base}/prod/overview")
    page.at("heading", "training-data v1").see()
    page.at("list", "History").wait_for_text("prod moved from v0 to v1")

    page.goto(f"{base}/v0/overview")
    page.at("button", "More actions").click()
    page.at("menuitem", "Delete version").click()
    dialog = page.at("dialog", "Delete v0 of training-data?")
    dialog.at("list", "What depends on it").see()
    dialog.at("button", "Delete the version").click()
    page.wait_for_address("/artifacts$")
    page.at("link", "Trash").click()
    page.at("button", "Restore training-data:v0").click()
    page.at("text", "training-data:v0 is back.").see()
    page.goto(f"{base}/v0/overview")
    page.at("heading", "training-data v0").see()


# Six versions of a model: the third has another learning rate, and is worse from then on.
REGRESSED = """
import wandb
for number in range(6):
    config = {"lr": 0.1 if number < 3 else 5, "epochs": 10}
    with wandb.init(id=f"train-{number}", name=f"train {number}", config=config) as run:
        model = wandb.Artifact("net", type="model")
        with model.new_file("weights.txt") as file:
            file.write(str(number))
        run.summary["val/acc"] = 0.9 + number / 100 if number < 3 else 0.4 - number / 100
        run.log_artifact(model).wait()
"""


def test_a_regression_is_followed_to_the_version_and_the_setting_that_caused_it(
    product: Product, visitor: Visitor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("regressed")
    make_client(home, product.server, "regressed").run_script(REGRESSED)
    page = visitor()
    page.goto(f"/{product.entity}/regressed/artifacts/model/net/latest")
    page.at("navigation", "Views of the version").at("link", "Bisect").click()
    table = page.at("table", "Versions in a row")
    table.at("row", "/v3 .*0.37 -0.55/").see()
    page.at("label", "Good from").fill("0.8")
    page.at("text", "val/acc broke at v3: it is the first bad version after v2.").see()
    found = page.at("region", "Where it broke")
    found.at("row", "/^lr 0.1 5$/").see()
    assert page.find_accessibility_problems() == []

    page.at("label", "Good from").fill("")
    page.at("button", "v0 is good").click()
    page.at("button", "v5 is bad").click()
    page.at("text", "/look at v2 next/").see()
    page.at("button", "v2 is good").click()
    page.at("text", "/look at v3 next/").see()
    page.at("button", "v3 is bad").click()
    page.at("text", "val/acc broke at v3: it is the first bad version after v2.").see()
    page.wait_for_address("good=v2&bad=v5&bad=v3")
    page.prefer("dark")
    page.reload()
    page.at("text", "val/acc broke at v3: it is the first bad version after v2.").see()
    assert page.find_accessibility_problems() == []
    page.at("link", "1 config changed from v2 to v3").click()
    page.at("heading", "What changed from v2 to v3").see()
