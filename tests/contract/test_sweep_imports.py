"""A sweep that was worked for in a directory, brought to a server, with either database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import Conflict, Invalid
from steelyard.sdk.connection import Connection, open_connection
from steelyard.sdk.sweeps.directory.steering import set_directory_state
from steelyard.sdk.sweeps.directory.store import Store
from steelyard.sdk.sweeps.directory.upload import SweepSent, send_directory_sweep
from steelyard.server.rooms.accounts.commands import create_api_key
from tests.support.accounts import NOW_US, make_caller
from tests.support.app_server import AppServer
from tests.support.directory_sweeps import GRID, Worker, look, make_sweep

BAYES: dict[str, Any] = GRID | {
    "method": "bayes",
    "parameters": {"a": {"min": 0.0, "max": 1.0}, "b": {"values": [1, 2, 3, 4]}},
}


class Home:
    """Somebody with a key, and a directory with a sweep."""

    def __init__(self, server: AppServer, directory: Path) -> None:
        self.directory = directory
        made = server.db.write_now(make_caller)
        key = server.db.write_now(
            create_api_key, user_id=made.user_id, name="test", now_us=NOW_US
        ).key
        self.connection: Connection = open_connection(
            {"base_url": server.base_url, "api_key": key, "http_timeout_s": 30.0}
        )

    def send(self, **options: Any) -> SweepSent:
        return send_directory_sweep(self.directory, self.connection, **options)

    def ask(self, method: str, path: str, content: Any = None) -> Any:
        return self.connection.call(method, path, content=content)

    @property
    def place(self) -> str:
        head = look(self.directory).head
        assert head is not None
        return f"/api/v1/-/{head.project}/sweeps/{head.name}"

    def trials(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("GET", f"{self.place}/trials")["items"]
        return found

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", self.place)
        return found

    def run_one(self, loss: float) -> None:
        worker = Worker(self.directory)
        command = worker.take()
        assert command is not None
        worker.work(command, loss)


@pytest.fixture
def home(tmp_path: Path, database_url: str) -> Iterator[Home]:
    with AppServer(tmp_path / "data", database_url) as server:
        yield Home(server, tmp_path / "sweep")


def test_nothing_is_lost_or_doubled_however_often_it_is_sent(home: Home) -> None:
    make_sweep(home.directory, project="works", seed=11)
    home.run_one(3.0)
    held = Worker(home.directory)
    command = held.take()
    assert command is not None
    held.ask({command.run_name: "running"})
    assert home.send().changed == 2
    assert [trial["state"] for trial in home.trials()] == ["finished", "running"]
    assert (home.shown()["state"], home.shown()["seed"]) == ("paused", 11)
    before = (home.trials(), home.shown(), home.ask("GET", f"{home.place}/agents"))
    assert home.send().changed == 0
    assert (home.trials(), home.shown(), home.ask("GET", f"{home.place}/agents")) == before
    held.work(command, 1.0)
    home.run_one(2.0)
    Worker(home.directory).ask()
    assert home.send().changed == 2
    trials = home.trials()
    assert [trial["config"] for trial in trials] == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert [trial["values"] for trial in trials] == [[3.0], [1.0], [2.0]]
    shown = home.shown()
    assert (shown["state"], shown["trial_counts"]) == ("finished", {"finished": 3})
    assert shown["metrics"][0]["best"] == 1.0
    assert len(home.ask("GET", f"{home.place}/agents")["items"]) == 4


def test_a_lost_trial_that_was_run_again_keeps_its_earlier_runs(home: Home) -> None:
    make_sweep(home.directory, project="works")
    first = Worker(home.directory)
    command = first.take()
    assert command is not None
    first.ask(wants_work=False)
    home.send()
    [trial] = home.trials()
    assert (trial["state"], trial["run"]) == ("lost", command.run_name)
    home.run_one(1.0)
    home.send()
    [trial] = home.trials()
    assert (trial["state"], trial["earlier_runs"]) == ("finished", [command.run_name])
    assert trial["attempts"] == 2


def test_a_server_that_takes_over_goes_on_with_the_same_sequence(home: Home) -> None:
    make_sweep(home.directory, BAYES, project="works", seed=5)
    for loss in (0.5, 0.25, 0.75, 0.125, 0.5, 0.25):
        home.run_one(loss)
    home.send()
    expected = Worker(home.directory).take()
    assert expected is not None
    agent = home.ask("POST", f"{home.place}/agents", {"host": "here"})["name"]
    ask = f"{home.place}/agents/{agent}/next"
    assert home.ask("POST", ask, {})["commands"] == []
    home.ask("PATCH", home.place, {"state": "running"})
    [command] = home.ask("POST", ask, {})["commands"]
    config = {name: entry["value"] for name, entry in command["args"].items()}
    assert config == expected.config
    with pytest.raises(Conflict, match="goes on there"):
        home.send()
    home.ask("PATCH", home.place, {"state": "paused"})
    with pytest.raises(Conflict, match="another one on the server"):
        home.send()


def test_another_sweep_of_the_name_is_left_alone(home: Home, tmp_path: Path) -> None:
    make_sweep(home.directory, project="works")
    home.send()
    head = look(home.directory).head
    assert head is not None
    body = {"config": head.config, "seed": head.seed + 1, "state": "running", "created_at_us": 1}
    with pytest.raises(Conflict, match="is another sweep"):
        home.ask("PUT", f"{home.place}/import", body)


def test_what_makes_no_sense_is_refused_and_nothing_is_made(home: Home) -> None:
    make_sweep(home.directory, project="works")
    home.run_one(1.0)
    home.send()
    sweep = Store(home.directory).refresh()
    assert sweep.head is not None
    body = {
        "config": sweep.head.config,
        "seed": sweep.head.seed,
        "state": "running",
        "created_at_us": sweep.created_at_us,
    }
    trial = {
        "index": 1,
        "run": "other",
        "config": {"a": 2},
        "state": "running",
        "attempts": 1,
        "agent": "x",
        "kind": "grid",
        "reason": "",
        "created_at_us": 1,
        "started_at_us": 1,
    }
    place = f"{home.place}/import"
    wrongs: list[dict[str, Any]] = [{"config": {"a": 9}}, {"config": {}}, {"index": -1}]
    for wrong in [*wrongs, {"state": "odd"}]:
        with pytest.raises(Invalid):
            home.ask("PUT", place, body | {"trials": [trial | wrong]})
    with pytest.raises(Conflict, match="as another trial"):
        home.ask("PUT", place, body | {"trials": [trial | {"config": {"a": 1}}]})
    with pytest.raises(Invalid):
        home.ask("PUT", place, body | {"config": "method: none"})
    with pytest.raises(Invalid, match="no name of a sweep"):
        home.ask("PUT", place.replace(sweep.head.name, "a.b"), body)
    assert len(home.trials()) == 1


def test_a_canceled_sweep_is_canceled_there_too(home: Home) -> None:
    make_sweep(home.directory, project="works")
    set_directory_state(home.directory, "canceled")
    home.send()
    assert home.shown()["state"] == "canceled"


def test_more_trials_than_fit_into_one_request_all_arrive(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from steelyard.sdk.sweeps.directory import upload

    monkeypatch.setattr(upload, "PAGE_BYTES", 900)
    values = list(range(8))
    make_sweep(home.directory, GRID | {"parameters": {"a": {"values": values}}}, project="works")
    for value in values:
        home.run_one(float(value))
    assert home.send().changed == 8
    assert [trial["config"]["a"] for trial in home.trials()] == values
