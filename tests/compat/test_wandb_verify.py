"""`wandb verify`, the official client's own check of a server."""

from __future__ import annotations

import re

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import OfficialClient

PATIENCE_S = 900  # its agent asks for each of nine runs every 5 s; busy machines take far longer
#: A line of it: what was checked, dots, and a mark.
CHECK = re.compile(r"^(Checking[^.]+)\.+(.*)$")


@pytest.fixture(scope="module")
def mark() -> str:
    return "✅"


@pytest.mark.slow
def test_every_check_is_passed(
    client: OfficialClient, shared_server: ThrowawayServer, mark: str
) -> None:
    done = client.command(
        *("verify", "--host", shared_server.base_url), timeout_s=PATIENCE_S, WANDB_SILENT="false"
    )
    results = {
        match.group(1).strip(): match.group(2)
        for line in done.stdout.splitlines()
        if (match := CHECK.match(line))
    }
    for check in (
        "Checking if logged in",
        "Checking signed URL upload",
        "Checking ability to send large payloads through proxy",
        "Checking CORs configuration of the bucket",
        "Checking wandb package version is up to date",
        "Checking logged metrics, saving and downloading a file",
        "Checking artifact save and download workflows",
        "Checking sweep creation and agent execution",
    ):
        assert mark in results[check], done.stdout
