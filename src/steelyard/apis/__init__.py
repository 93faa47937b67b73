"""`steelyard.apis.public`: the classes of the query API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steelyard.apis import public
    from steelyard.sdk.api.api import Api as PublicApi

__all__ = ["PublicApi", "public"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "public":
        return import_module("steelyard.apis.public")
    if name == "PublicApi":
        return import_module("steelyard.sdk.api.api").Api
    raise AttributeError(f"module 'steelyard.apis' has no attribute {name!r}")
