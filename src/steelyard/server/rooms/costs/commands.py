"""Writes to the price table, and to what runs cost."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid, NotFound, RunNotFound, TooLarge
from steelyard.limits import (
    COSTS_OWN_VALUES_MAX,
    COSTS_STEP_S,
    PRICE_NAME_CHARS_MAX,
    PRICE_USD_PER_HOUR_MAX,
    PRICES_MAX,
    SWEEP_LEASE_S,
)
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.costs.charging import (
    charge_run,
    own_keys,
    summary_values,
    worked_seconds,
)
from steelyard.server.rooms.costs.model import CostEntry, Price, PriceKind
from steelyard.server.rooms.costs.queries import list_prices
from steelyard.server.rooms.costs.tables import prices
from steelyard.server.rooms.runs.commands import lock_run, update_run
from steelyard.server.rooms.runs.costs import find_cost_row, write_cost_row
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.runs.model import ENDED_STATES, Run, RunChanges

SILENT_US = SWEEP_LEASE_S * 1_000_000


# ---- prices


def set_price(
    conn: Connection,
    *,
    kind: PriceKind,
    name: str,
    usd_per_hour: float,
    source: str = "",
    now_us: int,
) -> Price:
    """Put a price into the table, or another in its place.

    Runs that have ended keep what they were charged. Raises Invalid or TooLarge.
    """
    name = name.strip().replace("\x00", "")
    if not name:
        raise Invalid("a price needs a name: a part of the GPU's, like h100, or a pattern of hosts")
    for what, text in (("name", name), ("source", source)):
        if len(text) > PRICE_NAME_CHARS_MAX:
            raise TooLarge(
                f"{what} of a price",
                size=len(text),
                limit=PRICE_NAME_CHARS_MAX,
                limit_name="PRICE_NAME_CHARS_MAX",
            )
    if not (math.isfinite(usd_per_hour) and 0 <= usd_per_hour <= PRICE_USD_PER_HOUR_MAX):
        raise Invalid(
            f"{usd_per_hour} is no price of an hour in USD; use 0 to {PRICE_USD_PER_HOUR_MAX:,.0f}"
        )
    known = list_prices(conn)
    if len(known) >= PRICES_MAX and not any((p.kind, p.name) == (kind, name) for p in known):
        raise TooLarge(
            "the price table", size=len(known) + 1, limit=PRICES_MAX, limit_name="PRICES_MAX"
        )
    price = Price(
        kind=kind,
        name=name,
        usd_per_hour=usd_per_hour,
        source=source.replace("\x00", ""),
        updated_at_us=now_us,
    )
    values = msgspec.to_builtins(price)
    changed = {key: values[key] for key in ("usd_per_hour", "source", "updated_at_us")}
    conn.execute(
        insert(conn, prices)
        .values(values)
        .on_conflict_do_update(index_elements=["kind", "name"], set_=changed)
    )
    return price


def remove_price(conn: Connection, kind: PriceKind, name: str) -> None:
    """Take a price off the table. Raises NotFound."""
    c = prices.c
    gone = conn.execute(sa.delete(prices).where(c.kind == kind, c.name == name))
    if not gone.rowcount:
        known = ", ".join(f"{p.kind} {p.name}" for p in list_prices(conn)) or "none at all"
        raise NotFound(f"there is no price for {kind} {name!r}; there are: {known}")


# ---- costs of runs


def charge_runs(
    conn: Connection, run_ids: Sequence[int], prices: Sequence[Price], *, now_us: int
) -> int:
    """Bring the costs of these runs up to date; how many there were. Idempotent."""
    count = 0
    for run_id in sorted(run_ids):
        try:
            charge(conn, lock_run(conn, run_id), prices, now_us=now_us)
        except RunNotFound:  # deleted in between
            continue
        count += 1
    return count


def charge(conn: Connection, run: Run, prices: Sequence[Price], *, now_us: int) -> CostEntry:
    """Keep what a run, which must be locked, has cost until now, and say so in its summary."""
    before = _read_entry(conn, run, now_us)
    has_ended = run.state in ENDED_STATES
    if before.is_final and not has_ended:  # it was resumed
        before = msgspec.structs.replace(
            before, seconds_before=before.seconds, since_us=min(now_us, run.updated_at_us)
        )
    try:
        summary, config = run.parse_summary(), run.parse_config()
    except Invalid:  # written by hand, and no object: nothing can be read from it or put into it
        summary, config = {}, {}
    own = own_keys(summary, before.written)
    seconds = worked_seconds(
        summary,
        before_s=before.seconds_before,
        since_us=before.since_us,
        until_us=_until(run, now_us),
    )
    found = charge_run(
        config=config, host=run.host, summary=summary, own=own, seconds=seconds, prices=prices
    )
    values = summary_values(found, own)
    entry = CostEntry(
        run_id=run.id,
        gpu=found.gpu,
        gpu_count=found.gpu_count,
        seconds=found.seconds,
        seconds_before=before.seconds_before,
        since_us=before.since_us,
        gpu_hours=found.gpu_hours,
        tokens=found.tokens,
        usd=found.usd,
        written=_remember(before.written, values),
        is_final=has_ended,
        # Later steps are longer: a run of a day is written sixty times, not 1,440 times.
        next_at_us=now_us + int(max(COSTS_STEP_S, seconds / 10) * 1e6),
    )
    write_cost_row(conn, msgspec.to_builtins(entry) | {"written": json.dumps(entry.written)})
    if any(summary.get(key) != value for key, value in values.items()):
        changes = RunChanges(id=run.id, summary=dump_json(summary | values))
        update_run(conn, run, changes, now_us=now_us)
    return entry


def _read_entry(conn: Connection, run: Run, now_us: int) -> CostEntry:
    row = find_cost_row(conn, run.id)
    if row is not None:
        return CostEntry(**row | {"written": json.loads(row["written"])})
    return CostEntry(
        run_id=run.id,
        gpu=None,
        gpu_count=0,
        seconds=0.0,
        seconds_before=0.0,
        since_us=min(run.created_at_us, now_us),
        gpu_hours=0.0,
        tokens=None,
        usd=None,
        written={},
        is_final=False,
        next_at_us=now_us,
    )


def _until(run: Run, now_us: int) -> int:
    """Until when a run counts as at work; one that fell silent did not go on for ever."""
    if run.state not in ENDED_STATES:
        return min(now_us, run.heartbeat_at_us + SILENT_US)
    return run.heartbeat_at_us if run.finished_at_us is None else run.finished_at_us


def _remember(written: dict[str, list[float]], values: dict[str, float]) -> dict[str, list[float]]:
    kept = dict(written)
    for key, value in values.items():
        before = [each for each in kept.get(key, []) if each != value]
        kept[key] = [*before, value][-COSTS_OWN_VALUES_MAX:]
    return kept
