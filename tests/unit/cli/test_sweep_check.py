"""`steelyard sweep --check` as somebody reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from steelyard.cli.main import commands
from steelyard.cli.sweep_check import find_logged_metrics
from steelyard.errors import Invalid, UsageError

GOOD = """\
program: train.py
method: bayes
metric: {goal: minimize, name: val/loss}
parameters:
  learning_rate: {distribution: log_uniform_values, min: 1e-5, max: 1e-3}
  lora_r: {values: [8, 16, 32, 64]}
  optimizer: {values: [adamw, sgd]}
  momentum: {min: 0.0, max: 0.99, condition: {optimizer: sgd}}
  epochs: {value: 20}
constraints: ["lora_r * momentum < 60", "gpu_hours <= 2"]
early_terminate: {type: hyperband, min_iter: 3}
budget: {usd: 200, hours: 12}
run_cap: 60
"""
SEEN = """\
conf.yaml: bayes, minimizes val/loss
  epochs         constant            20
  learning_rate  log_uniform_values  1e-5 to 0.001  e.g. 1.58e-5, 0.0001, 0.000631
  lora_r         categorical         8, 16, 32, 64
  optimizer      categorical         adamw, sgd
  momentum       uniform             0 to 0.99      e.g. 0.099, 0.495, 0.891  if optimizer is sgd
  only where  lora_r * momentum < 60
  accepted if  gpu_hours <= 2  (known after a run)
runs: at most 60 runs (run_cap 60)
runs: stops at 12 hours, 200 USD
stopped early: hyperband: runs are compared at iterations 3, 9, 27, 81, 243, …; \
the best 1 in 3 goes on
time and cost: unknown before the first run; --run-minutes 20 --run-usd 0.5 estimates them

no errors, no warnings
"""
BAD = """\
program: train.py
methd: bayes
metric: {name: val/loss, goal: minimize}
parameters:
  lr:
    distribution: log_uniform   # which one?
    min: 1e-6
    max: 1e-4
"""


def check(path: Path, *flags: str) -> Result:
    return CliRunner().invoke(commands, ["sweep", *(flags or ("--check",)), str(path)])


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text('import wandb\nwandb.log({"val/loss": 1.0})\n')
    return tmp_path / "conf.yaml"


def test_a_good_configuration_says_what_will_be_sampled(conf: Path) -> None:
    conf.write_text(GOOD)
    result = check(conf)
    assert (result.exit_code, result.output) == (0, SEEN)


def test_time_and_cost_are_estimated_from_one_run(conf: Path) -> None:
    folds = "cross_validation: {folds: 3}\nrun_cap: 180"  # runs: a fold is one
    conf.write_text(GOOD.replace("run_cap: 60", folds))
    output = check(conf, "--check", "--run-minutes", "20", "--run-usd", "2.5").output
    assert (
        "time and cost: 180 runs of 20 minutes are 60 hours of running, divided by the number of "
        "agents\n"
        "time and cost: 180 runs of 2.5 USD are 450 USD; the budget ends it after 80 runs\n"
    ) in output
    conf.write_text(GOOD.replace("run_cap: 60", ""))
    output = check(conf, "--check", "--run-minutes", "20").output
    assert "unknown, for nothing limits the number of runs" in output


def test_errors_have_line_path_and_suggestion_and_the_exit_status_is_1(conf: Path) -> None:
    conf.write_text(BAD)
    result = check(conf)
    assert result.exit_code == 1
    assert result.output == (
        "error: line 2, methd: the key 'methd' is unknown\n"
        "    did you mean 'method'?  [--fix does it]\n"
        "error: line 6, parameters.lr.distribution: min and max of log_uniform are exponents of e: "
        "1e-6 to 0.0001 samples from 1 to 1.0001\n"
        "    for values from 1e-6 to 0.0001 write distribution: log_uniform_values"
        "  [--fix does it]\n"
        "2 errors: no sweep can be created from this\n"
        f"2 of these can be fixed: steelyard sweep --fix {conf}\n"
    )


def test_fix_shows_the_changes_writes_them_and_checks_again(conf: Path) -> None:
    conf.write_text(BAD)
    conf.chmod(0o640)
    result = check(conf, "--fix")
    assert result.exit_code == 0
    assert conf.read_text() == BAD.replace("methd", "method").replace(
        "log_uniform ", "log_uniform_values "
    )
    assert conf.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in conf.parent.iterdir() if path.suffix == ".tmp"] == []
    lines = result.output.splitlines()
    assert "-methd: bayes" in lines
    assert "+    distribution: log_uniform_values   # which one?" in lines
    assert "2 fixes written" in result.output
    assert lines[-1] == "no errors, no warnings"


def test_fix_writes_nothing_where_there_is_nothing_to_fix(conf: Path) -> None:
    conf.write_text(GOOD)
    before = conf.stat().st_mtime_ns
    result = check(conf, "--fix")
    assert result.exit_code == 0
    assert "nothing that can be fixed" in result.output
    assert conf.stat().st_mtime_ns == before


def test_a_metric_that_the_program_does_not_log_is_said(conf: Path) -> None:
    conf.write_text(GOOD.replace("val/loss", "val_loss"))
    assert "'val_loss' is never logged\n    did you mean 'val/loss'?" in check(conf).output


@pytest.mark.parametrize(
    ("program", "said"),
    [("program: train.py\n", ""), ("program: tarin.py\n", "no 'tarin.py'"), ("", "is missing")],
)
def test_a_program_that_is_not_there_is_said(conf: Path, program: str, said: str) -> None:
    conf.write_text(GOOD.replace("program: train.py\n", program))
    result = check(conf)
    assert result.exit_code == 0
    assert said in result.output


def test_variables_of_the_environment_are_replaced(
    conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf.write_text(GOOD.replace("usd: 200", 'usd: "${BUDGET_OF_THE_TEST}"'))
    result = check(conf)
    assert result.exit_code == 1
    assert "error: line 12, budget.usd: the environment has no BUDGET_OF_THE_TEST" in result.output
    monkeypatch.setenv("BUDGET_OF_THE_TEST", "75")
    assert "stops at 12 hours, 75 USD" in check(conf).output


def test_files_that_are_no_configuration_are_refused(conf: Path) -> None:
    assert "there is no file" in str(check(conf).exception)
    conf.write_bytes(b"\xff\xfe")
    assert isinstance(check(conf).exception, Invalid)
    assert isinstance(check(conf.parent).exception, Invalid)
    conf.write_text(GOOD)
    assert isinstance(CliRunner().invoke(commands, ["sweep", str(conf)]).exception, UsageError)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ('run.log({"a": 1, "b": 2})\nwandb.log({"c": 3}, step=1)\n', {"a", "b", "c"}),
        ('import math\nmath.log(3)\nrun.log({"a": 1})\n', {"a"}),
        ("run.log(metrics)\n", None),
        ('run.log({f"{x}/loss": 1})\n', None),
        ('run.log({**others, "a": 1})\n', None),
        ('from transformers import Trainer\nrun.log({"a": 1})\n', None),
        ('import helper\nrun.log({"a": 1})\n', None),
        ('run.log({"a": 1})\nrun.summary["b"] = 2\n', None),
        ("print(1)\n", None),
        ("def broken(:\n", None),
    ],
)
def test_metrics_are_known_only_where_the_program_names_them_all(
    tmp_path: Path, text: str, known: set[str] | None
) -> None:
    (tmp_path / "helper.py").write_text("")
    program = tmp_path / "train.py"
    program.write_text(text)
    assert find_logged_metrics(program) == known
