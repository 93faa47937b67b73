"""What the README tells people to type works as it stands there."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

from steelyard.testing.server import ThrowawayServer
from tests.support.installed_wheel import ROOT, InstalledWheel
from tests.support.official_client import OfficialClient, clean_environ
from tests.support.run_reader import RunReader
from tests.support.staged import ArtifactReader

README = (ROOT / "README.md").read_text()
SHELL = re.findall(r"^```sh\n(.*?)^```", README, flags=re.M | re.S)
PYTHON = re.findall(r"^```python\n(.*?)^```", README, flags=re.M | re.S)
PORT = "8080"


def test_the_readme_begins_with_two_commands() -> None:
    assert SHELL[0].splitlines() == ['pip install "steelyard[server]"', "steelyard up"]


def test_the_first_run_of_the_readme_is_shown_by_the_server_of_that_directory(
    installed_wheel: InstalledWheel, tmp_path: Path
) -> None:
    """The wheel stands for `pip install`."""
    environ = {**installed_wheel.environ, "HOME": str(tmp_path / "home")}
    trained = subprocess.run(
        [installed_wheel.python, "-c", PYTHON[0]], cwd=tmp_path, env=environ, capture_output=True
    )
    assert trained.returncode == 0, trained.stderr
    server = ThrowawayServer(
        tmp_path / "steelyard-data",
        python=installed_wheel.python,
        environ=installed_wheel.environ,
        arguments=["--journals", str(tmp_path / "steelyard")],
    )
    with server:
        check_first_run(server)


def test_the_official_client_finds_the_server_by_the_variables_of_the_readme(
    installed_wheel: InstalledWheel, tmp_path: Path
) -> None:
    """Another port for 8080, which may be taken here."""
    server = ThrowawayServer(
        tmp_path / "steelyard-data", python=installed_wheel.python, environ=installed_wheel.environ
    )
    with server:
        exports = SHELL[1].replace(PORT, str(server.port))
        shown = subprocess.run(
            ["sh", "-ec", f"{exports}\nenv"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        exported = dict(line.split("=", 1) for line in shown.splitlines() if "WANDB" in line)
        home = tmp_path / "home"
        client = OfficialClient(home, clean_environ(home) | exported)
        client.run_script(PYTHON[0].replace("import steelyard as wandb", "import wandb"))
        check_first_run(server)


def test_the_artifact_of_the_readme_is_made_and_read_by_both_clients(
    installed_wheel: InstalledWheel, tmp_path: Path
) -> None:
    server = ThrowawayServer(
        tmp_path / "steelyard-data", python=installed_wheel.python, environ=installed_wheel.environ
    )
    with server:
        home = tmp_path / "home"
        environ = clean_environ(home, base_url=server.base_url, api_key=server.owner_key)
        ours = subprocess.run(
            [installed_wheel.python, "-c", PYTHON[1]],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
        )
        assert ours.returncode == 0, ours.stderr
        check_artifact(server, tmp_path / "artifacts/numbers:v0", users=1)
        client = OfficialClient(home, environ)
        client.run_script(PYTHON[1].replace("import steelyard as wandb", "import wandb"))
        check_artifact(server, home / "artifacts/numbers:v0", users=2)


def check_artifact(server: ThrowawayServer, downloaded: Path, *, users: int) -> None:
    assert (downloaded / "train.csv").read_text() == "x,y\n1,2\n3,6\n"
    found = ArtifactReader(server, "first")
    assert len(found.versions("numbers")) == 1
    path = f"/api/v1/{found.entity}/first/artifacts/numbers/versions/v0/used-by"
    assert [run["job_type"] for run in server.call("GET", path)["items"]] == ["train"] * users


def check_first_run(server: ThrowawayServer) -> None:
    runs = RunReader(server, "first")
    deadline = time.monotonic() + 60
    while not runs.list_runs():  # it is sent as soon as the server is there
        assert time.monotonic() < deadline, server.log
        time.sleep(0.1)
    name = runs.get_only_run()["name"]
    run = runs.wait_for(name, lambda run: run["state"] == "finished")
    assert run["config"] == {"learning_rate": 0.1}
    assert len(runs.list_history(name)) == 100
