"""What the process runs on: processor, memory, disks, container, cluster. Runs in the sender."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from steelyard.sdk.capture import cgroup

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

POD_NAMES = ("POD_NAME", "K8S_POD_NAME", "MY_POD_NAME")
NAMESPACE_NAMES = ("POD_NAMESPACE", "K8S_NAMESPACE", "MY_POD_NAMESPACE")
NODE_NAMES = ("NODE_NAME", "K8S_NODE_NAME", "MY_NODE_NAME")
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def describe_machine(facts: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """cpu_count, cpu_count_logical, cpu {model}, memory {total}, disk {path: {total, used}}.

    Names as wandb 0.31.0 writes them (EnvironmentRecord in wandb/proto/wandb_internal.proto).
    Bytes.
    """
    import psutil  # type: ignore[import-untyped]  # no stubs

    found: dict[str, Any] = {}
    counts = {
        "cpu_count": settings.get("x_stats_cpu_count") or psutil.cpu_count(logical=False),
        "cpu_count_logical": settings.get("x_stats_cpu_logical_count") or psutil.cpu_count(),
    }
    found |= {name: count for name, count in counts.items() if count}
    model = find_processor()
    if model:
        found["cpu"] = {"model": model}
    with contextlib.suppress(OSError, psutil.Error, ValueError):
        found["memory"] = {"total": psutil.virtual_memory().total}
    disks: dict[str, dict[str, int]] = {}
    for path in settings.get("x_stats_disk_paths") or ():
        with contextlib.suppress(OSError):
            usage = psutil.disk_usage(path)
            disks[path] = {"total": usage.total, "used": usage.used}
    if disks:
        found["disk"] = disks
    container = describe_container(facts, settings)
    if container:
        found["container"] = container
    return found


def find_processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str | None:
    """Model of the processor, such as "AMD EPYC 7763 64-Core Processor"."""
    if sys.platform == "darwin":
        return _ask_sysctl("machdep.cpu.brand_string")
    try:
        with cpuinfo.open(encoding="utf-8", errors="replace") as lines:
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
    facts: Mapping[str, Any], settings: Mapping[str, Any], root: Path = Path("/")
) -> dict[str, Any]:
    """kind, image, cpuLimit (CPUs), memoryLimitBytes, as far as there are any."""
    environment: Mapping[str, str] = facts.get("environment") or {}
    found: dict[str, Any] = {}
    apptainer = environment.get("APPTAINER_CONTAINER") or environment.get("SINGULARITY_CONTAINER")
    if apptainer:
        found["kind"] = "apptainer"
    elif "KUBERNETES_SERVICE_HOST" in environment:
        found["kind"] = "kubernetes"
    elif (root / ".dockerenv").exists():
        found["kind"] = "docker"
    elif (root / "run/.containerenv").exists():
        found["kind"] = "podman"
    # podman tells the image; docker and Kubernetes tell nobody inside.
    podman = re.search(r'^image="(.+)"$', cgroup.read_text(root / "run/.containerenv"), re.M)
    image = find_image(facts, settings) or apptainer or (podman[1] if podman else None)
    if image:
        found["image"] = image
    limits = cgroup.find_limits("self", cpu_count=os.cpu_count())
    if limits.cpus is not None:
        found["cpuLimit"] = limits.cpus
    if limits.memory_bytes is not None:
        found["memoryLimitBytes"] = limits.memory_bytes
    return found


def find_image(facts: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    """The image of the container, where somebody said it."""
    environment: Mapping[str, str] = facts.get("environment") or {}
    return (
        settings.get("docker")
        or environment.get("STEELYARD_DOCKER")
        or environment.get("WANDB_DOCKER")
    )


def describe_cluster(
    facts: Mapping[str, Any], account: Path = SERVICE_ACCOUNT
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


def _describe_pod(environment: Mapping[str, str], account: Path) -> dict[str, str]:
    if "KUBERNETES_SERVICE_HOST" not in environment:
        return {}

    def first(names: tuple[str, ...]) -> str:
        return next((environment[name] for name in names if environment.get(name)), "")

    pod = {
        # A pod's host name is its own name, unless its manifest says otherwise.
        "pod": first(POD_NAMES) or environment.get("HOSTNAME", ""),
        "namespace": first(NAMESPACE_NAMES) or cgroup.read_text(account / "namespace").strip(),
        "node": first(NODE_NAMES),
    }
    return {name: value for name, value in pod.items() if value}
