"""Scripts as users have them, unchanged, and what must be there afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.official_client import OfficialClient
from tests.support.run_reader import RunReader

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

# A fine-tuning loop that logs training every 10 steps and validation every 100, at its own steps.
FINE_TUNING = """
import math, wandb

def train_step(step): return 2.0 / (1 + step / 100)
def evaluate(step): return 2.2 / (1 + step / 100), 1 - math.exp(-step / 500)

run = wandb.init(project="llm-finetuning", name="llama3-8b-qlora-v1",
    config={"model": "meta-llama/Meta-Llama-3-8B", "lora_r": 16, "lora_alpha": 32,
            "learning_rate": 2e-4, "batch_size": 8, "epochs": 3})
for step in range(1000):
    loss = train_step(step)
    if step % 10 == 0:
        wandb.log({"train/loss": loss, "train/learning_rate": 2e-4 * (1 - step / 1000),
                   "train/grad_norm": 1.0 + loss}, step=step)
    if step % 100 == 0:
        val_loss, val_acc = evaluate(step)
        wandb.log({"val/loss": val_loss, "val/accuracy": val_acc}, step=step)
run.finish()
"""


def test_metrics_logged_at_two_paces_share_their_steps(
    client: OfficialClient, runs: RunReader, project: str
) -> None:
    client.run_script(FINE_TUNING.replace("llm-finetuning", project))
    run = runs.get_only_run()
    assert run["display_name"] == "llama3-8b-qlora-v1"
    assert run["state"] == "finished"
    assert run["config"]["lora_r"] == 16
    assert run["config"]["model"] == "meta-llama/Meta-Llama-3-8B"
    rows = runs.list_history(run["name"])
    assert [row["_step"] for row in rows] == list(range(0, 1000, 10))
    validated = [row for row in rows if "val/loss" in row]
    assert [row["_step"] for row in validated] == list(range(0, 1000, 100))
    assert all("train/loss" in row for row in validated)
    assert rows[50]["train/loss"] == pytest.approx(2.0 / 6)
    assert run["summary"]["val/loss"] == pytest.approx(2.2 / 10)


def test_a_scikit_learn_training_of_twenty_epochs_is_tracked(
    client: OfficialClient, runs: RunReader, project: str
) -> None:
    client.run_script(EXAMPLES / "train_sklearn.py", "--project", project, "--name", "digits")
    run = runs.get_only_run()
    rows = runs.list_history(run["name"])
    assert [row["epoch"] for row in rows] == list(range(20))
    losses = [row["train/loss"] for row in rows]
    assert losses[-1] < losses[0]
    assert run["summary"]["valid/accuracy"]["max"] == max(row["valid/accuracy"] for row in rows)
    assert run["config"]["model"]["kind"] == "SGDClassifier"
    assert run["tags"] == ["digits", "scikit-learn"]
    assert len(rows[0]["weights"]["bins"]) == len(rows[0]["weights"]["values"]) + 1
    assert runs.list_logs(run["name"])[-1].startswith("epoch 19: accuracy")
    assert {"wandb-metadata.json", "requirements.txt", "config.yaml"} <= set(
        runs.list_files(run["name"])
    )


def test_a_run_made_offline_and_synced_is_the_run_made_online(
    client: OfficialClient, runs: RunReader, project: str
) -> None:
    training = (EXAMPLES / "train_sklearn.py", "--project", project, "--name", "digits")
    client.run_script(*training, WANDB_RUN_ID="online")
    client.run_script(*training, WANDB_RUN_ID="offline", WANDB_MODE="offline")
    assert [run["name"] for run in runs.list_runs()] == ["online"]
    client.command("sync", *map(str, client.offline_runs()))
    assert runs.export_by_rest("offline") == runs.export_by_rest("online")
    assert runs.export_by_client(client, "offline") == runs.export_by_client(client, "online")


def test_syncing_twice_changes_nothing(client: OfficialClient, runs: RunReader) -> None:
    client.run_script(
        "import wandb\n"
        "with wandb.init(id='twice') as run:\n"
        "    for step in range(30): run.log({'loss': 1 / (step + 1)})\n",
        WANDB_MODE="offline",
    )
    client.command("sync", *map(str, client.offline_runs()))
    first = runs.export_by_rest("twice")
    client.command("sync", "--include-synced", *map(str, client.offline_runs()))
    second = runs.export_by_rest("twice")
    # The client numbers what it sends again behind what is there, as it must for the parts of a
    # resumed run: the same rows at the same steps, counted as written twice.
    for count in ("history_row_count", "overwritten_value_count"):
        del first[count], second[count]
    assert second == first
    assert len(first["history"]) == 30


def test_the_clients_api_reads_back_what_was_logged(
    client: OfficialClient, runs: RunReader
) -> None:
    client.run_script(
        "import wandb\n"
        "with wandb.init(id='back', name='shown', config={'lr': 0.1, 'net': {'depth': 3}},\n"
        "                tags=['b', 'a'], notes='why', group='g', job_type='train') as run:\n"
        "    for step in range(5): run.log({'loss': step * 0.5, 'deep': {'x': step}})\n"
    )
    export = runs.export_by_client(client, "back")
    assert export["name"] == "shown"
    assert export["state"] == "finished"
    assert export["config"] == {"lr": 0.1, "net": {"depth": 3}}
    assert (export["tags"], export["notes"]) == (["a", "b"], "why")
    assert (export["group"], export["job_type"]) == ("g", "train")
    assert [row["loss"] for row in export["history"]] == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert [row["deep"]["x"] for row in export["history"]] == [0, 1, 2, 3, 4]
    assert export["last_step"] == 4
    assert export["summary"]["loss"] == 2.0
