"""The config of a run as journals change it: {key: {"value": …}}, and under `_wandb` what clients
note of themselves, in the form of the official client so that its API reads it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from steelyard.server.rooms.runs.journal_records import Start
from steelyard.server.rooms.runs.json_text import dump_json, parse_json_object

OWN_KEY = "_wandb"
#: Maps that grow by name: charts that the user made, of two kinds, and names of classes.
#: wandb 0.31.0 plot/{custom_chart,viz}.py config_key, sdk/wandb_run.py _add_singleton
MERGED_KEYS = ("visualize", "viz", "mask/class_labels", "bounding_box/class_labels")
PINNED_KEY = "pinned_keys"  # the keys of the config that are shown first


class Config:
    """The config while records are applied: parsed when first touched, written back once."""

    def __init__(self, text: str) -> None:
        self._entries = parse_json_object(text, "the config of a run")

    def dump(self) -> str:
        return dump_json(self._entries)

    def set(self, items: Mapping[str, Any]) -> None:
        """Keys of the top level with their values; of the clients' own, charts and pinned keys."""
        for key, value in items.items():
            if key != OWN_KEY:
                self._entries[key] = {"value": value}
            elif isinstance(value, dict):
                self._set_own(value)

    def _set_own(self, value: Mapping[str, Any]) -> None:
        own = self._own()
        for key in MERGED_KEYS:
            if isinstance(value.get(key), dict):
                known = own.get(key)
                own[key] = {**(known if isinstance(known, dict) else {}), **value[key]}
        if isinstance(value.get(PINNED_KEY), list):
            own[PINNED_KEY] = value[PINNED_KEY]

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            if key != OWN_KEY:
                self._entries.pop(key, None)

    def note_client(self, start: Start) -> None:
        """Which client writes the run.

        wandb 0.31.0 core: a run without `t` (telemetry) was never started, and cannot be resumed.
        """
        own = self._own()
        known = {"cli_version": start.client, "python_version": start.python}
        own |= {key: value for key, value in known.items() if value}
        # wandb v0.31 wandb/proto/wandb_telemetry.proto: 4 is the version of Python, 5 the client's.
        own.setdefault("t", {"4": start.python or "", "5": start.client or ""})

    def note_branch(self, run: str, step: int) -> None:
        """Where the run forks from."""
        self._own()["branch_point"] = {"run_id": run, "step": step}

    def note_metrics(self, encoded: list[dict[str, Any]]) -> None:
        """Definitions of metrics, as `Metrics.encode_for_config` gives them."""
        self._own()["m"] = encoded

    def merge_metadata(self, writer: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Facts of a writer's process over those known; all of them."""
        environments = self._own().setdefault("e", {})
        if not isinstance(environments, dict):
            environments = self._own()["e"] = {}
        known = environments.get(writer)
        merged = environments[writer] = {**(known if isinstance(known, dict) else {}), **facts}
        return dict(merged)

    def _own(self) -> dict[str, Any]:
        entry = self._entries.get(OWN_KEY)
        if not isinstance(entry, dict) or not isinstance(entry.get("value"), dict):
            entry = self._entries[OWN_KEY] = {"value": {}}
        own: dict[str, Any] = entry["value"]
        return own
