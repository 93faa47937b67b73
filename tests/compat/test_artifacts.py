"""Artifacts with the official client: what it logs is what it gets back, and nothing twice."""

from __future__ import annotations

import filecmp
import json
import random
from pathlib import Path
from typing import Any

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import OfficialClient
from tests.support.run_reader import RunReader

#: What every script below has at hand.
COMMON = """
import json, os, sys, wandb

def log(run, name, type="dataset", root="source", aliases=None, **options):
    artifact = wandb.Artifact(name, type=type, **options)
    artifact.add_dir(root)
    run.log_artifact(artifact, aliases=aliases)
    return artifact.wait()

def say(**facts):
    print("SAID" + json.dumps(facts))
"""


def said(client: OfficialClient, script: str, *arguments: str, **environ: str) -> dict[str, Any]:
    """What the script said with its last `say(…)`."""
    done = client.run_script(COMMON + script, *arguments, **environ)
    lines = [line for line in done.stdout.splitlines() if line.startswith("SAID")]
    assert lines, done.stdout[-3000:]
    facts: dict[str, Any] = json.loads(lines[-1][len("SAID") :])
    return facts


def fill(folder: Path, seed: int = 0) -> Path:
    """A folder with what breaks careless code: empty files, odd names, depth, binary."""
    generator = random.Random(seed)
    for name, size in {
        "train.jsonl": 3000,
        "empty.bin": 0,
        "a/b/c/deep.txt": 17,
        "with space & 100 % + #hash?.txt": 40,
        "umlaut-äöü-日本.txt": 9,
        "binary.bin": 70_000,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(generator.randbytes(size))
    return folder


def assert_same_tree(left: Path, right: Path) -> None:
    """`diff -r` says nothing."""
    names = {path.relative_to(left) for path in left.rglob("*") if path.is_file()}
    assert names == {path.relative_to(right) for path in right.rglob("*") if path.is_file()}
    for name in names:
        assert filecmp.cmp(left / name, right / name, shallow=False), name


@pytest.fixture
def source(client: OfficialClient) -> Path:
    return fill(client.home / "source")


def test_what_is_downloaded_is_what_was_logged(
    client: OfficialClient, source: Path, runs: RunReader
) -> None:
    logged = said(
        client,
        """
with wandb.init(id="maker") as run:
    it = log(run, "data", aliases=["best", "v-one"], metadata={"rows": 3, "nested": {"a": [1]}})
    say(version=it.version, digest=it.digest, size=it.size, state=it.state)
""",
    )
    used = said(
        client,
        """
with wandb.init(id="user") as run:
    it = run.use_artifact("data:best")
    it.download("loaded")
    it.verify("loaded")
    entry = it.get_entry("a/b/c/deep.txt").download("single")
    say(version=it.version, digest=it.digest, size=it.size, aliases=sorted(it.aliases),
        metadata=it.metadata, files=sorted(file.name for file in it.files()),
        count=it.file_count, maker=it.logged_by().id, type=it.type, name=it.name,
        users=[user.id for user in it.used_by()])
""",
    )
    assert_same_tree(source, client.home / "loaded")
    assert (client.home / "single/a/b/c/deep.txt").read_bytes() == (
        source / "a/b/c/deep.txt"
    ).read_bytes()
    assert logged["version"] == used["version"] == "v0"
    assert logged["digest"] == used["digest"]
    assert logged["state"] == "COMMITTED"
    assert (
        logged["size"]
        == used["size"]
        == sum(path.stat().st_size for path in source.rglob("*") if path.is_file())
    )
    assert used["aliases"] == ["best", "latest", "v-one"]
    assert used["metadata"] == {"rows": 3, "nested": {"a": [1]}}
    assert used["count"] == len(used["files"]) == 6
    assert (used["type"], used["name"]) == ("dataset", "data:best")
    assert (used["maker"], used["users"]) == ("maker", ["user"])


def test_the_same_content_is_no_new_version_and_one_changed_file_is_one_upload(
    client: OfficialClient, source: Path
) -> None:
    script = """
with wandb.init() as run:
    it = log(run, "data", aliases=sys.argv[1:])
    births = {name: entry.birth_artifact_id for name, entry in it.manifest.entries.items()}
    say(version=it.version, id=it.id, births=births)
"""
    first = said(client, script, "one")
    again = said(client, script, "two")
    assert (again["version"], again["id"]) == ("v0", first["id"])
    (source / "train.jsonl").write_text("changed")
    changed = said(client, script, "three")
    assert changed["version"] == "v1"
    own = {name for name, birth in changed["births"].items() if birth == changed["id"]}
    assert own == {"train.jsonl"}
    found = said(
        client,
        """
api = wandb.Api()
versions = api.artifacts("dataset", f"{os.environ['WANDB_PROJECT']}/data")
say(aliases={each.version: sorted(each.aliases) for each in versions})
""",
    )
    assert found["aliases"] == {"v0": ["one", "two"], "v1": ["latest", "three"]}


def test_an_alias_rolls_back_to_an_earlier_version(client: OfficialClient, source: Path) -> None:
    said(
        client,
        """
with wandb.init() as run:
    for number in range(3):
        open("source/train.jsonl", "w").write(str(number))
        it = log(run, "data", aliases=["production"])
say()
""",
    )
    found = said(
        client,
        """
api = wandb.Api()
path = os.environ["WANDB_PROJECT"] + "/data:"
before = api.artifact(path + "production").version
old = api.artifact(path + "v0")
old.aliases.append("production")
old.save()
after = api.artifact(path + "production")
after.download("rolled-back")
newest = api.artifact(path + "v2")
say(before=before, after=after.version, newest=sorted(newest.aliases))
""",
    )
    assert (found["before"], found["after"]) == ("v2", "v0")
    assert found["newest"] == ["latest"]
    assert (client.home / "rolled-back/train.jsonl").read_text() == "0"


def test_a_reference_is_kept_without_its_content(client: OfficialClient, tmp_path: Path) -> None:
    original = tmp_path / "elsewhere" / "big.bin"
    original.parent.mkdir()
    original.write_bytes(b"never uploaded " * 1000)
    found = said(
        client,
        """
with wandb.init() as run:
    it = wandb.Artifact("refs", type="dataset")
    it.add_reference(sys.argv[1], name="big.bin")
    it.add_reference("s3://bucket/key", name="far", checksum=False)
    run.log_artifact(it).wait()
got = wandb.Api().artifact(os.environ["WANDB_PROJECT"] + "/refs:latest")
entries = {name: entry.ref for name, entry in got.manifest.entries.items()}
got.get_entry("big.bin").download("loaded")
say(entries=entries, files=[file.name for file in got.files()], size=got.size)
""",
        original.as_uri(),
    )
    assert found["entries"] == {"big.bin": original.as_uri(), "far": "s3://bucket/key"}
    assert (client.home / "loaded/big.bin").read_bytes() == original.read_bytes()
    assert found["size"] == original.stat().st_size


def test_a_table_is_logged_as_an_artifact_of_its_run(client: OfficialClient) -> None:
    found = said(
        client,
        """
with wandb.init(id="r") as run:
    run.log({"eval/table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])})
run = wandb.Api().run(os.environ["WANDB_PROJECT"] + "/r")
[logged] = [each for each in run.logged_artifacts() if each.type == "run_table"]
table = logged.get("eval/table.table.json") or logged.get("eval/table")
value = run.summary["eval/table"]
say(name=logged.name, data=table.data, columns=table.columns,
    path=value["artifact_path"], rows=value["nrows"])
""",
    )
    assert found["name"].startswith("run-r-evaltable")
    assert found["name"].endswith(":v0")
    assert (found["columns"], found["data"]) == (["a", "b"], [[1, "x"], [2, "y"]])
    assert found["rows"] == 2
    assert found["path"].startswith("wandb-client-artifact://")


def test_an_artifact_refers_to_another_of_the_same_run(client: OfficialClient) -> None:
    """`wandb-client-artifact://` becomes the artifact that the server knows."""
    found = said(
        client,
        """
with wandb.init() as run:
    base = wandb.Artifact("base", type="dataset")
    table = wandb.Table(columns=["a"], data=[[1]])
    base.add(table, "t")
    run.log_artifact(base)
    view = wandb.Artifact("view", type="dataset")
    view.add(table, "again")
    run.log_artifact(view).wait()
got = wandb.Api().artifact(os.environ["WANDB_PROJECT"] + "/view:latest")
say(refs=[entry.ref for entry in got.manifest.entries.values()], data=got.get("again").data)
""",
    )
    assert all(ref.startswith("wandb-artifact://") for ref in found["refs"])
    assert found["data"] == [[1]]


def test_a_version_linked_to_a_portfolio_is_had_from_there(
    client: OfficialClient, source: Path
) -> None:
    found = said(
        client,
        """
with wandb.init() as run:
    for number in range(2):
        open("source/train.jsonl", "w").write(str(number))
        it = log(run, "data")
    run.link_artifact(it, "chosen", aliases=["good"])
api = wandb.Api()
path = os.environ["WANDB_PROJECT"]
link = api.artifact(f"{path}/chosen:good")
link.download("loaded")
kinds = {each.name: each.is_sequence() for each in api.project(path).collections()}
facts = dict(version=link.version, source=link.source_version, is_link=link.is_link,
             links=[each.name for each in api.artifact(f"{path}/data:v1").linked_artifacts],
             kinds=kinds)
link.unlink()
say(**facts, gone=not api.artifact_exists(f"{path}/chosen:v0"),
    kept=api.artifact_exists(f"{path}/data:v1"))
""",
    )
    assert_same_tree(source, client.home / "loaded")
    assert found == {
        "version": "v0",
        "source": "v1",
        "is_link": True,
        "links": ["chosen:v0"],
        "kinds": {"data": True, "chosen": False},
        "gone": True,
        "kept": True,
    }


def test_a_version_with_aliases_is_deleted_only_when_that_is_said(
    client: OfficialClient, source: Path
) -> None:
    found = said(
        client,
        """
with wandb.init() as run:
    log(run, "data", aliases=["kept"])
api = wandb.Api()
path = os.environ["WANDB_PROJECT"] + "/data"
it = api.artifact(path + ":v0")
try:
    it.delete()
    refused = ""
except Exception as error:
    refused = str(error)
it.delete(delete_aliases=True)
gone = not api.artifact_exists(path + ":v0")
with wandb.init() as run:
    again = log(run, "data")
say(refused=refused, gone=gone, again=again.version)
""",
    )
    assert "alias" in found["refused"]
    assert found["gone"] is True
    assert found["again"] == "v1", "the number of a deleted version is not given twice"


def test_collections_types_and_tags_are_listed_and_edited(
    client: OfficialClient, source: Path
) -> None:
    found = said(
        client,
        """
path = os.environ["WANDB_PROJECT"]
with wandb.init() as run:
    log(run, "beta")
    log(run, "alpha", type="model")
    log(run, "gamma")
api = wandb.Api()
one = api.artifact_collection("dataset", f"{path}/beta")
one.description, one.name = "renamed", "delta"
one.tags = ["curated"]
one.save()
moved = api.artifact_collection("dataset", f"{path}/gamma")
moved.change_type("model")
say(types=sorted(each.name for each in api.artifact_types(path)),
    datasets=[each.name for each in api.artifact_type("dataset", path).collections()],
    models=[each.name for each in api.artifact_collections(path, "model", order="name")],
    filtered=[each.name for each in api.project(path).collections(filters={"name": "alpha"})],
    page=[each.name for each in api.artifact_collections(path, "model", per_page=1)],
    tags=list(api.artifact_collection("dataset", f"{path}/delta").tags),
    described=api.artifact_collection("dataset", f"{path}/delta").description)
""",
    )
    assert found["types"] == ["dataset", "model"]
    assert found["datasets"] == ["delta"]
    assert found["models"] == ["alpha", "gamma"]
    assert sorted(found["page"]) == ["alpha", "gamma"]
    assert found["filtered"] == ["alpha"]
    assert (found["tags"], found["described"]) == (["curated"], "renamed")


def test_writers_that_share_an_id_make_one_version(client: OfficialClient, source: Path) -> None:
    found = said(
        client,
        """
for number in range(3):
    with wandb.init(group="many") as run:
        it = wandb.Artifact("shared", type="dataset")
        with it.new_file(f"part-{number}.txt") as file:
            file.write(str(number))
        run.upsert_artifact(it, distributed_id="together")
with wandb.init(group="many") as run:
    it = wandb.Artifact("shared", type="dataset")
    with it.new_file("last.txt") as file:
        file.write("last")
    run.finish_artifact(it, distributed_id="together").wait()
got = wandb.Api().artifact(os.environ["WANDB_PROJECT"] + "/shared:latest")
say(version=got.version, files=sorted(got.manifest.entries))
""",
    )
    assert found["version"] == "v0"
    assert found["files"] == ["last.txt", "part-0.txt", "part-1.txt", "part-2.txt"]


def test_an_incremental_version_has_the_files_of_the_one_before(
    client: OfficialClient, source: Path
) -> None:
    found = said(
        client,
        """
with wandb.init() as run:
    log(run, "data")
    more = wandb.Artifact("data", type="dataset", incremental=True)
    with more.new_file("added.txt") as file:
        file.write("new")
    run.log_artifact(more).wait()
got = wandb.Api().artifact(os.environ["WANDB_PROJECT"] + "/data:latest")
got.download("loaded")
say(version=got.version)
""",
    )
    assert found["version"] == "v1"
    (source / "added.txt").write_text("new")
    assert_same_tree(source, client.home / "loaded")


def test_a_model_is_logged_used_and_linked(client: OfficialClient, source: Path) -> None:
    found = said(
        client,
        """
with wandb.init() as run:
    run.log_model("source/binary.bin", name="net")
    run.link_model("source/binary.bin", "candidates", name="net")
    path = run.use_model("model-registry/candidates:v0")
say(path=os.path.basename(path), size=os.path.getsize(path))
""",
    )
    assert found == {"path": "binary.bin", "size": 70_000}


def test_what_was_logged_offline_is_there_after_sync(
    client: OfficialClient, source: Path, shared_server: ThrowawayServer
) -> None:
    script = (
        COMMON
        + """
with wandb.init() as run:
    it = wandb.Artifact("data", type="dataset")
    it.add_dir("source")
    run.log_artifact(it)
"""
    )
    client.run_script(script, WANDB_MODE="offline")
    client.command("sync", str(client.offline_runs()[0]))
    said(
        client,
        """
wandb.Api().artifact(os.environ["WANDB_PROJECT"] + "/data:latest").download("loaded")
say()
""",
    )
    assert_same_tree(source, client.home / "loaded")
