"""A run: what may be asked and set, and what of it is written down."""

from __future__ import annotations

import copy
import datetime
import math
import multiprocessing
import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import Invalid, RunFinished
from steelyard.sdk.run import Run
from steelyard.sdk.run_facts import RunStatus
from steelyard.sdk.sender.launch import Progress, RunName
from steelyard.wire import journal
from tests.support.journal_runs import list_records, list_rows, make_run


class Sender:
    """Plays a sender: answers with the progress it was given, and waits for nothing."""

    def __init__(self, *progress: Progress, name: RunName | None = None) -> None:
        self.progress = progress
        self.name = name
        self.asked: list[float] = []

    def flush(self, run_dir: Path, *, timeout_s: float, on_progress: Any) -> Progress:
        self.asked.append(timeout_s)
        for progress in self.progress:
            on_progress(progress)
        return self.progress[-1]

    def name_of(self, run_id: str) -> RunName | None:
        return self.name


NAME = RunName(
    run="r1", entity="ada", project="p", display_name="calm-lake-1", url="http://host/ada/p/runs/r1"
)


def make_online_run(root: Path, sender: Any = None, **facts: Any) -> Run:
    return make_run(root, mode="online", sender=sender, base_url="http://host/", **facts)


# ---- what may be asked


def test_a_run_says_what_it_is(tmp_path: Path) -> None:
    run = make_online_run(
        tmp_path,
        entity="ada",
        display_name="first",
        group="g",
        job_type="train",
        tags=("a",),
        notes="n",
        sweep_id="s1",
        starting_step=5,
        resumed=True,
    )
    assert (run.id, run.project, run.entity, run.path) == ("r1", "p", "ada", "ada/p/r1")
    assert (run.name, run.group, run.job_type, run.tags, run.notes) == (
        "first",
        "g",
        "train",
        ("a",),
        "n",
    )
    assert (run.sweep_id, run.starting_step, run.step, run.resumed) == ("s1", 5, 5, True)
    assert run.url == "http://host/ada/p/runs/r1"
    assert run.project_url == "http://host/ada/p"
    assert run.sweep_url == "http://host/ada/p/sweeps/s1"
    assert (run.offline, run.disabled) == (False, False)
    assert run.start_time == pytest.approx(run.facts.started_at_us / 1e6)
    assert run.settings.mode == "online"
    assert Path(run.dir) == Path(run.sync_dir) / "files"
    assert Path(run.dir).is_dir()
    assert "r1" in repr(run)


def test_what_was_not_given_is_empty(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert (run.name, run.notes, run.sweep_id, run.sweep_url) == (None, None, None, None)
    assert (run.entity, run.group, run.job_type, run.tags) == ("", "", "", ())
    assert (run.url, run.project_url, run.path) == (None, None, "p/r1")
    assert run.offline


def test_names_that_the_server_chose_are_known_once_it_answered(tmp_path: Path) -> None:
    sender = Sender(name=NAME)
    run = make_online_run(tmp_path, sender)
    assert run.name == "calm-lake-1"
    assert run.entity == "ada"
    assert run.url == "http://host/ada/p/runs/r1"


def test_names_in_addresses_are_quoted(tmp_path: Path) -> None:
    run = make_online_run(tmp_path, entity="a b", project="p/ä")
    assert run.project_url == "http://host/a%20b/p%2F%C3%A4"


# ---- what may be set


def test_properties_that_are_set_are_written_down(tmp_path: Path) -> None:
    run = make_run(tmp_path, tags=("a",))
    run.name = "better"
    run.notes = "# what we saw"
    run.tags += ("b", "a")
    run.tags = ["c"]  # type: ignore[assignment]
    assert (run.name, run.notes, run.tags) == ("better", "# what we saw", ("c",))
    assert list_records(run, journal.RUN) == [
        {"display_name": "better"},
        {"notes": "# what we saw"},
        {"tags": ["a", "b"]},
        {"tags": ["c"]},
    ]


def test_notes_are_taken_away_with_none(tmp_path: Path) -> None:
    run = make_run(tmp_path, notes="n")
    run.notes = None
    assert run.notes == ""
    assert list_records(run, journal.RUN) == [{"notes": ""}]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("name", 5, "name is text"),
        ("name", "x" * 513, "513 long"),
        ("notes", 3, "notes is text"),
        ("tags", "one", r"use \['one'\]"),
        ("tags", [1], "tag is text"),
        ("tags", [""], "at least one"),
        ("tags", ["x" * 257], "257 long"),
        ("tags", [str(n) for n in range(1001)], "1,001 long"),
    ],
)
def test_properties_that_cannot_be_are_refused(
    name: str, value: Any, message: str, tmp_path: Path
) -> None:
    run = make_run(tmp_path)
    with pytest.raises(Invalid, match=message):
        setattr(run, name, value)
    assert list_records(run, journal.RUN) == []


