"""Sample scripts of guides that log artifacts and tables, run with the official client as printed
and with `import steelyard as wandb`: only undefined helpers are filled in, and the project is one
of the test's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.compat.test_artifacts import assert_same_tree
from tests.support.official_client import OfficialClient
from tests.support.run_reader import RunReader
from tests.support.sdk_user import SdkUser
from tests.support.staged import ArtifactReader

DATASET_AND_MODEL = """\
import wandb
run = wandb.init(project="llm-finetuning")
dataset_artifact = wandb.Artifact("training-data-v2", type="dataset")
dataset_artifact.add_file("data/train.jsonl")
dataset_artifact.add_file("data/val.jsonl")
run.log_artifact(dataset_artifact)
model_artifact = wandb.Artifact("llama3-8b-finetuned", type="model",
                                metadata={"val_loss": 0.42, "lora_r": 16})
model_artifact.add_dir("./output/checkpoint-final")
run.log_artifact(model_artifact)
api = wandb.Api()
artifact = api.artifact("my-project/llama3-8b-finetuned:v3")
artifact.download("./loaded_model")
"""

#: The guide logs to one project and reads v3 of another.
FOUR_VERSIONS = """\
import wandb
import pathlib
with wandb.init(project="my-project") as run:
    for number in range(4):
        pathlib.Path("output/checkpoint-final/step.txt").write_text(str(number))
        artifact = wandb.Artifact("llama3-8b-finetuned", type="model")
        artifact.add_dir("output/checkpoint-final")
        run.log_artifact(artifact)
"""

REFERENCE = """\
import wandb
run = wandb.init(project="llm-finetuning")
artifact = wandb.Artifact("pretraining-corpus", type="dataset")
artifact.add_reference("s3://my-bucket/corpus/shard-000.jsonl", checksum=False)
run.log_artifact(artifact)
run.finish()
"""

TABLE_OF_PREDICTIONS = """\
import wandb
import pandas as pd
run = wandb.init(project="llm-evaluation")
predictions = [
    {"question": "What is RAG?", "expected": "Retrieval-augmented generation...",
     "predicted": model_output, "score": evaluate_score(expected, predicted)}
    for question, expected, predicted in eval_data
]
df = pd.DataFrame(predictions)
table = wandb.Table(dataframe=df)
run.log({"eval/predictions": table})
run.finish()
"""

#: What it calls and its guide leaves out.
STUBS = """\
model_output = "an answer"
eval_data = [(f"q{n}", f"e{n}", f"p{n}") for n in range(25)]
def evaluate_score(expected, predicted): return 0.5
"""


class Writer:
    """Somebody who runs the samples, with one client or the other."""

    def __init__(self, run: Callable[..., Any], sync: Callable[[], Any], home: Path) -> None:
        self.run, self.sync, self.home = run, sync, home


@pytest.fixture(params=["official", "ours"])
def writer(
    request: pytest.FixtureRequest,
    client: OfficialClient,
    user: SdkUser,
) -> Writer:
    if request.param == "official":

        def sync() -> None:
            for folder in client.offline_runs():
                client.command("sync", str(folder))

        return Writer(client.run_script, sync, client.home)

    def run(script: str, **environ: str) -> Any:
        return user.run(script.replace("import wandb\n", "import steelyard as wandb\n"), **environ)

    return Writer(run, lambda: user.command("sync", str(user.home / "steelyard")), user.home)


def test_a_dataset_and_a_model_are_logged_and_an_earlier_version_is_loaded(
    writer: Writer, shared_server: ThrowawayServer, project: str
) -> None:
    data, checkpoint = writer.home / "data", writer.home / "output/checkpoint-final"
    data.mkdir()
    checkpoint.mkdir(parents=True)
    for name in ("train.jsonl", "val.jsonl"):
        (data / name).write_text(json.dumps({"text": name}) + "\n")
    (checkpoint / "weights.bin").write_bytes(bytes(range(256)) * 100)
    writer.run(FOUR_VERSIONS.replace("my-project", project))
    script = DATASET_AND_MODEL.replace("llm-finetuning", f"{project}-own")
    writer.run(script.replace("my-project", project))
    assert_same_tree(checkpoint, writer.home / "loaded_model")
    found = ArtifactReader(shared_server, f"{project}-own")
    model = found.get("llama3-8b-finetuned")
    assert (model["version"], model["type"]) == ("v0", "model")
    assert model["metadata"] == {"val_loss": 0.42, "lora_r": 16}
    files = found.files("training-data-v2", "v0")
    assert {path: item["size_bytes"] for path, item in files.items()} == {
        path.name: path.stat().st_size for path in data.glob("*.jsonl")
    }


def test_a_data_frame_of_predictions_is_a_table_with_all_its_rows(
    writer: Writer, shared_server: ThrowawayServer, project: str
) -> None:
    script = STUBS + TABLE_OF_PREDICTIONS.replace("llm-evaluation", project)
    writer.run(script, WANDB_RUN_ID="r")
    runs, found = RunReader(shared_server, project), ArtifactReader(shared_server, project)
    value = runs.get_run("r")["summary"]["eval/predictions"]
    assert (value["_type"], value["nrows"], value["ncols"]) == ("table-file", 25, 4)
    [output] = found.run_artifacts("r")["outputs"]
    assert output["type"] == "run_table"
    at = {"key": "eval/predictions", "step": 0, "runs": ["r"]}
    place = f"/api/v1/{runs.entity}/{project}"
    shown = shared_server.call("POST", f"{place}/media:at", content=at)["runs"][0]["items"][0]
    assert len(shown["table_refs"]) == 2  # the artifact, and the file beside the run
    for ref in shown["table_refs"]:
        page = shared_server.call("POST", "/api/v1/tables:query", content={"ref": ref})
        assert [(column["name"], column["type"]) for column in page["columns"]] == [
            ("question", "string"),
            ("expected", "string"),
            ("predicted", "string"),
            ("score", "number"),
        ]
        assert page["total"] == 25
        assert page["rows"][0][:3] == [
            "What is RAG?", "Retrieval-augmented generation...", "an answer",
        ]  # fmt: skip


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_a_reference_is_logged_by_its_address_online_and_offline(
    writer: Writer, shared_server: ThrowawayServer, project: str, mode: str
) -> None:
    """No package of the cloud and no credentials are needed for the address alone."""
    writer.run(REFERENCE.replace("llm-finetuning", project), WANDB_MODE=mode)
    found = ArtifactReader(shared_server, project)
    if mode == "offline":
        assert found.versions("pretraining-corpus") == []
        writer.sync()
    (entry,) = found.files("pretraining-corpus").values()
    assert entry["ref"] == "s3://my-bucket/corpus/shard-000.jsonl"
    assert len(found.versions("pretraining-corpus")) == 1
