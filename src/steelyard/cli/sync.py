"""`steelyard sync` and `steelyard status`: runs that lie on this machine."""

from __future__ import annotations

import datetime
import re
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from steelyard.sdk.sync import Outcome, Syncer

DEFAULT_DIRS = ("steelyard", "wandb")
UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("-p", "--project", help="Send to this project.")
@click.option("-e", "--entity", help="Send to this user or team.")
@click.option("--id", "run_id", help="Send as the run of this id; for one run.")
@click.option("--watch", is_flag=True, help="Go on: follow runs that are written, and new ones.")
@click.option("--parallel", type=click.IntRange(1, 64), default=8, show_default=True)
@click.option(
    "--include-online/--no-include-online",
    default=True,
    help="Online runs as well, if their own sender is gone.",
)
@click.option("--from-start", is_flag=True, help="Send all again, as for a run that was deleted.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent.")
@click.option("--clean", is_flag=True, help="Instead of sending, remove runs that are sent.")
@click.option(
    "--older-than",
    metavar="AGE",
    help="With --clean: only runs begun before, such as 7d or 12h.",
)
@click.option("-y", "--yes", is_flag=True, help="With --clean: do not ask.")
@click.option("--while-stdin", is_flag=True, hidden=True, help="Watch until stdin is closed.")
# Accepted because scripts written for `wandb sync` say so; it is what happens anyway.
@click.option("--sync-all", "--include-offline", is_flag=True, hidden=True)
def sync(paths: tuple[Path, ...], **options: Any) -> None:
    """Send runs that lie on this machine to the server: offline runs, crashed ones, all of them.

    PATHS are run folders, or directories that hold them; without, ./steelyard and ./wandb. What
    the server has is not sent again, so a sync may be cut off and repeated.
    """
    if options["older_than"] and not options["clean"]:
        raise click.UsageError("--older-than goes with --clean")
    if options["clean"]:
        _clean(paths, options)
        return
    from steelyard.cli.sweep_directory import find_directory_sweeps

    if options["watch"]:
        sys.exit(_watch(paths, options))
    named = paths or tuple(_default_dirs())
    sweeps = find_directory_sweeps(named)
    found = _find_runs(named, sweeps)
    if options["run_id"] and len(found) != 1:
        raise click.UsageError(f"--id is for one run; here are {len(found)}")
    if options["dry_run"]:
        for sweep in sweeps:
            click.echo(f"would send the sweep in {sweep}")
        for path in found:
            click.echo(_describe_folder(path))
        click.echo(_count(len(found), "run"))
        return
    syncer = _make_syncer(options)
    # Sweeps first, so that their runs find them.
    are_sent = [_send_sweep(sweep, syncer, options) for sweep in sweeps]
    outcomes = syncer.sync(found, _print_outcome, named=_are_named(paths, found))
    _print_summary(outcomes)
    is_left = any(outcome.kind in ("left", "running") for outcome in outcomes)
    sys.exit(int(is_left or not all(are_sent)))


def _find_runs(paths: tuple[Path, ...], sweeps: list[Path]) -> list[Path]:
    """The runs at and below these paths; a sweep may have none yet."""
    from steelyard.errors import NotFound
    from steelyard.sdk.sync import find_runs

    found: dict[Path, None] = {}
    # The runs of a sweep may be of both clients.
    logs = [path / "wandb" for path in sweeps]
    for path in [*paths, *logs]:
        try:
            found |= dict.fromkeys(find_runs([path]))
        except NotFound:
            if path not in sweeps and path not in logs:
                raise
    return list(found)


def _send_sweep(
    directory: Path,
    syncer: Syncer,
    options: Mapping[str, Any],
    said: dict[Path, str] | None = None,
) -> bool:
    """Bring the sweep in a directory to the server, and say so; whether it is there now.

    `said`: what was said last of each, which is not said again.
    """
    from steelyard.errors import SteelyardError
    from steelyard.sdk.sweeps.directory.upload import send_directory_sweep

    try:
        sent = send_directory_sweep(
            directory,
            syncer.open_connection(),
            entity=options["entity"],
            project=options["project"],
        )
    except SteelyardError as error:
        line = f"left     sweep in {directory}: {error}"
        if said is None or said.get(directory) != line:
            click.echo(line)
        if said is not None:
            said[directory] = line
        return False
    verb = "sent     sweep" if sent.changed else "known    sweep"
    click.echo(f"{verb} {sent.path} ({_count(sent.trial_count, 'trial')})")
    return True


