"""Looks at the machine and the data of a server, from outside, and says what to do."""

from __future__ import annotations

import datetime
import email.utils
import os
import shutil
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
import urllib3

from steelyard import __version__
from steelyard.errors import SteelyardError
from steelyard.server.blobs.open import check_s3
from steelyard.server.blobs.place import find_s3_place
from steelyard.server.data_dir import OWNER_KEY_FILE
from steelyard.server.db.open import open_database
from steelyard.server.http.static import page_html
from steelyard.server.lock import LockHolder, find_running_server
from steelyard.server.migrations import current_revision, head_revision
from steelyard.server.settings import ServerSettings

FREE_BYTES_WARN = 5 * 1024**3
FREE_BYTES_FAIL = 200 * 1024**2
YEAR_MIN = 2026  # of this version: a clock before it is wrong
CLOCK_SKEW_WARN_S = 5
TIMEOUT_S = 5


class Finding(msgspec.Struct, frozen=True):
    """One line of the diagnosis."""

    verdict: Literal["ok", "warn", "fail"]
    subject: str
    text: str
    advice: str = ""


def diagnose(settings: ServerSettings) -> list[Finding]:
    """Every check, in the order in which a fault would hurt. Changes nothing."""
    running = find_running_server(settings.data_dir) if settings.data_dir.exists() else None
    return [
        Finding("ok", "steelyard", f"{__version__} on Python {sys.version.split()[0]}"),
        *_check_clock(),
        *_check_data_dir(settings),
        *_check_owner_key(settings),
        *_check_database(settings),
        *_check_blobs(settings),
        *_check_pages(),
        *(_check_server(settings, running) if running else _check_port(settings)),
    ]


def _check_clock() -> Iterator[Finding]:
    today = datetime.datetime.now(datetime.UTC)
    if today.year < YEAR_MIN:
        yield Finding(
            "fail", "clock", f"it says {today:%Y-%m-%d}", "set the clock; runs are dated by it"
        )
    else:
        yield Finding("ok", "clock", f"{today:%Y-%m-%d %H:%M:%S} UTC")


def _check_data_dir(settings: ServerSettings) -> Iterator[Finding]:
    directory = settings.data_dir.absolute()
    if not directory.is_dir():
        yield Finding("ok", "data", f"{directory} is made by the first start")
        return
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(
            "fail", "data", f"{directory} is not writable", "run as its owner, or change its owner"
        )
        return
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & 0o077:
        yield Finding(
            "warn",
            "data",
            f"others on this machine can look into {directory} (mode {mode:o})",
            f"chmod 700 {directory}",
        )
    else:
        yield Finding("ok", "data", str(directory))
    free = shutil.disk_usage(directory).free
    text = f"{free / 1e9:,.1f} GB free"
    advice = "make room; nothing is lost when it is full, but nothing is taken either"
    if free < FREE_BYTES_FAIL:
        yield Finding("fail", "disk", text, advice)
    elif free < FREE_BYTES_WARN:
        yield Finding("warn", "disk", text, advice)
    else:
        yield Finding("ok", "disk", text)


def _check_owner_key(settings: ServerSettings) -> Iterator[Finding]:
    path = settings.data_dir / OWNER_KEY_FILE
    if not settings.data_dir.exists():
        return
    if not path.exists():
        yield Finding(
            "warn", "owner.key", "there is none", "make one: steelyard key create --owner-file"
        )
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Finding(
            "fail", "owner.key", f"others can read it (mode {mode:o})", f"chmod 600 {path}"
        )
    else:
        yield Finding("ok", "owner.key", str(path.absolute()))


def _check_database(settings: ServerSettings) -> Iterator[Finding]:
    if not settings.database_url and not (settings.data_dir / "steelyard.db").exists():
        yield Finding("ok", "database", "SQLite, made by the first start")
        return
    try:
        db = open_database(settings.effective_database_url, reader_count=1)
        try:
            revision = db.read_now(current_revision)
        finally:
            db.close()
    except (SteelyardError, OSError) as error:
        yield Finding(
            "fail", "database", str(error), "start the database, or check --database and its rights"
        )
        return
    kind = "PostgreSQL" if db.kind == "postgresql" else "SQLite"
    if revision == head_revision():
        yield Finding("ok", "database", f"{kind}, schema {revision}")
    elif revision is None:
        yield Finding("ok", "database", f"{kind}, empty; the first start makes the schema")
    else:
        yield Finding(
            "warn",
            "database",
            f"{kind}, schema {revision}; this version works with {head_revision()}",
            "make a backup with the old version, then start this one; a newer schema needs the "
            "newer version",
        )


def _check_blobs(settings: ServerSettings) -> Iterator[Finding]:
    place = find_s3_place(settings)
    if place is None:
        return  # in the data directory, which is checked
    advice = "check blobs_url, s3_endpoint and the access key: steelyard settings --why"
    try:
        with tempfile.TemporaryDirectory() as spool:
            check_s3(place, Path(spool))
    except SteelyardError as error:
        yield Finding("fail", "files", str(error), advice)
    else:
        yield Finding("ok", "files", f"{place.url} answers")


def _check_pages() -> Iterator[Finding]:
    if page_html("/") is None:
        yield Finding("warn", "web pages", "not built", "make web (a wheel has them built)")
    else:
        yield Finding("ok", "web pages", "built")


def _check_port(settings: ServerSettings) -> Iterator[Finding]:
    with socket.socket() as probe:
        probe.settimeout(TIMEOUT_S)
        host = settings.host if settings.is_loopback else "127.0.0.1"
        taken = settings.port != 0 and probe.connect_ex((host, settings.port)) == 0
    if taken:
        yield Finding(
            "warn",
            "port",
            f"another program answers on {settings.port}",
            "stop it, or start with another --port",
        )
    else:
        yield Finding("ok", "port", f"{settings.port} is free")
    yield Finding("ok", "server", "not running; start it: steelyard up")


def _check_server(settings: ServerSettings, running: LockHolder) -> Iterator[Finding]:
    url = running.url or settings.public_url
    sent_at = time.time()
    try:
        answer = urllib3.request("GET", f"{url}/ready", timeout=TIMEOUT_S, retries=False)
    except urllib3.exceptions.HTTPError:
        yield Finding(
            "fail",
            "server",
            f"pid {running.pid} runs, but {url} does not answer",
            "look at its log; if it hangs, stop it and start it again",
        )
        return
    if answer.status != 200:
        yield Finding(
            "fail",
            "server",
            f"{url}/ready answers {answer.status}: {answer.data.decode(errors='replace')[:200]}",
            "look at its log",
        )
        return
    yield Finding("ok", "server", f"pid {running.pid} answers at {url}")
    date = email.utils.parsedate_to_datetime(answer.headers["date"]).timestamp()
    if abs(date - sent_at) > CLOCK_SKEW_WARN_S:
        yield Finding("warn", "server clock", f"differs by {date - sent_at:.0f} s", "set both")
