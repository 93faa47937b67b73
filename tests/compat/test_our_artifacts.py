"""Artifacts with our client and the official one: one script, the same digests and listings."""

from __future__ import annotations

import filecmp
import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.sdk.sender.link import Link
from steelyard.sdk.wandb_import import sync_wandb_file
from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import OfficialClient
from tests.support.run_reader import RunReader
from tests.support.sdk_user import SdkUser
from tests.support.staged import ArtifactReader

SOURCES = {
    "data/train.jsonl": '{"a": 1}\n' * 100,
    "data/val.jsonl": '{"a": 2}\n',
    "output/checkpoint-final/model.safetensors": "w" * 300_000,
    "output/checkpoint-final/sub/config.json": "{}",
    "output/checkpoint-final/empty": "",
}

TWO_ARTIFACTS = """
import wandb
run = wandb.init(project=PROJECT)
dataset_artifact = wandb.Artifact("training-data-v2", type="dataset")
dataset_artifact.add_file("data/train.jsonl")
dataset_artifact.add_file("data/val.jsonl")
run.log_artifact(dataset_artifact)
model_artifact = wandb.Artifact("llama3-8b-finetuned", type="model",
                                metadata={"val_loss": 0.42, "lora_r": 16})
model_artifact.add_dir("./output/checkpoint-final")
run.log_artifact(model_artifact)
dataset_artifact.wait()
model_artifact.wait()
run.finish()
"""

REFERENCES = """
import wandb
run = wandb.init(project=PROJECT)
artifact = wandb.Artifact("pointers", type="dataset")
artifact.add_reference("s3://bucket/path", name="far", checksum=False)
run.log_artifact(artifact, aliases=["best"], tags=["t"])
run.finish()
"""

USE = """
import wandb
run = wandb.init(project=PROJECT, id=RUN_ID)
artifact = run.use_artifact("llama3-8b-finetuned:v0", type="model")
path = artifact.download("./loaded_model")
print("PATH", path, artifact.version, artifact.metadata["lora_r"])
model = run.use_model("llama3-8b-finetuned")
linked = run.link_artifact(artifact, "registered", aliases=["prod"])
print("LINK", linked.name, sorted(linked.aliases))
try:
    run.use_artifact("nothing-there:v0")
except (ValueError, wandb.errors.CommError):
    print("MISSING")
run.finish()
"""


@pytest.fixture
def us(user: SdkUser) -> SdkUser:
    return write_sources(user)


def write_sources(home: Any) -> Any:
    for name, text in SOURCES.items():
        file = home.home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return home


def ours(script: str, **names: str) -> str:
    return theirs(script, **names).replace("import wandb\n", "import steelyard as wandb\n", 1)


def theirs(script: str, **names: str) -> str:
    for name, value in names.items():
        script = script.replace(name, repr(value))
    return script


def describe(reader: ArtifactReader, name: str) -> dict[str, Any]:
    """What two clients have to agree about."""
    found = reader.get(name)
    keys = ("digest", "type", "metadata", "aliases", "size_bytes", "file_count", "description")
    files = {
        path: (item["size_bytes"], item["digest"], item["ref"])
        for path, item in reader.files(name).items()
    }
    return {key: found[key] for key in keys} | {"files": files}


def same_tree(left: Path, right: Path) -> bool:
    names = sorted(path.relative_to(left) for path in left.rglob("*") if path.is_file())
    others = sorted(path.relative_to(right) for path in right.rglob("*") if path.is_file())
    return names == others and all(
        filecmp.cmp(left / name, right / name, shallow=False) for name in names
    )


