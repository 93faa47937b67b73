"""What media and charts note in a run's config, under the official client's own key `_wandb`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from steelyard.sdk.run import Run

_noted: WeakKeyDictionary[Run, dict[tuple[str, str], Any]] = WeakKeyDictionary()


def note(run: Run, group: str, name: str, value: Any) -> None:
    """Have `_wandb[group][name]` hold the value; what it holds already is not written again."""
    known = _noted.setdefault(run, {})
    if known.get((group, name)) != value:
        known[group, name] = value
        run.append_config({"_wandb": {group: {name: value}}})


def note_labels(run: Run, group: str, key: int | str, part: str, labels: Mapping[Any, str]) -> None:
    """Names of classes of the masks or boxes `part` of the images `key`.

    Source: wandb 0.31.0 sdk/wandb_run.py _add_singleton; its separator is spelt so.
    """
    name = f"{key}_wandb_delimeter_{part}"
    plain = {str(number): text for number, text in labels.items()}
    note(run, group, name, {"type": group, "key": name, "value": plain})
