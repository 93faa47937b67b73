"""The artifacts of one run folder on their way to one server, in the order they were logged.

`artifacts.jsonl` says which there are, one line each, and `artifacts/CLIENT_ID/` holds what each
is: see `sdk/artifacts/stage.py`. `artifacts.ack.jsonl` says what became of them. A line of it is a
result for one run of one server: `wait()` reads it, and no sender sends that artifact there again.
"""

from __future__ import annotations

import json
import os
import threading
import time
import zlib
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Mapping

from steelyard.limits import ARTIFACT_COMMIT_S_MAX, ARTIFACT_REFERENCE_WAIT_S
from steelyard.sdk.sender.artifact_manifest import (
    CLIENT_REFERENCE,
    DamagedManifest,
    encode_for_server,
)
from steelyard.sdk.sender.artifact_transfer import (
    JSON_HEADERS,
    ArtifactFault,
    Transfer,
    ask,
    quote_id,
)
from steelyard.sdk.sender.link import Backoff, Later, Link, Refused
from steelyard.sdk.sender.run_files import read_lines
from steelyard.sdk.sender.tail import is_same_server, read_json

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

LIST_NAME = "artifacts.jsonl"
ACK_NAME = "artifacts.ack.jsonl"
FOLDER_NAME = "artifacts"
GZIP_WBITS = 31  # zlib: with a gzip header
LOGGED_MARK = "logged"  # see sdk/artifacts/staging.py
CONFLICT = 409
COMMITTED, PENDING, FAILED = "COMMITTED", "PENDING", "FAILED"

#: What of a draft the server is told; the rest of it is for this machine. wire/artifacts.py
DRAFT_FIELDS = (
    *("type", "collection", "digest", "digest_algorithm", "client_id", "sequence_client_id"),
    *("description", "metadata", "aliases", "tags", "ttl_s", "history_step", "base", "kind"),
    *("distributed_id", "finalize"),
)


