"""Builds the server, once, from its settings: stores, dependencies, routes, tasks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import msgspec
from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from steelyard import __version__
from steelyard.limits import BLOCKING_CALLS_MAX, JSON_BODY_BYTES_MAX
from steelyard.server.api import accounts as accounts_api
from steelyard.server.api import (
    admin,
    artifact_graphs,
    artifact_links,
    artifact_packs,
    artifact_uploads,
    artifact_versions,
    health,
    home,
    journals,
    keys,
    live,
    logs,
    prices,
    runs,
    series,
    table_diffs,
    table_downloads,
)
from steelyard.server.api import artifact_files as artifact_files_api
from steelyard.server.api import artifacts as artifacts_api
from steelyard.server.api import files as files_api
from steelyard.server.api import media as media_api
from steelyard.server.api import previews as previews_api
from steelyard.server.api import storage as storage_api
from steelyard.server.api import sweep_analysis as sweep_analysis_api
from steelyard.server.api import sweep_budget as sweep_budget_api
from steelyard.server.api import sweep_charts as sweep_charts_api
from steelyard.server.api import sweep_edits as sweep_edits_api
from steelyard.server.api import sweep_estimates as sweep_estimates_api
from steelyard.server.api import sweep_imports as sweep_imports_api
from steelyard.server.api import sweep_phases as sweep_phases_api
from steelyard.server.api import sweep_queue as sweep_queue_api
from steelyard.server.api import sweep_weightings as sweep_weightings_api
from steelyard.server.api import sweeps as sweeps_api
from steelyard.server.api import tables as tables_api
from steelyard.server.api.live import LiveHub
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.blobs.open import blobs_directory, open_blobs
from steelyard.server.blobs.place import find_s3_place
from steelyard.server.columns.sealer import Sealer
from steelyard.server.db.interface import Database
from steelyard.server.db.locks import ServerLocks, open_locks
from steelyard.server.db.open import open_database
from steelyard.server.gateway import artifact_files as gateway_artifact_files
from steelyard.server.gateway import file_stream, graphql
from steelyard.server.gateway import files as gateway_files
from steelyard.server.http import static
from steelyard.server.http.auth import Authenticator
from steelyard.server.http.ingest import Ingest
from steelyard.server.http.metrics import Metrics
from steelyard.server.http.observer import RequestObserver
from steelyard.server.http.problems import exception_handlers
from steelyard.server.http.signing import Signer
from steelyard.server.http.throttle import LoginThrottle
from steelyard.server.migrations import create_schema
from steelyard.server.rooms.accounts.commands import get_or_create_secret
from steelyard.server.rooms.artifacts.named import VersionDigests
from steelyard.server.rooms.media.thumbnails import Thumbnails
from steelyard.server.rooms.runs.index import RunIndex
from steelyard.server.rooms.sweeps.analysis import Analyses
from steelyard.server.rooms.sweeps.dispatch import Dispatcher
from steelyard.server.rooms.tables.table_engine import TableEngine
from steelyard.server.settings import ServerSettings
from steelyard.server.tasks.artifacts import artifacts_task
from steelyard.server.tasks.costs import costs_task
from steelyard.server.tasks.crashed_runs import crashed_runs_task
from steelyard.server.tasks.expired_secrets import expired_secrets_task
from steelyard.server.tasks.runner import Task, TaskRunner
from steelyard.server.tasks.sweeps import sweeps_task
from steelyard.server.tasks.unused_blobs import unused_blobs_task

#: Every module that answers requests; each has its `handlers`.
EDGES: tuple[ModuleType, ...] = (
    graphql,
    file_stream,
    gateway_files,
    gateway_artifact_files,
    journals,
    health,
    accounts_api,
    admin,
    home,
    runs,
    series,
    logs,
    files_api,
    artifacts_api,
    artifact_links,
    artifact_versions,
    artifact_files_api,
    artifact_uploads,
    artifact_packs,
    artifact_graphs,
    storage_api,
    sweeps_api,
    sweep_budget_api,
    sweep_queue_api,
    sweep_estimates_api,
    prices,
    sweep_charts_api,
    sweep_edits_api,
    sweep_imports_api,
    sweep_analysis_api,
    sweep_weightings_api,
    sweep_phases_api,
    tables_api,
    table_diffs,
    table_downloads,
    media_api,
    previews_api,
    live,
    keys,
    static,
)


class Services(msgspec.Struct, frozen=True):
    """What lives as long as the server. Made by `open_services`, ended by `close`."""

    settings: ServerSettings
    db: Database
    blobs: BlobStore
    locks: ServerLocks | None
    sealer: Sealer
    tables: TableEngine
    thumbnails: Thumbnails
    sweeps: Dispatcher
    signer: Signer
    authenticator: Authenticator
    metrics: Metrics
    now_us: Callable[[], int]
    stopping: asyncio.Event
    """Set when the server begins to stop: streams to browsers end on it."""

    def close(self) -> None:
        """Finish what was accepted, then let go of every file and connection."""
        self.tables.stop()
        self.thumbnails.stop()
        self.sealer.stop()
        if self.locks is not None:
            self.locks.close()
        self.db.close()


def clock_us() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def open_services(settings: ServerSettings, *, now_us: Callable[[], int] = clock_us) -> Services:
    """Open the stores and bring the schema up to date.

    Raises CannotStart for a database of a newer version, DatabaseUnavailable when it is gone,
    StorageUnavailable when the store of file contents is.
    """
    db = open_database(settings.effective_database_url)
    locks = open_locks(db)
    try:
        create_schema(db)
        signer = Signer(db.write_now(get_or_create_secret, "signing"))
        blobs = open_blobs(
            blobs_directory(settings),
            find_s3_place(settings),
            server_id=signer.server_id,
            server_locks=locks,
        )
        cache = settings.data_dir / "cache"  # may be deleted while no server runs
        services = Services(
            settings=settings,
            db=db,
            blobs=blobs,
            locks=locks,
            sealer=Sealer(db),
            tables=TableEngine(db, blobs, cache / "tables"),
            thumbnails=Thumbnails(blobs, cache / "thumbnails"),
            sweeps=Dispatcher(db),
            signer=signer,
            authenticator=Authenticator(db, settings, now_us),
            metrics=Metrics(),
            now_us=now_us,
            stopping=asyncio.Event(),
        )
        services.sealer.start()
    except BaseException:
        db.close()
        raise
    return services


def create_app(services: Services) -> Litestar:
    """The application over open services; it closes them when it shuts down."""
    given = {
        "settings": services.settings,
        "db": services.db,
        "blobs": services.blobs,
        "sealer": services.sealer,
        "tables": services.tables,
        "thumbnails": services.thumbnails,
        "signer": services.signer,
        "authenticator": services.authenticator,
        "metrics": services.metrics,
        "now_us": services.now_us,
        "ingest": Ingest(
            db=services.db,
            blobs=services.blobs,
            sealer=services.sealer,
            authenticator=services.authenticator,
            metrics=services.metrics,
            now_us=services.now_us,
            server_id=services.signer.server_id,
        ),
        "stopping": services.stopping,
        "throttle": LoginThrottle(),
        "run_index": RunIndex(),
        "version_digests": VersionDigests(),
        "live_hub": LiveHub(services.db),
        "sweeps": services.sweeps,
        "analyses": Analyses(services.db, services.sweeps.problems),
    }
    dependencies: dict[str, Provide | Callable[..., Any]] = {
        name: _provide(value) for name, value in given.items()
    }
    dependencies["caller"] = Provide(services.authenticator.provide_caller)
    tasks = TaskRunner(_tasks(services))

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        # The default has four more threads than the machine has cores, and a few downloads from an
        # S3 that hangs would keep everybody else waiting.
        asyncio.get_running_loop().set_default_executor(
            ThreadPoolExecutor(BLOCKING_CALLS_MAX, thread_name_prefix="blocking")
        )
        tasks.start()
        yield
        services.stopping.set()
        await tasks.stop()
        await asyncio.to_thread(services.close)

    config = AppConfig(
        route_handlers=[handler for edge in EDGES for handler in edge.handlers],
        dependencies=dependencies,
        exception_handlers=exception_handlers,
        lifespan=[lifespan],
        logging_config=None,
        # Edges that take more say so in their handlers.
        request_max_body_size=JSON_BODY_BYTES_MAX,
        openapi_config=OpenAPIConfig(
            title="Steelyard",
            version=__version__,
            description="Sign in with an API key: `Authorization: Bearer KEY`.",
            path="/api",
            # The document only: pages around it load scripts from other servers.
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
            use_handler_docstrings=True,
        ),
        # What we provide ourselves needs no validation on every request.
        signature_namespace={type(value).__name__: Any for value in given.values()}
        | {"Database": Any, "BlobStore": Any},
    )
    return Litestar.from_config(config)


def observe_requests(app: Litestar, services: Services) -> RequestObserver:
    """The application with request ids, measurements and a log of slow requests around it."""
    return RequestObserver(app, services.metrics, slow_ms=services.settings.slow_request_ms)


def _tasks(services: Services) -> list[Task]:
    return [
        crashed_runs_task(services.db, services.now_us),
        sweeps_task(services.db, services.sweeps, services.now_us),
        costs_task(services.db, services.now_us),
        expired_secrets_task(services.db, services.now_us),
        artifacts_task(services.db, services.now_us),
        unused_blobs_task(services.db, services.blobs, services.locks, services.now_us),
    ]


def _provide(value: Any) -> Provide:
    async def provider() -> Any:
        return value

    return Provide(provider)
