"""Settings files: where they are, reading them, and changing one setting in one.

INI with one section, `[default]`, as `wandb` writes it. Of the user: `~/.config/wandb/settings`
and `~/.config/steelyard/settings`; of a directory: `wandb/settings` and `steelyard/settings`.
Ours win over wandb's of the same rank; those of the directory win over those of the user.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from steelyard.errors import UsageError
from steelyard.sdk.settings import SettingsText

SETTINGS_NAME = "settings"


def find_home(environ: Mapping[str, str]) -> Path | None:
    """The home directory; None for a user without one, as in some containers."""
    if home := environ.get("HOME") or environ.get("USERPROFILE"):
        return Path(home)
    try:
        return Path.home()
    except RuntimeError:
        return None


def user_files(environ: Mapping[str, str]) -> list[Path]:
    """Settings files of the user, the strongest last. That one is written by `login`."""
    # The variables that name the folder of one tool mean: this folder and no other.
    for variable in ("STEELYARD_CONFIG_DIR", "WANDB_CONFIG_DIR"):
        if folder := environ.get(variable):
            return [Path(folder).expanduser() / SETTINGS_NAME]
    home = find_home(environ)
    if home is None:
        return []
    return [home / ".config" / tool / SETTINGS_NAME for tool in ("wandb", "steelyard")]


def directory_files(root: Path) -> list[Path]:
    """Settings files of a directory, the strongest last."""
    return [root / folder / SETTINGS_NAME for folder in (".wandb", "wandb", "steelyard")]


def read_settings_files(environ: Mapping[str, str], root: Path) -> list[SettingsText]:
    """The settings files that exist, the strongest last. Unreadable ones are left out."""
    found = []
    for path in [*user_files(environ), *directory_files(root)]:
        try:
            found.append(SettingsText(str(path), path.read_text(encoding="utf-8-sig")))
        except (OSError, UnicodeDecodeError):
            continue
    return found


def write_user_setting(environ: Mapping[str, str], name: str, value: str | None) -> Path:
    """Set one setting in the user's own file, or take it out; the rest stays as it is.

    Returns the file. Raises UsageError when it cannot be written.
    """
    paths = user_files(environ)
    home = find_home(environ)
    is_named = len(paths) == 1  # a folder of the user's choice is made, a home directory is not
    if not paths or not (is_named or (home and home.is_dir())):
        raise UsageError(
            f"cannot keep {name}: there is no home directory; set STEELYARD_CONFIG_DIR, "
            f"or give the setting as WANDB_{name.upper()}"
        )
    path = paths[-1]
    write_setting(path, name, value)
    return path


def write_setting(path: Path, name: str, value: str | None) -> None:
    """Set one setting in a file, or take it out; the rest stays as it is, byte by byte."""
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        changed = change_setting(text, name, value)
        if changed == text:
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}-{os.getpid()}")
        temporary.write_text(changed, encoding="utf-8")
        temporary.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot write the settings file {path}: {error}") from error


def change_setting(text: str, name: str, value: str | None) -> str:
    """The text of a settings file in which `name` has this value, or is not there."""
    kept: list[str] = []
    section = None
    end_of_default = None
    for line in text.splitlines(keepends=True):
        stripped = line.strip()
        if stripped.startswith("[") and stripped.endswith("]"):
            section = stripped[1:-1].strip()
        elif section == "default" and _name_of(stripped) == name:
            continue
        kept.append(line if line.endswith("\n") else f"{line}\n")
        if section == "default" and stripped:
            end_of_default = len(kept)
    if value is None:
        return "".join(kept)
    entry = f"{name} = {value}\n"
    if end_of_default is None:
        return "".join([*kept, "[default]\n", entry])
    return "".join([*kept[:end_of_default], entry, *kept[end_of_default:]])


def _name_of(line: str) -> str | None:
    if not line or line[0] in "#;":
        return None
    return line.partition("=")[0].partition(":")[0].strip().lower()