def test_the_config_is_written_down_as_it_changes(tmp_path: Path) -> None:
    run = make_run(tmp_path, config={"lr": 0.1})
    run.config["epochs"] = 3
    run.config.update({"model": {"depth": 2}})
    del run.config["epochs"]
    assert list_records(run, journal.CONFIG) == [
        {"set": {"epochs": 3}, "delete": []},
        {"set": {"model": {"depth": 2}}, "delete": []},
        {"set": {}, "delete": ["epochs"]},
    ]
    with pytest.raises(AttributeError):
        run.config_static.lr = 0.2
    assert run.config_static["lr"] == 0.1


def test_pinned_keys_are_part_of_the_hidden_config(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.pin_config_keys(["lr", "model"])
    expected = {"set": {"_wandb": {"pinned_keys": ["lr", "model"]}}, "delete": []}
    assert list_records(run, journal.CONFIG) == [expected]
    with pytest.raises(Invalid, match="list of keys"):
        run.pin_config_keys("lr")


def test_the_summary_follows_rows_and_takes_what_is_set(tmp_path: Path) -> None:
    run = make_run(tmp_path, summary={"before": 1})
    run.log({"loss": 1.0, "n": {"a": 1}, "gone": None})
    run.log({"loss": 0.5, "n": {"b": 2}})
    run.summary["best"] = 0.4
    run.summary["n"]["c"] = 3
    summary = dict(run.summary.items())
    assert summary.pop("_timestamp") >= run.start_time
    assert summary.pop("_runtime") >= 0
    assert summary == {
        "before": 1,
        "loss": 0.5,
        "n": {"a": 1, "b": 2, "c": 3},
        "best": 0.4,
        "_step": 1,
    }
    assert list_records(run, journal.SUMMARY) == [
        {"set": {"best": 0.4}, "delete": []},
        {"set": {"n": {"a": 1, "b": 2, "c": 3}}, "delete": []},
    ]


def test_metrics_are_defined_for_the_server_and_for_the_summary_here(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    metric = run.define_metric("acc", step_metric="epoch", summary="max,last", goal="maximize")
    run.define_metric("acc", overwrite=True, summary="max", step_sync=False)
    assert metric.name == "acc"
    for value in (0.5, 0.9, 0.7):
        run.log({"acc": value})
    assert run.summary["acc"] == {"max": 0.9}
    assert list_records(run, journal.METRIC) == [
        {
            "name": "acc",
            "step_metric": "epoch",
            "step_sync": True,
            "summary": ["max", "last"],
            "goal": "maximize",
        },
        {"name": "acc", "summary": ["max"], "step_sync": False, "overwrite": True},
    ]


def test_alerts_preemption_and_log_lines_are_written_down(tmp_path: Path) -> None:
    import enum

    class AlertLevel(enum.Enum):
        WARN = "WARN"

    run = make_run(tmp_path)
    run.alert("title", "text")
    run.alert("t", "x", level=AlertLevel.WARN, wait_duration=datetime.timedelta(minutes=5))
    run.alert("t", "x", level="ERROR", wait_duration=0)
    run.mark_preempting()
    run.write_logs("line")
    run.write_logs("line\n")
    base = {"title": "t", "text": "x"}
    assert list_records(run, journal.ALERT) == [
        {"title": "title", "text": "text", "level": "INFO", "wait_duration_ms": 60_000},
        {**base, "level": "WARN", "wait_duration_ms": 300_000},
        {**base, "level": "ERROR", "wait_duration_ms": 0},
    ]
    assert list_records(run, journal.PREEMPTING) == [{}]
    assert list_records(run, journal.CONSOLE) == [["stdout", "line\n"]] * 2


@pytest.mark.parametrize(
    "options", [{"level": "LOUD"}, {"wait_duration": -1}, {"wait_duration": "1h"}]
)
def test_alerts_that_make_no_sense_are_refused(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"level is|wait_duration is"):
        make_run(tmp_path).alert("title", "text", **options)


# ---- the end


def test_the_end_is_written_down_once_with_the_files_that_say_it_again(tmp_path: Path) -> None:
    run = make_run(tmp_path, config={"lr": 0.1, "nan": math.nan, "deep": {"a b": [1, "x: y"]}})
    run.log({"loss": math.inf})
    codes: list[int] = []
    run.add_end_hook(codes.append)
    run.add_end_hook(lambda code: run.log({"last": code}))
    run.finish(3)
    run.finish(0)
    assert codes == [3]
    assert list_rows(run)[-1][2] == {"last": 3}
    assert list_records(run, journal.FINISH) == [{"exit_code": 3}]
    assert (Path(run.dir) / "config.yaml").read_text() == (
        '"lr":\n    value: 0.1\n"nan":\n    value: .nan\n"deep":\n    value: {"a b": [1, "x: y"]}\n'
    )
    assert '"loss": Infinity' in (Path(run.dir) / "wandb-summary.json").read_text()
    assert run.folder is not None
    assert run.folder.files_list.read_text().count('"policy": "now"') == 2


def test_an_end_hook_that_fails_does_not_keep_the_run_from_ending(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path)

    class Console:
        uninstalled = 0

        def flush(self) -> None:
            pass

        def uninstall(self) -> None:
            Console.uninstalled += 1

    def fail(code: int) -> None:
        raise RuntimeError("no such thing")

    run.console = Console()
    run.add_end_hook(fail)
    run.finish()
    assert Console.uninstalled == 1
    assert list_records(run, journal.FINISH) == [{"exit_code": 0}]
    assert "RuntimeError: no such thing" in capsys.readouterr().err


def test_ctrl_c_in_an_end_hook_still_ends_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sender = Sender(Progress("done", 1, 1, 0))
    run = make_online_run(tmp_path, sender, entity="ada")

    def interrupt(code: int) -> None:
        raise KeyboardInterrupt

    run.add_end_hook(interrupt)
    run.finish(0)
    assert list_records(run, journal.FINISH) == [{"exit_code": 0}]
    assert sender.asked == []
    assert "steelyard sync" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (None, 0),
        (ValueError("boom"), 1),
        (KeyboardInterrupt(), 255),
        (SystemExit(0), 0),
        (SystemExit(), 0),
        (SystemExit(4), 4),
        (SystemExit("message"), 1),
    ],
)
def test_leaving_the_context_ends_the_run_with_the_code_of_what_ended_it(
    problem: BaseException | None, code: int, tmp_path: Path
) -> None:
    run = make_run(tmp_path)
    with suppress(ValueError, KeyboardInterrupt, SystemExit), run:
        if problem is not None:
            raise problem
    assert list_records(run, journal.FINISH) == [{"exit_code": code}]
    logged = "".join(text for _, text in list_records(run, journal.CONSOLE))
    assert ("Traceback" in logged) == (code != 0)


