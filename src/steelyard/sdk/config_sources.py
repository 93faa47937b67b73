"""Configs as users have them: dicts, namespaces, dataclasses, flags, files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from steelyard.errors import Invalid
from steelyard.limits import CONFIG_FILE_BYTES_MAX

DEFAULTS_FILE = "config-defaults.yaml"
VERSION_KEY = "wandb_version"


def read_config(
    given: Any,
    *,
    include: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
) -> dict[str, Any]:
    """A dict of what was given as config.

    Takes a mapping, the path of a YAML or JSON file, argparse.Namespace, SimpleNamespace, a
    dataclass, a Struct, an attrs or pydantic object, OmegaConf, absl and TensorFlow flags. Raises
    Invalid for anything else.
    """
    if include and exclude:
        raise Invalid("give config_include_keys or config_exclude_keys, not both")
    items = _to_dict(given)
    if include:
        items = {key: value for key, value in items.items() if key in include}
    if exclude:
        items = {key: value for key, value in items.items() if key not in exclude}
    return items


def _to_dict(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if isinstance(given, str | os.PathLike):
        return read_config_file(Path(given))
    if isinstance(given, ModuleType):  # absl.flags and tensorflow's flags
        given = getattr(given, "FLAGS", given)
    kind = type(given)
    module = kind.__module__ or ""
    if module.startswith("omegaconf"):
        return _of_omegaconf(given)
    if module.startswith("absl.flags"):
        return {str(name): given[name].value for name in given}
    if isinstance(given, Mapping):
        return dict(given)
    if callable(as_dict := getattr(given, "as_dict", None)):  # our Config
        return dict(as_dict())
    if hasattr(kind, "__dataclass_fields__") and not isinstance(given, type):
        return _of_dataclass(given)
    if hasattr(kind, "__struct_fields__"):  # msgspec
        return {name: getattr(given, name) for name in kind.__struct_fields__}
    if hasattr(kind, "model_fields") and callable(dump := getattr(given, "model_dump", None)):
        return dict(dump())  # pydantic
    if isinstance(given, type | Sequence) or not hasattr(given, "__dict__"):
        raise Invalid(
            f"config is a dict, a YAML file, a namespace or a dataclass object, not {given!r:.100}"
        )
    items = vars(given)
    flags = items.get("__flags")  # TensorFlow before 1.5
    return dict(items if flags is None else flags)


def _of_omegaconf(given: Any) -> dict[str, Any]:
    from importlib import import_module  # the user has it, we do not depend on it

    container = import_module("omegaconf").OmegaConf.to_container(given, resolve=True)
    if not isinstance(container, dict):
        raise Invalid("config is a map; this OmegaConf object is a list")
    return {str(key): value for key, value in container.items()}


def _of_dataclass(given: Any) -> dict[str, Any]:
    """Fields by name, dataclasses inside included; a copy of nothing else (dataclasses.asdict
    would deep-copy models and data sets that somebody keeps there)."""
    return {
        name: _of_dataclass(value)
        if hasattr(type(value), "__dataclass_fields__") and not isinstance(value, type)
        else value
        for name in type(given).__dataclass_fields__
        if hasattr(given, name)
        for value in (getattr(given, name),)
    }


def read_config_file(path: Path) -> dict[str, Any]:
    """The values of a config file: YAML, or JSON, which is YAML too.

    Plain `key: value`, and the form that wandb writes, `key: {desc: …, value: …}`. Raises Invalid
    that names the file and the line.
    """
    from steelyard.sdk.yaml_subset import parse_yaml

    try:
        with path.open("rb") as file:
            raw = file.read(CONFIG_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise Invalid(f"cannot read the config file {path}: {error.strerror}") from error
    if len(raw) > CONFIG_FILE_BYTES_MAX:
        raise Invalid(f"the config file {path} is longer than {CONFIG_FILE_BYTES_MAX:,} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"the config file {path} is not UTF-8: {error}") from error
    loaded = parse_yaml(text, name=str(path))
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise Invalid(f"the config file {path} holds no map of keys to values")
    # wandb 0.31.0 sdk/lib/config_util.py dict_from_config_file: version 1, values under "value".
    version = loaded.pop(VERSION_KEY, None)
    if version not in (None, 1):
        raise Invalid(f"the config file {path} has {VERSION_KEY} {version!r}; 1 is known")
    loaded.pop("_wandb", None)
    return {str(key): _unwrap(value) for key, value in loaded.items()}


def _unwrap(value: Any) -> Any:
    if isinstance(value, dict) and "value" in value and set(value) <= {"value", "desc"}:
        return value["value"]
    return value
