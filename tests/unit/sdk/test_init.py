"""`init()`: what ends up in the journal, which run is active, and where files go."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from steelyard.sdk.init import find_project_name
from steelyard.sdk.session import new_id
from tests.support.sdk_user import SdkUser

OFFLINE = {"WANDB_MODE": "offline"}


def test_start_says_everything_that_was_given(user: SdkUser) -> None:
    user.run(
        """
import steelyard as wandb
run = wandb.init(entity="me", project="p", id="abc", name="n", notes="notes", tags=["a", "b"],
                 group="g", job_type="eval", config={"lr": 0.1, "opt": {"b": (1, 2)}})
assert (run.id, run.project, run.name, run.group) == ("abc", "p", "n", "g")
wandb.log({"a": 1})
wandb.log({"a": 2})
""",
        **OFFLINE,
    )
    (folder,) = user.folders()
    start = user.start(folder)
    expected = {
        "v": 1,
        "role": "process",
        "run": "abc",
        "entity": "me",
        "project": "p",
        "mode": "offline",
        "display_name": "n",
        "notes": "notes",
        "tags": ["a", "b"],
        "group": "g",
        "job_type": "eval",
        "is_primary": True,
        "updates_finish_state": True,
        "python": ".".join(map(str, sys.version_info[:3])),
    }
    assert {key: start.get(key) for key in expected} == expected
    assert not {"resume", "step_base", "sweep"} & set(start)
    assert user.config(folder) == {"lr": 0.1, "opt": {"b": [1, 2]}}
    assert user.rows(folder) == [[0, True, {"a": 1}], [1, True, {"a": 2}]]


def test_the_environment_alone_says_where_a_run_goes(user: SdkUser) -> None:
    environ = {"WANDB_PROJECT": "p", "WANDB_RUN_ID": "x1", "WANDB_NAME": "n", "WANDB_TAGS": "a,b"}
    user.run("import steelyard as wandb; wandb.init().finish()", **environ, **OFFLINE)
    (folder,) = user.folders()
    start = user.start(folder)
    assert (start["project"], start["run"], start["display_name"]) == ("p", "x1", "n")
    assert start["tags"] == ["a", "b"]


def test_two_lines_say_where_the_run_is_and_silent_means_silent(user: SdkUser) -> None:
    script = "import steelyard as wandb; wandb.init(id='abc')"
    done = user.run(script + "; import os; os._exit(0)", **OFFLINE)
    assert done.stderr.count("\n") == 2
    assert "steelyard sync steelyard/offline-run-" in done.stderr
    done = user.run(script + "; import os; os._exit(0)")
    assert done.stderr.count("\n") == 2
    assert "steelyard up" in done.stderr
    assert user.run(script, WANDB_SILENT="true", **OFFLINE).stderr == ""
    assert user.run(script, WANDB_QUIET="true").stderr == ""


def test_without_a_server_the_run_stays_here(user: SdkUser) -> None:
    user.run(
        "import steelyard as wandb; wandb.init().finish()", WANDB_BASE_URL="https://api.wandb.ai"
    )
    (folder,) = user.folders()
    assert json.loads(folder.run_json.read_text())["mode"] == "local"
    assert folder.path.name.startswith("run-")


def test_disabled_runs_take_everything_and_leave_nothing(user: SdkUser) -> None:
    done = user.run(
        """
