"""Going on with a run: resume in its four ways, rewind and fork."""

from __future__ import annotations

import pytest

from tests.support.official_client import OfficialClient
from tests.support.run_reader import RunReader

# Logs `value` for some steps into run `r`, with the arguments of init given as text.
LOG = """
import sys, wandb
run = wandb.init(**eval(sys.argv[1]))
for _ in range(int(sys.argv[3])):
    run.log({"value": float(sys.argv[2]), "at": run.step})
run.finish()
"""


def log(client: OfficialClient, init: str, value: float, count: int, **environ: str) -> str:
    return client.run_script(LOG, init, str(value), str(count), **environ).stdout


def values(runs: RunReader, name: str) -> list[tuple[int, float]]:
    return [(row["_step"], row["value"]) for row in runs.list_history(name)]


@pytest.mark.parametrize("resume", ["allow", "must"])
def test_a_resumed_run_goes_on_after_its_last_step(
    client: OfficialClient, runs: RunReader, resume: str
) -> None:
    log(client, "dict(id='r', config={'a': 1}, tags=['kept'])", 1.0, 3)
    log(client, f"dict(id='r', resume={resume!r}, config={{'b': 2}})", 2.0, 2)
    assert values(runs, "r") == [(0, 1.0), (1, 1.0), (2, 1.0), (3, 2.0), (4, 2.0)]
    run = runs.get_run("r")
    assert run["config"] == {"a": 1, "b": 2}
    assert run["tags"] == ["kept"]
    assert run["state"] == "finished"


def test_resume_allow_starts_a_run_that_does_not_exist(
    client: OfficialClient, runs: RunReader
) -> None:
    log(client, "dict(id='r', resume='allow')", 1.0, 2)
    assert values(runs, "r") == [(0, 1.0), (1, 1.0)]


def test_resume_must_refuses_a_run_that_does_not_exist(
    client: OfficialClient, runs: RunReader
) -> None:
    done = client.run_script(LOG, "dict(id='r', resume='must')", "1", "1", check=False)
    assert done.returncode != 0
    assert "resume" in done.stdout
    assert runs.list_runs() == []


def test_resume_never_refuses_a_run_that_exists(client: OfficialClient, runs: RunReader) -> None:
    log(client, "dict(id='r', resume='never')", 1.0, 2)
    done = client.run_script(LOG, "dict(id='r', resume='never')", "2", "2", check=False)
    assert done.returncode != 0
    assert values(runs, "r") == [(0, 1.0), (1, 1.0)]


def test_resume_auto_goes_on_with_the_run_that_died_here(
    client: OfficialClient, runs: RunReader
) -> None:
    died = (
        "import os, time, wandb\n"
        "run = wandb.init(resume='auto')\n"
        "for _ in range(3): run.log({'value': 1.0})\n"
        "time.sleep(4)\n"  # the client sends within a second
        "os._exit(9)\n"
    )
    client.run_script(died, check=False)
    log(client, "dict(resume='auto')", 2.0, 1)
    run = runs.get_only_run()
    assert values(runs, run["name"]) == [(0, 1.0), (1, 1.0), (2, 1.0), (3, 2.0)]


def test_a_run_started_anew_under_its_id_writes_over_the_steps_it_logs(
    client: OfficialClient, runs: RunReader
) -> None:
    log(client, "dict(id='r')", 1.0, 5)
    log(client, "dict(id='r')", 2.0, 3)
    assert values(runs, "r") == [(0, 2.0), (1, 2.0), (2, 2.0), (3, 1.0), (4, 1.0)]


def test_a_resumed_run_keeps_its_console_lines(client: OfficialClient, runs: RunReader) -> None:
    speak = "import sys, wandb\nwith wandb.init(id='r', resume='allow'): print(sys.argv[1])\n"
    client.run_script(speak, "first")
    client.run_script(speak, "second")
    assert runs.list_logs("r") == ["first", "second"]


def test_a_rewound_run_forgets_what_came_after(client: OfficialClient, runs: RunReader) -> None:
    log(client, "dict(id='r')", 1.0, 10)
    log(client, "dict(resume_from='r?_step=3')", 2.0, 2)
    expected = [(0, 1.0), (1, 1.0), (2, 1.0), (3, 1.0), (4, 2.0), (5, 2.0)]
    assert values(runs, "r") == expected
    assert runs.get_run("r")["summary"]["value"] == 2.0


def test_a_fork_shares_the_past_and_leaves_its_parent_alone(
    client: OfficialClient, runs: RunReader
) -> None:
    log(client, "dict(id='parent', config={'lr': 1})", 1.0, 10)
    log(client, "dict(id='child', fork_from='parent?_step=3')", 2.0, 2)
    expected = [(0, 1.0), (1, 1.0), (2, 1.0), (3, 1.0), (4, 2.0), (5, 2.0)]
    assert values(runs, "child") == expected
    assert values(runs, "parent") == [(step, 1.0) for step in range(10)]
    assert runs.get_run("child")["config"]["lr"] == 1


@pytest.mark.parametrize("init", ["dict(id='r')", "dict(id='r', fork_from='parent?_step=3')"])
def test_a_run_that_is_synced_again_stays_as_it_is(
    client: OfficialClient, runs: RunReader, init: str
) -> None:
    log(client, "dict(id='parent')", 1.0, 10)
    log(client, init, 2.0, 5)
    before = runs.list_history("r")
    (directory,) = (client.home / "wandb").glob("run-*-r")
    client.command("sync", "--include-online", "--include-synced", str(directory))
    assert runs.list_history("r") == before
