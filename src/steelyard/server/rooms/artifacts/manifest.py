"""Manifests as clients write them, and a set of them as one list of entries in order of path.

A manifest is the JSON object `{"version": 1, "storagePolicy": …, "contents": {path: entry}}`.
wandb 0.31.0 sdk/artifacts/artifact_manifests/artifact_manifest_v1.py. Nothing here touches a
database or a blob store: `packer.py` runs it in a process of its own when a manifest is long.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from steelyard.errors import Invalid, TooLarge
from steelyard.limits import FILE_PATH_BYTES_MAX, MANIFEST_ENTRIES_MAX
from steelyard.server.rooms.artifacts.names import parse_md5

#: What no path of a manifest has. The rest of the rules is in `check_path`.
_UNUSUAL = re.compile(r"(^|/)\.{0,2}(/|$)|[\x00-\x1f\x7f\\]|^[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
DIGEST_HEADER = b"wandb-artifact-manifest-v1\n"


class ManifestEntry(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """An entry in the client's JSON. What only means something to its process is dropped."""

    digest: str
    size: int | None = None
    birth_artifact_id: str | None = msgspec.field(name="birthArtifactID", default=None)
    ref: str | None = None
    extra: dict[str, Any] | None = None


class ManifestDocument(msgspec.Struct, frozen=True, rename="camel"):
    """The JSON file."""

    contents: Mapping[str, ManifestEntry]
    version: int = 1
    storage_policy: str = "wandb-storage-policy-v1"
    storage_policy_config: dict[str, Any] = {}


class _PackedDocument(msgspec.Struct, frozen=True, rename="camel"):
    """The same with its entries as they stand in the file."""

    contents: dict[str, msgspec.Raw]
    version: int = 1
    storage_policy: str = "wandb-storage-policy-v1"
    storage_policy_config: dict[str, Any] = {}


class PackedContents(Mapping[str, ManifestEntry]):
    """Entries as JSON, each decoded when it is asked for.

    A million of them take 0.3 GB beside the text of the file; decoded all at once they take three
    times as much.
    """

    def __init__(self, raws: dict[str, msgspec.Raw]) -> None:
        self.raws = raws

    def __getitem__(self, path: str) -> ManifestEntry:
        raw = self.raws[path]
        try:
            return _ENTRY.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Invalid(f"the entry {path!r:.200} of the manifest is none: {error}") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self.raws)

    def __len__(self) -> int:
        return len(self.raws)

    def __contains__(self, path: object) -> bool:
        return path in self.raws


class SortedManifest(msgspec.Struct, frozen=True):
    """Manifests laid over each other. `paths` are in order of their UTF-8 bytes."""

    paths: list[str]
    document: ManifestDocument


_DOCUMENT = msgspec.json.Decoder(ManifestDocument)
_PACKED = msgspec.json.Decoder(_PackedDocument)
_ENTRY = msgspec.json.Decoder(ManifestEntry)


def parse_manifest(data: bytes) -> ManifestDocument:
    """The manifest in a JSON text. Raises Invalid, naming what is wrong; paths are not checked."""
    try:
        document = _DOCUMENT.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"this is no manifest of an artifact: {error}") from error
    _check_version(document.version)
    return document


def parse_packed(data: bytes) -> ManifestDocument:
    """The same with entries that are decoded one at a time; what is wrong with one shows then."""
    try:
        document = _PACKED.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"this is no manifest of an artifact: {error}") from error
    _check_version(document.version)
    return ManifestDocument(
        contents=PackedContents(document.contents),
        storage_policy=document.storage_policy,
        storage_policy_config=document.storage_policy_config,
    )


def _check_version(version: int) -> None:
    if version != 1:
        raise Invalid(f"the manifest has version {version}; only 1 is known")


def merge_manifests(
    base: ManifestDocument | None, layers: Sequence[ManifestDocument]
) -> SortedManifest:
    """Later layers over earlier ones over the base: the last entry of a path counts.

    Every path is checked. Raises Invalid, TooLarge.
    """
    assert layers
    contents = _lay_over([*([] if base is None else [base]), *layers])
    if len(contents) > MANIFEST_ENTRIES_MAX:
        raise TooLarge(
            "the manifest",
            size=len(contents),
            limit=MANIFEST_ENTRIES_MAX,
            limit_name="MANIFEST_ENTRIES_MAX",
        )
    for path, entry in contents.items():
        check_path(path)
        check_entry(path, entry)
    # Code points sort like UTF-8 bytes; lone surrogates, which do not, were refused.
    paths = sorted(contents)
    check_directories(paths, contents)
    last = layers[-1]
    return SortedManifest(
        paths=paths,
        document=ManifestDocument(
            contents=contents,
            storage_policy=last.storage_policy,
            storage_policy_config=last.storage_policy_config,
        ),
    )


