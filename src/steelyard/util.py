"""What scripts use of `wandb.util`."""

from __future__ import annotations

from typing import Any


def generate_id(length: int = 8) -> str:
    """A random id of `length` characters of [a-z0-9], such as `init()` gives to runs."""
    from steelyard.sdk.session import new_id

    return new_id(length)


def json_dumps_safer(obj: Any, **options: Any) -> str:
    """Text in JSON of whatever a config may hold. `options` are those of json.dumps."""
    import json

    from steelyard.sdk.values import plain_config

    return json.dumps(plain_config("obj", obj), **options)
