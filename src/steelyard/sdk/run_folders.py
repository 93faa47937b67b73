"""What the run folders on this machine hold, how far they are sent, and making room."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from steelyard.sdk.journal.folder import RunFolder, find_run_folders
from steelyard.sdk.sender.care import RunCare
from steelyard.sdk.sender.folder import FolderLock, read_run_facts
from steelyard.sdk.sender.process import is_running
from steelyard.sdk.sender.tail import read_json


class FolderState(msgspec.Struct, frozen=True, kw_only=True):
    """`process`: running, ended, crashed (it died without a word), elsewhere (of a machine or a
    container that cannot be asked), damaged. Sizes in bytes."""

    project: str
    process: str
    started_at_us: int
    sent_bytes: int
    left_bytes: int
    files_left: int
    artifacts_left: int
    disk_bytes: int
    message: str | None
    is_sent: bool
    """Ended, and some server has acknowledged everything."""


def list_folders(paths: Iterable[Path]) -> list[RunFolder]:
    """Run folders at and below these paths, oldest first."""
    found: dict[Path, RunFolder] = {}
    for path in paths:
        found |= {folder.path: folder for folder in find_run_folders(path)}
    return list(found.values())


def describe_folder(folder: RunFolder) -> FolderState:
    """What is known of a run folder without asking a server."""
    disk_bytes = measure_disk(folder.path)
    facts = read_run_facts(str(folder.path))
    if facts is None:
        return FolderState(
            project="?",
            process="damaged",
            started_at_us=0,
            sent_bytes=0,
            left_bytes=disk_bytes,
            files_left=0,
            artifacts_left=0,
            disk_bytes=disk_bytes,
            message="run.json cannot be read",
            is_sent=False,
        )
    status = read_json(str(folder.status_path)) or {}
    care = RunCare(str(folder.path), facts)
    with contextlib.suppress(OSError):
        care.look(list_too=True)
        care.tail.read_acknowledged(None)
    sent, total = care.tail.acknowledged, care.tail.total
    return FolderState(
        project="/".join(part for part in (facts.get("entity"), facts["project"]) if part),
        process=_describe_process(facts, care),
        started_at_us=int(facts.get("started_at_us") or 0),
        sent_bytes=sent,
        left_bytes=total - sent,
        files_left=int(status.get("files_left") or 0),
        artifacts_left=(artifacts_left := _count_artifacts_left(folder)),
        disk_bytes=disk_bytes,
        message=status.get("message"),
        is_sent=status.get("state") == "done" and sent == total and not artifacts_left,
    )


def _count_artifacts_left(folder: RunFolder) -> int:
    """Artifacts that were logged and of which no server has said anything."""
    from steelyard.sdk.sender.run_files import read_lines

    logged, _ = read_lines(str(folder.path / "artifacts.jsonl"), 0)
    results, _ = read_lines(str(folder.path / "artifacts.ack.jsonl"), 0)
    done = {result.get("client_id") for result in results}
    return len({line.get("client_id") for line in logged} - done)


def _describe_process(facts: dict[str, Any], care: RunCare) -> str:
    if care.is_finished:
        return "ended"
    if care.own_says_finish():
        return "crashed"
    running = is_running(int(facts.get("pid") or 0), str(facts.get("pid_started") or ""))
    if running is None:
        return "elsewhere"
    return "running" if running else "crashed"


def measure_disk(path: Path) -> int:
    """Bytes that the folder takes on disk."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(folder) / name).lstat().st_blocks * 512
    return total


def remove_folder(folder: RunFolder) -> bool:
    """Remove it, unless somebody is sending it. Whether it is gone. Raises OSError."""
    lock = FolderLock(str(folder.path))
    if not lock.acquire():
        return False
    try:
        shutil.rmtree(folder.path)
    finally:
        lock.release()
    return True


def free_journals(base: str, budget_bytes: int) -> int:
    """Remove journals of the oldest runs that are sent in full until the rest fits the budget.

    `base` holds run folders. What is not acknowledged is never touched, and of the runs removed
    everything else stays. Returns the bytes freed.
    """
    sizes = []
    for folder in find_run_folders(Path(base)):
        journals = list(folder.journal_dir.glob("*.journal"))
        size = 0
        for journal in journals:
            with contextlib.suppress(OSError):
                size += journal.stat().st_size
        sizes.append((folder, journals, size))
    surplus = sum(size for _, _, size in sizes) - budget_bytes
    freed = 0
    for folder, journals, size in sizes:
        if freed >= surplus:
            break
        if not size or not describe_folder(folder).is_sent:
            continue
        lock = FolderLock(str(folder.path))
        if not lock.acquire():
            continue
        with contextlib.suppress(OSError):
            for journal in journals:
                journal.unlink()
            freed += size
        lock.release()
    return freed
