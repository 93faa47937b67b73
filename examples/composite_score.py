"""Several numbers of one evaluation, and one score that weighs them."""

import steelyard as wandb

with wandb.init(project="examples", job_type="evaluation"):
    accuracy = 0.89
    latency_ms = 245
    cost_per_1k_tokens = 0.012
    norm_accuracy = accuracy
    norm_latency = 1.0 - min(latency_ms / 1000, 1.0)
    norm_cost = 1.0 - min(cost_per_1k_tokens / 0.05, 1.0)
    composite_score = (0.5 * norm_accuracy) + (0.3 * norm_latency) + (0.2 * norm_cost)
    wandb.log(
        {
            "accuracy": accuracy,
            "latency_ms": latency_ms,
            "cost_per_1k_tokens": cost_per_1k_tokens,
            "composite_score": composite_score,
        }
    )
