"""What may be logged, and what it becomes in a journal: numbers, text, lists and maps.

Everything with the type of a scalar goes into the journal as it is. The rest is rewritten here
into the nearest plain value; libraries are recognised by what their objects can do, so none of
them is imported.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import os
import uuid
from collections import deque
from collections.abc import Callable, ItemsView, Iterable, KeysView, Mapping, ValuesView
from types import ModuleType
from typing import Any, Final, Literal

import msgspec

from steelyard.errors import Invalid
from steelyard.limits import (
    ARRAY_BINS,
    ARRAY_VALUES_LOGGED_MAX,
    BIG_INT_BITS_MAX,
    VALUE_DEPTH_MAX,
    VALUE_TEXT_CHARS_IN_MESSAGES,
)

#: What becomes of a long array and of an object nobody knows. "history": a histogram, refused.
#: "summary": statistics, refused. "config": a list, its text. As the official client does it
#: (wandb 0.31.0 util.py: WandBHistoryJSONEncoder, WandBJSONEncoderOld, json_friendly_val), but
#: that it keeps only the text of a long array in a config.
Use = Literal["history", "summary", "config"]

#: Types that are what they seem. `SIMPLE_TYPES.issuperset(map(type, row.values()))` takes 0.3 µs
#: for ten values, and saves everything else in this module.
SIMPLE_TYPES: Final = frozenset({float, int, str, bool, type(None)})

encode_msgpack: Final = msgspec.msgpack.Encoder().encode

_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1


def plain_row(data: Mapping[str, Any], use: Use = "history") -> dict[str, Any]:
    """A copy of the row with nothing but plain values. Raises Invalid, naming the key."""
    return {clean_text(key): plain(value, key=key, use=use) for key, value in list(data.items())}


def plain(value: Any, *, key: str, use: Use, depth: int = 0) -> Any:
    """The plain form of a value: None, bool, int, float, str, list, dict with keys of text.

    `key` is where it stands, for messages. Raises Invalid for what has no plain form.
    """
    kind = type(value)
    if kind is float or kind is bool or value is None:
        return value
    if kind is str:
        return clean_text(value)
    if kind is int:
        return value if _INT_MIN <= value <= _INT_MAX else _plain_big_int(value, use)
    if depth > VALUE_DEPTH_MAX:
        raise Invalid(
            f"{key!r} holds more than {VALUE_DEPTH_MAX} levels of lists and dicts, "
            "or a list that contains itself; log its parts under keys of their own"
        )
    if kind is dict:
        return {
            _plain_key(inner): plain(item, key=f"{key}.{inner}", use=use, depth=depth + 1)
            for inner, item in list(value.items())
        }
    if kind is list or kind is tuple:
        return [plain(item, key=key, use=use, depth=depth + 1) for item in list(value)]
    if getattr(value, "shape", None) == () and hasattr(value, "item"):  # numpy, torch, jax
        return _plain_scalar(value, key, use)
    return _plain_other(value, key, use, depth)


def _plain_other(value: Any, key: str, use: Use, depth: int) -> Any:
    """What is not of a basic type itself, but perhaps of one derived from it."""
    if use == "config" and isinstance(value, enum.Enum):
        return value.name  # wandb 0.31.0 util.py json_friendly
    if isinstance(value, Mapping):
        return plain(dict(value), key=key, use=use, depth=depth)
    if isinstance(value, list | tuple | set | frozenset | range):
        return plain(list(value), key=key, use=use, depth=depth)
    # An IntEnum is an int first, as in JSON.
    if isinstance(value, str):
        return clean_text(str.__str__(value))
    if isinstance(value, int):
        return plain(int(value), key=key, use=use)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, enum.Enum):
        return plain(value.value, key=key, use=use, depth=depth + 1)
    if isinstance(value, bytes | bytearray):
        return _text_of_bytes(value, key)
    for types, convert in _CONVERSIONS:
        if isinstance(value, types):
            return plain(convert(value), key=key, use=use, depth=depth + 1)
    return _plain_object(value, key, use, depth)


def _plain_big_int(value: int, use: Use) -> float | str:
    """Beyond 64 bits: near enough for a chart; digit for digit where it may be a seed."""
    if use == "config":
        return hex(value) if value.bit_length() > BIG_INT_BITS_MAX else str(value)
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def clean_text(text: str) -> str:
    """The text, with half of a surrogate pair, which UTF-8 has no bytes for, as `\\udc80`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def _plain_key(key: Any) -> str:
    """As `json` writes the keys of a dict."""
    if isinstance(key, str):
        return clean_text(str.__str__(key))
    if key is True or key is False or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    if hasattr(key, "item"):
        key = key.item()
    return clean_text(str(key))


def _text_of_bytes(value: bytes | bytearray, key: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Invalid(
            f"{key!r} holds bytes that are no text; save them as a file: run.save()"
        ) from None


_CONVERSIONS: Final[tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...]] = (
    ((datetime.date, datetime.time), lambda value: value.isoformat()),
    (decimal.Decimal, float),
    ((uuid.UUID, datetime.timedelta, complex), str),
    (os.PathLike, os.fsdecode),
    (
        slice,
        lambda value: {
            "slice_start": value.start,
            "slice_step": value.step,
            "slice_stop": value.stop,
        },
    ),
)


