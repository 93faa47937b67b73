"""What the process runs on: processor, memory, disks, container, cluster. Runs in the sender."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from steelyard.sdk.capture import cgroup

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

POD_NAMES = ("POD_NAME", "K8S_POD_NAME", "MY_POD_NAME")
NAMESPACE_NAMES = ("POD_NAMESPACE", "K8S_NAMESPACE", "MY_POD_NAMESPACE")
NODE_NAMES = ("NODE_NAME", "K8S_NODE_NAME", "MY_NODE_NAME")
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
CPUS = "/sys/devices/system/cpu"


def describe_machine(facts: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """cpu_count, cpu_count_logical, cpu {model}, memory {total}, disk {path: {total, used}}.

    Names as wandb 0.31.0 writes them (EnvironmentRecord in wandb/proto/wandb_internal.proto).
    Bytes.
    """
    found: dict[str, Any] = {}
    counts = {
        "cpu_count": settings.get("x_stats_cpu_count") or count_cores(),
        "cpu_count_logical": settings.get("x_stats_cpu_logical_count") or os.cpu_count(),
    }
    found |= {name: count for name, count in counts.items() if count}
    model = find_processor()
    if model:
        found["cpu"] = {"model": model}
    memory_bytes = find_memory()
    if memory_bytes:
        found["memory"] = {"total": memory_bytes}
    disks = {
        path: usage
        for path in settings.get("x_stats_disk_paths") or ()
        if (usage := measure_disk(path)) is not None
    }
    if disks:
        found["disk"] = disks
    container = describe_container(facts, settings)
    if container:
        found["container"] = container
    return found


# psutil takes 18 ms to load, which a short run does not have: so what Linux says in a file is read
# here, from the same files, and psutil is asked elsewhere.


def count_cores(cpus: str | os.PathLike[str] = CPUS) -> int | None:
    """Physical cores; None when unknown."""
    cores: set[str] = set()
    try:
        numbers = [name for name in os.listdir(cpus) if name[:3] == "cpu" and name[3:].isdecimal()]
    except OSError:
        numbers = []
    for name in numbers:
        topology = os.path.join(cpus, name, "topology")
        threads = cgroup.read_text(f"{topology}/core_cpus_list") or cgroup.read_text(
            f"{topology}/thread_siblings_list"  # its name before Linux 5.4
        )
        cores |= {threads.strip()} - {""}
    if cores:
        return len(cores)
    import psutil  # type: ignore[import-untyped]  # no stubs

    count: int | None = psutil.cpu_count(logical=False)
    return count


def find_memory() -> int | None:
    """Bytes of the machine's memory; None when unknown."""
    name, _, rest = cgroup.read_text("/proc/meminfo").partition("\n")[0].partition(":")
    if name == "MemTotal" and rest.endswith(" kB"):
        return int(rest.removesuffix(" kB")) * 1024
    import psutil

    try:
        return int(psutil.virtual_memory().total)
    except (OSError, psutil.Error, ValueError):
        return None


def measure_disk(path: str) -> dict[str, int] | None:
    """{total, used} of the file system that holds the path, in bytes; None when it is not there."""
    try:
        if sys.platform == "linux":
            found = os.statvfs(path)
            used_blocks = found.f_blocks - found.f_bfree
            return {"total": found.f_blocks * found.f_frsize, "used": used_blocks * found.f_frsize}
        import psutil

        usage = psutil.disk_usage(path)
    except OSError:
        return None
    return {"total": usage.total, "used": usage.used}


def describe_platform() -> str:
    """`platform.platform(aliased=True)`, such as "Linux-6.1.0-x86_64-with-glibc2.36".

    That function starts a process (`uname -p`) to find that these processors are what they are.
    """
    if sys.platform == "linux":
        name = os.uname()
        try:
            library, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        except (OSError, ValueError):  # another C library
            library = version = ""
        text = f"{name.sysname}-{name.release}-{name.machine}-with-{library}{version}"
        is_plain = text.replace("-", "").replace(".", "").replace("_", "").isalnum()
        if version and is_plain and "--" not in text and name.machine in ("x86_64", "aarch64"):
            return text
    import platform

    return platform.platform(aliased=True)


