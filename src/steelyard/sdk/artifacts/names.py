"""What artifacts, types, aliases, tags and the files in an artifact may be called."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final

from steelyard.errors import Invalid, WrongType
from steelyard.limits import ARTIFACT_METADATA_KEYS_MAX, FILE_PATH_BYTES_MAX, NAME_CHARS_MAX

StrPath = str | os.PathLike[str]

REGISTRY_PREFIX: Final = "wandb-registry-"
# wandb 0.31.0 sdk/artifacts/artifact.py __init__
_NAME: Final = re.compile(r"[a-zA-Z0-9_\-.]+")
# wandb 0.31.0 sdk/artifacts/_validators.py: TAG_REGEX, RESERVED_ARTIFACT_NAME_PREFIX_BY_TYPE,
# RESERVED_ARTIFACT_TYPE_PREFIX, ARTIFACT_SEP_CHARS.
_TAG: Final = re.compile(r"[-\w]+( +[-\w]+)*")
_RESERVED_TYPE_PREFIX: Final = "wandb-"
_RESERVED_NAMES: Final = {"job": "", "run_table": "run-", "code": "source-"}
_VERSION: Final = re.compile(r"v[0-9]+")
# A path of parts that need no second look: neither `.`, nor `..`, nor a drive, nor a backslash.
_PLAIN_PATH: Final = re.compile(r"[\w\- ][\w\-. ]*(/[\w\- ][\w\-. ]*)*", re.ASCII)


def check_name(name: str) -> str:
    """The name of a new artifact. Raises Invalid for one that no server takes."""
    if not isinstance(name, str):
        raise WrongType(f"the name of an artifact is text, not a {type(name).__name__}")
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} cannot be the name of an artifact: letters, digits, '-', '_' and '.' only"
        )
    if len(name) > NAME_CHARS_MAX:
        raise Invalid(
            f"the name of an artifact has at most {NAME_CHARS_MAX} characters: "
            f"{name[:20]!r}… has {len(name)}"
        )
    return name


def check_type(kind: str, name: str) -> str:
    """The type of a new artifact. Raises Invalid for one that is kept for the client itself."""
    if not isinstance(kind, str) or not kind:
        raise WrongType(f"the type of an artifact is a word such as dataset or model, not {kind!r}")
    prefix = _RESERVED_NAMES.get(kind)
    if kind.startswith(_RESERVED_TYPE_PREFIX) or (prefix is not None and name.startswith(prefix)):
        raise Invalid(
            f"artifacts of type {kind!r} with names like {name!r} are the client's own; "
            "choose another type, such as dataset or model"
        )
    _refuse_separators("an artifact type", [kind])
    if len(kind) > NAME_CHARS_MAX:
        raise Invalid(f"an artifact type has at most {NAME_CHARS_MAX} characters")
    return kind


def check_aliases(aliases: Iterable[str] | str) -> list[str]:
    """Aliases as a list. Raises Invalid for one with a separator of names in it."""
    found = _list_of_texts("aliases", aliases)
    _refuse_separators("an alias", found)
    return found


def check_tags(tags: Iterable[str] | str) -> list[str]:
    """Tags as a list without repetitions, in their order. Raises Invalid naming the wrong one."""
    found = list(dict.fromkeys(_list_of_texts("tags", tags)))
    for tag in found:
        if not _TAG.fullmatch(tag):
            raise Invalid(
                f"{tag!r} is no tag: letters, digits, '-', '_' and single words with spaces between"
            )
    return found


def check_metadata(metadata: Any) -> dict[str, Any]:
    """Metadata as JSON has it: NaN is null, what JSON cannot say is its text.

    Raises WrongType for what is no dict, Invalid for an infinity and for more than 100 keys.
    Source: wandb 0.31.0 sdk/artifacts/_validators.py validate_metadata.
    """
    if metadata is None or metadata == "":
        return {}
    if isinstance(metadata, str):
        metadata = json.loads(metadata)
    if not isinstance(metadata, dict):
        raise WrongType(f"the metadata of an artifact is a dict, not a {type(metadata).__name__}")
    from steelyard.sdk.values import plain_config

    plain = {
        str(key): _without_nan(plain_config(str(key), value), str(key))
        for key, value in metadata.items()
    }
    if len(plain) > ARTIFACT_METADATA_KEYS_MAX:
        raise Invalid(
            f"the metadata of an artifact has at most {ARTIFACT_METADATA_KEYS_MAX} keys, not "
            f"{len(plain)}; put some below a key of their own, or into a file"
        )
    return plain


def _without_nan(value: Any, key: str) -> Any:
    if isinstance(value, float):
        if value != value:
            return None
        if value in (float("inf"), float("-inf")):
            raise Invalid(f"the metadata {key!r} holds an infinity, which JSON cannot say")
        return value
    if isinstance(value, list):
        return [_without_nan(item, key) for item in value]
    if isinstance(value, dict):
        return {name: _without_nan(item, f"{key}.{name}") for name, item in value.items()}
    return value


def check_path(path: StrPath) -> str:
    """The path of a file in an artifact: relative, with /, without `.` and `..` in it.

    Raises Invalid for a path that would lead out of the artifact, here or on Windows, and for one
    that a server refuses.
    """
    text = as_text(path)
    if not (_PLAIN_PATH.fullmatch(text) and len(text) <= FILE_PATH_BYTES_MAX):
        text = _check_unusual(text)
    return text


def _check_unusual(text: str) -> str:
    # wandb 0.31.0 sdk/lib/paths.py: LogicalPath, validate_relpath.
    found = str(PurePosixPath(text))
    posix, windows = PurePosixPath(found), PureWindowsPath(text)
    if found == "." or posix.anchor or windows.anchor or ".." in (*posix.parts, *windows.parts):
        raise Invalid(
            f"{text!r} is no path in an artifact: it leads outside; "
            "use a relative path without '..'"
        )
    if any(ord(character) < 32 or ord(character) == 127 for character in found):
        raise Invalid(
            f"{text!r} is no path in an artifact: rename the file, without control characters"
        )
    try:
        size = len(found.encode())
    except UnicodeEncodeError:
        raise Invalid(
            f"{text!r} is no path in an artifact: it is no valid Unicode; rename the file"
        ) from None
    if size > FILE_PATH_BYTES_MAX:
        raise Invalid(
            f"{found[:40]!r}… is no path in an artifact: it has {size:,} bytes, "
            f"and the limit is {FILE_PATH_BYTES_MAX:,}"
        )
    return found


def as_text(path: StrPath) -> str:
    if hasattr(path, "as_posix"):
        return str(path.as_posix())
    text = os.fspath(path)
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    return text.replace("\\", "/") if os.sep == "\\" else text


def clean_internal_name(name: str) -> str:
    """A name for an artifact of the client's own, made of any text such as the key of a table.

    Source: wandb 0.31.0 sdk/artifacts/_internal_artifact.py sanitize_artifact_name: where something
    had to go, the CRC of the whole keeps two names apart.
    """
    from base64 import urlsafe_b64encode
    from zlib import crc32

    clean = re.sub(r"[^a-zA-Z0-9_\-.]+", "", name)
    if clean == name:
        return name
    mark = urlsafe_b64encode(crc32(name.encode("utf-8", "backslashreplace")).to_bytes(4, "big"))
    return f"{clean}-{mark.rstrip(b'=').decode()}"


def is_version(alias: str) -> bool:
    """Whether that is the name of a version, such as v3."""
    return _VERSION.fullmatch(alias) is not None


class ArtifactPath:
    """Where an artifact is: `[entity/][project/]name[:ref]`; what is not said is None."""

    __slots__ = ("entity", "name", "project", "ref")

    def __init__(self, entity: str | None, project: str | None, name: str, ref: str | None) -> None:
        self.entity: str | None = entity
        self.project: str | None = project
        self.name: str = name
        self.ref: str | None = ref

    def __str__(self) -> str:
        parts = [part for part in (self.entity, self.project, self.name) if part]
        return "/".join(parts) + (f":{self.ref}" if self.ref else "")

    def with_defaults(self, entity: str | None, project: str | None) -> ArtifactPath:
        """The same, with what is missing."""
        return ArtifactPath(self.entity or entity, self.project or project, self.name, self.ref)


def parse_path(text: str) -> ArtifactPath:
    """Take a name apart. Raises Invalid for what is none."""
    # wandb 0.31.0 sdk/artifacts/_validators.py ArtifactPath.from_str: the alias may have slashes.
    if not isinstance(text, str):
        raise WrongType(f"the name of an artifact is text, not a {type(text).__name__}")
    place, _, ref = text.removeprefix("wandb-artifact://").partition(":")
    parts = place.strip("/").split("/")
    if len(parts) > 3 or not all(parts):
        raise Invalid(f"{text!r} names no artifact; write [ENTITY/][PROJECT/]NAME[:VERSION]")
    entity, project, name = [None, None, *parts][-3:]
    assert name is not None
    return ArtifactPath(entity, project, name, ref or None)


def _list_of_texts(what: str, given: Iterable[str] | str) -> list[str]:
    found = [given] if isinstance(given, str) else list(given)
    for item in found:
        if not isinstance(item, str) or not item:
            raise WrongType(f"{what} of an artifact are words, not {item!r}")
    return found


def _refuse_separators(what: str, texts: list[str]) -> None:
    for text in texts:
        if "/" in text or ":" in text:
            raise Invalid(f"{what} cannot contain '/' or ':': {text!r}")


def common_start(texts: Iterable[str]) -> str:
    """What all of them begin with, letter by letter."""
    found = list(texts)
    if not found:
        return ""
    least, most = min(found), max(found)
    for at, letter in enumerate(least):
        if letter != most[at]:
            return least[:at]
    return least
