"""kill -9 under uploads of journals: every record is there, once."""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import dataclass, field

import pytest
import urllib3

from steelyard.server.columns import read
from steelyard.testing.server import ThrowawayServer
from steelyard.wire import journal
from tests.support import stored
from tests.support.databases import Kind
from tests.support.journals import JournalBytes

CLIENT_COUNT = 6
PATIENCE_S = 120


@dataclass
class LoggingRun:
    """A journal that grows in a thread and is sent as a sender does, until told to finish."""

    name: str
    server: ThrowawayServer
    rows: int = 0
    printed: int = 0
    retries: int = 0
    error: BaseException | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self.sent = JournalBytes(f"w-{self.name}", at_us=time.time_ns() // 1000)
        self.thread = threading.Thread(target=self._run, name=self.name)
        self.thread.start()

    def finish(self) -> None:
        self.stop.set()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive(), f"{self.name} still waits for an acknowledgement"
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            chance = random.Random(self.name)
            pool = urllib3.PoolManager(retries=False, timeout=30)
            self.sent.metric("loss", summary=["mean"])
            acknowledged = 0
            while not self.stop.is_set():
                self._log(chance)
                acknowledged = self._send(pool, acknowledged, chance)
            self.sent.finish(0)
            while acknowledged < len(self.sent.data):
                acknowledged = self._send(pool, acknowledged, chance)
        except BaseException as error:  # noqa: BLE001  # shown by finish() in the test's thread
            self.error = error

    def _log(self, chance: random.Random) -> None:
        for _ in range(chance.randrange(1, 60)):
            self.sent.log({"loss": 1 / (self.rows + 1), "who": self.name})
            self.rows += 1
        if chance.random() < 0.3:
            self.sent.print(f"line {self.printed}\nline {self.printed + 1}\n")
            self.printed += 2
        if chance.random() < 0.2:
            self.sent.config(rows=self.rows)
            self.sent.add(journal.METADATA, {"rows": self.rows})

    def _send(self, pool: urllib3.PoolManager, acknowledged: int, chance: random.Random) -> int:
        """One part, cut anywhere, until it is answered; how far the server has the journal."""
        stop = min(len(self.sent.data), acknowledged + chance.randrange(200, 20_000))
        stop = max(stop, next(end for end in self.sent.ends if end > acknowledged))
        url = f"{self.server.base_url}/api/v1/runs/-/fault/{self.name}/journals/{self.sent.writer}"
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = pool.request(
                    "POST",
                    f"{url}?offset={acknowledged}",
                    body=self.sent.data[acknowledged:stop],
                    headers={"Authorization": f"Bearer {self.server.owner_key}"},
                )
            except urllib3.exceptions.HTTPError as error:
                reason = repr(error)
            else:
                if answer.status == 200:
                    told = json.loads(answer.data)
                    assert "skipped" not in told, told
                    assert acknowledged <= told["acknowledged"] <= stop
                    return int(told["acknowledged"])
                reason = f"{answer.status}: {answer.data[:300]!r}"
                assert answer.status in (429, 503), reason
            assert time.monotonic() < deadline, reason
            self.retries += 1
            time.sleep(0.05)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kill_count", [4, pytest.param(12, marks=pytest.mark.slow)])
def test_kills_under_load_lose_no_record_of_a_journal_and_double_none(
    server: ThrowawayServer, database_kind: Kind, empty_database_url: str, kill_count: int
) -> None:
    running = [LoggingRun(f"kill-{number}", server) for number in range(CLIENT_COUNT)]
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
    files = {run.name: read_metadata(server, run.name) for run in running}
    server.stop()
    assert sum(run.retries for run in running) >= kill_count
    url = empty_database_url if database_kind == "postgresql" else None
    with stored.opened(server, url) as db:
        for run in running:
            rows = stored.history_rows(db, run.name)
            assert [row["_step"] for row in rows] == list(range(run.rows))
            assert [row["loss"] for row in rows] == [1 / (step + 1) for step in range(run.rows)]
            assert stored.value_count(db, run.name, "loss") == run.rows > 0
            run_id = db.read_now(stored.run_ids)[run.name]
            assert db.read_now(read.count_overwritten_values, run_id, "history") == 0
            mean = sum(1 / (step + 1) for step in range(run.rows)) / run.rows
            assert stored.summary(db, run.name)["loss"]["mean"] == pytest.approx(mean)
            said = [f"line {number}" for number in range(run.printed)]
            assert stored.console_texts(db, run.name) == said
            assert stored.state(db, run.name) == "finished"
            config = stored.config(db, run.name)
            known = config.get("rows", {"value": None})["value"]
            assert files[run.name] == ({"rows": known} if known else None)


def read_metadata(server: ThrowawayServer, run: str) -> dict[str, int] | None:
    answer = server.request("GET", f"/api/v1/runs/-/fault/{run}/files/wandb-metadata.json")
    return json.loads(answer.data) if answer.status == 200 else None
