"""How a run hears of its configuration: files, and variables of its environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from steelyard.errors import Invalid
from steelyard.sdk.config_sources import VERSION_KEY
from steelyard.sdk.finish import encode_config_yaml
from steelyard.sdk.sweeps.queue import Resume, Run, SweepInfo

#: Variables that we set in a run; those of the same name with our prefix would win over them.
SET_BY_US: Final = (
    "WANDB_RUN_ID",
    "WANDB_SWEEP_ID",
    "WANDB_SWEEP_PARAM_PATH",
    "WANDB_RESUME",
)


class RunFiles:
    """The files of one run of an agent: what it is to try, and later why it is to stop."""

    def __init__(self, root: Path, sweep: str, run: str) -> None:
        # wandb 0.31.0 wandb_agent.py _command_run: wandb/sweep-<id>/config-<run>.yaml
        directory = root / f"sweep-{sweep}"
        self.directory: Path = directory
        self.parameters: Path = directory / f"config-{run}.yaml"
        self.json: Path = directory / f"config-{run}.json"
        self.stop: Path = stop_file(self.parameters)

    def write(self, config: Mapping[str, Any]) -> None:
        """Raises Invalid where they cannot be written."""
        text = f"{VERSION_KEY}: 1\n" + (encode_config_yaml(config) if config else "")
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self.stop.unlink(missing_ok=True)
            _replace(self.parameters, text)
            _replace(self.json, json.dumps(config))
        except OSError as error:
            raise Invalid(
                f"the parameters of a run cannot be written below {self.directory}: "
                f"{error.strerror}; make room there, or name another place in WANDB_DIR"
            ) from error

    def ask_to_stop(self, reason: str, code: int) -> None:
        """Leave word for the process why it is about to get SIGTERM, and its exit code."""
        note_stop(str(self.parameters), reason, code)

    @property
    def was_stopped(self) -> bool:
        """The agent asked the process to stop, or the process heard so itself."""
        return self.stop.exists()

    def remove(self) -> None:
        """When the run has ended. What is left behind harms nobody."""
        for path in (self.json, self.stop):
            try:
                path.unlink(missing_ok=True)
            except OSError:
                continue


def stop_file(parameters: Path) -> Path:
    """Where the agent leaves word of a stop, beside the parameters that a run knows the path of."""
    return parameters.with_suffix(".stop")


def note_stop(parameters: str, reason: str, code: int) -> None:
    """Leave word of a stop: the agent for the process, or the process for its agent."""
    try:
        _replace(stop_file(Path(parameters)), f"{code} {reason}")
    except OSError:
        return  # the process ends all the same


def read_stop(parameters: str | None) -> tuple[str, int] | None:
    """(why the agent wants this run to end, the exit code); None when it did not say so."""
    if not parameters:
        return None
    try:
        code, _, reason = stop_file(Path(parameters)).read_text(encoding="utf-8").partition(" ")
        return reason, int(code)
    except (OSError, ValueError):  # UnicodeDecodeError is one
        return None


def run_variables(info: SweepInfo, work: Run | Resume, files: RunFiles) -> dict[str, str]:
    """The variables by which either client finds its run, its sweep and its parameters."""
    variables = {
        **info.environment,
        **work.environment,
        "WANDB_RUN_ID": work.run_name,
        "WANDB_SWEEP_ID": info.name,
        "WANDB_SWEEP_PARAM_PATH": str(files.parameters),
    }
    if isinstance(work, Resume):
        variables["WANDB_RESUME"] = "allow"
    return variables


def hidden_variables(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Variables of the agent that a run must not have: they would win over those that we set."""
    names = {*SET_BY_US, *variables}
    ours = tuple(f"STEELYARD_{name.removeprefix('WANDB_')}" for name in sorted(names))
    stale = tuple(name for name in SET_BY_US if name not in variables)
    return ours + stale


def _replace(path: Path, text: str) -> None:
    """Write whole or not at all: an agent may be killed at any moment."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
