"""`steelyard doctor`: what is wrong here, and what to do about it."""

from __future__ import annotations

from typing import Any

import click

from steelyard.cli.options import with_listen_options, with_server_options

MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


@click.command()
@click.option("--client", is_flag=True, help="Check what scripts need, not the server.")
@with_listen_options
@with_server_options
def doctor(client: bool, **flags: Any) -> None:
    """Check this machine and the server's data. Exit status 1 when something must be done."""
    if client:
        from steelyard.cli.client_settings import check_client

        return _print_findings(check_client())
    from steelyard.cli.settings import read_settings
    from steelyard.server.diagnosis import diagnose

    found = diagnose(read_settings(flags))
    _print_findings([(each.verdict, each.subject, each.text, each.advice) for each in found])


def _print_findings(findings: list[tuple[str, str, str, str | None]]) -> None:
    """(verdict, subject, text, advice) line by line; ends with status 1 if one has failed."""
    width = max(len(subject) for _, subject, _, _ in findings)
    for verdict, subject, text, advice in findings:
        mark, colour = MARKS[verdict]
        click.echo(f"{click.style(mark, fg=colour)}  {subject:<{width}}  {text}")
        if advice:
            click.echo(f"      {'':<{width}}  → {advice}")
    if any(verdict == "fail" for verdict, *_ in findings):
        raise SystemExit(1)
