"""`estimate`: how long and how much a language model takes to answer, from its size. A formula,
not a measurement: for ruling out what cannot fit before anything is trained.

    prefill_s = FLOPs(prompt) / (GPUs * peak FLOP/s * 0.5)
    decode_s  = new_tokens * max(weight bytes / (GPUs * bandwidth * 0.7),
                                 FLOPs(1 token) / (GPUs * peak FLOP/s * 0.5))
    FLOPs(n)  = 2 * params * n

Reading the prompt is bound by arithmetic, writing the answer by reading all weights once for each
token. Sources: 2 FLOPs per parameter and token, Kaplan et al. (2020), arXiv 2001.08361, section
2.1 (attention over the context left out: below 10 % for contexts under 12 * width); the two bounds,
Pope et al. (2022), arXiv 2211.05102. The two utilisations are round figures from the range that
they report; the bounds of the result are a factor of two either way for them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from steelyard.errors import Invalid

#: Type of GPU -> (dense bf16 FLOP/s without sparsity, or fp16 where there is no bf16; bytes per
#: second of its memory). From the data sheets of NVIDIA and AMD, read 2025-11; the SXM version
#: where there are several.
GPUS: dict[str, tuple[float, float]] = {
    "V100": (125e12, 0.9e12),
    "T4": (65e12, 0.32e12),
    "A10G": (70e12, 0.6e12),
    "A10": (125e12, 0.6e12),
    "A100": (312e12, 2.039e12),
    "L4": (121e12, 0.3e12),
    "L40S": (362e12, 0.864e12),
    "RTX 4090": (165e12, 1.008e12),
    "H100": (989e12, 3.35e12),
    "H200": (989e12, 4.8e12),
    "B200": (2250e12, 8.0e12),
    "MI300X": (1307e12, 5.3e12),
}
ARITHMETIC_UTILISATION = 0.5
BANDWIDTH_UTILISATION = 0.7
UNCERTAINTY = 2.0
AMOUNT_MAX = 1e18


class Estimate(NamedTuple):
    """A figure that was computed from a formula, not measured."""

    value: float
    unit: str
    lower: float
    upper: float
    formula: str

    def __float__(self) -> float:
        return self.value

    def as_log(self, name: str) -> dict[str, float | bool]:
        """What to log, so that nobody takes it for measured: `run.log(e.as_log("latency_s"))`.

        `NAME` is the value, `NAME.is_estimate` is true.
        """
        return {name: self.value, f"{name}.is_estimate": True}


def estimate(
    what: Literal["latency", "cost"],
    *,
    params: float,
    seq: int,
    gpu: str,
    new_tokens: int = 1,
    gpu_count: int = 1,
    bytes_per_param: float = 2.0,
    usd_per_hour: float | None = None,
) -> Estimate:
    """Seconds of one answer ("latency"), or its price in US dollars ("cost").

    Args:
        params: of the model; of a mixture of experts, those that are active.
        seq: tokens of the prompt; new_tokens: of the answer.
        gpu: a type, "A100", or a name that contains one, "NVIDIA H100 80GB HBM3".
        gpu_count: GPUs that share the model, without loss for their talking to each other.
        bytes_per_param: 2 for bf16, 1 for 8 bits, 0.5 for 4 bits.
        usd_per_hour: of one GPU; needed for "cost". One answer at a time: batches make it cheaper.
    Raises Invalid for a GPU that is not known and for figures that cannot be.
    """
    if what not in ("latency", "cost"):
        raise Invalid(f'estimate("latency", …) or estimate("cost", …), not {what!r}')
    given = {
        "params": params,
        "seq": seq,
        "gpu_count": gpu_count,
        "new_tokens": new_tokens,
        "bytes_per_param": bytes_per_param,
    }
    for name, amount in given.items():
        if isinstance(amount, bool) or not isinstance(amount, int | float):
            raise Invalid(f"{name} must be a number, not {amount!r}")
        if not 0 < amount <= AMOUNT_MAX:
            raise Invalid(f"{name} must be above 0, not {amount!r}")
    flops, bandwidth = find_gpu(gpu)
    speed = gpu_count * flops * ARITHMETIC_UTILISATION
    prefill_s = 2 * params * seq / speed
    reading_s = params * bytes_per_param / (gpu_count * bandwidth * BANDWIDTH_UTILISATION)
    decode_s = new_tokens * max(reading_s, 2 * params / speed)
    value, unit = prefill_s + decode_s, "s"
    by_arithmetic = f"({gpu_count}*{flops:.3g}*{ARITHMETIC_UTILISATION})"
    each = f"{params:.3g}*{bytes_per_param:g}/({gpu_count}*{bandwidth:.3g}*{BANDWIDTH_UTILISATION})"
    if reading_s < 2 * params / speed:
        each = f"2*{params:.3g}/{by_arithmetic}"
    formula = f"2*{params:.3g}*{seq}/{by_arithmetic} + {new_tokens}*{each}"
    if what == "cost":
        if usd_per_hour is None or not 0 <= usd_per_hour <= AMOUNT_MAX:
            raise Invalid("a cost needs usd_per_hour, the price of one GPU: 2.5, for example")
        value, unit = value * gpu_count * usd_per_hour / 3600, "USD"
        formula = f"({formula}) * {gpu_count}*{usd_per_hour:g}/3600"
    return Estimate(value, unit, value / UNCERTAINTY, value * UNCERTAINTY, formula)


def find_gpu(name: str) -> tuple[float, float]:
    """(FLOP/s, bytes per second) of a GPU by its name; the longest type that is in it."""
    fitting = [each for each in GPUS if each.lower() in str(name).lower()]
    if not fitting:
        raise Invalid(f"no figures for the GPU {name!r}; there are: {', '.join(GPUS)}")
    return GPUS[max(fitting, key=len)]
