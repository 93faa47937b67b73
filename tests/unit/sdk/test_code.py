"""The code of a run: what is stored, and what is left out and said."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.errors import Invalid, RunFinished
from steelyard.limits import CODE_FILE_BYTES_MAX
from steelyard.sdk import code
from steelyard.sdk.code import store_code
from steelyard.sdk.journal.folder import RunFolder
from steelyard.wire import journal
from tests.support.journal_runs import list_records, make_folder, make_run


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project with code, data, an environment, run folders of its own and of others."""
    top = tmp_path / "project"
    for name in (
        "train.py",
        "requirements.txt",
        "Dockerfile.gpu",
        "data.csv",
        "package/model.py",
        "package/wandb/real.py",
        "package/__pycache__/x.py",
        "wandb/run-1/files/code/old.py",
        ".git/hooks/hook.py",
        "env/lib/python3/site.py",
        "lib/site-packages/torch/nn.py",
    ):
        file = top / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    (top / "env" / "pyvenv.cfg").touch()
    (top / "broken.py").symlink_to("nowhere.py")
    return top


@pytest.fixture
def folder(tree: Path) -> RunFolder:
    return make_folder(tree)[0]


def stored(folder: RunFolder) -> list[str]:
    code = folder.files_dir / "code"
    return sorted(path.relative_to(code).as_posix() for path in code.rglob("*") if path.is_file())


def test_source_files_are_stored_as_they_are_now(folder: RunFolder, tree: Path) -> None:
    said: list[str] = []
    assert store_code(folder, tree, say=said.append) == [
        "code/Dockerfile.gpu",
        "code/requirements.txt",
        "code/train.py",
        "code/package/model.py",
        "code/package/wandb/real.py",
    ]
    (tree / "train.py").write_text("changed")
    assert (folder.files_dir / "code" / "train.py").read_text() == "train.py"
    assert "5 source files" in said[0]
    assert folder.files_list.read_text().count('"now"') == 5


@pytest.mark.parametrize("arguments", [1, 2])
def test_the_scripts_own_choice_with_one_argument_or_two(
    folder: RunFolder, tree: Path, arguments: int
) -> None:
    if arguments == 2:
        store_code(
            folder,
            tree,
            lambda path, root: Path(path).relative_to(root).suffix in (".py", ".csv"),
            lambda path, root: Path(path).is_relative_to(Path(root, "package")),
        )
    else:
        store_code(folder, tree, lambda path: path.endswith(".csv"), lambda path: "package" in path)
    kept = stored(folder)
    assert "data.csv" in kept
    assert not [name for name in kept if name.startswith("package")]
    assert ("train.py" in kept) == (arguments == 2)
    # Neither the run's own files nor an environment, whatever the script says.
    assert not [name for name in kept if name.startswith(("steelyard", "env"))]


def test_large_files_are_left_out_and_named(folder: RunFolder, tree: Path) -> None:
    with (tree / "weights.py").open("wb") as file:
        file.truncate(CODE_FILE_BYTES_MAX + 1)
    warned: list[str] = []
    store_code(folder, tree, warn=warned.append)
    assert "weights.py" not in stored(folder)
    assert "weights.py" in warned[0]


def test_more_files_than_the_limit_are_left_out_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code, "CODE_FILES_MAX", 20)  # 5,000 would take seconds to make
    folder = make_folder(tmp_path / "runs")[0]
    top = tmp_path / "many"
    top.mkdir()
    for number in range(25):
        (top / f"{number}.py").touch()
    warned: list[str] = []
    assert len(store_code(folder, top, warn=warned.append)) == 20
    assert "and 2 more" in warned[0]


def test_a_directory_without_code_is_said(folder: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    warned: list[str] = []
    assert store_code(folder, tmp_path / "empty", warn=warned.append) == []
    assert "no source files" in warned[0]


def test_a_root_that_is_no_directory_is_refused(folder: RunFolder, tree: Path) -> None:
    with pytest.raises(Invalid, match="no directory"):
        store_code(folder, tree / "train.py")


def test_a_run_stores_its_code_until_it_ends(
    tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    run = make_run(tmp_path)
    logged = run.log_code(str(tree), name="source-mine")
    assert logged is not None
    assert (logged.name, logged.type) == ("source-mine", "code")
    assert sorted(logged.manifest.entries) == [
        "Dockerfile.gpu",
        "package/model.py",
        "package/wandb/real.py",
        "requirements.txt",
        "train.py",
    ]
    assert list_records(run, journal.CONFIG)[-1]["set"] == {"_wandb": {"code_path": "source-mine"}}
    assert (Path(run.dir) / "code" / "train.py").is_file()
    run.finish()
    with pytest.raises(RunFinished, match="log_code"):
        run.log_code(str(tree))
    assert make_run(tmp_path, mode="disabled").log_code(str(tree)) is None