def _default_dirs() -> list[Path]:
    found = [path for name in DEFAULT_DIRS if (path := Path(name)).is_dir()]
    if not found:
        raise click.UsageError(
            "there is neither ./steelyard nor ./wandb here; name the directory of the runs"
        )
    return found


def _are_named(paths: tuple[Path, ...], found: list[Path]) -> bool:
    """The runs themselves were named, not a directory that holds them."""
    resolved = {path.resolve() for path in paths}
    return all({path.resolve(), path.parent.resolve()} & resolved for path in found) and all(
        (path / "run.json").exists() or path.suffix == ".wandb" for path in paths
    )


def _make_syncer(options: Mapping[str, Any]) -> Syncer:
    from steelyard.errors import UsageError
    from steelyard.sdk import login
    from steelyard.sdk.connection import connection_facts
    from steelyard.sdk.session import get_session
    from steelyard.sdk.sync import Syncer, SyncOptions

    loaded = get_session().load_settings({})
    settings = loaded.settings
    if settings.base_url is None:
        raise UsageError(
            "which server? set WANDB_BASE_URL, or run `steelyard login --host http://HOST:PORT`"
        )
    key = login.find_key(settings, loaded.environ, loaded.sources.get("api_key"))
    if key is None:
        raise login.no_key(settings.base_url)
    return Syncer(
        connection_facts(settings) | {"api_key": key.key},
        SyncOptions(
            entity=options["entity"],
            project=options["project"],
            run_id=options["run_id"],
            include_online=options["include_online"],
            from_start=options["from_start"],
        ),
        key_source=key.source,
        parallel=options["parallel"],
    )


def _watch(paths: tuple[Path, ...], options: Mapping[str, Any]) -> int:
    """Follow the directories until a signal; they need not be there yet."""
    from steelyard.cli.sweep_directory import WatchedSweeps
    from steelyard.errors import NotFound
    from steelyard.sdk.sync import find_runs

    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    if options["while_stdin"]:
        threading.Thread(target=_wait_for_end_of_stdin, args=(stopping,), daemon=True).start()
    watched = list(paths) or [Path(name) for name in DEFAULT_DIRS]
    syncer = _make_syncer(options)
    said: dict[Path, str] = {}
    sweeps = WatchedSweeps(lambda path: _send_sweep(path, syncer, options, said))

    def list_paths() -> list[Path]:
        found = []
        sweeps.look(watched)
        for path in watched:
            try:
                found += find_runs([path])
            except NotFound:
                continue  # nothing there yet
        return found

    syncer.watch(list_paths, _print_outcome, stopping.is_set)
    return 0


def _wait_for_end_of_stdin(stopping: threading.Event) -> None:
    """Whoever started us holds the other end: when it dies, however it dies, we end."""
    while sys.stdin.buffer.read(1):
        continue
    stopping.set()


def _print_outcome(outcome: Outcome) -> None:
    name = outcome.name or outcome.path.name
    size = _describe_size(outcome.sent_bytes)
    files = f", {_count(outcome.file_count, 'file')}" if outcome.file_count else ""
    if outcome.artifact_count:
        files += f", {_count(outcome.artifact_count, 'artifact')}"
    lines = {
        "sent": f"sent     {name} ({size}{files})",
        "running": f"running  {name} ({size}{files} so far)",
        "left": f"left     {outcome.path.name}: {outcome.reason}",
        "skipped": f"skipped  {outcome.path.name}: {outcome.reason}",
    }
    line = lines[outcome.kind]
    if outcome.kind == "sent" and not outcome.is_new:
        line = f"known    {name}"
    click.echo(line)
    for notice in outcome.notices:
        click.echo(f"         {notice}")


