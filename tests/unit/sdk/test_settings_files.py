"""Settings files: which are read, and how one setting is changed in one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import UsageError
from steelyard.sdk.settings_files import (
    change_setting,
    read_settings_files,
    user_files,
    write_user_setting,
)
from steelyard.sdk.settings_values import parse_settings_file


def test_ours_are_read_after_wandbs_and_the_directorys_after_the_users(tmp_path: Path) -> None:
    home, root = tmp_path / "home", tmp_path / "root"
    names = [
        home / ".config/wandb/settings",
        home / ".config/steelyard/settings",
        root / ".wandb/settings",
        root / "wandb/settings",
        root / "steelyard/settings",
    ]
    for path in names:
        path.parent.mkdir(parents=True)
        path.write_text("[default]\n")
    found = read_settings_files({"HOME": str(home)}, root)
    assert [file.path for file in found] == [str(path) for path in names]


def test_a_config_directory_that_is_named_is_the_only_one() -> None:
    assert user_files({"HOME": "/h", "WANDB_CONFIG_DIR": "/c"}) == [Path("/c/settings")]
    both = {"HOME": "/h", "WANDB_CONFIG_DIR": "/c", "STEELYARD_CONFIG_DIR": "/d"}
    assert user_files(both) == [Path("/d/settings")]


def test_unreadable_files_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb/settings").mkdir()
    (tmp_path / "steelyard").mkdir()
    (tmp_path / "steelyard/settings").write_bytes(b"\xff\xfe\x00")
    assert read_settings_files({"HOME": str(tmp_path / "none")}, tmp_path) == []


def test_a_setting_is_changed_and_the_rest_stays_as_it_is() -> None:
    text = (
        "# mine\n[other]\nbase_url = no\n[default]\nentity=e ; x\nbase_url = old\n\n[last]\na = 1\n"
    )
    changed = change_setting(text, "base_url", "http://new")
    assert changed == (
        "# mine\n[other]\nbase_url = no\n[default]\nentity=e ; x\nbase_url = http://new\n"
        "\n[last]\na = 1\n"
    )
    assert change_setting(changed, "base_url", None) == text.replace("base_url = old\n", "")
    assert change_setting("", "mode", "offline") == "[default]\nmode = offline\n"
    assert change_setting("a", "mode", "x") == "a\n[default]\nmode = x\n"


@given(
    text=st.text(alphabet="[]default=\n #:ab", max_size=60),
    value=st.text(alphabet="abc/:", min_size=1, max_size=5),
)
def test_what_is_written_is_read_again(text: str, value: str) -> None:
    read = {
        name: found for name, found, _ in parse_settings_file(change_setting(text, "mode", value))
    }
    assert read["mode"] == value


def test_a_setting_of_the_user_is_written_where_it_is_read(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    path = write_user_setting(environ, "base_url", "http://x")
    assert path == tmp_path / ".config/steelyard/settings"
    (file,) = read_settings_files(environ, tmp_path)
    assert file.text == "[default]\nbase_url = http://x\n"


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write the settings file"):
        write_user_setting({"STEELYARD_CONFIG_DIR": str(tmp_path / "file")}, "mode", "offline")
