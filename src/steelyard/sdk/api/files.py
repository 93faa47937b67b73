"""Files of a run: what there is, downloads, uploads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from steelyard.errors import FileExists, FileMissing, Invalid, NotOnServer, Unavailable
from steelyard.sdk import terminal
from steelyard.sdk.api import run_documents as documents
from steelyard.sdk.api.attributes import Attributes
from steelyard.sdk.api.pages import SizedPages
from steelyard.sdk.api.server import Server

if TYPE_CHECKING:
    from steelyard.sdk.api.api import Api
    from steelyard.sdk.api.run import Run
    from steelyard.sdk.artifacts.names import StrPath
    from steelyard.sdk.connection import Answer


class Files(SizedPages["File"]):
    """Files of a run by name: all, those of some names, or those like `pattern` (`%.png`).

    A name that is asked for and not there is a file without content.
    """

    def __init__(
        self,
        server: Server,
        run: Run,
        names: list[str] | None = None,
        per_page: int = 50,
        pattern: str | None = None,
    ) -> None:
        super().__init__(per_page)
        if names and pattern:
            raise Invalid("files are asked for by names or by a pattern, not by both")
        self._server = server
        self.run: Run = run
        self._names = [names] if isinstance(names, str) else list(names or [])
        self._pattern = pattern

    def __repr__(self) -> str:
        return f"<Files {'/'.join(self.run.path)} ({len(self)})>"

    def _read_page(self, cursor: str | None) -> dict[str, Any]:
        page: dict[str, Any] = self.run._read(
            documents.FILES,
            names=self._names,
            pattern=self._pattern,
            after=cursor,
            first=self.per_page,
        )["files"]
        return page

    def _convert(self, edge: dict[str, Any]) -> File | None:
        return File(self._server, edge["node"], self.run)


class File(Attributes):
    """A file of a run: `name`, `size`, `mimetype`, `md5`, `updated_at`, `url`, `direct_url`."""

    def __init__(self, server: Server, attrs: dict[str, Any], run: Run | None = None) -> None:
        super().__init__(attrs)
        self._server = server
        self.run: Run | None = run

    def __repr__(self) -> str:
        return f"<File {self.name} ({self.mimetype}) {describe_size(self.size)}>"

    @property
    def name(self) -> str:
        """Its path in the run."""
        return str(self._attrs["name"])

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self._attrs["sizeBytes"] or 0)

    @property
    def url(self) -> str:
        """A signed address of its bytes, for a day."""
        return str(self._attrs["url"])

    @property
    def path_uri(self) -> str:
        """The address of its bytes, which a server of ours gives itself."""
        return str(self._attrs.get("directUrl") or "")

    def download(
        self,
        root: StrPath = ".",
        replace: bool = False,
        exist_ok: bool = False,
        api: Api | None = None,
    ) -> IO[str]:
        """Download it below `root`, and open it for reading.

        Raises FileExists where a file is, unless it may be replaced or is good enough; Invalid for
        a name that leads out of `root`, NotOnServer for a file without content.
        """
        target = self._target(Path(root))
        if target.exists() and not replace:
            if not exist_ok:
                raise FileExists(f"{target} is there already: pass replace=True or exist_ok=True")
        else:
            self._fetch(target, api._server if api is not None else self._server)
        return target.open(encoding="utf-8", errors="surrogateescape")

    def read_text(self) -> str:
        """Its content as text. Raises NotOnServer for a file without content."""
        answer = self._open(self._server)
        return b"".join(answer.chunks()).decode("utf-8", "surrogateescape")

    def delete(self) -> None:
        """Delete it on the server."""
        project = self.run._attrs.get("projectId") if self.run is not None else None
        self._server.change(
            documents.DELETE_FILES, input={"files": [self._attrs["id"]], "projectId": project}
        )

    def _target(self, root: Path) -> Path:
        target = Path(os.path.abspath(root / self.name))  # noqa: PTH100  # without links
        if not target.is_relative_to(os.path.abspath(root)):  # noqa: PTH100
            raise Invalid(f"the file {self.name!r} would be written outside {root}")
        return root / self.name

    def _open(self, server: Server) -> Answer:
        answer = server.remote.open_url(self.url, {})
        if answer.status == 404:
            for _ in answer.chunks():  # frees the connection
                pass
            raise NotOnServer(f"the file {self.name!r} is not on the server")
        if not answer.is_ok:
            raise answer.error()
        return answer

    def _fetch(self, target: Path, server: Server) -> None:
        """Beside its place, then there: no reader sees a part of it."""
        answer = self._open(server)
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".steelyard-{os.getpid()}-{target.name}"[:200])
        try:
            size = 0
            with beside.open("wb") as file:
                for chunk in answer.chunks():
                    size += file.write(chunk)
            if size != self.size:
                raise Unavailable(
                    f"{self.name!r} has {size:,} bytes, and {self.size:,} were announced: it broke "
                    "off, or was replaced; ask for the file again"
                )
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)


def upload(server: Server, run: Run, path: Path, root: Path) -> File:
    """`Run.upload_file`."""
    # wandb 0.31.0 apis/public/runs.py upload_file: the name is the path from `root` on.
    start = os.path.abspath(root)  # noqa: PTH100
    name = Path(os.path.relpath(path, start)).as_posix()
    source = Path(start) / name
    if name.startswith("../"):
        raise Invalid(f"{path} is not below {root}; name a root above it")
    if not source.is_file():
        raise FileMissing(str(source))
    made = server.change(
        documents.CREATE_FILES,
        input={
            "entityName": run.entity,
            "projectName": run.project,
            "runName": run.id,
            "files": [name],
        },
    )["createRunFiles"]
    headers = dict(header.split(":", 1) for header in made["uploadHeaders"])
    with source.open("rb") as file:
        answer = server.remote.send_url(
            made["files"][0]["uploadUrl"], file, size_bytes=source.stat().st_size, headers=headers
        )
    if not answer.is_ok:
        raise answer.error()
    terminal.termlog(f"{name} is uploaded")
    return run.file(name)


def describe_size(size_bytes: int) -> str:
    """512.0B, 1.5KB, …: units of 1024, as the official client writes them."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.1f}{unit}"
        size /= 1024
    return f"{size:.1f}TiB"