def _lay_over(documents: Sequence[ManifestDocument]) -> Mapping[str, ManifestEntry]:
    packed = [each.contents for each in documents if isinstance(each.contents, PackedContents)]
    if len(packed) == len(documents):
        raws: dict[str, msgspec.Raw] = packed[0].raws
        for some in packed[1:]:
            raws = raws | some.raws
        return PackedContents(raws)
    contents: dict[str, ManifestEntry] = {}
    for document in documents:
        contents.update(document.contents)
    return contents


def check_path(path: str) -> None:
    """Raises Invalid for a path that could lead out of the directory it is downloaded to."""
    try:
        size_bytes = len(path.encode())
    except UnicodeEncodeError as error:
        raise Invalid(f"the path {path!r} in the manifest is not valid Unicode") from error
    if size_bytes > FILE_PATH_BYTES_MAX:
        raise TooLarge(
            f"the path {path[:40]!r}… in the manifest",
            size=size_bytes,
            limit=FILE_PATH_BYTES_MAX,
            limit_name="FILE_PATH_BYTES_MAX",
        )
    if _UNUSUAL.search(path) is None:
        return
    # Backslashes separate on Windows only, where they must not lead out either.
    parts = path.replace("\\", "/").split("/")
    if _CONTROL.search(path):
        raise Invalid(f"the path {path!r} in the manifest has control characters")
    if not path:
        raise Invalid("a path in the manifest is empty")
    if parts[0] == "" or re.match(r"[A-Za-z]:[/\\]", path):
        raise Invalid(f"the path {path!r} in the manifest is absolute; it must be relative")
    if ".." in parts or "." in parts:
        raise Invalid(f"the path {path!r} in the manifest has a '.' or '..' part")
    if "" in parts:
        raise Invalid(f"the path {path!r} in the manifest has an empty part")


def check_directories(paths: Sequence[str], contents: Container[str]) -> None:
    """Raises Invalid when one path is a file and a directory: no disk can hold both.

    `paths` are in order, so that neighbours are mostly in the same directory.
    """
    seen = ""
    for path in paths:
        directory = path.rpartition("/")[0]
        if directory == seen:
            continue
        seen = directory
        while directory:
            if directory in contents:
                raise Invalid(
                    f"the manifest has a file {directory!r} and a file {path!r} below it; "
                    "a path is either a file or a directory: rename one of them"
                )
            directory = directory.rpartition("/")[0]


def check_entry(path: str, entry: ManifestEntry) -> None:
    """Raises Invalid for an entry that can be no file."""
    if entry.size is not None and entry.size < 0:
        raise Invalid(f"the size of {path!r} in the manifest is {entry.size}")
    if entry.ref is None:
        if entry.size is None:
            raise Invalid(f"{path!r} in the manifest has no size")
        parse_md5(entry.digest)


def digest_of(manifest: SortedManifest) -> str:
    """The digest that names a version by its content: 32 hexadecimal digits."""
    return measure(manifest)[0]


def measure(manifest: SortedManifest) -> tuple[str, int]:
    """(digest, size in bytes).

    wandb 0.31.0 sdk/artifacts/artifact_manifests/artifact_manifest_v1.py: digest().
    """
    contents = manifest.document.contents
    digest = hashlib.md5(DIGEST_HEADER, usedforsecurity=False)
    size_bytes = 0
    for path in manifest.paths:
        entry = contents[path]
        size_bytes += entry.size or 0
        digest.update(f"{path}:{entry.digest}\n".encode())
    return digest.hexdigest(), size_bytes


def encode_manifest(manifest: SortedManifest) -> Iterator[bytes]:
    """The JSON file in pieces, paths in order."""
    document = manifest.document
    head = {
        "version": document.version,
        "storagePolicy": document.storage_policy,
        "storagePolicyConfig": document.storage_policy_config,
    }
    encode = msgspec.json.encode
    yield encode(head)[:-1] + b',"contents":{'
    for first in range(0, len(manifest.paths), 1000):
        some = manifest.paths[first : first + 1000]
        lines = b",".join(encode(path) + b":" + encode(document.contents[path]) for path in some)
        yield (b"," if first else b"") + lines
    yield b"}}"
