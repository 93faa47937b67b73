"""Bringing a sweep in a directory to a server: what is there already is not made again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from steelyard.limits import SWEEP_IMPORT_TRIALS_MAX
from steelyard.sdk.sweeps.directory.agents import read_pulse
from steelyard.sdk.sweeps.directory.model import Sweep, Trial
from steelyard.sdk.sweeps.directory.queue import DirectoryQueue
from steelyard.sdk.sweeps.directory.store import Store

if TYPE_CHECKING:
    from steelyard.sdk.connection import Connection

#: Of the trials in one request; the configuration, at most 1 MiB, comes on top.
PAGE_BYTES: Final = 2**20
#: In the place of an entity in our REST API: the caller's own.
OWN_ENTITY: Final = "-"


class SweepSent(msgspec.Struct, frozen=True):
    """What came of it. `number`: entries of the log that it says; `changed`: trials that were new
    on the server, or have changed since."""

    path: str
    trial_count: int
    changed: int
    number: int


def send_directory_sweep(
    directory: Path,
    connection: Connection,
    *,
    entity: str | None = None,
    project: str | None = None,
) -> SweepSent:
    """Send the sweep with all its trials as they are now. Sent again, it changes nothing.

    `entity` and `project` go before its own. Raises NotFound where there is no sweep, Unavailable,
    Conflict where the server goes on with it by itself, Forbidden.
    """
    DirectoryQueue(directory).settle()
    store = Store(directory)
    sweep = store.refresh()
    head = sweep.head
    assert head is not None
    owner = quote(entity or head.entity or OWN_ENTITY, safe="")
    place = f"/api/v1/{owner}/{quote(project or head.project, safe='')}/sweeps/{head.name}/import"
    said = {
        "config": head.config,
        "seed": head.seed,
        "state": sweep.state,
        "exhausted_reason": sweep.exhausted_reason,
        "created_at_us": sweep.created_at_us,
        "finished_at_us": sweep.finished_at_us,
    }
    changed = 0
    for agents in _by_number(_agents_of(store, sweep)):
        connection.call("PUT", place, content={**said, "agents": agents})
    for trials in _by_size(_trial_of(sweep.trials[index]) for index in sorted(sweep.trials)):
        changed += connection.call("PUT", place, content={**said, "trials": trials})["changed"]
    answer = connection.call("PUT", place, content={**said, "is_last": True})["sweep"]
    path = f"{answer['entity']}/{answer['project']}/{answer['name']}"
    return SweepSent(path, len(sweep.trials), changed, sweep.number)


def _agents_of(store: Store, sweep: Sweep) -> Iterator[dict[str, Any]]:
    for agent in sweep.agents.values():
        pulse = read_pulse(store.queue / "agents" / f"{agent.name}.json")
        heard_at_us = agent.created_at_us if pulse is None else pulse.at_us
        yield {
            "name": agent.name,
            "host": agent.host,
            "created_at_us": agent.created_at_us,
            "heartbeat_at_us": heard_at_us,
        }


def _trial_of(trial: Trial) -> dict[str, Any]:
    said = msgspec.structs.asdict(trial)
    said["run"] = said.pop("run_name")
    del said["key"]  # the server works it out
    return said


def _by_number(items: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    page: list[dict[str, Any]] = []
    for item in items:
        page.append(item)
        if len(page) == SWEEP_IMPORT_TRIALS_MAX:
            yield page
            page = []
    if page:
        yield page


def _by_size(items: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    page: list[dict[str, Any]] = []
    size = 0
    for item in items:
        item_size = len(json.dumps(item))
        if page and (size + item_size > PAGE_BYTES or len(page) == SWEEP_IMPORT_TRIALS_MAX):
            yield page
            page, size = [], 0
        page.append(item)
        size += item_size
    if page:
        yield page
