"""What each kind of record of a journal does to its run, on either database."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard import limits
from steelyard.server.columns import console
from steelyard.server.db.interface import Database
from steelyard.server.rooms.runs.queries import list_alerts
from steelyard.wire import journal
from tests.support.accounts import make_caller
from tests.support.journals import STARTED_US, JournalBytes, Place


@pytest.fixture
def place(db: Database) -> Place:
    return Place(db, db.write_now(make_caller), "kinds")


@pytest.fixture
def sent() -> JournalBytes:
    return JournalBytes()


def own(place: Place) -> dict[str, Any]:
    """What the client notes of itself in the config."""
    value: dict[str, Any] = place.config()["_wandb"]["value"]
    return value


# ---- config


def test_config_keys_are_set_and_deleted_one_by_one(place: Place, sent: JournalBytes) -> None:
    sent.config(lr=0.1, model={"depth": 3, "nan": float("nan")}, gone=1)
    sent.config(["gone"], lr=0.2)
    place.send(sent)
    config = place.config()
    assert config.pop("_wandb")["value"]["t"]
    assert repr(config) == "{'lr': {'value': 0.2}, 'model': {'value': {'depth': 3, 'nan': nan}}}"


def test_the_clients_own_key_cannot_be_overwritten(place: Place, sent: JournalBytes) -> None:
    sent.config(_wandb={"t": None, "cli_version": "other"})
    sent.config(["_wandb"])
    place.send(sent)
    assert own(place)["cli_version"] == "steelyard 0.1.0"
    sent.config(_wandb={"visualize": {"chart": {"panel_type": "Vega2"}}})
    sent.config(_wandb={"visualize": {"other": {"panel_type": "Vega2"}}})
    place.send(sent)
    sent.config(_wandb={"pinned_keys": ["lr", "model"]})
    place.send(sent)
    assert list(own(place)["visualize"]) == ["chart", "other"]
    assert own(place)["pinned_keys"] == ["lr", "model"]


def test_config_of_several_writers_is_one(place: Place, sent: JournalBytes) -> None:
    other = JournalBytes("second")
    sent.config(a=1, both=1)
    other.config(b=2, both=2)
    place.send(sent)
    place.send(other)
    config = place.config()
    assert [config[key]["value"] for key in ("a", "b", "both")] == [1, 2, 2]


# ---- summary


def test_the_summary_is_the_last_value_of_each_key(place: Place, sent: JournalBytes) -> None:
    sent.log({"a": 1, "nested": {"x": 1, "y": 2}, "media": {"_type": "table-file", "rows": 3}})
    sent.log({"a": 2, "nested": {"x": 5}, "media": {"_type": "table-file"}})
    place.send(sent)
    assert place.summary() == {
        "a": 2,
        "nested": {"x": 5, "y": 2},
        "media": {"_type": "table-file"},
        "_step": 1,
        "_runtime": 2.0,
        "_timestamp": STARTED_US / 1e6 + 2,
        "_wandb": {"runtime": 2},
    }


@pytest.mark.parametrize("requests", [1, 2])
def test_none_changes_no_summary(place: Place, sent: JournalBytes, requests: int) -> None:
    """The official client keeps the last value that is one."""
    sent.log({"a": 1, "b": {"c": 1, "d": None}, "e": 3})
    sent.add(journal.SUMMARY, {"set": {"best": 7, "gone": 1}})
    if requests == 2:
        place.send(sent)
    sent.log({"a": None, "x": None})
    sent.log({"a": None, "b": {"c": None}})
    sent.add(journal.SUMMARY, {"set": {"gone": None}})
    place.send(sent)
    found = {key: value for key, value in place.summary().items() if not key.startswith("_")}
    assert found == {"a": 1, "b": {"c": 1}, "e": 3, "best": 7}


def test_an_earlier_step_that_comes_later_counts_as_the_last_value(
    place: Place, sent: JournalBytes
) -> None:
    sent.log({"a": 1}, step=9)
    sent.log({"a": 2}, step=3)
    place.send(sent)
    assert (place.summary()["a"], place.summary()["_step"]) == (2, 9)


def test_values_that_the_user_sets_stand_until_they_are_logged(
    place: Place, sent: JournalBytes
) -> None:
    sent.log({"a": 1, "b": 1, "c": 1})
    sent.summary(["b"], a=10, best={"acc": 0.9})
    place.send(sent)
    summary = place.summary()
    assert (summary["a"], summary["best"], "b" in summary) == (10, {"acc": 0.9}, False)
    sent.log({"a": 2, "b": 3})
    place.send(sent)
    assert (place.summary()["a"], place.summary()["b"], place.summary()["c"]) == (2, 3, 1)


@pytest.mark.parametrize(
    ("rules", "goal", "expected"),
    [
        (["max"], None, {"max": 5}),
        (["min"], None, {"min": 1.5}),
        (["min", "max", "mean", "first", "last"], None, None),
        (["best"], "maximize", {"best": 5}),
        (["best"], "minimize", {"best": 1.5}),
        (["best"], None, {"best": 1.5}),
        (["copy"], None, 2),
        ([], None, 2),
        (None, None, 2),
    ],
)
def test_define_metric_says_what_the_summary_holds(
    place: Place, sent: JournalBytes, rules: list[str] | None, goal: str | None, expected: Any
) -> None:
    if expected is None:
        expected = {"min": 1.5, "max": 5, "mean": (3 + 1.5 + 5 + 2) / 4, "first": 3, "last": 2}
    sent.metric("a", summary=rules, goal=goal)
    for value in (3, 1.5, 5, 2):
        sent.log({"a": value})
        place.send(sent)  # a request each: what was counted is remembered
    assert place.summary()["a"] == expected


def test_a_metric_without_a_summary_has_none(place: Place, sent: JournalBytes) -> None:
    sent.metric("a", summary=["none"])
    sent.log({"a": 1, "b": 1})
    place.send(sent)
    assert "a" not in place.summary()


def test_rules_hold_for_nested_names_and_globs(place: Place, sent: JournalBytes) -> None:
    sent.metric("n.x", summary=["max"])
    sent.metric("val/*", summary=["min"])
    sent.metric("val/acc*", summary=["max"])
    sent.log({"n": {"x": 3, "y": 3}, "val/loss": 1.0, "val/acc": 0.5})
    sent.log({"n": {"x": 1, "y": 1}, "val/loss": 2.0, "val/acc": 0.25})
    place.send(sent)
    summary = place.summary()
    assert summary["n"] == {"x": {"max": 3}, "y": 1}
    assert (summary["val/loss"], summary["val/acc"]) == ({"min": 1.0}, {"max": 0.5})


@pytest.mark.parametrize("requests", [1, 2])
def test_a_metric_defined_late_counts_the_values_before(
    place: Place, sent: JournalBytes, requests: int
) -> None:
    for value in (4.0, 8.0):
        sent.log({"a": value})
    if requests == 2:
        place.send(sent)
    sent.metric("a", summary=["mean", "max"])
    place.send(sent)
    assert place.summary()["a"] == {"mean": 6.0, "max": 8.0}
    sent.log({"a": 3.0})
    place.send(sent)
    assert place.summary()["a"] == {"mean": 5.0, "max": 8.0}


def test_nan_is_no_extreme_but_makes_the_mean_nan(place: Place, sent: JournalBytes) -> None:
    sent.metric("a", summary=["min", "max", "mean"])
    for value in (2.0, float("nan"), 1.0):
        sent.log({"a": value})
    place.send(sent)
    assert repr(place.summary()["a"]) == "{'min': 1.0, 'max': 2.0, 'mean': nan}"


def test_a_text_has_no_statistics(place: Place, sent: JournalBytes) -> None:
    sent.metric("a", summary=["max"])
    sent.log({"a": "text"})
    place.send(sent)
    assert place.summary()["a"] == "text"


# ---- metrics


def test_a_row_gets_the_last_value_of_its_x_axis(place: Place, sent: JournalBytes) -> None:
    sent.metric("val/*", step_metric="epoch", step_sync=True)
    sent.log({"val/loss": 9.0})
    sent.log({"epoch": 3})
    place.send(sent)
    sent.log({"val/loss": 1.0})
    sent.log({"val/loss": 2.0, "epoch": 4})
    sent.log({"train": 1})
    place.send(sent)
    assert [row.get("epoch") for row in place.values()] == [0, 3, 3, 4, None]
    assert place.summary()["epoch"] == 4


def test_the_config_has_the_definitions_as_the_official_client_writes_them(
    place: Place, sent: JournalBytes
) -> None:
    """Source of the numbers: the config of a run of wandb 0.31.0 with these definitions."""
    sent.metric("acc", summary=["max", "min"], goal="maximize", hidden=True)
    sent.metric("loss", step_metric="epoch", step_sync=True)
    sent.metric("val/*", step_metric="epoch", step_sync=True)
    sent.log({"val/f1": 1.0})
    place.send(sent)
    assert own(place)["m"] == [
        {"1": "acc", "6": [2, 3], "7": [1, 2], "8": 2},
        {"1": "loss", "5": 3, "6": [1, 3], "7": []},
        {"1": "epoch", "6": [], "7": []},
        {"1": "val/f1", "5": 3, "6": [1], "7": []},
        {"2": "val/*", "5": 3, "6": [1], "7": []},
    ]


def test_a_definition_adds_to_the_one_before_unless_it_replaces_it(
    place: Place, sent: JournalBytes
) -> None:
    sent.metric("a", summary=["max"])
    sent.metric("a", summary=["min"])
    sent.log({"a": 1})
    place.send(sent)
    assert place.summary()["a"] == {"max": 1, "min": 1}
    sent.metric("a", summary=["mean"], overwrite=True)
    sent.log({"a": 2})
    place.send(sent)
    assert place.summary()["a"] == {"mean": 1.5}


# ---- system metrics


def test_samples_are_rows_of_the_system_stream(place: Place) -> None:
    sender = JournalBytes("writer000001-s", role="sender")
    place.send(JournalBytes())
    sender.add(journal.SYSTEM, {"system.cpu": 12.5, "system.gpu.0.temp": 60})
    sender.add(journal.SYSTEM, {"system.cpu": 13.5})
    place.send(sender)
    assert place.rows(stream="system") == [
        {
            "system.cpu": 12.5,
            "system.gpu.0.temp": 60,
            "_wandb": True,
            "_runtime": 1.0,
            "_timestamp": STARTED_US / 1e6 + 1,
        },
        {
            "system.cpu": 13.5,
            "_wandb": True,
            "_runtime": 2.0,
            "_timestamp": STARTED_US / 1e6 + 2,
        },
    ]
    assert place.rows() == []
    assert "system.cpu" not in place.summary()


def test_samples_of_a_labelled_writer_are_told_apart(place: Place) -> None:
    sender = JournalBytes("writer000001-s", role="sender", label="node-1")
    sender.add(journal.SYSTEM, {"system.cpu": 12.5, "system.disk/l:node-1": 1})
    place.send(sender)
    (row,) = place.values(stream="system")
    assert set(row) == {"system.cpu/l:node-1", "system.disk/l:node-1", "_wandb"}


# ---- console


def test_console_lines_show_what_a_terminal_shows(place: Place, sent: JournalBytes) -> None:
    sent.print("one\ntw")
    place.send(sent)
    assert place.lines() == ["one", "tw"]
    sent.print("o\n 10%\r 50%")
    place.send(sent)
    sent.print("\r100%\ndone")
    place.send(sent)
    assert place.lines() == ["one", "two", "100%", "done"]


def test_each_writer_and_stream_keeps_its_own_lines(place: Place, sent: JournalBytes) -> None:
    other = JournalBytes("second", label="rank 1")
    sent.print("a1\na")
    place.send(sent)
    other.print("b1\nb")
    place.send(other)
    sent.print("oops", stream="stderr")
    sent.print("2\na3")
    place.send(sent)
    other.print("2\n")
    place.send(other)
    assert place.lines() == ["a1", "a2", "b1", "b2", "oops", "a3"]
    lines = place.db.read_now(console.read_lines, place.get().id, first=0, limit=10)
    assert [line.label for line in lines] == [None, None, "rank 1", "rank 1", None, None]
    assert [line.level for line in lines] == [None, None, None, None, "error", None]
    assert all((line.timestamp or "").startswith("20") for line in lines)


# ---- properties of the run


def test_properties_change_and_metadata_stands_where_clients_look(
    place: Place, sent: JournalBytes
) -> None:
    sent.add(journal.METADATA, {"host": "node1", "os": "Linux", "program": "train.py"})
    sent.add(journal.METADATA, {"git": {"remote": "git@x:y.git", "commit": "abc"}, "cpu_count": 2})
    sent.add(journal.RUN, {"display_name": "new", "notes": "n", "tags": ["t"], "group": "g"})
    accepted = place.send(sent)
    run = place.get()
    assert accepted.display_name == "new"
    assert (run.host, run.program, run.commit, run.repo) == (
        "node1",
        "train.py",
        "abc",
        "git@x:y.git",
    )
    assert (run.display_name, run.notes, run.tags, run.group) == ("new", "n", ["t"], "g")
    assert own(place)["e"] == {
        sent.writer: {
            "host": "node1",
            "os": "Linux",
            "program": "train.py",
            "git": {"remote": "git@x:y.git", "commit": "abc"},
            "cpu_count": 2,
        }
    }


def test_a_writer_that_is_not_the_main_one_leaves_the_columns_alone(place: Place) -> None:
    main, other = JournalBytes(), JournalBytes("second", is_primary=False)
    main.add(journal.METADATA, {"host": "main"})
    other.add(journal.METADATA, {"host": "other"})
    place.send(main)
    place.send(other)
    assert place.get().host == "main"
    assert list(own(place)["e"]) == [main.writer, other.writer]


def test_alerts_are_kept_once_within_their_wait(place: Place, sent: JournalBytes) -> None:
    for title in ("a", "b", "a"):
        alert = {"title": title, "text": "t", "level": "WARN", "wait_duration_ms": 60_000}
        sent.add(journal.ALERT, alert)
    place.send(sent)
    alerts = place.db.read_now(list_alerts, place.get().id, limit=9)
    assert [(one.title, one.severity) for one in alerts] == [("b", "WARN"), ("a", "WARN")]


# ---- what makes no sense


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (journal.START, {"v": 1}),
        (journal.CONFIG, []),
        (journal.CONFIG, {"set": [1]}),
        (journal.HISTORY, {}),
        (journal.HISTORY, [1, True]),
        (journal.HISTORY, ["0", True, {}]),
        (journal.HISTORY, [True, True, {}]),
        (journal.HISTORY, [0, True, [1]]),
        (journal.SUMMARY, {"delete": "a"}),
        (journal.METRIC, {"summary": ["max"]}),
        (journal.METRIC, {"name": 5}),
        (journal.SYSTEM, "cpu"),
        (journal.CONSOLE, ["stdlog", "x"]),
        (journal.CONSOLE, ["stdout"]),
        (journal.CONSOLE, None),
        (journal.METADATA, 1),
        (journal.ALERT, {"text": "no title"}),
        (journal.ALERT, {"title": "a", "level": "LOUD"}),
        (journal.RUN, {"tags": "one"}),
        (journal.RUN, {"tags": ["x"] * (limits.TAGS_PER_RUN_MAX + 1)}),
        (journal.FINISH, {}),
        (journal.FINISH, {"exit_code": "0"}),
        (1000, {}),
        ("HISTORY", {}),
    ],
)
def test_a_record_that_makes_no_sense_is_passed_over(
    place: Place, sent: JournalBytes, kind: Any, payload: Any
) -> None:
    sent.log({"a": 1})
    sent.add(kind, payload)
    sent.log({"a": 2})
    accepted = place.send(sent)
    assert accepted.acknowledged == len(sent.data)
    assert accepted.skipped == 1
    assert accepted.reason
    assert [row["a"] for row in place.values()] == [1, 2]
    assert place.get().state == "running"


@pytest.mark.parametrize(
    "body",
    [
        b"\xc1",
        b"no msgpack at all",
        b"[1, 2",
        b"[3, 0]",
        b"{}",
        b"[3, 0, -1, [0, true, {}]]",
        b"[3, 0, 99999999999999999999999, [0, true, {}]]",
        b"[" * 5000,
        b"\x91" * 5000 + b"\xc0",
    ],
)
def test_a_body_that_cannot_be_read_is_passed_over(
    place: Place, sent: JournalBytes, body: bytes
) -> None:
    sent.append(journal.frame(body))
    sent.log({"a": 2})
    accepted = place.send(sent)
    assert (accepted.acknowledged, accepted.skipped) == (len(sent.data), 1)
    assert place.values() == [{"_step": 0, "a": 2}]
