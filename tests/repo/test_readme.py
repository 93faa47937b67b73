"""What the README tells people to type works as it stands there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from steelyard.testing.server import ThrowawayServer
from tests.support.installed_wheel import ROOT, InstalledWheel
from tests.support.official_client import OfficialClient, clean_environ
from tests.support.run_reader import RunReader

README = (ROOT / "README.md").read_text()
SHELL = re.findall(r"^```sh\n(.*?)^```", README, flags=re.M | re.S)
PYTHON = re.findall(r"^```python\n(.*?)^```", README, flags=re.M | re.S)
PORT = "8080"


def test_the_readme_begins_with_two_commands() -> None:
    assert SHELL[0].splitlines() == ['pip install "steelyard[server]"', "steelyard up"]


def test_the_commands_of_the_readme_end_in_a_tracked_run(
    installed_wheel: InstalledWheel, tmp_path: Path
) -> None:
    """The wheel stands for `pip install`; another port for 8080, which may be taken here."""
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
        client.run_script(PYTHON[0])
        runs = RunReader(server, "first")
        run = runs.get_only_run()
        assert run["state"] == "finished"
        assert run["config"] == {"learning_rate": 0.1}
        assert len(runs.list_history(run["name"])) == 100
