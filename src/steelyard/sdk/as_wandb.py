"""`import wandb`, answered by us: what the module that `steelyard shim` installs is made of.

`wandb.X` is `steelyard.X`, and `wandb.errors` the very module `steelyard.errors`. Modules that
frameworks take single names from, such as `wandb.sdk.wandb_run`, are made here with those names.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

#: The version of the official client whose surface ours is made after.
WANDB_VERSION: Final = "0.31.0"
NAME: Final = "wandb"

#: Parts of our package that are not part of the surface.
_PRIVATE: Final = frozenset(
    {"__main__", "_version", "cli", "limits", "patterns", "sdk", "server", "testing", "wire"}
)


class RunDisabled:
    """Only to be compared with: a disabled run is a `Run`."""


class SummaryDisabled:
    """Only to be compared with: the summary of a disabled run is a `Summary`."""


#: Module of wandb 0.31.0 → its names that ours have: path below the package, or an object.
_MADE: Final[Mapping[str, Mapping[str, Any]]] = {
    "sdk": {
        **{name: name for name in ("Config", "Run", "Settings", "Summary", "init", "login")},
        **{name: name for name in ("finish", "setup", "teardown")},
    },
    "sdk.data_types": {},
    "sdk.data_types.base_types": {},
    "sdk.data_types.base_types.media": {
        name: f"data_types.{name}" for name in ("BatchableMedia", "Media")
    },
    "sdk.data_types.base_types.wb_value": {"WBValue": "data_types.WBValue"},
    "sdk.data_types.helper_types": {},
    **{
        f"sdk.data_types.{module}": {name: f"data_types.{name}" for name in names}
        for module, names in {
            "audio": ("Audio",),
            "bokeh": ("Bokeh",),
            "eval_table": ("EvalTable",),
            "graph": ("Edge", "Graph", "Node"),
            "helper_types.bounding_boxes_2d": ("BoundingBoxes2D",),
            "helper_types.classes": ("Classes",),
            "helper_types.image_mask": ("ImageMask",),
            "histogram": ("Histogram",),
            "html": ("Html",),
            "image": ("Image",),
            "molecule": ("Molecule",),
            "object_3d": ("Object3D", "box3d"),
            "plotly": ("Plotly",),
            "table": ("JoinedTable", "PartitionedTable", "Table"),
            "video": ("Video",),
        }.items()
    },
    "sdk.lib": {"RunDisabled": RunDisabled, "SummaryDisabled": SummaryDisabled},
    "sdk.lib.config_util": {"ConfigError": "errors.ConfigError"},
    "sdk.lib.disabled": {"RunDisabled": RunDisabled, "SummaryDisabled": SummaryDisabled},
    "sdk.lib.runid": {"generate_id": "util.generate_id"},
    "sdk.wandb_alerts": {"AlertLevel": "AlertLevel"},
    "sdk.wandb_config": {"Config": "Config"},
    "sdk.wandb_init": {"init": "init"},
    "sdk.wandb_login": {"login": "login"},
    "sdk.wandb_run": {"Run": "Run"},
    "sdk.wandb_settings": {"Settings": "Settings"},
    "sdk.wandb_setup": {"setup": "setup", "teardown": "teardown"},
    "sdk.wandb_summary": {"Summary": "Summary"},
    "wandb_run": {"Run": "Run"},
}


class _Wandb(ModuleType):
    """The module `wandb`: every name is looked up in our package when it is used."""

    def __getattr__(self, name: str) -> Any:
        if name == "wandb_sdk":
            name = "sdk"
        if name in _MADE:
            return import_module(f"{NAME}.{name}")
        if name in _PRIVATE or (name.startswith("__") and name not in ("__all__", "__doc__")):
            raise AttributeError(f"module {NAME!r} has no attribute {name!r}")
        return getattr(import_module("steelyard"), name)

    def __dir__(self) -> list[str]:
        return dir(import_module("steelyard"))


class _Made(ModuleType):
    """A module with names of our package, looked up when they are used."""

    def __getattr__(self, name: str) -> Any:
        below = self.__name__.removeprefix(f"{NAME}.")
        place = _MADE[below].get(name)
        if place is None and f"{below}.{name}" in _MADE:
            return import_module(f"{self.__name__}.{name}")
        if place is None:
            raise AttributeError(
                f"module {self.__name__!r} has no attribute {name!r}: Steelyard's client does "
                "not have it in this version"
            )
        if not isinstance(place, str):
            return place
        found: Any = import_module("steelyard")
        for part in place.split("."):
            found = getattr(found, part)
        return found


class _Loader:
    """Gives the module that is there already, or a made one."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        if self._spec is not None:  # the module keeps its own: reload and pickle look at it
            module.__spec__ = self._spec


class _Finder:
    """Answers `import wandb.…`."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        root, _, below = name.partition(".")
        if root != NAME or not below or below == "__main__":
            return None
        if below in _MADE:
            made = _Made(name)
            made.__path__ = []
            return ModuleSpec(name, _Loader(made), is_package=True)  # type: ignore[arg-type]  # as the import system uses it
        if below.partition(".")[0] in _PRIVATE:
            raise _missing(name)
        try:
            module = import_module(f"steelyard.{below}")
        except ModuleNotFoundError as error:
            if error.name is None or not f"steelyard.{below}".startswith(error.name):
                raise  # it is there, and lacks something else
            raise _missing(name) from None
        if below == "errors":  # wandb has its errors in errors.errors, and ours is no package
            sys.modules.setdefault(f"{name}.errors", module)
        return ModuleSpec(name, _Loader(module), is_package=hasattr(module, "__path__"))  # type: ignore[arg-type]  # see above


def _missing(name: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(
        f"No module named {name!r}: Steelyard's client does not have it in this version; the wandb "
        "package has, and works with a Steelyard server: steelyard shim --remove, "
        "pip install wandb, and set WANDB_BASE_URL",
        name=name,
    )


def take_over(module: ModuleType) -> None:
    """Make the module `wandb` ours. Idempotent."""
    module.__class__ = _Wandb
    module.__dict__["__version__"] = WANDB_VERSION
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
