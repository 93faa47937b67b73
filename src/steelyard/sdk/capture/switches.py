"""What may be captured, by the settings: every rule of who switches off what stands here. Pure.

Settings are a map with the field names of `ClientSettings`; what is missing has its default.
"""

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

    Settings = Mapping[str, Any]


def may_capture_metadata(settings: Settings) -> bool:
    """Program, machine, user."""
    return not (settings.get("x_disable_meta") or settings.get("x_disable_machine_info"))


def may_capture_git(settings: Settings) -> bool:
    """Commit, branch, remote."""
    return not (settings.get("disable_git") or settings.get("x_disable_machine_info"))


def may_save_files(settings: Settings) -> bool:
    """Of several processes in one run, the primary one describes the environment for all."""
    return settings.get("x_primary", True) and not settings.get("x_disable_machine_info")


def may_save_packages(settings: Settings) -> bool:
    return (
        may_save_files(settings)
        and not settings.get("x_disable_meta")
        and settings.get("x_save_requirements", True)
    )


def may_save_patch(settings: Settings) -> bool:
    """Without the changes, the commit does not say what ran: so unless somebody objects to code."""
    may_save_code = not settings.get("disable_code") and settings.get("save_code") is not False
    return may_save_files(settings) and may_capture_git(settings) and may_save_code


def may_save_script(settings: Settings) -> bool:
    is_wanted = bool(settings.get("save_code")) and not settings.get("disable_code")
    return may_save_files(settings) and is_wanted


def may_sample(settings: Settings) -> bool:
    """System metrics."""
    return not (settings.get("x_disable_stats") or settings.get("x_disable_machine_info"))
