"""Sample scripts as guides print them, run with `import steelyard as wandb` and with the official
client: the same script gives the same run. Only undefined helpers are filled in."""

from __future__ import annotations

import textwrap
import uuid
from pathlib import Path

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import OfficialClient
from tests.support.run_reader import RunReader
from tests.support.sdk_user import SdkUser

COMPOSITE_SCORE = """\
import wandb
accuracy = 0.89
latency_ms = 245
cost_per_1k_tokens = 0.012
norm_accuracy = accuracy
norm_latency = 1.0 - min(latency_ms / 1000, 1.0)
norm_cost = 1.0 - min(cost_per_1k_tokens / 0.05, 1.0)
composite_score = (0.5 * norm_accuracy) + (0.3 * norm_latency) + (0.2 * norm_cost)
wandb.log({"accuracy": accuracy, "latency_ms": latency_ms,
           "cost_per_1k_tokens": cost_per_1k_tokens, "composite_score": composite_score})
"""

TRAINING_LOOP = """\
import wandb
run = wandb.init(project="llm-finetuning", name="llama3-8b-qlora-v1",
    config={"model": "meta-llama/Meta-Llama-3-8B", "lora_r": 16, "lora_alpha": 32,
            "learning_rate": 2e-4, "batch_size": 8, "epochs": 3})
for step in range(1000):
    loss = train_step()
    if step % 10 == 0:
        wandb.log({"train/loss": loss,
                   "train/learning_rate": scheduler.get_last_lr()[0],
                   "train/grad_norm": compute_grad_norm(model)}, step=step)
    if step % 100 == 0:
        val_loss, val_acc = evaluate()
        wandb.log({"val/loss": val_loss, "val/accuracy": val_acc}, step=step)
run.finish()
"""

#: What the training loop calls and its guide leaves out.
STUBS = """\
import itertools, types
counter, model = itertools.count(), None
def train_step(): return 2.0 / (1 + next(counter))
def compute_grad_norm(model): return 1.5
def evaluate(): return 0.42, 0.81
scheduler = types.SimpleNamespace(get_last_lr=lambda: [2e-4])
"""


def ours(script: str) -> str:
    return script.replace("import wandb\n", "import steelyard as wandb\n", 1)


def in_project(script: str, project: str) -> str:
    return script.replace('project="llm-finetuning"', f"project={project!r}")


@pytest.fixture
def user(tmp_path: Path, shared_server: ThrowawayServer) -> SdkUser:
    """Somebody of whom only the environment tells who they are, as in a container."""
    return SdkUser(
        tmp_path / "user",
        WANDB_BASE_URL=shared_server.base_url,
        WANDB_API_KEY=shared_server.owner_key,
        WANDB_SILENT="true",
    )


def test_logging_without_a_run_says_what_to_do(user: SdkUser, client: OfficialClient) -> None:
    done = user.run(ours(COMPOSITE_SCORE), check=False)
    assert done.returncode != 0
    assert "init()" in done.stderr.splitlines()[-1]
    assert user.folders() == []
    assert client.run_script(COMPOSITE_SCORE, check=False).returncode != 0


def test_a_composite_score_is_logged_to_the_last_digit(
    user: SdkUser, client: OfficialClient, runs: RunReader, project: str
) -> None:
    begin = f"import wandb\nwandb.init(project={project!r})\n"
    user.run(ours(begin + COMPOSITE_SCORE[len("import wandb\n") :]), WANDB_RUN_ID="ours")
    client.run_script(begin + COMPOSITE_SCORE, WANDB_RUN_ID="theirs")
    summary = runs.get_run("ours")["summary"]
    assert summary["composite_score"] == pytest.approx(0.8235, abs=1e-9)
    assert runs.export_by_rest("ours")["summary"] == runs.export_by_rest("theirs")["summary"]


def test_a_training_loop_gives_the_run_of_the_official_client(
    user: SdkUser, client: OfficialClient, runs: RunReader, project: str
) -> None:
    script = STUBS + in_project(TRAINING_LOOP, project)
    user.run(ours(script), WANDB_RUN_ID="ours")
    client.run_script(script, WANDB_RUN_ID="theirs")
    rows = runs.list_history("ours")
    assert sum("train/loss" in row for row in rows) == 100
    assert sum("val/loss" in row for row in rows) == 10
    assert runs.export_by_rest("ours") == runs.export_by_rest("theirs")
    assert runs.export_by_client(client, "ours") == runs.export_by_client(client, "theirs")


def test_runs_made_offline_by_either_client_are_sent_by_one_command(
    user: SdkUser, client: OfficialClient, runs: RunReader, project: str
) -> None:
    script = STUBS + in_project(TRAINING_LOOP, project)
    user.run(ours(script), WANDB_RUN_ID="ours", WANDB_MODE="offline")
    client.run_script(script, WANDB_RUN_ID="theirs", WANDB_MODE="offline")
    assert runs.list_runs() == []
    for _ in range(2):
        user.command("sync", str(user.home / "steelyard"), str(client.home / "wandb"))
    assert {run["name"]: run["state"] for run in runs.list_runs()} == {
        "ours": "finished",
        "theirs": "finished",
    }
    assert runs.export_by_rest("ours") == runs.export_by_rest("theirs")


@pytest.mark.parametrize("makes_key_wrong", [True, False])
def test_the_key_of_the_environment_goes_before_that_of_the_login(
    user: SdkUser, shared_server: ThrowawayServer, runs: RunReader, makes_key_wrong: bool
) -> None:
    right, wrong = shared_server.owner_key, f"local-{uuid.uuid4().hex}{uuid.uuid4().hex}"
    host = shared_server.base_url.partition("://")[2]
    kept = right if makes_key_wrong else wrong
    netrc = user.home / ".netrc"
    netrc.write_text(f"machine {host}\n  login user\n  password {kept}\n")
    netrc.chmod(0o600)
    script = textwrap.dedent(
        f"""
        import steelyard as wandb
        with wandb.init(project={runs.project!r}, id="r") as run:
            run.log({{"a": 1}})
        """
    )
    given = wrong if makes_key_wrong else right
    done = user.run(script, check=False, WANDB_API_KEY=given, WANDB_SILENT="false")
    said = done.stdout + done.stderr
    if makes_key_wrong:
        assert "WANDB_API_KEY" in said
        assert runs.list_runs() == []
    else:
        assert done.returncode == 0, said
        assert [row["a"] for row in runs.list_history("r")] == [1]
    assert kept in netrc.read_text()
