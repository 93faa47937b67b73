"""Make the environments: python -m bench.sdk.setup --work DIR [NAME …]

One virtual environment for each tool, below DIR, with what PyPI answers; `python -m bench.sdk.run`
takes the same `--work DIR`. Peers are no dependencies of ours and stand in no lock of ours: the
results name the versions that were measured. Ours has the dependencies of the client and this
tree, as `pip install steelyard` would bring them, and nothing of the server or of development.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = "steelyard"

#: Environment name: what is installed into it.
PEERS = {
    OURS: "this tree",
    "trackio": "trackio",
    "tensorboardx": "tensorboardX",
    "wandb": "wandb==0.31.0",
}


def python_of(work: Path, peer: str) -> Path:
    """The interpreter of a peer's environment, which need not exist."""
    return work / peer / "bin" / "python"


def set_up(work: Path, peer: str) -> None:
    """Make the environment of a peer. Raises CalledProcessError with pip's output."""
    wanted = list_our_dependencies() if peer == OURS else [PEERS[peer]]
    venv.create(work / peer, with_pip=True, clear=True)
    python = str(python_of(work, peer))
    subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    if peer == OURS:
        (site,) = (work / peer / "lib").glob("python*/site-packages")
        (site / "steelyard.pth").write_text(f"{ROOT / 'src'}\n")


def list_our_dependencies() -> list[str]:
    """What `pip install steelyard` brings."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return list(project["dependencies"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sdk.setup", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PEERS)}; else all")
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    names = arguments.names or list(PEERS)
    if unknown := set(names) - set(PEERS):
        parser.error(f"no peer {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    failed = []
    for peer in names:
        print(f"{peer}: {PEERS[peer]} into {arguments.work / peer}", flush=True)
        try:
            set_up(arguments.work.resolve(), peer)
        except subprocess.CalledProcessError as error:
            failed.append(peer)
            print(f"{peer}: {error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
