"""Eight processes that log into one run, as the ranks of a distributed training do.

All give the same id. Nobody waits for anybody and nothing has to be merged afterwards: values of
different keys at one step stand in one row. The run is finished when rank 0 finishes it.
"""

import argparse
import multiprocessing
import random

import steelyard as wandb

RANKS = 8


def train(rank: int, run_id: str, steps: int) -> None:
    run = wandb.init(
        project="examples",
        id=run_id,
        group="ranks",
        settings=wandb.Settings(
            mode="shared",
            x_label=f"rank-{rank}",  # names this process on the page
            x_primary=rank == 0,
            x_update_finish_state=rank == 0,  # the others only take part
        ),
    )
    draw = random.Random(rank)
    for step in range(steps):
        row = {f"loss/rank-{rank}": 1 / (1 + step) + 0.01 * draw.random()}
        if rank == 0:
            row["loss"] = 1 / (1 + step)
        run.log(row, step=step)
    run.finish()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50)
    options = parser.parse_args()
    run_id = wandb.util.generate_id()
    spawn = multiprocessing.get_context("spawn")
    processes = [
        spawn.Process(target=train, args=(rank, run_id, options.steps)) for rank in range(RANKS)
    ]
    for process in processes:
        process.start()
    for process in reversed(processes):
        process.join()
    assert not any(process.exitcode for process in processes)


if __name__ == "__main__":
    main()
