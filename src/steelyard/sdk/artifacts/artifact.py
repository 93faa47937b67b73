"""`steelyard.Artifact`: what scripts do with artifacts.

Longer than other files because the class is: it has every public name of the official client's.
What each does beyond a few lines is in the module named for it.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from steelyard.errors import (
    ArtifactFinalizedError,
    ArtifactNotLoggedError,
    Invalid,
    UsageError,
)
from steelyard.sdk import terminal
from steelyard.sdk.artifacts import adding, names, objects
from steelyard.sdk.artifacts.digest import ALGORITHMS, MANIFEST_MD5, AlgorithmName, new_hasher
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry
from steelyard.sdk.artifacts.manifest import ArtifactManifest, StoragePolicy
from steelyard.sdk.artifacts.names import ArtifactPath, StrPath
from steelyard.sdk.artifacts.references.artifacts import by_client_id
from steelyard.sdk.artifacts.staging import Staging
from steelyard.sdk.artifacts.ttl import ArtifactTTL
from steelyard.sdk.artifacts.version_facts import VersionFacts

if TYPE_CHECKING:
    from steelyard.sdk.api.artifact_collection import ArtifactCollection
    from steelyard.sdk.api.run import Run
    from steelyard.sdk.artifacts.listed_files import ArtifactFiles
    from steelyard.sdk.artifacts.remote import Remote
    from steelyard.sdk.settings import ClientSettings, Settings

Policy = Literal["mutable", "immutable"]
CLIENT_ID_CHARS = 128  # wandb 0.31.0 sdk/artifacts/artifact.py __init__


class Artifact:
    """A set of files that is versioned as one: a dataset, a model, a result.

    Make one, add files, log it with `run.log_artifact(artifact)`. What a server has comes from
    `run.use_artifact("name:latest")`.

    Args:
        name: letters, digits, `-`, `_` and `.`; at most 128 characters. Each new content logged
            under it is the next version.
        type: what it is, such as dataset or model.
        description: text, Markdown in the UI.
        metadata: at most 100 keys with values that JSON can hold.
        incremental: adds to the latest version instead of replacing it; see `new_draft`.
        use_as: accepted, without meaning.
        storage_region: passed on to the server.
        digest_algorithm: MD5; XXH128 needs the package xxhash.
    Raises Invalid (a ValueError) for a name, type or metadata that no server takes.
    """

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
        storage_region: str | None = None,
        digest_algorithm: AlgorithmName = "MD5",
    ) -> None:
        self._name: str = names.check_name(name)
        self._type: str = self._check_type(type, name)
        self._description = description
        self._metadata = names.check_metadata(metadata)
        self._incremental = bool(incremental)
        self._use_as: str | None = None
        if use_as is not None:
            terminal.termwarn("Artifact(use_as=) does nothing", repeat=False)
        self._digest_algorithm = ALGORITHMS.get(digest_algorithm, MANIFEST_MD5)
        if self._digest_algorithm != MANIFEST_MD5:
            new_hasher(self._digest_algorithm)  # here, if it cannot be had
        region = {"storageRegion": storage_region} if storage_region else None
        self._manifest: ArtifactManifest | None = ArtifactManifest(
            digest_algorithm=self._digest_algorithm, storage_policy=StoragePolicy(region)
        )
        self._client_id = _random_id(CLIENT_ID_CHARS)
        self._sequence_client_id = _random_id(CLIENT_ID_CHARS)
        self._begin()
        by_client_id[self._client_id] = self

    def _begin(self) -> None:
        """What any artifact starts with, whoever has made it."""
        self._facts: VersionFacts | None = None
        self._remote: Remote | None = None
        self._staging: Staging | None = None
        self._added_objs: dict[int, tuple[Any, ArtifactManifestEntry]] = {}
        self._added_local_paths: dict[str, ArtifactManifestEntry] = {}
        self._download_roots: set[str] = set()
        self._final = False
        self._is_staged = False
        self._run_folder: Path | None = None
        self._settings: ClientSettings | None = None
        self._base_id: str | None = None
        self._source_entity: str | None = None
        self._source_project: str | None = None
        self._distributed_id: str | None = None
        self._aliases: list[str] = []
        self._tags: list[str] = []
        self._ttl_duration_seconds: int | None = None
        self._ttl_is_inherited = True
        self._ttl_changed = False

    def _check_type(self, type: str, name: str) -> str:
        return names.check_type(type, name)

    @classmethod
    def _from_version(
        cls, version: dict[str, Any], remote: Remote, *, asked: ArtifactPath | None = None
    ) -> Artifact:
        """The artifact that the server describes so.

        It is called as it was asked for: `data:best` stays that.
        """
        artifact = Artifact.__new__(Artifact)
        artifact._name = str(version["name"])
        artifact._incremental, artifact._use_as = False, None
        artifact._manifest = None
        artifact._client_id, artifact._sequence_client_id = "", ""
        artifact._begin()
        artifact._take(version, remote)
        if asked is not None and asked.ref:  # wandb 0.31.0 sdk/artifacts/artifact.py _from_attrs
            artifact._name = f"{asked.name}:{asked.ref}"
        artifact._final = True
        return artifact

    @classmethod
    def _from_name(
        cls, name: str, *, type: str | None = None, remote: Remote | None = None
    ) -> Artifact:
        """A logged artifact by `[entity/][project/]name[:version or alias]`."""
        if remote is None:
            from steelyard.sdk.artifacts.remote import open_remote

            remote = open_remote()
        version = remote.find(name, type=type)
        return cls._from_version(version, remote, asked=names.parse_path(name))

    def _take(self, version: dict[str, Any], remote: Remote) -> None:
        """Be what the server says."""
        facts = VersionFacts(version)
        self._facts, self._remote = facts, remote
        self._name = f"{facts.collection}:{facts.version}"
        self._type = facts.type
        self._description = facts.description
        self._metadata = facts.metadata
        self._digest_algorithm = facts.digest_algorithm
        self._source_entity, self._source_project = facts.source_entity, facts.source_project
        self._aliases, self._tags = list(facts.aliases), list(facts.tags)
        self._ttl_duration_seconds, self._ttl_is_inherited = facts.ttl_s, facts.ttl_is_inherited
        self._ttl_changed = False

    def __repr__(self) -> str:
        return f"<Artifact {self.id or self.name}>"

    def new_draft(self) -> Artifact:
        """A draft with the contents of this version, to be changed and logged as the next one.

        Raises ArtifactNotLoggedError.
        """
        facts = self._need_logged("new_draft")
        draft = Artifact.__new__(Artifact)
        draft._name, draft._type = facts.source_collection, self._type
        draft._description, draft._metadata = self._description, dict(self._metadata)
        draft._incremental, draft._use_as = False, None
        draft._digest_algorithm = self._digest_algorithm
        draft._manifest = ArtifactManifest.from_manifest_json(
            self.manifest.to_manifest_json(), self._digest_algorithm
        )
        draft._client_id = _random_id(CLIENT_ID_CHARS)
        draft._sequence_client_id = _random_id(CLIENT_ID_CHARS)
        draft._begin()
        draft._base_id = facts.id
        draft._remote = self._remote
        draft._source_entity, draft._source_project = facts.source_entity, facts.source_project
        by_client_id[draft._client_id] = draft
        return draft

    # ---- what it is

    @property
    def id(self) -> str | None:
        """The server's id; None for a draft."""
        return self._facts.id if self._facts is not None and not self.is_draft() else None

    @property
    def entity(self) -> str:
        """Owner of the collection it was found in."""
        return self._need_logged("entity").entity

    @property
    def project(self) -> str:
        """Project of the collection it was found in."""
        return self._need_logged("project").project

    @property
    def name(self) -> str:
        """`collection:v3`, or with the alias it was found by; of a draft, the collection."""
        return self._name

    @property
    def qualified_name(self) -> str:
        """`entity/project/collection:v3`, or with the alias it was found by."""
        return f"{self.entity}/{self.project}/{self.name}"

    @property
    def version(self) -> str:
        """`v3`, in the collection it was found in."""
        return self._need_logged("version").version

    @property
    def collection(self) -> ArtifactCollection:
        """The collection it was found in."""
        facts = self._need_logged("collection")
        return self._collection(facts.entity, facts.project, facts.collection)

    @property
    def source_entity(self) -> str:
        """Owner of the collection it was logged to."""
        return self._need_logged("source_entity").source_entity

    @property
    def source_project(self) -> str:
        """Project of the collection it was logged to."""
        return self._need_logged("source_project").source_project

    @property
    def source_name(self) -> str:
        """`collection:v3` where it was logged to; of a draft, the collection."""
        facts = self._facts
        return facts.source_name if facts is not None and not self.is_draft() else self._name

    @property
    def source_qualified_name(self) -> str:
        """`entity/project/collection:v3` where it was logged to."""
        return f"{self.source_entity}/{self.source_project}/{self.source_name}"

    @property
    def source_version(self) -> str:
        """`v3`, in the collection it was logged to."""
        return self._need_logged("source_version").source_version

    @property
    def source_collection(self) -> ArtifactCollection:
        """The collection it was logged to."""
        facts = self._need_logged("source_collection")
        return self._collection(facts.source_entity, facts.source_project, facts.source_collection)

    @property
    def is_link(self) -> bool:
        """Found in another collection than the one it was logged to."""
        return self._facts is not None and self._facts.is_link

    @property
    def linked_artifacts(self) -> list[Artifact]:
        """This version in the collections it is linked to; none of a link."""
        facts = self._need_logged("linked_artifacts")
        if facts.is_link:
            return []
        remote = self._remote_for_use()
        places = remote.find(self._path())["links"]
        found = [
            ArtifactPath(each["entity"], each["project"], each["name"], each["version"])
            for each in places
        ]
        return [Artifact._from_version(remote.find(place), remote) for place in found]

    @property
    def source_artifact(self) -> Artifact:
        """The version as it was logged; itself where it is no link."""
        facts = self._need_logged("source_artifact")
        if not facts.is_link:
            return self
        remote = self._remote_for_use()
        source = ArtifactPath(
            facts.source_entity, facts.source_project, facts.source_collection, facts.source_version
        )
        return Artifact._from_version(remote.find(source), remote)

    @property
    def type(self) -> str:
        """What it is, such as dataset or model."""
        return self._type

    @property
    def url(self) -> str:
        """Its page in the UI."""
        facts = self._need_logged("url")
        parts = (facts.entity, facts.project, "artifacts", self._type, facts.collection)
        return self._remote_for_use().page_url(*parts, facts.version)

    @property
    def description(self) -> str | None:
        """Text about it. What is set is sent by `save`."""
        return self._description

    @description.setter
    def description(self, description: str | None) -> None:
        self._warn_of_link("description")
        self._description = description

    @property
    def metadata(self) -> dict[str, Any]:
        """What is known of it, as JSON has it. What is set or changed is sent by `save`."""
        return self._metadata

    @metadata.setter
    def metadata(self, metadata: dict[str, Any]) -> None:
        self._warn_of_link("metadata")
        self._metadata = names.check_metadata(metadata)

    @property
    def ttl(self) -> datetime.timedelta | None:
        """How long it lives from its creation on; None: for ever. What is set is sent by `save`.

        Raises ArtifactNotLoggedError where only the server knows.
        """
        if self._ttl_is_inherited and (self.is_draft() or self._ttl_changed):
            raise ArtifactNotLoggedError("Artifact.ttl", self)
        seconds = self._ttl_duration_seconds
        return datetime.timedelta(seconds=seconds) if seconds is not None else None

    @ttl.setter
    def ttl(self, ttl: datetime.timedelta | ArtifactTTL | None) -> None:
        if self._type == "wandb-history":
            raise Invalid("the history of a run lives as long as the run")
        if self.is_link:
            raise Invalid("a link has no time to live; set that of artifact.source_artifact")
        if ttl is None or isinstance(ttl, ArtifactTTL):
            seconds = None
        elif isinstance(ttl, datetime.timedelta):
            seconds = int(ttl.total_seconds())
            if seconds <= 0:
                raise Invalid(f"the time to live has to be positive, not {ttl}")
        else:
            raise Invalid(f"ttl is a timedelta, ArtifactTTL.INHERIT or None, not {ttl!r}")
        self._ttl_changed = True
        self._ttl_is_inherited = isinstance(ttl, ArtifactTTL)
        self._ttl_duration_seconds = seconds

    @property
    def aliases(self) -> list[str]:
        """Names of this version in its collection. What is set or changed is sent by `save`."""
        self._need_logged("aliases")
        return self._aliases

    @aliases.setter
    def aliases(self, aliases: list[str]) -> None:
        self._need_logged("aliases")
        self._aliases = names.check_aliases(aliases)

    @property
    def tags(self) -> list[str]:
        """Tags of this version. What is set or changed is sent by `save`."""
        self._need_logged("tags")
        return self._tags

    @tags.setter
    def tags(self, tags: list[str]) -> None:
        self._need_logged("tags")
        self._warn_of_link("tags")
        self._tags = names.check_tags(tags)

    @property
    def distributed_id(self) -> str | None:
        """What the writers of one distributed artifact share."""
        return self._distributed_id

    @distributed_id.setter
    def distributed_id(self, distributed_id: str | None) -> None:
        self._distributed_id = distributed_id

    @property
    def incremental(self) -> bool:
        """Whether it adds to the latest version."""
        return self._incremental

    @property
    def use_as(self) -> str | None:
        """Deprecated in wandb, without meaning."""
        return self._use_as

    @property
    def state(self) -> str:
        """PENDING until it is on the server, then COMMITTED; PENDING_DELETION, DELETED."""
        return self._facts.state if self._facts is not None else "PENDING"

    @property
    def manifest(self) -> ArtifactManifest:
        """Its files; of a logged artifact, read from the server when first asked for."""
        if self._manifest is None:
            facts = self._need_logged("manifest")
            self._manifest = self._remote_for_use().read_manifest(facts.version_json)
        return self._manifest

    @property
    def digest(self) -> str:
        """The digest of its contents: 32 hexadecimal digits. Logging the same again is nothing."""
        known = self._manifest is None and self._facts is not None
        return self._facts.digest if known and self._facts is not None else self.manifest.digest()

    @property
    def digest_algorithm(self) -> str:
        """MANIFEST_MD5 or MANIFEST_XXH128."""
        return self._digest_algorithm

    @property
    def size(self) -> int:
        """Bytes of its files and of references whose size is known."""
        known = self._manifest is None and self._facts is not None
        return self._facts.size_bytes if known and self._facts is not None else self.manifest.size()

    @property
    def commit_hash(self) -> str:
        """What names its contents as they were committed."""
        return self._need_logged("commit_hash").digest

    @property
    def file_count(self) -> int:
        """How many files and references it has."""
        return self._need_logged("file_count").file_count

    @property
    def created_at(self) -> str:
        """When it was logged, in UTC."""
        return self._need_logged("created_at").created_at

    @property
    def updated_at(self) -> str:
        """When it was changed last, in UTC."""
        return self._need_logged("updated_at").updated_at

    @property
    def linked_at(self) -> str | None:
        """Of a link, when it was made, in UTC."""
        facts = self._need_logged("linked_at")
        if not facts.is_link:
            return None
        return self._remote_for_use().find_linked_at(self._path())

    @property
    def history_step(self) -> int | None:
        """The last step of the run's history before it was logged."""
        step = self._need_logged("history_step").history_step
        return None if step is None else max(0, step - 1)

    # ---- adding

    def add_file(
        self,
        local_path: StrPath,
        name: StrPath | None = None,
        is_tmp: bool | None = False,
        skip_cache: bool | None = False,
        policy: Policy | None = "mutable",
        overwrite: bool = False,
    ) -> ArtifactManifestEntry:
        """Add a file of this machine.

        Args:
            local_path: the file.
            name: its path in the artifact. Default: its own name.
            is_tmp: replace the name, up to its first dot, by the digest.
            skip_cache: keep no copy in the cache.
            policy: mutable: keep a copy until it is uploaded. immutable: nobody will change it.
            overwrite: replace a file of that name.
        Raises Invalid for what is no file, a path that leads out of the artifact, and another file
        of that name; ArtifactFinalizedError.
        """
        self._need_open("add_file")
        return adding.add_file(
            self,
            local_path,
            name,
            is_tmp=bool(is_tmp),
            skip_cache=bool(skip_cache),
            policy=policy,
            overwrite=overwrite,
        )

    def add_dir(
        self,
        local_path: StrPath,
        name: StrPath | None = None,
        skip_cache: bool | None = False,
        policy: Policy | None = "mutable",
        merge: bool = False,
    ) -> None:
        """Add all files of a directory and below it, links followed.

        `name` is a directory in the artifact; `merge` replaces files that are there with another
        content. The rest is as in `add_file`.
        """
        self._need_open("add_dir")
        adding.add_dir(
            self, local_path, name, skip_cache=bool(skip_cache), policy=policy, merge=merge
        )

    def add_reference(
        self,
        uri: ArtifactManifestEntry | str,
        name: StrPath | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
    ) -> Sequence[ArtifactManifestEntry]:
        """Add an address instead of bytes: s3://, gs://, http(s)://, file://, or an entry of
        another artifact. Other schemes are noted as they are, and need a name.

        A directory, bucket or prefix becomes an entry for each object below it. With `checksum`,
        size and ETag are asked for; where that cannot be done (no package, no credentials, nobody
        answers), a warning says so and the address itself stands for the content, as it does
        without `checksum`. Raises Invalid for an address that leads to nothing, and for more than
        `max_objects` (10,000,000); ArtifactFinalizedError.
        """
        from steelyard.sdk.artifacts.references import describe_reference

        self._need_open("add_reference")
        address = uri.ref_url() if isinstance(uri, ArtifactManifestEntry) else uri
        path = names.check_path(name) if name is not None else None
        entries = describe_reference(
            address, path, checksum=checksum, max_objects=max_objects, artifact=self
        )
        for entry in entries:
            self.manifest.add_entry(entry)
        return entries

    def new_file(
        self,
        name: str,
        mode: str = "x",
        encoding: str | None = None,
        policy: Policy = "mutable",
    ) -> AbstractContextManager[IO[Any]]:
        """Write a file into the artifact: `with artifact.new_file("a.txt") as file: …`.

        It is added at the end of the block. Raises Invalid for a name that is taken, unless `mode`
        is "w"; ArtifactFinalizedError. `policy` has no meaning: nobody else has the file.
        """
        self._need_open("new_file")
        return adding.new_file(self, names.check_path(name), mode, encoding)

    def add(self, obj: Any, name: StrPath, overwrite: bool = False) -> ArtifactManifestEntry:
        """Add a table or media, such as `Table` and `Image`, with the files it needs.

        Without `overwrite`, what has that name already stays. Raises WrongType for anything else;
        ArtifactFinalizedError.
        """
        self._need_open("add")
        return objects.add_object(self, obj, name, overwrite=overwrite)

    def remove(self, item: StrPath | ArtifactManifestEntry) -> None:
        """Drop a file, or all below a directory.

        Raises FileNotFoundError; ArtifactFinalizedError.
        """
        self._need_open("remove")
        if isinstance(item, ArtifactManifestEntry):
            self.manifest.remove_entry(item)
            return
        path = names.check_path(item)
        entry = self.manifest.get_entry_by_path(path)
        found = [entry] if entry is not None else self.manifest.get_entries_in_directory(path)
        if not found:
            raise FileNotFoundError(f"the artifact has neither a file nor a directory {path!r}")
        for each in found:
            self.manifest.remove_entry(each)

    # ---- what is in it

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __setitem__(self, name: str, item: Any) -> None:
        self.add(item, name)

    def get(self, name: str) -> Any:
        """The table or media that was added by that name; None where there is none.

        Raises ArtifactNotLoggedError.
        """
        self._need_logged("get")
        return objects.get_object(self, name)

    def get_entry(self, name: StrPath) -> ArtifactManifestEntry:
        """The entry of a file, or of a table or media by the name it was added with.

        Raises KeyError; ArtifactNotLoggedError.
        """
        self._need_logged("get_entry")
        path = names.as_text(name)
        path = path if path in self.manifest.entries else str(Path(path).as_posix())
        entry = self.manifest.get_entry_by_path(path) or objects.find_object(self, path)[0]
        if entry is None:
            raise KeyError(f"the artifact {self.name} has no file {path!r}")
        entry._parent_artifact = self
        return entry

    def get_path(self, name: StrPath) -> ArtifactManifestEntry:
        """The older name of `get_entry`."""
        return self.get_entry(name)

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """The path in the artifact of a file that was added from there."""
        entry = self._added_local_paths.get(os.fspath(local_path))
        return entry.path if entry is not None else None

    def files(
        self, names: list[str] | None = None, per_page: int = 50, start: str | None = None
    ) -> ArtifactFiles:
        """Its files as the server lists them, `per_page` in a request, after the path `start`.

        Raises ArtifactNotLoggedError.
        """
        from steelyard.sdk.artifacts.listed_files import ArtifactFiles

        self._need_logged("files")
        return ArtifactFiles(self, names, per_page, start)

    # ---- getting it

    def download(
        self,
        root: StrPath | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,
        path_prefix: StrPath | None = None,
        multipart: bool | None = None,
    ) -> str:
        """Download its files, and return the directory they are in.

        What is there with the right digest is left alone, and so are other files. A download that
        broke off goes on with the next call.

        Args:
            root: the directory. Default: ./artifacts/NAME:VERSION, or below WANDB_ARTIFACT_DIR.
            allow_missing_references: warn of references that lead to nothing, instead of failing.
            skip_cache: neither take contents from the cache nor keep them there.
            path_prefix: only files whose path begins so.
            multipart: accepted; files are fetched in one piece each, several at once.
        Raises ContentDamaged naming the file, Unavailable, ArtifactNotLoggedError; Invalid, before
        anything is written, for a manifest with a path that leads out of `root`.
        """
        from steelyard.sdk.artifacts.download import download

        self._need_logged("download")
        return download(
            self,
            root,
            allow_missing_references=allow_missing_references,
            skip_cache=bool(skip_cache),
            path_prefix=path_prefix,
        )

    def checkout(self, root: StrPath | None = None) -> str:
        """Make a directory equal to the artifact: download it and **remove all else below it**.

        Default of `root`: ./artifacts/NAME. Raises as `download`.
        """
        from steelyard.sdk.artifacts.verify import clear

        self._need_logged("checkout")
        directory = os.fspath(root) if root else self._default_root(include_version=False)
        clear(self, directory)
        return self.download(root=directory)

    def verify(self, root: StrPath | None = None) -> None:
        """Compare a directory with the artifact, file by file. References are not looked at.

        Raises ContentDamaged or another Invalid (a ValueError) that names the first file that is
        missing, is another, or does not belong there; ArtifactNotLoggedError.
        """
        from steelyard.sdk.artifacts.verify import verify

        self._need_logged("verify")
        verify(self, os.fspath(root) if root else self._default_root())

    def file(self, root: StrPath | None = None) -> str:
        """Download the only file of the artifact; its path. Raises Invalid for several or none."""
        self._need_logged("file")
        entries = list(self.manifest.entries.values())
        if len(entries) != 1:
            raise Invalid(
                f"the artifact {self.name} has {len(entries)} files, and file() is for one; "
                'use download(), or get_entry("NAME").download()'
            )
        return self.get_entry(entries[0].path).download(root)

    # ---- logging and changing it

    def finalize(self) -> None:
        """Allow no more changes to the files. Logging does it."""
        self._final = True

    def is_draft(self) -> bool:
        """Whether no server has it yet, as far as this object knows; see `wait`."""
        return self._facts is None or self._facts.state == "PENDING"

    def save(self, project: str | None = None, settings: Settings | None = None) -> None:
        """Log a draft, with the active run or one that is made for it; send changes of a logged
        artifact to the server.

        Args:
            project: of the run that is made.
            settings: of the run that is made.
        """
        if not self.is_draft():
            from steelyard.sdk.artifacts.changes import send_changes

            send_changes(self)
            return
        from steelyard.sdk.init import init
        from steelyard.sdk.session import get_session

        run = get_session().current
        if run is not None:
            run.log_artifact(self)
            return
        target = project or self._source_project
        with init(
            entity=self._source_entity, project=target, job_type="auto", settings=settings
        ) as made:
            made.log_artifact(self)

    def wait(self, timeout: float | None = None) -> Artifact:
        """Wait until it is on the server, at most `timeout` seconds; the artifact itself.

        Raises WaitTimeoutError, ArtifactNotLoggedError for a draft that was not logged or whose run
        is offline, Invalid when it could not be uploaded.
        """
        if self.is_draft():
            if self._run_folder is None:
                raise ArtifactNotLoggedError("Artifact.wait", self)
            from steelyard.sdk.artifacts.wait import wait_for

            logged = wait_for(self._run_folder, self._client_id, timeout)
            remote = self._remote_for_use()
            self._take(remote.get(logged.id), remote)
            if self._incremental or self._distributed_id is not None:
                self._manifest = None  # the server has put it together
        return self

    def delete(self, delete_aliases: bool = False) -> None:
        """Delete this version, also where it has aliases, if so told; of a link, only the link.

        The version stays in the trash for a month. Raises ArtifactHasAliases, which is a CommError,
        and ArtifactNotLoggedError.
        """
        self._need_logged("delete")
        if self.is_link:
            terminal.termwarn("only the link is deleted; the version it leads to stays")
            self.unlink()
            return
        self._remote_for_use().delete(self._path(), delete_aliases=delete_aliases)

    def link(self, target_path: str, aliases: Iterable[str] | None = None) -> Artifact:
        """Make this version a member of another collection; the artifact as found there.

        `target_path` is [[entity/]project/]collection; a draft is logged first. Raises Invalid for
        a path or alias that is none, and what the server says.
        """
        if self.is_link:
            terminal.termwarn("this is a link: what it leads to is linked")
        target = names.parse_path(target_path)
        found = names.check_aliases(aliases or [])
        if self.is_draft():
            if not self._is_staged:
                self.save(project=self._source_project)
            self.wait()
        remote = self._remote_for_use()
        facts = self._need_logged("link")
        full = target.with_defaults(facts.source_entity, remote.default_project)
        return Artifact._from_version(remote.link(facts.id, full, found), remote)

    def unlink(self) -> None:
        """Remove this link from its collection. Raises UsageError for what is no link."""
        self._need_logged("unlink")
        if not self.is_link:
            raise UsageError(f"{self.qualified_name} is no link; delete() removes a version")
        self._remote_for_use().unlink(self._path())

    # ---- where it comes from and goes to

    def used_by(self) -> list[Run]:
        """The runs that used it. Raises ArtifactNotLoggedError."""
        from steelyard.sdk.api.uses import list_users

        version_id = self._need_logged("used_by").id
        return list_users(self._remote_for_use(), version_id)

    def logged_by(self) -> Run | None:
        """The run that logged it; None where no run did. Raises ArtifactNotLoggedError."""
        from steelyard.sdk.api.uses import find_maker

        run = self._need_logged("logged_by").created_by_run
        return find_maker(self._remote_for_use(), run) if run is not None else None

    def json_encode(self) -> dict[str, Any]:
        """What stands for it in a config. Raises ArtifactNotLoggedError."""
        # wandb 0.31.0 util.py artifact_to_json
        facts = self._need_logged("json_encode")
        return {
            "_type": "artifactVersion",
            "_version": "v0",
            "id": facts.id,
            "version": facts.source_version,
            "sequenceName": facts.source_collection,
            "usedAs": self._use_as,
        }

    # ---- for the parts of it

    def _need_logged(self, name: str) -> VersionFacts:
        if self._facts is None or self.is_draft():
            raise ArtifactNotLoggedError(f"Artifact.{name}", self)
        return self._facts

    def _need_open(self, name: str) -> None:
        if self._final:
            raise ArtifactFinalizedError(f"Artifact.{name}", self)

    def _warn_of_link(self, what: str) -> None:
        if self.is_link:
            terminal.termwarn(f"this is a link: save() will change the {what} of what it leads to")

    def _remote_for_use(self) -> Remote:
        """The server it is on, or would be looked for. Raises UsageError, NoApiKey."""
        if self._remote is None:
            from steelyard.sdk.artifacts.remote import open_remote

            self._remote = open_remote(self._settings)
        return self._remote

    def _staging_for_use(self) -> Staging:
        if self._staging is None:
            self._staging = Staging(self, self._digest_algorithm)
        return self._staging

    def _path(self) -> ArtifactPath:
        """Where it was found."""
        facts = self._need_logged("qualified_name")
        return ArtifactPath(facts.entity, facts.project, facts.collection, facts.version)

    def _collection(self, entity: str, project: str, name: str) -> ArtifactCollection:
        from steelyard.sdk.api.artifact_collection import ArtifactCollection

        return ArtifactCollection(self._remote_for_use(), entity, project, name, self._type)

    def _default_root(self, include_version: bool = True) -> str:
        from steelyard.sdk.artifacts.context import download_dir

        name = self.source_name if include_version else self.source_name.partition(":")[0]
        names.check_path(name.replace(":", "-"))
        settings = self._remote_for_use().settings
        folder = name if os.name != "nt" else name.replace(":", "-")
        return os.path.join(download_dir(settings), folder)  # noqa: PTH118

    def _add_download_root(self, root: StrPath | None) -> str:
        found = os.fspath(root) if root else self._default_root()
        self._download_roots.add(os.path.abspath(found))  # noqa: PTH100
        return found

    def _local_path_to_name(self, file_path: str) -> str | None:
        """The path in the artifact of a file that was downloaded from it."""
        path = Path(os.path.abspath(file_path))  # noqa: PTH100
        for root in self._download_roots:
            if path.is_relative_to(root):
                return path.relative_to(root).as_posix()
        return None


class InternalArtifact(Artifact):
    """An artifact of the client's own: tables of a run, its code. Any text makes a name."""

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
        digest_algorithm: AlgorithmName = "MD5",
    ) -> None:
        super().__init__(
            names.clean_internal_name(name),
            type,
            description,
            metadata,
            incremental,
            use_as,
            digest_algorithm=digest_algorithm,
        )

    def _check_type(self, type: str, name: str) -> str:
        return type


def make_internal(name: str, type: str, **options: Any) -> InternalArtifact:
    """An artifact of the client's own."""
    return InternalArtifact(name, type, **options)


def _random_id(length: int) -> str:
    from steelyard.sdk.session import new_id

    return new_id(length)
