"""Every error of Steelyard.

    SteelyardError                 code             meaning
    ├── Invalid (ValueError)       invalid          the request can never work as it is
    │   ├── TooLarge               too_large        … because it exceeds a named limit
    │   ├── WrongType (TypeError)  wrong_type       … because of its type
    │   ├── Infeasible             infeasible       no configuration keeps the constraints
    │   ├── NoSuchFile             no_such_file     a file that is to be logged is not there
    │   ├── DamagedRecord          damaged_journal  a record does not match its checksum
    │   ├── ContentDamaged         content_damaged  bytes do not have the digest they should have
    │   ├── ConfigError            config_changed   a config value was set before and may not change
    │   ├── SweepInvalid           sweep_invalid    a configuration that cannot be searched
    │   ├── ExpressionError        bad_expression   a constraint or composite metric cannot be read
    │   └── UsageError             usage            … because of when or how it is called
    │       ├── RunFinished        run_finished     the run has ended already
    │       ├── ArtifactStatusError (AttributeError)    artifact_status
    │       │   ├── ArtifactNotLoggedError              … of an artifact that no server has yet
    │       │   └── ArtifactFinalizedError              … of one that may not change any more
    │       ├── OfflineRun (TypeError, NotImplementedError) offline_run   only a server can do it
    │       └── UnsupportedError   unsupported      W&B has it, this version has not
    ├── Unauthenticated            unauthenticated  no key, or a key we do not know
    │   └── NoApiKey               unauthenticated  nobody is logged in
    ├── Forbidden                  forbidden        known caller, not allowed
    ├── NotFound (LookupError)     not_found        absent, or not the caller's to see
    │   ├── EntityNotFound         entity_not_found
    │   ├── ProjectNotFound        project_not_found
    │   ├── RunNotFound            run_not_found
    │   ├── SweepNotFound          sweep_not_found
    │   ├── AgentNotFound          agent_not_found  an agent of a sweep
    │   ├── FileMissing            file_missing
    │   │   └── NothingToRestore (ValueError)       … that a script asked for
    │   ├── BlobMissing            blob_missing
    │   ├── ArtifactNotFound       artifact_not_found   … as the server says it
    │   ├── NotOnServer (ValueError, Unavailable)       not_on_server, as scripts expect it
    │   │   └── ArtifactMissing                         artifact_missing
    │   └── ReferenceMissing (FileNotFoundError)        reference_missing
    ├── Conflict                   conflict         clashes with what is stored
    │   ├── ContentsMissing        contents_missing a manifest names files that are not here
    │   ├── FileExists (ValueError, Unavailable)        a download would replace a file
    │   ├── ArtifactHasAliases (Unavailable)            … of a version that is to be deleted
    │   └── RunExists              run_exists       a new run was asked for, and it is there
    ├── Torn                       torn             the body broke off on its way: send it again
    ├── Unavailable                unavailable      try again later, nothing is lost
    │   ├── Overloaded             overloaded
    │   ├── DatabaseUnavailable    database_unavailable
    │   ├── StorageFull            storage_full
    │   └── WaitTimeoutError       wait_timeout     an artifact is not uploaded in time
    ├── MissingExtra (ImportError) missing_extra    an optional dependency is not installed
    ├── MissingLibrary             missing_library  … that is no extra of ours (ImportError)
    ├── LaunchFailed               launch_failed    agents could not be started where they should
    └── CannotStart                cannot_start     the server refuses to start, with the reason

W&B's names stand for ours: Error, CommError (Unavailable), AuthenticationError (Unauthenticated).

`code` is stable and machine-readable; the message says what, where and what to do next.
Edges translate errors to their protocol; errors know nothing of HTTP.
"""

from __future__ import annotations


class SteelyardError(Exception):
    code = "error"


class Invalid(SteelyardError, ValueError):
    code = "invalid"


class WrongType(Invalid, TypeError):
    """A value of a type that means nothing there."""

    code = "wrong_type"