def _plain_object(value: Any, key: str, use: Use, depth: int) -> Any:
    """Objects of libraries and of the user."""
    if hasattr(value, "bind_to_run"):
        if use == "config":
            return clean_text(repr(value))
        raise Invalid(
            f"{key!r} is a {_type_name(value)} inside of what is no list or dict; log it by itself"
        )
    if hasattr(value, "_log_type") and hasattr(value, "to_json"):
        return plain(value.to_json(None), key=key, use=use, depth=depth + 1)
    if not isinstance(value, type):
        if hasattr(value, "tolist") or hasattr(value, "numpy"):
            return _plain_array(value, key, use, depth)
        fields = _fields_of(value)
        if fields is not None:
            return plain(fields, key=key, use=use, depth=depth + 1)
    if callable(value):
        module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        return clean_text(f"{module}.{name}" if module and name else str(value))
    if isinstance(value, deque | KeysView | ValuesView | ItemsView):
        return plain(list(value), key=key, use=use, depth=depth + 1)
    if use == "config":
        return clean_text(str(value))
    if hasattr(value, "__float__") and hasattr(value, "numerator"):  # a fraction
        return float(value)
    raise Invalid(
        f"{key!r} is a {_type_name(value)}, which cannot be logged: {_quote(value)}; log numbers, "
        "text, lists or dicts of them, or an object of steelyard such as Histogram"
    )


def _fields_of(value: Any) -> dict[str, Any] | None:
    """The fields of a dataclass, a Struct or a Namespace; None for anything else."""
    names = getattr(value, "__dataclass_fields__", None) or getattr(value, "__struct_fields__", ())
    if names:
        return {name: getattr(value, name) for name in names if hasattr(value, name)}
    if type(value).__name__ == "Namespace" and type(value).__module__ == "argparse":
        return dict(vars(value))
    return None


def _plain_array(value: Any, key: str, use: Use, depth: int) -> Any:
    """A tensor or array: a number, a list of few, or what `use` makes of many."""
    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu()
        elif not hasattr(value, "tolist"):
            value = value.numpy()  # tensorflow
        count = _count_elements(value)
        if count == 1 and hasattr(value, "item"):
            return _plain_scalar(value, key, use)
        values = value.tolist()
        if count is None or count <= ARRAY_VALUES_LOGGED_MAX or use == "config":
            return plain(values, key=key, use=use, depth=depth + 1)
        from steelyard.sdk.histogram import Histogram, describe_values

        if use == "summary":
            return describe_values(flatten(values), type_name=_type_name(value))
        return Histogram(values, num_bins=ARRAY_BINS).to_json()
    except Invalid as problem:
        raise Invalid(f"{key!r} is a {_type_name(value)}: {problem}") from problem
    except Exception as problem:  # code of a library we know nothing of
        raise _gives_no_numbers(value, key, problem) from problem


def _plain_scalar(value: Any, key: str, use: Use) -> Any:
    """The one element of an array."""
    try:
        found = value.item()
        if type(found) in SIMPLE_TYPES:
            return found
        if hasattr(found, "item"):  # a scalar of ml_dtypes is no number of Python's even then
            return float(found)
    except Exception as problem:  # code of a library we know nothing of
        raise _gives_no_numbers(value, key, problem) from problem
    return plain(found, key=key, use=use, depth=1)


def _gives_no_numbers(value: Any, key: str, problem: Exception) -> Invalid:
    return Invalid(
        f"{key!r} is a {_type_name(value)} that gives no number ({problem}); "
        "log a number or a list of them"
    )


def _count_elements(value: Any) -> int | None:
    """None when it does not say."""
    for name in ("numel", "size"):
        found = getattr(value, name, None)
        if callable(found) and name == "numel":
            found = found()
        if isinstance(found, int):
            return found
    return None


def flatten(value: Any) -> list[Any]:
    """The leaves of lists in lists."""
    if not isinstance(value, list):
        return [value]
    if not value or not isinstance(value[0], list):
        return value
    return [leaf for part in value for leaf in flatten(part)]


def _type_name(value: Any) -> str:
    kind = type(value)
    module = kind.__module__.partition(".")[0]
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


def _quote(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  somebody's __repr__
        return "(it has no text)"
    limit = VALUE_TEXT_CHARS_IN_MESSAGES
    return clean_text(text if len(text) <= limit else f"{text[:limit]}…")


#: Libraries whose objects are logged as files, or as tables.
_RICH: Final = ("matplotlib", "pandas", "plotly")


def has_media(values: Iterable[Any], depth: int = 0) -> bool:
    """Whether some value is no plain one, but media, a table, a chart or a figure.

    `sdk/media/log.py` makes files and JSON of those. It is not loaded to find out.
    """
    for value in values:
        kind = type(value)
        if kind in SIMPLE_TYPES:
            continue
        if kind is dict or kind is list or kind is tuple:
            inner = value.values() if kind is dict else value
            is_simple = SIMPLE_TYPES.issuperset(map(type, inner))
            if not is_simple and depth <= VALUE_DEPTH_MAX and has_media(list(inner), depth + 1):
                return True
        elif hasattr(kind, "bind_to_run") or hasattr(kind, "set_key"):
            return True
        else:
            name = value.__name__ if isinstance(value, ModuleType) else kind.__module__
            if name.startswith(_RICH):
                return True
    return False


def name_biggest(data: Mapping[str, Any]) -> tuple[str, int]:
    """(key, bytes) of the value that takes most room in a record."""
    sizes = {key: len(encode_msgpack(value)) for key, value in data.items()}
    key = max(sizes, key=sizes.__getitem__)
    return key, sizes[key]


def plain_config(key: str, value: Any) -> Any:
    """The plain form of a value of the config. Raises Invalid, naming the key."""
    return plain(value, key=key, use="config")