import steelyard as wandb
run = wandb.init(mode="disabled", config={"lr": 1})
wandb.config.update({"bs": 2}); wandb.log({"a": 1}); wandb.summary["x"] = 2
wandb.define_metric("a", summary="max"); wandb.alert("t", "x")
assert run.disabled and wandb.config.lr == 1 and wandb.run is run
wandb.finish()
assert wandb.run is None
"""
    )
    assert done.stdout + done.stderr == ""
    assert list(user.home.iterdir()) == []


@pytest.mark.parametrize("way", ["init(dir=d)", "WANDB_DIR", "cwd"])
def test_the_folder_is_made_where_one_says(user: SdkUser, tmp_path: Path, way: str) -> None:
    there = tmp_path / "there"
    there.mkdir()
    argument = f"dir={str(there)!r}" if way == "init(dir=d)" else ""
    environ = {"WANDB_DIR": str(there)} if way == "WANDB_DIR" else {}
    cwd = there if way == "cwd" else None
    script = f"import steelyard as wandb; wandb.init({argument}).finish()"
    user.run(script, cwd=cwd, **environ, **OFFLINE)
    assert len(user.folders(there)) == 1
    assert user.folders() == []


def test_it_works_without_home_and_in_a_deleted_directory(user: SdkUser, tmp_path: Path) -> None:
    script = "import steelyard as wandb; wandb.init(project='p').finish()"
    user.run(script, without=("HOME",), **OFFLINE)
    assert len(user.folders()) == 1
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"import os; os.rmdir({str(gone)!r}); {script}"
    user.run(script, cwd=gone, WANDB_DIR=str(user.home), **OFFLINE)
    assert len(user.folders()) == 2


def test_a_second_init_returns_the_active_run_unless_told_otherwise(user: SdkUser) -> None:
    done = user.run(
        """
import steelyard as wandb
first = wandb.init()
assert wandb.init() is first
assert wandb.init(reinit=False) is wandb.init(reinit="return_previous") is first
beside = wandb.init(reinit="create_new")
assert beside is not first and wandb.run is first
beside.log({"b": 1}); wandb.log({"a": 1}); beside.finish()
after = wandb.init(reinit="finish_previous")
assert after is not first and wandb.run is after
try:
    first.log({"a": 1})
except wandb.UsageError as error:
    print(error)
assert wandb.init(reinit=True) is not after
wandb.finish()
assert wandb.run is None
assert wandb.init() is not first
""",
        **OFFLINE,
    )
    assert "finished" in done.stdout
    assert done.stderr.count("returns that run") == 3
    assert len(user.folders()) == 5


def test_ids_differ_over_threads_and_forks() -> None:
    assert len({new_id() for _ in range(20_000)}) == 20_000
    assert set("".join(new_id() for _ in range(200))) <= set("abcdefghijklmnopqrstuvwxyz0123456789")
    assert [len(new_id(length)) for length in (1, 8, 40)] == [1, 8, 40]


def test_many_runs_at_once_have_folders_of_their_own(user: SdkUser) -> None:
    user.run(
        """
import threading
import steelyard as wandb
def train(i):
    run = wandb.init(reinit="create_new", config={"i": i}); run.log({"i": i}); run.finish()
threads = [threading.Thread(target=train, args=(i,)) for i in range(24)]
for t in threads: t.start()
for t in threads: t.join()
""",
        WANDB_SILENT="true",
        WANDB_X_DISABLE_META="true",
        **OFFLINE,
    )
    folders = user.folders()
    assert len({user.start(folder)["run"] for folder in folders}) == 24
    for folder in folders:
        assert user.rows(folder) == [[0, True, user.config(folder)]]


def test_wrong_arguments_are_told_before_anything_is_made(user: SdkUser) -> None:
    done = user.run(
        """
import steelyard as wandb
for options in ({"id": "a/b"}, {"mode": "of"}, {"resume": "maybe"}, {"project": "a#b"},
                {"settings": {"x": 1}}, {"settings": 3}, {"config": [1]}, {"config": "none.yaml"},
                {"fork_from": "abc"}, {"resume": "must", "fork_from": "a?_step=1"},
                {"id": "a", "fork_from": "a?_step=1"}, {"id": "b", "resume_from": "a?_step=1"}):
    try:
        wandb.init(**options)
    except wandb.Error as error:
        print(error)
""",
        **OFFLINE,
    )
    assert done.stdout.count("\n") == 12
    assert user.folders() == []


CONFIG_SCRIPT = "import steelyard as wandb; wandb.init(config={config}).finish()"


def test_config_files_arguments_and_sweeps_win_in_wandbs_order(user: SdkUser) -> None:
    (user.home / "config-defaults.yaml").write_text(
        "lr: {value: 0.5}\nbs: {value: 64}\nd: {value: 1}\n"
    )
    (user.home / "more.yaml").write_text("seed: 1e-3\nlr: 0.3\n")
    (user.home / "sweep.yaml").write_text(
        "wandb_version: 1\nlr:\n  value: 0.1\nopt:\n  value: {a: 2}\n"
    )
    environ = {"WANDB_CONFIG_PATHS": "more.yaml", **OFFLINE}
    user.run(CONFIG_SCRIPT.format(config="{'lr': 0.4, 'opt': {'a': 1, 'b': 1}}"), **environ)
    environ |= {"WANDB_SWEEP_PARAM_PATH": "sweep.yaml", "WANDB_SWEEP_ID": "sw1"}
    done = user.run(
        """
