"""The command that runs a program with a configuration: `command:` and its macros.

Source of the macros and of how values are written: wandb 0.31.0 sdk/launch/sweeps/utils.py
create_sweep_command, create_sweep_command_args, and wandb_agent.py _command_run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from steelyard.errors import Invalid, UsageError

DEFAULT_COMMAND: Final = ("${env}", "${interpreter}", "${program}", "${args}")
MACRO: Final = re.compile(r"\$\{([a-z_]+)\}")
ENVIRONMENT_MACRO: Final = re.compile(r"\$\{envvar:([A-Za-z0-9_]*)\}")
#: Macros that need a file with the configuration as JSON.
JSON_FILE: Final = "args_json_file"


def _equals(config: Mapping[str, Any], mark: str) -> list[str]:
    return [f"{mark}{name}={value}" for name, value in config.items()]


def _spaced(config: Mapping[str, Any]) -> list[str]:
    return [word for name, value in config.items() for word in (f"--{name}", str(value))]


def _boolean_flags(config: Mapping[str, Any]) -> list[str]:
    """`--name` for what is true, nothing for what is false, `--name=value` for the rest."""
    return [
        f"--{name}" if value is True else f"--{name}={value}"
        for name, value in config.items()
        if value is not False
    ]


ARGUMENTS: Final[Mapping[str, Callable[[Mapping[str, Any]], list[str]]]] = {
    "args": lambda config: _equals(config, "--"),
    "args_no_hyphens": lambda config: _equals(config, ""),
    "args_append_hydra": lambda config: _equals(config, "+"),
    "args_override_hydra": lambda config: _equals(config, "++"),
    "args_no_equals": _spaced,
    "args_no_boolean_flags": _boolean_flags,
    "args_json": lambda config: [json.dumps(config)],
}
#: Macros that are one word each, and may stand inside of others.
WORDS: Final = ("env", "interpreter", "program", JSON_FILE, "args_json")


def read_command(config: Mapping[str, Any]) -> list[str]:
    """`command:` of the configuration of a sweep, or what stands for it.

    Raises Invalid for another thing than a list of words, and for a macro that nobody knows.
    """
    given = config.get("command") or list(DEFAULT_COMMAND)
    if not isinstance(given, list) or not all(
        isinstance(word, str | int | float) for word in given
    ):
        raise Invalid(
            f"command: is a list of words such as {list(DEFAULT_COMMAND)}, not {given!r:.200}"
        )
    known = {*ARGUMENTS, *WORDS}
    words = [str(word) for word in given]
    for word in words:
        whole = MACRO.fullmatch(word)
        if whole is not None and whole[1] not in known:
            raise Invalid(
                f"command: has a macro {word} that is not known; there are "
                f"{', '.join(f'${{{name}}}' for name in sorted(known))} and ${{envvar:NAME}}"
            )
    return words


def make_command(
    words: Sequence[str],
    config: Mapping[str, Any],
    *,
    program: str | None,
    interpreter: str,
    environ: Mapping[str, str],
    json_file: str,
) -> list[str]:
    """The command with its macros replaced.

    Args:
        words: as `read_command` gives them.
        config: of the run, nested.
        program: what ${program} is. interpreter: what ${interpreter} is.
        environ: where ${envvar:NAME} is looked up; a name that is not there stays as it is.
        json_file: path of the file that ${args_json_file} names.

    Raises UsageError where ${program} is wanted and there is none.
    """
    if program is None and "${program}" in " ".join(words):
        raise UsageError(
            "the configuration of this sweep names no program; add program: train.py to it, or "
            "call steelyard.agent(SWEEP, function=...)"
        )
    single = {
        "env": "/usr/bin/env",
        "interpreter": interpreter,
        "program": program or "",
        JSON_FILE: json_file,
        "args_json": json.dumps(config),
    }
    command: list[str] = []
    for word in words:
        text = ENVIRONMENT_MACRO.sub(lambda found: environ.get(found[1], found[1]), word)
        whole = MACRO.fullmatch(text)
        if whole is not None and whole[1] in ARGUMENTS:
            command += ARGUMENTS[whole[1]](config)
        else:
            command.append(MACRO.sub(lambda found: single.get(found[1], found[0]), text))
    return command


def needs_json_file(words: Sequence[str]) -> bool:
    """Whether a command wants the configuration in a file."""
    return any(f"${{{JSON_FILE}}}" in word for word in words)
