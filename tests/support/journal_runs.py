"""Runs of the client, made without `init()`, and what is in their journals."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from steelyard.sdk.config import Config
from steelyard.sdk.journal import reader
from steelyard.sdk.journal.folder import RunFolder, create_run_folder, make_writer_name
from steelyard.sdk.journal.writer import JournalWriter
from steelyard.sdk.run import Run
from steelyard.sdk.run_facts import RunFacts
from steelyard.sdk.sender.launch import SenderHandle
from steelyard.sdk.settings import ClientSettings
from steelyard.sdk.values import plain_config
from steelyard.wire import journal


def make_folder(root: Path, *, run: str = "r1", mode: str = "offline") -> tuple[RunFolder, str]:
    """(a new run folder, the name of its first writer)."""
    writer = make_writer_name()
    folder = create_run_folder(
        root,
        run=run,
        entity=None,
        project="p",
        base_url=None,
        mode=mode,
        writer=writer,
        started_at_us=time.time_ns() // 1000,
    )
    return folder, writer


def make_writer(root: Path, **options: Any) -> JournalWriter:
    """A journal in a new run folder."""
    folder, writer = make_folder(root)
    return JournalWriter.create(folder.path, writer=writer, start=make_start(writer), **options)


def make_start(writer: str, **more: Any) -> dict[str, Any]:
    """The payload of START."""
    return {
        "v": journal.VERSION,
        "role": "process",
        "writer": writer,
        "run": "r1",
        "project": "p",
        "mode": "offline",
        "pid": os.getpid(),
        **more,
    }


def make_run(
    root: Path,
    *,
    mode: str = "offline",
    sender: SenderHandle | None = None,
    settings: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    warn: Callable[[str], None] | None = None,
    **facts: Any,
) -> Run:
    """A run as `init()` makes it, but for the sender, which the test gives."""
    known = RunFacts(
        **{
            "run_id": "r1",
            "project": "p",
            "mode": mode,
            "started_at_us": time.time_ns() // 1000,
            **facts,
        }
    )
    chosen = ClientSettings(mode=mode, root_dir=str(root), **(settings or {}))  # type: ignore[arg-type]
    folder = writer = None
    if mode != "disabled":
        folder, name = make_folder(root, run=known.run_id, mode=mode)
        base = {} if known.starting_step is None else {"step_base": known.starting_step}
        writer = JournalWriter.create(
            folder.path,
            writer=name,
            start=make_start(name, **base),
            warn=warn,
            started_at_us=known.started_at_us,
        )

    def on_change(changed: dict[str, Any], removed: list[str]) -> None:
        run.append_config(changed, removed)

    held = Config(config, on_change=on_change, encode=plain_config)
    run = Run(folder, writer, chosen, known, held, sender)
    return run


def list_records(run: Run | RunFolder, kind: int | None = None) -> list[Any]:
    """Payloads in all journals of the run, by writer and in order."""
    folder = run if isinstance(run, RunFolder) else run.folder
    assert folder is not None
    return [
        payload
        for writer in reader.list_writers(folder.path)
        for found, _, _, payload in reader.iter_records(folder.path, writer)
        if kind is None or found == kind
    ]


def list_rows(run: Run | RunFolder) -> list[tuple[int, bool, dict[str, Any]]]:
    """(step, is it automatic, values) of each part of a row."""
    return [(row[0], row[1], row[2]) for row in list_records(run, journal.HISTORY)]
