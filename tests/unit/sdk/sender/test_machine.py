"""When the sender captures what it captures."""

from __future__ import annotations

import datetime
import json
import threading
from pathlib import Path

import pytest

from steelyard.sdk.journal.folder import read_run_json
from steelyard.sdk.journal.reader import iter_records, list_writers
from steelyard.sdk.journal.writer import JournalWriter
from steelyard.sdk.sender import machine
from steelyard.sdk.sender.care import RunCare
from steelyard.wire.journal import METADATA
from tests.support.git_repository import GitRepository
from tests.support.journal_runs import make_folder, make_start
from tests.support.training import wait_until

SETTINGS = {
    **{"x_disable_meta": True, "x_disable_stats": True, "disable_git": True, "console": "off"},
    **{"x_save_requirements": False, "x_stats_sampling_interval": 3600.0},
}


def make_care(root: Path, run: str) -> RunCare:
    folder, name = make_folder(root, run=run)
    JournalWriter.create(folder.path, writer=name, start=make_start(name)).close()
    return RunCare(str(folder.path), read_run_json(folder))


def test_the_end_of_a_later_run_does_not_wait_for_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "BEGIN_S", 3600.0)
    cares = [make_care(tmp_path, "r1")]
    captured: list[None] = []
    found = machine.Machine(lambda: list(cares), SETTINGS, {}, lambda: captured.append(None))
    found.start()
    wait_until(lambda: captured)
    cares.append(make_care(tmp_path, "r2"))

    def is_captured() -> bool:
        found.finish(cares[1])
        return cares[1].is_captured

    wait_until(is_captured)
    cares.clear()


def test_a_run_that_is_over_before_the_first_look_is_captured_beside_the_main_thread(
    tmp_path: Path,
) -> None:
    """Git may take a minute; and each run of a process has its own time of start."""
    care = make_care(tmp_path, "r1")
    care.look(list_too=True)
    care.open_own_journal()
    threads: list[int] = []
    process = {"pid": 1, "started_at_us": 5_000_000, "argv": ["x.py"]}
    settings = {**SETTINGS, "x_disable_meta": False}
    found = machine.Machine(
        lambda: [care], settings, process, lambda: threads.append(threading.get_ident())
    )

    def is_captured() -> bool:
        found.finish(care)
        return care.is_captured

    wait_until(is_captured)
    care.close()
    assert threads
    assert threading.get_ident() not in threads
    writer = next(w for w in list_writers(Path(care.run_dir)) if w.endswith("-s"))
    records = [r for r in iter_records(Path(care.run_dir), writer) if r[0] == METADATA]
    started_at_us = care.facts["started_at_us"]
    at = datetime.datetime.fromisoformat(records[0][3]["startedAt"])
    assert round(at.timestamp() * 1e6) == started_at_us != 5_000_000


def test_commit_and_script_are_captured_without_metadata(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository")
    commit = repository.commit("train.py")
    care = make_care(tmp_path, "r1")
    care.look(list_too=True)
    care.open_own_journal()
    script = str(repository.root / "train.py")
    process = {"pid": 1, "cwd": str(repository.root), "main_file": script}
    settings = {**SETTINGS, "disable_git": False, "save_code": True}
    found = machine.Machine(lambda: [care], settings, process, lambda: None)

    def is_captured() -> bool:
        found.finish(care)
        return care.is_captured

    wait_until(is_captured)
    care.close()
    assert (Path(care.run_dir) / "files/code/train.py").is_file()
    metadata = json.loads((Path(care.run_dir) / "files/wandb-metadata.json").read_bytes())
    assert metadata["git"]["commit"] == commit
    assert set(metadata) == {"git"}
