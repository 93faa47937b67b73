"""Sweeps as guides print them, with `import steelyard as wandb` and with the official client."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.compat.test_our_sweeps import wait_for
from tests.support.databases import Kind
from tests.support.official_client import OfficialClient
from tests.support.sdk_user import SdkUser

PATIENCE_S = 600

DICT_SWEEP = """\
import wandb
sweep_config = {
    'method': 'bayes',
    'metric': {'name': 'validation_loss', 'goal': 'minimize'},
    'parameters': {
        'learning_rate': {'min': 1e-5, 'max': 1e-3},
        'batch_size': {'values': [16, 32, 64]},
    },
}
sweep_id = wandb.sweep(sweep_config, project=PROJECT)
def train():
    with wandb.init() as run:
        wandb.log({"validation_loss": run.config.learning_rate * run.config.batch_size})
wandb.agent(sweep_id, function=train, count=5)
"""
TWENTY_RUNS = """\
import wandb
sweep_config = {
    "method": "bayes",
    "metric": {"goal": "minimize", "name": "val/loss"},
    "parameters": {
        "learning_rate": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-3},
        "lora_r": {"values": [8, 16, 32, 64]},
        "lora_alpha": {"values": [16, 32, 64]},
        "batch_size": {"values": [4, 8, 16]},
    },
}
sweep_id = wandb.sweep(sweep_config, project=PROJECT)
def train():
    with wandb.init() as run:
        config = run.config
        model = setup_model(lora_r=config.lora_r, lora_alpha=config.lora_alpha)
        trainer = train_model(model, lr=config.learning_rate, batch_size=config.batch_size)
        val_loss = evaluate(model)
        wandb.log({"val/loss": val_loss})
wandb.agent(sweep_id, function=train, count=20)
"""
#: What the samples leave out, and where they are to go.
STUBS = """\
import sys
PROJECT = sys.argv[1]
def setup_model(lora_r, lora_alpha): return [lora_r, lora_alpha]
def train_model(model, lr, batch_size): model.append(lr * batch_size)
def evaluate(model): return sum(model)
"""
#: The official agent asks every 5 s; for functions that end at once that is all the time there is.
IMPATIENT = """\
from wandb.agents import pyagent
pyagent.Agent.HEARTBEAT_SLEEP_SECONDS = 0.2
"""
EXPONENTS = """\
program: train_finetune.py
method: bayes
metric:
  name: composite_score
  goal: maximize
parameters:
  learning_rate:
    distribution: log_uniform
    min: 1e-6
    max: 1e-4
  per_device_train_batch_size:
    values: [4, 8, 16]
  lora_r:
    values: [8, 16, 32, 64]
  num_train_epochs:
    value: 3
early_terminate:
  type: hyperband
  min_iter: 5
"""
LOGARITHMS = """\
program: train_llm.py
method: bayes
metric: {name: composite_score, goal: maximize}
parameters:
  learning_rate: {distribution: log_uniform, min: -6, max: -4}
  batch_size: {values: [8, 16, 32]}
  lora_rank: {values: [8, 16, 32, 64]}
"""
GRID = """\
program: wandb_sweep.py
method: grid
metric:
  goal: maximize
  name: Validation Accuracy
parameters:
  learning_rate:
    values: [0.1, 0.01]
"""
FINETUNE = """\
import wandb
with wandb.init() as run:
    score = 0.6 * run.config.learning_rate + run.config.num_train_epochs
    run.log({"composite_score": score})
"""
FORMULA = "0.6*accuracy + 0.3*(1/avg_latency) + 0.1*(1/training_cost)"


@pytest.fixture(params=["sqlite"])
def database_kind(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    return kind


class Somebody:
    """A user of one of the two clients, and what is on the server."""

    def __init__(
        self,
        name: str,
        user: SdkUser,
        client: OfficialClient,
        server: ThrowawayServer,
        project: str,
    ) -> None:
        self.is_ours = name == "ours"
        self.user, self.client, self.server, self.project = user, client, server, project
        self.home = user.home if self.is_ours else client.home

    def script(self, sample: str) -> None:
        """Run a sample, with its stubs, to a good end."""
        if self.is_ours:
            self.user.run(STUBS + self.with_client(sample), self.project)
        else:
            self.client.run_script(STUBS + IMPATIENT + sample, self.project, timeout_s=PATIENCE_S)

    def with_client(self, script: str) -> str:
        """The script as somebody with this client has it."""
        if not self.is_ours:
            return script
        return script.replace("import wandb\n", "import steelyard as wandb\n", 1)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`steelyard …`, or `wandb …`; the output is on standard output and error."""
        module = "steelyard" if self.is_ours else "wandb"
        environ = self.user.environ if self.is_ours else self.client.environ
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.home,
            env={**environ, "WANDB_PROJECT": self.project, "WANDB_SILENT": "false"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE_S,
        )

    def sweeps(self) -> list[dict[str, Any]]:
        answer = self.server.request("GET", f"/api/v1/-/{self.project}/sweeps")
        return [] if answer.status == 404 else list(json.loads(answer.data)["items"])

    def trials(self) -> list[dict[str, Any]]:
        """Of the one sweep there is, once all of them have ended: an agent of the official client
        leaves without a word, and the server looks after its runs every few seconds."""
        [sweep] = self.sweeps()
        place = f"/api/v1/-/{self.project}/sweeps/{sweep['name']}/trials"

        def look() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = self.server.call("GET", place)["items"]
            return found if all(trial["ended_at_us"] for trial in found) else []

        ended: list[dict[str, Any]] = wait_for(look, what="the ends of all trials")
        return ended