def _print_summary(outcomes: list[Outcome]) -> None:
    counts = {kind: sum(outcome.kind == kind for outcome in outcomes) for kind in _SUMMARY}
    parts = [_SUMMARY[kind].format(count) for kind, count in counts.items() if count]
    click.echo(f"{_count(len(outcomes), 'run')}: {', '.join(parts)}")


_SUMMARY = {
    "sent": "{} on the server",
    "running": "{} still running",
    "left": "{} left",
    "skipped": "{} skipped",
}


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
def status(paths: tuple[Path, ...]) -> None:
    """List runs on this machine: whether they live, what is sent, what is left, disk use."""
    from steelyard.sdk.run_folders import describe_folder, list_folders

    folders = list_folders(paths or _default_dirs())
    rows = [
        ("RUN", "PROJECT", "PROCESS", "SENT", "LEFT", "FILES LEFT", "ARTIFACTS LEFT", "DISK", "")
    ]
    total = 0
    for folder in folders:
        found = describe_folder(folder)
        total += found.disk_bytes
        rows.append(
            (
                folder.path.name,
                found.project,
                found.process,
                _describe_size(found.sent_bytes),
                _describe_size(found.left_bytes),
                str(found.files_left),
                str(found.artifacts_left),
                _describe_size(found.disk_bytes),
                found.message or "",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
    click.echo(f"{_count(len(folders), 'run')}, {_describe_size(total)} on disk")


def _clean(paths: tuple[Path, ...], options: Mapping[str, Any]) -> None:
    """Remove run folders of which everything is acknowledged."""
    import time

    from steelyard.sdk.run_folders import describe_folder, list_folders, remove_folder

    age_s = _parse_age(options["older_than"]) if options["older_than"] else 0.0
    chosen = []
    for folder in list_folders(paths or _default_dirs()):
        found = describe_folder(folder)
        if found.is_sent and found.started_at_us / 1e6 < time.time() - age_s:
            chosen.append((folder, found.disk_bytes))
    size = _describe_size(sum(disk_bytes for _, disk_bytes in chosen))
    for folder, _ in chosen:
        click.echo(f"sent in full  {folder.path}")
    if not chosen or options["dry_run"]:
        click.echo(f"{_count(len(chosen), 'run')}, {size} to free")
        return
    if not options["yes"]:
        click.confirm(f"Remove {_count(len(chosen), 'run')} from this disk, {size}?", abort=True)
    count = sum(remove_folder(folder) for folder, _ in chosen)
    click.echo(f"removed {_count(count, 'run')}, {size}")


def _parse_age(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([dhms])", text.strip())
    if match is None:
        raise click.UsageError(f"--older-than {text}: say it as 7d, 12h, 30m or 90s")
    return float(match[1]) * UNITS[match[2]]


def _describe_folder(path: Path) -> str:
    if path.suffix == ".wandb":
        return f"would send {path}"
    from steelyard.sdk.journal.folder import RunFolder
    from steelyard.sdk.run_folders import describe_folder

    found = describe_folder(RunFolder(path))
    begun = datetime.datetime.fromtimestamp(found.started_at_us / 1e6, datetime.UTC)
    return (
        f"would send {path.name} to {found.project}: {_describe_size(found.left_bytes)} left, "
        f"{found.process}, begun {begun:%Y-%m-%d %H:%M} UTC"
    )


def _count(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'s' * (count != 1)}"


def _describe_size(size_bytes: int) -> str:
    from steelyard.sdk.finish import describe_size

    return describe_size(size_bytes)


def start_watching(
    directory: Path, *, base_url: str, key: str, environ: Mapping[str, str]
) -> Callable[[], None]:
    """Send the runs below `directory` to that server from a child process, until told to stop.

    Returns what stops it. The key travels in the environment: command lines can be read by all.
    """
    import subprocess

    command = [sys.executable, "-m", "steelyard", "sync", "--watch"]
    command += ["--while-stdin", str(directory)]
    child = subprocess.Popen(  # noqa: S603  # our own program
        command,
        env={
            **environ,
            **{"STEELYARD_BASE_URL": base_url, "STEELYARD_API_KEY": key},
            **{"NO_PROXY": "*", "no_proxy": "*"},
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def stop() -> None:
        assert child.stdin is not None
        child.stdin.close()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    return stop
