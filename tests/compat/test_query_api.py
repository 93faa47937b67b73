"""The query API of both clients on one server: one script, the same answers.

Errors differ in one way: what is not there is a ValueError and a CommError with ours, and one of
the two with the official client.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import OfficialClient
from tests.support.sdk_user import SdkUser

RUNS = """
import sys, wandb
for i in range(3):
    config = {"lr": 10.0 ** -i, "net": {"depth": i}, "opt": "adam" if i % 2 else "sgd"}
    run = wandb.init(project=sys.argv[1], name=f"run {i}", id=f"r{i}", config=config,
                     tags=["best"] if i == 2 else [f"t{i}"], group="g" if i < 2 else None,
                     notes=f"note {i}", job_type="train")
    print("a line of the console")
    for step in range(25):
        row = {"loss": 1.0 / (step + 1 + i), "acc": step * 0.01 * i}
        if step % 5 == 0:
            row["val/loss"] = 2.0 / (step + 1)
        if step == 3:
            row["odd"] = float("nan")
        if step == 4:
            row |= {"text": "hello", "nest": {"a": 1, "b": [1, 2]}}
        run.log(row)
    run.summary["best"] = i
    for name in ("notes.txt", "w.bin"):
        with open(name, "w") as file:
            file.write(f"{i} {name}")
    run.save("notes.txt")
    artifact = wandb.Artifact("llama", type="model", metadata={"val_loss": 0.1 * i})
    artifact.add_file("w.bin")
    aliases = ["latest", "best"] if i == 1 else ["latest"]
    run.log_artifact(artifact, aliases=aliases, tags=["good"] if i else [])
    artifact.wait()
    if i:
        run.use_artifact("llama:v0")
    run.finish()
"""

BEGIN = """
import json, sys, wandb
P = sys.argv[1]
api = wandb.Api()
E = api.default_entity
OWN = ("_timestamp", "_runtime", "_wandb")
def clean(row):
    return {key: value for key, value in row.items() if key not in OWN}
def show(name, look):
    try:
        value = look()
    except (ValueError, wandb.errors.CommError):
        value = "absent"
    print("LOOK", json.dumps([name, value], sort_keys=True, default=str))
"""

ARTIFACTS = """
def version_facts(a):
    return [a.name, a.qualified_name, a.type, sorted(a.aliases), a.tags, a.metadata, a.digest,
            a.size, a.file_count, a.state, a.source_name, a.description, a.history_step]
show("one", lambda: version_facts(api.artifact(f"{P}/llama:v1")))
# The name of ours always has the version; the official client's has what was asked for.
show("alias", lambda: api.artifact(f"{E}/{P}/llama:best").version)
show("latest", lambda: [api.artifact(f"{P}/llama").version, api.artifact(f"{P}/llama").digest])
show("missing", lambda: api.artifact(f"{P}/nope:v3"))
show("other type", lambda: api.artifact(f"{P}/llama:v1", type="dataset"))
show("exists", lambda: [
    api.artifact_exists(f"{P}/llama:v1"), api.artifact_exists(f"{P}/llama:v9"),
    api.artifact_exists(f"{P}/llama:v1", type="x"),
    api.artifact_collection_exists(f"{P}/llama", "model"),
    api.artifact_collection_exists(f"{P}/llama", "x"),
    api.artifact_collection_exists(f"{P}/no", "model")])
listed = api.artifacts("model", f"{P}/llama", per_page=2)
show("list", lambda: [len(listed), [version_facts(a) for a in listed], listed[1].name,
                      [a.name for a in listed[0:2]]])
show("tagged", lambda: [a.name for a in api.artifacts("model", f"{P}/llama", tags=["good"])])
for order in ("created_at", "-created_at", "-version_index"):
    show(order, lambda: [a.name for a in api.artifacts("model", f"{P}/llama", order=order)])
show("no such type", lambda: list(api.artifacts("x", f"{P}/llama")))
show("types", lambda: [[t.name, repr(t)] for t in api.artifact_types(P)])
show("type", lambda: [c.name for c in api.artifact_type("model", P).collections()])
show("absent type", lambda: api.artifact_type("x", P))
found = api.artifact_collections(P, "model")
show("collections", lambda: [len(found), [
    [c.name, c.type, c.is_sequence(), list(c.tags), c.description, sorted(c.aliases), repr(c)]
    for c in found]])
