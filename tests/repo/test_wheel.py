"""What users install: complete, without our tests, working without Node."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.installed_wheel import ROOT, InstalledWheel, build_wheel, install_wheel

WHEEL_BYTES_MAX = 5_000_000
#: Logs offline and reads its own journal back, with what the light client has.
TRAINING = """
import steelyard as wandb
from pathlib import Path
from steelyard.sdk.journal.reader import iter_records, list_writers
from steelyard.wire.journal import HISTORY
with wandb.init(project="first", mode="offline", config={"learning_rate": 0.1}) as run:
    for step in range(100):
        run.log({"loss": 1 / (1 + step)})
(folder,) = Path("steelyard").glob("offline-run-*")
kinds = [kind for writer in list_writers(folder) for kind, *_ in iter_records(folder, writer)]
print("ROWS", kinds.count(HISTORY))
"""


@pytest.fixture(scope="module")
def names(built_wheel: Path) -> set[str]:
    with zipfile.ZipFile(built_wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_everything_the_server_reads(names: set[str], built_wheel: Path) -> None:
    assert "steelyard/server/static/index.html" in names
    assert "steelyard/server/gateway/schema.graphql" in names
    assert "steelyard/server/migrations/versions/0001_initial.py" in names
    assert "steelyard/py.typed" in names
    assert any(n.startswith("steelyard/server/static/assets/") for n in names)
    assert any(n.endswith("licenses/LICENSE") for n in names)
    assert built_wheel.stat().st_size < WHEEL_BYTES_MAX


def test_the_wheel_holds_nothing_else(names: set[str]) -> None:
    assert {n.split("/")[0].split("-")[0] for n in names} == {"steelyard"}
    assert [n for n in names if "node_modules" in n or n.endswith((".pyc", ".map", ".tsx"))] == []


def test_the_light_client_has_six_dependencies(built_wheel: Path) -> None:
    with zipfile.ZipFile(built_wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    always = [r for r in metadata.get_all("Requires-Dist", []) if "extra ==" not in r]
    names = sorted(requirement.split(">")[0] for requirement in always)
    assert names == ["click", "msgspec", "nvidia-ml-py", "psutil", "pyyaml", "urllib3"]


def test_the_light_client_works_alone(built_wheel: Path, tmp_path: Path) -> None:
    light = install_wheel(built_wheel, tmp_path / "venv")
    assert light.run("python", "-c", "import steelyard").returncode == 0
    assert light.run("steelyard", "--help").returncode == 0
    refused = light.run("steelyard", "up", "--no-browser")
    assert refused.returncode == 1
    assert 'pip install "steelyard[server]"' in refused.stderr
    assert "Traceback" not in refused.stderr
    trained = light.run("python", "-c", TRAINING, cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.splitlines()[-1] == "ROWS 100"


def test_the_installed_wheel_serves_its_page_without_node(
    installed_wheel: InstalledWheel, tmp_path: Path
) -> None:
    with ThrowawayServer(
        tmp_path / "server", python=installed_wheel.python, environ=installed_wheel.environ
    ) as server:
        page = server.request("GET", "/", key="")
        assert page.status == 200
        assert b"<script" in page.data
        assert server.call("GET", "/api/v1/me")["is_admin"]
        script = re.search(rb'src="\./(assets/index-[^"]+\.js)"', page.data)
        assert script is not None
        path = f"/{script.group(1).decode()}"
        packed = server.request("GET", path, key="", headers={"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Content-Type"].startswith("text/javascript")
        plain = server.request("GET", path, key="", headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        assert packed.data == plain.data  # urllib3 unpacks


def test_a_wheel_without_the_web_page_is_not_built(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(
        ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__", "static")
    )
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        build_wheel(tmp_path / "out", root=tree)
    assert "make web" in refused.value.stderr
