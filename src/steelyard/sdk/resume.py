"""Going on with a run: what is asked of the server at init(), and the file of resume="auto"."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from steelyard.errors import EntityNotFound, NotFound, Unavailable, UsageError
from steelyard.limits import INIT_QUESTION_S_MAX
from steelyard.sdk import terminal
from steelyard.sdk.settings_values import parse_moment

if TYPE_CHECKING:
    from steelyard.sdk.settings import ClientSettings


class KnownRun(msgspec.Struct, frozen=True):
    """What the server says of a run: `GET /api/v1/runs/{entity}/{project}/{run}/resume`."""

    entity: str
    project: str
    run: str
    exists: bool
    last_step: int | None = None
    runtime_s: float = 0.0
    display_name: str | None = None
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    tags: list[str] = []
    notes: str | None = None
    state: str | None = None


class Beginning(msgspec.Struct, frozen=True):
    """How a run begins.

    `first_step`: None when only the server knows; then it is chosen when the journal arrives.
    Even then it is not below `first_step_min`: rows up to there lie on this machine, unsent.
    `resume`, `fork_from` and `resume_from` go into the journal as they are.
    """

    first_step: int | None = 0
    first_step_min: int = 0
    known: KnownRun | None = None
    resume: str | None = None
    fork_from: dict[str, Any] | None = None
    resume_from: dict[str, Any] | None = None

    @property
    def is_resumed(self) -> bool:
        return self.known is not None and self.known.exists and self.fork_from is None


def plan_beginning(settings: ClientSettings, *, project: str, run_id: str) -> Beginning:
    """How this run begins; asks the server where the settings say so and one is there.

    Waits at most min(init_timeout, 10) seconds. Raises UsageError when the run is not in the
    state that was asked for, Unavailable when resume="must" and nobody answers.
    """
    if moment := settings.fork_from or settings.resume_from:
        return _plan_branch(settings, project, *parse_moment(moment))
    if settings.resume is None:
        return Beginning()
    resume = "allow" if settings.resume == "auto" else settings.resume
    if settings.mode != "online":
        return _leave_to_the_server(settings, project, run_id, resume)
    try:
        known = ask_run(settings, project, run_id)
    except Unavailable as error:
        if resume == "must":
            raise Unavailable(
                f"resume='must' needs the server, and it does not answer: {error}. "
                "resume='allow' goes on without it, and steps are put in place later"
            ) from error
        terminal.say(
            f"cannot ask the server about run {run_id} ({error}); the run begins all the same, "
            "and its steps are put in place when the server is back",
            level="warn",
        )
        return _leave_to_the_server(settings, project, run_id, resume)
    if resume == "must" and not known.exists:
        raise UsageError(
            f"resume='must', but there is no run {run_id!r} in project {known.project!r} "
            f"of {known.entity!r}; check the id, or begin it with resume='allow'"
        )
    if resume == "never" and known.exists:
        raise UsageError(
            f"resume='never', but run {run_id!r} is in project {known.project!r} already; "
            "leave the id out to get a new one, or use resume='allow' to go on with it"
        )
    first = known.last_step + 1 if known.exists and known.last_step is not None else 0
    if resume != "never":
        first = _first_step_behind_unsent(settings, project, run_id, first)
    return Beginning(first_step=first, known=known, resume=resume)


def _leave_to_the_server(
    settings: ClientSettings, project: str, run_id: str, resume: str
) -> Beginning:
    """It puts the steps in place when the journal arrives."""
    first = 0 if resume == "never" else _first_step_behind_unsent(settings, project, run_id, 0)
    return Beginning(first_step=None, first_step_min=first, resume=resume)


def _first_step_behind_unsent(
    settings: ClientSettings, project: str, run_id: str, known_next: int
) -> int:
    from steelyard.sdk.unsent_steps import find_step_behind_unsent

    return find_step_behind_unsent(
        Path(settings.root_dir), project=project, run_id=run_id, known_next=known_next
    )


def _plan_branch(settings: ClientSettings, project: str, source: str, step: int) -> Beginning:
    """fork_from copies another run up to a step, resume_from cuts the run itself there."""
    moment = {"run": source, "step": step}
    word = "fork_from" if settings.fork_from else "resume_from"
    branch: dict[str, Any] = {word: moment}
    if settings.mode != "online":
        return Beginning(first_step=step + 1, **branch)
    try:
        known = ask_run(settings, project, source)
    except Unavailable as error:
        terminal.say(
            f"cannot ask the server about run {source} ({error}); {word} is done when it is back",
            level="warn",
        )
        return Beginning(first_step=step + 1, **branch)
    if not known.exists:
        raise UsageError(
            f"{word}: there is no run {source!r} in project {known.project!r} of {known.entity!r}"
        )
    if known.last_step is None or step > known.last_step:
        raise UsageError(
            f"{word}: run {source!r} has no step {step}; its last one is {known.last_step}"
        )
    # Values at that step are the server's to know; those of the end would be wrong here.
    return Beginning(
        first_step=step + 1, known=msgspec.structs.replace(known, summary={}), **branch
    )


def ask_run(settings: ClientSettings, project: str, run_id: str) -> KnownRun:
    """What the server knows of a run. Raises Unavailable when it does not say."""
    from urllib.parse import quote

    from steelyard.sdk.connection import open_connection

    parts = (settings.entity or "-", project, run_id)
    path = "/".join(quote(part, safe="") for part in parts)
    connection = open_connection(settings)
    limit_s = min(settings.init_timeout, INIT_QUESTION_S_MAX)
    try:
        answer = _within(
            limit_s,
            lambda: connection.call("GET", f"/api/v1/runs/{path}/resume", timeout_s=limit_s),
            f"{settings.base_url}: no answer within {limit_s:g} s",
        )
        return msgspec.convert(answer, KnownRun)
    except msgspec.ValidationError as error:
        raise Unavailable(f"{settings.base_url} answered something else: {error}") from error
    except NotFound as error:
        if error.code == EntityNotFound.code:
            raise
        # No such project yet: the first run of it makes it.
        return KnownRun(settings.entity or "", project, run_id, exists=False)
    finally:
        connection.close()


def _within(limit_s: float, ask: Callable[[], Any], why_not: str) -> Any:
    """The answer. Raises what `ask` raises, and Unavailable after the time: looking up the name of
    a host takes as long as its name servers like, and nothing interrupts it."""
    found: list[Any] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            found.append(ask())
        except BaseException as problem:  # noqa: BLE001  the edge of a thread
            problems.append(problem)

    thread = threading.Thread(target=run, name="steelyard-question", daemon=True)
    thread.start()
    thread.join(limit_s)
    if problems:
        raise problems[0]
    if not found:
        raise Unavailable(why_not)
    return found[0]


def read_resume_file(path: Path) -> str | None:
    """The id that resume="auto" goes on with; None without one."""
    try:
        found = msgspec.json.decode(path.read_bytes())
        run_id = found["run_id"]
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return None
    return run_id if isinstance(run_id, str) and run_id else None


def write_resume_file(path: Path, run_id: str) -> None:
    """Remember the id until the run ends well. Where that fails, it is said."""
    from steelyard.sdk.journal.folder import write_atomically

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, msgspec.json.encode({"run_id": run_id}))
    except OSError as error:
        terminal.say(
            f"cannot write {path} ({error.strerror}): resume='auto' will not find this run again",
            level="warn",
        )


def forget_resume_file(path: Path, run_id: str) -> None:
    """The run has ended well: the next one with resume="auto" is a new one."""
    if read_resume_file(path) == run_id:
        with contextlib.suppress(OSError):
            path.unlink()
