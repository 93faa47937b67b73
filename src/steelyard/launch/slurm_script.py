"""The batch script of an array of agents, as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from steelyard.errors import Invalid
from steelyard.launch.bash_text import join, quote
from steelyard.launch.interface import VARIABLE, AgentJob

#: Seconds before the time limit at which an agent is told to go.
NOTICE_S: Final = 60

#: Options of sbatch that the script needs as they are.
OURS: Final = {
    "array": "say --array and --parallel",
    "chdir": "the script changes to the directory itself",
    "export": "the agents need the environment as it is",
    "no-requeue": "a preempted agent has to come back",
    "parsable": "it is how the job's id is read",
    "requeue": "it is on already",
    "signal": f"it is B:USR1@{NOTICE_S} already",
    "test-only": "nothing would be submitted",
    "wait": "say --wait",
    "wrap": "the script is the command",
}
OPTION: Final = re.compile(r"[a-z][a-z0-9-]*", re.ASCII)
# What Slurm's own reader of #SBATCH lines takes for itself: quotes, backslashes, comments, blanks.
VALUE: Final = re.compile(r"[!$-&(-\[\]-~]*", re.ASCII)
UNSAFE_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)

BODY: Final = """\
# Slurm tells every process of a task that it is over (TERM: scancel, preemption); the agent then
# gives its configuration back, and this script waits for it. Before the time limit only the script
# is told (USR1): it sends the agent off in the same way, and puts the task back into the queue.
"${agent[@]}" &
agent_pid=$!
is_out_of_time=false
trap 'is_out_of_time=true; kill -TERM "$agent_pid" 2>/dev/null' USR1
trap : TERM
wait "$agent_pid"
status=$?
while kill -0 "$agent_pid" 2>/dev/null; do
    wait "$agent_pid"
    status=$?
done
if [ "$is_out_of_time" = true ] && [ "$status" -ne 0 ]; then
    exec scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit "$status"
"""


def check_options(options: Mapping[str, str]) -> None:
    """Raise Invalid for an option of sbatch that cannot stand in the script."""
    for name, value in options.items():
        if name in OURS:
            raise Invalid(f"--{name} of sbatch is not yours to choose here: {OURS[name]}")
        if not OPTION.fullmatch(name):
            raise Invalid(
                f"{name!r} is no option of sbatch; write its long name without the hyphens, "
                "as in partition=gpu"
            )
        if not VALUE.fullmatch(value):
            raise Invalid(
                f"{name}={value!r}: a value of sbatch's options has no blanks, quotes, "
                "backslashes, # or letters beyond ASCII here"
            )


def write_script(
    job: AgentJob,
    options: Mapping[str, str],
    *,
    comments: tuple[str, ...] = (),
    defaults: Mapping[str, str] | None = None,
) -> str:
    """The script that `sbatch` takes for this job.

    Args:
        options: long options of sbatch by name; an empty value is an option without one.
        comments: lines for people, at the top.
        defaults: variables that are set unless the one who submits has set them.
    Raises Invalid for options that cannot stand in it.
    """
    check_options(options)
    throttle = "" if job.parallel is None else f"%{job.parallel}"
    known = {
        "job-name": UNSAFE_IN_NAMES.sub("-", job.name)[:64] or "agents",
        "output": "slurm-%A_%a.out",
        "open-mode": "append",
    }
    # open-mode: a task that comes back goes on in the same file.
    wanted = {
        "array": f"1-{job.tasks}{throttle}",
        **known,
        "requeue": "",
        "signal": f"B:USR1@{NOTICE_S}",
    } | dict(options)
    lines = ["#!/bin/bash"]
    lines += [f"# {_flatten(comment)}" for comment in comments]
    lines += [f"#SBATCH --{name}{'=' if value else ''}{value}" for name, value in wanted.items()]
    lines += ["", f"cd -- {quote(job.directory)} || exit 1"]
    lines += [f"export {name}={quote(value)}" for name, value in job.environ.items()]
    for name, value in (defaults or {}).items():
        assert VARIABLE.fullmatch(name)
        lines.append(f'[ -n "${{{name}:-}}" ] || export {name}={quote(value)}')
    lines += [f"agent=({join(job.command)})", ""]
    return "\n".join(lines) + "\n" + BODY


def _flatten(comment: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in comment).split())
