"""Histograms, without numpy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from steelyard.errors import Invalid, TooLarge
from steelyard.limits import HISTOGRAM_BINS_DEFAULT, HISTOGRAM_BINS_MAX
from steelyard.sdk.media.value import WBValue


class Histogram(WBValue):
    """Counts of numbers in bins, to be logged as one value.

    Args:
        sequence: the numbers, in any nesting of lists or as an array; NaN and infinities are left
            out. None of them gives one empty row of bins from 0 to 1.
        np_histogram: counts and edges instead, as `numpy.histogram` returns them; one edge more
            than counts.
        num_bins: how many bins of equal width, at most 512.

    Attributes:
        histogram: the counts.
        bins: the edges.
    """

    MAX_LENGTH = HISTOGRAM_BINS_MAX
    _log_type = "histogram"

    def __init__(
        self,
        sequence: Any = None,
        np_histogram: tuple[Any, Any] | None = None,
        num_bins: int = HISTOGRAM_BINS_DEFAULT,
    ) -> None:
        self.histogram: list[float]
        self.bins: list[float]
        if np_histogram is not None:
            if len(np_histogram) != 2:
                raise Invalid("np_histogram takes (counts, edges), as numpy.histogram returns them")
            self.histogram, self.bins = (_plain_list(part) for part in np_histogram)
        else:
            if isinstance(num_bins, bool) or not isinstance(num_bins, int) or num_bins < 1:
                raise Invalid(
                    f"num_bins is {num_bins!r}; give a number from 1 to {self.MAX_LENGTH}"
                )
            _check_length(num_bins)
            if hasattr(sequence, "detach"):
                sequence = sequence.detach().cpu()
            self.histogram, self.bins = count_in_bins(flatten_numbers(sequence), num_bins)
        _check_length(len(self.histogram))
        if len(self.histogram) + 1 != len(self.bins):
            raise Invalid(
                f"{len(self.histogram)} counts need {len(self.histogram) + 1} edges, "
                f"not {len(self.bins)}"
            )

    def to_json(self, run_or_artifact: Any = None) -> dict[str, Any]:
        """The value as it is logged. Source: wandb 0.31.0 sdk/data_types/histogram.py."""
        return {"_type": self._log_type, "values": self.histogram, "bins": self.bins}


def _check_length(count: int) -> None:
    if count > HISTOGRAM_BINS_MAX:
        raise TooLarge(
            "the histogram", size=count, limit=HISTOGRAM_BINS_MAX, limit_name="HISTOGRAM_BINS_MAX"
        )


def _plain_list(values: Any) -> list[float]:
    return values.tolist() if hasattr(values, "tolist") else list(values)


def flatten_numbers(values: Any) -> list[float]:
    """The finite numbers in lists of lists or an array, in order. Raises Invalid for others."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    if values is None:
        return []
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        values = [values]
    found: list[float] = []
    waiting = [iter(values)]
    while waiting:
        for value in waiting[-1]:
            if isinstance(value, Sequence) and not isinstance(value, str | bytes):
                waiting.append(iter(value))
                break
            try:
                number = float(value)
            except (TypeError, ValueError):
                if hasattr(value, "tolist"):
                    waiting.append(iter(flatten_numbers(value)))
                    break
                raise Invalid(
                    f"a histogram counts numbers, and {value!r} is none; "
                    "give a list or an array of numbers"
                ) from None
            if math.isfinite(number):
                found.append(number)
        else:
            waiting.pop()
    return found


def count_in_bins(numbers: Sequence[float], bin_count: int) -> tuple[list[float], list[float]]:
    """(counts, edges) with bins of equal width from the least number to the greatest.

    Each bin holds its left edge and not its right one, but for the last, which holds both; one
    value alone is put in the middle of a range of width 1. Source: numpy.histogram.
    """
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 1.0)
    if math.isinf(high - low):  # beyond the greatest float
        counted, quarters = count_in_bins([number / 4 for number in numbers], bin_count)
        return counted, [low, *(edge * 4 for edge in quarters[1:-1]), high]
    if low == high:
        low, high = low - 0.5, high + 0.5
    width = (high - low) / bin_count
    edges = [low + width * place for place in range(bin_count)] + [high]
    counts: list[float] = [0] * bin_count
    for number in numbers:
        at = min(int((number - low) / width), bin_count - 1) if width else 0
        # Rounding may put a number beside its bin; the edges decide.
        if number < edges[at]:
            at -= 1
        elif at + 1 < bin_count and number >= edges[at + 1]:
            at += 1
        counts[max(at, 0)] += 1
    return counts, edges


def describe_values(values: Iterable[Any], *, type_name: str) -> dict[str, Any]:
    """Statistics of a long array, for a summary.

    Percentiles are interpolated linearly, the variance is of the population.
    Source: wandb 0.31.0 util.py maybe_compress_summary.
    """
    numbers = [float(value) for value in values]
    ordered = sorted(numbers)
    mean = math.fsum(numbers) / len(numbers)
    return {
        "_type": type_name,
        "var": math.fsum((number - mean) ** 2 for number in numbers) / len(numbers),
        "mean": mean,
        "min": ordered[0],
        "max": ordered[-1],
        **{f"{percent}%": _percentile(ordered, percent) for percent in (10, 25, 75, 90)},
        "size": len(numbers),
    }


def _percentile(ordered: Sequence[float], percent: float) -> float:
    place = (len(ordered) - 1) * percent / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
