"""Files of runs as the rest of the server sees them."""

from __future__ import annotations

import mimetypes
from typing import Final

import msgspec

from steelyard.errors import Invalid, TooLarge
from steelyard.limits import FILE_PATH_BYTES_MAX

#: Only the table of the standard library, so that every machine answers the same.
_types = mimetypes.MimeTypes()
MIMETYPES_OF_TRAINING: Final = {
    ".jsonl": "application/jsonl",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".patch": "text/x-diff",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


class RunFile(msgspec.Struct, frozen=True):
    """A file of a run. `sha256` names the blob with its bytes; `name` is a path with slashes."""

    id: int
    run_id: int
    name: str
    size_bytes: int
    md5: bytes
    sha256: bytes
    mimetype: str
    updated_at_us: int


def check_file_name(name: str) -> None:
    """Raises Invalid for a name that no file of a run may have, TooLarge for an over-long one.

    Names never become paths of the server's disk; these rules protect those who download a run
    into a directory, and everything that prints names.
    """
    try:
        size_bytes = len(name.encode())
    except UnicodeEncodeError as error:
        raise Invalid(f"the file name {name!r} is not valid Unicode; rename the file") from error
    if size_bytes > FILE_PATH_BYTES_MAX:
        raise TooLarge(
            f"the file name {name[:40]!r}…",
            size=size_bytes,
            limit=FILE_PATH_BYTES_MAX,
            limit_name="FILE_PATH_BYTES_MAX",
        )
    if not name or name.startswith("/") or name.endswith("/"):
        raise Invalid(f"the file name {name!r} must be a path inside the run, like 'media/a.png'")
    if any(segment in (".", "..") for segment in name.replace("\\", "/").split("/")):
        raise Invalid(f"the file name {name!r} has a '.' or '..' part; name the place itself")
    if any(ord(character) < 32 or ord(character) == 127 for character in name):
        raise Invalid(f"the file name {name!r} has control characters; rename the file")


def guess_mimetype(name: str) -> str:
    """Media type by the ending of the name; `application/octet-stream` when it says nothing."""
    dot = name.rfind(".")
    known = MIMETYPES_OF_TRAINING.get(name[dot:].lower()) if dot >= 0 else None
    # guess_type takes URLs: "x:y.png" must not count as a scheme.
    guessed, encoding = _types.guess_type(f"file:///{name}")
    return known or (guessed if guessed and not encoding else "application/octet-stream")
