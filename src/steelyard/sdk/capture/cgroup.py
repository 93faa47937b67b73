"""Limits of the container a process is in: of memory and CPUs, by cgroup v2 or v1.

Files: Linux, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst. The limit that
binds may be that of any ancestor (Slurm sets it on the job, the process is two levels below), so
all that are visible are looked at, and usage is read where the tightest limit stands.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

UNLIMITED_BYTES = 1 << 60  # v1 writes "none" as a number near 2**63
DEPTH_MAX = 32


class Limits:
    """Limits that apply; None where there is none.

    `memory_dir` is where usage under the limit of memory is read, `cpu_dir` where the tightest
    quota stands.
    """

    __slots__ = ("cpu_dir", "cpus", "is_v2", "memory_bytes", "memory_dir")

    def __init__(
        self,
        memory_bytes: int | None = None,
        cpus: float | None = None,
        memory_dir: str | None = None,
        is_v2: bool = True,
        cpu_dir: str | None = None,
    ) -> None:
        self.memory_bytes, self.cpus, self.is_v2 = memory_bytes, cpus, is_v2
        self.memory_dir, self.cpu_dir = memory_dir, cpu_dir

    def read_throttling(self) -> tuple[int, int] | None:
        """(periods so far, periods in which processes had to wait for the next one)."""
        if self.cpu_dir is None:
            return None
        found = read_table(f"{self.cpu_dir}/cpu.stat")
        if "nr_periods" not in found or "nr_throttled" not in found:
            return None
        return found["nr_periods"], found["nr_throttled"]

    def count_oom_kills(self) -> int | None:
        """Processes that were killed so far because the limit was reached."""
        if self.memory_dir is None:
            return None
        file = "memory.events" if self.is_v2 else "memory.oom_control"
        return read_table(f"{self.memory_dir}/{file}").get("oom_kill")

    def read_memory_used(self) -> int | None:
        """Bytes that count against the limit and cannot be given back at once.

        Page cache that was not used lately is left out: the kernel drops it before it kills
        anybody, and a job that reads a large data set would seem full otherwise.
        """
        if self.memory_dir is None:
            return None
        name = "memory.current" if self.is_v2 else "memory.usage_in_bytes"
        used = read_number(f"{self.memory_dir}/{name}")
        if used is None:
            return None
        key = "inactive_file" if self.is_v2 else "total_inactive_file"
        return max(0, used - read_table(f"{self.memory_dir}/memory.stat").get(key, 0))


def find_limits(
    pid: int | str, *, proc: str | os.PathLike[str] = "/proc", cpu_count: int | None
) -> Limits:
    """Limits of the process `pid` ("self" for this one) on a machine with `cpu_count` CPUs."""
    memory: tuple[int, str, bool] | None = None
    quotas: list[tuple[float, str]] = []
    of_process = os.path.join(proc, str(pid))
    for controllers, directory, top in _list_groups(of_process):
        is_v2 = not controllers
        for group in _with_parents(directory, top):
            if is_v2 or "memory" in controllers:
                name = "memory.max" if is_v2 else "memory.limit_in_bytes"
                found = read_number(f"{group}/{name}")
                if found and found < (memory[0] if memory else UNLIMITED_BYTES):
                    memory = found, group, is_v2
            if is_v2 or "cpu" in controllers:
                quota = _read_quota(group, is_v2)
                if quota:
                    quotas.append((quota, group))
    quota, cpu_dir = min(quotas, default=(None, None))
    allowed = _count_allowed_cpus(of_process)
    if allowed and cpu_count is not None and allowed >= cpu_count:
        allowed = None  # not pinned
    cpus = min((float(limit) for limit in (quota, allowed) if limit), default=None)
    memory_bytes, memory_dir, is_v2 = memory or (None, None, True)
    return Limits(memory_bytes, cpus, memory_dir, is_v2, cpu_dir)


def _list_groups(of_process: str) -> Iterator[tuple[frozenset[str], str, str]]:
    """(controllers, directory, mount point) of each hierarchy; no controllers means v2."""
    mounts = list(_list_mounts(read_text(f"{of_process}/mountinfo")))
    for line in read_text(f"{of_process}/cgroup").splitlines():
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        controllers = frozenset(filter(None, names.split(",")))
        for kind, options, root, point in mounts:
            if kind == "cgroup2" if not controllers else controllers & options:
                yield controllers, _join(point, root, path), point
                break


def _list_mounts(text: str) -> Iterator[tuple[str, frozenset[str], str, str]]:
    """(kind, options, root, mount point) of cgroup mounts in a mountinfo, see proc(5)."""
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        before, after = left.split(), right.split()
        if len(before) >= 5 and len(after) >= 3 and after[0] in ("cgroup", "cgroup2"):
            root, point = map(_unescape, before[3:5])
            yield after[0], frozenset(after[2].split(",")), root, point


def _unescape(path: str) -> str:
    """Spaces and the like stand as a backslash and three octal digits."""
    first, *rest = path.split("\\")
    return first + "".join(chr(int(part[:3], 8)) + part[3:] for part in rest)


def _join(point: str, root: str, path: str) -> str:
    """The directory of a group. A container sees only a part of the tree, mounted from `root`."""
    if root != "/" and (path == root or path.startswith(f"{root.rstrip('/')}/")):
        path = path[len(root) :]
    return os.path.normpath(f"{point}/{path.lstrip('/')}")


def _with_parents(directory: str, top: str) -> Iterator[str]:
    if not f"{directory}/".startswith(f"{top}/"):
        directory = top  # /../.. : the group is outside of what is mounted here
    for _ in range(DEPTH_MAX):
        yield directory
        if directory == top:
            return
        directory = os.path.dirname(directory)


def _read_quota(group: str, is_v2: bool) -> float | None:
    if is_v2:
        fields = read_text(f"{group}/cpu.max").split()
        if len(fields) != 2 or not fields[0].isdigit() or not int(fields[1]):
            return None
        return int(fields[0]) / int(fields[1])
    quota = read_number(f"{group}/cpu.cfs_quota_us")
    period = read_number(f"{group}/cpu.cfs_period_us")
    return quota / period if quota and period and quota > 0 else None


def _count_allowed_cpus(of_process: str) -> int | None:
    for line in read_text(f"{of_process}/status").splitlines():
        if line.startswith("Cpus_allowed_list:"):
            ranges = [part.split("-") for part in line.partition(":")[2].strip().split(",")]
            try:
                return sum(int(ends[-1]) - int(ends[0]) + 1 for ends in ranges)
            except ValueError:
                return None
    return None


def read_number(file: str | os.PathLike[str]) -> int | None:
    """The number in a file of one; None for none, "max" and anything else."""
    try:
        return int(read_text(file))
    except ValueError:
        return None


def read_table(file: str) -> dict[str, int]:
    """Lines of a name and a number each."""
    found: dict[str, int] = {}
    for line in read_text(file).splitlines():
        name, _, number = line.partition(" ")
        if number.isdigit():
            found[name] = int(number)
    return found


def read_text(file: str | os.PathLike[str]) -> str:
    """Text of a small file of the kernel; "" when it cannot be read."""
    try:
        with open(file, encoding="utf-8", errors="replace") as opened:
            return opened.read()
    except (OSError, ValueError):
        return ""
