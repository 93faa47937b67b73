"""A sweep with as many trials as a page may have to show, written into the database at once."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.db.interface import Database
from steelyard.server.rooms.runs.tables import runs
from steelyard.server.rooms.sweeps.tables import sweep_trials, sweeps

#: Eleven parameters of every kind: with the metric the twelve axes of the bars.
CONFIG = """\
# Twelve axes: eleven parameters and the metric.
name: ViT on flowers
method: bayes
metric: {name: val_loss, goal: minimize}
run_cap: 2500
early_terminate: {type: hyperband, min_iter: 3}
parameters:
  lr: {distribution: log_uniform_values, min: 1.0e-5, max: 0.1}
  weight_decay: {distribution: log_uniform_values, min: 1.0e-6, max: 0.01}
  depth: {distribution: int_uniform, min: 2, max: 24}
  dropout: {min: 0.0, max: 0.6}
  optimizer: {values: [adam, adamw, sgd, lion]}
  batch_size: {values: [16, 32, 64, 128, 256]}
  model.encoder.attention.head_dimension: {values: [32, 64, 128]}
  warmup: {min: 0.0, max: 0.3}
  label_smoothing: {min: 0.0, max: 0.2}
  schedule: {values: [cosine, linear, constant]}
  seed: {distribution: int_uniform, min: 0, max: 1000}
program: train.py
"""
BEGIN_US = 1_790_000_000_000_000
MINUTE_US = 60_000_000
BATCH = 500


def fill_sweep(db: Database, sweep_name: str, count: int, *, seed: int = 0) -> None:
    """Give the sweep, which was made of CONFIG, `count` trials with their runs, by a seed.

    Of ten one fails without a value and two are stopped early; the last three still run.
    """
    draw = random.Random(seed)

    def fill(conn: Connection) -> None:
        found = conn.execute(
            sa.select(sweeps.c.id, sweeps.c.project_id).where(sweeps.c.name == sweep_name)
        ).one()
        for first in range(0, count, BATCH):
            some = range(first, min(first + BATCH, count))
            made = [make_trial(draw, sweep_name, *found, i, count) for i in some]
            conn.execute(sa.insert(runs), [run for run, _ in made])
            conn.execute(sa.insert(sweep_trials), [trial for _, trial in made])
        changed = {"trial_count": count, "state": "running", "updated_at_us": BEGIN_US}
        conn.execute(sa.update(sweeps).where(sweeps.c.id == found.id).values(changed))

    db.write_now(fill)


def make_config(draw: random.Random) -> dict[str, Any]:
    return {
        "lr": 10 ** draw.uniform(-5, -1),
        "weight_decay": 10 ** draw.uniform(-6, -2),
        "depth": draw.randint(2, 24),
        "dropout": draw.uniform(0, 0.6),
        "optimizer": draw.choice(["adam", "adamw", "sgd", "lion"]),
        "batch_size": draw.choice([16, 32, 64, 128, 256]),
        "model.encoder.attention.head_dimension": draw.choice([32, 64, 128]),
        "warmup": draw.uniform(0, 0.3),
        "label_smoothing": draw.uniform(0, 0.2),
        "schedule": draw.choice(["cosine", "linear", "constant"]),
        "seed": draw.randint(0, 1000),
    }


def make_trial(
    draw: random.Random, sweep: str, sweep_id: int, project_id: int, index: int, count: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rows of a run and of its trial."""
    config = make_config(draw)
    noise = draw.gauss(0, 0.03)
    loss = 0.2 + 0.12 * abs(math.log10(config["lr"]) + 3) + 0.3 * abs(config["dropout"] - 0.2)
    loss += noise + (0.1 if config["optimizer"] == "sgd" else 0)
    fate = draw.random()
    is_running = index >= count - 3 and count > 10
    state = "failed" if fate < 0.1 else "stopped" if fate < 0.3 else "finished"
    state = "running" if is_running else state
    value = None if state == "failed" else loss + (0.2 if state == "stopped" else 0)
    started_us = BEGIN_US + index * MINUTE_US
    seconds = draw.uniform(60, 900) * (0.3 if state == "stopped" else 1)
    ended_us = started_us + int(seconds * 1e6)
    name = f"{sweep}-{index:04}"
    run_state = {"finished": "finished", "failed": "failed", "running": "running"}
    facts = {"e": {"w": {"host": f"node{index % 4}", "gpu": "NVIDIA H100 80GB HBM3"}}}
    run = {
        "project_id": project_id,
        "name": name,
        "display_name": f"vital-sweep-{index}",
        "state": run_state.get(state, "finished"),
        "created_at_us": started_us,
        "updated_at_us": ended_us,
        "heartbeat_at_us": ended_us,
        "finished_at_us": None if is_running else ended_us,
        "change_seq": 0,
        "host": f"node{index % 4}",
        "sweep": sweep,
        "config": json.dumps(
            {key: {"value": value} for key, value in config.items()} | {"_wandb": {"value": facts}}
        ),
        "summary": json.dumps(
            {"val_loss": value, "cost.gpu_hours": seconds / 3600, "cost.usd": seconds / 3600 * 2.4}
        ),
    }
    results = {"values": [value], "outcomes": {}, "seconds": seconds}
    trial = {
        "sweep_id": sweep_id,
        "index": index,
        "run_name": name,
        "config": json.dumps(config),
        "config_version": 1,
        "state": state,
        "is_resumable": False,
        "attempts": 1,
        "kind": "start" if index < 10 else "model",
        "reason": "fills the space evenly before a model is fitted"
        if index < 10
        else f"expected to improve on the best by {draw.random():.3f}; its neighbours did well",
        "stop_reason": "bracket 0, rung 9: 0.52 is worse than the best third, 0.41"
        if state == "stopped"
        else None,
        "value": value if not is_running else None,
        "results": None if is_running else json.dumps(results),
        "created_at_us": started_us,
        "started_at_us": started_us,
        "ended_at_us": None if is_running else ended_us,
    }
    return run, trial