one = api.artifact_collection("model", f"{P}/llama")
show("collection", lambda: [one.name, one.entity, one.project, [a.name for a in one.artifacts()]])
show("used by", lambda: [[r.id, r.name, r.state] for r in api.artifact(f"{P}/llama:v0").used_by()])
show("logged by", lambda: api.artifact(f"{P}/llama:v2").logged_by().config)
show("of an artifact", lambda: api.artifact(f"{P}/llama:v2").collection.name)
run = api.run(f"{P}/r2")
show("logged", lambda: [len(run.logged_artifacts()),
                        [version_facts(a) for a in run.logged_artifacts()]])
show("used", lambda: [len(run.used_artifacts()), [version_facts(a) for a in run.used_artifacts()]])
show("download", lambda: api.artifact(f"{P}/llama:v2").download("./loaded"))
one.description, one.tags = "about it", ["a", "b"]
one.save()
again = wandb.Api().artifact_collection("model", f"{P}/llama")
show("saved", lambda: [again.description, sorted(again.tags)])
version = api.artifact(f"{P}/llama:v1")
show("use", lambda: [wandb.Api().run(f"{P}/r0").use_artifact(version).name,
                     [a.name for a in wandb.Api().run(f"{P}/r0").used_artifacts()]])
show("log", lambda: [
    wandb.Api().run(f"{P}/r0").log_artifact(version, aliases=["again"], tags=["more"]).name,
    sorted(a.name for a in wandb.Api().run(f"{P}/r0").logged_artifacts()),
    sorted(api.artifact(f"{P}/llama:v1").aliases), sorted(api.artifact(f"{P}/llama:v1").tags)])
show("draft", lambda: run.use_artifact(wandb.Artifact("x", "y")))
again.delete()
show("deleted", lambda: api.artifact_collection_exists(f"{P}/llama", "model"))
"""

READS = """
def facts(r):
    return [r.id, r.name, r.state, r.tags, r.group, r.notes, r.job_type, r.config,
            clean(r.summary_metrics), r.path, r.url.partition("//")[2].partition("/")[2],
            r.history_line_count, r.read_only, r.createdAt == r.created_at, repr(r)]
runs = api.runs(P, per_page=2)
show("runs", lambda: [len(runs), [facts(r) for r in runs], repr(runs), runs[1].id,
                      [r.id for r in runs[1:3]]])
show("eager", lambda: [facts(r) for r in api.runs(f"{E}/{P}", order="-created_at", lazy=False)])
for given in (
    {"state": "finished"}, {"state": "running"}, {"config.lr": {"$lt": 0.5}}, {"tags": "best"},
    {"tags": {"$in": ["best", "t1"]}}, {"$or": [{"config.opt": "adam"}, {"group": "g"}]},
    {"$and": [{"config.opt": "sgd"}, {"group": "g"}]}, {"summary_metrics.best": {"$gte": 1}},
    {"display_name": {"$regex": "run [01]"}}, {"config.net.depth": 2}, {"jobType": "train"},
    {"$not": {"tags": "best"}}, {"config.nothing": {"$exists": False}}, {"group": None},
    {"created_at": {"$gt": "2020-01-01T00:00:00"}}, {"name": {"$ne": "r0"}},
):
    show(json.dumps(given), lambda: [len(api.runs(P, filters=given)),
                                     [r.id for r in api.runs(P, filters=given)]])
for order in ("-created_at", "+summary_metrics.best", "-config.lr", "-summary_metrics.loss",
              "+display_name", "-config.lr.value"):
    show(order, lambda: [r.id for r in api.runs(P, order=order)])
show("no project", lambda: len(api.runs("no-such-project")))
run = api.run(f"{P}/r2")
show("run", lambda: [facts(run), run.lastHistoryStep, sorted(run.rawconfig), run.user.username])
show("path", lambda: api.run(f"{E}/{P}/runs/r1").id)
show("no run", lambda: api.run(f"{P}/nope"))
show("summary", lambda: [run.summary["best"], run.summary.get("no"), run.summary["nest"]["a"],
                         "loss" in run.summary, sorted(clean(run.summary_metrics))])
show("history", lambda: [clean(row) for row in run.history(pandas=False)])
show("few", lambda: [clean(row) for row in run.history(samples=5, pandas=False)])
show("keys", lambda: run.history(keys=["val/loss", "loss"], pandas=False))
show("x", lambda: run.history(keys=["loss"], x_axis="val/loss", samples=3, pandas=False))
show("nan", lambda: run.history(keys=["odd"], pandas=False))
show("frame", lambda: [list(run.history().shape), list(run.history(keys=["loss"]).columns)])
show("system", lambda: isinstance(run.history(stream="system", pandas=False), list))
show("scan", lambda: [clean(row) for row in run.scan_history()])
show("scan keys", lambda: list(run.scan_history(keys=["loss", "val/loss"], page_size=2)))
show("scan range", lambda: [row["_step"] for row in run.scan_history(min_step=5, max_step=11,
                                                                     page_size=2)])
