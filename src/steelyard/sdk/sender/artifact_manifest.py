"""The manifest of a staged artifact, read entry by entry and written as the server gets it.

A manifest of 100,000 files has 30 MB, and as Python objects five times that; so it is never held
as a whole. Any layout of the JSON will do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from steelyard.limits import ARTIFACT_ENTRY_CHARS_MAX

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import IO, Any

READ_CHARS = 128 * 1024
WRITTEN_BYTES = 64 * 1024
CONTENTS = "contents"
BLANKS = " \t\n\r"
ENDS = frozenset(",:}] \t\n\r")  # what may follow a value

#: What an entry says to this machine only. wandb 0.31.0 sdk/artifacts/artifact_manifests/
#: artifact_manifest_v1.py to_manifest_json() leaves the same out.
LOCAL_KEYS = ("local_path", "local_offset", "skip_cache")
CLIENT_REFERENCE = "wandb-client-artifact://"

_decode = json.JSONDecoder().raw_decode
_encode = json.JSONEncoder(separators=(",", ":")).encode


class DamagedManifest(ValueError):
    """It is no JSON object with an object `contents`, or ends too early."""


def iter_entries(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path in the artifact, fields) of every entry, in the order of the file.

    Raises DamagedManifest, OSError.
    """
    for kind, key, value in _iter_parts(path):
        if kind == "entry":
            yield key, value


def encode_for_server(path: str, resolve: Callable[[str], str]) -> Iterator[bytes]:
    """The manifest in pieces, without what is of this machine only.

    `resolve` gives the reference that stands for one to a `wandb-client-artifact`.
    Raises DamagedManifest, OSError, and what `resolve` raises.
    """
    pieces: list[str] = ["{"]
    size, mark, entry_mark = 0, "", ""
    for kind, key, value in _iter_parts(path):
        if kind == "entry":
            fields = {name: each for name, each in value.items() if name not in LOCAL_KEYS}
            reference = fields.get("ref")
            if isinstance(reference, str) and reference.startswith(CLIENT_REFERENCE):
                fields["ref"] = resolve(reference)
            text = f"{entry_mark}{_encode(key)}:{_encode(fields)}"
            entry_mark = ","
        elif kind == "begin":
            text = f"{mark}{_encode(key)}:{{"
        elif kind == "end":
            text = "}"
        else:
            text = f"{mark}{_encode(key)}:{_encode(value)}"
        mark = ","
        pieces.append(text)
        size += len(text)
        if size >= WRITTEN_BYTES:
            yield "".join(pieces).encode()
            pieces, size = [], 0
    pieces.append("}")
    yield "".join(pieces).encode()


def _iter_parts(path: str) -> Iterator[tuple[str, str, Any]]:
    """Of the head ("value", key, value); of the contents begin, entry for each, end."""
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        text = _Text(file, path)
        text.take("{")
        is_begun = False
        while not text.is_at("}"):
            key = text.key(is_begun)
            is_begun = True
            if key != CONTENTS:
                yield "value", key, text.value()
                continue
            text.take("{")
            yield "begin", key, None
            has_entry = False
            while not text.is_at("}"):
                name = text.key(has_entry)
                fields = text.value()
                if not isinstance(fields, dict):
                    raise DamagedManifest(f"{path}: the entry {name!r} is no object")
                yield "entry", name, fields
                has_entry = True
            text.take("}")
            yield "end", key, None
        text.take("}")


class _Text:
    """JSON text of which a piece is held."""

    def __init__(self, file: IO[str], path: str) -> None:
        self._file, self._path = file, path
        self._held, self._at, self._is_over = "", 0, False

    def key(self, is_later: bool) -> str:
        if is_later:
            self.take(",")
        key = self.value()
        if not isinstance(key, str):
            raise DamagedManifest(f"{self._path}: {key!r} stands where a name should")
        self.take(":")
        return key

    def is_at(self, mark: str) -> bool:
        return self._next() == mark

    def take(self, mark: str) -> None:
        found = self._next()
        if found != mark:
            where = f"{found!r}" if found else "the end"
            raise DamagedManifest(f"{self._path}: {where} stands where {mark!r} should")
        self._at += 1

    def value(self) -> Any:
        self._next()
        while True:
            try:
                value, end = _decode(self._held, self._at)
            except ValueError as error:
                if self._is_over or len(self._held) - self._at > ARTIFACT_ENTRY_CHARS_MAX:
                    raise DamagedManifest(f"{self._path}: {error}") from None
            else:
                # A number at the end of what is held may go on.
                if self._is_over or self._held[end : end + 1] in ENDS:
                    self._at = end
                    return value
            self._read()

    def _next(self) -> str:
        """The next character that is no blank; "" at the end."""
        while True:
            while self._at < len(self._held):
                character = self._held[self._at]
                if character not in BLANKS:
                    return character
                self._at += 1
            if self._is_over:
                return ""
            self._read()

    def _read(self) -> None:
        rest = self._held[self._at :]
        try:
            more = self._file.read(max(READ_CHARS, len(rest)))
        except UnicodeDecodeError as error:
            raise DamagedManifest(f"{self._path}: {error}") from None
        self._is_over = not more
        self._held, self._at = rest + more, 0
