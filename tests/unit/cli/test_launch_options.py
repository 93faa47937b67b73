"""Options of `steelyard sweep --emit` and `steelyard agent --launcher` that make no sense."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from steelyard.cli.main import commands
from steelyard.errors import Invalid


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("sweep --array 3 sweep.yaml", "--array belongs to a script"),
        ("sweep -o a=b sweep.yaml", "--option belongs to a script"),
        ("sweep --emit slurm sweep.yaml", "say --array N"),
        ("sweep --emit slurm --array 3 -o wrap=x sweep.yaml", "not yours to choose"),
        ("sweep --emit slurm --array 3 -o comment='a b' sweep.yaml", "no blanks"),
        ("sweep --emit slurm --array 3 --agent '' sweep.yaml", "is empty"),
        ("sweep --emit slurm --array 3 --script no/x sweep.yaml", "no directory for no/x"),
        ("sweep --emit slurm --array 3 --check sweep.yaml", "--emit goes with making a sweep"),
        ("sweep --emit slurm --array 3 --pause x", "--emit goes with making a sweep"),
        ("sweep --emit slurm --array 10001 sweep.yaml", "LAUNCH_TASKS_MAX"),
        ("agent --parallel 2 x", "--parallel goes with a launcher"),
        ("agent --launcher slrm --array 2 x", "did you mean slurm"),
        ("agent --launcher slurm x", "say --array N for slurm"),
        ("agent --launcher local --no-wait x", "leave --no-wait out"),
        ("agent --launcher local -o gpus=zero x", "'zero' is no GPU"),
        ("agent --launcher local -o gpu=0 x", "no option 'gpu'"),
    ],
)
def test_what_makes_no_sense_is_said_and_starts_nothing(
    command: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.yaml").write_text(
        "program: train.py\nmethod: grid\nparameters: {x: {values: [1]}}\n"
    )
    done = CliRunner().invoke(commands, shlex.split(command))
    assert isinstance(done.exception, Invalid), done.output
    assert message in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"]
