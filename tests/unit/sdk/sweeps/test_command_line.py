"""The command that runs a program with a configuration."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid, UsageError
from steelyard.sdk.sweeps.command_line import make_command, needs_json_file, read_command

CONFIG: dict[str, Any] = {"lr": 0.1, "name": "a b", "amp": True, "debug": False, "opt": {"b": 1}}


def command(words: list[str] | None, config: dict[str, Any] = CONFIG, **given: Any) -> list[str]:
    """What is started, with everything that is not given made up."""
    read = read_command({} if words is None else {"command": words})
    facts: dict[str, Any] = {
        "program": "train.py",
        "interpreter": "python",
        "environ": {"HOME_DIR": "/home/ada"},
        "json_file": "/tmp/config.json",
    }
    return make_command(read, config, **facts | given)


def test_without_a_command_the_program_gets_every_value_as_a_flag() -> None:
    assert command(None, {"lr": 0.1, "name": "a b", "none": None}) == [
        *("/usr/bin/env", "python", "train.py", "--lr=0.1", "--name=a b", "--none=None")
    ]


@pytest.mark.parametrize(
    ("macro", "expected"),
    [
        ("${args}", ["--lr=0.1", "--name=a b", "--amp=True", "--debug=False", "--opt={'b': 1}"]),
        ("${args_no_hyphens}", ["lr=0.1", "name=a b", "amp=True", "debug=False", "opt={'b': 1}"]),
        ("${args_no_boolean_flags}", ["--lr=0.1", "--name=a b", "--amp", "--opt={'b': 1}"]),
        ("${args_append_hydra}", [f"+{n}={v}" for n, v in CONFIG.items()]),
        ("${args_override_hydra}", [f"++{n}={v}" for n, v in CONFIG.items()]),
        ("${args_no_equals}", [w for n, v in CONFIG.items() for w in (f"--{n}", str(v))]),
        ("${args_json}", [json.dumps(CONFIG)]),
        ("${args_json_file}", ["/tmp/config.json"]),
        ("${env}", ["/usr/bin/env"]),
        ("${interpreter}", ["python"]),
        ("${program}", ["train.py"]),
        ("${envvar:HOME_DIR}/data", ["/home/ada/data"]),
        ("${envvar:ABSENT}", ["ABSENT"]),
        ("--config=${args_json_file}", ["--config=/tmp/config.json"]),
        ("--all=${args}", ["--all=${args}"]),
        ("$HOME ${HOME}", ["$HOME ${HOME}"]),
    ],
)
def test_macros_stand_for_what_wandb_says(macro: str, expected: list[str]) -> None:
    assert command([macro]) == expected


def test_a_json_file_is_written_for_commands_that_name_it_only() -> None:
    assert needs_json_file(["run", "--config=${args_json_file}"])
    assert not needs_json_file(["run", "${args_json}"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"command": "python train.py"}, "is a list of words"),
        ({"command": [{"a": 1}]}, "is a list of words"),
        ({"command": ["${programm}"]}, "not known"),
    ],
)
def test_a_command_that_is_none_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read_command(given)


def test_a_sweep_without_a_program_says_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"add program: train\.py"):
        command(None, program=None)
    assert command(["./run.sh", "${args}"], {"x": 1}, program=None) == ["./run.sh", "--x=1"]


@given(st.dictionaries(st.text(min_size=1), st.integers() | st.booleans() | st.text()))
def test_arguments_say_every_value_once_and_json_gives_them_back(config: dict[str, Any]) -> None:
    assert len(command(["${args}"], config)) == len(config)
    assert len(command(["${args_no_equals}"], config)) == 2 * len(config)
    [text] = command(["${args_json}"], config)
    assert json.loads(text) == config