import steelyard as wandb
run = wandb.init(project="ignored", config={"lr": 0.4, "opt": {"a": 1, "b": 1}})
wandb.config.update({"lr": 9})
assert run.config.lr == 0.1 and run.project != "ignored" and run.sweep_id == "sw1"
""",
        **environ,
    )
    assert "project of init() is ignored" in done.stderr
    first, second = user.folders()
    common = {"bs": 64, "d": 1, "seed": 0.001}
    assert user.config(first) == {"lr": 0.3, "opt": {"a": 1, "b": 1}, **common}
    assert user.config(second) == {"lr": 0.1, "opt": {"a": 2, "b": 1}, **common}
    assert user.start(second)["sweep"] == "sw1"


def test_config_from_a_yaml_file_with_keys_chosen(user: SdkUser) -> None:
    (user.home / "c.yaml").write_text("lr: 1e-4\nopt:\n  betas: [0.9, 0.99]\nsecret: x\n")
    script = (
        "import steelyard as wandb; wandb.init(config='c.yaml', config_exclude_keys=['secret'])"
    )
    user.run(script, **OFFLINE)
    (folder,) = user.folders()
    assert user.config(folder) == {"lr": 1e-4, "opt": {"betas": [0.9, 0.99]}}


def test_auto_goes_on_with_a_run_that_failed_and_not_with_one_that_ended_well(
    user: SdkUser,
) -> None:
    script = "import steelyard as wandb; print(wandb.init(resume={}).id); {}"
    failed = user.run(script.format("True", "1/0"), check=False, **OFFLINE).stdout
    again = user.run(script.format("'auto'", "pass"), **OFFLINE).stdout
    anew = user.run(script.format("'auto'", "pass"), **OFFLINE).stdout
    assert failed == again != anew
    assert [user.start(folder).get("resume") for folder in user.folders()] == ["allow"] * 3


def test_settings_may_be_an_object_or_a_dict_and_arguments_win(user: SdkUser) -> None:
    user.run(
        """
import steelyard as wandb
with wandb.init(settings=wandb.Settings(mode="offline", run_name="a")) as run:
    assert run.offline and run.name == "a"
with wandb.init(name="b", settings={"mode": "offline", "run_name": "a", "x_label": "l"}) as run:
    assert run.name == "b" and run.settings.x_label == "l"
wandb.setup(wandb.Settings(run_job_type="setup"))
with wandb.init(mode="offline") as run:
    assert run.job_type == "setup"
wandb.teardown()
"""
    )


def test_a_forked_child_begins_a_run_of_its_own(user: SdkUser) -> None:
    user.run(
        """
import os, sys
import steelyard as wandb
parent = wandb.init(id="parent")
pid = os.fork()
if pid == 0:
    child = wandb.init(id="child")
    assert child is not parent and wandb.run is child
    wandb.log({"c": 1}); wandb.finish()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert wandb.run is parent
wandb.log({"p": 1})
""",
        **OFFLINE,
    )
    rows = {user.start(folder)["run"]: user.rows(folder) for folder in user.folders()}
    assert rows == {"parent": [[0, True, {"p": 1}]], "child": [[0, True, {"c": 1}]]}


def test_the_project_is_named_after_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "my#repo"
    (root / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(root / "a")
    assert find_project_name("t.py", look_at_git=True) == "uncategorized"
    (root / ".git").mkdir()
    assert find_project_name(str(root / "t.py"), look_at_git=True) == "my-repo"
    assert find_project_name("b/t.py", look_at_git=True) == "my-repo-a_b"
    assert find_project_name(None, look_at_git=True) == "my-repo"
    assert find_project_name("/elsewhere/t.py", look_at_git=True) == "my-repo"
    assert find_project_name("t.py", look_at_git=False) == "uncategorized"
