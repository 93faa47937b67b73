"""What there is to say about a configuration before anybody sends it for good."""

from __future__ import annotations

from typing import Literal

import msgspec

from steelyard.errors import SweepInvalid
from steelyard.server.rooms.sweeps.configuration import count_expected, parse_sweep_config


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to say. With an error the configuration is refused; a hint is good to know."""

    severity: Literal["error", "warning", "hint"]
    path: str
    """As parameters.lr.min; the empty text is all of it."""
    line: int | None
    message: str
    suggestion: str | None = None


class CheckedConfig(msgspec.Struct, frozen=True):
    """The remarks in the order of the text."""

    is_valid: bool
    remarks: list[Remark]
    run_count_expected: int | None
    """How many runs there will be in all, where that is known."""


def check_config(text: str) -> CheckedConfig:
    """The configuration as if a sweep were made of it. Raises TooLarge for a text that is."""
    try:
        parsed = parse_sweep_config(text)
    except SweepInvalid as error:
        remarks = msgspec.convert(error.diagnostics, list[Remark])
        return CheckedConfig(is_valid=False, remarks=remarks, run_count_expected=None)
    remarks = [
        Remark(
            severity=each.severity,
            path=each.path,
            line=each.line,
            message=each.message,
            suggestion=each.suggestion,
        )
        for each in parsed.diagnostics
    ]
    expected = count_expected(parsed.problem)
    return CheckedConfig(is_valid=True, remarks=remarks, run_count_expected=expected)
