"""Which parts of the official client's system tests are run, and with which packages.

`FOLDERS` maps a path below `tests/system_tests` to a group of requirements, `EXCLUDED` says why the
rest is left out. Paths are matched from the most to the least specific.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

CLIENT_VERSION = "0.31.0"

#: Requirements every run needs (ranges follow the client's own test requirements).
BASE_REQUIREMENTS = [
    "pytest~=8.4",
    "pytest-asyncio~=1.2.0",
    "pytest-cov~=7.0",
    "pytest-xdist~=3.8",
    "pytest-mock~=3.15",
    "pytest-timeout~=2.4",
    "pytest-flakefinder~=1.1",
    "pyfakefs~=5.9",
    "parameterized~=0.9.0",
    "looptime",
    "flask~=2.2",
    "fastapi~=0.115.3",
    "httpx~=0.27.0",
    "responses~=0.23.3",
    "uvicorn~=0.32.0",
    "moto[s3]~=5.1",
    "pandas~=2.3",
    "numpy<2.4.0",
    "coverage[toml]~=7.10",
    "pyte~=0.8.1",
    "hypothesis>=6.131.7",
    "hypothesis-fspaths",
    "click!=8.4.0,!=8.4.1,!=8.4.2",
    "annotated-types",
    "cloudpickle",
    "filelock",
    "requests",
    "pydantic",
    "Pillow",
    "polars",
    "moviepy~=1.0",
    "imageio[ffmpeg]",
    "matplotlib",
    "soundfile",
    "plotly",
    "bokeh",
    "tqdm",
    "tenacity",
    "pyarrow>=15,<22",  # newer ones need NumPy 2, which wandb[sweeps] excludes
]

#: Additional requirements, by the name a folder refers to them with.
GROUPS: dict[str, list[str]] = {
    "base": [],
    "clouds": ["google-cloud-storage"],
    "launch": ["wandb[launch,sweeps]=={version}"],
    "sweeps": ["wandb[sweeps]=={version}"],
    "sandbox": ["wandb[sandbox]=={version}"],
    "notebooks": ["jupyter", "ipykernel", "nbclient", "nbconvert", "nbformat", "ipython"],
    "torch": ["torch", "torchvision"],
    "sklearn": ["scikit-learn", "xgboost"],
}

#: path below tests/system_tests -> (group, tier).  Tier 1 is the default set,
#: tier 2 is added by --tier 2 (slower or heavier installs).
FOLDERS: dict[str, tuple[str, int]] = {
    "test_api": ("base", 1),
    "test_artifacts": ("clouds", 1),
    "test_automations": ("base", 1),
    "test_core": ("base", 1),
    "test_registries": ("base", 1),
    "test_sweep": ("sweeps", 1),
    "test_system_metrics": ("base", 1),
    "test_plot.py": ("base", 1),
    "test_sandbox": ("sandbox", 1),
    "test_launch": ("launch", 1),
    "test_functional/asyncio_compat_run": ("base", 1),
    "test_functional/asyncio_manager_run": ("base", 1),
    "test_functional/console_capture": ("base", 1),
    "test_functional/interrupt": ("base", 1),
    "test_functional/multiprocessing": ("base", 1),
    "test_functional/sync": ("base", 1),
    "test_functional/terminput": ("base", 1),
    "test_functional/test_util": ("base", 1),
    "test_functional/wb_logging": ("base", 1),
    "test_notebooks": ("notebooks", 2),
    "test_functional/xgboost": ("sklearn", 2),
}

EXCLUDED = {
    "test_core/test_torch_full.py": "needs PyTorch (add with --include and --extra torch)",
    "test_experimental": "needs the .NET SDK and builds of the experimental C# client",
    "test_functional/catboost": "needs catboost; trains a model, exercises only the integration",
    "test_functional/dspy": "needs dspy/litellm",
    "test_functional/jax": "needs jax",
    "test_functional/keras": "needs TensorFlow",
    "test_functional/lightning": "needs PyTorch Lightning",
    "test_functional/metaflow": "needs metaflow, scikit-learn and PyTorch",
    "test_functional/test_tensorboard": "needs TensorFlow, PyTorch and stable_baselines3",
}


def select(tree: Path, *, folders: str | None, tier: int) -> list[tuple[str, str]]:
    """(path, group) to run, in order: all of a tier, or the comma-separated `folders`.

    Raises SystemExit for a path that the tests do not have.
    """
    root = tree / "tests/system_tests"
    if folders is None:
        return [
            (folder, group)
            for folder, (group, its_tier) in FOLDERS.items()
            if its_tier <= tier and (root / folder).exists()
        ]
    chosen: list[tuple[str, str]] = []
    for wanted in (name.strip().strip("/") for name in folders.split(",")):
        inside = [
            f
            for f, (_, its_tier) in FOLDERS.items()
            if f == wanted or (f.startswith(wanted + "/") and its_tier <= tier)
        ]
        if inside:
            chosen += [(f, FOLDERS[f][0]) for f in inside if (root / f).exists()]
            continue
        path = wanted.split("::")[0]  # one file or test, or a folder outside the table
        if not (root / path).exists():
            raise SystemExit(f"--folders: no such test path: {wanted}")
        parent = next((f for f in FOLDERS if path.startswith(f + "/")), None)
        chosen.append((wanted, FOLDERS[parent][0] if parent else "base"))
    return chosen


def list_requirements(version: str, groups: Iterable[str]) -> list[str]:
    """What pip installs to run these groups against the client of this version."""
    extra = [line.format(version=version) for group in sorted(groups) for line in GROUPS[group]]
    return [f"wandb=={version}", *BASE_REQUIREMENTS, *extra]
