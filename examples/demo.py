"""Log a few small trainings into a running Steelyard server, as `make demo` does.

Uses WANDB_BASE_URL and WANDB_API_KEY when set, else the server of `make up` on this machine.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

TRAINING = Path(__file__).with_name("train_sklearn.py")
LEARNING_RATES = (3e-4, 1e-3, 3e-3, 1e-2)


def find_server() -> dict[str, str]:
    """Environment that leads the client to the server. Ends the program when there is none."""
    environ = dict(os.environ)
    environ.setdefault("WANDB_BASE_URL", "http://localhost:8080")
    key_file = Path("steelyard-data/owner.key")
    if "WANDB_API_KEY" not in environ and key_file.exists():
        environ["WANDB_API_KEY"] = key_file.read_text().strip()
    if "WANDB_API_KEY" not in environ:
        sys.exit("no server found here: start one with `make up`, or set WANDB_API_KEY")
    return environ


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--project", default="digits")
    options = parser.parse_args()
    environ = find_server()
    for learning_rate in LEARNING_RATES:
        name = f"sgd-lr-{learning_rate:g}"
        print(f"{name}: {options.epochs} epochs", flush=True)
        command = [
            *(sys.executable, str(TRAINING), "--learning-rate", str(learning_rate), "--name", name),
            *("--epochs", str(options.epochs), "--project", options.project),
        ]
        subprocess.run(command, env={"WANDB_SILENT": "true", **environ}, check=True)
    print(f"done: see project {options.project!r} on {environ['WANDB_BASE_URL']}")


if __name__ == "__main__":
    main()
