"""Directories of the test's own for caches, staging and downloads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.sdk.artifacts import context


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Nothing of the user's home is touched; no server is known."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("WANDB_BASE_URL", "WANDB_API_KEY", "WANDB_DIR", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("WANDB_ARTIFACT_DIR", str(tmp_path / "artifacts"))
    yield tmp_path
    context._caches.clear()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory with files of several kinds."""
    root = tmp_path / "source"
    for name, content in {
        "a.txt": b"a",
        "empty": b"",
        "deep/er/b.bin": bytes(range(256)) * 1024,
        "deep/ü c.txt": "ü".encode(),
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root
