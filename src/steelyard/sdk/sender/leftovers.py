"""Run folders whose sender did not get to the end: the machine went down, or the server was away
too long. The next sender in the same directory finishes them."""

from __future__ import annotations

import os
import time

from steelyard.limits import LEFTOVER_DAYS_MAX, LEFTOVER_RUNS_AT_ONCE
from steelyard.sdk.sender.care import RunCare
from steelyard.sdk.sender.folder import read_run_facts
from steelyard.sdk.sender.process import is_running
from steelyard.sdk.sender.tail import read_json

FINAL_STATES = ("done", "deleted", "refused")


def find_leftovers(bases: list[str], base_url: str, taken: set[str]) -> list[RunCare]:
    """Folders in these directories that are ours to finish, ready to be sent, oldest first.

    Meant for that server, of dead processes, at most LEFTOVER_DAYS_MAX old, held by nobody.
    """
    found = []
    for base in bases:
        for folder in _list_folders(base)[-LEFTOVER_RUNS_AT_ONCE:]:
            if folder not in taken:
                care = _take_up(folder, base_url)
                if care is not None:
                    found.append(care)
    return found


def find_predecessors(own: RunCare, base_url: str, taken: set[str]) -> list[RunCare]:
    """What dead processes left of the run that this process goes on with, ready to be sent: its
    rows come after theirs, and so do its summary and its end."""
    if own.start.get("resume") not in ("allow", "must"):
        return []
    base = os.path.dirname(own.run_dir)  # noqa: PTH120
    mark = f"-{own.facts['run']}"
    found = []
    for folder in _list_folders(base)[-LEFTOVER_RUNS_AT_ONCE:]:
        if folder in taken or folder == own.run_dir or mark not in folder:
            continue
        facts = read_run_facts(folder) or {}
        if any(facts.get(key) != own.facts.get(key) for key in ("run", "project")):
            continue
        if care := _take_up(folder, base_url):
            found.append(care)
    return found


def _list_folders(base: str) -> list[str]:
    """Folders of online runs, oldest first, without those that are too old."""
    try:
        names = [name for name in os.listdir(base) if name.startswith("run-")]  # noqa: PTH208
    except OSError:
        return []
    oldest = time.time() - LEFTOVER_DAYS_MAX * 86_400
    return [
        os.path.join(base, name)  # noqa: PTH118
        for name in sorted(names)
        if name[4:12] >= time.strftime("%Y%m%d", time.localtime(oldest))
    ]


def _take_up(folder: str, base_url: str) -> RunCare | None:
    status = read_json(os.path.join(folder, "status.json"))  # noqa: PTH118
    if status and status.get("state") in FINAL_STATES and not status.get("is_mendable"):
        return None
    facts = read_run_facts(folder)
    if facts is None or facts.get("mode") != "online" or facts.get("base_url") != base_url:
        return None
    running = is_running(int(facts.get("pid") or 0), str(facts.get("pid_started") or ""))
    if running:
        return None
    care = RunCare(folder, facts)
    try:
        if running is None and not care.is_silent():  # of another machine; or this was restarted
            return None
        if not care.lock.acquire():
            return None
        care.look(list_too=True)
        if not care.tail.journals:
            raise FileNotFoundError(folder)
        care.open_own_journal()
        care.end_by_crash(is_late=True)
    except OSError:
        care.close_quietly()
        return None
    care.is_leftover = care.is_captured = True
    return care
