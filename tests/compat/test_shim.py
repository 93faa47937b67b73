"""`steelyard shim` in an environment of its own: who asks for wandb gets us."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

import steelyard
from steelyard.testing.server import ThrowawayServer

SOURCE = Path(steelyard.__file__).parents[1]
TIMEOUT_S = 120


class Environment:
    """A virtual environment that sees our source and what it needs, but no wandb package."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        self.bin = folder / "bin"
        (self.site,) = folder.glob("lib/python*/site-packages")
        borrowed = folder / "borrowed"
        borrowed.mkdir()
        for name in ("click", "msgspec", "urllib3", "psutil", "google"):
            for found in map(Path, sys.path):
                if (found / name).is_dir():
                    (borrowed / name).symlink_to(found / name)
                    break
        (self.site / "source.pth").write_text(f"{SOURCE}\n{borrowed}\n")
        self.environ = {
            "HOME": str(folder),
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "NO_PROXY": "127.0.0.1",
            "LANG": "C.UTF-8",
        }
        self.home = folder

    def run(self, *command: str, check: bool = True, **environ: str) -> tuple[int, str]:
        """(exit status, what was printed)."""
        done = subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            cwd=self.home,
            env=self.environ | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert not check or done.returncode == 0, done.stdout
        return done.returncode, done.stdout

    def python(self, script: str, **environ: str) -> str:
        return self.run("python", "-W", "error", "-c", script, **environ)[1]

    def steelyard(self, *arguments: str, check: bool = True) -> tuple[int, str]:
        return self.run("python", "-m", "steelyard", *arguments, check=check)

    def files(self) -> set[str]:
        return {
            str(path.relative_to(self.home))
            for folder in (self.bin, self.site)
            for path in folder.rglob("*")
            if path.suffix != ".pyc" and path.name != "__pycache__"
        }


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "venv")


@pytest.fixture
def shimmed(environment: Environment) -> Iterator[Environment]:
    environment.steelyard("shim")
    return environment


def test_import_wandb_is_our_client(shimmed: Environment) -> None:
    shimmed.python(
        "import steelyard, wandb, wandb.errors, wandb.util\n"
        "from wandb import Settings, init\n"
        "from wandb.errors import CommError\n"
        "from wandb.sdk.wandb_run import Run\n"
        "from wandb.sdk.lib.runid import generate_id\n"
        "import wandb.sdk.lib\n"
        "assert wandb.errors is steelyard.errors is __import__('sys').modules['wandb.errors']\n"
        "assert steelyard.errors.__spec__.name == 'steelyard.errors'\n"
        "assert wandb.init is steelyard.init is init and Run is steelyard.Run\n"
        "assert wandb.sdk.wandb_run.Run is Run and wandb.run is None\n"
        "assert not issubclass(Run, wandb.sdk.lib.RunDisabled)\n"
        "assert len(generate_id()) == 8 and 'init' in dir(wandb)\n"
        "assert not hasattr(wandb, 'cli') and not hasattr(wandb, 'limits')\n"
    )


def test_frameworks_find_the_names_that_they_import(shimmed: Environment) -> None:
    shimmed.python(
        # transformers, accelerate, Lightning, Ray Tune
        "from wandb.sdk.lib.config_util import ConfigError\n"
        "from wandb.sdk.lib import RunDisabled\n"
        "from wandb.sdk.lib.disabled import SummaryDisabled\n"
        "from wandb.wandb_run import Run\n"
        "from wandb.sdk.data_types.base_types.wb_value import WBValue\n"
        "from wandb.sdk.data_types.image import Image\n"
        "from wandb.util import json_dumps_safer\n"
        "from wandb.errors.errors import CommError\n"
        "import wandb\n"
        "from wandb.sdk import wandb_setup\n"
        "assert wandb.sdk.wandb_run.Run is wandb.wandb_sdk.wandb_run.Run is Run is wandb.Run\n"
        "assert wandb.sdk.lib.runid.generate_id() and wandb_setup.setup is wandb.setup\n"
        "assert CommError is wandb.CommError and not isinstance(1, (Image, WBValue))\n"
        "assert json_dumps_safer({'a': {1: (2, 3.5)}}) == '{\"a\": {\"1\": [2, 3.5]}}'\n"
        "run = wandb.init(mode='disabled', config={'lr': 1})\n"
        "try:\n"
        "    run.config['lr'] = 2\n"
        "except ConfigError:\n"
        "    pass\n"
        "else:\n"
        "    raise AssertionError\n"
    )


def test_frameworks_find_the_version_they_ask_for(shimmed: Environment) -> None:
    shimmed.python(
        "import importlib.metadata, importlib.util, wandb\n"
        "assert importlib.util.find_spec('wandb') is not None\n"
        "assert importlib.metadata.version('wandb').startswith('0.31.0')\n"
        "assert tuple(map(int, wandb.__version__.split('.'))) >= (0, 12, 10)\n"
        "assert wandb.__file__ and wandb.__name__ == 'wandb'\n"
    )


