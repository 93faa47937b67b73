"""`run.config`: the hyperparameters of a run, as mapping and by attribute.

A change is told to `on_change` at once, which writes it to the journal. As in wandb, a key that
was set does not change by `update()` or item assignment unless `allow_val_change` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from steelyard.errors import ConfigError, Invalid

OnChange = Callable[[dict[str, Any], list[str]], None]
Encode = Callable[[str, Any], Any]


class NestedConfig(dict[str, Any]):
    """A map inside a config: a dict whose keys are attributes too; changes reach the run."""

    __slots__ = ("_changed",)

    def __init__(self, items: Mapping[str, Any], changed: Callable[[], None]) -> None:
        super().__init__(items)
        object.__setattr__(self, "_changed", changed)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"this part of config has no key {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, _nest(value, self._changed))
        self._changed()

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._changed()

    def update(self, *args: Any, **kwargs: Any) -> None:
        """As dict.update."""
        super().update(
            {key: _nest(value, self._changed) for key, value in dict(*args, **kwargs).items()}
        )
        self._changed()

    def setdefault(self, key: str, default: Any = None) -> Any:
        """As dict.setdefault."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, *args: Any) -> Any:
        """As dict.pop."""
        value = super().pop(*args)
        self._changed()
        return value

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return (dict, (plain(self),))  # a copy in another process changes no run

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        import copy

        return copy.deepcopy(plain(self), memo)