class Infeasible(Invalid):
    """No configuration was found that keeps every constraint of a search space."""

    code = "infeasible"

    def __init__(self, constraint: str, *, tries: int) -> None:
        super().__init__(
            f"none of {tries:,} configurations keeps the constraints, {constraint!r} least of all; "
            "widen the ranges of the parameters it names, or loosen it"
        )
        self.constraint: str = constraint


class NoSuchFile(Invalid, FileNotFoundError):
    """A file on this machine that is to be logged, and is not there."""

    code = "no_such_file"

    def __init__(self, path: str, what: str) -> None:
        super().__init__(
            f"{what}: there is no file {path!r}; paths begin at the directory of the process"
        )
        self.path: str = path


class TooLarge(Invalid):
    code = "too_large"

    def __init__(self, what: str, *, size: int, limit: int, limit_name: str) -> None:
        super().__init__(f"{what} is {size:,} long; the limit {limit_name} is {limit:,}")
        self.size: int = size
        self.limit: int = limit


class ExpressionError(Invalid):
    """A constraint or composite metric that cannot be read; `at` is the character, from 0."""

    code = "bad_expression"

    def __init__(self, text: str, at: int, problem: str, suggestion: str | None = None) -> None:
        hint = f"; did you mean {suggestion}?" if suggestion else ""
        super().__init__(f"{problem}{hint} (character {at + 1} of {text!r})")
        self.text: str = text
        self.at: int = at
        self.problem: str = problem
        self.suggestion: str | None = suggestion


class SweepInvalid(Invalid):
    """A configuration of a sweep that cannot be searched; `diagnostics` say where and why."""

    code = "sweep_invalid"

    def __init__(self, message: str, *, diagnostics: list[dict[str, object]]) -> None:
        super().__init__(message)
        self.diagnostics: list[dict[str, object]] = diagnostics


class UsageError(Invalid):
    """A call of the client that cannot work, whatever its arguments: out of order, too late."""

    code = "usage"


class RunFinished(UsageError):
    """Something was logged into a run that has finished."""

    code = "run_finished"

    def __init__(self, run: str, call: str) -> None:
        super().__init__(
            f"run {run!r} has finished, so {call} cannot add to it; call it before finish(), "
            f"or go on with the run: init(id={run!r}, resume='must')"
        )
        self.run = run


class ContentDamaged(Invalid):
    """A file whose bytes do not have the digest that the manifest of its artifact names."""

    code = "content_damaged"

    def __init__(self, path: str, place: str, *, expected: str, found: str) -> None:
        super().__init__(
            f"{path!r} ({place}) is damaged: its digest is {found}, "
            f"and the artifact's manifest says {expected}"
        )
        self.path: str = path


class DamagedRecord(Invalid):
    """A whole record of a journal whose checksum is wrong; `offset` is its first byte."""

    code = "damaged_journal"

    def __init__(self, writer: str, offset: int) -> None:
        super().__init__(
            f"the journal of writer {writer!r} is damaged at byte {offset:,}: the record there "
            "does not match its checksum; send it again if it is whole on the disk"
        )
        self.writer: str = writer
        self.offset: int = offset


class ArtifactStatusError(UsageError, AttributeError):
    """Something of an artifact that it does not have, or does not allow, in its present state."""

    code = "artifact_status"

    def __init__(self, message: str, *, name: str, obj: object) -> None:
        super().__init__(message)
        self.name: str = name
        self.obj: object = obj


class ArtifactNotLoggedError(ArtifactStatusError):
    """Asked of an artifact that is not logged, or whose upload is not complete."""

    def __init__(self, fullname: str, obj: object) -> None:
        super().__init__(
            f"{fullname} is known once the artifact is on the server: log it, then call wait() "
            "first (an offline run has nothing to wait for)",
            name=fullname.rpartition(".")[2],
            obj=obj,
        )


