"""PostgreSQL goes away in the middle of everything, and comes back."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support import stored
from tests.support.file_stream import open_stream
from tests.support.postgres import PostgresCluster


def make_line(step: int) -> str:
    return json.dumps({"_step": step, "loss": step / 2})


@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", ["stop", "kill"])
def test_clients_wait_while_the_database_is_away_and_nothing_is_lost(
    own_postgres: PostgresCluster, tmp_path: Path, way: str
) -> None:
    url = own_postgres.url(own_postgres.create_database())
    with ThrowawayServer(tmp_path / "server", database_url=url) as server:
        client = open_stream(server, "gone")
        sent = 0
        ended = threading.Event()

        def log_rows() -> None:
            nonlocal sent
            while not ended.is_set():
                client.send_history(sent, [make_line(sent), make_line(sent + 1)])
                sent += 2

        logging = threading.Thread(target=log_rows)
        logging.start()
        try:
            for _ in range(2):
                time.sleep(0.5)
                getattr(own_postgres, way)()
                answer = client.send_once(b"{}")
                assert answer.status == 503, answer.data
                assert "database" in json.loads(answer.data)["error"]
                assert int(answer.headers["Retry-After"]) > 0
                own_postgres.start()
            before = sent
            deadline = time.monotonic() + 30
            while sent < before + 20 and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            ended.set()
            logging.join(60)
        assert sent >= before + 20, "the server did not find the database again"
        assert client.retry_count > 0
        with stored.opened(server, url) as db:
            assert [row["_step"] for row in stored.history_rows(db, "gone")] == [*range(sent)]
            assert stored.value_count(db, "gone", "loss") == sent
