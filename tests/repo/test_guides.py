"""What the guides tell people to type works as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.sdk.settings import explain_client_settings
from steelyard.testing.server import ThrowawayServer
from tests.support.installed_wheel import ROOT
from tests.support.official_client import clean_environ
from tests.support.run_reader import RunReader

GUIDES = ROOT / "docs/guides"


def blocks(page: str, language: str) -> list[str]:
    text = (GUIDES / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.M | re.S)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ThrowawayServer]:
    with ThrowawayServer(tmp_path / "steelyard-data") as running:
        yield running


def run_in(
    path: Path, server: ThrowawayServer, *command: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    known = clean_environ(path / "home", base_url=server.base_url, api_key=server.owner_key)
    del known["WANDB_DIR"]
    done = subprocess.run(
        command, cwd=path, env=known | environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("page", ["logging.md", "quick-start.md"])
def test_offline_and_sync(page: str, server: ThrowawayServer, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(blocks(page, "python")[0])
    run_in(tmp_path, server, "sh", "-ec", blocks(page, "sh")[-1])
    runs = RunReader(server, "first")
    name = runs.get_only_run()["name"]
    assert runs.get_run(name)["state"] == "finished"
    assert len(runs.list_history(name)) == 100


def test_a_rank_of_many(server: ThrowawayServer, tmp_path: Path) -> None:
    first, ranks = blocks("logging.md", "python")
    assert "import steelyard as wandb" in first
    for rank in range(2):
        lines = ["import steelyard as wandb", f"rank, run_id = {rank}, 'together'", ranks]
        lines.append(f"run.log({{'loss/{rank}': 1}}, step=0)\nrun.finish()")
        run_in(tmp_path, server, sys.executable, "-c", "\n".join(lines))
    (row,) = RunReader(server, "first").list_history("together")
    assert (row["loss/0"], row["loss/1"]) == (1, 1)


@pytest.mark.parametrize(
    "page", ["artifacts.md", "media-and-tables.md", "../concepts/artifacts.md"]
)
def test_everything_on_the_page_works_in_its_order(
    page: str, server: ThrowawayServer, tmp_path: Path
) -> None:
    """In a directory that has `data/`, as the scripts of the pages want it."""
    (tmp_path / "data").mkdir()
    for number in range(2):
        (tmp_path / f"data/{number}.txt").write_text(str(number))
    text = (GUIDES / page).read_text()
    for language, block in re.findall(r"^```(python|sh)\n(.*?)^```", text, flags=re.M | re.S):
        shell = ("sh", "-ec") if language == "sh" else (sys.executable, "-c")
        done = run_in(tmp_path, server, *shell, block)
        assert "error" not in done.stderr.lower(), done.stderr


def test_the_guide_of_the_search_works_in_one_notebook(tmp_path: Path) -> None:
    code = "\n".join(blocks("search.md", "python"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the model of 24 runs expects val_loss = " in done.stdout


def test_the_variables_of_the_guide_are_settings_of_the_client() -> None:
    text = (GUIDES / "logging.md").read_text().partition("## Variables")[2]
    named = set(re.findall(r"`(WANDB_+[A-Z][A-Z_]+)`", text))
    known = {name for s in explain_client_settings({}, [], {}) for name in s.environment_names}
    assert len(named) > 15
    assert named - known == set()


def test_what_the_guide_calls_missing_is_missing() -> None:
    """When this fails, `coming-from-wandb.md` has a line to change."""
    import steelyard
    from steelyard.errors import NotInThisVersion
    from steelyard.sdk.missing import PART_OF_NAME

    text = (GUIDES / "coming-from-wandb.md").read_text()
    (said,) = re.findall(r"^Not in `steelyard` yet: (.*?)\.\n", text, flags=re.M | re.S)
    named = set(re.findall(r"`(\w+)`", said))
    assert named == set(PART_OF_NAME)
    for name in named:
        with pytest.raises(NotInThisVersion):
            getattr(steelyard, name)
