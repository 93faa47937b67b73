"""Runs the server in this process until it is told to stop."""

from __future__ import annotations

import getpass
from pathlib import Path

import uvicorn

from steelyard.server.app import Services, create_app, open_services
from steelyard.server.rooms.accounts.commands import create_owner
from steelyard.server.rooms.accounts.names import name_like
from steelyard.server.settings import ServerSettings

OWNER_KEY_FILE = "owner.key"


def serve(settings: ServerSettings, *, open_browser: bool) -> None:
    """Start, say where, answer requests until SIGTERM or SIGINT."""
    services = open_services(settings)
    ensure_owner(services)
    config = uvicorn.Config(
        create_app(services),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run()


def ensure_owner(services: Services) -> Path | None:
    """On the first start: the owner, and the key in DATA_DIR/owner.key, mode 0600."""
    username = name_like(getpass.getuser(), otherwise="owner")
    key = services.db.write_now(create_owner, username=username, now_us=services.now_us())
    if key is None:
        return None
    path = services.settings.data_dir / OWNER_KEY_FILE
    path.touch(mode=0o600)
    path.write_text(key.key + "\n")
    return path