class ArtifactFinalizedError(ArtifactStatusError):
    """A change to an artifact that was logged already."""

    def __init__(self, fullname: str, obj: object) -> None:
        super().__init__(
            f"{fullname} would change an artifact that was logged already; "
            "make the next version from it: artifact.new_draft()",
            name=fullname.rpartition(".")[2],
            obj=obj,
        )


class ConfigError(Invalid):
    """A config value was set before, and may not change unless asked for."""

    code = "config_changed"

    def __init__(self, key: str, old: object, new: object) -> None:
        super().__init__(
            f"config key {key!r} is {old!r:.200} and would become {new!r:.200}; if that is meant: "
            "config.update(…, allow_val_change=True), or init(allow_val_change=True)"
        )
        self.key = key


class OfflineRun(UsageError, TypeError, NotImplementedError):
    """Something that needs the server, of a run that keeps everything on this machine.

    Scripts written for wandb catch a TypeError, RuntimeError or NotImplementedError here.
    """

    code = "offline_run"

    def __init__(self, call: str) -> None:
        super().__init__(
            f"{call} needs the server, and the run is offline: name the server in WANDB_BASE_URL "
            "or by `steelyard login --host URL`, or do it after `steelyard sync`"
        )


class UnsupportedError(UsageError):
    """W&B has this; this version of Steelyard has not."""

    code = "unsupported"


class NotInThisVersion(UnsupportedError, AttributeError):
    """A name of `wandb` that the module does not have yet."""

    def __init__(self, name: str, part: str) -> None:
        super().__init__(
            f"steelyard.{name}: this version has no {part} yet; the wandb client has, "
            "and works with a Steelyard server (set WANDB_BASE_URL)"
        )


class Unauthenticated(SteelyardError):
    code = "unauthenticated"


class NoApiKey(Unauthenticated, UsageError):
    """A server is configured, and nobody is logged in to it."""

    code = "unauthenticated"


class Forbidden(SteelyardError):
    code = "forbidden"


class NotFound(SteelyardError, LookupError):
    code = "not_found"


class EntityNotFound(NotFound):
    """No entity of that name, or none the caller may see: we do not tell which."""

    code = "entity_not_found"

    def __init__(self, entity: str) -> None:
        super().__init__(
            f"no entity {entity!r}, or you are not a member of it; "
            "leave the entity out to use your own"
        )
        self.entity = entity


class ProjectNotFound(NotFound):
    """No project of that name, or none the caller may see: we do not tell which."""

    code = "project_not_found"

    def __init__(self, entity: str, project: str) -> None:
        super().__init__(
            f"no project {entity}/{project}, or you may not see it; check the spelling, "
            f"or ask an admin of {entity!r} to add you"
        )
        self.entity: str = entity
        self.project: str = project


class RunNotFound(NotFound):
    """No run of that name in the project, or none the caller may see: we do not tell which."""

    code = "run_not_found"

    def __init__(self, path: str) -> None:
        super().__init__(f"no run {path}, or you may not see it; it may have been deleted")
        self.path = path


class FileMissing(NotFound):
    """No file of that name in the run."""

    code = "file_missing"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"no file {name!r} in this run; it was deleted, or its upload has not finished"
        )
        self.name = name


class NothingToRestore(FileMissing, ValueError):
    """`restore` found no file of that name; scripts written for wandb expect a ValueError."""


class BlobMissing(NotFound):
    """The store has no content of that digest: deleted, or lost by the disk."""

    code = "blob_missing"

    def __init__(self, sha256: bytes) -> None:
        super().__init__(f"the store has no content {sha256.hex()}; upload the file again")
        self.sha256 = sha256


class ArtifactNotFound(NotFound):
    """No artifact, version or collection of that name, or none the caller may see."""

    code = "artifact_not_found"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"no artifact {path}, or you may not see it; check name and version, it may have been "
            "deleted"
        )
        self.path: str = path


class ReferenceMissing(NotFound, FileNotFoundError):
    """What a reference of an artifact points to is not there any more, or has changed."""

    code = "reference_missing"


