"""Digests of files and of artifacts, as the official client computes them.

A file's digest is its MD5 in base64. XXH128 needs the package `xxhash`, which is not one of ours:
where it is absent, asking for that algorithm is refused.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from steelyard.errors import Invalid, UnsupportedError

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.entry import ArtifactManifestEntry

AlgorithmName = Literal["MD5", "XXH128"]
MANIFEST_MD5: Final = "MANIFEST_MD5"
MANIFEST_XXH128: Final = "MANIFEST_XXH128"
ALGORITHMS: Final = {"MD5": MANIFEST_MD5, "XXH128": MANIFEST_XXH128}
#: Where an entry says that its digest is no MD5. wandb 0.31.0 sdk/artifacts/
#: artifact_manifest_entry.py DIGEST_ALGORITHM_EXTRA_KEY
ALGORITHM_KEY: Final = "alg"
# wandb 0.31.0 sdk/artifacts/artifact_manifests/artifact_manifest_v1.py digest
_HEADER: Final = b"wandb-artifact-manifest-v1\n"

CHUNK_BYTES = 1024 * 1024


class Hasher(Protocol):
    def update(self, data: Any, /) -> None: ...
    def digest(self) -> bytes: ...
    def hexdigest(self) -> str: ...


def new_hasher(algorithm: str = MANIFEST_MD5) -> Hasher:
    """An empty hasher. Raises UnsupportedError for XXH128 without the package for it."""
    if algorithm == MANIFEST_MD5:
        return hashlib.md5(usedforsecurity=False)
    if algorithm == MANIFEST_XXH128:
        try:
            hasher: Hasher = import_module("xxhash").xxh128()
        except ImportError:
            raise UnsupportedError(
                "the digest algorithm XXH128 needs the package xxhash: pip install xxhash; "
                "or leave digest_algorithm out for MD5"
            ) from None
        return hasher
    raise Invalid(f"{algorithm!r} is no digest algorithm; there are MD5 and XXH128")


def b64_of(hasher: Hasher) -> str:
    """The digest so far, in base64."""
    return base64.b64encode(hasher.digest()).decode()


def b64_to_hex(text: str) -> str:
    """The bytes of base64 text, in hexadecimal digits. Raises ValueError for other text."""
    return base64.b64decode(text, validate=True).hex()


def hex_to_b64(text: str) -> str:
    """The inverse of `b64_to_hex`."""
    return base64.b64encode(bytes.fromhex(text)).decode()


def md5_of_text(text: str) -> str:
    """The MD5 of text, in base64."""
    return b64_of_bytes(text.encode())


def b64_of_bytes(data: bytes) -> str:
    """The MD5 of bytes, in base64."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def hash_file(path: str, algorithm: str = MANIFEST_MD5) -> str:
    """The digest of a file, in base64. Reads it in pieces; raises OSError."""
    hasher = new_hasher(algorithm)
    buffer = bytearray(CHUNK_BYTES)
    view = memoryview(buffer)
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # called for each of many
        while count := file.readinto(buffer):
            hasher.update(view[:count])
    return b64_of(hasher)


def algorithm_of(extra: dict[str, Any]) -> str:
    """The algorithm of an entry's digest, from what else its entry says."""
    named = extra.get(ALGORITHM_KEY)
    return ALGORITHMS.get(named, MANIFEST_MD5) if isinstance(named, str) else MANIFEST_MD5


def digest_of_entries(entries: Iterable[ArtifactManifestEntry], algorithm: str) -> str:
    """The digest of an artifact with these entries: 32 hexadecimal digits."""
    hasher = new_hasher(algorithm)
    hasher.update(_HEADER)
    for entry in sorted(entries, key=_path_of):
        hasher.update(f"{entry.path}:{entry.digest}\n".encode())
    return hasher.hexdigest()


def _path_of(entry: ArtifactManifestEntry) -> str:
    return entry.path
