"""Every example runs as it stands, and its rows arrive."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.installed_wheel import ROOT
from tests.support.official_client import clean_environ
from tests.support.run_reader import RunReader
from tests.support.staged import ArtifactReader

EXAMPLES = ROOT / "examples"
TIMEOUT_S = 240
#: Scripts that are no example by themselves: parts of the demo, and the one for the wandb client,
#: which tests/compat runs.
ELSEWHERE = {"demo.py", "demo_models.py", "demo_trainings.py", "train_sklearn.py"}


class Place:
    """A directory to run examples in, for somebody who is signed in to a server of the test's."""

    def __init__(self, path: Path, server: ThrowawayServer) -> None:
        self.path, self.server = path, server
        self.environ = clean_environ(
            path / "home", base_url=server.base_url, api_key=server.owner_key
        )
        del self.environ["WANDB_DIR"]  # run folders here, as a user has them

    def run(self, *command: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=self.path,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def example(self, name: str, *arguments: str, status: int = 0) -> None:
        self.run(sys.executable, str(EXAMPLES / name), *arguments, status=status)

    def runs(self, project: str = "examples") -> RunReader:
        return RunReader(self.server, project)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ThrowawayServer(tmp_path / "server") as server:
        yield Place(tmp_path, server)


def test_every_example_is_run_by_a_test() -> None:
    scripts = {path.name for path in EXAMPLES.glob("*.*") if path.suffix in (".py", ".sh")}
    text = Path(__file__).read_text()
    assert [name for name in scripts - ELSEWHERE if f'"{name}"' not in text] == []


def test_a_minimal_training(place: Place) -> None:
    place.example("minimal.py")
    runs = place.runs()
    run = runs.get_only_run()
    rows = runs.list_history(run["name"])
    assert run["state"] == "finished"
    assert run["config"] == {"learning_rate": 0.5, "steps": 200}
    assert [row["_step"] for row in rows] == list(range(200))
    assert rows[-1]["loss"] < 0.02
    assert run["summary"]["slope"] == pytest.approx(3, abs=0.1)


def test_a_composite_score(place: Place) -> None:
    place.example("composite_score.py")
    run = place.runs().get_only_run()
    assert run["summary"]["composite_score"] == pytest.approx(0.8235, abs=1e-9)
    assert run["job_type"] == "evaluation"


def test_the_loop_of_a_fine_tuning(place: Place) -> None:
    place.example("finetuning_loop.py")
    runs = place.runs("llm-finetuning")
    run = runs.get_only_run()
    rows = runs.list_history(run["name"])
    assert run["display_name"] == "llama3-8b-qlora-v1"
    assert run["config"]["lora_alpha"] == 32
    assert [row["_step"] for row in rows] == list(range(0, 1000, 10))
    assert len([row for row in rows if "train/grad_norm" in row]) == 100
    assert [row["_step"] for row in rows if "val/loss" in row] == list(range(0, 1000, 100))


def test_config_from_file_and_command_line(place: Place) -> None:
    place.example("config_file.py", "--learning-rate", "0.05")
    run = place.runs().get_only_run()
    assert run["config"]["learning_rate"] == 0.05
    assert run["config"]["optimizer"] == {"kind": "sgd", "momentum": 0.9}
    assert run["config"]["trained_on"] == "cpu"
    assert run["history_row_count"] == 20


def test_eight_ranks_log_into_one_run(place: Place) -> None:
    place.example("ranks.py", "--steps", "20")
    runs = place.runs()
    run = runs.wait_for(runs.get_only_run()["name"], lambda run: run["state"] == "finished")
    rows = runs.list_history(run["name"])
    assert [row["_step"] for row in rows] == list(range(20))
    for row in rows:
        assert {f"loss/rank-{rank}" for rank in range(8)} | {"loss"} <= set(row)
    assert run["overwritten_value_count"] == 0


def test_an_interrupted_training_goes_on(place: Place) -> None:
    place.example("resume.py", "--stop-after", "30", status=-9)
    place.example("resume.py")
    runs = place.runs()
    name = json.loads((place.path / "checkpoint.json").read_text())["run"]
    run = runs.wait_for(name, lambda run: run["history_row_count"] == 100)
    rows = runs.list_history(run["name"])
    assert [row["_step"] for row in rows] == list(range(100))
    assert rows[-1]["loss"] == pytest.approx(0.95**100)
    assert run["state"] == "finished"


def test_offline_runs_are_sent_later(place: Place) -> None:
    place.run("sh", str(EXAMPLES / "offline.sh"))
    runs = place.runs().list_runs()
    assert len(runs) == 2
    assert {run["state"] for run in runs} == {"finished"}
    names = [run["name"] for run in runs]
    assert [len(place.runs().list_history(name)) for name in names] == [200, 200]


def test_a_chain_from_data_to_a_verdict(place: Place) -> None:
    place.example("pipeline.py", "--epochs", "3")
    found = ArtifactReader(place.server, "examples")
    assert found.get("released-models", "production")["source"]["version"] == "v1"
    model = "/".join(["/api/v1", found.entity, "examples/artifacts/digits-model/versions"])
    lineage = place.server.call("GET", f"{model}/v1/lineage")
    labels = {node["id"]: node["label"] for node in lineage["nodes"]}
    edges = {(labels[edge["from"]], edge["kind"], labels[edge["to"]]) for edge in lineage["edges"]}
    assert edges >= {
        ("prepare-corrected", "logged", "digits:v1"),
        ("digits:v1", "used", "train-on-corrected"),
        ("train-on-corrected", "logged", "digits-model:v1"),
        ("digits-model:v1", "used", "evaluate-on-corrected"),
    }
    told = place.run("steelyard", "artifact", "lineage", "examples/digits-model:v1").stdout
    before, _, after = told.partition("went into")
    names = [line.split()[0] for line in before.splitlines()[1:] if line.startswith("  ")]
    assert names == ["train-on-corrected", "digits:v1", "prepare-corrected"]
    assert "evaluate-on-corrected" in after and "released-models:v0 (latest, production)" in after
    causes = place.server.call("GET", f"{model}/v0/diff?to=v1")["causes"]
    assert [(each["before"], each["after"]) for each in causes["inputs"]] == [("v0", "v1")]
    assert [each["key"] for each in causes["metrics"]] == ["loss"]
    by_name = {run["display_name"]: run["name"] for run in place.runs().list_runs()}
    summary = place.runs().get_run(by_name["evaluate-on-corrected"])["summary"]
    assert summary["accuracy"] > 0.9
    assert (summary["predictions"]["nrows"], summary["predictions"]["_type"]) == (100, "table-file")
    kinds = {key["key"] for key in media_keys(place, list(by_name.values()))}
    assert kinds >= {"samples", "digit", "predictions", "confusion_table"}


def media_keys(place: Place, runs: list[str]) -> list[dict[str, str]]:
    entity = place.runs().entity
    content = {"runs": runs}
    path = f"/api/v1/{entity}/examples/media:query"
    found: list[dict[str, str]] = place.server.call("POST", path, content=content)["items"]
    return found


def test_without_a_server_the_chain_ends_with_its_data(place: Place) -> None:
    script = [sys.executable, str(EXAMPLES / "pipeline.py")]
    without = {
        k: v for k, v in place.environ.items() if k not in ("WANDB_BASE_URL", "WANDB_API_KEY")
    }
    done = subprocess.run(
        script, cwd=place.path, env=without, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, done.stderr
    assert "steelyard up" in done.stdout
