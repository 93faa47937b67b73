"""The summary of a run on the server, to be read and changed."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping
from typing import Any

from steelyard.sdk.values import plain_row


class RunSummary:
    """A dict with attributes: `run.summary["acc"]`, `run.summary.acc`.

    What is set stays here until `update` sends the whole; nested objects are of this kind too.
    """

    def __init__(self, values: dict[str, Any], *, send: Callable[[dict[str, Any]], None]) -> None:
        self._values = values
        self._whole = values
        self._send = send
        self._sent = repr(values)

    def _inner(self, values: dict[str, Any]) -> RunSummary:
        inner = RunSummary(values, send=self._send)
        inner._whole, inner._sent = self._whole, ""
        return inner

    def __getitem__(self, key: str) -> Any:
        found = self._values[key.strip()]
        return self._inner(found) if isinstance(found, dict) else found

    def __setitem__(self, key: str, value: Any) -> None:
        self._values.update(plain_row({key.strip(): _plain(value)}, use="summary"))

    def __delitem__(self, key: str) -> None:
        del self._values[key.strip()]

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"the summary has no {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        if key.startswith("_"):
            object.__setattr__(self, key, value)
        else:
            self[key] = value

    def __contains__(self, key: object) -> bool:
        return (key.strip() if isinstance(key, str) else key) in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def keys(self) -> KeysView[str]:
        """Its keys."""
        return self._values.keys()

    def items(self) -> ItemsView[str, Any]:
        """Its keys and values."""
        return {key: self[key] for key in self._values}.items()

    def get(self, key: str, default: Any = None) -> Any:
        """A value, or the default."""
        found = self._values.get(key.strip(), default)
        return self._inner(found) if isinstance(found, dict) and found is not default else found

    def update(self, key_vals: Mapping[str, Any] | None = None, overwrite: bool = True) -> None:
        """Set these, those that are there only with `overwrite`, and send the whole summary."""
        for key, value in (key_vals or {}).items():
            if overwrite or key not in self:
                self[key] = value
        if repr(self._whole) != self._sent:
            self._send(self._whole)
            self._sent = repr(self._whole)


def _plain(value: Any) -> Any:
    return dict(value.items()) if isinstance(value, RunSummary) else value