class SweepNotFound(NotFound):
    """No sweep of that name, or none the caller may see: we do not tell which."""

    code = "sweep_not_found"

    def __init__(self, path: str) -> None:
        super().__init__(f"no sweep {path}, or you may not see it; it may have been deleted")
        self.path: str = path


class AgentNotFound(NotFound):
    """No such agent: its sweep was deleted, or it is of another server."""

    code = "agent_not_found"

    def __init__(self, which: str) -> None:
        super().__init__(
            f"no agent {which}; its sweep may have been deleted: start another agent on a sweep "
            "that is there"
        )
        self.which: str = which


class UploadMissing(NotFound):
    """No upload in parts of that id: completed, given up, or removed as stale."""

    code = "upload_missing"

    def __init__(self, upload_id: str) -> None:
        super().__init__(
            f"no upload {upload_id!r}; it was completed, given up, or nothing was sent to it for "
            "days: begin again"
        )
        self.upload_id = upload_id


class Conflict(SteelyardError):
    code = "conflict"


class RunExists(Conflict):
    """resume="never", or a fork, for a run that exists."""

    code = "run_exists"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"the run {path} exists already; choose another id, or allow to continue it "
            "(resume='allow')"
        )
        self.path = path


class ContentsMissing(Conflict):
    """A manifest names contents that were not uploaded; `count` in all, some named."""

    code = "contents_missing"

    def __init__(self, paths: list[str], count: int) -> None:
        named = ", ".join(map(repr, paths))
        super().__init__(
            f"{count:,} files of the artifact are not here: {named}"
            f"{', …' if count > len(paths) else ''}; upload them, then commit again"
        )
        self.paths: list[str] = paths
        self.count: int = count


class Torn(SteelyardError):
    code = "torn"


class Unavailable(SteelyardError):
    code = "unavailable"


class NotOnServer(NotFound, ValueError, Unavailable):
    """What a script asks the API for is not there, or not the caller's to see.

    Scripts written for wandb catch a CommError or a ValueError where something may be absent.
    """

    code = "not_on_server"


class ArtifactMissing(NotOnServer):
    """No artifact of that name, or none the caller may see: we do not tell which."""

    code = "artifact_missing"


class FileExists(Conflict, ValueError, Unavailable):
    """A download that would replace a file. wandb has a ValueError, or a CommError, for it."""

    code = "file_exists"


class ArtifactHasAliases(Conflict, Unavailable):
    """A version with aliases is not deleted without being told so. wandb has a CommError for it."""

    code = "artifact_has_aliases"


class WaitTimeoutError(Unavailable, TimeoutError):
    """The upload of an artifact took longer than `wait` was to wait. It goes on."""

    code = "wait_timeout"


class Overloaded(Unavailable):
    code = "overloaded"


class DatabaseUnavailable(Unavailable):
    code = "database_unavailable"


class StorageFull(Unavailable):
    code = "storage_full"


class StorageUnavailable(Unavailable):
    """The store of file contents does not answer, or refuses the server."""

    code = "storage_unavailable"


class MissingExtra(SteelyardError, ImportError):
    code = "missing_extra"

    def __init__(self, extra: str) -> None:
        super().__init__(f'this needs an optional part: pip install "steelyard[{extra}]"')
        self.extra = extra


class MissingLibrary(SteelyardError, ImportError):
    """A library that a value needs is not installed; it is no part of ours."""

    code = "missing_library"

    def __init__(self, what: str, package: str, otherwise: str = "") -> None:
        hint = f"; {otherwise}" if otherwise else ""
        super().__init__(
            f"{what} needs a library that is not installed: pip install {package}{hint}"
        )
        self.package: str = package


class LaunchFailed(SteelyardError):
    """A launcher cannot start a job of agents, or cannot be asked about it."""

    code = "launch_failed"


class CannotStart(SteelyardError):
    code = "cannot_start"


# W&B's further names. wandb 0.31.0 errors/errors.py
Error = SteelyardError
CommError = Unavailable
AuthenticationError = Unauthenticated
