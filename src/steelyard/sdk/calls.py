"""What can be called on the module: the methods of the active run, and small things beside them."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from steelyard.errors import NotInThisVersion, UnsupportedError, UsageError
from steelyard.sdk.session import get_current_run, get_session

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.artifacts.names import StrPath
    from steelyard.sdk.metric import Metric
    from steelyard.sdk.run import Run


class AlertLevel(enum.Enum):
    """How urgent an alert is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class BeforeInit:
    """`steelyard.config` and `steelyard.summary` without a run: every use says to call init()."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def _refuse(self) -> NoReturn:
        raise UsageError(
            f"there is no active run: call steelyard.init() before steelyard.{self._name}"
        )

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):  # inspect, copy and doctest ask for these
            raise AttributeError(key)
        self._refuse()

    def __setattr__(self, key: str, value: Any) -> None:
        self._refuse()

    def __getitem__(self, key: str) -> Any:
        self._refuse()

    def __setitem__(self, key: str, value: Any) -> None:
        self._refuse()

    def __iter__(self) -> NoReturn:
        self._refuse()

    def __contains__(self, key: object) -> bool:
        self._refuse()

    def __repr__(self) -> str:
        return f"<steelyard.{self._name}: no active run>"


class ScriptApi:
    """`steelyard.api`, of which old scripts ask whether somebody is logged in."""

    @property
    def api_key(self) -> str | None:
        """The API key for the configured server; None when nobody is logged in."""
        from steelyard.sdk.login import find_key

        loaded = get_session().load_settings({})
        found = find_key(loaded.settings, loaded.environ, loaded.sources.get("api_key"))
        return found.key if found else None

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # inspect and copy ask for these
            raise AttributeError(name)
        raise NotInThisVersion(f"api.{name}", "the query API")


api = ScriptApi()


def log(data: dict[str, Any], step: int | None = None, commit: bool | None = None) -> None:
    """Add a row to the history of the active run. See `Run.log`.

    Without an active run it raises UsageError; only where an agent of a sweep waits for the run of
    this process it begins that.
    """
    (get_session().current or _begin_awaited() or get_current_run("log()")).log(data, step, commit)


def _begin_awaited() -> Run | None:
    session = get_session()
    if not session.is_awaited(session.settings):
        return None
    from steelyard.sdk.init import init
    from steelyard.sdk.terminal import say

    say("log() begins the run that the agent of this sweep waits for; init() does so, too")
    return init()


def define_metric(
    name: str,
    step_metric: str | Metric | None = None,
    step_sync: bool | None = None,
    hidden: bool | None = None,
    summary: str | None = None,
    overwrite: bool | None = None,
    *,
    goal: str | None = None,
) -> Metric:
    """Say over which metric one is drawn, and what of it is summarised. See `Run.define_metric`."""
    run = get_current_run("define_metric()")
    return run.define_metric(name, step_metric, step_sync, hidden, summary, overwrite, goal=goal)


def save(
    glob_str: str | os.PathLike[str],
    base_path: str | os.PathLike[str] | None = None,
    policy: str = "live",
    glob: bool = True,
) -> bool | list[str]:
    """Keep files with the active run. See `Run.save`."""
    return get_current_run("save()").save(glob_str, base_path, policy, glob)


def restore(
    name: str, run_path: str | None = None, replace: bool = False, root: str | None = None
) -> Any:
    """Fetch a file of a run; without an active one `run_path` says which. See `Run.restore`."""
    from steelyard.sdk import files

    return files.restore(get_session().current, name, run_path, replace, root)


def watch(
    models: Any,
    criterion: Any = None,
    log: str | None = "gradients",
    log_freq: int = 1000,
    idx: int | None = None,
    log_graph: bool = False,
) -> Any:
    """Log gradients and parameters of PyTorch models. See `Run.watch`."""
    return get_current_run("watch()").watch(models, criterion, log, log_freq, idx, log_graph)


def unwatch(models: Any = None) -> None:
    """Undo `watch`."""
    get_current_run("unwatch()").unwatch(models)


def alert(
    title: str,
    text: str,
    level: str | AlertLevel | None = None,
    wait_duration: Any = None,
) -> None:
    """Tell people something about the active run. See `Run.alert`."""
    get_current_run("alert()").alert(title, text, level, wait_duration)


def mark_preempting() -> None:
    """Say that this machine is about to be taken away. See `Run.mark_preempting`."""
    get_current_run("mark_preempting()").mark_preempting()


def log_code(
    root: str | None = ".",
    name: str | None = None,
    include_fn: Callable[..., bool] | None = None,
    exclude_fn: Callable[..., bool] | None = None,
) -> Any:
    """Keep the source files below `root` with the active run. See `Run.log_code`."""
    return get_current_run("log_code()").log_code(root, name, include_fn, exclude_fn)


def log_artifact(
    artifact_or_path: Artifact | StrPath,
    name: str | None = None,
    type: str | None = None,
    aliases: list[str] | None = None,
    tags: list[str] | None = None,
) -> Artifact:
    """Make an artifact an output of the active run. See `Run.log_artifact`."""
    run = get_current_run("log_artifact()")
    return run.log_artifact(artifact_or_path, name, type, aliases, tags)


def use_artifact(
    artifact_or_name: str | Artifact,
    type: str | None = None,
    aliases: list[str] | None = None,
    use_as: str | None = None,
) -> Artifact:
    """Make an artifact an input of the active run, and give it. See `Run.use_artifact`."""
    return get_current_run("use_artifact()").use_artifact(artifact_or_name, type, aliases, use_as)


def log_model(path: StrPath, name: str | None = None, aliases: list[str] | None = None) -> None:
    """Log files as a model of the active run. See `Run.log_model`."""
    get_current_run("log_model()").log_model(path, name, aliases)


def use_model(name: str) -> str:
    """Download a model as an input of the active run; its path. See `Run.use_model`."""
    return get_current_run("use_model()").use_model(name)


def link_model(
    path: StrPath,
    registered_model_name: str,
    name: str | None = None,
    aliases: list[str] | None = None,
) -> Artifact | None:
    """Log a model and link it into a registered model. See `Run.link_model`."""
    run = get_current_run("link_model()")
    return run.link_model(path, registered_model_name, name, aliases)


def pin_config_keys(keys: Sequence[str] = ()) -> None:
    """Show these keys of the config first. See `Run.pin_config_keys`."""
    get_current_run("pin_config_keys()").pin_config_keys(keys)


def require(
    requirement: str | Iterable[str] | None = None, experiment: str | Iterable[str] | None = None
) -> None:
    """Accepted for scripts that ask wandb for a feature; there is nothing to switch on here."""


def ensure_configured() -> None:
    """Accepted for scripts written for wandb; settings are read when they are needed."""


def attach(
    attach_id: str | None = None, run_id: str | None = None, *, run: Run | None = None
) -> Run:
    """Not in this version: raises UnsupportedError. `init(id=...)` writes to the same run."""
    found = attach_id or run_id or (run.id if run is not None else "RUN")
    raise UnsupportedError(
        f"attach() is not there yet; init(id={found!r}, resume='allow', settings={{'x_primary': "
        "False}) in the other process writes to the same run"
    )
