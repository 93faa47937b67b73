"""Sample scripts of guides that log artifacts and tables, run with the official client as printed:
only undefined helpers are filled in, and the project is one of the test's own.
"""

from __future__ import annotations

import json

from steelyard.testing.server import ThrowawayServer
from tests.compat.test_artifacts import assert_same_tree, said
from tests.support.official_client import OfficialClient
from tests.support.run_reader import RunReader

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
FOUR_VERSIONS = """
import pathlib
with wandb.init(project=sys.argv[1]) as run:
    for number in range(4):
        pathlib.Path("output/checkpoint-final/step.txt").write_text(str(number))
        log(run, "llama3-8b-finetuned", type="model", root="output/checkpoint-final")
say()
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


def test_a_dataset_and_a_model_are_logged_and_an_earlier_version_is_loaded(
    client: OfficialClient, runs: RunReader, project: str
) -> None:
    data, checkpoint = client.home / "data", client.home / "output/checkpoint-final"
    data.mkdir()
    checkpoint.mkdir(parents=True)
    for name in ("train.jsonl", "val.jsonl"):
        (data / name).write_text(json.dumps({"text": name}) + "\\n")
    (checkpoint / "weights.bin").write_bytes(bytes(range(256)) * 100)
    said(client, FOUR_VERSIONS, project)
    script = DATASET_AND_MODEL.replace("llm-finetuning", f"{project}-own")
    client.run_script(script.replace("my-project", project))
    assert_same_tree(checkpoint, client.home / "loaded_model")
    found = said(
        client,
        """
api = wandb.Api()
model = api.artifact(f"{sys.argv[1]}-own/llama3-8b-finetuned:latest")
data = api.artifact(f"{sys.argv[1]}-own/training-data-v2:v0")
data.download("loaded_data")
say(version=model.version, metadata=model.metadata, files=sorted(data.manifest.entries))
""",
        project,
    )
    assert found["version"] == "v0"
    assert found["metadata"] == {"val_loss": 0.42, "lora_r": 16}
    assert found["files"] == ["train.jsonl", "val.jsonl"]
    assert_same_tree(data, client.home / "loaded_data")


def test_a_data_frame_of_predictions_is_a_table_with_all_its_rows(
    client: OfficialClient, shared_server: ThrowawayServer, project: str
) -> None:
    script = STUBS + TABLE_OF_PREDICTIONS.replace("llm-evaluation", project)
    client.run_script(script, WANDB_RUN_ID="r")
    found = said(
        client,
        """
run = wandb.Api().run(sys.argv[1] + "/r")
value = run.summary["eval/predictions"]
[logged] = [each for each in run.logged_artifacts() if each.type == "run_table"]
table = logged.get("eval/predictions")
file = run.file(value["path"]).download("files", replace=True)
say(type=value["_type"], rows=value["nrows"], columns=table.columns, first=table.data[0],
    count=len(table.data), in_file=len(json.load(open(file.name))["data"]))
""",
        project,
    )
    assert found["type"] == "table-file"
    assert found["columns"] == ["question", "expected", "predicted", "score"]
    assert found["first"] == ["What is RAG?", "Retrieval-augmented generation...", "an answer", 0.5]
    assert found["rows"] == found["count"] == found["in_file"] == 25
