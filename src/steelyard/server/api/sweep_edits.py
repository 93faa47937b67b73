"""Configurations of sweeps before they are sent: checked, and narrowed to what is brushed."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import post

from steelyard.limits import SWEEP_CONFIG_CHARS_MAX, SWEEP_PARAMETERS_MAX
from steelyard.search.narrowing import Kept, narrow_text
from steelyard.server.api.sweeps import SWEEP, SWEEPS
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.projects.policy import get_readable_project
from steelyard.server.rooms.sweeps.checking import CheckedConfig, check_config
from steelyard.server.rooms.sweeps.policy import get_readable_sweep


class ConfigText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A configuration as YAML."""

    config: str


class Brushed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters by name, with what is to be left of each. `config`: of that text, else its own."""

    parameters: dict[str, Kept]
    config: str | None = None


class NarrowedConfig(msgspec.Struct, frozen=True):
    """The configuration with the narrower space; nothing is changed by asking."""

    config: str
    notes: list[str]
    """A sentence for each parameter that could not be narrowed."""


@post(SWEEPS + ":check", status_code=200)
async def check_sweep_config(
    entity: str, project: str, data: ConfigText, caller: Caller, db: Database
) -> CheckedConfig:
    """What there is to say about a configuration, as if a sweep were made of it. Makes nothing."""
    await db.read(get_readable_project, caller, entity, project)
    return await asyncio.to_thread(check_config, data.config)


@post(SWEEP + "/narrowed", status_code=200)
async def narrow_sweep_config(
    entity: str, project: str, sweep: str, data: Brushed, caller: Caller, db: Database
) -> NarrowedConfig:
    """Its configuration with narrower parameters: comments, order and layout stay."""
    found = await db.read(get_readable_sweep, caller, entity, project, sweep)
    text = found.config if data.config is None else data.config
    kept = dict(list(data.parameters.items())[:SWEEP_PARAMETERS_MAX])
    narrowed, notes = await asyncio.to_thread(narrow_text, text[:SWEEP_CONFIG_CHARS_MAX], kept)
    return NarrowedConfig(narrowed, notes)


handlers = [check_sweep_config, narrow_sweep_config]
