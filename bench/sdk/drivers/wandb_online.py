"""The official client with a server, named by WANDB_BASE_URL and WANDB_API_KEY."""

from drivers import on_server, wandb_offline
from drivers.wandb_offline import count, finish, init, load, log

wandb_offline.MODE = "online"
count_sent = on_server.count_steps

__all__ = ["count", "count_sent", "finish", "init", "load", "log"]
