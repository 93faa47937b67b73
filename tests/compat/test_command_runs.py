"""`steelyard runs` and `steelyard run show` against a server, piped and on a terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.sdk_user import SdkUser
from tests.support.wandb_log import write_log


@pytest.fixture
def project(shared_server: ThrowawayServer, user: SdkUser) -> str:
    """A project with two runs: r0 finished, r1 failed."""
    from wandb.proto import wandb_internal_pb2 as pb

    project = f"runs-{uuid.uuid4().hex[:8]}"
    for n in range(2):
        run = pb.RunRecord(run_id=f"r{n}", project=project, display_name=f"run {n}", tags=["t"])
        run.start_time.FromMicroseconds(1_795_268_081_000_000 + n)
        run.config.update.add(key="lr", value_json=json.dumps(0.1 * n))
        run.config.update.add(key="model", value_json='{"depth": 3}')
        row = pb.HistoryRecord(step=pb.HistoryStep(num=4))
        row.item.add(key="loss", value_json=str(1 - n / 2))
        row.item.add(key="_timestamp", value_json="1795268085.0")
        out = pb.OutputRawRecord(output_type=1, line=f"one\n\x1b[31mtwo {n}\x1b[0m\n")
        records = [
            pb.Record(run=run),
            pb.Record(history=row),
            pb.Record(output_raw=out),
            pb.Record(exit=pb.RunExitRecord(exit_code=n)),
        ]
        folder = user.home / f"wandb/offline-run-2026112{n}_000000-r{n}"
        folder.mkdir(parents=True)
        write_log(folder / f"run-r{n}.wandb", records)
    user.command("sync", "wandb")
    return project


@pytest.fixture
def user(tmp_path: Path, shared_server: ThrowawayServer) -> SdkUser:
    return SdkUser(
        tmp_path / "home",
        WANDB_BASE_URL=shared_server.base_url,
        WANDB_API_KEY=shared_server.owner_key,
    )


def on_a_terminal(user: SdkUser, *arguments: str) -> str:
    """What `steelyard …` shows on a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "steelyard", *arguments],
        cwd=user.home,
        env={**user.environ, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as child:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            shown += part
        assert child.wait(60) == 0, shown
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def test_piped_lists_have_tabs_and_exact_times(user: SdkUser, project: str) -> None:
    listed = user.command("runs", project, "--columns", "config.lr,loss,tags").stdout
    head, newest, oldest = (line.split("\t") for line in listed.splitlines())
    assert head == ["NAME", "ID", "STATE", "CREATED", "DURATION_S", "lr", "loss", "TAGS"]
    assert newest[:3] == ["run 1", "r1", "failed"]
    assert newest[3] == "2026-11-21T13:34:41.000001+00:00"
    assert float(newest[4]) == pytest.approx(4, abs=0.1)
    assert newest[5:] == ["0.1", "0.5", "t"]
    assert oldest[1:3] == ["r0", "finished"]


def test_a_terminal_shows_colours_and_ages(user: SdkUser, project: str) -> None:
    shown = on_a_terminal(user, "runs", project, "--limit", "1")
    assert "\x1b[31mfailed" in shown
    assert "AGE" in shown and "\t" not in shown
    assert "1 of 2 runs" in shown


def test_runs_are_filtered_sorted_and_printed_as_json(user: SdkUser, project: str) -> None:
    rows = json.loads(user.command("runs", project, "--sort", "-loss", "--json").stdout)
    assert [row["name"] for row in rows] == ["r0", "r1"]
    rows = json.loads(user.command("runs", project, "--filter", "config.lr>0.05", "--json").stdout)
    assert [row["name"] for row in rows] == ["r1"]


def test_projects_are_listed_without_one(user: SdkUser, project: str) -> None:
    assert f"/{project}\t2\t0\t" in user.command("runs").stdout
    entity = json.loads(user.command("runs", project, "--json").stdout)[0]["entity"]
    assert f"{entity}/{project}\t" in user.command("runs", f"{entity}/").stdout


@pytest.mark.parametrize("form", ["{p}/r1", "{e}/{p}/r1", "{e}/{p}/runs/r1", "r1", "{url}"])
def test_a_run_is_shown_by_every_form_of_its_path(
    user: SdkUser, project: str, shared_server: ThrowawayServer, form: str
) -> None:
    entity = shared_server.call("GET", "/api/v1/me")["default_entity"]
    url = f"{shared_server.base_url}/{entity}/{project}/runs/r1"
    path = form.format(p=project, e=entity, url=url)
    shown = user.command("run", "show", path, WANDB_PROJECT=project).stdout
    assert shown.startswith("run 1  failed\n")
    for words in (url, "exit code  1", "lr           0.1", "model.depth  3", "loss", "0.5"):
        assert words in shown
    assert "\x1b" not in shown


def test_parts_of_a_run_are_shown_alone(user: SdkUser, project: str) -> None:
    path = f"{project}/r1"
    assert user.command("run", "show", path, "--log", "1").stdout == "two 1\n"
    assert "\x1b[31mtwo 1" in on_a_terminal(user, "run", "show", path, "--log", "5")
    keys = user.command("run", "show", path, "--keys").stdout
    assert keys.splitlines()[0] == "KEY\tKIND\tLAST STEP"
    assert "loss\tnumber\t4" in keys
    assert json.loads(user.command("run", "show", path, "--json").stdout)["exit_code"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["runs", "nowhere"], "check the spelling"),
        (["run", "show", "nowhere/x"], "no "),
        (["run", "show", "x"], "WANDB_PROJECT"),
        (["runs", "a/b/c"], "ENTITY/PROJECT"),
        (["runs", "p", "--filter", "loss"], "FIELD=VALUE"),
    ],
)
def test_what_fails_is_one_line_with_the_next_step(
    user: SdkUser, arguments: list[str], words: str
) -> None:
    done = user.command(*arguments, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("steelyard: ") and done.stderr.count("\n") == 1
    assert words in done.stderr


def test_without_a_server_it_is_said_how_to_name_one(tmp_path: Path) -> None:
    done = SdkUser(tmp_path / "home").command("runs", check=False)
    assert done.returncode == 1
    assert "steelyard login --host" in done.stderr
