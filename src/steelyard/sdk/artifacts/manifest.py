"""The manifest of an artifact: which files it has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from steelyard.errors import Invalid
from steelyard.sdk.artifacts.digest import (
    ALGORITHM_KEY,
    MANIFEST_MD5,
    algorithm_of,
    digest_of_entries,
    hash_file,
)
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry, entry_from_json, entry_to_json
from steelyard.sdk.artifacts.names import check_path

VERSION: Final = 1
POLICY: Final = "wandb-storage-policy-v1"


class StoragePolicy:
    """How the server lays out contents. There is one way; a region is passed on."""

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        self._config: dict[str, Any] = {"storageLayout": "V2", **(config or {})}

    @classmethod
    def name(cls) -> str:
        """As manifests name it."""
        return POLICY

    def config(self) -> dict[str, Any]:
        """As manifests have it."""
        return dict(self._config)


class ArtifactManifest:
    """The files of an artifact by their paths, in the order they were added."""

    def __init__(
        self,
        entries: dict[str, ArtifactManifestEntry] | None = None,
        *,
        digest_algorithm: str = MANIFEST_MD5,
        storage_policy: StoragePolicy | None = None,
    ) -> None:
        self.entries: dict[str, ArtifactManifestEntry] = entries if entries is not None else {}
        self.digest_algorithm: str = digest_algorithm
        self.storage_policy: StoragePolicy = storage_policy or StoragePolicy()
        self._directories: set[str] | None = None  # not known yet

    @classmethod
    def version(cls) -> int:
        """Version of the form of manifests."""
        return VERSION

    @classmethod
    def from_manifest_json(
        cls, manifest_json: dict[str, Any], digest_algorithm: str = MANIFEST_MD5
    ) -> ArtifactManifest:
        """Read a manifest. Raises Invalid for what is none, and for a newer form."""
        version = manifest_json.get("version") if isinstance(manifest_json, dict) else None
        if version != VERSION:
            raise Invalid(f"this is no manifest of version {VERSION}: its version is {version!r}")
        contents = manifest_json.get("contents")
        if not isinstance(contents, dict):
            raise Invalid("the manifest is damaged: it has no contents")
        config = manifest_json.get("storagePolicyConfig")
        return cls(
            {path: entry_from_json(path, value) for path, value in contents.items()},
            digest_algorithm=digest_algorithm,
            storage_policy=StoragePolicy(config if isinstance(config, dict) else None),
        )

    def to_manifest_json(self) -> dict[str, Any]:
        """The manifest as the server keeps it."""
        return {
            **self.head_json(),
            "contents": {path: entry_to_json(entry) for path, entry in self.entries.items()},
        }

    def head_json(self) -> dict[str, Any]:
        """What the manifest says besides its contents."""
        return {
            "version": VERSION,
            "storagePolicy": self.storage_policy.name(),
            "storagePolicyConfig": self.storage_policy.config(),
        }

    def __len__(self) -> int:
        return len(self.entries)

    def digest(self) -> str:
        """The digest of the whole: 32 hexadecimal digits, of paths and digests only."""
        return digest_of_entries(self.entries.values(), self.digest_algorithm)

    def size(self) -> int:
        """Bytes of all files, and of the references whose size is known."""
        return sum(entry.size for entry in self.entries.values() if entry.size)

    def add_entry(self, entry: ArtifactManifestEntry, overwrite: bool = False) -> None:
        """Take in an entry.

        Raises Invalid for a path that leads out of the artifact, for one that is a directory or
        below a file, and for a path that is there with another content, unless `overwrite`.
        """
        entry.path = path = check_path(entry.path)
        self._check_place(path)
        if not overwrite:
            old = self.entries.get(path)
            if old is not None and old.digest != entry.digest:
                raise Invalid(
                    f"the artifact has another file {path!r} already; "
                    "pass overwrite=True to replace it, or another name"
                )
        self.entries[path] = entry

    def _check_place(self, path: str) -> None:
        """Raises Invalid when a file would be a directory too: no disk can hold both."""
        if self._directories is None:
            self._directories = _directories_of(self.entries)
        known = self._directories
        directory, new = path.rpartition("/")[0], []
        while directory and directory not in known:
            if directory in self.entries:
                raise Invalid(
                    f"the artifact has a file {directory!r}, so {path!r} cannot be below it; "
                    "give one of them another name"
                )
            new.append(directory)
            directory = directory.rpartition("/")[0]
        if path in known:
            if self.get_entries_in_directory(path):
                raise Invalid(
                    f"the artifact has files below {path!r}, so no file can have that name; "
                    "give one of them another name"
                )
            self._directories = None  # those files were removed
        known.update(new)

    def remove_entry(self, entry: ArtifactManifestEntry) -> None:
        """Drop an entry. Raises FileNotFoundError where there is none."""
        try:
            del self.entries[entry.path]
        except KeyError:
            raise FileNotFoundError(f"the artifact has no {entry.path!r}") from None

    def get_entry_by_path(self, path: str) -> ArtifactManifestEntry | None:
        """The entry of that very path."""
        return self.entries.get(path)

    def get_entries_in_directory(self, directory: str) -> list[ArtifactManifestEntry]:
        """The entries below a directory, in their order."""
        prefix = f"{directory}/"
        return [entry for path, entry in self.entries.items() if path.startswith(prefix)]

    def hash_contents_with_md5(self) -> None:
        """Give every file that waits here its MD5 as digest, whatever it had before."""
        for entry in self.entries.values():
            if entry.local_path and algorithm_of(entry.extra) != MANIFEST_MD5:
                entry.digest = hash_file(entry.local_path)
                del entry.extra[ALGORITHM_KEY]


def _directories_of(paths: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for path in paths:
        directory = path.rpartition("/")[0]
        while directory and directory not in found:
            found.add(directory)
            directory = directory.rpartition("/")[0]
    return found
