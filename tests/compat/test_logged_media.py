"""Media and tables that our client logs, as the official client's API reads them."""

from __future__ import annotations

import json

from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import OfficialClient
from tests.support.run_reader import RunReader
from tests.support.sdk_user import SdkUser

LOG = """
import sys
import steelyard as wandb
with wandb.init(project=sys.argv[1], id="r") as run:
    image = wandb.Image([[1, 2], [3, 4]], caption="c")
    table = wandb.Table(columns=["n", "image"], data=[[1, image], [2, image]])
    chart = wandb.plot.roc_curve([0, 1], [[0.9, 0.1], [0.2, 0.8]])
    run.log({"image": wandb.Image([[9]]), "table": table, "roc": chart})
"""
READ = """
import json, sys, wandb
run = wandb.Api().run(sys.argv[1])
row = next(iter(run.scan_history()))
files = sorted(file.name for file in run.files() if file.name.startswith("media/"))
visualize = run.rawconfig["_wandb"]["visualize"]
print("FOUND", json.dumps({"row": row, "files": files, "visualize": visualize}))
"""


def test_the_official_api_reads_what_we_log(
    shared_server: ThrowawayServer, client: OfficialClient, user: SdkUser, project: str
) -> None:
    user.run(LOG, project)
    reader = RunReader(shared_server, project)
    output = client.run_script(READ, f"{reader.entity}/{project}/r").stdout
    found = json.loads(output.rpartition("FOUND ")[2])
    row = found["row"]
    assert row["image"]["_type"] == "image-file" and row["table"]["_type"] == "table-file"
    paths = {row[key]["path"] for key in ("image", "table", "roc_table")}
    assert paths <= set(found["files"])
    assert list(found["visualize"]) == ["roc"]
