"""`steelyard disk` against a server: what scripts logged, piped and as JSON."""

from __future__ import annotations

import json
import uuid

from steelyard.testing.server import ThrowawayServer
from tests.fault.test_full_disk import put_file
from tests.support.file_stream import create_run
from tests.support.sdk_user import SdkUser


def test_projects_and_runs_are_listed_with_what_they_hold(
    user: SdkUser, shared_server: ThrowawayServer
) -> None:
    name = f"disk-{uuid.uuid4().hex[:8]}"
    path = create_run(shared_server, name)
    entity, project, _ = path.split("/")
    mine, shared = uuid.uuid4().bytes * 1000, uuid.uuid4().bytes * 100
    assert put_file(shared_server, path, "mine.bin", mine) == 200
    assert put_file(shared_server, path, "shared.bin", shared) == 200
    other = create_run(shared_server, f"{name}-other")
    assert put_file(shared_server, other, "shared.bin", shared) == 200

    head, *rows = (line.split("\t") for line in user.command("disk").stdout.splitlines())
    assert head == ["PROJECT", "SIZE", "FREED", "FILES", "ARTIFACTS", "HISTORY", "TRASH"]
    assert f"{entity}/{project}" in [row[0] for row in rows]

    told = json.loads(user.command("disk", f"{entity}/{project}", "--json").stdout)
    run = next(run for run in told["runs"] if run["name"] == name)
    assert (run["file_bytes"], run["shared_bytes"]) == (17_600, 1600)
    assert run["freed_bytes"] == 16_000 + run["history_bytes"]


def test_a_project_that_is_not_there_is_named(user: SdkUser) -> None:
    refused = user.command("disk", "no-such-project", check=False)
    assert refused.returncode == 1
    assert "no-such-project" in refused.stderr