def test_an_exit_code_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="exit_code"):
        make_run(tmp_path).finish("failed")  # type: ignore[arg-type]


def test_after_the_end_nothing_is_taken_and_everything_may_be_asked(tmp_path: Path) -> None:
    run = make_run(tmp_path, config={"lr": 0.1})
    run.log({"loss": 0.5})
    run.finish()
    calls: list[Any] = [
        lambda: run.log({"a": 1}),
        lambda: run.alert("a", "b"),
        lambda: run.define_metric("a"),
        lambda: run.mark_preempting(),
        lambda: setattr(run, "name", "x"),
        lambda: run.summary.update({"a": 1}),
        lambda: run.config.update({"a": 1}),
    ]
    for call in calls:
        with pytest.raises(RunFinished, match="has finished"):
            call()
    run.write_logs("late")
    run.append_console("stdout", "late")
    assert run.summary["loss"] == 0.5
    assert run.config["lr"] == 0.1
    assert (run.id, run.name, run.step) == ("r1", None, 1)
    assert list_records(run, journal.CONSOLE) == []


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("offline", "send it: steelyard sync "), ("local", "see it: steelyard up")],
)
def test_a_run_without_a_server_says_where_it_is_kept(
    mode: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path, mode=mode)
    run.finish()
    [line] = capsys.readouterr().err.splitlines()
    assert expected in line
    assert run.sync_dir in line