show("scan nothing", lambda: list(run.scan_history(keys=["nothing"])))
show("scan wrong", lambda: run.scan_history(keys="loss"))
show("files", lambda: [[f.name, f.size, f.mimetype, f.md5, repr(f)]
                       for f in run.files(["notes.txt"])])
show("pattern", lambda: [f.name for f in run.files(pattern="%.txt")])
show("file", lambda: run.file("notes.txt").download("got", replace=True).read())
show("there", lambda: run.file("notes.txt").download("got"))
show("fine", lambda: run.file("notes.txt").download("got", exist_ok=True).read())
show("no file", lambda: run.file("nope.txt").download("got"))
show("metadata", lambda: isinstance(run.metadata, dict))
show("console", lambda: "a line of the console" in [line.content for line in run.console_logs()])
show("histories", lambda: sorted({row["run_id"] for row in api.runs(P).histories(samples=3)}))
show("projects", lambda: [p.name for p in api.projects() if p.name == P])
show("project", lambda: [api.project(P).path, api.project(P).owner.username, repr(api.project(P)),
                         [t.name for t in api.project(P).artifacts_types()],
                         sorted(c.name for c in api.project(P).collections())])
show("viewer", lambda: [api.viewer.username, api.viewer.entity, api.viewer.teams])
show("from path", lambda: [repr(api.from_path(f"{E}/{P}")), api.from_path(f"{E}/{P}/runs/r1").id])
"""

EDITS = """
def again(name):
    return wandb.Api().run(f"{P}/{name}")
run = api.run(f"{P}/r1")
run.tags.append("new")
run.notes, run.name, run.group = "changed", "renamed", "h"
run.config["added"] = {"x": [1]}
run.summary["late"] = 5
run.update()
show("edited", lambda: [again("r1").tags, again("r1").notes, again("r1").name, again("r1").group,
                        again("r1").config, clean(again("r1").summary_metrics)])
run = again("r1")
run.summary.update({"more": {"deep": 1}})
del run.config["added"]
run.save()
show("again", lambda: [again("r1").config, again("r1").summary["more"]["deep"]])
with open("up.txt", "w") as file:
    file.write("uploaded")
show("upload", lambda: [run.upload_file("up.txt").size, run.file("up.txt").download("got").read()])
run.file("up.txt").delete()
show("file deleted", lambda: [f.name for f in again("r1").files(pattern="up%")])
made = api.create_run(run_id="made", project=P)
show("made", lambda: [made.id, made.state, again("made").state])
show("state", lambda: [made.update_state("failed"), again("made").state])
made.wait_until_finished()
made.delete()
show("gone", lambda: again("made"))
"""


@pytest.fixture
def us(tmp_path: Path, shared_server: ThrowawayServer) -> SdkUser:
    return SdkUser(
        tmp_path / "ours",
        WANDB_BASE_URL=shared_server.base_url,
        WANDB_API_KEY=shared_server.owner_key,
    )


def look(output: str, project: str) -> dict[str, Any]:
    """What a script showed, its own project under one name."""
    lines = output.replace(project, "PROJECT").splitlines()
    shown = [json.loads(line.partition(" ")[2]) for line in lines if line.startswith("LOOK ")]
    return dict(shown)


def ours(script: str) -> str:
    return script.replace(" wandb\n", " steelyard as wandb\n", 1)


def test_both_clients_answer_the_same_and_change_the_same(
    us: SdkUser, client: OfficialClient, project: str
) -> None:
    script = BEGIN + READS + ARTIFACTS + EDITS
    # Each in a project of its own, as the script changes things there.
    client.run_script(RUNS, f"{project}-a")
    client.run_script(RUNS, f"{project}-b")
    theirs = client.run_script(script, f"{project}-a").stdout
    done = us.run(ours(script), f"{project}-b")
    expected, found = look(theirs, f"{project}-a"), look(done.stdout, f"{project}-b")
    assert len(expected) > 80, theirs
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name] == value, name


def test_runs_of_our_client_read_the_same_with_both(
    us: SdkUser, client: OfficialClient, project: str
) -> None:
    us.run(RUNS.replace("import sys, wandb", "import sys, steelyard as wandb"), project)
    theirs = look(client.run_script(BEGIN + READS, project).stdout, project)
    found = look(us.run(ours(BEGIN + READS), project).stdout, project)
    assert found == theirs
