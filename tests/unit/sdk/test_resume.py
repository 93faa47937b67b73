"""Going on with runs on a real server, and without one that answers."""

from __future__ import annotations

import uuid

import pytest

from tests.support.sdk_user import SdkUser

FIRST = """
import steelyard as wandb
with wandb.init(id="r", name="first", tags=["t"], config={"lr": 1, "bs": 2}) as run:
    for i in range(3): run.log({"a": i})
"""


@pytest.fixture
def person(online_user: SdkUser) -> SdkUser:
    online_user.environ["WANDB_PROJECT"] = f"resume-{uuid.uuid4().hex[:8]}"
    return online_user


@pytest.mark.parametrize("resume", ["allow", "must"])
def test_a_run_goes_on_with_its_steps_config_and_summary(person: SdkUser, resume: str) -> None:
    person.run(FIRST)
    person.run(
        f"""
import steelyard as wandb
run = wandb.init(id="r", resume={resume!r}, config={{"lr": 5}})
assert run.resumed and run.step == run.starting_step == 3, run.step
assert dict(run.config) == {{"lr": 5, "bs": 2}}, run.config
assert run.summary["a"] == 2 and run.name == "first" and run.tags == ("t",)
run.log({{"a": 9}})
run.finish()
"""
    )
    _, second = person.folders()
    assert person.start(second)["step_base"] == 3
    assert person.config(second) == {"lr": 5}


def test_what_is_not_there_or_there_already_is_told(person: SdkUser) -> None:
    person.run(FIRST)
    done = person.run(
        """
import steelyard as wandb
for options in ({"id": "none", "resume": "must"}, {"id": "r", "resume": "never"},
                {"fork_from": "none?_step=1"}, {"fork_from": "r?_step=7"}):
    try:
        wandb.init(**options)
    except wandb.UsageError as error:
        print(error)
run = wandb.init(id="new", resume="allow")
print(run.resumed, run.step)
run.finish()
run = wandb.init(id="newer", resume="never")
"""
    )
    lines = done.stdout.splitlines()
    assert "there is no run 'none'" in lines[0]
    assert "already" in lines[1]
    assert "there is no run 'none'" in lines[2]
    assert "has no step 7; its last one is 2" in lines[3]
    assert lines[4] == "False 0"


def test_a_fork_begins_with_the_steps_and_config_of_its_source(person: SdkUser) -> None:
    person.run(FIRST)
    person.run(
        """
import steelyard as wandb
run = wandb.init(fork_from="r?_step=1", config={"lr": 7})
assert run.id != "r" and run.step == 2 and not run.resumed
assert dict(run.config) == {"lr": 7, "bs": 2}
run.finish()
run = wandb.init(resume_from="r?_step=1")
assert run.id == "r" and run.step == 2
run.finish()
"""
    )
    _, fork, rewind = person.folders()
    assert person.start(fork)["fork_from"] == {"run": "r", "step": 1}
    assert person.start(rewind)["resume_from"] == {"run": "r", "step": 1}


def test_a_server_that_is_away_stops_only_those_who_must_have_it(user: SdkUser) -> None:
    user.environ |= {"WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_API_KEY": "k" * 40}
    done = user.run(
        """
import steelyard as wandb
try:
    wandb.init(id="r", resume="must")
except wandb.CommError as error:
    print(error)
run = wandb.init(id="r", resume="allow", settings={"finish_timeout": 0.1})
run.log({"a": 1})
""",
    )
    assert "resume='must' needs the server" in done.stdout
    assert "connection refused" in done.stdout
    assert "the run begins all the same" in done.stderr
    (folder,) = user.folders()
    start = user.start(folder)
    assert start["resume"] == "allow"
    assert "step_base" not in start
    assert user.rows(folder) == [[0, True, {"a": 1}]]
