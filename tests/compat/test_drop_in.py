"""One script, full of what users write, with both clients: everything that is kept is the same."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import OfficialClient
from tests.support.run_reader import RunReader
from tests.support.sdk_user import SdkUser

SCRIPT = """
import wandb
import argparse, dataclasses, datetime, enum, logging, os, pathlib, sys, threading
import numpy as np

class Kind(enum.Enum): ADAM = "adam"
@dataclasses.dataclass
class Optimizer:
    lr: float = 0.1
    kind: Kind = Kind.ADAM

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--none", default=None)
args = parser.parse_args([])

run = wandb.init(config=args, name="first", notes="why", tags=["a"], group="g", job_type="train",
                 settings=wandb.Settings(x_disable_stats=True, save_code=False))
assert wandb.run is run and isinstance(run, wandb.Run)
wandb.config.update({"opt": dataclasses.asdict(Optimizer()), "np": np.float32(0.5)})
wandb.config.update({"epochs": 3, "path": pathlib.Path("/a/b")}, allow_val_change=True)
wandb.config.setdefaults({"epochs": 9, "seed": 1})
wandb.config.layers = (1, [2, {"k": None}])
try:
    wandb.config.seed = 2
except wandb.errors.Error as error:
    assert type(error).__name__ == "ConfigError"
run.name = "second"
run.tags += ("b",)

wandb.define_metric("epoch")
wandb.define_metric("train/*", step_metric="epoch")
run.define_metric("val/acc", summary="max")
for epoch in range(wandb.config.epochs):
    wandb.log({"epoch": epoch}, commit=False)
    wandb.log({"train/loss": np.float64(3 - epoch), "text": f"é{epoch}", "flag": np.bool_(True)},
              commit=False)
    run.log({"val/acc": [0.1, 0.7, 0.5][epoch], "nested": {"x": {"y": epoch}}, "n": None})
run.log({"later": 1, "list": [1, "two"], "day": datetime.date(2024, 1, 2)}, step=10)
run.log({"same row": 1})
run.log({"next row": np.arange(3), "step of numpy": 1}, step=np.int64(20))
run.log({"with it": 1})
threads = [threading.Thread(target=run.log, args=({f"t{k}": k},), kwargs={"step": 30})
           for k in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
run.summary["best"] = 0.7
wandb.summary.update({"deep": {"a": 1}})

print("caf\\u00e9 \\u2713")
print("to stderr", file=sys.stderr)
for k in range(3):
    print(f"\\rprogress {k}", end="")
print()
logging.basicConfig(level=logging.INFO)
logging.info("a logging line")

pathlib.Path("kept.txt").write_text("kept")
wandb.save("kept.txt")
wandb.alert("title", "text", level=wandb.AlertLevel.WARN)
wandb.finish()
wandb.finish()
assert wandb.run is None
for fold in range(2):
    with wandb.init(reinit=True, name=f"fold-{fold}", group="folds") as run:
        run.log({"m": fold})
"""


@pytest.fixture
def make_project() -> Callable[[str], str]:
    number = uuid.uuid4().hex[:8]
    return lambda who: f"drop-{number}-{who}"


def export(server: ThrowawayServer, project: str) -> dict[str, Any]:
    """What is kept of each run of a project, by its name."""
    runs = RunReader(server, project)
    found = {run["display_name"]: runs.export_by_rest(run["name"]) for run in runs.list_runs()}
    for run in found.values():
        run["config"].pop("_wandb", None)
        run["summary"].pop("_wandb", None)
        run["logs"] = [line for line in run["logs"] if "wandb" not in line]
    return found


def test_a_script_for_wandb_gives_the_same_runs(
    tmp_path: Path,
    client: OfficialClient,
    shared_server: ThrowawayServer,
    make_project: Callable[[str], str],
) -> None:
    client.run_script(SCRIPT, WANDB_PROJECT=make_project("official"))
    user = SdkUser(
        tmp_path / "ours",
        WANDB_BASE_URL=shared_server.base_url,
        WANDB_API_KEY=shared_server.owner_key,
        WANDB_PROJECT=make_project("ours"),
    )
    user.run(SCRIPT.replace("import wandb\n", "import steelyard as wandb\n", 1), WANDB_SILENT="1")
    expected = export(shared_server, make_project("official"))
    found = export(shared_server, make_project("ours"))
    assert set(found) == {"second", "fold-0", "fold-1"}
    for run in (*expected.values(), *found.values()):
        del run["overwritten_value_count"]
    assert found.keys() == expected.keys()
    for name, run in found.items():
        for part, value in run.items():
            assert value == expected[name][part], part
