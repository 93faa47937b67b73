"""One entry of a manifest: a file of an artifact, or a reference to something elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from steelyard.errors import Invalid, UsageError
from steelyard.sdk.artifacts.digest import algorithm_of, b64_to_hex, hex_to_b64
from steelyard.sdk.artifacts.names import StrPath, as_text

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.artifacts.small_files import PackedFile

ARTIFACT_SCHEME: Final = "wandb-artifact"
CLIENT_SCHEME: Final = "wandb-client-artifact"


class ArtifactManifestEntry:
    """A file of an artifact. `size` in bytes; None where nobody knows it (some references).

    `digest` is the MD5 in base64, of a reference whatever names its content: an ETag, or the
    address itself.
    """

    __slots__ = (
        *("_local_path", "_packed", "_parent_artifact", "birth_artifact_id", "digest", "extra"),
        *("path", "ref", "size", "skip_cache"),
    )

    def __init__(
        self,
        path: StrPath,
        digest: str,
        ref: str | None = None,
        birth_artifact_id: str | None = None,
        size: int | None = None,
        extra: dict[str, Any] | None = None,
        local_path: StrPath | None = None,
        skip_cache: bool | None = False,
    ) -> None:
        self.path: str = path if type(path) is str else as_text(path)
        self.digest: str = digest
        self.ref: str | None = ref
        self.birth_artifact_id: str | None = birth_artifact_id
        self._local_path: str | None = os.fspath(local_path) if local_path else None
        self._packed: PackedFile | None = None
        if size is None and self._local_path is not None:
            size = os.stat(self._local_path).st_size  # noqa: PTH116  # of each of many
        self.size: int | None = size
        self.extra: dict[str, Any] = extra if extra is not None else {}
        self.skip_cache: bool = bool(skip_cache)
        self._parent_artifact: Artifact | None = None

    def __repr__(self) -> str:
        parts = {name: value for name, value in self._fields().items() if value not in (None, {})}
        return f"ArtifactManifestEntry({', '.join(f'{k}={v!r}' for k, v in parts.items())})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ArtifactManifestEntry):
            return NotImplemented
        return self._fields() == other._fields()

    def _fields(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "digest": self.digest,
            "ref": self.ref,
            "birth_artifact_id": self.birth_artifact_id,
            "size": self.size,
            "extra": self.extra,
            "local_path": self._local_path or self._packed,
            "skip_cache": self.skip_cache,
        }

    @property
    def local_path(self) -> str | None:
        """Where the bytes wait for their upload; a small file becomes one of its own by asking."""
        if self._local_path is None and self._packed is not None:
            self._local_path = self._packed.unpack()
        return self._local_path

    @local_path.setter
    def local_path(self, path: str | None) -> None:
        self._local_path = path

    @property
    def name(self) -> str:
        """The same as `path`; deprecated in wandb."""
        return self.path

    def parent_artifact(self) -> Artifact:
        """The artifact that this is an entry of. Raises UsageError for an entry of none."""
        if self._parent_artifact is None:
            raise UsageError(
                f"the entry {self.path!r} does not know its artifact; "
                "get it with artifact.get_entry(name)"
            )
        return self._parent_artifact

    def digest_algorithm(self) -> str:
        """How the digest of this file is computed: MANIFEST_MD5 or MANIFEST_XXH128."""
        return algorithm_of(self.extra)

    def download(
        self,
        root: StrPath | None = None,
        skip_cache: bool | None = None,
        executor: object = None,
    ) -> str:
        """Fetch the file below `root`, by default the artifact's own directory; its path there.

        What is there already with the right digest is left alone. `executor` is accepted and has
        no meaning here. Raises as `Artifact.download`.
        """
        from steelyard.sdk.artifacts.download import download_entry

        return download_entry(self.parent_artifact(), self, root, skip_cache=bool(skip_cache))

    def ref_target(self) -> str:
        """The address this entry refers to; of a file in another artifact, what that one is.

        Raises UsageError for an entry that is no reference.
        """
        if self.ref is None:
            raise UsageError(f"the entry {self.path!r} is a file and refers to nothing")
        if self._parent_artifact is None or not self.ref.startswith(f"{ARTIFACT_SCHEME}:"):
            return self.ref
        from steelyard.sdk.artifacts.references.artifacts import follow

        _, entry = follow(self._parent_artifact._remote_for_use(), self.ref)
        return entry.ref or entry.path

    def ref_url(self) -> str:
        """An address of this file that `add_reference` of another artifact takes."""
        artifact = self.parent_artifact()
        if artifact.id is None:
            raise UsageError(f"the artifact of {self.path!r} is not logged: call wait() first")
        return make_artifact_url(artifact.id, self.path)

    def to_json(self) -> dict[str, Any]:
        """What the manifest says of the file, with its path."""
        return {"path": self.path, **entry_to_json(self)}

    def _is_artifact_reference(self) -> bool:
        return self.ref is not None and urlsplit(self.ref).scheme == ARTIFACT_SCHEME

    def _referenced_artifact_id(self) -> str | None:
        return split_artifact_url(self.ref)[0] if self._is_artifact_reference() else None


def entry_to_json(entry: ArtifactManifestEntry) -> dict[str, Any]:
    """The entry as a manifest has it below its path."""
    # wandb 0.31.0 sdk/artifacts/artifact_manifests/artifact_manifest_v1.py to_manifest_json: what
    # is empty is left out, and what is of this machine only.
    value: dict[str, Any] = {"digest": entry.digest}
    if entry.ref is not None:
        value["ref"] = entry.ref
    if entry.birth_artifact_id is not None:
        value["birthArtifactID"] = entry.birth_artifact_id
    if entry.size is not None:
        value["size"] = entry.size
    if entry.extra:
        value["extra"] = entry.extra
    return value


def entry_from_json(path: str, value: dict[str, Any]) -> ArtifactManifestEntry:
    """The inverse of `entry_to_json`. Raises Invalid for what is no entry."""
    try:
        return ArtifactManifestEntry(
            path=path,
            digest=value["digest"],
            ref=value.get("ref"),
            birth_artifact_id=value.get("birthArtifactID"),
            size=value.get("size"),
            extra=value.get("extra") or {},
            skip_cache=value.get("skip_cache"),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"the manifest is damaged: its entry {path!r} is {value!r:.200}") from error


def make_artifact_url(artifact_id: str, path: str) -> str:
    """The address of a file of a logged artifact: its id in hexadecimal digits, and the path."""
    # wandb 0.31.0 sdk/artifacts/artifact_manifest_entry.py ref_url
    return f"{ARTIFACT_SCHEME}://{b64_to_hex(artifact_id)}/{path}"


def split_artifact_url(url: str | None) -> tuple[str, str]:
    """(id of the artifact, path in it). Raises Invalid for another URL."""
    scheme, _, rest = (url or "").partition("://")
    mark, _, path = rest.partition("/")
    try:
        if scheme != ARTIFACT_SCHEME or not path:
            raise ValueError
        return hex_to_b64(mark), path
    except ValueError:
        raise Invalid(
            f"{url!r} is no address in an artifact; get one from entry.ref_url()"
        ) from None
