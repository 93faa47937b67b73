"""Make the environments of the peers: python -m bench.sdk.setup --work DIR [NAME …]

One virtual environment for each, below DIR, with what PyPI answers; `python -m bench.sdk.run`
takes the same `--work DIR`. Peers are no dependencies of ours and stand in no lock of ours: the
results name the versions that were measured.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv
from pathlib import Path

#: Environment name: what is installed into it.
PEERS = {
    "trackio": "trackio",
    "tensorboardx": "tensorboardX",
    "wandb": "wandb==0.31.0",
}


def python_of(work: Path, peer: str) -> Path:
    """The interpreter of a peer's environment, which need not exist."""
    return work / peer / "bin" / "python"


def set_up(work: Path, peer: str) -> None:
    """Make the environment of a peer. Raises CalledProcessError with pip's output."""
    venv.create(work / peer, with_pip=True, clear=True)
    command = [str(python_of(work, peer)), "-m", "pip", "install", "--quiet", PEERS[peer]]
    subprocess.run(command, check=True)


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
