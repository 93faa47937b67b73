"""The page of a sweep in a browser: a server, sweeps of many trials, and measure.mjs.

python -m bench.browser.sweeps [--trials 1000 2000]

Needs node, Chromium and the built web UI. One line of JSON for each thing that is done.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from steelyard.server.db.open import open_database
from steelyard.testing.server import ThrowawayServer
from tests.support.browser import open_session
from tests.support.many_trials import CONFIG, fill_sweep

MEASURE = Path(__file__).with_name("measure.mjs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", default=[1000, 2000])
    counts = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as directory:
        data_dir = Path(directory) / "server"
        with ThrowawayServer(data_dir) as server:
            entity = server.call("GET", "/api/v1/me")["default_entity"]
            sweeps = f"/api/v1/{entity}/bench/sweeps"
            names = [
                server.call("POST", sweeps, content={"config": CONFIG})["name"] for _ in counts
            ]
            server.stop()
            db = open_database(f"sqlite:///{data_dir}/steelyard.db")
            for name, count in zip(names, counts, strict=True):
                fill_sweep(db, name, count)
            db.close()
            server.start()
            [(key, value)] = open_session(server).items()
            for name, count in zip(names, counts, strict=True):
                print(f"{count:,} trials, 12 axes", flush=True)
                path = f"/{entity}/bench/sweeps/{name}"
                command = ["node", str(MEASURE), server.base_url, f"{key}={value}", path, "sweep"]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