@pytest.fixture(params=["ours", "official"])
def somebody(
    request: pytest.FixtureRequest,
    user: SdkUser,
    client: OfficialClient,
    shared_server: ThrowawayServer,
    project: str,
) -> Somebody:
    return Somebody(request.param, user, client, shared_server, project)


def test_a_dict_makes_a_sweep_whose_five_runs_are_within_its_space(somebody: Somebody) -> None:
    somebody.script(DICT_SWEEP)
    trials = somebody.trials()
    assert len(trials) == 5
    for trial in trials:
        assert trial["state"] == "finished"
        assert trial["config"]["batch_size"] in (16, 32, 64)
        assert 1e-5 <= trial["config"]["learning_rate"] <= 1e-3


def test_twenty_runs_of_a_function_are_twenty_runs(somebody: Somebody) -> None:
    somebody.script(TWENTY_RUNS)
    trials = somebody.trials()
    assert [trial["state"] for trial in trials] == ["finished"] * 20
    assert len({json.dumps(trial["config"], sort_keys=True) for trial in trials}) == 20
    for trial in trials:
        config = trial["config"]
        expected = config["lora_r"] + config["lora_alpha"]
        expected += config["learning_rate"] * config["batch_size"]
        assert trial["values"] == [pytest.approx(expected)]
    assert somebody.sweeps()[0]["state"] == "running"


def test_exponents_that_are_values_make_nothing_until_they_are_mended(somebody: Somebody) -> None:
    (somebody.home / "sweep.yaml").write_text(EXPONENTS)
    (somebody.home / "train_finetune.py").write_text(somebody.with_client(FINETUNE))
    done = somebody.command("sweep", "sweep.yaml")
    assert "log_uniform_values" in done.stdout
    assert somebody.sweeps() == []
    mended = subprocess.run(
        [sys.executable, "-m", "steelyard", "sweep", "--fix", "sweep.yaml"],
        cwd=somebody.home,
        env=somebody.user.environ,
        text=True,
        capture_output=True,
    )
    assert mended.returncode == 0, mended.stdout + mended.stderr
    done = somebody.command("sweep", "sweep.yaml")
    path = done.stdout.split("agent ")[-1].strip()
    assert somebody.command("agent", "--count", "1", _plain(path)).returncode == 0
    [trial] = somebody.trials()
    assert 1e-6 <= trial["config"]["learning_rate"] <= 1e-4
    assert trial["config"]["num_train_epochs"] == 3


def test_exponents_that_may_be_meant_are_accepted_and_their_true_range_is_said(
    somebody: Somebody,
) -> None:
    (somebody.home / "sweep.yaml").write_text(LOGARITHMS)
    done = somebody.command("sweep", "sweep.yaml")
    assert done.returncode == 0
    assert "0.00247875 to 0.0183156" in done.stdout
    assert len(somebody.sweeps()) == 1


def test_a_formula_is_accepted_as_it_stands(somebody: Somebody) -> None:
    config = {
        "program": "train.py",
        "method": "bayes",
        "metric": {"name": "score", "goal": "maximize", "expression": FORMULA},
        "parameters": {"x": {"min": 0.0, "max": 1.0}},
    }
    (somebody.home / "sweep.yaml").write_text(json.dumps(config))
    logged = 'run.log({"accuracy": 0.5, "avg_latency": 2.0, "training_cost": 4.0})'
    script = f"import wandb\nwith wandb.init() as run:\n    {logged}\n"
    (somebody.home / "train.py").write_text(somebody.with_client(script))
    done = somebody.command("sweep", "sweep.yaml")
    path = _plain(done.stdout.split("agent ")[-1].strip())
    assert somebody.command("agent", "--count", "1", path).returncode == 0
    [trial] = somebody.trials()
    assert trial["values"] == [pytest.approx(0.6 * 0.5 + 0.3 / 2 + 0.1 / 4)]


def test_a_grid_of_two_is_two_runs_and_its_command_says_four_lines(somebody: Somebody) -> None:
    (somebody.home / "sweep_config.yaml").write_text(GRID)
    script = FINETUNE.replace("composite_score", "Validation Accuracy").replace(
        "+ run.config.num_train_epochs", ""
    )
    (somebody.home / "wandb_sweep.py").write_text(somebody.with_client(script))
    done = somebody.command("sweep", "--project", somebody.project, "sweep_config.yaml")
    [entity_sweep] = somebody.sweeps()
    path = f"{entity_sweep['entity']}/{somebody.project}/{entity_sweep['name']}"
    name = "steelyard" if somebody.is_ours else "wandb"
    lead = "" if somebody.is_ours else "wandb: "
    page = f"{somebody.server.base_url}/{entity_sweep['entity']}/{somebody.project}"
    assert _plain(done.stdout).splitlines() == [
        f"{lead}Creating sweep from: sweep_config.yaml",
        f"{lead}Creating sweep with ID: {entity_sweep['name']}",
        f"{lead}View sweep at: {page}/sweeps/{entity_sweep['name']}",
        f"{lead}Run sweep agent with: {name} agent {path}",
    ]
    for _ in range(3):  # one more than there is to do
        assert somebody.command("agent", "--count", "1", path).returncode == 0
    assert [trial["config"] for trial in somebody.trials()] == [
        {"learning_rate": 0.1},
        {"learning_rate": 0.01},
    ]


def _plain(text: str) -> str:
    """Without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
