"""The disk of a training process fills up: it goes on, and what waited is written later."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.sdk.journal import reader
from steelyard.wire import journal
from tests.support.journal_runs import list_records, list_rows, make_run

DISK_BYTES = 4 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of 4 MiB."""
    mounted = tmp_path / "small"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(mounted)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    yield mounted
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def fill(disk: Path, *, leave_bytes: int) -> Path:
    """Take what is free on the disk but `leave_bytes`."""
    filler = disk / "filler"
    free = os.statvfs(disk)
    with filler.open("wb") as file:
        file.write(bytes(max(free.f_bavail * free.f_bsize - leave_bytes, 0)))
    return filler


def test_rows_wait_in_memory_and_are_written_in_order_when_there_is_space(
    small_disk: Path,
) -> None:
    warnings: list[str] = []
    run = make_run(small_disk, warn=warnings.append)
    filler = fill(small_disk, leave_bytes=50_000)
    for step in range(500):
        run.log({"step": step, "noise": "x" * 1000})
    assert run.folder is not None
    [writer] = reader.list_writers(run.folder.path)
    kept = len(list_rows(run))
    assert 10 < kept < 100
    assert len(warnings) == 1
    assert "the disk is full" in warnings[0] or "No space left" in warnings[0]
    assert "waits in memory" in warnings[0]

    filler.unlink()
    run.log({"step": 500})
    assert [data["step"] for _, _, data in list_rows(run)] == [*range(501)]
    numbers = [number for _, number, _, _ in reader.iter_records(run.folder.path, writer)]
    assert numbers == [*range(502)]
    assert len(warnings) == 1
    run.finish()
    assert list_records(run, journal.FINISH) == [{"exit_code": 0}]


def test_the_end_writes_what_waited(small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(small_disk)
    filler = fill(small_disk, leave_bytes=0)
    for step in range(20):
        run.log({"step": step, "noise": "x" * 1000})
    filler.unlink()
    run.finish()
    assert [data["step"] for _, _, data in list_rows(run)] == [*range(20)]
    assert "lost" not in capsys.readouterr().err


def test_what_never_finds_space_is_counted_at_the_end(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(small_disk)
    fill(small_disk, leave_bytes=0)
    for step in range(20):
        run.log({"step": step, "noise": "x" * 1000})
    run.finish()
    assert run.folder is not None
    [writer] = reader.list_writers(run.folder.path)
    reader.cut_torn_tail(run.folder.path, writer)
    kept = len(list_records(run))
    said = capsys.readouterr().err
    assert f"{22 - kept} records of run r1 found no space on the disk and are lost" in said
