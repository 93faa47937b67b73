"""A run that travels to another process: pickled by `multiprocessing`, or into a checkpoint.

Where its folder is at hand, the other process gets a journal of its own in it, as a forked child
does, and the first process's sender sends both. No secret travels along.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from steelyard.sdk import exit_hooks
from steelyard.sdk.run_facts import RunFacts

if TYPE_CHECKING:
    from steelyard.sdk.run import Run


def describe_run(run: Run) -> dict[str, Any]:
    """What `attach_run` needs."""
    start = run.describe_fork()
    return {
        "folder": None if run.folder is None else str(run.folder.path),
        "start": start,
        "facts": msgspec.structs.asdict(run.facts),
        "config": run.config.as_dict(),
        "step": run.step,
    }


def attach_run(state: dict[str, Any]) -> Run:
    """The run of this process with that folder; else another hand on the same run.

    Without its folder, on another machine or later, it is disabled.
    """
    from steelyard.sdk.config import Config
    from steelyard.sdk.journal.folder import RunFolder, make_writer_name
    from steelyard.sdk.journal.writer import JournalWriter
    from steelyard.sdk.run import Run
    from steelyard.sdk.sender.process import describe_start
    from steelyard.sdk.settings import ClientSettings
    from steelyard.sdk.terminal import termwarn
    from steelyard.sdk.values import plain_config

    facts = RunFacts(**state["facts"])
    folder = RunFolder(Path(state["folder"])) if state["folder"] else None
    for known in exit_hooks.list_runs():
        if isinstance(known, Run) and known.folder == folder:
            return known
    writer = None
    if folder is not None and folder.journal_dir.is_dir():
        start = {
            **state["start"],
            "writer": make_writer_name(),
            "pid": os.getpid(),
            "pid_started": describe_start(os.getpid()),
        }
        writer = JournalWriter.create(
            folder.path,
            writer=start["writer"],
            start=start,
            warn=termwarn,
            started_at_us=facts.started_at_us,
        )
    else:
        folder = None
    config = Config(
        state["config"],
        on_change=lambda changed, removed: run.append_config(changed, removed),
        encode=plain_config,
    )
    settings = ClientSettings(mode="disabled" if folder is None else "offline")
    run = Run(folder, writer, settings, facts, config, None, guest_at_step=state["step"])
    return run
