"""Thirty small scikit-learn trainings and a pipeline to look at, as `make demo` logs them.

The pipeline is `pipeline.py`: data, models and evaluations with their lineage, images and tables.

They log into the server that WANDB_BASE_URL and WANDB_API_KEY name, else into the one that
`make up` runs on this machine, else, as every script does that knows no server, into ./steelyard.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import IO

LOCAL_URL = "http://localhost:8080"
RUN_COUNT = 30
PIPELINE = "pipeline"
KEY_FILE = Path("steelyard-data/owner.key")
# One core each; scikit-learn would start a thread for every core in each of them.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def find_server() -> dict[str, str]:
    """Variables that lead to the server of this machine, when nobody has named another."""
    if {"WANDB_BASE_URL", "STEELYARD_BASE_URL"} & set(os.environ) or not KEY_FILE.exists():
        return {}
    try:
        urllib.request.urlopen(f"{LOCAL_URL}/ready", timeout=2).close()
    except OSError:
        return {}
    key = os.environ.get("WANDB_API_KEY") or KEY_FILE.read_text().strip()
    return {"WANDB_BASE_URL": LOCAL_URL, "WANDB_API_KEY": key}


def work(options: argparse.Namespace) -> None:
    """In a worker: every n-th training, with a line of JSON to the parent after each."""
    if options.share == PIPELINE:
        work_on_pipeline(options)
        return
    from demo_trainings import list_trainings, run_training  # scikit-learn, only where one trains

    index, count = map(int, options.share.split("/"))
    for training in list_trainings()[: options.runs][index::count]:
        url = None
        try:
            run = run_training(training, options.project, options.epochs)
            end, url = "finished", run.project_url
        except ValueError as error:  # scikit-learn, in the two trainings that are meant to fail
            end = f"failed: {str(error).splitlines()[0]}"
        report(options, training.name, end, url)


def work_on_pipeline(options: argparse.Namespace) -> None:
    """In a worker: data, models, evaluations. Without a server there are only data."""
    from pipeline import run_pipeline

    is_whole = run_pipeline(options.project, epochs=min(10, options.epochs))
    end = "finished: 6 runs, 2 datasets, 2 models, lineage, tables" if is_whole else "only its data"
    report(options, PIPELINE, end, None)


def report(options: argparse.Namespace, name: str, end: str, url: str | None) -> None:
    told = {"name": name, "end": end, "url": url}
    os.write(options.report_to, json.dumps(told).encode() + b"\n")


def start_workers(
    options: argparse.Namespace, output: IO[bytes]
) -> tuple[list[subprocess.Popen[bytes]], int]:
    """The workers, and where their reports are read until the last worker has ended."""
    read_end, write_end = os.pipe()
    environ = {**ONE_THREAD, "WANDB_SILENT": "true", **os.environ, **find_server()}
    arguments = [f"--project={options.project}", f"--epochs={options.epochs}"]
    arguments += [f"--runs={options.runs}", f"--report-to={write_end}"]
    shares = [f"{index}/{options.workers}" for index in range(options.workers)]
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, *arguments, f"--share={share}"],
            env=environ,
            pass_fds=[write_end],
            stdout=output,
            stderr=output,
        )
        for share in [PIPELINE, *shares]
    ]
    os.close(write_end)
    return workers, read_end


def main() -> int:
    options = parse_arguments()
    if options.share:
        work(options)
        return 0
    started = time.monotonic()
    print(f"a pipeline and {options.runs} trainings; a minute or less", flush=True)
    with tempfile.TemporaryFile() as output:  # what the trainings print is in their runs
        workers, read_end = start_workers(options, output)
        url = follow_reports(read_end, options.runs + 1)
        statuses = {worker.wait() for worker in workers}
        if not statuses <= {0, -signal.SIGKILL}:
            output.seek(0)
            print(output.read().decode(errors="replace"), file=sys.stderr)
            return 1
    if -signal.SIGKILL in statuses:
        print(f"        {'mlp-killed':22} killed, as it was meant to be")
    place = url or "they rest in ./steelyard; look at them: steelyard up"
    print(f"done in {time.monotonic() - started:.0f} s: {place}")
    return 0


def follow_reports(read_end: int, count: int) -> str | None:
    """Print a line for each; the page of the project, when there is a server."""
    url = None
    with os.fdopen(read_end) as reports:
        for number, line in enumerate(reports, start=1):
            told = json.loads(line)
            url = url or told["url"]
            print(f"{number:3}/{count}  {told['name']:22} {told['end'][:60]}", flush=True)
    return url


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--project", default="demo")
    parser.add_argument("--runs", type=int, default=RUN_COUNT, help=f"of {RUN_COUNT}, so many")
    parser.add_argument("--epochs", type=int, default=50, help="at most")
    parser.add_argument("--workers", type=int, default=3, help="processes that train")
    parser.add_argument("--share", help=argparse.SUPPRESS)
    parser.add_argument("--report-to", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
