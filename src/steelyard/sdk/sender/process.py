"""Whether the process that wrote a run folder still runs.

A pid alone says little: pids are used again, and a folder may be read on another machine or in
another container. So a process is described by its pid and by when it started, on which boot and
in which pid namespace.
"""

from __future__ import annotations

import os
import sys

UNKNOWN = ""
DEAD_STATES = "ZXx"  # proc(5): a zombie has ended, only nobody asked for its exit status yet


def describe_start(pid: int) -> str:
    """When and where the process started, equal for two looks at one process; "" if not there."""
    if sys.platform == "linux":
        found = _read_stat(pid)
        return f"{_place()}-{found[1]}" if found else UNKNOWN
    return _describe_by_psutil(pid)


def is_running(pid: int, started: str) -> bool | None:
    """Whether that process runs; None if this machine or container cannot tell.

    `started` is what `describe_start` said when it ran; "" leaves only the pid to go by.
    """
    if sys.platform != "linux":
        now = _describe_by_psutil(pid)
        return bool(now) and started in (UNKNOWN, now)
    place, _, ticks = started.rpartition("-")
    if place and place != _place():
        return None
    found = _read_stat(pid)
    if found is None or found[0] in DEAD_STATES:
        return False
    return not ticks or found[1] == ticks


def _read_stat(pid: int) -> tuple[str, str] | None:
    """(state, start time in clock ticks since boot), fields 3 and 22 of proc_pid_stat(5)."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        text = os.read(fd, 4096)
    except OSError:
        return None
    finally:
        os.close(fd)
    fields = text[text.rfind(b")") + 2 :].split()  # the name before may hold anything
    return fields[0].decode(), fields[19].decode()


def _place() -> str:
    """This boot of this machine, and this pid namespace of it."""
    try:
        fd = os.open("/proc/sys/kernel/random/boot_id", os.O_RDONLY)
        boot = os.read(fd, 36).decode()
        os.close(fd)
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115  # light
    except OSError:
        return UNKNOWN
    return f"{boot[:8]}-{namespace.strip('pid:[]')}"


def _describe_by_psutil(pid: int) -> str:
    import psutil  # type: ignore[import-untyped]  # no stubs

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return UNKNOWN
        return f"{process.create_time():.2f}"
    except psutil.Error:
        return UNKNOWN
