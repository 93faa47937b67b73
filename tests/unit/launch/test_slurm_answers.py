"""What squeue and sacct print, read as it was recorded from Slurm 22.05 and from its manuals."""

from __future__ import annotations

from steelyard.launch.interface import TaskStatus
from steelyard.launch.slurm import parse_sacct, parse_squeue

SQUEUE = """\
4|RUNNING|0|node7|None|
5|PENDING|0||JobArrayTaskLimit|
6|PENDING|0|None assigned|BeginTime|
1|COMPLETED|0|node7|None|
2|FAILED|768|node7|NonZeroExitCode|
3|CANCELLED|15|node7|None|
7|TIMEOUT|1|node8|TimeLimit|
8|FAILED|9|node8|JobLaunchFailure|
9|COMPLETING|0|node8|None|
N/A|RUNNING|0|node8|None|
"""
SACCT = """\
17_1|COMPLETED|0:0|node7
17_2|FAILED|3:0|node7
17_3|CANCELLED by 1000|0:15|node7
17_4|OUT_OF_MEMORY|0:125|node8
17_[5-9%2]|PENDING|0:0|None assigned
17|COMPLETED|0:0|node7
"""


def test_every_state_of_squeue_is_told() -> None:
    found = dict(parse_squeue(SQUEUE))
    assert sorted(found) == list(range(1, 10))
    assert found[1] == TaskStatus(index=1, state="succeeded", exit_code=0, place="node7")
    assert found[2] == TaskStatus(index=2, state="failed", exit_code=3, place="node7")
    assert found[3] == TaskStatus(index=3, state="cancelled", place="node7")
    assert found[4] == TaskStatus(index=4, state="running", place="node7")
    assert found[5] == TaskStatus(index=5, state="waiting", reason="JobArrayTaskLimit")
    assert found[6] == TaskStatus(index=6, state="waiting", reason="BeginTime")
    assert (found[7].state, found[7].exit_code) == ("failed", None)
    assert "TimeLimit" in str(found[7].reason)
    assert (found[8].state, found[8].exit_code) == ("failed", None)
    assert "signal 9" in str(found[8].reason)
    assert found[9].state == "running"


def test_what_accounting_remembers_is_told() -> None:
    found = dict(parse_sacct(SACCT))
    assert sorted(found) == [1, 2, 3, 4]
    assert [found[index].state for index in (1, 2, 3, 4)] == [
        "succeeded",
        "failed",
        "cancelled",
        "failed",
    ]
    assert (found[2].exit_code, found[4].exit_code) == (3, None)


def test_a_state_that_is_new_to_us_counts_as_running() -> None:
    [(_, task)] = parse_squeue("1|LEVITATING|0|node7|None|\n")
    assert task.state == "running"
