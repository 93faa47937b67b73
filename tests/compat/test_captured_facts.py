"""What our client captures beside what a script logs, next to what the official client captures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.git_repository import GitRepository
from tests.support.official_client import OfficialClient
from tests.support.run_reader import RunReader

SCRIPT = """
import sys, time
import {module} as client
run = client.init(settings=client.Settings(x_stats_sampling_interval=0.2))
for step in range(30):
    run.log({{"loss": 1.0 / (step + 1)}})
    time.sleep(0.1)
run.finish()
"""

READ = """
import json, sys, wandb
run = wandb.Api().run(sys.argv[1])
rows = run.history(stream="system", pandas=False)
print("READ" + json.dumps({
    "metadata": run.metadata, "commit": run.commit,
    "system": sorted({key for row in rows for key in row if key.startswith("system.")}),
    "files": sorted(file.name for file in run.files()),
}))
"""

# Facts of the process itself; the official client reads the rest from the same machine.
SAME = (
    *("os", "python", "host", "executable", "root", "program", "codePath", "codePathLocal"),
    *("args", "cpu_count", "cpu_count_logical"),
)


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """A directory as a user has it: under git, with a change since the commit."""
    repository = GitRepository(tmp_path / "repository")
    repository.write(".gitignore", "wandb\nsteelyard\n")
    repository.commit("train.py", "print('to be changed')\n")
    repository.git("remote", "add", "origin", "https://example.org/r.git")
    return repository


def run_both(
    client: OfficialClient, runs: RunReader, repository: GitRepository, **environ: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(official, ours): what `wandb.Api()` reads of a run of each, made from the same directory."""
    found = []
    client.home = repository.root
    for module in ("wandb", "steelyard"):
        script = repository.root / "train.py"
        script.write_text(SCRIPT.format(module=module))
        before = {run["name"] for run in runs.list_runs()}
        client.run_script(script, "--lr", "0.1", WANDB_PROJECT=runs.project, **environ)
        (name,) = {run["name"] for run in runs.list_runs()} - before
        runs.wait_for(name, lambda run: run["state"] == "finished")
        path = f"{runs.entity}/{runs.project}/{name}"
        output = client.run_script(READ, path).stdout
        found.append(json.loads(next(o for o in output.splitlines() if o.startswith("READ"))[4:]))
    return found[0], found[1]


def test_the_same_facts_and_series_and_more(
    client: OfficialClient, runs: RunReader, repository: GitRepository
) -> None:
    official, ours = run_both(client, runs, repository, WANDB_SAVE_CODE="true", SLURM_JOB_ID="17")
    told, reference = ours["metadata"], official["metadata"]
    assert {k: told.get(k) for k in SAME} == {k: reference.get(k) for k in SAME}
    assert told["slurm"] == reference["slurm"] == {"job_id": "17"}
    assert int(told["memory"]["total"]) == int(reference["memory"]["total"])
    assert int(told["disk"]["/"]["total"]) == int(reference["disk"]["/"]["total"])
    assert told["git"]["commit"] == reference["git"]["commit"] == ours["commit"]
    assert told["git"]["remote"] == reference["git"]["remote"] == "https://example.org/r.git"
    assert told["git"]["dirty"] is True
    assert set(official["system"]) <= set(ours["system"])
    assert set(official["files"]) <= set(ours["files"])
    assert {"diff.patch", "requirements.txt", "code/train.py"} <= set(ours["files"])


def test_what_is_switched_off_is_not_sent(
    client: OfficialClient, runs: RunReader, repository: GitRepository
) -> None:
    off = {
        **dict.fromkeys(("WANDB_X_DISABLE_STATS", "WANDB_X_DISABLE_META"), "true"),
        **dict.fromkeys(("WANDB_DISABLE_GIT", "WANDB_DISABLE_CODE"), "true"),
    }
    _, ours = run_both(client, runs, repository, **off)
    assert ours["system"] == []
    assert ours["commit"] is None
    private = {"wandb-metadata.json", "requirements.txt", "diff.patch", "code/train.py"}
    assert private.isdisjoint(ours["files"])
