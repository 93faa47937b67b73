"""From what a run says of itself and the price table to GPU hours, tokens and dollars. Pure."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from steelyard.limits import GPUS_OF_RUN_MAX, RUN_SECONDS_MAX
from steelyard.server.rooms.costs.model import Charge, Machine, Price
from steelyard.server.rooms.runs.fields import find_nested

GPU_HOURS, TOKENS, USD = "cost.gpu_hours", "cost.tokens", "cost.usd"
OWN_KEYS = (GPU_HOURS, TOKENS, USD)
#: Names under which training scripts and libraries log how many tokens they went through; the
#: first one that a run has counts. Source of the two of Hugging Face: transformers 4.57
#: trainer.py, `num_input_tokens_seen`, logged by its integration as `train/…`.
TOKEN_METRICS = (
    "tokens", "total_tokens", "num_tokens", "tokens_seen", "usage.total_tokens",
    "train/num_input_tokens_seen", "num_input_tokens_seen", "train/tokens", "train/total_tokens",
)  # fmt: skip
#: Money that a run says it spent beside its machine, on the API of a model for example.
API_USD = "cost.api_usd"
HOUR_S = 3600.0


def machines_of(config: Mapping[str, Any], host: str | None) -> list[Machine]:
    """The computers of a run, as its processes described them in its config.

    wandb 0.31.0 core/internal/runconfig: `_wandb.value.e` has one entry per process with `host`,
    `gpu`, `gpu_count` and `slurm`. Two processes on one host count its GPUs once. Under Slurm,
    GPUs of the host that the job was not given do not count. `gpu_count` in the config of a run,
    set by its script, overrules what was found.
    """
    told = config.get("_wandb")
    told = told.get("value", told) if isinstance(told, Mapping) else {}
    entries = told.get("e") if isinstance(told, Mapping) else None
    found: dict[str | None, Machine] = {}
    for entry in entries.values() if isinstance(entries, Mapping) else ():
        if not isinstance(entry, Mapping):
            continue
        name = entry.get("host") if isinstance(entry.get("host"), str) else host
        gpu = entry.get("gpu") if isinstance(entry.get("gpu"), str) else None
        machine = Machine(host=name, gpu=gpu, gpu_count=_gpus_of(entry))
        if name not in found or machine.gpu_count > found[name].gpu_count:
            found[name] = machine
    machines = list(found.values()) or [Machine(host=host, gpu=None, gpu_count=0)]
    said = config.get("gpu_count")
    said = said.get("value") if isinstance(said, Mapping) else said
    if _is_count(said) and len(machines) == 1:
        [only] = machines
        return [Machine(host=only.host, gpu=only.gpu, gpu_count=int(said))]
    return machines


def _gpus_of(entry: Mapping[str, Any]) -> int:
    count = entry.get("gpu_count")
    if not _is_count(count):
        return 0
    slurm = entry.get("slurm")
    given = slurm.get("gpus_on_node") if isinstance(slurm, Mapping) else None
    if isinstance(given, str) and given.isdigit() and 0 < int(given) < int(count):
        return int(given)
    return int(count)


def _is_count(value: Any) -> TypeGuard[int | float]:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 <= value <= GPUS_OF_RUN_MAX
    )


def find_host_price(host: str | None, prices: Sequence[Price]) -> Price | None:
    """The price of a machine by its name; the longest pattern that fits, for it says most.

    `*` fits every machine, also one whose name is not known.
    """
    name = (host or "").lower()
    fitting = [
        price
        for price in prices
        if price.kind == "host" and fnmatch.fnmatchcase(name, price.name.lower())
    ]
    return max(fitting, key=lambda price: (len(price.name), price.name), default=None)


def find_gpu_price(gpu: str | None, prices: Sequence[Price]) -> Price | None:
    """The price of a GPU by its type; the longest name that is in it."""
    if gpu is None:
        return None
    fitting = [
        price for price in prices if price.kind == "gpu" and price.name.lower() in gpu.lower()
    ]
    return max(fitting, key=lambda price: (len(price.name), price.name), default=None)


def usd_per_hour(machines: Sequence[Machine], prices: Sequence[Price]) -> float | None:
    """What these machines cost together; None when the price of one is not known."""
    total = 0.0
    for machine in machines:
        host_price = find_host_price(machine.host, prices)
        if host_price is not None:
            total += host_price.usd_per_hour
            continue
        gpu_price = find_gpu_price(machine.gpu, prices)
        if gpu_price is None or machine.gpu_count == 0:
            return None
        total += gpu_price.usd_per_hour * machine.gpu_count
    return total


def charge_run(
    *,
    config: Mapping[str, Any],
    host: str | None,
    summary: Mapping[str, Any],
    own: frozenset[str],
    seconds: float,
    prices: Sequence[Price],
) -> Charge:
    """What a run of so many seconds has cost.

    `own`: keys of OWN_KEYS whose values in the summary are the script's; they stand as they are.
    """
    assert 0 <= seconds <= RUN_SECONDS_MAX, seconds
    machines = machines_of(config, host)
    count = sum(machine.gpu_count for machine in machines)
    hours = seconds / HOUR_S
    rate = usd_per_hour(machines, prices)
    api = read_amount(summary, API_USD)
    usd = None if rate is None else rate * hours
    if api is not None:
        usd = api if usd is None and count == 0 else None if usd is None else usd + api
    tokens = next(
        (n for name in TOKEN_METRICS if (n := read_amount(summary, name)) is not None), None
    )
    gpu_hours = count * hours
    if GPU_HOURS in own:
        gpu_hours = read_amount(summary, GPU_HOURS) or 0.0
    if TOKENS in own:
        tokens = read_amount(summary, TOKENS)
    if USD in own:
        usd = read_amount(summary, USD)
    return Charge(
        seconds=seconds,
        gpu=next((machine.gpu for machine in machines if machine.gpu is not None), None),
        gpu_count=count,
        gpu_hours=gpu_hours,
        tokens=tokens,
        usd=usd,
    )


def read_amount(summary: Mapping[str, Any], name: str) -> float | None:
    """The number at a dotted path of a summary, if it can be an amount: finite, not negative."""
    value = find_nested(dict(summary), tuple(name.split(".")))
    if isinstance(value, Mapping):  # a metric defined with several summaries
        value = value.get("last", value.get("max"))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def own_keys(summary: Mapping[str, Any], written: Mapping[str, Sequence[float]]) -> frozenset[str]:
    """Keys of OWN_KEYS that hold something else than we ever put there: the script logs them.

    A script that goes on with a run sends back what we had written, so that is not its own.
    """
    return frozenset(
        key
        for key in OWN_KEYS
        if (value := read_amount(summary, key)) is not None and value not in written.get(key, ())
    )


def summary_values(charge: Charge, own: frozenset[str]) -> dict[str, float]:
    """What belongs into the summary of a run: nothing that is the script's, and no empty figures.

    A run without GPUs, tokens and a price costs nothing that we know of, and its summary stays as
    it is.
    """
    values: dict[str, float | None] = {
        GPU_HOURS: round(charge.gpu_hours, 6) if charge.gpu_count else None,
        TOKENS: charge.tokens,
        USD: None if charge.usd is None else round(charge.usd, 6),
    }
    return {key: value for key, value in values.items() if value is not None and key not in own}


def worked_seconds(
    summary: Mapping[str, Any],
    *,
    before_s: float,
    since_us: int,
    until_us: int,
) -> float:
    """How long a run has worked: by our clock, or by its own account where that says more.

    The account of the run, `_wandb.runtime` and `_runtime`, counts all its lives, and is the only
    one where it worked without us. Source: wandb 0.31.0 core/internal/runsummary.
    """
    told = [read_amount(summary, name) for name in ("_wandb.runtime", "_runtime")]
    said = max((value for value in told if value is not None), default=None)
    seen = before_s + max(0.0, (until_us - since_us) / 1e6)
    return min(max(seen, said or 0.0), RUN_SECONDS_MAX)
