"""Runs that a test leaves open do not outlive it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from steelyard.sdk import exit_hooks, terminal


@pytest.fixture(autouse=True)
def _forget_runs() -> Iterator[None]:
    """Closed without a word: what they would say at exit belongs to no test."""
    yield
    terminal._voice.said.clear()
    for run in exit_hooks.list_runs():
        exit_hooks.forget(run)
        run.abandon()
