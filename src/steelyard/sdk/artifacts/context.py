"""Where artifacts of this process are kept, fetched from and downloaded to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from steelyard.sdk.artifacts.cache import ArtifactCache

if TYPE_CHECKING:
    from steelyard.sdk.settings import ClientSettings


def current_settings() -> ClientSettings:
    """The settings of the active run; without one, those that a run would have now."""
    from steelyard.sdk.session import get_session

    session = get_session()
    run = session.current
    return run.settings if run is not None else session.settings


_caches: dict[tuple[str, int | None], ArtifactCache] = {}


def open_cache(settings: ClientSettings) -> ArtifactCache:
    """The cache of this machine, one object for all of a process. Nothing is made on disk yet."""
    place = (f"{cache_dir(settings)}/artifacts", settings.artifact_cache_bytes_max)
    return _caches.setdefault(place, ArtifactCache(*place))


def cache_dir(settings: ClientSettings) -> str:
    """Absolute path of the directory of caches."""
    return _absolute(settings.cache_dir or "~/.cache/steelyard")


def staging_dir(settings: ClientSettings) -> str:
    """Absolute path of the directory in which files wait for their upload."""
    return _absolute(f"{settings.data_dir or '~/.local/share/steelyard'}/artifacts/staging")


def download_dir(settings: ClientSettings) -> str:
    """The directory below which artifacts are downloaded."""
    # wandb 0.31.0 env.py get_artifact_dir
    return os.path.expanduser(settings.artifact_dir or os.path.join(".", "artifacts"))  # noqa: PTH111, PTH118


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111
