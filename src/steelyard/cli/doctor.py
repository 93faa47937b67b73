"""`steelyard doctor`: what is wrong here, and what to do about it."""

from __future__ import annotations

from typing import Any

import click

from steelyard.cli.options import with_listen_options, with_server_options

MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


@click.command()
@with_listen_options
@with_server_options
def doctor(**flags: Any) -> None:
    """Check this machine and the server's data. Exit status 1 when something must be done."""
    from steelyard.cli.settings import read_settings
    from steelyard.server.diagnosis import diagnose

    findings = diagnose(read_settings(flags))
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        mark, colour = MARKS[finding.verdict]
        click.echo(f"{click.style(mark, fg=colour)}  {finding.subject:<{width}}  {finding.text}")
        if finding.advice:
            click.echo(f"      {'':<{width}}  → {finding.advice}")
    if any(finding.verdict == "fail" for finding in findings):
        raise SystemExit(1)
