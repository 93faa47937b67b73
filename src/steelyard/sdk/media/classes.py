"""Class names: what the numbers in masks and boxes stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.errors import Invalid, WrongType
from steelyard.sdk.media.media import Media


class Classes(Media):
    """The classes of a data set.

    Args:
        class_set: {"id": number or text, "name": text} for each.
    """

    _log_type = "classes"

    def __init__(self, class_set: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        if isinstance(class_set, str | Mapping) or not isinstance(class_set, Sequence):
            raise WrongType('Classes takes a list like [{"id": 0, "name": "cat"}]')
        for place, each in enumerate(class_set):
            if not isinstance(each, Mapping) or "id" not in each or "name" not in each:
                raise Invalid(f'class {place} is {each!r}; it needs both "id" and "name"')
        self._class_set: list[dict[str, Any]] = [dict(each) for each in class_set]

    def to_json(self, run_or_artifact: Any) -> dict[str, Any]:
        """The classes themselves; there is no file."""
        return {"_type": self._log_type, "class_set": self._class_set}

    @classmethod
    def from_json(cls, json_obj: dict[str, Any], source_artifact: Any) -> Classes:
        return cls(json_obj["class_set"])

    def get_type(self) -> Any:
        """The type of a table's column that holds ids of these classes."""
        from steelyard.sdk.tables.media_types import ClassesIdType

        return ClassesIdType(self)

    def names(self) -> dict[Any, str]:
        """{id: name}."""
        return {each["id"]: each["name"] for each in self._class_set}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Classes) and self._class_set == other._class_set

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __repr__(self) -> str:
        return f"Classes({self._class_set!r})"


def check_class_labels(labels: object, what: str) -> dict[Any, str]:
    """Names by number."""
    if not isinstance(labels, Mapping):
        raise WrongType(f"class_labels of {what} is a dict like {{0: 'cat'}}, not {labels!r}")
    for number, name in labels.items():
        is_number = isinstance(number, int | float) or hasattr(number, "item")
        if not is_number or not isinstance(name, str):
            raise WrongType(
                f"class_labels of {what} is a dict of numbers to names like {{0: 'cat'}}, "
                f"not {number!r}: {name!r}"
            )
    return {(key.item() if hasattr(key, "item") else key): name for key, name in labels.items()}


def default_labels(numbers: set[int]) -> dict[int, str]:
    """Names of classes that have none. Source: wandb 0.31.0 …/helper_types/image_mask.py."""
    return {number: f"class_{number}" for number in sorted(numbers)}
