"""The files of a logged artifact as the server lists them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, Self

from steelyard.errors import Conflict
from steelyard.sdk.artifacts.names import common_start

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact


class ArtifactFile:
    """A file of an artifact."""

    def __init__(self, artifact: Artifact, item: dict[str, Any]) -> None:
        self._artifact = artifact
        self._item = item

    def __repr__(self) -> str:
        return f"<File {self.name} ({self.mimetype}) {self.size} B>"

    @property
    def name(self) -> str:
        """Its path in the artifact."""
        return str(self._item["path"])

    @property
    def id(self) -> str:
        """What names its content."""
        return self.digest

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self._item["size_bytes"])

    @property
    def digest(self) -> str:
        """As in the manifest."""
        return str(self._item["digest"])

    @property
    def md5(self) -> str:
        """The same as `digest`."""
        return self.digest

    @property
    def mimetype(self) -> str:
        """What kind of file it seems to be."""
        return str(self._item["mimetype"])

    @property
    def url(self) -> str | None:
        """A signed address of its bytes, for a day; None of a reference."""
        found: str | None = self._item["url"]
        return found

    @property
    def direct_url(self) -> str | None:
        """The same as `url`."""
        return self.url

    @property
    def ref(self) -> str | None:
        """Of a reference, what it refers to."""
        found: str | None = self._item["ref"]
        return found

    @property
    def path_uri(self) -> str:
        """The address of its content on a bucket; there is none."""
        return ""

    def download(self, root: str = ".", replace: bool = False, exist_ok: bool = False) -> IO[str]:
        """Download it below `root`, and open it for reading.

        Raises Conflict where a file is, unless it may be replaced or is good enough.
        """
        path = os.path.join(root, self.name)  # noqa: PTH118
        if os.path.exists(path) and not replace:  # noqa: PTH110
            if not exist_ok:
                raise Conflict(f"{path} is there already: pass replace=True or exist_ok=True")
        else:
            path = self._artifact.get_entry(self.name).download(root)
        return open(path, encoding="utf-8", errors="surrogateescape")  # noqa: PTH123


class ArtifactFiles(Iterator[ArtifactFile]):
    """A list that is read page by page. `cursor` is the path of the last file that was read."""

    def __init__(
        self,
        artifact: Artifact,
        names: list[str] | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> None:
        self._artifact = artifact
        self._names = set(names) if names is not None else None
        self._per_page = max(1, per_page)
        self._found: list[ArtifactFile] = []
        self.index: int = -1
        self.cursor: str | None = start
        self._pages = self._read(start or "")

    @property
    def path(self) -> list[str]:
        """Where the artifact is."""
        return [self._artifact.entity, self._artifact.project, self._artifact.name]

    @property
    def more(self) -> bool:
        """Whether there may be files that were not read yet."""
        return self.cursor is not None

    def __iter__(self) -> Self:
        self.index = -1
        return self

    def __next__(self) -> ArtifactFile:
        self.index += 1
        while self.index >= len(self._found):
            if not self._read_more():
                raise StopIteration
        return self._found[self.index]

    def next(self) -> ArtifactFile:
        """The next file. Raises StopIteration after the last."""
        return self.__next__()

    def __getitem__(self, index: int) -> ArtifactFile:
        while (index < 0 or index >= len(self._found)) and self._read_more():
            pass
        return self._found[index]

    def __len__(self) -> int:
        if self._names is None:
            return self._artifact.file_count
        while self._read_more():
            pass
        return len(self._found)

    def __repr__(self) -> str:
        return f"<ArtifactFiles {'/'.join(self.path)} ({len(self)})>"

    def _read_more(self) -> bool:
        return next(self._pages, False)

    def _read(self, after: str) -> Iterator[bool]:
        remote, place = self._artifact._remote_for_use(), self._artifact._path()
        wanted = self._names
        prefix = common_start(sorted(wanted)) if wanted else ""
        for page in remote.list_files(place, prefix=prefix, after=after, page=self._per_page):
            for item in page:
                self.cursor = str(item["path"])
                if wanted is None or item["path"] in wanted:
                    self._found.append(ArtifactFile(self._artifact, item))
            yield True
        self.cursor = None
