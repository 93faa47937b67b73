"""The script that people submit: valid for bash, shellcheck and Slurm, whatever it is to hold."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from steelyard.errors import Invalid, UsageError
from steelyard.launch.agents import (
    SlurmEmission,
    find_own_command,
    is_of_this_machine_only,
    read_agent_command,
)
from steelyard.launch.slurm_script import NOTICE_S, OURS, check_options

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


def shellcheck(script: str) -> None:
    done = subprocess.run(
        ["shellcheck", "-"], input=script.encode(), capture_output=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout.decode()}\n{script}"


def directives(script: str) -> list[str]:
    return [line for line in script.splitlines() if line.startswith("#SBATCH")]


def test_the_script_of_an_array(tmp_path: Path) -> None:
    place = tmp_path / "sweep_submission.slrm"
    emission = SlurmEmission(
        tasks=12,
        parallel=2,
        directory="/home/ada/my works",
        script=str(place),
        options={"partition": "gpu", "time": "1-02:00:00", "gres": "gpu:a100:1", "exclusive": ""},
    )
    said = emission.write("ada/works/x7k2m9qp", base_url="http://tracker:8080")
    assert said.startswith(f"{place}: 12 tasks, 2 at a time; submit it with: sbatch ")
    script = place.read_text()
    shellcheck(script)
    assert place.stat().st_mode & 0o111
    assert directives(script) == [
        "#SBATCH --array=1-12%2",
        "#SBATCH --job-name=sweep-x7k2m9qp",
        "#SBATCH --output=slurm-%A_%a.out",
        "#SBATCH --open-mode=append",
        "#SBATCH --requeue",
        f"#SBATCH --signal=B:USR1@{NOTICE_S}",
        "#SBATCH --partition=gpu",
        "#SBATCH --time=1-02:00:00",
        "#SBATCH --gres=gpu:a100:1",
        "#SBATCH --exclusive",
    ]
    command = " ".join(find_own_command())
    assert f"agent=({command} agent --count 1 ada/works/x7k2m9qp)" in script
    assert 'cd -- "/home/ada/my works" || exit 1' in script
    assert '[ -n "${WANDB_BASE_URL:-}" ] || export WANDB_BASE_URL=http://tracker:8080' in script


@given(path=NAMES, directory=NAMES, words=st.lists(NAMES, min_size=1, max_size=3))
@hypothesis_settings(max_examples=30)
def test_any_path_and_name_makes_a_clean_script(
    path: str, directory: str, words: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("scripts") / "script"
    emission = SlurmEmission(
        tasks=3, directory=f"/{directory}", script=str(place), agent=tuple(words)
    )
    emission.write(path, base_url=f"http://{path}")
    script = place.read_text()
    shellcheck(script)
    assert len(directives(script)) == 6
    subprocess.run(["bash", "-n", place], check=True)


def test_a_script_is_written_again_but_nothing_else_is_replaced(tmp_path: Path) -> None:
    place = tmp_path / "run.slrm"
    emission = SlurmEmission(tasks=1, directory="/", script=str(place))
    emission.write("a/b/c", base_url=None)
    emission.write("a/b/d", base_url=None)
    assert "a/b/d" in place.read_text()
    place.write_text("precious\n")
    with pytest.raises(UsageError, match="--script"):
        emission.write("a/b/e", base_url=None)
    assert place.read_text() == "precious\n"
    with pytest.raises(UsageError, match="no directory"):
        SlurmEmission(tasks=1, directory="/", script=str(tmp_path / "no/x")).check()
    with pytest.raises(UsageError, match="is there already"):
        SlurmEmission(tasks=1, directory="/", script=str(tmp_path)).check()


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_the_script_needs_is_not_to_be_changed(name: str) -> None:
    with pytest.raises(Invalid, match=f"--{name} of sbatch is not yours"):
        check_options({name: "1"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("--time", "1"),
        ("Time", "1"),
        ("", "1"),
        ("comment", "two words"),
        ("comment", "a\n#SBATCH --uid=0"),
        ("comment", "it's"),
        ("comment", 'a"b'),
        ("comment", "a#b"),
        ("comment", "a\\b"),
        ("comment", "\u00e9"),
    ],
)
def test_options_that_slurm_would_read_otherwise_are_refused(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=r"option of sbatch|sbatch's options"):
        check_options({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("constraint", "[a*2&b|c]"), ("exclude", "node[1-3],x"), ("mail-user", "ada@example.org")],
)
def test_options_of_sbatch_stand_as_they_are(name: str, value: str) -> None:
    check_options({name: value})


def test_a_command_is_read_as_a_shell_does() -> None:
    assert read_agent_command("wandb agent -f 'a b'") == ("wandb", "agent", "-f", "a b")
    with pytest.raises(Invalid, match="no command"):
        read_agent_command("wandb 'agent")
    with pytest.raises(Invalid, match="empty"):
        read_agent_command(" ")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8080", True),
        ("http://[::1]:8080", True),
        ("http://tracker:8080", False),
        ("https://localhost.example.org", False),
        (None, False),
    ],
)
def test_nodes_cannot_reach_an_address_of_this_machine(url: str | None, expected: bool) -> None:
    assert is_of_this_machine_only(url) is expected
