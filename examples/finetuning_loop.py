"""The loop of a fine-tuning: training metrics every 10 steps, validation every 100.

The model is made up, so that this runs anywhere; the calls of `wandb` are those of a real one.
"""

import math
import random

import steelyard as wandb

STEPS = 1000
draw = random.Random(0)


class Scheduler:
    """Cosine decay to zero."""

    step = 0

    def get_last_lr(self) -> list[float]:
        return [2e-4 * 0.5 * (1 + math.cos(math.pi * self.step / STEPS))]


def train_step(scheduler: Scheduler) -> float:
    scheduler.step += 1
    return 0.8 + 1.6 * math.exp(-scheduler.step / 250) + draw.gauss(0, 0.05)


def compute_grad_norm() -> float:
    return math.exp(draw.gauss(0, 0.3))


def evaluate(scheduler: Scheduler) -> tuple[float, float]:
    loss = 0.9 + 1.5 * math.exp(-scheduler.step / 250)
    return loss, 1 - loss / 3


scheduler = Scheduler()
run = wandb.init(
    project="llm-finetuning",
    name="llama3-8b-qlora-v1",
    config={
        "model": "meta-llama/Meta-Llama-3-8B",
        "lora_r": 16,
        "lora_alpha": 32,
        "learning_rate": 2e-4,
        "batch_size": 8,
        "epochs": 3,
    },
)
for step in range(STEPS):
    loss = train_step(scheduler)
    if step % 10 == 0:
        wandb.log(
            {
                "train/loss": loss,
                "train/learning_rate": scheduler.get_last_lr()[0],
                "train/grad_norm": compute_grad_norm(),
            },
            step=step,
        )
    if step % 100 == 0:
        val_loss, val_acc = evaluate(scheduler)
        wandb.log({"val/loss": val_loss, "val/accuracy": val_acc}, step=step)
run.finish()
