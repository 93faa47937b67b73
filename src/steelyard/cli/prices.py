"""`steelyard prices`: what an hour of a GPU or of a machine costs."""

from __future__ import annotations

import time
from urllib.parse import quote

import click

from steelyard.cli.server_link import open_server
from steelyard.cli.tables import describe_age, print_table


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def prices(context: click.Context, as_json: bool) -> None:
    """The price table, from which runs are charged. It is empty at first: set, remove."""
    if context.invoked_subcommand is not None:
        return
    found = open_server().call("GET", "/api/v1/prices")["items"]
    if as_json:
        import json

        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    if not found:
        click.echo("no prices yet; for example: steelyard prices set gpu h100 2.99", err=True)
        return
    now = time.time()
    rows = [
        [
            each["kind"],
            each["name"],
            f"{each['usd_per_hour']:.6g}",
            each["source"],
            describe_age(now - each["updated_at_us"] / 1e6),
        ]
        for each in found
    ]
    print_table(["KIND", "NAME", "USD/HOUR", "SOURCE", "SET"], rows)


@prices.command("set")
@click.argument("kind", type=click.Choice(["gpu", "host"]))
@click.argument("name")
@click.argument("usd_per_hour", type=click.FloatRange(min=0))
@click.option("--source", default="", help="Where the number is from, and of when.")
def set_price(kind: str, name: str, usd_per_hour: float, source: str) -> None:
    """Set what an hour costs: of one GPU whose name contains NAME, or of hosts that NAME fits.

    A machine that a host price fits costs that, whatever GPUs it has: steelyard prices set host
    'p5-*' 55.04. For admins of the server.
    """
    content = {"kind": kind, "name": name, "usd_per_hour": usd_per_hour, "source": source}
    made = open_server().call("PUT", "/api/v1/prices", content=content)
    click.echo(f"{made['kind']} {made['name']}: {made['usd_per_hour']:.6g} USD per hour")


@prices.command("remove")
@click.argument("kind", type=click.Choice(["gpu", "host"]))
@click.argument("name")
def remove_price(kind: str, name: str) -> None:
    """Take a price off the table. For admins of the server."""
    open_server().call("DELETE", f"/api/v1/prices/{kind}/{quote(name, safe='')}")
    click.echo(f"removed {kind} {name}")
