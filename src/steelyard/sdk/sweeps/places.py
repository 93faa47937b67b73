"""Where sweeps are: what people write to name one, and the server it is on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit

import msgspec

from steelyard.errors import UsageError
from steelyard.sdk.artifacts.remote import DEFAULT_PROJECT, Remote, open_remote

if TYPE_CHECKING:
    from steelyard.sdk.settings import ClientSettings

#: In the place of an entity in our REST API: the caller's own.
OWN_ENTITY: Final = "-"


class SweepPath(msgspec.Struct, frozen=True):
    """A sweep on a server; what is not said is None."""

    entity: str | None
    project: str | None
    sweep: str

    def __str__(self) -> str:
        return "/".join(part for part in (self.entity, self.project, self.sweep) if part)


#: Sweeps that this process made: `agent(sweep_id)` then needs no project. wandb 0.31.0
#: sdk/wandb_sweep.py puts the project into the environment for that.
_made_here: dict[str, SweepPath] = {}


def remember_sweep(path: SweepPath) -> None:
    """The bare id means this sweep from now on, in this process."""
    _made_here[path.sweep] = path


def parse_sweep_path(
    text: object, *, entity: str | None = None, project: str | None = None
) -> SweepPath:
    """A path of SWEEP, PROJECT/SWEEP, ENTITY/PROJECT/SWEEP, with sweeps/ before the sweep or
    without, or of the sweep's page; what it says wins over `entity` and `project`.

    Raises UsageError for anything else.
    """
    if not isinstance(text, str):
        raise UsageError(f"a sweep is named by a text like ENTITY/PROJECT/SWEEP, not {text!r:.80}")
    parts = _parts_of(text)
    if len(parts) > 2 and parts[-2] == "sweeps":
        del parts[-2]
    if len(parts) > 3 or not parts[-1] or any(not part for part in parts[1:]):
        raise UsageError(
            f"{text!r} names no sweep; write SWEEP, PROJECT/SWEEP or ENTITY/PROJECT/SWEEP"
        )
    given: list[str | None] = [None, None, *parts]
    said_entity, said_project, sweep = given[-3:]
    assert sweep is not None
    known = _made_here.get(sweep)
    if known is not None and said_project is None and project is None:
        said_entity, said_project = entity or known.entity, known.project
    return SweepPath(said_entity or entity, said_project or project, sweep)


def _parts_of(text: str) -> list[str]:
    if text.startswith(("http://", "https://")):
        return [unquote(part) for part in urlsplit(text).path.strip("/").split("/")]
    return text.strip().removeprefix("/").split("/")


def open_server(settings: ClientSettings | None = None) -> Remote:
    """The server of the settings, with the key that is known for it.

    Raises UsageError without a server, NoApiKey without a key: both say what to do.
    """
    from steelyard.sdk.artifacts.context import current_settings

    found = settings if settings is not None else current_settings()
    if found.base_url is None:
        raise UsageError(
            "sweeps are on a server, and none is configured: set WANDB_BASE_URL, or run "
            "`steelyard login --host http://HOST:PORT`; without a server: "
            "steelyard sweep --directory DIR CONFIG.yaml"
        )
    return open_remote(found)


def complete(path: SweepPath, remote: Remote) -> SweepPath:
    """The path with the entity and the project that the settings say, or else the server."""
    return SweepPath(
        path.entity or remote.default_entity, path.project or remote.default_project, path.sweep
    )


def project_place(entity: str, project: str) -> str:
    """The REST address of the sweeps of a project."""
    return f"/api/v1/{quote(entity, safe='')}/{quote(project, safe='')}/sweeps"


def sweep_place(path: SweepPath) -> str:
    """The REST address of a sweep whose path is complete."""
    entity, project = path.entity or OWN_ENTITY, path.project or DEFAULT_PROJECT
    return f"{project_place(entity, project)}/{quote(path.sweep, safe='')}"
