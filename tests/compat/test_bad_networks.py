"""The client behind a network that fails: it goes on, and every row arrives once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.faulty_network import Fault, FaultyNetwork
from tests.support.official_client import OfficialClient, clean_environ
from tests.support.run_reader import RunReader

COUNT = 60
STEADY_RUN = f"""
import time, wandb
with wandb.init(id="r") as run:
    for step in range({COUNT}):
        run.log({{"step": step}})
        print("line", step)
        time.sleep(0.1)
"""
QUICK_RETRIES = {
    "WANDB__FILE_STREAM_TRANSMIT_INTERVAL": "0.5",
    "WANDB__FILE_STREAM_RETRY_WAIT_MIN_SECONDS": "0.2",
    "WANDB__FILE_STREAM_RETRY_WAIT_MAX_SECONDS": "1",
    "WANDB__GRAPHQL_RETRY_WAIT_MIN_SECONDS": "0.2",
    "WANDB__GRAPHQL_RETRY_WAIT_MAX_SECONDS": "1",
}


def assert_whole(runs: RunReader) -> None:
    assert [row["step"] for row in runs.list_history("r")] == list(range(COUNT))
    assert runs.list_logs("r") == [f"line {step}" for step in range(COUNT)]
    assert runs.get_run("r")["state"] == "finished"


@pytest.mark.parametrize("fault", ["500", "503", "cut", "answer lost"])
def test_rows_arrive_once_though_every_second_upload_fails(
    client: OfficialClient, runs: RunReader, shared_server: ThrowawayServer, fault: Fault
) -> None:
    def spoil(method: str, path: str, before: int) -> Fault:
        return fault if path.endswith("file_stream") and before % 2 == 0 else "none"

    with FaultyNetwork(shared_server.base_url, spoil) as network:
        client.run_script(STEADY_RUN, WANDB_BASE_URL=network.base_url, **QUICK_RETRIES)
        assert network.count(fault) >= 2
    assert_whole(runs)


def test_a_slow_answer_to_graphql_delays_but_does_not_fail(
    client: OfficialClient, runs: RunReader, shared_server: ThrowawayServer
) -> None:
    def spoil(method: str, path: str, before: int) -> Fault:
        return "slow" if path == "/graphql" and before == 1 else "none"

    with FaultyNetwork(shared_server.base_url, spoil) as network:
        client.run_script(STEADY_RUN, WANDB_BASE_URL=network.base_url, **QUICK_RETRIES)
        assert network.count("slow") == 1
    assert_whole(runs)


def test_graphql_errors_are_retried_until_they_pass(
    client: OfficialClient, runs: RunReader, shared_server: ThrowawayServer
) -> None:
    def spoil(method: str, path: str, before: int) -> Fault:
        return "500" if path == "/graphql" and before % 2 else "none"

    with FaultyNetwork(shared_server.base_url, spoil) as network:
        client.run_script(STEADY_RUN, WANDB_BASE_URL=network.base_url, **QUICK_RETRIES)
        assert network.count("500") >= 2
    assert_whole(runs)


def test_a_server_killed_and_restarted_under_a_run_loses_nothing(
    server: ThrowawayServer, tmp_path: Path, project: str
) -> None:
    home = tmp_path / "home"
    environ = clean_environ(
        home, base_url=server.base_url, api_key=server.owner_key, project=project
    )
    client, runs = OfficialClient(home, environ | QUICK_RETRIES), RunReader(server, project)
    started = client.start_script(STEADY_RUN)
    for _ in range(3):
        time.sleep(1.5)
        server.kill()
        server.start()
    output, _ = started.communicate(timeout=120)
    assert started.returncode == 0, output[-3000:]
    assert_whole(runs)
