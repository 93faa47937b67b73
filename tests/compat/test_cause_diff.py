"""Why two versions differ: what is said of runs of either client, and how people read it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.git_repository import GitRepository
from tests.support.official_client import OfficialClient
from tests.support.sdk_user import SdkUser

TRAIN = """
import wandb
SECOND = {second}
CONFIG = {{"lr": 0.1 * (1 + SECOND), "model": {{"depth": 3, "heads": 4 * (1 + SECOND)}}, "seed": 1}}
CONFIG |= {{"warmup": 10}} if SECOND else {{"dropout": None}}
with wandb.init(project={project!r}, id={run!r}, settings=wandb.Settings(host={host!r}),
                config=CONFIG) as run:
    data = wandb.Artifact("digits", type="dataset")
    with data.new_file("rows.txt") as file:
        file.write("row " * (1 + SECOND))
    run.log_artifact(data).wait()
with wandb.init(project={project!r}, id={run!r} + "-train", settings=wandb.Settings(host={host!r}),
                config=CONFIG) as run:
    run.use_artifact("digits:latest")
    for step in range(3):
        run.log({{"loss": 1.0 / (step + 1 + SECOND), "eval": {{"acc": 0.5 + 0.25 * SECOND}}}})
    run.summary["note"] = "better" if SECOND else "first"
    model = wandb.Artifact("model", type="model", metadata={{"epochs": 3 + SECOND}})
    with model.new_file("weights.bin") as file:
        file.write("w" * (100 + 50 * SECOND))
    run.log_artifact(model).wait()
"""


def train(user: Any, which: str, project: str) -> list[str]:
    """Two runs from two commits, the second with changes on top; the commits."""
    repository = GitRepository(user.home)
    repository.git("remote", "add", "origin", "https://git.example.org/team/digits.git")
    (user.home / ".gitignore").write_text("*\n!train.py\n")
    commits = []
    for second in (0, 1):
        facts = {"second": second, "project": project, "run": f"r{second}", "host": f"box{second}"}
        text = TRAIN.format(**facts)
        if which == "ours":
            text = text.replace("import wandb\n", "import steelyard as wandb\n")
        commits.append(repository.commit("train.py", text))
        if second:
            repository.write("train.py", f"{text}# tried out\n")
        code = "import runpy; runpy.run_path('train.py', run_name='__main__')"
        if which == "ours":
            user.run(code)
        else:
            user.run_script(user.home / "train.py", WANDB_SAVE_CODE="true")
    return commits


@pytest.fixture(params=["ours", "theirs"])
def trained(
    request: pytest.FixtureRequest,
    client: OfficialClient,
    shared_server: ThrowawayServer,
    project: str,
) -> tuple[SdkUser, list[str]]:
    us = SdkUser(
        client.home.parent / "our-home",
        WANDB_BASE_URL=shared_server.base_url,
        WANDB_API_KEY=shared_server.owner_key,
        WANDB_PROJECT=project,
    )
    return (
        us,
        train(us if request.param == "ours" else client, request.param, project),
    )


def test_what_changed_between_two_models_is_said_of_runs_of_either_client(
    trained: tuple[SdkUser, list[str]], project: str
) -> None:
    us, commits = trained
    diff = json.loads(us.command("diff", "model:v0", "model:v1", "--json").stdout)
    causes = diff["causes"]
    assert (causes["run_from"]["name"], causes["run_to"]["name"]) == ("r0-train", "r1-train")
    [data] = causes["inputs"]
    assert (data["type"], data["name"].rpartition("/")[2]) == ("dataset", "digits")
    assert (data["before"], data["after"]) == ("v0", "v1")
    config = {each["key"]: (each["before"], each["after"]) for each in causes["config"]}
    assert config == {
        "lr": (0.1, 0.2),
        "model.heads": (4, 8),
        "warmup": (None, 10),
    }
    code = causes["code"]
    assert (code["commit_before"], code["commit_after"]) == tuple(commits)
    assert (code["dirty_before"], code["dirty_after"]) == (None, True)
    assert code["repo"].endswith("team/digits.git")
    environment = {each["key"]: (each["before"], each["after"]) for each in causes["environment"]}
    assert environment["host"] == ("box0", "box1")
    assert not {key for key in environment if key.startswith(("packages", "python", "gpu", "os"))}
    metrics = {each["key"]: each for each in causes["metrics"]}
    assert metrics.keys() == {"eval.acc", "loss", "note"}
    assert metrics["eval.acc"]["delta"] == pytest.approx(0.25)
    assert metrics["loss"]["delta"] == pytest.approx(1 / 4 - 1 / 3)
    assert (metrics["note"]["before"], metrics["note"]["delta"]) == ("first", None)
    assert diff["metadata"] == [{"key": "epochs", "before": 3, "after": 4}]
    text = us.command("diff", "model:v0", "model:v1").stdout
    for said in ("digits", "v0 → v1", "0.1 → 0.2", "eval.acc", "+0.25", commits[0][:12]):
        assert said in text
    steps = json.loads(
        us.command("artifact", "bisect", "model", "--metric", "loss", "--json").stdout
    )
    assert [step["version"]["version"] for step in steps] == ["v1", "v0"]
    assert steps[0]["delta"] == pytest.approx(1 / 4 - 1 / 3)
    counted = steps[0]["causes"]
    assert (counted["inputs"], counted["config"]) == (1, 3)
    assert (counted["code"], counted["environment"]) == (2, len(environment))
    table = us.command("artifact", "bisect", "model", "--metric", "eval.acc", "--goal", "min")
    assert "v1\tlatest\t0.75\t+0.25\t1\t3\t2\t" in table.stdout
    assert "got worst from v0 to v1" in table.stderr
    refused = us.command("artifact", "bisect", "model", "--metric", "los", check=False)
    assert refused.returncode != 0 and "did you mean 'loss'?" in refused.stderr
