"""The facts of a process as METADATA records: quick ones first, then those that cost time.

Names are those of wandb 0.31.0 (EnvironmentRecord in wandb/proto/wandb_internal.proto), so that
its API finds them; `executable`, `environment`, `kubernetes`, `container` and what git tells
beyond commit and remote are ours.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping

from steelyard.sdk.capture import git, gpu, machine, secrets, switches
from steelyard.sdk.capture.git import WorkTree
from steelyard.sdk.capture.program import find_program, find_tree

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any


def collect_metadata(
    facts: Mapping[str, Any], settings: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Parts of the metadata; each is a map whose keys replace those of earlier ones.

    `facts` is what `gather_process_facts` said in the user's process. The first part takes a few
    milliseconds and starts no process; later ones may take seconds. Raises nothing for what
    cannot be found: it is left out.
    """
    tree = find_tree(facts, settings)
    head = _describe_head(tree, settings) if switches.may_capture_git(settings) else {}
    first = {"git": head} if head else {}
    if switches.may_capture_metadata(settings):
        first |= describe_process(facts, settings, tree) | machine.describe_cluster(facts)
    if first:
        yield first
    if switches.may_capture_metadata(settings):
        yield machine.describe_machine(facts, settings)
        cards = gpu.describe_gpus(settings)
        if cards:
            yield cards
    if tree is not None:
        yield {"git": head | _describe_changes(tree, head, settings)}


def describe_process(
    facts: Mapping[str, Any], settings: Mapping[str, Any], tree: WorkTree | None
) -> dict[str, Any]:
    """What needs no subprocess. Command lines and URLs come without credentials."""
    program = find_program(facts, settings, tree)
    started_us = facts.get("started_at_us") or 0
    told = {
        "os": machine.describe_platform(),
        "python": facts.get("python"),
        "startedAt": _format_time(started_us) if started_us else None,
        "docker": machine.find_image(facts, settings),
        "args": secrets.redact_arguments((facts.get("argv") or ())[1:]),
        "command": secrets.redact_arguments(facts.get("orig_argv") or ()),
        "program": secrets.redact_text(program.name) if program.name else None,
        "codePath": program.code_path,
        "codePathLocal": program.local_path,
        "email": settings.get("email"),
        "root": settings.get("root_dir") or facts.get("cwd"),
        "host": settings.get("host") or os.uname().nodename,
        "username": settings.get("username") or facts.get("username") or _find_user(),
        "executable": facts.get("executable"),
        "pid": facts.get("pid"),
    }
    if facts.get("is_notebook"):
        told["notebook"] = (facts.get("notebook") or {}).get("frontend")
    return {key: value for key, value in told.items() if value not in (None, "", [])}


def _describe_head(tree: WorkTree | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Commit, branch and remote by files alone, unless the settings know better."""
    head = git.read_head(tree) if tree is not None else git.Head(None, None)
    remote = settings.get("git_remote_url") or (
        git.read_remote_url(tree, settings.get("git_remote") or "origin") if tree else None
    )
    told = {
        "remote": secrets.strip_url_credentials(remote) if remote else None,
        "commit": settings.get("git_commit") or head.commit,
        "branch": head.branch,
    }
    return {key: value for key, value in told.items() if value}


def _describe_changes(
    tree: WorkTree, head: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Whether and in what the work tree differs from its commit: what git has to be asked."""
    from steelyard.sdk.capture import git_commands  # what starts processes is slow to load

    told: dict[str, Any] = {}
    if not head.get("commit"):
        told["commit"] = git_commands.read_commit(tree)
    told["dirty"] = git_commands.is_dirty(tree)
    if switches.may_save_patch(settings):
        told["untracked"] = git_commands.list_untracked_code(tree)
    return {key: value for key, value in told.items() if value not in (None, [])}


def _find_user() -> str | None:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except (KeyError, OSError):  # containers run with ids that have no name
        return None


def _format_time(at_us: int) -> str:
    seconds, microseconds = divmod(at_us, 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{microseconds:06d}Z"
