"""Steelyard without a server: WANDB_MODE=offline."""

import os

MODE = "offline"


def load() -> None:
    global steelyard
    import steelyard


def init(work: str) -> None:
    global _run
    _run = steelyard.init(project=os.environ["BENCH_PROJECT"], mode=MODE, dir=work)


def log(step: int, row: dict[str, float]) -> None:
    _run.log(row, step=step)


def finish() -> None:
    _run.finish()


def count(work: str) -> int:
    from pathlib import Path

    from steelyard.sdk.journal.folder import find_run_folders

    (folder,) = find_run_folders(Path(work))
    return count_steps(folder.path)


def count_steps(run_dir: object) -> int:
    """Distinct steps in all journals of a run folder."""
    from steelyard.sdk.journal.reader import iter_records, list_writers
    from steelyard.wire.journal import HISTORY

    steps = set()
    for writer in list_writers(run_dir):
        for kind, _, _, payload in iter_records(run_dir, writer):
            if kind == HISTORY:
                steps.add(payload[0])
    return len(steps)
