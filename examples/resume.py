"""A training that may be interrupted at any time and goes on where it was.

    python examples/resume.py --stop-after 30     # as if the machine was taken away
    python examples/resume.py                     # the same run, from step 30 on

The checkpoint says which step comes next; the id of the run stands beside it.
"""

import argparse
import json
import os
import signal
from pathlib import Path

import steelyard as wandb

STEPS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoint.json"))
    parser.add_argument("--stop-after", type=int, help="kill -9 after that many steps")
    options = parser.parse_args()
    state = {"run": wandb.util.generate_id(), "step": 0, "loss": 1.0}
    if options.checkpoint.exists():
        state = json.loads(options.checkpoint.read_text())

    run = wandb.init(project="examples", id=state["run"], resume="allow")
    while state["step"] < STEPS:
        state["loss"] *= 0.95
        run.log({"loss": state["loss"]}, step=state["step"])
        state["step"] += 1
        options.checkpoint.write_text(json.dumps(state))
        if state["step"] == options.stop_after:
            os.kill(os.getpid(), signal.SIGKILL)
    run.finish()


if __name__ == "__main__":
    main()