def test_both_clients_make_the_same_artifacts_of_a_script(
    us: SdkUser, client: OfficialClient, shared_server: ThrowawayServer, project: str
) -> None:
    write_sources(client)
    us.run(ours(TWO_ARTIFACTS, PROJECT=f"{project}-a"))
    client.run_script(theirs(TWO_ARTIFACTS, PROJECT=f"{project}-b"))
    our, their = (ArtifactReader(shared_server, f"{project}-{each}") for each in "ab")
    for name in ("training-data-v2", "llama3-8b-finetuned"):
        assert describe(our, name) == describe(their, name)
    for reader in (our, their):
        [run] = RunReader(shared_server, reader.project).list_runs()
        outputs = reader.run_artifacts(run["name"])["outputs"]
        assert sorted(each["name"] for each in outputs) == [
            "llama3-8b-finetuned",
            "training-data-v2",
        ]


def test_an_artifact_of_either_client_is_used_by_both(
    us: SdkUser, client: OfficialClient, shared_server: ThrowawayServer, project: str
) -> None:
    us.run(ours(TWO_ARTIFACTS, PROJECT=project))
    done = us.run(ours(USE, PROJECT=project, RUN_ID="ours"))
    theirs_done = client.run_script(theirs(USE, PROJECT=project, RUN_ID="theirs"))
    for output in (done.stdout, theirs_done.stdout):
        assert "v0 16" in output
        assert "LINK registered:v0 ['latest', 'prod']" in output
        assert "MISSING" in output
    source = us.home / "output" / "checkpoint-final"
    assert same_tree(source, us.home / "loaded_model")
    assert same_tree(source, client.home / "loaded_model")
    reader = ArtifactReader(shared_server, project)
    for run in ("ours", "theirs"):
        inputs = {(each["name"], each["version"]) for each in reader.run_artifacts(run)["inputs"]}
        assert ("llama3-8b-finetuned", "v0") in inputs


def test_the_same_content_is_no_new_version_and_another_is(
    us: SdkUser, shared_server: ThrowawayServer, project: str
) -> None:
    for _ in range(2):
        us.run(ours(TWO_ARTIFACTS, PROJECT=project))
    reader = ArtifactReader(shared_server, project)
    assert len(reader.versions("training-data-v2")) == 1
    (us.home / "data" / "val.jsonl").write_text("changed")
    us.run(ours(TWO_ARTIFACTS, PROJECT=project))
    assert len(reader.versions("training-data-v2")) == 2
    assert reader.get("training-data-v2")["version"] == "v1"
    assert len(reader.versions("llama3-8b-finetuned")) == 1


def test_offline_and_our_sync_is_online(
    us: SdkUser, shared_server: ThrowawayServer, project: str
) -> None:
    offline = ours(TWO_ARTIFACTS, PROJECT=project).replace("dataset_artifact.wait()", "")
    us.run(offline.replace("model_artifact.wait()", ""), WANDB_MODE="offline")
    us.run(ours(REFERENCES, PROJECT=project), WANDB_MODE="offline")
    (us.home / "data" / "val.jsonl").write_text("changed after it was logged")
    moved = us.home / "moved"
    (us.home / "steelyard").rename(moved)
    for _ in range(2):
        done = us.command("sync", str(moved))
        assert done.returncode == 0, done.stdout
    assert "2 artifacts" in us.command("sync", "--from-start", str(moved)).stdout
    us.run(ours(TWO_ARTIFACTS, PROJECT=f"{project}-online"))
    reader = ArtifactReader(shared_server, project)
    online = ArtifactReader(shared_server, f"{project}-online")
    name = "llama3-8b-finetuned"
    assert describe(reader, name) == describe(online, name)
    assert reader.files("training-data-v2")["val.jsonl"]["size_bytes"] == 9
    pointer = reader.get("pointers", "best")
    assert (pointer["tags"], pointer["file_count"]) == (["t"], 1)
    assert reader.files("pointers")["far"]["ref"] == "s3://bucket/path"


