"""Tables for the edges: what a reference names is converted once, then asked in other processes.

One object lives as long as the server. Everything blocks: edges call it in worker threads. No
table is ever in the memory of the server; it holds the page that goes out.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from steelyard.errors import Invalid
from steelyard.limits import (
    MIB,
    PREVIEW_BYTES_MAX,
    TABLE_CACHE_BYTES_MAX,
    TABLE_CONVERT_S,
    TABLE_PAGE_ROWS_MAX,
    TABLE_QUERY_S,
    TABLE_WAIT_S,
    TABLE_WORKER_IDLE_S,
    TABLE_WORKERS_MAX,
)
from steelyard.server.blobs.interface import BlobStore, read_blob
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.runs.json_text import parse_json
from steelyard.server.rooms.tables import jobs
from steelyard.server.rooms.tables.cache import DiskCache
from steelyard.server.rooms.tables.model import (
    PARTITIONED_SUFFIX,
    Filter,
    Sort,
    TableMeta,
    TableRef,
)
from steelyard.server.rooms.tables.sources import (
    Blob,
    Document,
    Origin,
    Source,
    check_size,
    find_blobs,
    find_source,
    parts_of,
    sides_of,
)
from steelyard.server.rooms.tables.workers import WorkerPool

COPY_BYTES = MIB
DOCUMENT_BYTES_MAX = MIB
JOINS_DEPTH_MAX = 3
CONVERTER_IDLE_S = 5.0  # what reading a large table took of memory comes back soon
#: Formats of which any beginning is a table.
WITH_HEADS = ("csv", "tsv", "jsonl")

A = TypeVar("A", bound=jobs.Answer)


class OpenTable(msgspec.Struct, frozen=True):
    """A converted table that the caller may read. `ref` names it, `directory` holds it."""

    ref: TableRef
    directory: Path
    meta: TableMeta
    origin: Origin


class ExportQuestion(msgspec.Struct, frozen=True):
    """Which part of a table."""

    ref: TableRef
    where: Filter | None
    search: str | None
    sort: list[Sort]
    columns: list[str] | None


class TableEngine:
    """Converts and asks tables."""

    def __init__(self, db: Database, blobs: BlobStore, directory: Path) -> None:
        self._db, self._blobs = db, blobs
        self._cache = DiskCache(directory, bytes_max=TABLE_CACHE_BYTES_MAX)
        self._cache.remove_unfinished()
        self._converters = WorkerPool(count=1, idle_s=CONVERTER_IDLE_S, wait_s=TABLE_CONVERT_S)
        self._askers = WorkerPool(
            count=TABLE_WORKERS_MAX, idle_s=TABLE_WORKER_IDLE_S, wait_s=TABLE_WAIT_S
        )

    def stop(self) -> None:
        """End all processes."""
        self._converters.stop()
        self._askers.stop()

    def open(self, caller: Caller, ref: TableRef, *, is_head: bool = False) -> OpenTable:
        """The table behind a reference, converted first when it is new.

        `is_head` asks for the beginning only, where the file is large. Raises the errors of the
        policies, Invalid for what is no table, Unavailable while a large one is converted.
        """
        found = self._db.read_now(find_source, caller, ref)
        directory, origin = self._prepare(found, is_head=is_head, depth=0)
        return OpenTable(ref, directory, jobs.read_meta(directory), origin)

    def ask(self, job: jobs.Job, kind: type[A]) -> A:
        """The answer to a question about open tables. Raises Invalid, Overloaded, TableGone."""
        answer = self._askers.run(job, timeout_s=TABLE_QUERY_S)
        assert isinstance(answer, kind)
        return answer

    def ask_about(
        self,
        caller: Caller,
        refs: list[TableRef],
        question: Callable[[list[OpenTable]], jobs.Job],
        kind: type[A],
        *,
        is_head: bool = False,
    ) -> tuple[A, list[OpenTable]]:
        """Open the tables and ask; once more when one was dropped from the cache in between."""
        tables = [self.open(caller, ref, is_head=is_head) for ref in refs]
        try:
            return self.ask(question(tables), kind), tables
        except jobs.TableGone:
            tables = [self.open(caller, ref, is_head=is_head) for ref in refs]
            return self.ask(question(tables), kind), tables

    @contextlib.contextmanager
    def exported(
        self, caller: Caller, question: ExportQuestion
    ) -> Iterator[tuple[Path, jobs.Written, OpenTable]]:
        """A part of a table as a `.table.json`, gone afterwards. Takes longer than a question."""
        with self._cache.scratch() as scratch:
            table = self.open(caller, question.ref)
            file = scratch / "export.table.json"
            job = jobs.Export(
                table=str(table.directory),
                where=question.where,
                search=question.search,
                sort=question.sort,
                columns=question.columns,
                out=str(file),
            )
            written = self._converters.run(job, timeout_s=TABLE_CONVERT_S)
            assert isinstance(written, jobs.Written)
            yield file, written, table

    # ---- from contents to converted tables

    def _prepare(
        self, found: Source | Document, *, is_head: bool, depth: int
    ) -> tuple[Path, Origin]:
        if isinstance(found, Document):
            return self._prepare_document(found, is_head=is_head, depth=depth), found.origin
        is_large = found.blobs[0].size_bytes > PREVIEW_BYTES_MAX
        if is_head and is_large and found.format in (*WITH_HEADS, "parquet"):
            found = msgspec.structs.replace(found, form="head")
        if found.form != "head" or found.format not in WITH_HEADS:
            check_size(found)

        def make(path: Path) -> None:
            with self._cache.scratch() as scratch:
                self._convert(found, path, scratch)

        return self._cache.get(found.key, make, wait_s=TABLE_WAIT_S), found.origin

    def _prepare_document(self, document: Document, *, is_head: bool, depth: int) -> Path:
        if depth > JOINS_DEPTH_MAX:
            raise Invalid(f"{document.blob.name} joins joined tables too deeply")
        data = read_blob(self._blobs, document.blob.sha256, size_bytes_max=DOCUMENT_BYTES_MAX)
        content = parse_json(data.decode("utf-8", "replace"))
        if document.blob.name.lower().endswith(PARTITIONED_SUFFIX):
            parts = self._db.read_now(parts_of, document, content)
            return self._prepare(parts, is_head=is_head, depth=depth + 1)[0]
        left, right, on = self._db.read_now(sides_of, document, content)
        sides = [self._prepare(side, is_head=False, depth=depth + 1)[0] for side in (left, right)]
        key = hashlib.sha256(repr((sides[0].name, sides[1].name, on)).encode()).hexdigest()

        def make(path: Path) -> None:
            job = jobs.ConvertJoined(str(sides[0]), str(sides[1]), on, str(path))
            self._converters.run(job, timeout_s=TABLE_CONVERT_S)

        return self._cache.get(key, make, wait_s=TABLE_WAIT_S)

    def _convert(self, source: Source, out: Path, scratch: Path) -> None:
        # Parquet is fetched whole, because what is where stands at its end, and read in part.
        is_cut = source.form == "head" and source.format in WITH_HEADS
        files = [
            jobs.SourceFile(
                str(self._fetch(blob, scratch / str(number), is_head=is_cut)),
                source.format,
                blob.name,
            )
            for number, blob in enumerate(source.blobs)
        ]
        job = jobs.Convert(files, str(out))
        if source.form == "head":
            job = msgspec.structs.replace(job, rows_max=TABLE_PAGE_ROWS_MAX)
        answer = self._converters.run(job, timeout_s=TABLE_CONVERT_S)
        assert isinstance(answer, jobs.Converted)
        if answer.wants:
            there = self._db.read_now(find_blobs, source.origin, answer.wants)
            arrays = {
                path: str(self._fetch(there[path], scratch / f"array{number}"))
                if path in there
                else ""
                for number, path in enumerate(answer.wants)
            }
            again = msgspec.structs.replace(job, arrays=arrays)
            self._converters.run(again, timeout_s=TABLE_CONVERT_S)

    def _fetch(self, blob: Blob, path: Path, *, is_head: bool = False) -> Path:
        """The content, or the whole lines of its beginning, as a file. Raises BlobMissing."""
        size_bytes = min(blob.size_bytes, PREVIEW_BYTES_MAX) if is_head else blob.size_bytes
        reader = self._blobs.open_range(blob.sha256, first=0, size_bytes=size_bytes)
        try:
            with path.open("wb") as file:
                while part := reader.read(COPY_BYTES):
                    file.write(part)
        finally:
            reader.close()
        if is_head and size_bytes < blob.size_bytes:
            whole = path.read_bytes().rfind(b"\n") + 1
            with path.open("rb+") as file:
                file.truncate(whole or size_bytes)
        return path
