"""The end of a run: the files it leaves, the wait, and sizes in words."""

from __future__ import annotations

import math
import os
import pty
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from steelyard.sdk.finish import describe_rest, describe_size, encode_config_yaml, wait_until_sent
from steelyard.sdk.sender.launch import Progress

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.dictionaries(
        TEXT,
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
            lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
        ),
    )
)
def test_the_config_reads_back_as_yaml(config: dict[str, Any]) -> None:
    read = yaml.safe_load(encode_config_yaml(config))
    assert repr({key: item["value"] for key, item in read.items()}) == repr(config)  # with NaN


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (3_400_000, "3.4 MB"),
        (5_000_000_000, "5.0 GB"),
    ],
)
def test_sizes_are_said_in_few_characters(size: int, text: str) -> None:
    assert describe_size(size) == text


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress("working", 0, 0, 0), "0 bytes"),
        (Progress("working", 5, 5, 1), "1 file"),
        (Progress("working", 0, 2000, 1200), "2.0 kB and 1,200 files"),
        (Progress("working", 9, 5, 0), "0 bytes"),
    ],
)
def test_what_is_left_counts_bytes_and_files(progress: Progress, text: str) -> None:
    assert describe_rest(progress) == text


class Sender:
    """Plays a sender that gets on by three steps."""

    STEPS = (
        Progress("working", 0, 9_000_000, 2),
        Progress("waiting", 4_000_000, 9_000_000, 1, "the server does not answer"),
        Progress("done", 9_000_000, 9_000_000, 0),
    )

    def flush(
        self, run_dir: Path, *, timeout_s: float, on_progress: Callable[[Progress], None]
    ) -> Progress:
        for progress in self.STEPS:
            on_progress(progress)
        return self.STEPS[-1]


def test_on_a_terminal_one_line_says_how_it_goes_and_goes_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        progress, was_interrupted = wait_until_sent(Sender(), tmp_path, 30.0)  # type: ignore[arg-type]
        monkeypatch.undo()
    shown = ""
    with suppress(OSError):  # EIO at the end
        while part := os.read(ours, 65536):
            shown += part.decode()
    os.close(ours)
    assert progress is not None
    assert (progress.state, was_interrupted) == ("done", False)
    assert "sending, 9.0 MB and 2 files left" in shown
    assert "5.0 MB and 1 file left (the server does not answer)" in shown
    assert "\n" not in shown
    assert shown.endswith("\r")
    assert shown.split("\r")[-2].strip() == ""


def test_elsewhere_nothing_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert wait_until_sent(Sender(), tmp_path, 30.0)[0] is not None  # type: ignore[arg-type]
    assert capsys.readouterr().err == ""


def test_numbers_that_yaml_might_take_for_text_stay_numbers() -> None:
    read = yaml.safe_load(encode_config_yaml({"a": 1e16, "b": -1e-7, "c": math.inf}))
    assert read == {"a": {"value": 1e16}, "b": {"value": -1e-7}, "c": {"value": math.inf}}
