"""From what a run says of itself and a price table to what it costs."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from steelyard.server.rooms.costs.charging import (
    TOKEN_METRICS,
    charge_run,
    machines_of,
    own_keys,
    summary_values,
    usd_per_hour,
    worked_seconds,
)
from steelyard.server.rooms.costs.model import Charge, Price

PRICES = [
    Price(kind="gpu", name="h100", usd_per_hour=3.0),
    Price(kind="gpu", name="H100 NVL", usd_per_hour=2.0),
    Price(kind="host", name="p5-*", usd_per_hour=55.0),
]


def config_of(*facts: dict[str, Any], **more: Any) -> dict[str, Any]:
    entries = {f"writer{number}": each for number, each in enumerate(facts)}
    return {"_wandb": {"value": {"e": entries}}} | {k: {"value": v} for k, v in more.items()}


def charge(config: dict[str, Any], summary: dict[str, Any], hours: float = 1.0) -> Charge:
    own = own_keys(summary, {})
    return charge_run(
        config=config, host=None, summary=summary, own=own, seconds=3600 * hours, prices=PRICES
    )


def gpus(count: int, name: str = "NVIDIA H100 80GB HBM3", **more: Any) -> dict[str, Any]:
    return {"host": "node", "gpu": name, "gpu_count": count} | more


@pytest.mark.parametrize(
    ("facts", "usd", "gpu_hours"),
    [
        ([gpus(8)], 48.0, 16.0),
        ([gpus(8), gpus(8)], 48.0, 16.0),  # two processes of one machine
        ([gpus(8), gpus(8, host="other")], 96.0, 32.0),
        ([gpus(4, "NVIDIA H100 NVL")], 16.0, 8.0),  # the longer name says more
        ([gpus(8, host="P5-17")], 110.0, 16.0),  # the machine has a price
        ([gpus(8, slurm={"gpus_on_node": "2"})], 12.0, 4.0),  # of the job's GPUs only
        ([gpus(8, "NVIDIA T4")], None, 16.0),
        ([{"host": "laptop"}], None, 0.0),
        ([{"host": "laptop", "gpu_count": "many"}, "nothing"], None, 0.0),
    ],
)
def test_a_run_costs_its_machines_times_its_hours(
    facts: list[Any], usd: float | None, gpu_hours: float
) -> None:
    found = charge(config_of(*facts), {}, hours=2.0)
    assert (found.usd, found.gpu_hours) == (usd, gpu_hours)


def test_a_script_that_says_how_many_gpus_it_uses_is_believed() -> None:
    assert charge(config_of(gpus(8), gpu_count=1), {}).usd == 3.0


@pytest.mark.parametrize("name", TOKEN_METRICS)
def test_tokens_are_found_under_their_usual_names(name: str) -> None:
    assert charge({}, {name: 1_000_000}).tokens == 1_000_000


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -1, True, "12", None, 10**400])
def test_amounts_that_cannot_be_are_none(odd: Any) -> None:
    found = charge({}, {"tokens": odd, "cost.usd": odd, "cost.api_usd": odd})
    assert (found.tokens, found.usd) == (None, None)


def test_what_a_script_spends_on_apis_is_added() -> None:
    assert charge(config_of(gpus(1)), {"cost.api_usd": 1.5}).usd == 4.5
    assert charge(config_of({"host": "laptop"}), {"cost.api_usd": 1.5}).usd == 1.5
    assert charge(config_of(gpus(1, "NVIDIA T4")), {"cost.api_usd": 1.5}).usd is None


def test_figures_of_the_script_stand_and_are_not_written_over() -> None:
    summary = {"cost.usd": 7.0, "cost": {"tokens": 9}}
    found = charge(config_of(gpus(1)), summary)
    assert (found.usd, found.tokens, found.gpu_hours) == (7.0, 9.0, 1.0)
    assert summary_values(found, own_keys(summary, {})) == {"cost.gpu_hours": 1.0}
    assert own_keys(summary, {"cost.usd": [3.0, 7.0]}) == {"cost.tokens"}  # the 7 was ours


def test_a_run_without_gpus_tokens_and_price_leaves_its_summary_alone() -> None:
    assert summary_values(charge({}, {"loss": 1.0}), frozenset()) == {}


def test_without_a_machine_nothing_is_priced_but_by_a_price_of_all() -> None:
    machines = machines_of({}, None)
    assert usd_per_hour(machines, PRICES) is None
    everything = Price(kind="host", name="*", usd_per_hour=0.5)
    assert usd_per_hour(machines, [*PRICES, everything]) == 0.5


@given(
    before=st.floats(0, 1e6),
    since=st.integers(0, 10**13),
    until=st.integers(0, 10**13),
    said=st.none() | st.floats(allow_nan=True, allow_infinity=True),
)
def test_no_clock_makes_a_run_take_less_than_nothing(
    before: float, since: int, until: int, said: float | None
) -> None:
    summary = {} if said is None else {"_runtime": said}
    seconds = worked_seconds(summary, before_s=before, since_us=since, until_us=until)
    assert 0 <= seconds <= 10 * 365 * 86_400
    assert seconds >= min(before, 10 * 365 * 86_400)
