"""Builds the server, once, from its settings: stores, dependencies, routes, tasks."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from steelyard import __version__
from steelyard.limits import JSON_BODY_BYTES_MAX
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.blobs.open import open_blobs
from steelyard.server.db.interface import Database
from steelyard.server.db.open import open_database
from steelyard.server.http.auth import Authenticator
from steelyard.server.http.metrics import Metrics
from steelyard.server.http.observer import RequestObserver
from steelyard.server.http.problems import exception_handlers
from steelyard.server.http.signing import Signer
from steelyard.server.http.throttle import LoginThrottle
from steelyard.server.migrations import create_schema
from steelyard.server.rooms.accounts.commands import get_or_create_secret
from steelyard.server.settings import ServerSettings
from steelyard.server.tasks.crashed_runs import crashed_runs_task
from steelyard.server.tasks.expired_secrets import expired_secrets_task
from steelyard.server.tasks.runner import Task, TaskRunner
from steelyard.server.tasks.unused_blobs import unused_blobs_task

EDGES = (
    "gateway.graphql",
    "gateway.file_stream",
    "gateway.files",
    "api.health",
    "api.accounts",
    "api.admin",
    "api.home",
    "api.runs",
    "api.series",
    "api.logs",
    "api.files",
    "api.live",
    "api.keys",
    "http.static",
)


def clock_us() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000


class Services(msgspec.Struct):
    """What lives as long as the server. Made by `open_services`, ended by `close`."""

    settings: ServerSettings
    db: Database
    signer: Signer
    authenticator: Authenticator
    now_us: Callable[[], int]
    stopping: asyncio.Event
    """Set when the server begins to stop: streams to browsers end on it."""
    blobs: BlobStore
    metrics: Metrics
    sealer: Any = None

    def close(self) -> None:
        """Finish what was accepted, then let go of every file and connection."""
        if self.sealer is not None:
            self.sealer.stop()
        self.db.close()


def open_services(settings: ServerSettings, *, now_us: Callable[[], int] = clock_us) -> Services:
    """Open the stores and bring the schema up to date.

    Raises CannotStart for a database of a newer version, DatabaseUnavailable when it is gone.
    """
    db = open_database(settings.effective_database_url)
    try:
        create_schema(db)
        services = Services(
            settings=settings,
            db=db,
            signer=Signer(db.write_now(get_or_create_secret, "signing")),
            authenticator=Authenticator(db, settings, now_us),
            now_us=now_us,
            stopping=asyncio.Event(),
            metrics=Metrics(),
            blobs=open_blobs(settings.data_dir / "blobs"),
        )
        if importlib.util.find_spec("steelyard.server.columns.sealer"):
            module = importlib.import_module("steelyard.server.columns.sealer")
            services.sealer = module.Sealer(db.url, db)
            services.sealer.start()
    except BaseException:
        db.close()
        raise
    return services


def create_app(services: Services) -> Litestar:
    """The ASGI application over open services; closes them when it shuts down."""
    given = {
        "db": services.db,
        "settings": services.settings,
        "now_us": services.now_us,
        "signer": services.signer,
        "blobs": services.blobs,
        "sealer": services.sealer,
        "authenticator": services.authenticator,
        "metrics": services.metrics,
        "throttle": LoginThrottle(),
        "stopping": services.stopping,
    }
    dependencies: dict[str, Provide | Callable[..., Any]] = {
        name: _provide(value) for name, value in given.items()
    }
    dependencies["caller"] = Provide(services.authenticator.provide_caller)

    tasks = TaskRunner(_tasks(services))

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        tasks.start()
        yield
        services.stopping.set()
        await tasks.stop()
        await asyncio.to_thread(services.close)

    config = AppConfig(
        route_handlers=_handlers(),
        dependencies=dependencies,
        exception_handlers=exception_handlers,
        lifespan=[lifespan],
        logging_config=None,
        # Edges that take more say so in their handlers.
        request_max_body_size=JSON_BODY_BYTES_MAX,
        openapi_config=OpenAPIConfig(title="Steelyard", version=__version__, path="/api/v1/schema"),
        # Given by us, not by the client: nothing to validate on every request.
        signature_namespace={
            name: Any for name in ("Database", "BlobStore", "Sealer", "Signer", "Authenticator")
        },
    )
    app = Litestar.from_config(config)
    app.state.update(given)
    return app


def observe_requests(app: Litestar, services: Services) -> RequestObserver:
    """The application with request ids, measurements and a log of slow requests around it."""
    return RequestObserver(app, services.metrics, slow_ms=services.settings.slow_request_ms)


def _tasks(services: Services) -> list[Task]:
    return [
        crashed_runs_task(services.db, services.now_us),
        expired_secrets_task(services.db, services.now_us),
        unused_blobs_task(services.db, services.blobs, services.now_us),
    ]


def _provide(value: Any) -> Provide:
    async def provider() -> Any:
        return value

    return Provide(provider)


def _handlers() -> list[Any]:
    handlers: list[Any] = []
    for name in EDGES:
        full_name = f"steelyard.server.{name}"
        if importlib.util.find_spec(full_name):
            try:
                handlers += importlib.import_module(full_name).handlers
            except ImportError as error:
                logging.getLogger("steelyard").warning("edge %s left out: %s", name, error)
    return handlers
