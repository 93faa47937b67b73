"""`steelyard up`: start the server."""

from __future__ import annotations

import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from steelyard.cli.options import with_listen_options, with_server_options

if TYPE_CHECKING:
    from steelyard.server.serve import Started
    from steelyard.server.settings import ServerSettings

LOOK_EVERY_S = 2.0  # for a directory of runs that is not there yet
CHILD_STOP_S = 15.0


@click.command()
@with_listen_options
@with_server_options
@click.option("--base-url", metavar="URL", help="URL under which clients reach the server.")
@click.option(
    "--allow-chosen-api-keys",
    is_flag=True,
    default=None,
    help="For tests: the admin API may set API keys.",
)
@click.option("--no-browser", is_flag=True, help="Do not open the browser.")
@click.option(
    "--journals",
    "journals_dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("steelyard"),
    help="Show the runs that lie in this directory, and follow them (./steelyard).",
)
@click.option("--no-journals", is_flag=True, help="Do not look for runs on this disk.")
def up(no_browser: bool, journals_dir: Path, no_journals: bool, **flags: Any) -> None:
    """Start the server. The first start makes the data directory, you as its owner, and a key.

    Runs that scripts left in ./steelyard, because they knew no server, are shown at once.
    """
    from steelyard.cli.settings import has_display, read_settings
    from steelyard.server.serve import serve

    follower = JournalFollower(journals_dir.absolute())

    def announce(started: Started) -> None:
        click.echo(describe(started))
        sys.stdout.flush()
        if not no_journals:
            follower.start(started)
        if started.login_url and not no_browser and has_display():
            webbrowser.open(started.login_url)

    try:
        serve(read_settings(flags), announce=announce)
    finally:
        follower.stop()


class JournalFollower:
    """Has `steelyard sync --watch` follow a directory for this server, once it is there."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, started: Started) -> None:
        """Only with the owner's key: without it, nobody is there to act for."""
        if started.owner_key_path is None:
            return
        key = started.owner_key_path.read_text().strip()
        self._thread = threading.Thread(
            target=self._follow, args=(_near_url(started.settings), key), daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(CHILD_STOP_S)

    def _follow(self, base_url: str, key: str) -> None:
        from steelyard.cli.sync import start_watching
        from steelyard.sdk.settings import read_environ

        while not self._directory.is_dir():
            if self._stopping.wait(LOOK_EVERY_S):
                return
        stop = start_watching(self._directory, base_url=base_url, key=key, environ=read_environ())
        self._stopping.wait()
        stop()


def _near_url(settings: ServerSettings) -> str:
    """The server as this machine reaches it, whatever is said to others."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{f'[{near}]' if ':' in near else near}:{settings.port}"


def describe(started: Started) -> str:
    """What a person needs after the start, in few lines."""
    from steelyard import __version__

    settings = started.settings
    lines = [f"Steelyard {__version__}", "", f"  Web page  {settings.public_url}"]
    if started.login_url:
        lines.append(f"  Sign in   {started.login_url}  (works once, for 30 minutes)")
    lines.append(f"  Data      {settings.data_dir.absolute()}")
    if settings.database_url:
        lines.append("  Database  PostgreSQL")
    if settings.blobs_url:
        lines.append(f"  Files     {settings.blobs_url}")
    lines += ["", "Point a script at it:", f"  export WANDB_BASE_URL={settings.public_url}"]
    if started.owner_key_path:
        lines.append(f"  export WANDB_API_KEY=$(cat {started.owner_key_path})")
    else:
        lines.append(
            "  export WANDB_API_KEY=…  (no owner.key here; make a key: steelyard key create)"
        )
    return "\n".join([*lines, "", "Ctrl-C stops it."])
