"""Runs that were sent as journals are runs like others to the official client."""

from __future__ import annotations

import time

from steelyard.testing.server import ThrowawayServer
from steelyard.wire import journal
from tests.support.journals import JournalBytes
from tests.support.official_client import OfficialClient
from tests.support.run_reader import RunReader

RESUME_SCRIPT = """
import sys, wandb
run = wandb.init(project=sys.argv[1], id=sys.argv[2], resume="must")
print("KNOWN", run.summary["loss"])
for _ in range(2):
    run.log({"loss": 0.25})
run.finish()
"""


def send_run(server: ThrowawayServer, project: str, name: str) -> JournalBytes:
    """A run of five rows that has finished."""
    sent = JournalBytes(at_us=time.time_ns() // 1000 - 60_000_000, display_name="by journal")
    sent.config(lr=0.5, nested={"depth": 2})
    sent.metric("acc", summary=["max"])
    sent.add(journal.METADATA, {"host": "node", "os": "Linux", "program": "train.py"})
    for step in range(5):
        sent.log({"loss": 1 / (step + 1), "acc": step % 3})
    sent.print("hello\n")
    sent.finish(0)
    path = f"/api/v1/runs/-/{project}/{name}/journals/{sent.writer}?offset=0"
    answer = server.request("POST", path, body=sent.data)
    assert answer.status == 200, answer.data
    return sent


def test_the_official_api_reads_a_run_that_came_as_a_journal(
    shared_server: ThrowawayServer, client: OfficialClient, project: str
) -> None:
    send_run(shared_server, project, "run1")
    reader = RunReader(shared_server, project)
    export = reader.export_by_client(client, "run1")
    assert (export["name"], export["state"]) == ("by journal", "finished")
    assert export["config"] == {"lr": 0.5, "nested": {"depth": 2}}
    assert export["summary"]["acc"] == {"max": 2}
    assert [row["loss"] for row in export["history"]] == [1 / (step + 1) for step in range(5)]
    assert export["last_step"] == 4


def test_the_official_client_goes_on_with_a_run_that_came_as_a_journal_and_we_with_its(
    shared_server: ThrowawayServer, client: OfficialClient, project: str
) -> None:
    send_run(shared_server, project, "run1")
    output = client.run_script(RESUME_SCRIPT, project, "run1").stdout
    assert "KNOWN 0.2" in output
    again = JournalBytes("again", resume="must", at_us=time.time_ns() // 1000)
    again.log({"loss": 0.125})
    again.finish(0)
    path = f"/api/v1/runs/-/{project}/run1/journals/again?offset=0"
    assert shared_server.request("POST", path, body=again.data).status == 200
    reader = RunReader(shared_server, project)
    rows = reader.list_history("run1")
    assert [(row["_step"], row["loss"]) for row in rows] == [
        *((step, 1 / (step + 1)) for step in range(5)),
        (5, 0.25),
        (6, 0.25),
        (7, 0.125),
    ]
    run = reader.get_run("run1")
    assert (run["state"], run["history_row_count"]) == ("finished", 8)
    assert run["summary"]["_step"] == 7
    assert run["overwritten_value_count"] == 0
