"""The JSON of the official client: bare NaN, Infinity and -Infinity are values."""

from __future__ import annotations

import json
from typing import Any

from steelyard.errors import Invalid


def parse_json(text: str) -> Any:
    """The value of a JSON text. Raises Invalid, naming the place, for a text that is not JSON."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"this is not JSON: {error}") from error


def parse_json_object(text: str, what: str) -> dict[str, Any]:
    """The object in a JSON text; `null` and the empty text count as {}. Raises Invalid."""
    value = parse_json(text) if text.strip() else None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"{what} must be a JSON object, not {type(value).__name__}")
    return value


def dump_json(value: Any) -> str:
    """Compact JSON text; NaN and infinities are written bare, as `parse_json` reads them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def without_nonfinite(value: Any) -> Any:
    """The same value in strict JSON: NaN and infinities become the strings that name them."""
    if isinstance(value, float):
        if value != value:
            return "NaN"
        if value in (float("inf"), float("-inf")):
            return "Infinity" if value > 0 else "-Infinity"
        return value
    if isinstance(value, dict):
        return {key: without_nonfinite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nonfinite(item) for item in value]
    return value
