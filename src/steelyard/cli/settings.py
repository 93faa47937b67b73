"""Settings as commands see them: environment, settings file, flags."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steelyard.server.settings import ServerSettings


def read_settings(flags: Mapping[str, Any]) -> ServerSettings:
    """Settings of the server for a command with these flags."""
    from steelyard.server.settings import load_settings

    environ = dict(os.environ)  # noqa: TID251  # the one place that reads it
    return load_settings(environ, settings_file(environ, flags), flags)


def settings_file(environ: Mapping[str, str], flags: Mapping[str, Any]) -> str | None:
    """Text of DATA_DIR/steelyard.toml, or of the file STEELYARD_SETTINGS_FILE names."""
    from steelyard.server.settings import SETTINGS_FILE_NAME, load_settings

    if named := environ.get("STEELYARD_SETTINGS_FILE"):
        return Path(named).read_text()
    path = load_settings(environ, None, flags).data_dir / SETTINGS_FILE_NAME
    return path.read_text() if path.is_file() else None


def has_display() -> bool:
    """A browser opened from here would be seen by the user."""
    if sys.platform in ("darwin", "win32"):
        return sys.stdout.isatty()
    environ = os.environ  # noqa: TID251  # not a setting: what the desktop says of itself
    return sys.stdout.isatty() and bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
