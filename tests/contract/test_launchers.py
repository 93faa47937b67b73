"""Every launcher keeps the contract: on this machine, and in a real Slurm."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from steelyard.errors import Invalid, LaunchFailed
from steelyard.launch.interface import AgentJob, Job, Launcher
from steelyard.launch.local import LocalLauncher
from steelyard.launch.registry import open_launcher, parse_options
from steelyard.launch.slurm import SlurmLauncher
from steelyard.testing.launchers import LauncherContract, make_job, read_log, wait_until
from tests.support.slurm import SlurmCluster

IGNORE = "trap '' TERM; echo begin >> log; while :; do sleep 0.1; done"
#: Says its GPU, and stays until four have said theirs.
SHOW_GPU = """
echo "${CUDA_VISIBLE_DEVICES-none}" >> log
while [ "$(wc -l < log)" -lt 4 ]; do sleep 0.1; done
"""


class TestLocalLauncher(LauncherContract):
    @pytest.fixture
    def launcher(self) -> Launcher:
        return LocalLauncher({"gpus": "none"}, os.environ)

    def test_a_task_that_does_not_listen_is_killed(self, directory: Path) -> None:
        launcher = LocalLauncher({}, os.environ, term_s=0.2)
        job = launcher.submit(make_job(directory, "sh", "-c", IGNORE))
        wait_until(launcher, job, lambda _: read_log(directory) == ["begin"])
        launcher.cancel(job)
        assert wait_until(launcher, job).count() == {"cancelled": 1}

    @pytest.mark.parametrize(
        ("option", "visible", "expected"),
        [
            ("2,5", None, ["2", "2", "5", "5"]),
            ("all", "7,GPU-8f2,-1,3", ["7", "7", "GPU-8f2", "GPU-8f2"]),
            ("all", "", ["", "", "", ""]),
            ("none", "4", ["4", "4", "4", "4"]),
        ],
    )
    def test_tasks_at_work_share_the_gpus_out(
        self, directory: Path, option: str, visible: str | None, expected: list[str]
    ) -> None:
        environ = {"PATH": os.environ["PATH"]}
        environ |= {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
        launcher = LocalLauncher({"gpus": option}, environ)
        job = launcher.submit(make_job(directory, "sh", "-c", SHOW_GPU, tasks=4, parallel=4))
        assert wait_until(launcher, job).count() == {"succeeded": 4}
        assert sorted((directory / "log").read_text().split("\n")[:-1]) == expected

    def test_one_task_runs_for_each_gpu_unless_said_otherwise(self, directory: Path) -> None:
        launcher = LocalLauncher({"gpus": "0,1,2"}, {"PATH": os.environ["PATH"]})
        (directory / "log").write_text("x\n")
        job = launcher.submit(make_job(directory, "sh", "-c", SHOW_GPU, tasks=5))
        status = wait_until(launcher, job, lambda _: len(read_log(directory)) >= 4)
        assert wait_until(launcher, job).count() == {"succeeded": 5}
        assert sorted(read_log(directory)[1:4]) == ["0", "1", "2"]
        assert len(status.tasks) == 5

    def test_a_program_that_is_not_there_starts_nothing(
        self, launcher: Launcher, directory: Path
    ) -> None:
        with pytest.raises(LaunchFailed, match="no-such-program"):
            launcher.submit(make_job(directory, "no-such-program", tasks=3))

    @pytest.mark.parametrize(
        ("options", "message"),
        [({"gpu": "1"}, "gpus=0,1,3"), ({"gpus": "1,x"}, "'x'"), ({"gpus": ""}, "no GPU")],
    )
    def test_an_option_it_does_not_have_is_refused(
        self, options: dict[str, str], message: str
    ) -> None:
        with pytest.raises(Invalid, match=message):
            LocalLauncher(options, {})


class TestSlurmLauncher(LauncherContract):
    @pytest.fixture
    def launcher(self, slurm: SlurmCluster) -> Launcher:
        return SlurmLauncher({"partition": "main"}, {**os.environ, **slurm.environ})

    def test_output_of_a_task_is_in_the_directory(
        self, launcher: Launcher, directory: Path
    ) -> None:
        job = launcher.submit(make_job(directory, "echo", "hello"))
        wait_until(launcher, job)
        assert (directory / f"slurm-{job.id}_1.out").read_text() == "hello\n"

    def test_a_gpu_is_asked_for_as_slurm_does(self, slurm: SlurmCluster, directory: Path) -> None:
        launcher = SlurmLauncher({"gres": "gpu:1"}, {**os.environ, **slurm.environ})
        (directory / "log").write_text("x\nx\n")
        job = launcher.submit(make_job(directory, "sh", "-c", SHOW_GPU, tasks=2))
        assert wait_until(launcher, job).count() == {"succeeded": 2}
        assert sorted(read_log(directory)) == ["0", "1", "x", "x"]

    def test_what_slurm_refuses_is_said_in_its_words(
        self, slurm: SlurmCluster, directory: Path
    ) -> None:
        launcher = SlurmLauncher({"partition": "nowhere"}, {**os.environ, **slurm.environ})
        with pytest.raises(LaunchFailed, match="invalid partition"):
            launcher.submit(make_job(directory, "true"))

    def test_a_job_that_slurm_no_longer_remembers_is_over(self, launcher: Launcher) -> None:
        job = Job(launcher="slurm", id="987654", tasks=2)
        assert launcher.poll(job).count() == {"forgotten": 2}
        launcher.cancel(job)

    def test_a_percent_sign_in_the_directory_is_refused(
        self, launcher: Launcher, directory: Path
    ) -> None:
        odd = directory / "100%j"
        odd.mkdir()
        with pytest.raises(Invalid, match="%"):
            launcher.submit(make_job(odd, "true"))

    def test_without_slurm_it_says_what_to_do(self, directory: Path) -> None:
        launcher = SlurmLauncher({}, {"PATH": str(directory)})
        with pytest.raises(LaunchFailed, match="--emit slurm"):
            launcher.submit(make_job(directory, "true"))


def test_launchers_are_found_by_name() -> None:
    assert open_launcher("slurm", {"time": "1:00:00"}, environ={}).name == "slurm"
    assert open_launcher("local", {"gpus": "none"}, environ={}).name == "local"
    with pytest.raises(Invalid, match="did you mean slurm"):
        open_launcher("slrum", {}, environ={})


def test_a_launcher_of_another_package_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "elsewhere-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[steelyard.launchers]\nmoon = elsewhere:Moon\n")
    (tmp_path / "elsewhere.py").write_text(
        "class Moon:\n"
        "    name, stays = 'moon', True\n"
        "    def __init__(self, options, environ):\n"
        "        self.options = options\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    try:
        launcher = open_launcher("moon", {"far": "side"}, environ={})
        assert (launcher.name, vars(launcher)) == ("moon", {"options": {"far": "side"}})
    finally:
        sys.modules.pop("elsewhere", None)


def test_options_are_keys_with_values() -> None:
    assert parse_options(["gres=gpu:1", "exclusive", "a=b=c", "a=d"]) == {
        "gres": "gpu:1",
        "exclusive": "",
        "a": "d",
    }
    with pytest.raises(Invalid, match="KEY=VALUE"):
        parse_options(["=x"])


def test_variables_have_names() -> None:
    with pytest.raises(Invalid, match="environment variable"):
        AgentJob(name="x", command=("true",), tasks=1, directory="/", environ={"A B": "1"})
