from __future__ import annotations

import platform
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no stubs
import pytest

from steelyard.sdk.capture.machine import (
    count_cores,
    describe_cluster,
    describe_container,
    describe_machine,
    describe_platform,
    find_processor,
)


def test_describes_this_machine() -> None:
    found = describe_machine({}, {"x_stats_disk_paths": ["/", "/no such disk"]})
    assert found["memory"]["total"] == psutil.virtual_memory().total
    assert found["cpu_count_logical"] == psutil.cpu_count()
    assert set(found["disk"]) == {"/"}
    assert found["disk"]["/"]["total"] == psutil.disk_usage("/").total
    assert 0 < found["disk"]["/"]["used"] <= found["disk"]["/"]["total"]


def test_says_what_psutil_and_platform_say() -> None:
    assert count_cores() == psutil.cpu_count(logical=False)
    assert describe_platform() == platform.platform(aliased=True)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere psutil knows")
def test_counts_cores_by_the_threads_they_share(tmp_path: Path) -> None:
    for number, (name, threads) in enumerate(
        [("core_cpus_list", "0,2"), ("thread_siblings_list", "1,3"), ("core_cpus_list", "0,2")]
    ):
        topology = tmp_path / f"cpu{number}" / "topology"
        topology.mkdir(parents=True)
        (topology / name).write_text(f"{threads}\n")
    (tmp_path / "cpufreq").mkdir()
    assert count_cores(tmp_path) == 2


def test_counts_can_be_overridden() -> None:
    settings = {"x_stats_cpu_count": 3, "x_stats_cpu_logical_count": 6}
    found = describe_machine({}, settings)
    assert (found["cpu_count"], found["cpu_count_logical"]) == (3, 6)


def test_reads_the_processor(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nvendor_id\t: X\nmodel name\t: AMD EPYC 7763\nflags\t: a\n")
    assert find_processor(file) == "AMD EPYC 7763"
    assert find_processor(tmp_path / "gone") is None


@pytest.mark.parametrize(
    ("environment", "file", "expected"),
    [
        ({}, None, {}),
        ({}, ".dockerenv", {"kind": "docker"}),
        ({"WANDB_DOCKER": "team/image:1"}, ".dockerenv", {"image": "team/image:1"}),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, ".dockerenv", {"kind": "kubernetes"}),
        ({"APPTAINER_CONTAINER": "/i.sif"}, None, {"kind": "apptainer", "image": "/i.sif"}),
        ({}, "run/.containerenv", {"kind": "podman", "image": "docker.io/team/image:1"}),
    ],
)
def test_tells_containers_apart(
    tmp_path: Path, environment: dict[str, str], file: str | None, expected: dict[str, str]
) -> None:
    if file is not None:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text('engine="podman-4"\nimage="docker.io/team/image:1"\n')
    found = describe_container({"environment": environment}, {}, root=tmp_path)
    assert expected.items() <= found.items()
    assert "kind" in found or not file


def test_a_job_of_slurm_is_told_as_wandb_does() -> None:
    environment = {
        "SLURM_JOB_ID": "4711",
        "SLURM_NODELIST": "node[1-2]",
        "SLURM_PROCID": "3",
        "RANK": "3",
        "WORLD_SIZE": "8",
    }
    assert describe_cluster({"environment": environment}) == {
        "slurm": {"job_id": "4711", "nodelist": "node[1-2]", "procid": "3"},
        "environment": {"RANK": "3", "WORLD_SIZE": "8"},
    }


def test_a_pod_is_told_by_the_downward_api(tmp_path: Path) -> None:
    environment = {
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "HOSTNAME": "trainer-0",
        "POD_NAME": "trainer-0-x7",
        "POD_NAMESPACE": "team",
        "NODE_NAME": "gpu-17",
    }
    found = describe_cluster({"environment": environment}, tmp_path)
    assert found["kubernetes"] == {"pod": "trainer-0-x7", "namespace": "team", "node": "gpu-17"}


def test_a_pod_without_it_has_its_host_name_and_its_account(tmp_path: Path) -> None:
    (tmp_path / "namespace").write_text("team")
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "trainer-0"}
    found = describe_cluster({"environment": environment}, tmp_path)
    assert found["kubernetes"] == {"pod": "trainer-0", "namespace": "team"}


def test_outside_of_clusters_there_is_no_block() -> None:
    assert describe_cluster({"environment": {"HOSTNAME": "laptop"}}) == {
        "environment": {"HOSTNAME": "laptop"}
    }
    assert describe_cluster({}) == {}