def test_artifacts_of_an_offline_run_of_the_official_client_are_sent_by_our_sync(
    client: OfficialClient, shared_server: ThrowawayServer, project: str
) -> None:
    write_sources(client)
    offline = theirs(TWO_ARTIFACTS, PROJECT=project).replace("dataset_artifact.wait()", "")
    offline = offline.replace("model_artifact.wait()", "")
    client.run_script(offline, WANDB_MODE="offline")
    (folder,) = client.offline_runs()
    link = Link({"base_url": shared_server.base_url, "api_key": shared_server.owner_key})
    log = next(folder.glob("run-*.wandb"))
    for _ in range(2):
        outcome = sync_wandb_file(log, link, project=project)
        assert outcome.is_complete, outcome
        assert (outcome.artifacts_done, outcome.notices) == (2, ())
    client.run_script(theirs(TWO_ARTIFACTS, PROJECT=f"{project}-online"))
    reader = ArtifactReader(shared_server, project)
    online = ArtifactReader(shared_server, f"{project}-online")
    for name in ("training-data-v2", "llama3-8b-finetuned"):
        assert describe(reader, name) == describe(online, name)
        assert len(reader.versions(name)) == 1


def test_parts_of_a_distributed_artifact_are_one_version(
    us: SdkUser, shared_server: ThrowawayServer, project: str
) -> None:
    script = """
import sys, wandb
run = wandb.init(project=PROJECT, group="g")
artifact = wandb.Artifact("whole", type="dataset")
with artifact.new_file(f"part-{sys.argv[1]}.txt") as file:
    file.write(sys.argv[1])
if sys.argv[1] == "last":
    run.finish_artifact(artifact, distributed_id="d").wait()
else:
    run.upsert_artifact(artifact, distributed_id="d").wait()
run.finish()
"""
    for part in ("one", "two", "last"):
        us.run(ours(script, PROJECT=project), part)
    reader = ArtifactReader(shared_server, project)
    assert len(reader.versions("whole")) == 1
    assert sorted(reader.files("whole")) == ["part-last.txt", "part-one.txt", "part-two.txt"]


def test_code_is_an_artifact_and_files_of_the_run(
    us: SdkUser, client: OfficialClient, shared_server: ThrowawayServer, project: str
) -> None:
    script = "import wandb\nrun = wandb.init(project=PROJECT)\nrun.log_code('src')\nrun.finish()\n"
    for home in (us, client):
        (home.home / "src").mkdir()
        (home.home / "src" / "model.py").write_text("x = 1\n")
        name = project if home is us else f"{project}-b"
        text = ours(script, PROJECT=name) if home is us else theirs(script, PROJECT=name)
        (home.home / "train.py").write_text(text)
    us._run(["train.py"], True, None, None, (), {})
    client.run_script(Path("train.py"))
    our, their = (
        ArtifactReader(shared_server, project),
        ArtifactReader(shared_server, f"{project}-b"),
    )
    assert (
        our.get(f"source-{project}-train.py")["digest"]
        == their.get(f"source-{project}-b-train.py")["digest"]
    )


def test_a_table_of_a_row_is_an_artifact_of_the_run_with_its_own_and_both_clients(
    us: SdkUser, client: OfficialClient, shared_server: ThrowawayServer, project: str
) -> None:
    script = """
import wandb
import pandas as pd
run = wandb.init(project=PROJECT, id="r")
predictions = [{"question": "What is RAG?", "expected": "x", "predicted": "y", "score": 0.5}]
df = pd.DataFrame(predictions)
table = wandb.Table(dataframe=df)
run.log({"eval/predictions": table})
run.finish()
"""
    us.run(ours(script, PROJECT=project))
    client.run_script(theirs(script, PROJECT=f"{project}-b"))
    found = []
    for name in (project, f"{project}-b"):
        reader = ArtifactReader(shared_server, name)
        [output] = reader.run_artifacts("r")["outputs"]
        assert output["type"] == "run_table"
        found.append((output["name"], sorted(reader.files(output["name"]))))
    assert found[0] == found[1], json.dumps(found)
