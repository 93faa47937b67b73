"""Names of `wandb` that this version does not have, so that asking for one explains itself."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.errors import NotInThisVersion

#: What W&B has, by what a user would do with it. wandb 0.31.0 __init__.py
PARTS_MISSING: Mapping[str, tuple[str, ...]] = {
    "integrations": (
        *("catboost", "gym", "integration", "jupyter", "keras", "lightgbm", "sacred", "sklearn"),
        *("tensorboard", "tensorflow", "xgboost"),
    ),
    "automations": ("automations",),
    "the profiler": ("profiler",),
}
PART_OF_NAME: Mapping[str, str] = {
    name: part for part, names in PARTS_MISSING.items() for name in names
}


def explain_missing(name: str) -> AttributeError:
    """The error for a name that the module does not have."""
    part = PART_OF_NAME.get(name)
    if part is None:
        return AttributeError(f"module 'steelyard' has no attribute {name!r}")
    return NotInThisVersion(name, part)
