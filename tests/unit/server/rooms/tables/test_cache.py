"""What is made once and kept, and what is not tried again."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.errors import Invalid, Unavailable
from steelyard.limits import TABLE_REFUSAL_S
from steelyard.server.rooms.tables.cache import DiskCache

KEY = "ab" * 32


def test_an_entry_is_made_once(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, bytes_max=1000)
    made: list[Path] = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_text("x")

    first, second = (cache.get(KEY, make, wait_s=30) for _ in range(2))
    assert first == second and first.read_text() == "x" and len(made) == 1


def test_what_is_broken_is_not_tried_again_for_a_while(tmp_path: Path) -> None:
    now = [0.0]
    cache = DiskCache(tmp_path, bytes_max=1000, now_s=lambda: now[0])
    tried: list[float] = []

    def make(path: Path) -> None:
        tried.append(now[0])
        raise Invalid("the file ends there")

    def ask(key: str = KEY) -> None:
        with pytest.raises(Invalid, match="ends there"):
            cache.get(key, make, wait_s=30)

    ask()
    now[0] = TABLE_REFUSAL_S - 1
    ask()
    assert tried == [0.0]
    ask("cd" * 32)  # another content is looked at
    now[0] = TABLE_REFUSAL_S
    ask()
    assert tried == [0.0, TABLE_REFUSAL_S - 1, TABLE_REFUSAL_S]


def test_what_failed_for_another_reason_is_tried_again(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, bytes_max=1000)
    faults: list[Exception] = [Unavailable("the store is away")]

    def make(path: Path) -> None:
        if faults:
            raise faults.pop()
        path.write_text("x")

    with pytest.raises(Unavailable):
        cache.get(KEY, make, wait_s=30)
    assert cache.get(KEY, make, wait_s=30).read_text() == "x"