def test_what_we_do_not_have_is_an_import_error_that_says_so(shimmed: Environment) -> None:
    shimmed.python(
        "import wandb\n"
        "for name in ('wandb.keras', 'wandb.cli', 'wandb.sdk.launch'):\n"
        "    try:\n"
        "        __import__(name)\n"
        "    except ModuleNotFoundError as error:\n"
        "        assert error.name == name and 'Steelyard' in str(error), error\n"
        "    else:\n"
        "        raise AssertionError(name)\n"
        "try:\n"
        "    from wandb.sdk.wandb_run import Teardown\n"
        "except ImportError:\n"
        "    pass\n"
        "else:\n"
        "    raise AssertionError\n"
    )


def test_a_folder_of_runs_does_not_hide_it(shimmed: Environment) -> None:
    (shimmed.home / "wandb").mkdir()
    shimmed.python("import wandb; assert wandb.init")


def test_a_script_logs_and_the_command_syncs(
    shimmed: Environment, shared_server: ThrowawayServer
) -> None:
    key = {"WANDB_BASE_URL": shared_server.base_url, "WANDB_API_KEY": shared_server.owner_key}
    project = f"shim-{os.urandom(4).hex()}"
    shimmed.python(
        f"import wandb\nwith wandb.init(project={project!r}, id='r') as run:\n"
        "    wandb.log({'loss': 0.5})\n",
        WANDB_MODE="offline",
    )
    assert "r" in shimmed.run("wandb", "sync", "steelyard", **key)[1]
    assert f"{project}\t1" in shimmed.run("wandb", "projects", **key)[1]
    _, shown = shimmed.run("python", "-m", "wandb", "run", "show", f"{project}/r", **key)
    assert "finished" in shown and "loss   0.5" in shown


def test_the_command_answers_for_what_it_has_and_says_what_it_has_not(
    shimmed: Environment,
) -> None:
    assert shimmed.run("wandb", "--version")[1].startswith("wandb, version 0.31.0 (Steelyard ")
    status, shown = shimmed.run("wandb", "launch", "--job", "x", check=False)
    assert (status, shown.count("\n")) == (1, 1)
    assert shown.startswith("wandb: `wandb launch` is not here: ")
    shimmed.run("wandb", "offline")
    assert "mode = offline" in (shimmed.home / "steelyard/settings").read_text()
    assert "mode offline" in shimmed.run("wandb", "status", "--no-settings", check=False)[1]
    shimmed.run("wandb", "online")
    assert "mode = online" in (shimmed.home / "steelyard/settings").read_text()


def test_it_is_removed_without_a_trace(environment: Environment) -> None:
    before = environment.files()
    assert environment.steelyard("shim", "--check", check=False)[0] == 1
    for _ in range(2):  # again: an update
        environment.steelyard("shim")
    assert environment.steelyard("shim", "--check") == (
        0,
        f"wandb here is Steelyard {steelyard.__version__}, and says to be wandb 0.31.0\n",
    )
    environment.python("import wandb, wandb.errors")
    environment.steelyard("shim", "--remove")
    assert environment.files() == before
    assert "there is no shim here" in environment.steelyard("shim", "--remove")[1]


def test_it_stays_away_from_the_wandb_package(environment: Environment) -> None:
    info = environment.site / "wandb-0.30.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wandb\nVersion: 0.30.0\n")
    (info / "INSTALLER").write_text("pip\n")
    before = environment.files()
    status, shown = environment.steelyard("shim", check=False)
    assert status == 1
    assert "wandb package 0.30.0" in shown and "pip uninstall wandb" in shown
    assert environment.steelyard("shim", "--check", check=False) == (
        1,
        "wandb here is the wandb package, version 0.30.0\n",
    )
    assert environment.files() == before


@pytest.mark.parametrize("place", ["site/wandb.py", "site/wandb/__init__.py", "bin/wandb"])
def test_it_overwrites_nothing(environment: Environment, place: str) -> None:
    root, _, name = place.partition("/")
    path = (environment.site if root == "site" else environment.bin) / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    status, shown = environment.steelyard("shim", check=False)
    assert status == 1 and "is there already" in shown
    assert path.read_text() == "mine"


def test_pip_can_remove_it_as_any_other_package(shimmed: Environment) -> None:
    import ensurepip

    pip = next((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    _, shown = shimmed.run("python", "-m", "pip", "uninstall", "-y", "wandb", PYTHONPATH=str(pip))
    assert "Successfully uninstalled" in shown
    assert not (shimmed.site / "wandb").exists() and not (shimmed.bin / "wandb").exists()
