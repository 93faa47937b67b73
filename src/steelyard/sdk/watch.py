"""Histograms of a PyTorch model's gradients and parameters, taken while it trains.

Tensors are asked for what they can do; torch itself is never imported, so it costs nothing here
and whatever version made the model is the right one.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import Invalid, RunFinished
from steelyard.limits import HISTOGRAM_BINS_DEFAULT
from steelyard.sdk.histogram import Histogram
from steelyard.sdk.terminal import termwarn

if TYPE_CHECKING:
    from steelyard.sdk.run import Run

WHAT: Final = ("gradients", "parameters", "all", None)

#: Up to here a float32 counts one by one; longer tensors are counted in parts.
EXACT_COUNT_MAX: Final = 2**24
FLOAT32_MAX: Final = 3.4e38


def watch(
    run: Run,
    models: Any,
    criterion: Any = None,
    log: str | None = "gradients",
    log_freq: int = 1000,
    idx: int | None = None,
    log_graph: bool = False,
) -> list[Any]:
    """Log histograms of `models`, a torch module or a list of them, every `log_freq` batches.

    Gradients become `gradients/<parameter>` in each `log_freq`-th backward pass, parameters
    `parameters/<parameter>` after each such forward pass; both are added to the row that the next
    `log()` completes. The n-th model of a run puts `graph_<n>` before the parameter's name, the
    first nothing; `idx` counts from there instead. Watching a model again replaces what was asked
    before; everything ends with the run. The graph is not kept: `log_graph` is accepted and
    returns nothing, `criterion` is not used.

    Cost of a histogram: two passes over the tensor, on its device, and two small copies from it.
    Raises Invalid for something that is no torch module or another `log`.
    Source of names: wandb 0.31.0 sdk/wandb_watch.py, integration/torch/wandb_torch.py.
    """
    if log not in WHAT:
        raise Invalid(f"watch(log={log!r}): say 'gradients', 'parameters', 'all' or None")
    if isinstance(log_freq, bool) or not isinstance(log_freq, int) or log_freq < 1:
        raise Invalid(f"watch(log_freq={log_freq!r}): say every how many batches, 1 or more")
    if not isinstance(models, list | tuple):
        models = (models,)
    for model in models:
        if not (hasattr(model, "named_parameters") and hasattr(model, "register_forward_hook")):
            raise Invalid(f"watch() takes PyTorch models (torch.nn.Module), not {type(model)}")
    if run._is_finished:
        raise RunFinished(run.id, "watch()")
    if log_graph:
        termwarn("watch(log_graph=True): the graph of a model is not kept yet", repeat=False)
    if run.disabled or log is None:
        return []
    watched = _watched.get(run)
    if watched is None:
        watched = _watched[run] = _Watched()
        run.add_end_hook(lambda code: unwatch(run))
    for place, model in enumerate(models):
        number = watched.number_of(model) if idx is None else idx + place
        watched.forget(model)
        taken = _Taken(model, number)
        watched.models.append(taken)
        prefix = f"graph_{number}" if number > 0 else ""
        if log in ("parameters", "all"):
            _hook_parameters(run, model, f"parameters/{prefix}", log_freq, taken.handles)
        if log in ("gradients", "all"):
            _hook_gradients(run, model, f"gradients/{prefix}", log_freq, taken.handles)
    return []


def unwatch(run: Run, models: Any = None) -> None:
    """Stop logging histograms of these models, by default of all that the run watches."""
    watched = _watched.get(run)
    if models is None:
        for taken in watched.models if watched else []:
            taken.remove_hooks()
        if watched:
            watched.models.clear()
        return
    for model in models if isinstance(models, list | tuple) else (models,):
        if watched is None or not watched.forget(model):
            termwarn(f"unwatch(): {type(model).__name__} is not watched by this run")


class _Taken:
    """One model and its hooks. Does not keep the model alive."""

    def __init__(self, model: Any, number: int) -> None:
        self.model = weakref.ref(model)
        self.number = number
        self.handles: list[Any] = []

    def remove_hooks(self) -> None:
        for handle in self.handles:
            handle.remove()
        self.handles.clear()


class _Watched:
    """What one run watches. Models are numbered by run, so that runs after another in one
    process (the trials of a sweep) name the same thing alike; wandb numbers them by process.
    """

    def __init__(self) -> None:
        self.models: list[_Taken] = []
        self._count = 0

    def number_of(self, model: Any) -> int:
        for taken in self.models:
            if taken.model() is model:
                return taken.number
        self._count += 1
        return self._count - 1

    def forget(self, model: Any) -> bool:
        """Whether it was watched."""
        known = [taken for taken in self.models if taken.model() is model]
        for taken in known:
            taken.remove_hooks()
            self.models.remove(taken)
        return bool(known)


_watched: weakref.WeakKeyDictionary[Run, _Watched] = weakref.WeakKeyDictionary()


def _hook_parameters(run: Run, model: Any, prefix: str, log_freq: int, handles: list[Any]) -> None:
    is_due = _every(log_freq)

    def after_forward(module: Any, inputs: Any, outputs: Any) -> None:
        if is_due():
            _log(run, {f"{prefix}{name}": value for name, value in module.named_parameters()})

    try:
        handles.append(model.register_forward_hook(after_forward))
    except RuntimeError as problem:  # some compiled modules take no hooks
        termwarn(f"watch() cannot follow the parameters of {type(model).__name__}: {problem}")


def _hook_gradients(run: Run, model: Any, prefix: str, log_freq: int, handles: list[Any]) -> None:
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            hook = _gradient_hook(run, f"{prefix}{name}", _every(log_freq))
            handles.append(parameter.register_hook(hook))


def _gradient_hook(run: Run, key: str, is_due: Callable[[], bool]) -> Callable[[Any], None]:
    def on_gradient(gradient: Any) -> None:
        if is_due():
            _log(run, {key: gradient})

    return on_gradient


def _every(count: int) -> Callable[[], bool]:
    """True at each `count`-th call."""
    calls = 0

    def is_due() -> bool:
        nonlocal calls
        calls += 1
        if calls < count:
            return False
        calls = 0
        return True

    return is_due


def _log(run: Run, tensors: dict[str, Any]) -> None:
    """Add histograms to the row at hand. Never raises: it is called from within the training."""
    row = {}
    for key, tensor in tensors.items():
        try:
            counted = count_values(tensor)
        except Exception as problem:  # noqa: BLE001 - tensors of any library and device
            termwarn(f"watch() cannot make a histogram of {key!r}: {problem}", repeat=False)
            continue
        if counted is not None:
            row[key] = Histogram(np_histogram=counted)
    if row:
        try:
            run.log(row, commit=False)
        except RunFinished:  # another thread ended it a moment ago
            return
        except Exception as problem:  # noqa: BLE001 - histograms must not stop a training
            termwarn(f"watch() cannot log: {problem}", repeat=False)


def count_values(
    tensor: Any, bin_count: int = HISTOGRAM_BINS_DEFAULT
) -> tuple[list[float], list[float]] | None:
    """(counts, edges) of the finite values of a torch tensor; None when there are none.

    Edges go from the least value to the greatest; where they are the same, one bin holds all.
    What a sparse tensor leaves out counts as zeros. The work is done on the tensor's device.
    """
    values, zero_count = _dense_values(tensor)
    bounds = _finite_bounds(values)
    if bounds is None and values.numel():
        values = values[values.isfinite()]
        bounds = _finite_bounds(values)
    if bounds is None:
        return ([zero_count], [0.0, 0.0]) if zero_count else None
    low, high = bounds
    if zero_count:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return [values.numel() + zero_count], [low, high]
    width = high / bin_count - low / bin_count
    if not math.isfinite(width) or low + width == low:
        return [values.numel() + zero_count], [low, high]  # too far apart, or too close
    if high - low > FLOAT32_MAX:  # infinite for those who subtract
        counts = _count_in_bins(values.double() / 1e3, low / 1e3, high / 1e3, bin_count)
    else:
        counts = _count_in_bins(values, low, high, bin_count)
    if zero_count:
        counts[min(int(-low / width), bin_count - 1)] += zero_count
    return counts, [low + width * place for place in range(bin_count)] + [high]


def _dense_values(tensor: Any) -> tuple[Any, int]:
    """(values in one float32 or float64 row, how many zeros are not among them)."""
    tensor = tensor.detach()
    if hasattr(tensor, "to_local"):  # a DTensor: the part that is on this machine
        tensor = tensor.to_local()
    if getattr(tensor, "is_quantized", False):
        tensor = tensor.dequantize()
    zero_count = 0
    if not str(tensor.layout).endswith("strided"):
        whole = tensor.numel()
        tensor = tensor.coalesce().values() if tensor.is_sparse else tensor.values()
        zero_count = whole - tensor.numel()
    if tensor.is_complex():
        tensor = tensor.abs()
    values = tensor.reshape(-1)
    if not str(values.dtype).endswith(("float32", "float64")):
        values = values.float()
    return values, zero_count


def _finite_bounds(values: Any) -> tuple[float, float] | None:
    """Least and greatest value; None where there is none, or one is NaN or infinite."""
    if not values.numel():
        return None
    # Both at once: what costs time on a GPU is to wait for it. NaN wins any comparison here.
    low, high = values.aminmax()
    low, high = low.item(), high.item()
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def _count_in_bins(values: Any, low: float, high: float, bin_count: int) -> list[float]:
    parts: Sequence[Any] = (values,)
    if values.numel() > EXACT_COUNT_MAX:
        parts = values.split(EXACT_COUNT_MAX)
    counts = [0.0] * bin_count
    for part in parts:
        try:
            found = part.histc(bins=bin_count, min=low, max=high)
        except (RuntimeError, NotImplementedError):  # not on this device
            found = part.cpu().histc(bins=bin_count, min=low, max=high)
        counts = [before + more for before, more in zip(counts, found.tolist(), strict=True)]
    return counts
