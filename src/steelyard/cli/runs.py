"""`steelyard runs` and `steelyard run …`: what is on the server, read from a terminal."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from steelyard.cli.server_link import open_server, parse_project_path, parse_run_path
from steelyard.cli.tables import (
    STATE_COLOURS,
    clean_line,
    describe_age,
    describe_duration,
    describe_value,
    is_for_people,
    print_table,
)

if TYPE_CHECKING:
    from steelyard.cli.server_link import ServerLink

PAGE_RUNS = 200
OPERATORS = {
    "=": "$eq",
    "!=": "$ne",
    ">": "$gt",
    ">=": "$gte",
    "<": "$lt",
    "<=": "$lte",
    "~": "$regex",
}
_CONDITION = re.compile(r"\s*(?P<field>[^=!<>~]+?)\s*(?P<sign>!=|>=|<=|=|>|<|~)\s*(?P<value>.*)")
#: Properties of a run, the last four only to filter and sort by.
FIELDS = frozenset(
    [
        *("name", "display_name", "state", "group", "job_type", "tags", "sweep", "username"),
        *("notes", "created_at", "updated_at", "heartbeat_at", "finished_at"),
    ]
)


@click.command()
@click.argument("path", metavar="[ENTITY/]PROJECT", required=False)
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="CONDITION",
    help="Such as state=running, config.lr>=0.1 or name~^base; several must all hold. Or a JSON "
    "filter as in wandb.Api().runs.",
)
@click.option("--sort", metavar="[-]FIELD", help="Such as -summary.acc; newest first without.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@click.option(
    "--columns", metavar="FIELD,…", help="More columns: config.lr, summary.loss, or loss."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def runs(
    path: str | None,
    filters: tuple[str, ...],
    sort: str | None,
    limit: int,
    columns: str | None,
    as_json: bool,
) -> None:
    """List the runs of a project, newest first; without PROJECT, list the projects.

    Where the output is no terminal, columns are separated by tabs and times are exact.
    """
    server = open_server()
    entity, project = parse_project_path(path) if path else (None, None)
    if project is None:
        _print_projects(server, entity, as_json=as_json)
        return
    entity = entity or server.default_entity
    shown = [_field(name.strip()) for name in (columns or "").split(",") if name.strip()]
    asked = [name for name in shown if name not in FIELDS]
    query: dict[str, Any] = {"columns": asked, "filter": _parse_filters(filters)}
    if sort:
        field, is_down = _field(sort.lstrip("+-")), sort.startswith("-")
        query["sort"] = [{"key": field, "dir": "desc" if is_down else "asc"}]
    rows, total = _query_runs(server, entity, project, query, limit)
    if as_json:
        _print_json(rows)
        return
    if not rows and is_for_people():
        matching = " that match" if filters else ""
        click.echo(f"no runs{matching} in {entity}/{project}")
        return
    heads = ["NAME", "ID", "STATE", *_time_heads(), *(_head(name) for name in shown)]
    print_table(heads, [_cells(row, shown) for row in rows], state_at=2)
    if total > len(rows) and is_for_people():
        click.secho(f"{len(rows):,} of {total:,} runs; more with --limit {total}", dim=True)


@click.group()
def run() -> None:
    """One run on the server."""


@run.command()
@click.argument("path", metavar="[[ENTITY/]PROJECT/]RUN")
@click.option("--keys", is_flag=True, help="List the metrics it logged instead.")
@click.option("--log", "log_lines", type=click.IntRange(1), metavar="N", help="Its last N lines.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(path: str, keys: bool, log_lines: int | None, as_json: bool) -> None:
    """Show a run: how it does, its config, its summary, the end of its log.

    The project is that of WANDB_PROJECT or the settings file where PATH has none; the URL of a
    run's page is a PATH as well.
    """
    from urllib.parse import quote

    from steelyard.errors import UsageError

    server = open_server()
    entity, project, name = parse_run_path(path)
    project = project or server.settings.project
    if project is None:
        raise UsageError(f"which project? write PROJECT/{name}, or set WANDB_PROJECT")
    entity = entity or server.default_entity
    place = "/".join(quote(part, safe="") for part in (entity, project))
    base = f"/api/v1/{place}/runs/{quote(name, safe='')}"
    if keys:
        _print_keys(_list_keys(server, place, name), as_json=as_json)
        return
    if log_lines:
        lines = _read_log(server, base, log_lines)
        if as_json:
            _print_json(lines)
        else:
            click.echo("".join(f"{clean_line(line['text'])}\n" for line in lines), nl=False)
        return
    detail = server.call("GET", base)
    if as_json:
        _print_json(detail)
        return
    _print_run(server, detail)


# ---- lists


def _print_projects(server: ServerLink, entity: str | None, *, as_json: bool) -> None:
    from urllib.parse import quote

    if entity is None:
        rows = server.call("GET", "/api/v1/home")["projects"]
    else:
        rows = list(_pages(server, f"/api/v1/entities/{quote(entity, safe='')}/projects?limit=200"))
    if as_json:
        _print_json(rows)
        return
    if not rows and is_for_people():
        click.echo("no projects yet; the first run makes one: steelyard.init(project='NAME')")
        return
    print_table(
        ["PROJECT", "RUNS", "RUNNING", "LAST ACTIVE"],
        [
            (
                f"{row['entity']}/{row['project']}",
                str(row["run_count"]),
                str(row["running_count"]),
                _when(row["last_activity_us"]),
            )
            for row in rows
        ],
    )


def _pages(server: ServerLink, path: str) -> Iterator[dict[str, Any]]:
    from urllib.parse import quote

    cursor: str | None = ""
    while cursor is not None:
        more = f"&cursor={quote(cursor, safe='')}" if cursor else ""
        page = server.call("GET", path + more)
        yield from page["items"]
        cursor = page["next_cursor"]


def _query_runs(
    server: ServerLink, entity: str, project: str, query: dict[str, Any], limit: int
) -> tuple[list[dict[str, Any]], int]:
    """(rows, how many match in all)."""
    from urllib.parse import quote

    path = f"/api/v1/{quote(entity, safe='')}/{quote(project, safe='')}/runs:query"
    rows: list[dict[str, Any]] = []
    cursor, total = None, 0
    while len(rows) < limit:
        wanted = {**query, "limit": min(PAGE_RUNS, limit - len(rows)), "cursor": cursor}
        page = server.call("POST", path, content=wanted)
        rows += page["items"]
        cursor, total = page["next_cursor"], page.get("total") or len(rows)
        if cursor is None:
            break
    return rows, total


def _field(name: str) -> str:
    """config.KEY, summary.KEY and properties as they are; anything else is of the summary."""
    is_known = name in FIELDS or name.startswith(("config.", "summary.", "summary_metrics."))
    return name if is_known else f"summary.{name}"


def _parse_filters(texts: tuple[str, ...]) -> dict[str, Any] | None:
    """The filter of all conditions. Raises UsageError for what is none."""
    import json

    from steelyard.errors import UsageError

    parts: list[Any] = []
    for text in texts:
        if text.lstrip().startswith("{"):
            try:
                parts.append(json.loads(text))
            except ValueError as error:
                raise UsageError(f"--filter {text}: that is no JSON ({error})") from error
            continue
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise UsageError(f"--filter {text}: write FIELD=VALUE, or with != > >= < <= ~")
        sign, value = match["sign"], match["value"]
        operand: Any = value
        if sign != "~" and match["field"] not in FIELDS:
            try:
                operand = json.loads(value)
            except ValueError:
                operand = value
        parts.append({_field(match["field"]): {OPERATORS[sign]: operand}})
    if len(parts) < 2:
        return parts[0] if parts else None
    return {"$and": parts}


def _time_heads() -> tuple[str, str]:
    return ("AGE", "DURATION") if is_for_people() else ("CREATED", "DURATION_S")


def _cells(row: dict[str, Any], shown: list[str]) -> list[str]:
    duration_s = row["duration_s"]
    return [
        row["display_name"],
        row["name"],
        row["state"],
        _when(row["created_at_us"]),
        describe_duration(duration_s) if is_for_people() else f"{duration_s:.3f}",
        *(_describe_cell(row, name) for name in shown),
    ]


def _head(name: str) -> str:
    return name.upper() if name in FIELDS else name.partition(".")[2]


def _describe_cell(row: dict[str, Any], name: str) -> str:
    values = row if name in FIELDS else row["columns"]
    if name not in values or (name in FIELDS and values[name] is None):
        return ""
    value = values[name]
    return ", ".join(value) if name == "tags" else describe_value(value)


def _when(at_us: int) -> str:
    if is_for_people():
        return describe_age(time.time() - at_us / 1e6)
    return datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC).isoformat()


# ---- one run


def _print_run(server: ServerLink, run: dict[str, Any]) -> None:
    name, state = run["display_name"], run["state"]
    is_shown = is_for_people()
    title = click.style(clean_line(name), bold=True) if is_shown else clean_line(name)
    mark = click.style(state, fg=STATE_COLOURS.get(state)) if is_shown else state
    click.echo(f"{title}  {mark}")
    created = datetime.datetime.fromtimestamp(run["created_at_us"] / 1e6, datetime.UTC)
    age = describe_age(time.time() - created.timestamp())
    silent_s = time.time() - run["heartbeat_at_us"] / 1e6
    facts = {
        "page": server.page_url(run["entity"], run["project"], "runs", run["name"]),
        "begun": f"{created:%Y-%m-%d %H:%M:%S} UTC, {age} ago",
        "lasted": describe_duration(run["duration_s"]),
        "heard of": f"{describe_age(silent_s)} ago" if state == "running" else None,
        "exit code": run["exit_code"],
        "stopping": "asked to stop" if run["stop_requested"] and state == "running" else None,
        "user": run["username"],
        "group": run["group"],
        "job type": run["job_type"],
        "sweep": run["sweep"],
        "tags": ", ".join(run["tags"]) or None,
        "notes": run["notes"] or None,
        **_describe_machine(run["metadata"]),
        "logged": f"{run['history_row_count']:,} rows, {run['log_line_count']:,} lines",
    }
    _print_pairs("", {key: value for key, value in facts.items() if value is not None})
    _print_pairs("config", _flatten(run["config"]))
    _print_pairs("summary", _flatten(_without_clocks(run["summary"])))
    if run["log_line_count"]:
        path = f"{run['entity']}/{run['project']}/{run['name']}"
        click.echo(f"\nthe end of its log: steelyard run show {path} --log 20")


def _describe_machine(metadata: dict[str, Any]) -> dict[str, Any]:
    git = metadata.get("git")
    commit = git.get("commit") if isinstance(git, dict) else None
    gpu = metadata.get("gpu")
    count = metadata.get("gpu_count")
    return {
        "host": metadata.get("host"),
        "program": metadata.get("program"),
        "commit": str(commit)[:12] if commit else None,
        "gpu": f"{count} x {gpu}" if gpu and count else gpu,
    }


def _print_pairs(title: str, pairs: dict[str, Any]) -> None:
    if not pairs:
        return
    if title:
        click.echo(f"\n{click.style(title, bold=True) if is_for_people() else title}")
    width = min(max(map(len, pairs)), 40)
    for key, value in pairs.items():
        click.echo(f"  {clean_line(key):<{width}}  {clean_line(describe_value(value))}".rstrip())


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{path with dots: value}; objects with a type, such as images, stay whole."""
    flat: dict[str, Any] = {}
    for key in sorted(values):
        value = values[key]
        if isinstance(value, dict) and value and "_type" not in value:
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _without_clocks(summary: dict[str, Any]) -> dict[str, Any]:
    hidden = ("_timestamp", "_runtime", "_wandb")
    return {key: value for key, value in summary.items() if key not in hidden}


def _list_keys(server: ServerLink, place: str, name: str) -> list[dict[str, Any]]:
    from urllib.parse import quote

    path = f"/api/v1/{place}/keys?run={quote(name, safe='')}&limit=500"
    return list(_pages(server, path))


def _print_keys(keys: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        _print_json(keys)
        return
    heads = [head for head in ("key", "kind", "last_step") if not keys or head in keys[0]]
    cells = [[describe_value(one[head]) for head in heads] for one in keys]
    print_table([head.upper().replace("_", " ") for head in heads], cells)


def _read_log(server: ServerLink, base: str, count: int) -> list[dict[str, Any]]:
    """The last lines, oldest first."""
    total = int(server.call("GET", f"{base}/logs?from_line=0&limit=1")["total"])
    lines: list[dict[str, Any]] = []
    at = max(0, total - count)
    while at < total:
        page = server.call("GET", f"{base}/logs?from_line={at}&limit={min(2000, total - at)}")
        if not page["items"]:
            break
        lines += page["items"]
        at += len(page["items"])
    return lines


def _print_json(value: Any) -> None:
    import json

    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