class RunArtifacts:
    """Attributes:
    problems: what could not be sent and never will, one sentence each.
    message: what keeps the next one from being sent now.
    moved_at: when something was last sent, by the monotonic clock; None before that.
    done_count, failed_count: results, those of earlier senders included.
    """

    def __init__(self, run_dir: str) -> None:
        self.run_dir = run_dir
        self.problems: list[str] = []
        self.message: str | None = None
        self.done_count = self.failed_count = 0
        self.server_id: str | None = None
        self.moved_at: float | None = None
        self.backoff = Backoff()
        self._list_path = os.path.join(run_dir, LIST_NAME)  # noqa: PTH118
        self._ack_path = os.path.join(run_dir, ACK_NAME)  # noqa: PTH118
        self._read_to = 0
        self._results: dict[str, dict[str, Any]] = {}
        self._waiting: dict[str, _Staged] = {}
        self._ids: dict[str, str] = {}  # by client id
        self._unwritten: list[str] = []  # results for which the disk had no space
        self._lock = threading.Lock()

    # ---- what there is

    def read_acknowledged(self, place: str, server_id: str | None = None) -> None:
        """Take over what became of artifacts in that run of that server before."""
        for line in read_lines(self._ack_path, 0)[0]:
            client_id = line.get("client_id")
            if isinstance(client_id, str) and line.get("place") == place:
                if is_same_server(line, server_id):
                    self._results[client_id] = line
                else:
                    self._results.pop(client_id, None)

    def forget_acknowledged(self, *, failed_only: bool = False) -> None:
        """Send everything anew, or what failed. Before the first `refresh`."""
        for client_id, result in list(self._results.items()):
            if not failed_only or result.get("state") == FAILED:
                del self._results[client_id]

    def refresh(self) -> None:
        """Read new lines of the list."""
        lines, self._read_to = read_lines(self._list_path, self._read_to)
        with self._lock:
            for line in lines:
                client_id = line.get("client_id")
                if not isinstance(client_id, str) or client_id in self._waiting:
                    continue
                if result := self._results.get(client_id):
                    self._count(result)
                    continue
                folder = os.path.join(self.run_dir, FOLDER_NAME, client_id)  # noqa: PTH118
                self._waiting[client_id] = _Staged(client_id, folder)
        self._write_rest()

    def is_due(self, now: float) -> bool:
        return bool(self._waiting) and self.backoff.is_over(now)

    def count_left(self) -> int:
        """Artifacts that are still to be sent."""
        return len(self._waiting)

    def measure_left(self) -> int:
        """Bytes of files still to be looked at or sent, as far as is known."""
        with self._lock:
            return sum(staged.left_bytes for staged in self._waiting.values())

    # ---- sending

    def send_next(self, link: Link, place: str, name: Mapping[str, str]) -> bool:
        """Send the oldest one. False when there is none, or it has to wait: `message` says why.

        `name` is what the server calls the run. Never raises for what server or network do.
        """
        with self._lock:
            staged = next(iter(self._waiting.values()), None)
        now = time.monotonic()
        if staged is None or not self.backoff.is_over(now):
            return False
        try:
            result = self._send(staged, link, name)
        except Later as later:
            self.message = str(later)
            if staged.has_moved():
                self.backoff.succeed()
                self.moved_at = time.monotonic()
            self.backoff.fail(time.monotonic(), later.wait_s)
            return False
        except Refused as refusal:
            if refusal.is_mendable:
                self.message = str(refusal)
                self.backoff.wait_long(now)
                return False
            result = staged.fail(str(refusal))
        except (ArtifactFault, DamagedManifest) as fault:
            result = staged.fail(str(fault))
        except OSError as error:
            result = staged.fail(f"{error.filename or staged.folder}: {error.strerror or error}")
        self.message, self.moved_at = None, time.monotonic()
        self.backoff.succeed()
        self._finish(staged, result, place)
        return True

    def _send(self, staged: _Staged, link: Link, name: Mapping[str, str]) -> dict[str, Any]:
        """What becomes of it: the line for the list of results."""
        draft = staged.read_draft()
        own_project = (name["entity"], name["project"])
        entity_project = (
            draft.get("entity") or own_project[0],
            draft.get("project") or own_project[1],
        )
        project = f"/api/v1/{'/'.join(map(quote_id, entity_project))}/artifacts"
        wanted = {key: draft[key] for key in DRAFT_FIELDS if draft.get(key) is not None}
        # wandb 0.31.0 sdk/wandb_run.py use_artifact: one that is only used was logged by no run.
        if draft.get("run", not draft.get("use_after_commit")) and entity_project == own_project:
            wanted["run"] = name["run"]
        made = ask(link, "POST", project, wanted)
        try:
            result = self._upload(staged, link, made, bool(draft.get("finalize", True)))
        except Refused as refusal:
            # A commit whose answer took too long to come was done meanwhile.
            if refusal.status != CONFLICT:
                raise
            made = ask(link, "POST", project, wanted)
            if made.get("state") != COMMITTED:
                raise
            result = {"state": COMMITTED, "id": str(made.get("id")), "version": made.get("version")}
        result |= {
            "entity": entity_project[0],
            "project": entity_project[1],
            "name": draft["collection"],
        }
        if draft.get("use_after_commit") and result["state"] == COMMITTED:
            version = quote_id(str(result["version"]))
            at = f"{project}/{quote_id(str(draft['collection']))}/versions/{version}"
            run = {"entity": name["entity"], "project": name["project"], "name": name["run"]}
            ask(link, "POST", f"{at}/uses", {"run": run, "use_as": draft.get("use_as")})
        return result

    def _upload(
        self, staged: _Staged, link: Link, made: dict[str, Any], is_finished: bool
    ) -> dict[str, Any]:
        """Contents, manifest and commit of a draft: what it is then."""
        artifact_id = str(made.get("id"))
        if made.get("state") == COMMITTED:
            return {"state": COMMITTED, "id": artifact_id, "version": made.get("version")}
        path = f"/api/v1/artifacts/{quote_id(artifact_id)}"
        staged.transfer = Transfer(link, artifact_id, staged.folder, staged.spoiled)
        staged.transfer.run()
        self._put_manifest(staged, link, path)
        if not is_finished:
            return {"state": PENDING, "id": artifact_id, "version": None}
        done = ask(link, "POST", f"{path}/commit", {}, timeout_s=ARTIFACT_COMMIT_S_MAX)
        return {
            "state": COMMITTED,
            "id": str(done.get("id", artifact_id)),
            "version": done.get("version"),
        }

    def _put_manifest(self, staged: _Staged, link: Link, path: str) -> None:
        def resolve(reference: str) -> str:
            return self._resolve(reference, staged, link)

        # Compressed, a manifest of 100,000 files has some 4 MB. Its length has to be known: there
        # are proxies that take no other requests.
        packer = zlib.compressobj(1, wbits=GZIP_WBITS)
        pieces = [packer.compress(p) for p in encode_for_server(staged.manifest_path, resolve)]
        body = b"".join([*pieces, packer.flush()])
        headers = JSON_HEADERS | {"Content-Encoding": "gzip"}
        link.request("PUT", f"{path}/manifest", body=body, headers=headers)

    def _resolve(self, reference: str, staged: _Staged, link: Link) -> str:
        """The reference for the server to one by client id: wandb-artifact://ID/PATH, the id in
        hexadecimal. v0.28.2 core/pkg/artifacts/saver.go resolveClientIDReferences."""
        client_id, _, path = reference.removeprefix(CLIENT_REFERENCE).partition("/")
        if client_id not in self._ids:
            found = ask(link, "GET", f"/api/v1/artifact-clients/{quote_id(client_id)}").get("id")
            if not isinstance(found, str):
                raise self._unresolved(reference, client_id, staged)
            self._ids[client_id] = found
        try:
            return f"wandb-artifact://{a2b_base64(self._ids[client_id]).hex()}/{path}"
        except NotBase64:
            raise ArtifactFault(f"the server's id of {reference} is no base64") from None

    def _unresolved(self, reference: str, client_id: str, staged: _Staged) -> Exception:
        failed = self._results.get(client_id, {}).get("error")
        if failed:
            return ArtifactFault(f"it refers to an artifact that could not be sent: {failed}")
        now = time.monotonic()
        if staged.unresolved_since is None:
            staged.unresolved_since = now
        text = f"it refers to an artifact that the server does not have: {reference[:200]}"
        if now < staged.unresolved_since + ARTIFACT_REFERENCE_WAIT_S:
            return Later(text)
        return ArtifactFault(f"{text}; log that one first, or to the same server")

    # ---- results

    def _finish(self, staged: _Staged, result: dict[str, Any], place: str) -> None:
        known = {"client_id": staged.client_id, "place": place, "server": self.server_id}
        line = known | result | {"at_us": time.time_ns() // 1000}
        if error := result.get("error"):
            self.problems.append(f"artifact {staged.name} is not sent: {error}")
        with self._lock:
            self._results[staged.client_id] = line
            self._count(line)
            self._unwritten.append(json.dumps(line) + "\n")
        self._write_rest()
        if result["state"] != FAILED:
            staged.remove_copies()
        with self._lock:
            self._waiting.pop(staged.client_id, None)  # last: the main loop ends when none is left

    def _count(self, result: Mapping[str, Any]) -> None:
        if result.get("state") == FAILED:
            self.failed_count += 1
        else:
            self.done_count += 1

    def _write_rest(self) -> None:
        """Write results down; while the disk is full they wait."""
        with self._lock:
            if not self._unwritten:
                return
            data = "".join(self._unwritten).encode()
            try:
                with open(self._ack_path, "ab", buffering=0) as acks:  # noqa: PTH123
                    size = os.fstat(acks.fileno()).st_size
                    if acks.write(data) != len(data):
                        acks.truncate(size)
                        return
            except OSError:
                return
            self._unwritten.clear()


class _Staged:
    """One artifact in its folder."""

    def __init__(self, client_id: str, folder: str) -> None:
        self.client_id, self.folder = client_id, folder
        self.manifest_path = os.path.join(folder, "manifest.json")  # noqa: PTH118
        self.name = client_id[:8]
        self.transfer: Transfer | None = None
        self.spoiled: dict[str, int] = {}
        self.unresolved_since: float | None = None
        self._draft: dict[str, Any] | None = None

    def read_draft(self) -> dict[str, Any]:
        """What was staged. Raises ArtifactFault when it is not there or damaged."""
        if self._draft is None:
            path = os.path.join(self.folder, "draft.json")  # noqa: PTH118
            draft = read_json(path)
            if draft is None or not isinstance(draft.get("collection"), str):
                raise ArtifactFault(f"{path} is missing or damaged; log the artifact again")
            self._draft, self.name = draft, str(draft["collection"])
        return self._draft

    @property
    def left_bytes(self) -> int:
        try:
            size = int(self.read_draft().get("size_bytes") or 0)
        except ArtifactFault:
            return 0
        return max(0, size - (self.transfer.done_bytes if self.transfer else 0))

    def has_moved(self) -> bool:
        """Whether contents were sent since this was asked last."""
        if self.transfer is None or not self.transfer.sent_bytes:
            return False
        self.transfer.sent_bytes = 0
        return True

    def fail(self, error: str) -> dict[str, Any]:
        return {"state": FAILED, "name": self.name, "error": error}

    def remove_copies(self) -> None:
        """Remove the files that were kept for the upload, here or, where they could not be moved
        here, in a directory that says so."""
        import shutil

        shutil.rmtree(os.path.join(self.folder, "files"), ignore_errors=True)  # noqa: PTH118
        elsewhere = self.read_draft().get("staging_dir")
        if isinstance(elsewhere, str) and self._is_ours(elsewhere):
            shutil.rmtree(elsewhere, ignore_errors=True)

    def _is_ours(self, directory: str) -> bool:
        """A directory of the staging area that was handed over to this run."""
        try:
            with open(os.path.join(directory, LOGGED_MARK), encoding="utf-8") as mark:  # noqa: PTH118, PTH123
                run_dir = mark.read()
        except (OSError, UnicodeDecodeError):
            return False
        own = os.path.dirname(os.path.dirname(self.folder))  # noqa: PTH120
        return os.path.realpath(run_dir) == os.path.realpath(own)
