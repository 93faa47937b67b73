"""Steelyard: the open, self-hosted home for machine-learning work.

`import steelyard as wandb` runs scripts written for wandb. Parts are loaded at their first use,
so that the import costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steelyard._version import __version__

if TYPE_CHECKING:
    from steelyard import apis, data_types, env, errors, plot, util
    from steelyard.errors import CommError, Error, UsageError
    from steelyard.sdk.api.api import Api
    from steelyard.sdk.api.api import Api as PublicApi
    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.artifacts.ttl import ArtifactTTL
    from steelyard.sdk.calls import (
        AlertLevel,
        alert,
        attach,
        define_metric,
        ensure_configured,
        link_model,
        log,
        log_artifact,
        log_code,
        log_model,
        mark_preempting,
        pin_config_keys,
        require,
        restore,
        save,
        unwatch,
        use_artifact,
        use_model,
        watch,
    )
    from steelyard.sdk.config import Config
    from steelyard.sdk.estimate import estimate
    from steelyard.sdk.histogram import Histogram
    from steelyard.sdk.init import init
    from steelyard.sdk.media.audio import Audio
    from steelyard.sdk.media.classes import Classes
    from steelyard.sdk.media.graph import Graph
    from steelyard.sdk.media.html import Html
    from steelyard.sdk.media.image import Image
    from steelyard.sdk.media.molecule import Molecule
    from steelyard.sdk.media.object3d import Object3D, box3d
    from steelyard.sdk.media.plotly import Plotly
    from steelyard.sdk.media.video import Video
    from steelyard.sdk.plot.chart import plot_table, visualize
    from steelyard.sdk.run import Run
    from steelyard.sdk.session import finish, login, setup, teardown
    from steelyard.sdk.session import finish as join
    from steelyard.sdk.settings import Settings
    from steelyard.sdk.summary import Summary
    from steelyard.sdk.sweeps.agent import agent
    from steelyard.sdk.sweeps.controller import controller
    from steelyard.sdk.sweeps.create import sweep
    from steelyard.sdk.tables.eval_table import EvalTable
    from steelyard.sdk.tables.joined import JoinedTable
    from steelyard.sdk.tables.table import Table
    from steelyard.sdk.terminal import termerror, termlog, termwarn

    #: The active run; None when there is none.
    run: Run | None
    #: Config of the active run; without one, every use raises UsageError.
    config: Config
    #: Summary of the active run; without one, every use raises UsageError.
    summary: Summary

__all__ = [
    "AlertLevel",
    "Api",
    "Artifact",
    "ArtifactTTL",
    "Audio",
    "Classes",
    "CommError",
    "Config",
    "Error",
    "EvalTable",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "JoinedTable",
    "Molecule",
    "Object3D",
    "Plotly",
    "PublicApi",
    "Run",
    "Settings",
    "Summary",
    "Table",
    "UsageError",
    "Video",
    "__version__",
    "agent",
    "alert",
    "apis",
    "attach",
    "box3d",
    "config",
    "controller",
    "data_types",
    "define_metric",
    "ensure_configured",
    "env",
    "errors",
    "estimate",
    "finish",
    "init",
    "join",
    "link_model",
    "log",
    "log_artifact",
    "log_code",
    "log_model",
    "login",
    "mark_preempting",
    "pin_config_keys",
    "plot",
    "plot_table",
    "require",
    "restore",
    "run",
    "save",
    "setup",
    "summary",
    "sweep",
    "teardown",
    "termerror",
    "termlog",
    "termwarn",
    "unwatch",
    "use_artifact",
    "use_model",
    "util",
    "visualize",
    "watch",
]

# Where the parts are: name → module of the package.
_PARTS = {
    **dict.fromkeys(("CommError", "Error", "UsageError"), "errors"),
    **dict.fromkeys(
        (
            "AlertLevel",
            "alert",
            "api",
            "attach",
            "define_metric",
            "ensure_configured",
            "link_model",
            "log",
            "log_artifact",
            "log_code",
            "log_model",
            "mark_preempting",
            "pin_config_keys",
            "require",
            "restore",
            "save",
            "unwatch",
            "use_artifact",
            "use_model",
            "watch",
        ),
        "sdk.calls",
    ),
    "Config": "sdk.config",
    "Histogram": "sdk.histogram",
    "init": "sdk.init",
    "Api": "sdk.api.api",
    "Artifact": "sdk.artifacts.artifact",
    "ArtifactTTL": "sdk.artifacts.ttl",
    "Audio": "sdk.media.audio",
    "Classes": "sdk.media.classes",
    "Graph": "sdk.media.graph",
    "Html": "sdk.media.html",
    "Image": "sdk.media.image",
    "Molecule": "sdk.media.molecule",
    **dict.fromkeys(("Object3D", "box3d"), "sdk.media.object3d"),
    "Plotly": "sdk.media.plotly",
    "Video": "sdk.media.video",
    **dict.fromkeys(("plot_table", "visualize"), "sdk.plot.chart"),
    "Run": "sdk.run",
    **dict.fromkeys(("finish", "login", "setup", "teardown"), "sdk.session"),
    "Settings": "sdk.settings",
    "Summary": "sdk.summary",
    "agent": "sdk.sweeps.agent",
    "controller": "sdk.sweeps.controller",
    "estimate": "sdk.estimate",
    "sweep": "sdk.sweeps.create",
    "EvalTable": "sdk.tables.eval_table",
    "JoinedTable": "sdk.tables.joined",
    "Table": "sdk.tables.table",
    **dict.fromkeys(("termerror", "termlog", "termwarn"), "sdk.terminal"),
}
_MODULES = frozenset({"apis", "data_types", "env", "errors", "plot", "util"})


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in ("run", "config", "summary"):
        return _find_active(name)
    if name in _MODULES:
        return import_module(f"steelyard.{name}")
    if name == "join":
        value = import_module("steelyard.sdk.session").finish
    elif name == "PublicApi":
        value = import_module("steelyard.sdk.api.api").Api
    elif module := _PARTS.get(name):
        value = getattr(import_module(f"steelyard.{module}"), name)
    else:
        raise import_module("steelyard.sdk.missing").explain_missing(name)
    globals()[name] = value
    return value


def _find_active(name: str) -> Any:
    from sys import modules

    # Without the session nothing has begun, and asking for the run need not load it.
    session = modules.get("steelyard.sdk.session")
    run = session.get_session().current if session is not None else None
    if name == "run":
        return run
    if run is not None:
        return getattr(run, name)
    from steelyard.sdk.calls import BeforeInit

    return BeforeInit(name)


def __dir__() -> list[str]:
    return sorted(__all__)
