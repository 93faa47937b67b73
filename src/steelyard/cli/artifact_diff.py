"""The difference of two versions as people read it."""

from __future__ import annotations

from typing import Any

import click

from steelyard.cli.tables import clean_line, describe_value, is_for_people
from steelyard.sdk.artifacts.progress import describe_bytes

FILES_SHOWN = 20
MARKS = (("added", "+", "green"), ("removed", "-", "red"), ("changed", "~", "yellow"))


def print_diff(name: str, diff: dict[str, Any]) -> None:
    """Print a `VersionDiff`."""
    before, after = diff["from"], diff["to"]
    head = f"{name.partition(':')[0]}  {before['version']} → {after['version']}"
    click.echo(click.style(head, bold=True) if is_for_people() else head)
    _print_files(diff["files"])
    _print_pairs("metadata", diff["metadata"])
    if diff["description"]:
        _print_pairs("description", [diff["description"]])
    causes = diff["causes"]
    runs = [causes["run_from"], causes["run_to"]]
    if all(runs):
        shown = " → ".join(f"{run['display_name']} ({run['name']})" for run in runs)
        click.echo(f"\nruns  {clean_line(shown)}")
    _print_pairs(
        "data",
        [{**each, "key": f"{each['name']} ({each['type']})"} for each in causes["inputs"]],
    )
    _print_pairs("config", causes["config"])
    _print_pairs("code", _code_pairs(causes["code"]))
    _print_pairs("environment", causes["environment"])
    _print_pairs("metrics", causes["metrics"])


def _print_files(files: dict[str, Any]) -> None:
    counts = files["counts"]
    click.echo(
        f"\nfiles  {counts['added']:,} added, {counts['removed']:,} removed, "
        f"{counts['changed']:,} changed, {counts['same']:,} the same; "
        f"+{describe_bytes(files['bytes_added'])} -{describe_bytes(files['bytes_removed'])}"
    )
    for kind, mark, colour in MARKS:
        for each in files[kind][:FILES_SHOWN]:
            sizes = [each["size_before"], each["size_after"]]
            shown = " → ".join(describe_bytes(size) for size in sizes if size is not None)
            line = f"  {mark} {clean_line(each['path'])}  {shown}"
            click.echo(click.style(line, fg=colour) if is_for_people() else line)
        if counts[kind] > FILES_SHOWN:
            click.echo(f"  {mark} … {counts[kind] - FILES_SHOWN:,} more (--json has up to 1,000)")


def _print_pairs(title: str, pairs: list[dict[str, Any]]) -> None:
    if not pairs:
        return
    click.echo(f"\n{click.style(title, bold=True) if is_for_people() else title}")
    width = min(max(len(pair["key"]) for pair in pairs), 40)
    for pair in pairs:
        values = (pair["before"], pair["after"])
        shown = " → ".join("none" if value is None else describe_value(value) for value in values)
        delta = pair.get("delta")
        more = f"  ({delta:+.6g})" if delta is not None else ""
        click.echo(f"  {clean_line(pair['key']):<{width}}  {clean_line(shown)}{more}".rstrip())


def _code_pairs(code: dict[str, Any] | None) -> list[dict[str, Any]]:
    if code is None:
        return []
    pairs = [
        {"key": key, "before": code[f"{key}_before"], "after": code[f"{key}_after"]}
        for key in ("commit", "program")
    ]
    changed = [pair for pair in pairs if pair["before"] != pair["after"]]
    # Stored changes tell of themselves; that there are none does not say there were none.
    marks = ["with changes" if code[f"dirty_{end}"] else "unknown" for end in ("before", "after")]
    if any(mark == "with changes" for mark in marks):
        changed.append({"key": "not committed", "before": marks[0], "after": marks[1]})
    return changed