MB = 1_000_000


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (Progress("done", 5, 5, 0), "is sent: http://host/ada/p/runs/r1"),
        (
            Progress("waiting", 2 * MB, 5 * MB, 1, "the server does not answer"),
            "3.0 MB and 1 file of run r1 (the server does not answer)",
        ),
        (Progress("working", 0, 0, 2), "2 files of run r1"),
        (Progress("refused", 0, 10, 0, "no such project"), "10 bytes left: no such project"),
    ],
)
def test_the_last_words_say_what_is_sent_and_what_to_do(
    progress: Progress, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sender = Sender(progress)
    run = make_online_run(tmp_path, sender, entity="ada")
    run.finish()
    said = capsys.readouterr().err
    assert expected in said
    assert (f"steelyard sync {run.sync_dir}" in said) == (progress.state != "done")
    assert sender.asked == [30.0]


def test_waiting_in_vain_raises_if_the_settings_say_so(tmp_path: Path) -> None:
    run = make_run(
        tmp_path,
        mode="online",
        sender=Sender(Progress("waiting", 0, 5, 0)),  # type: ignore[arg-type]
        settings={"finish_timeout_raises": True, "finish_timeout": 2.0},
    )
    with pytest.raises(TimeoutError, match=r"in 2 s.*steelyard sync"):
        run.finish()
    run.finish()


def test_a_timeout_of_0_waits_until_everything_is_sent(tmp_path: Path) -> None:
    sender = Sender(Progress("done", 5, 5, 0))
    run = make_run(
        tmp_path,
        mode="online",
        sender=sender,  # type: ignore[arg-type]
        settings={"finish_timeout": 0.0},
    )
    run.finish()
    assert sender.asked[0] > 24 * 3600


def test_ctrl_c_stops_the_waiting_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Impatient(Sender):
        def flush(self, run_dir: Path, *, timeout_s: float, on_progress: Any) -> Progress:
            on_progress(Progress("working", 1000, 5000, 0))
            raise KeyboardInterrupt

    run = make_online_run(tmp_path, Impatient(), entity="ada")
    run.finish()
    said = capsys.readouterr().err
    assert "Stopped waiting: 4.0 kB of run r1; the sender goes on" in said
    assert list_records(run, journal.FINISH) == [{"exit_code": 0}]


# ---- disabled, copied, shown


def test_a_disabled_run_takes_everything_and_keeps_nothing(tmp_path: Path) -> None:
    run = make_run(tmp_path, mode="disabled", config={"lr": 0.1})
    with run:
        run.log({"loss": 1.0, "n": {"a": 1}})
        run.log({"loss": 0.5}, step=7)
        run.summary["best"] = 1
        run.config["epochs"] = 2
        run.define_metric("loss", summary="min")
        run.alert("a", "b")
        run.name = "x"
        run.mark_preempting()
        run.write_logs("text")
        assert run.disabled
        assert not run.offline
        assert (run.step, run.url, run.name) == (7, None, "x")
        assert run.summary["loss"] == 0.5
        assert run.status() == RunStatus()
        (Path(run.dir) / "model.bin").write_bytes(b"weights")
    assert not (tmp_path / "steelyard").exists()
    with pytest.raises(RunFinished):
        run.log({"loss": 1})


def test_a_disabled_run_refuses_what_cannot_be_logged_as_well(tmp_path: Path) -> None:
    run = make_run(tmp_path, mode="disabled")
    with pytest.raises(Invalid):
        run.log({"loss": object()})
    with pytest.raises(Invalid):
        run.log(5)  # type: ignore[arg-type]


def test_a_copy_of_a_run_is_the_run(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert copy.deepcopy({"logger": run})["logger"] is run
    assert pickle.loads(pickle.dumps(run)) is run


def log_in_child(run: Run) -> None:
    run.log({"who": "child"}, step=5)
    run.log({"who": "child"})
    run.finish()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_run_that_is_given_to_another_process_goes_on_there(method: str, tmp_path: Path) -> None:
    run = make_run(tmp_path, config={"lr": 0.1})
    run.log({"who": "parent"})
    context = multiprocessing.get_context(method)
    process = context.Process(target=log_in_child, args=(run,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    run.log({"who": "parent"})
    run.finish()
    assert sorted((step, data["who"]) for step, _, data in list_rows(run)) == [
        (0, "parent"),
        (1, "parent"),
        (5, "child"),
        (5, "child"),
    ]
    # Each in its own journal; the run ends with that of the process that began it.
    assert list_records(run, journal.FINISH) == [{"exit_code": 0}] * 2


def test_a_run_from_elsewhere_is_disabled(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    kept = pickle.dumps(run)
    run.finish()
    assert run.folder is not None
    run.folder.path.rename(tmp_path / "gone")
    found = pickle.loads(kept)
    assert found.disabled
    assert found.id == "r1"
    found.log({"loss": 1})


def test_a_pickled_run_holds_no_key(tmp_path: Path) -> None:
    run = make_run(tmp_path, settings={"api_key": "secret" * 8})
    assert b"secret" not in pickle.dumps(run)


def test_a_run_is_shown_as_a_frame_with_its_page(tmp_path: Path) -> None:
    run = make_online_run(tmp_path, entity="ada")
    assert '<iframe src="http://host/ada/p/runs/r1?jupyter=true"' in run.to_html()
    assert run.to_html(hidden=True).startswith("<details>")
    assert "height:50px" in run.to_html(height=50)
    assert run.display() is False, "this is no notebook"
    offline = make_run(tmp_path)
    assert "<iframe" not in offline.to_html()
    assert "r1" in offline.to_html()


def test_the_status_is_what_the_sender_said_last(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.log({"loss": 1})
    assert run.status() == RunStatus(sync_items_total=2, sync_items_pending=2)
    assert run.folder is not None
    run.folder.status_path.write_text(
        '{"acknowledged": 50, "total": 100, "files_left": 1, "at_us": 1000000}'
    )
    assert run.status() == RunStatus(
        sync_items_total=3,
        sync_items_pending=2,
        sync_time=datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.UTC),
    )
