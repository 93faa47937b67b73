"""`steelyard artifact …`: put files on the server as versions; get, list, compare, check them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from steelyard.cli.artifact_cache import cache, wandb_cache
from steelyard.cli.tables import describe_age, is_for_people, print_table
from steelyard.limits import LINEAGE_DEPTH_MAX

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.artifacts.names import ArtifactPath
    from steelyard.sdk.artifacts.remote import Remote

ARTIFACT = "[[ENTITY/]PROJECT/]NAME[:VERSION]"


@click.group()
def artifact() -> None:
    """Versions of datasets, models and other files."""


@artifact.command()
@click.argument("path")
@click.option(
    "-n", "--name", metavar="[[ENTITY/]PROJECT/]NAME", help="The name of PATH without it."
)
@click.option("-d", "--description", help="What it is.")
@click.option("-t", "--type", "kind", default="dataset", show_default=True)
@click.option(
    "-a", "--alias", "aliases", multiple=True, default=["latest"], help="May be given repeatedly."
)
@click.option("--tag", "tags", multiple=True, help="May be given repeatedly.")
@click.option("--id", "run_id", help="Log it with this run.")
@click.option("--resume", is_flag=True, help="Log it with the last run from this directory.")
@click.option("--skip_cache", "--skip-cache", is_flag=True, help="Keep no copy in the cache.")
@click.option(
    "--policy",
    type=click.Choice(["mutable", "immutable"]),
    default="mutable",
    show_default=True,
    help="immutable: nobody changes the files meanwhile, so they are not copied.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def put(
    path: str,
    name: str | None,
    description: str | None,
    kind: str,
    aliases: tuple[str, ...],
    tags: tuple[str, ...],
    run_id: str | None,
    resume: bool,
    skip_cache: bool,
    policy: str,
    as_json: bool,
) -> None:
    """Upload a file or directory as a new version, or note an address such as s3://bucket/key.

    What the server has already is not sent again, and the same contents make no new version.
    """
    from pathlib import Path

    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.artifacts.names import parse_path
    from steelyard.sdk.artifacts.remote import open_remote

    remote = open_remote()
    target = _complete(remote, parse_path(name or Path(path.rstrip("/")).name))
    made = Artifact(target.name, kind, description)
    _add(made, path, policy=policy, skip_cache=skip_cache)
    if run_id is not None or resume:
        _log_with_run(made, target, run_id, aliases=aliases, tags=tags)
        version = made._path()
        found = remote.find(version)
    else:
        from steelyard.sdk.artifacts.upload import upload

        assert target.entity is not None
        assert target.project is not None
        found = upload(
            made,
            remote,
            entity=target.entity,
            project=target.project,
            aliases=aliases,
            tags=tags,
        )
    if as_json:
        _print_json(found)
        return
    from steelyard.sdk.artifacts.progress import describe_bytes

    full = f"{found['entity']}/{found['project']}/{found['name']}:{found['version']}"
    click.echo(f"{full} ({found['file_count']:,} files, {describe_bytes(found['size_bytes'])})")
    if is_for_people():
        click.secho(f'in a run: artifact = run.use_artifact("{full}")', dim=True)


@artifact.command()
@click.argument("path", metavar=ARTIFACT)
@click.option("--root", metavar="DIRECTORY", help="./artifacts/NAME:VERSION without it.")
@click.option("--type", "kind", help="Fail for an artifact of another type.")
@click.option("--prefix", help="Only files whose path begins so.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def get(path: str, root: str | None, kind: str | None, prefix: str | None, as_json: bool) -> None:
    """Download a version. What broke off goes on; what is there already is left alone."""
    found = _find(path, kind)
    directory = found.download(root=root, path_prefix=prefix)
    if as_json:
        _print_json({"artifact": found.qualified_name, "directory": directory})
        return
    click.echo(directory)


@artifact.command()
@click.argument("path", metavar="[ENTITY/]PROJECT | ENTITY/PROJECT/NAME[:VERSION]")
@click.option("-t", "--type", "kind", help="Only artifacts of this type.")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ls(path: str, kind: str | None, limit: int, as_json: bool) -> None:
    """List the artifacts of a project, the versions of one of them, or the files of a version."""
    from itertools import islice

    from steelyard.sdk.artifacts.names import ArtifactPath, parse_path
    from steelyard.sdk.artifacts.remote import open_remote

    remote = open_remote()
    place = parse_path(path.removesuffix("/"))
    if place.ref is not None:
        full = _complete(remote, place)
        pages = remote.list_files(full)
        files = list(islice((item for page in pages for item in page), limit))
        _print_files(files, as_json=as_json)
    elif place.entity is None:  # PROJECT, or ENTITY/PROJECT
        project = ArtifactPath(None, place.project or remote.default_entity, place.name, None)
        assert project.project is not None
        found = remote.list_collections(project.project, project.name, type=kind)
        _print_collections(list(islice(found, limit)), as_json=as_json)
    else:
        assert place.project is not None
        versions = remote.list_versions(place.entity, place.project, place.name)
        _print_versions(list(islice(versions, limit)), place.name, as_json=as_json)


@artifact.command()
@click.argument("before", metavar=ARTIFACT)
@click.argument("after", metavar="VERSION")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(before: str, after: str, as_json: bool) -> None:
    """What changed between two versions, and what in the runs behind them: data, config, code,
    environment and metrics.

    AFTER may be given with its name, which has to be the same, or as v7 or an alias alone.
    """
    from steelyard.cli.artifact_diff import print_diff
    from steelyard.errors import UsageError
    from steelyard.sdk.artifacts.names import parse_path
    from steelyard.sdk.artifacts.remote import open_remote

    remote = open_remote()
    first = _complete(remote, parse_path(before))
    ref = after
    if ":" in after or "/" in after:
        second = _complete(remote, parse_path(after))
        ref = second.ref or "latest"
        if (first.entity, first.project, first.name) != (
            second.entity,
            second.project,
            second.name,
        ):
            raise UsageError(f"{first} and {second} are versions of different artifacts")
    found = remote.diff(first, ref)
    if as_json:
        _print_json(found)
        return
    print_diff(str(first), found)


@artifact.command()
@click.argument("path", metavar="[[ENTITY/]PROJECT/]NAME")
@click.option("--metric", metavar="KEY", help="Of the runs that logged the versions.")
@click.option(
    "--goal",
    type=click.Choice(["max", "min"]),
    help="Whether more or less of it is better; tells where it got worse.",
)
@click.option("--limit", type=click.IntRange(2), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bisect(path: str, metric: str | None, goal: str | None, limit: int, as_json: bool) -> None:
    """Versions in a row, newest first: a metric of the run behind each, and how much changed since
    the version before in data, config, code and environment.
    """
    from itertools import islice

    from steelyard.cli.artifact_bisect import check_metric, print_steps
    from steelyard.sdk.artifacts.names import parse_path
    from steelyard.sdk.artifacts.remote import open_remote

    remote = open_remote()
    place = _complete(remote, parse_path(path))
    if metric is None:
        check_metric(None, remote.list_metrics(place), place.name)
    steps = list(islice(remote.bisect(place, metric or ""), limit))
    if all(step["value"] is None for step in steps):
        check_metric(metric, remote.list_metrics(place), place.name)
    if as_json:
        _print_json(steps)
        return
    print_steps(place.name, str(metric), steps, goal)


@artifact.command()
@click.argument("path", metavar=ARTIFACT)
@click.option(
    "--direction",
    type=click.Choice(["up", "down", "both"]),
    default="both",
    show_default=True,
    help="up: what it was made from; down: what was made of it.",
)
@click.option("--depth", type=click.IntRange(1, LINEAGE_DEPTH_MAX), default=6, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def lineage(path: str, direction: str, depth: int, as_json: bool) -> None:
    """From which data and runs a version comes, and where it went."""
    from urllib.parse import quote, urlencode

    from steelyard.cli.artifact_lineage import print_lineage
    from steelyard.sdk.artifacts.names import parse_path
    from steelyard.sdk.artifacts.remote import open_remote

    remote = open_remote()
    place = _complete(remote, parse_path(path))
    version = remote.find(place)
    parts = (version["entity"], version["project"], version["name"], version["version"])
    entity, project, name, ref = (quote(part, safe="") for part in parts)
    query = urlencode({"direction": direction, "depth": depth})
    found = remote.read(
        f"/api/v1/{entity}/{project}/artifacts/{name}/versions/{ref}/lineage?{query}"
    )
    if as_json:
        _print_json(found)
        return
    print_lineage(found, direction)


@artifact.command()
@click.argument("path", metavar=ARTIFACT)
@click.argument("root", metavar="[DIRECTORY]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(path: str, root: str | None, as_json: bool) -> None:
    """Compare a directory with a version, file by file: ./artifacts/NAME:VERSION without one.

    Exit status 1 and the first file that differs, when it does.
    """
    from steelyard.errors import Invalid

    found = _find(path, None)
    directory = root or found._default_root()
    try:
        found.verify(directory)
    except Invalid as error:
        if as_json:
            _print_json({"artifact": found.qualified_name, "is_equal": False, "why": str(error)})
            raise click.exceptions.Exit(1) from error
        raise
    if as_json:
        _print_json({"artifact": found.qualified_name, "is_equal": True, "why": None})
        return
    click.echo(f"{directory} has what {found.qualified_name} has: {found.file_count:,} files")


artifact.add_command(cache)


@click.group("artifact")
def wandb_artifact() -> None:
    """Versions of datasets, models and other files."""


for command in (put, get, ls):
    wandb_artifact.add_command(command)
wandb_artifact.add_command(wandb_cache)


# ---- what they share


def _find(path: str, kind: str | None) -> Artifact:
    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.artifacts.names import parse_path
    from steelyard.sdk.artifacts.remote import open_remote

    remote = open_remote()
    place = _complete(remote, parse_path(path))
    return Artifact._from_version(remote.find(place, type=kind), remote)


def _complete(remote: Remote, path: ArtifactPath) -> ArtifactPath:
    """The path with entity and project. Raises UsageError where nobody says which project."""
    from steelyard.errors import UsageError

    if path.project is None and remote.settings.project is None:
        raise UsageError(f"which project? write PROJECT/{path}, or set WANDB_PROJECT")
    return remote.complete(path)


def _add(made: Artifact, path: str, *, policy: Any, skip_cache: bool) -> None:
    from pathlib import Path

    from steelyard.errors import UsageError

    if Path(path).is_dir():
        made.add_dir(path, policy=policy, skip_cache=skip_cache)
    elif Path(path).is_file():
        made.add_file(path, policy=policy, skip_cache=skip_cache)
    elif "://" in path:
        made.add_reference(path)
    else:
        raise UsageError(f"{path!r} is no file, no directory and no address such as s3://bucket")


def _log_with_run(
    made: Artifact,
    target: ArtifactPath,
    run_id: str | None,
    *,
    aliases: tuple[str, ...],
    tags: tuple[str, ...],
) -> None:
    from steelyard.sdk.init import init

    with init(
        entity=target.entity,
        project=target.project,
        job_type="cli_put",
        id=run_id,
        resume="allow" if run_id else "auto",
    ) as run:
        run.log_artifact(made, aliases=list(aliases), tags=list(tags))
        made.wait()


def _print_collections(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        _print_json(rows)
        return
    if not rows and is_for_people():
        click.echo("no artifacts yet; the first: steelyard artifact put PATH")
        return
    print_table(
        ["TYPE", "NAME", "LATEST", "VERSIONS", "SIZE", "UPDATED"],
        [
            (
                row["type"],
                row["name"],
                row["latest"]["version"] if row["latest"] else "",
                str(row["version_count"]),
                _size(row["size_bytes"]),
                _when(row["updated_at_us"]),
            )
            for row in rows
        ],
    )


def _print_versions(rows: list[dict[str, Any]], name: str, *, as_json: bool) -> None:
    if as_json:
        _print_json(rows)
        return
    print_table(
        ["VERSION", "ALIASES", "FILES", "SIZE", "CREATED", "RUN"],
        [
            (
                f"{name}:{row['version']}",
                ", ".join(row["aliases"]),
                str(row["file_count"]),
                _size(row["size_bytes"]),
                _when(row["created_at_us"]),
                row["created_by_run"]["name"] if row["created_by_run"] else "",
            )
            for row in rows
        ],
    )


def _print_files(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        _print_json(rows)
        return
    print_table(
        ["PATH", "SIZE", "DIGEST", "REFERENCE"],
        [(row["path"], _size(row["size_bytes"]), row["digest"], row["ref"] or "") for row in rows],
    )


def _size(size_bytes: int) -> str:
    from steelyard.sdk.artifacts.progress import describe_bytes

    return describe_bytes(size_bytes) if is_for_people() else str(size_bytes)


def _when(at_us: int) -> str:
    from steelyard.sdk.artifacts.version_facts import describe_moment

    return describe_age(time.time() - at_us / 1e6) if is_for_people() else describe_moment(at_us)


def _print_json(value: Any) -> None:
    import json

    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
