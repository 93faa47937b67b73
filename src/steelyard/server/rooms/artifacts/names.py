"""What may be called what: ids, names, aliases, tags, references to versions, digests."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from steelyard.errors import Invalid, TooLarge
from steelyard.limits import ALIAS_CHARS_MAX, NAME_CHARS_MAX, TAG_CHARS_MAX

LATEST: Final = "latest"
#: What an alias may not look like: it is the index of a version.
_VERSION = re.compile(r"v(\d{1,18})")
# wandb 0.31.0 sdk/artifacts/_validators.py: TAG_REGEX.
_TAG = re.compile(r"[-\w]+( +[-\w]+)*")
_ID = re.compile(r"Artifact:(\d{1,18})")
#: They end or split "entity/project/name:alias".
_SEPARATORS = frozenset("/:\\")


def encode_artifact_id(number: int) -> str:
    """The id that clients see, the same at every edge and in manifests."""
    return base64.b64encode(f"Artifact:{number}".encode()).decode()


def decode_artifact_id(text: str) -> int | None:
    """The number in an id; None for a text that is none of ours."""
    try:
        found = _ID.fullmatch(base64.b64decode(text, validate=True).decode())
    except (binascii.Error, ValueError):
        return None
    return None if found is None else int(found[1])


def check_collection_name(name: str) -> str:
    """The name, when a collection may have it. Raises Invalid, TooLarge."""
    return _check_name(name, "an artifact", frozenset(_SEPARATORS))


def check_type_name(name: str) -> str:
    """The name, when a type may have it. Raises Invalid, TooLarge."""
    return _check_name(name, "an artifact type", frozenset(_SEPARATORS))


def check_alias(alias: str) -> str:
    """The alias, when a version may have it. Raises Invalid, TooLarge."""
    if len(alias) > ALIAS_CHARS_MAX:
        raise TooLarge(
            f"the alias {alias[:40]!r}…",
            size=len(alias),
            limit=ALIAS_CHARS_MAX,
            limit_name="ALIAS_CHARS_MAX",
        )
    if _VERSION.fullmatch(alias):
        raise Invalid(f"{alias!r} cannot be an alias: it is how versions are numbered")
    bad = sorted({c for c in alias if c in "/:" or not c.isprintable()})
    if bad or not alias.strip():
        found = f": it has {bad[0]!r}" if bad else ""
        raise Invalid(f"{alias!r} cannot be an alias{found}; use printable characters but / and :")
    return alias


def check_tag(tag: str) -> str:
    """The tag, when a version or collection may have it. Raises Invalid, TooLarge."""
    if len(tag) > TAG_CHARS_MAX:
        raise TooLarge(
            f"the tag {tag[:40]!r}…", size=len(tag), limit=TAG_CHARS_MAX, limit_name="TAG_CHARS_MAX"
        )
    if not _TAG.fullmatch(tag):
        raise Invalid(
            f"Invalid tag {tag!r}: use letters, digits, hyphens and underscores, with spaces "
            "between words"
        )
    return tag


def parse_version(ref: str) -> int | None:
    """3 for "v3"; None for anything else, which is an alias."""
    found = _VERSION.fullmatch(ref)
    return None if found is None else int(found[1])


def format_version(index: int) -> str:
    return f"v{index}"


def split_name(text: str) -> tuple[str, str]:
    """("name", "v3") of "name:v3"; "latest" when nothing follows the name."""
    name, _, ref = text.partition(":")
    return name, ref or LATEST


def parse_path(text: str) -> tuple[str | None, str | None, str, str]:
    """(entity, project, name, ref) of "[entity/][project/]name[:ref]". Raises Invalid."""
    head, colon, ref = text.partition(":")
    parts = head.split("/")
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise Invalid(f"{text!r} is no artifact; write [entity/][project/]name[:version]")
    name = parts[-1]
    project = parts[-2] if len(parts) > 1 else None
    entity = parts[-3] if len(parts) > 2 else None
    return entity, project, name, ref if colon and ref else LATEST


def parse_md5(text: str) -> bytes:
    """The 16 bytes of a base64 MD5. Raises Invalid."""
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise Invalid(f"{text[:80]!r} is no MD5 in base64 (24 characters)")
    return digest


def format_md5(md5: bytes) -> str:
    return base64.b64encode(md5).decode()


def _check_name(name: str, what: str, forbidden: frozenset[str]) -> str:
    if len(name) > NAME_CHARS_MAX:
        raise TooLarge(
            f"the name of {what} {name[:40]!r}…",
            size=len(name),
            limit=NAME_CHARS_MAX,
            limit_name="NAME_CHARS_MAX",
        )
    bad = sorted({c for c in name if c in forbidden or not c.isprintable()})
    if bad or not name.strip() or name != name.strip() or name in (".", ".."):
        found = f": it has {bad[0]!r}" if bad else ""
        raise Invalid(
            f"{name!r} cannot be the name of {what}{found}; use printable characters other than "
            r"/ \ : with no space at the ends"
        )
    return name
