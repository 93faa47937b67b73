"""`steelyard disk`: what uses space on the server, and what deleting it would free."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from steelyard.cli.server_link import open_server, parse_project_path
from steelyard.cli.tables import describe_age, describe_size, is_for_people, print_table

if TYPE_CHECKING:
    from steelyard.cli.server_link import ServerLink

EXPLANATION = (
    "SIZE counts each content once; FREED is what deleting that alone gives back: contents that\n"
    "something else refers to stay. Files of deleted runs go within a day, deleted versions of\n"
    "artifacts after their days in the trash."
)


@click.command()
@click.argument("path", metavar="[ENTITY/][PROJECT]", required=False)
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def disk(path: str | None, limit: int, as_json: bool) -> None:
    """What uses space: by project, or of PROJECT by collection and run, the largest first.

    FREED is what deleting that alone would give back. Where the output is no terminal, columns are
    separated by tabs and sizes are in bytes.
    """
    from urllib.parse import quote

    server = open_server()
    entity, project = parse_project_path(path) if path else (None, None)
    if project is not None:
        place = "/".join(
            quote(part, safe="") for part in (entity or server.default_entity, project)
        )
        found = server.call("GET", f"/api/v1/{place}/storage?limit={limit}")
    else:
        asked = f"&entity={quote(entity, safe='')}" if entity else ""
        found = server.call("GET", f"/api/v1/storage?limit={limit}{asked}")
    if as_json:
        import json

        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    elif project is not None:
        _print_project(found)
    else:
        _print_overview(server, found)


def _print_overview(server: ServerLink, found: dict[str, Any]) -> None:
    projects = found["projects"]
    if not projects and is_for_people():
        click.echo("nothing is stored yet")
        return
    print_table(
        ["PROJECT", "SIZE", "FREED", "FILES", "ARTIFACTS", "HISTORY", "TRASH"],
        [
            [
                f"{row['entity']}/{row['project']}",
                *_sizes(row, "size", "freed", "file", "artifact", "history", "trash"),
            ]
            for row in projects
        ],
        right=range(1, 7),
    )
    if not is_for_people():
        return
    _print_rest(len(projects), found["project_count"], "projects")
    whose = "all of the server" if found["is_whole_server"] else "all of yours"
    click.echo(
        f"\n{whose}: {describe_size(found['size_bytes'])} "
        f"(contents {describe_size(found['content_bytes'])}, "
        f"history {describe_size(found['history_bytes'])})"
    )
    ends = [row["trash_ends_at_us"] for row in projects if row["trash_ends_at_us"] is not None]
    _print_trash(found["trash_bytes"], min(ends, default=None))
    if found["database_bytes"] is not None:
        click.echo(f"database: {describe_size(found['database_bytes'])} with its indexes")
    if found["blobs_url"]:
        click.echo(f"contents are in {found['blobs_url']}")
    if found["disk_free_bytes"] is not None:
        click.echo(f"free on the server's disk: {describe_size(found['disk_free_bytes'])}")
    first = f"{projects[0]['entity']}/{projects[0]['project']}"
    click.secho(f"\n{EXPLANATION}\nCollections and runs: steelyard disk {first}", dim=True)


def _print_project(found: dict[str, Any]) -> None:
    usage, collections, runs = found["usage"], found["collections"], found["runs"]
    if is_for_people():
        click.secho(f"{usage['entity']}/{usage['project']}", bold=True)
        click.echo(
            f"{describe_size(usage['size_bytes'])}; deleting the project frees "
            f"{describe_size(usage['freed_bytes'])}"
        )
        _print_trash(usage["trash_bytes"], usage["trash_ends_at_us"])
    if not collections and not runs and is_for_people():
        click.echo("nothing is stored in it")
        return
    if collections:
        _print_gap()
        print_table(
            ["COLLECTION", "TYPE", "VERSIONS", "SIZE", "FREED", "SHARED", "TRASH", "ENDS"],
            [
                [
                    row["name"],
                    row["type"],
                    "in trash" if row["is_in_trash"] else str(row["version_count"]),
                    *_sizes(row, "size", "freed", "shared", "trash"),
                    _ends(row["trash_ends_at_us"]),
                ]
                for row in collections
            ],
            right=range(2, 8),
        )
        _print_rest(len(collections), found["collection_count"], "collections")
    if runs:
        _print_gap()
        print_table(
            ["RUN", "ID", "STATE", "SIZE", "FREED", "SHARED", "FILES", "HISTORY", "LOGGED"],
            [
                [
                    row["display_name"],
                    row["name"],
                    row["state"],
                    *_sizes(row, "size", "freed", "shared", "file", "history", "logged"),
                ]
                for row in runs
            ],
            state_at=2,
            right=range(3, 9),
        )
        _print_rest(len(runs), found["run_count"], "runs")
    if is_for_people():
        click.secho(
            f"\n{EXPLANATION}\nLOGGED are artifacts of a run; they stay when it is deleted.",
            dim=True,
        )


def _print_trash(size_bytes: int, ends_at_us: int | None) -> None:
    if ends_at_us is not None:
        click.echo(
            f"in the trash: {describe_size(size_bytes)}; the first of it goes "
            f"{_describe_end(ends_at_us)}"
        )


def _print_rest(shown: int, count: int, what: str) -> None:
    if is_for_people() and count > shown:
        click.secho(f"{shown:,} of {count:,} {what}; more with --limit", dim=True)


def _print_gap() -> None:
    click.echo("")


def _sizes(row: dict[str, Any], *names: str) -> list[str]:
    sizes = [row[f"{name}_bytes"] for name in names]
    return [describe_size(size) if is_for_people() else str(size) for size in sizes]


def _ends(at_us: int | None) -> str:
    if at_us is None:
        return ""
    if is_for_people():
        return _describe_end(at_us)
    import datetime

    return datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC).isoformat()


def _describe_end(at_us: int) -> str:
    left_s = at_us / 1e6 - time.time()
    return f"in {describe_age(left_s)}" if left_s > 0 else "now"
