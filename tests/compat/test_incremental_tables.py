"""Tables that grow while a run logs them, by the same script with both clients."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import OfficialClient
from tests.support.sdk_user import SdkUser
from tests.support.table_files import ask

LOG = """
import sys
import {module} as wandb
run = wandb.init(project=sys.argv[1], id="grows")
table = wandb.Table(columns=["id", "score"], log_mode="INCREMENTAL")
for step in range(4):
    table.add_data(f"q{{step}}", step / 2)
    table.add_data(f"r{{step}}", step)
    run.log({{"predictions": table}})
run.finish()
"""
ROWS = [[f"{name}{step}", step / 2 if name == "q" else step] for step in range(4) for name in "qr"]


@pytest.mark.parametrize("module", ["wandb", "steelyard"])
def test_all_increments_are_read_as_one_table(
    module: str,
    shared_server: ThrowawayServer,
    client: OfficialClient,
    user: SdkUser,
    project: str,
) -> None:
    script = LOG.format(module=module)
    if module == "wandb":
        client.run_script(script, project)
    else:
        user.run(script, project)
    server = shared_server
    entity = server.call("GET", "/api/v1/me")["default_entity"]
    at = {"key": "predictions", "step": 3, "runs": ["grows"]}
    found = server.call("POST", f"/api/v1/{entity}/{project}/media:at", content=at)
    refs = found["runs"][0]["items"][0]["table_refs"]
    assert refs[0].startswith("artifact:")
    page = query(server, refs[0])
    assert page["rows"] == ROWS and page["total"] == len(ROWS)
    top = query(server, refs[0], where={"column": "score", "op": ">=", "value": 1.5})
    assert top["row_ids"] == [5, 6, 7]


def query(server: ThrowawayServer, ref: str, **asked: Any) -> Any:
    return ask(server, "POST", "tables:query", {"ref": ref, **asked})
