"""When the sender captures what it captures."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.sdk.journal.folder import read_run_json
from steelyard.sdk.journal.writer import JournalWriter
from steelyard.sdk.sender import machine
from steelyard.sdk.sender.care import RunCare
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
