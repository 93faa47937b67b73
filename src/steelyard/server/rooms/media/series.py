"""Which keys of runs hold media, at which steps, and the items at one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from sqlalchemy.engine import Connection

from steelyard.limits import MEDIA_KEYS_MAX, MEDIA_STEPS_MAX
from steelyard.server.columns.read import find_cells_at, list_cell_keys, list_cell_steps
from steelyard.server.rooms.media.values import MediaKind, MediaValue, kind_of_types, list_items


class MediaKey(msgspec.Struct, frozen=True):
    """A key that holds media. `steps` are those of all runs together, rising.

    When there are more than `MEDIA_STEPS_MAX`, `steps` are evenly chosen ones, the first and the
    last included, and `step_count` says how many there are.
    """

    key: str
    kind: MediaKind
    run_count: int
    step_count: int
    steps: list[int]


class KeyPage(msgspec.Struct, frozen=True):
    keys: list[MediaKey]
    total: int


def list_media_keys(
    conn: Connection,
    run_ids: Sequence[int],
    *,
    keys: Sequence[str] | None = None,
    after: str | None = None,
    limit: int = MEDIA_KEYS_MAX,
) -> KeyPage:
    """Keys with media by name, those behind `after`. Reads metadata and steps, no values.

    A key of lists is looked into once: lists of media are media.
    """
    kinds: dict[str, MediaKind] = {}
    counts: dict[str, int] = {}
    for name, found in list_cell_keys(conn, run_ids, "history").items():
        if keys is not None and name not in keys:
            continue
        kind = kind_of_types(found.types)
        if kind is None and "list" in found.types:
            kind = _look_into(conn, sorted(found.run_ids), name, found.last_step)
        if kind is not None:
            kinds[name], counts[name] = kind, len(found.run_ids)
    names = sorted(name for name in kinds if after is None or name > after)[:limit]
    listed: list[MediaKey] = []
    for name in names:
        by_run = list_cell_steps(conn, run_ids, "history", name).values()
        steps = np.unique(np.concatenate(list(by_run))) if by_run else np.empty(0, np.int64)
        shown = steps
        if len(steps) > MEDIA_STEPS_MAX:
            places = np.linspace(0, len(steps) - 1, MEDIA_STEPS_MAX).round().astype(np.int64)
            shown = steps[np.unique(places)]
        listed.append(MediaKey(name, kinds[name], counts[name], len(steps), shown.tolist()))
    return KeyPage(listed, len(kinds))


def list_runs_with(
    conn: Connection, run_ids: Sequence[int], key: str, step: int, *, exactly: bool
) -> list[int]:
    """Those of the runs, in their order, that have the key at the step or before it."""
    steps = list_cell_steps(conn, run_ids, "history", key, high=step)
    return [
        run_id
        for run_id in run_ids
        if run_id in steps and (not exactly or steps[run_id][-1] == step)
    ]


def find_media_at(
    conn: Connection, run_ids: Sequence[int], key: str, step: int, *, exactly: bool
) -> dict[int, tuple[int, list[MediaValue]]]:
    """The items of each run at the step, or at its nearest earlier one."""
    found = find_cells_at(conn, run_ids, "history", key, step, exactly=exactly)
    return {run_id: (at, list_items(value)) for run_id, (at, value) in found.items()}


def list_class_labels(config: Any) -> dict[str, dict[str, Any]]:
    """Class names that were logged with masks and boxes: "key/name of the mask" to {id: name}.

    # wandb 0.31.0 image_mask.py, wandb_run.py _add_singleton: config `_wandb`, members
    # "mask/class_labels" and "bounding_box/class_labels", keys joined by "_wandb_delimeter_".
    """
    own = config.get("_wandb") if isinstance(config, dict) else None
    own = own.get("value") if isinstance(own, dict) and "value" in own else own
    labels: dict[str, dict[str, Any]] = {}
    for member in ("mask/class_labels", "bounding_box/class_labels"):
        group = own.get(member) if isinstance(own, dict) else None
        for name, said in (group if isinstance(group, dict) else {}).items():
            value = said.get("value") if isinstance(said, dict) else None
            if isinstance(value, dict):
                labels[str(name).replace("_wandb_delimeter_", "/", 1)] = value
    return labels


def _look_into(conn: Connection, run_ids: Sequence[int], key: str, step: int) -> MediaKind | None:
    for _, value in find_cells_at(conn, run_ids[:1], "history", key, step).values():
        for item in list_items(value)[:1]:
            return item.kind
    return None
