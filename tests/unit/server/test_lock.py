from __future__ import annotations

import os
from pathlib import Path

import pytest

from steelyard.errors import CannotStart
from steelyard.server.lock import DataDirLock, find_running_server


def test_a_data_directory_has_one_server_at_a_time(tmp_path: Path) -> None:
    first, second = DataDirLock(tmp_path), DataDirLock(tmp_path)
    first.acquire()
    with pytest.raises(CannotStart, match="just starting"):
        second.acquire()
    first.describe("http://localhost:1")
    with pytest.raises(CannotStart, match=rf"pid {os.getpid()}, http://localhost:1"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_running_server_is_found_and_a_stopped_one_is_not(tmp_path: Path) -> None:
    assert find_running_server(tmp_path) is None
    lock = DataDirLock(tmp_path)
    lock.acquire()
    lock.describe("http://localhost:1")
    holder = find_running_server(tmp_path)
    assert holder is not None and holder.url == "http://localhost:1"
    lock.release()
    assert find_running_server(tmp_path) is None