def find_processor(cpuinfo: str | os.PathLike[str] = "/proc/cpuinfo") -> str | None:
    """Model of the processor, such as "AMD EPYC 7763 64-Core Processor"."""
    if sys.platform == "darwin":
        return _ask_sysctl("machdep.cpu.brand_string")
    try:
        with open(cpuinfo, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                key, _, value = line.partition(":")
                if key.strip() in ("model name", "cpu model", "Model"):
                    return value.strip() or None
    except OSError:
        pass
    return None


def _ask_sysctl(name: str) -> str | None:
    import subprocess

    try:
        done = subprocess.run(["/usr/sbin/sysctl", "-n", name], capture_output=True, timeout=5)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip() or None


def describe_container(
    facts: Mapping[str, Any], settings: Mapping[str, Any], root: str | os.PathLike[str] = "/"
) -> dict[str, Any]:
    """kind, image, cpuLimit (CPUs), memoryLimitBytes, as far as there are any."""
    environment: Mapping[str, str] = facts.get("environment") or {}
    podman_file = os.path.join(root, "run/.containerenv")
    found: dict[str, Any] = {}
    apptainer = environment.get("APPTAINER_CONTAINER") or environment.get("SINGULARITY_CONTAINER")
    if apptainer:
        found["kind"] = "apptainer"
    elif "KUBERNETES_SERVICE_HOST" in environment:
        found["kind"] = "kubernetes"
    elif os.path.exists(os.path.join(root, ".dockerenv")):
        found["kind"] = "docker"
    elif os.path.exists(podman_file):
        found["kind"] = "podman"
    image = find_image(facts, settings) or apptainer or _find_podman_image(podman_file)
    if image:
        found["image"] = image
    limits = cgroup.find_limits("self", cpu_count=os.cpu_count())
    if limits.cpus is not None:
        found["cpuLimit"] = limits.cpus
    if limits.memory_bytes is not None:
        found["memoryLimitBytes"] = limits.memory_bytes
    return found


def _find_podman_image(file: str) -> str | None:
    """podman tells the image; docker and Kubernetes tell nobody inside."""
    for line in cgroup.read_text(file).splitlines():
        name, _, value = line.partition("=")
        if name == "image" and len(value) > 2 and value[0] == value[-1] == '"':
            return value[1:-1]
    return None


def find_image(facts: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    """The image of the container, where somebody said it."""
    environment: Mapping[str, str] = facts.get("environment") or {}
    return (
        settings.get("docker")
        or environment.get("STEELYARD_DOCKER")
        or environment.get("WANDB_DOCKER")
    )


def describe_cluster(
    facts: Mapping[str, Any], account: str | os.PathLike[str] = SERVICE_ACCOUNT
) -> dict[str, dict[str, str]]:
    """What the job scheduler says: blocks "slurm", "kubernetes" and "environment"."""
    environment: Mapping[str, str] = facts.get("environment") or {}
    blocks = {
        # wandb 0.31.0 core/internal/monitor/system.go: SLURM_JOB_ID becomes slurm.job_id.
        "slurm": {
            name.removeprefix("SLURM_").lower(): value
            for name, value in environment.items()
            if name.startswith("SLURM_")
        },
        "kubernetes": _describe_pod(environment, account),
        "environment": {
            name: value for name, value in environment.items() if not name.startswith("SLURM_")
        },
    }
    return {name: block for name, block in blocks.items() if block}


def _describe_pod(
    environment: Mapping[str, str], account: str | os.PathLike[str]
) -> dict[str, str]:
    if "KUBERNETES_SERVICE_HOST" not in environment:
        return {}

    def first(names: tuple[str, ...]) -> str:
        return next((environment[name] for name in names if environment.get(name)), "")

    pod = {
        # A pod's host name is its own name, unless its manifest says otherwise.
        "pod": first(POD_NAMES) or environment.get("HOSTNAME", ""),
        "namespace": first(NAMESPACE_NAMES)
        or cgroup.read_text(os.path.join(account, "namespace")).strip(),
        "node": first(NODE_NAMES),
    }
    return {name: value for name, value in pod.items() if value}
