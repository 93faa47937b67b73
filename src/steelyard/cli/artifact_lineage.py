"""The lineage of a version as people read it: two trees, one to each side."""

from __future__ import annotations

from typing import Any

import click

from steelyard.cli.tables import clean_line, is_for_people

INDENT = "  "
SIDES = (("up", "made from"), ("down", "went into"))


def print_lineage(lineage: dict[str, Any], direction: str) -> None:
    """Print a `Lineage`. What is reached on several ways is told once in full."""
    nodes = {node["id"]: node for node in lineage["nodes"]}
    root = nodes[lineage["root"]]
    head = f"{root['label']}  {root['type'] or root['kind']}"
    click.echo(click.style(head, bold=True) if is_for_people() else head)
    for side, title in SIDES:
        if direction not in ("both", side):
            continue
        next_of: dict[str, list[str]] = {}
        for edge in lineage["edges"]:
            ends = (edge["to"], edge["from"]) if side == "up" else (edge["from"], edge["to"])
            next_of.setdefault(ends[0], []).append(ends[1])
        click.echo(f"\n{title}" if next_of.get(root["id"]) else f"\n{title}: nothing that is known")
        _print_tree(nodes, next_of, root["id"])
    if lineage["truncated"]:
        click.echo("\nthere is more: --depth, or the page of the version")


def _print_tree(nodes: dict[str, Any], next_of: dict[str, list[str]], root: str) -> None:
    """Depth first, without recursion: a chain may be long."""
    waiting = [(1, node) for node in reversed(next_of.get(root, []))]
    told = {root}
    while waiting:
        depth, node_id = waiting.pop()
        is_new = node_id not in told
        told.add(node_id)
        more = "" if is_new or not next_of.get(node_id) else "  (see above)"
        click.echo(f"{INDENT * depth}{_describe(nodes[node_id])}{more}")
        if is_new:
            waiting += [(depth + 1, each) for each in reversed(next_of.get(node_id, []))]


def _describe(node: dict[str, Any]) -> str:
    label = clean_line(node["label"])
    if node["kind"] == "stack":
        return f"{label}  {node['hidden_count']:,} more alike"
    if node["kind"] == "run":
        return f"{label}  run {node['name']}, {node['state']}"
    aliases = f" ({', '.join(node['aliases'])})" if node["aliases"] else ""
    return f"{label}{aliases}  {node['type']}"
