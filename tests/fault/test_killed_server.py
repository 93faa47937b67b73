"""kill -9 under load: what was acknowledged is there, once."""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import dataclass, field

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support import stored
from tests.support.databases import Kind
from tests.support.file_stream import FileStreamClient, open_stream

CLIENT_COUNT = 8


@dataclass
class LoggingRun:
    """One client in a thread: rows of random batches, until told to finish."""

    name: str
    client: FileStreamClient
    acknowledged_rows: int = 0
    acknowledged_console: int = 0
    error: BaseException | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self.thread = threading.Thread(target=self._run, name=self.name)
        self.thread.start()

    def finish(self) -> None:
        self.stop.set()
        self.thread.join(120)
        assert not self.thread.is_alive(), f"{self.name} still waits for an acknowledgement"
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            chance = random.Random(self.name)
            while not self.stop.is_set():
                self._send(chance.randrange(1, 60), chance.random() < 0.3)
            self.client.send({"complete": True, "exitcode": 0})
        except BaseException as error:  # noqa: BLE001  # shown by finish() in the test's thread
            self.error = error

    def _send(self, row_count: int, talks: bool) -> None:
        first = self.acknowledged_rows
        lines = [make_line(self.name, step) for step in range(first, first + row_count)]
        files = {
            "wandb-history.jsonl": {"offset": first, "content": lines},
            "wandb-summary.json": {"offset": 0, "content": [lines[-1]]},
        }
        said = self.acknowledged_console
        if talks:
            files["output.log"] = {"offset": said, "content": [f"line {said}", f"line {said + 1}"]}
        self.client.send({"files": files})
        self.acknowledged_rows += row_count
        self.acknowledged_console += 2 if talks else 0


def make_line(name: str, step: int) -> str:
    return json.dumps({"_step": step, "loss": 1 / (step + 1), "acc": step * 7 % 13, "who": name})


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kill_count", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_under_load_lose_no_acknowledged_row_and_double_none(
    server: ThrowawayServer, database_kind: Kind, empty_database_url: str, kill_count: int
) -> None:
    names = [f"kill-{number}" for number in range(CLIENT_COUNT)]
    running = [LoggingRun(name, open_stream(server, name)) for name in names]
    for run in running:
        run.start()
    chance = random.Random(20)
    for _ in range(kill_count):
        time.sleep(chance.uniform(0.1, 0.7))
        server.kill()
        server.start()
    time.sleep(0.5)
    for run in running:
        run.finish()
    server.stop()
    assert sum(run.client.retry_count for run in running) >= kill_count
    url = empty_database_url if database_kind == "postgresql" else None
    with stored.opened(server, url) as db:
        for run in running:
            rows = stored.history_rows(db, run.name)
            assert len(rows) == run.acknowledged_rows > 0
            assert rows == [json.loads(make_line(run.name, step)) for step in range(len(rows))]
            assert stored.value_count(db, run.name, "loss") == len(rows)
            assert stored.summary(db, run.name)["_step"] == len(rows) - 1
            said = [f"line {number}" for number in range(run.acknowledged_console)]
            assert stored.console_texts(db, run.name) == said
            assert stored.state(db, run.name) == "finished"