class Config:
    """The config of a run.

    Values are what JSON can hold, and what `sdk/values.py` makes of numpy and the like. Keys are
    strings. Attributes that start with _ are ours.
    """

    def __init__(
        self,
        items: Mapping[str, Any] | None = None,
        *,
        on_change: OnChange | None = None,
        encode: Encode | None = None,
        allow_val_change: bool = False,
    ) -> None:
        """A config with `items`, which are not told to `on_change`.

        `encode(key, value)` makes a value plain, or raises Invalid that names the key.
        """
        own = object.__setattr__
        own(self, "_items", {})
        own(self, "_locked", {})
        own(self, "_on_change", None)
        own(self, "_encode", encode)
        own(self, "_allow_val_change", allow_val_change)
        for key, value in (items or {}).items():
            self._items[self._clean_key(key)] = self._clean_value(key, value)
        own(self, "_on_change", on_change)

    # Reading.
    def __getitem__(self, key: str) -> Any:
        try:
            return self._items[key]
        except KeyError:
            raise KeyError(f"config has no key {key!r}; it has: {self._listed()}") from None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copy, pickle and inspect ask for these
            raise AttributeError(name)
        try:
            return self._items[name]
        except KeyError:
            raise AttributeError(f"config has no key {name!r}; it has: {self._listed()}") from None

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Config):
            return bool(self._items == other._items)
        return dict(self) == other

    __hash__: ClassVar[None]  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return repr(self.as_dict())

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._items]

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key, or `default`."""
        return self._items.get(key, default)

    # Keys that start with _ are the client's own in wandb; `dict(config)` leaves them out.
    def keys(self) -> list[str]:
        """Names of all values, in the order they were set."""
        return [key for key in self._items if not key.startswith("_")]

    def values(self) -> list[Any]:
        """All values."""
        return [self._items[key] for key in self.keys()]

    def items(self) -> list[tuple[str, Any]]:
        """(key, value) of all values."""
        return [(key, self._items[key]) for key in self.keys()]

    def as_dict(self) -> dict[str, Any]:
        """A plain copy."""
        return {key: plain(value) for key, value in self.items()}

    # Writing.
    def __setitem__(self, key: str, value: Any) -> None:
        self._set({key: value}, None)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delitem__(self, key: str) -> None:
        del self._items[key]
        if self._on_change is not None:
            self._on_change({}, [key])

    def __delattr__(self, name: str) -> None:
        if name not in self._items:
            raise AttributeError(f"config has no key {name!r}")
        del self[name]

    def update(self, d: Any, allow_val_change: bool | None = None) -> None:
        """Set many keys at once, from a dict or anything that `init(config=)` takes.

        Raises ConfigError when a key has another value already and may not change; then nothing
        is set.
        """
        from steelyard.sdk.config_sources import read_config

        self._set(read_config(d), allow_val_change)

    def setdefaults(self, d: Any) -> None:
        """Set those keys that are not set yet."""
        from steelyard.sdk.config_sources import read_config

        given = read_config(d)
        self._set({key: given[key] for key in given if key not in self._items}, None)

    def update_locked(
        self, d: Mapping[str, Any], user: str | None = None, _allow_val_change: bool | None = None
    ) -> None:
        """Set keys and lock them: later changes are ignored with a warning."""
        clean = self._check(d, _allow_val_change, locked_too=True)
        self._locked.update(dict.fromkeys(clean, user or "a sweep"))
        self._put(clean)

    def merge_locked(
        self, d: Mapping[str, Any], user: str | None = None, _allow_val_change: bool | None = None
    ) -> None:
        """As `update_locked`, but maps are merged key by key instead of replaced."""
        merged = {key: _merge(plain(self._items.get(key)), value) for key, value in d.items()}
        # The merge is what is wanted, so a map that grows is no change of value.
        allow = True if _allow_val_change is None else _allow_val_change
        self.update_locked(merged, user, allow)

    def persist(self) -> None:
        """Tell the run every value again."""
        if self._on_change is not None and self._items:
            self._on_change(plain(self._items), [])

    def _set(self, given: Mapping[str, Any], allow_val_change: bool | None) -> None:
        self._put(self._check(given, allow_val_change))

    def _check(
        self, given: Mapping[str, Any], allow_val_change: bool | None, *, locked_too: bool = False
    ) -> dict[str, Any]:
        """The values to set, plain and allowed."""
        allow = self._allow_val_change if allow_val_change is None else allow_val_change
        clean = {}
        for raw_key, raw in given.items():
            key = self._clean_key(raw_key)
            if key in self._locked and not locked_too:
                self._warn_locked(key)
                continue
            value = self._clean_value(key, raw)
            if not allow and key in self._items and not _is_same(self._items[key], value):
                raise ConfigError(key, self._items[key], value)
            clean[key] = value
        return clean

    def _put(self, clean: dict[str, Any]) -> None:
        if not clean:
            return
        self._items.update(clean)
        if self._on_change is not None:
            self._on_change(plain(clean), [])

    def _clean_key(self, key: Any) -> str:
        if not isinstance(key, str):
            raise Invalid(f"keys of config are strings, not {type(key).__name__}: {key!r}")
        return key.strip("-")  # wandb 0.31.0 sdk/wandb_config.py _sanitize

    def _clean_value(self, key: str, value: Any) -> Any:
        encoded = self._encode(key, plain(value)) if self._encode is not None else plain(value)

        def changed() -> None:
            if self._on_change is not None and key in self._items:
                self._on_change({key: plain(self._items[key])}, [])

        return _nest(encoded, changed)

    def _warn_locked(self, key: str) -> None:
        from steelyard.sdk.terminal import termwarn

        termwarn(f"config key {key!r} was set by {self._locked[key]}; the new value is ignored")

    def _listed(self) -> str:
        return ", ".join(self.keys()) or "nothing yet"


def bind_config(config: Config, on_change: OnChange) -> None:
    """Have changes of the config told to `on_change` from now on."""
    object.__setattr__(config, "_on_change", on_change)


class ConfigStatic:
    """A copy of a config that cannot be changed."""

    def __init__(self, config: Iterable[str] | Mapping[str, Any]) -> None:
        items = config.as_dict() if isinstance(config, Config) else dict(config)  # type: ignore[arg-type]  # a mapping
        object.__setattr__(self, "__dict__", items)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("config_static cannot be changed; run.config can")

    def __setitem__(self, key: str, value: Any) -> None:
        raise AttributeError("config_static cannot be changed; run.config can")

    def __getitem__(self, key: str) -> Any:
        return self.__dict__[key]

    def keys(self) -> Iterable[str]:
        """Names of all values."""
        return self.__dict__.keys()

    def __repr__(self) -> str:
        return repr(self.__dict__)


def plain(value: Any) -> Any:
    """The value with maps of ours turned into dicts."""
    if isinstance(value, Config):
        return value.as_dict()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return [plain(item) for item in value]
    return value


def _nest(value: Any, changed: Callable[[], None]) -> Any:
    if isinstance(value, dict):
        return NestedConfig({key: _nest(item, changed) for key, item in value.items()}, changed)
    if type(value) in (list, tuple):
        return [_nest(item, changed) for item in value]
    return value


def _merge(old: Any, new: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(new, Mapping)):
        return new
    return old | {key: _merge(old.get(key), item) for key, item in new.items()}


def _is_same(old: Any, new: Any) -> bool:
    # NaN is unequal to itself, yet setting it again changes nothing.
    return old is new or bool(old == new) or (old != old and new != new)
