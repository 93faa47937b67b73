"""Signed URLs in cells and media values: where the browser gets the files that they name.

A value says only a path inside its own run or artifact, and that is where the file is looked for:
what a value claims about digests and other places is never believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from steelyard.server.http.artifact_urls import ArtifactUrls
from steelyard.server.http.file_urls import download_url
from steelyard.server.http.preview_urls import Target, page_url, thumbnail_url
from steelyard.server.http.signing import Signer
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.artifacts.files import contents_by_md5, find_entries
from steelyard.server.rooms.artifacts.model import Artifact
from steelyard.server.rooms.artifacts.pages import Entry
from steelyard.server.rooms.artifacts.references import BY_ID, follow_references
from steelyard.server.rooms.tables.sources import Origin

THUMBNAIL_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".avif")
PAGE_ENDINGS = (".html", ".htm", ".svg")


class Links(msgspec.Struct, frozen=True):
    """What URLs are made with."""

    signer: Signer
    base_url: str
    now_us: int

    def urls_of(
        self, origin: Origin, paths: Iterable[str], conn: Connection, caller: Caller
    ) -> dict[str, Any]:
        """`url`, `thumbnail_url` and `page_url` by path, for the files that are there.

        Files of runs are not looked up: a link to one that is still on its way works once it is
        there. A reference to a file of another version is followed, if the caller may read that.
        """
        wanted = list(dict.fromkeys(paths))
        if origin.run_id is not None:
            return {path: self._of_run(origin.run_id, path) for path in wanted}
        artifact = origin.artifact
        if artifact is None or not wanted:
            return {}
        entries = find_entries(conn, artifact.id, wanted)
        refs = {path: entry.ref for path, entry in entries.items() if entry.ref is not None}
        inner = [ref for ref in refs.values() if ref.startswith(BY_ID)]
        elsewhere = follow_references(conn, caller, inner) if inner else {}
        ends = {path: (artifact, entry) for path, entry in entries.items()}
        ends |= {path: elsewhere[ref] for path, ref in refs.items() if ref in elsewhere}
        return self._of_entries(conn, ends)

    def urls_of_references(
        self, references: Iterable[str], conn: Connection, caller: Caller
    ) -> dict[str, Any]:
        """The same by reference, for files of versions that the caller may read."""
        return self._of_entries(conn, follow_references(conn, caller, references))

    def _of_entries(
        self, conn: Connection, ends: dict[str, tuple[Artifact, Entry]]
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        md5s: dict[int, dict[str, bytes]] = {}
        for path, (artifact, entry) in ends.items():
            if entry.is_content:
                md5s.setdefault(artifact.collection_id, {})[path] = entry.md5
            elif entry.ref is not None and entry.ref.startswith(("https://", "http://")):
                found[path] = {"url": entry.ref}
        for collection_id, by_path in md5s.items():
            there = contents_by_md5(conn, collection_id, list(by_path.values()))
            for path, md5 in by_path.items():
                if md5 in there:
                    found[path] = self._of_content(collection_id, md5, path)
        return found

    def _of_run(self, run_id: int, path: str) -> dict[str, str]:
        url = download_url(self.signer, self.base_url, run_id=run_id, name=path, now_us=self.now_us)
        return {"url": url} | self._views(Target(run_id=run_id, name=path), path)

    def _of_content(self, collection_id: int, md5: bytes, path: str) -> dict[str, str]:
        urls = ArtifactUrls(self.signer, self.base_url, self.now_us)
        url = urls.content(collection_id, md5, path)
        target = Target(collection_id=collection_id, md5=md5.hex(), name=path)
        return {"url": url} | self._views(target, path)

    def _views(self, target: Target, path: str) -> dict[str, str]:
        lower = path.lower()
        if lower.endswith(THUMBNAIL_ENDINGS):
            made = thumbnail_url(self.signer, self.base_url, target, now_us=self.now_us)
            return {"thumbnail_url": made}
        if lower.endswith(PAGE_ENDINGS):
            return {"page_url": page_url(self.signer, self.base_url, target, now_us=self.now_us)}
        return {}


def list_paths(values: Iterable[Any]) -> list[str]:
    """Files that the values name, their masks and classes included."""
    found: list[str] = []
    for value in values:
        if isinstance(value, dict):
            path = value.get("path")
            if isinstance(path, str) and is_file_value(value):
                found.append(path)
            found += list_paths(value.values())
        elif isinstance(value, list):
            found += list_paths(value)
    return found


def list_references(values: Iterable[Any]) -> list[str]:
    """Files of artifacts that the values name by themselves."""
    found: list[str] = []
    for value in values:
        if isinstance(value, dict):
            reference = value.get(REFERENCE)
            if isinstance(reference, str) and is_file_value(value):
                found.append(reference)
            found += list_references(value.values())
        elif isinstance(value, list):
            found += list_references(value)
    return found


def with_urls(value: Any, urls: dict[str, Any]) -> Any:
    """The value with the URLs of every file it names beside the `path`; `urls` has them by path
    or, which comes first, by the reference to the artifact that has the file.
    """
    if isinstance(value, dict):
        members = {key: with_urls(item, urls) for key, item in value.items()}
        path = value.get("path")
        if isinstance(path, str) and is_file_value(value):
            members = {k: v for k, v in members.items() if k not in URL_MEMBERS}
            reference = value.get(REFERENCE)
            found = urls.get(reference) if isinstance(reference, str) else None
            members |= found or urls.get(path) or {"url": None}
        return members
    if isinstance(value, list):
        return [with_urls(item, urls) for item in value]
    return value


#: wandb 0.31.0 sdk/data_types/base_types/media.py: of a file that is in an artifact.
REFERENCE = "artifact_path"
URL_MEMBERS: Sequence[str] = ("url", "thumbnail_url", "page_url")


def is_file_value(value: dict[str, Any]) -> bool:
    """Is this what the clients write for a file?"""
    return "_type" in value or "digest" in value or "sha256" in value
