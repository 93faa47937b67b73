"""What callers of a run may give it. Each raises Invalid that says what to do instead."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Mapping, Sequence
from typing import Any, Final

from steelyard.errors import Invalid, TooLarge, WrongType
from steelyard.limits import TAG_CHARS_MAX, TAGS_PER_RUN_MAX
from steelyard.sdk import terminal
from steelyard.sdk.values import clean_text

STEP_MAX: Final = 2**63 - 1


def check_row(data: object) -> dict[str, Any]:
    """`data` as a dict."""
    if isinstance(data, Mapping):
        return dict(data)
    raise WrongType(
        f"log() takes a dict of values by name, not a {type(data).__name__}; "
        'write log({"loss": loss})'
    )


def wrong_key(data: Mapping[Any, Any]) -> WrongType:
    """The error for a row with a key that is no text."""
    key = next(key for key in data if not isinstance(key, str))
    return WrongType(f"names in log() are text, not {key!r}; use {str(key)!r}")


def check_step(step: Any) -> int:
    """`step` as a number from 0. Below it nothing is: such rows are kept at 0, which is said once.

    The official client drops them with a warning, so there are trainings that give -1.
    """
    number = None
    if not isinstance(step, bool):
        with contextlib.suppress(TypeError):
            number = operator.index(step)
    if number is not None and number <= STEP_MAX:
        if number < 0:
            terminal.termwarn(
                "steps begin at 0; what is logged at a step below it is kept at 0", repeat=False
            )
        return max(number, 0)
    hint = "; for another x axis use run.define_metric(name, step_metric=...)"
    if isinstance(step, float):
        hint = f"; use {int(step)}" if step >= 0 and step.is_integer() else hint
    raise Invalid(f"step is a whole number from 0 to 2**63 - 1, not {step!r}{hint}")


def check_exit_code(exit_code: Any) -> int:
    """An exit code, None meaning success."""
    try:
        return operator.index(exit_code)
    except TypeError:
        raise Invalid(f"exit_code is a whole number, 0 for success, not {exit_code!r}") from None


def check_text(name: str, text: object, chars_max: int) -> str:
    """Text of bounded length."""
    if not isinstance(text, str):
        raise Invalid(f"{name} is text, not {text!r}")
    if len(text) > chars_max:
        raise TooLarge(name, size=len(text), limit=chars_max, limit_name=f"of {name}")
    return clean_text(text)


def check_tags(tags: Sequence[str] | None) -> tuple[str, ...]:
    """Tags, each once, in their order."""
    if isinstance(tags, str):
        raise Invalid(f"tags is a list of texts, not one text; use [{tags!r}]")
    found = tuple(dict.fromkeys(check_text("a tag", tag, TAG_CHARS_MAX) for tag in tags or ()))
    if "" in found:
        raise Invalid("a tag has at least one character")
    if len(found) > TAGS_PER_RUN_MAX:
        raise TooLarge(
            "the list of tags", size=len(found), limit=TAGS_PER_RUN_MAX, limit_name="of tags"
        )
    return found


def check_alert(level: Any, wait_duration: Any) -> tuple[str, int]:
    """(level, wait in milliseconds) of an alert."""
    name = getattr(level, "value", level) or "INFO"
    if name not in ("INFO", "WARN", "ERROR"):
        raise Invalid(f"an alert's level is 'INFO', 'WARN' or 'ERROR', not {level!r}")
    seconds = 60.0 if wait_duration is None else wait_duration
    if hasattr(seconds, "total_seconds"):
        seconds = seconds.total_seconds()
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise Invalid(f"wait_duration is seconds or a timedelta, not {wait_duration!r}")
    return name, int(min(seconds * 1000, STEP_MAX))
