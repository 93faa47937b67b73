"""Runs the server in this process until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import getpass
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import msgspec
import uvicorn

from steelyard import __version__
from steelyard.errors import CannotStart
from steelyard.server.app import Services, create_app, observe_requests, open_services
from steelyard.server.data_dir import (
    OWNER_KEY_FILE,
    make_data_dir,
    remove_interrupted_restores,
    write_owner_key,
)
from steelyard.server.lock import DataDirLock
from steelyard.server.logs import configure_logs
from steelyard.server.rooms.accounts.commands import create_login_token, create_owner
from steelyard.server.rooms.accounts.names import name_like
from steelyard.server.rooms.accounts.queries import get_first_admin, is_password_set
from steelyard.server.settings import ServerSettings

log = logging.getLogger("steelyard.server")

LISTEN_BACKLOG = 2048
STOP_TIMEOUT_S = 10
SAME_SIGNAL_S = 1.0  # `timeout` and shells signal the process and then its group


class Started(msgspec.Struct, frozen=True):
    """What to tell whoever started the server."""

    settings: ServerSettings
    owner: str
    owner_key_path: Path | None
    """None: the key file is gone (or was never made, for a database that had users)."""
    login_url: str | None
    """Signs the owner in once; only where nobody but this machine can connect."""


def serve(settings: ServerSettings, *, announce: Callable[[Started], None]) -> None:
    """Start, say so, and answer requests until SIGTERM or SIGINT; a second one ends at once.

    Raises CannotStart with what to do about it.
    """
    configure_logs(settings.log_format)
    make_data_dir(settings.data_dir)
    remove_interrupted_restores(settings.data_dir)
    lock = DataDirLock(settings.data_dir)
    lock.acquire()
    try:
        listener = listen(settings)
        settings = msgspec.structs.replace(settings, port=listener.getsockname()[1])
        lock.describe(settings.public_url)
        services = open_services(settings)
        try:
            started = prepare_owner(services)
        except BaseException:
            services.close()
            raise
        _run(services, listener, lambda: announce(started))
    finally:
        lock.release()


def listen(settings: ServerSettings) -> socket.socket:
    """A listening socket; CannotStart says why there is none."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(LISTEN_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            what = f"port {settings.port} is in use; choose another --port, or 0 for a free one"
        elif error.errno == errno.EACCES:
            what = f"port {settings.port} needs more rights; choose one above 1023"
        else:
            what = f"cannot listen on {settings.host}: {error.strerror or error}; check --host"
        raise CannotStart(what) from error
    return listener


def prepare_owner(services: Services) -> Started:
    """On the first start, the owner with a key; always, what there is to announce.

    Raises CannotStart where the network could connect and nobody has a password.
    """
    settings, db = services.settings, services.db
    key_path = settings.data_dir / OWNER_KEY_FILE
    key = db.write_now(
        create_owner, username=name_like(_os_user(), otherwise="owner"), now_us=services.now_us()
    )
    if key is not None:
        write_owner_key(key_path, key.key)
        log.info("first start: owner made", extra={"key_file": str(key_path)})
    owner = db.read_now(get_first_admin)
    login_url = None
    if settings.is_loopback:
        token = db.write_now(create_login_token, username=owner.username, now_us=services.now_us())
        login_url = f"{settings.public_url}/login/once?token={token}"
    elif not db.read_now(is_password_set):
        raise CannotStart(
            f"listening on {settings.host} lets the network in, and nobody has a password yet; set "
            f"one first: steelyard user password {owner.username} --data-dir {settings.data_dir}"
        )
    return Started(
        settings=settings,
        owner=owner.username,
        owner_key_path=key_path.absolute() if key_path.exists() else None,
        login_url=login_url,
    )


def _run(services: Services, listener: socket.socket, announce: Callable[[], None]) -> None:
    settings = services.settings
    config = uvicorn.Config(
        observe_requests(create_app(services), services),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
    )
    log.info(
        "starting",
        extra={
            "version": __version__,
            "url": settings.public_url,
            "data_dir": str(settings.data_dir.absolute()),
            "database": services.db.kind,
        },
    )
    StoppableServer(config, services.stopping, announce).run(sockets=[listener])
    log.info("stopped")


class StoppableServer(uvicorn.Server):
    """uvicorn, except that streams end when a stop begins and that a stop is exit status 0."""

    def __init__(
        self, config: uvicorn.Config, stopping: asyncio.Event, announce: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._announce = announce
        self._asked_at = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets=sockets)
        if not self.should_exit:
            self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            if time.monotonic() < self._asked_at + SAME_SIGNAL_S:
                return
            log.warning("stopped at once", extra={"signal": signal.Signals(sig).name})
            os._exit(128 + sig)
        log.info("stopping", extra={"signal": signal.Signals(sig).name})
        self.should_exit = True
        self._asked_at = time.monotonic()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user id has no name
        return ""
