"""What scripts use of `wandb.util`."""

from __future__ import annotations


def generate_id(length: int = 8) -> str:
    """A random id of `length` characters of [a-z0-9], such as `init()` gives to runs."""
    from steelyard.sdk.session import new_id

    return new_id(length)
