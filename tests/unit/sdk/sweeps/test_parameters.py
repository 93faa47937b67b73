"""The files and variables by which a run hears of its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.sdk.config_sources import read_config_file
from steelyard.sdk.sweeps.parameters import (
    RunFiles,
    hidden_variables,
    note_stop,
    read_stop,
    run_variables,
)
from steelyard.sdk.sweeps.queue import Resume, Run, SweepInfo

INFO = SweepInfo(path="p", name="s1", config={}, environment={"WANDB_PROJECT": "works"})
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("abcäß: -#'\"{}[],1e5", max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=6,
)


@given(config=st.dictionaries(st.text("xyz.", min_size=1), PLAIN, max_size=5))
def test_both_clients_read_the_values_as_they_were_chosen(
    config: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = RunFiles(tmp_path_factory.mktemp("runs"), "s1", "r1")
    files.write(config)
    assert read_config_file(files.parameters) == config
    text = files.parameters.read_text(encoding="utf-8")
    assert yaml.safe_load(text) == {"wandb_version": 1} | {
        key: {"value": value} for key, value in config.items()
    }


def test_a_run_that_goes_on_is_told_so_and_no_variable_of_the_agent_wins(tmp_path: Path) -> None:
    files = RunFiles(tmp_path, "s1", "r1")
    begun = run_variables(INFO, Run(run_name="r1", config={}), files)
    assert begun["WANDB_SWEEP_PARAM_PATH"] == str(tmp_path / "sweep-s1" / "config-r1.yaml")
    assert (begun["WANDB_RUN_ID"], begun["WANDB_SWEEP_ID"]) == ("r1", "s1")
    assert {"WANDB_RESUME", "STEELYARD_PROJECT", "STEELYARD_RUN_ID"} <= {*hidden_variables(begun)}
    resumed = run_variables(INFO, Resume(run_name="r1", config={}), files)
    assert resumed["WANDB_RESUME"] == "allow"
    assert "WANDB_RESUME" not in hidden_variables(resumed)


def test_word_of_a_stop_is_left_beside_the_parameters(tmp_path: Path) -> None:
    files = RunFiles(tmp_path, "s1", "r1")
    files.write({"x": 1})
    assert (read_stop(str(files.parameters)), files.was_stopped) == (None, False)
    note_stop(str(files.parameters), "worse than the others", 0)
    assert read_stop(str(files.parameters)) == ("worse than the others", 0)
    assert files.was_stopped
    files.write({"x": 1})
    assert not files.was_stopped


def test_a_place_that_takes_no_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "sweep-s1").write_text("no directory")
    with pytest.raises(Invalid, match="WANDB_DIR"):
        RunFiles(tmp_path, "s1", "r1").write({"x": 1})
