"""Artifacts in the official client's log of a run: put beside the log as our client stages them.

Only a run that was offline has them there: what an online run logs goes straight to its server.
Names and numbers of fields: wandb 0.31.0 wandb/proto/wandb_internal.proto ArtifactRecord.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from steelyard.errors import Torn
from steelyard.sdk.protobuf import (
    Fields,
    collect,
    last_bytes,
    last_int,
    last_text,
    read_fields,
    text_of,
)
from steelyard.sdk.sender.artifact_upload import RunArtifacts
from steelyard.sdk.sender.link import Later, Link
from steelyard.sdk.sender.run_files import read_lines
from steelyard.sdk.sender.tail import write_json

MD5_MANIFEST: Final = "MANIFEST_MD5"
POLICY: Final = "wandb-storage-policy-v1"
MANIFEST_FIELD: Final = 12


def stage_record(content: bytes, run_dir: Path) -> str | None:
    """Have the artifact of that record uploaded with the run in `run_dir`. Idempotent.

    Returns its client id; None for a record without one. Raises Torn, OSError.
    """
    fields = collect(content)
    client_id = last_text(fields, 15)
    if client_id is None or "/" in client_id or client_id.startswith("."):
        return None
    listed, _ = read_lines(str(run_dir / "artifacts.jsonl"), 0)
    if any(line.get("client_id") == client_id for line in listed):
        return client_id
    folder = run_dir / "artifacts" / client_id
    folder.mkdir(parents=True, exist_ok=True)
    size_bytes = _write_manifest(
        folder / "manifest.json", last_bytes(fields, MANIFEST_FIELD) or b""
    )
    write_json(str(folder / "draft.json"), _read_draft(fields) | {"size_bytes": size_bytes})
    with (run_dir / "artifacts.jsonl").open("ab", buffering=0) as file:
        file.write((json.dumps({"client_id": client_id}) + "\n").encode())
    return client_id


def send_artifacts(
    run_dir: Path,
    link: Link,
    place: str,
    name: Mapping[str, str],
    *,
    server_id: str | None,
    patience_s: float,
) -> RunArtifacts:
    """Send the artifacts of the run, in the order they were logged, and those that failed again.

    `name`: what the server calls the run. Raises Later when the server is away longer than
    `patience_s` after it took something last.
    """
    artifacts = RunArtifacts(str(run_dir))
    artifacts.server_id = server_id
    artifacts.read_acknowledged(place, server_id)
    artifacts.forget_acknowledged(failed_only=True)
    artifacts.refresh()
    deadline = time.monotonic() + patience_s
    while artifacts.count_left():
        if artifacts.send_next(link, place, name):
            continue
        wait_s = artifacts.backoff.not_before - time.monotonic()
        if artifacts.moved_at is not None:
            deadline = max(deadline, artifacts.moved_at + patience_s)
        if time.monotonic() + wait_s > deadline:
            raise Later(artifacts.message or "an artifact is not sent")
        time.sleep(max(wait_s, 0.0))
    return artifacts


def _read_draft(fields: Fields) -> dict[str, Any]:
    """What the server is told. Of ArtifactRecord: 4 type, 5 name, 6 digest, 7 description,
    8 metadata, 10 use_after_commit, 11 aliases, 13 distributed_id, 14 finalize, 15 client_id,
    16 sequence_client_id, 17 base_id, 18 ttl_duration_seconds, 19 tags, 20 digest_algorithm,
    100 incremental_beta1."""
    is_incremental = bool(last_int(fields, 100))
    distributed_id = last_text(fields, 13)
    # v0.28.2 core/pkg/artifacts/saver.go createManifest
    kind = "incremental" if is_incremental else "patch" if distributed_id else "full"
    return {
        "version": 1,
        "type": last_text(fields, 4),
        "collection": (last_text(fields, 5) or "").partition(":")[0],
        "digest": last_text(fields, 6),
        "digest_algorithm": last_text(fields, 20) or MD5_MANIFEST,
        "client_id": last_text(fields, 15),
        "sequence_client_id": last_text(fields, 16),
        "description": last_text(fields, 7),
        "metadata": _read_metadata(last_text(fields, 8)),
        "aliases": [text_of(value) for value in fields.get(11, ())],
        "tags": [text_of(value) for value in fields.get(19, ())],
        "ttl_s": last_int(fields, 18) or None,
        "base": last_text(fields, 17) or ("latest" if is_incremental else None),
        "kind": kind,
        "distributed_id": distributed_id,
        "finalize": bool(last_int(fields, 14)),
        "use_after_commit": bool(last_int(fields, 10)),
    }


def _read_metadata(text: str | None) -> dict[str, Any] | None:
    try:
        value = json.loads(text) if text else None
    except ValueError as error:
        raise Torn(f"the metadata of an artifact is no JSON: {error}") from error
    return value if isinstance(value, dict) else None


def _write_manifest(path: Path, content: bytes) -> int:
    """Write the manifest as our client has it; bytes of its files."""
    config: dict[str, Any] = {}
    entries_file = None
    for number, value in read_fields(content):
        if number == 3 and isinstance(value, bytes):
            config |= _read_items([value])
        elif number == 5:
            entries_file = text_of(value)
    config.setdefault("storageLayout", "V2")
    head = {"version": 1, "storagePolicy": POLICY, "storagePolicyConfig": config}
    entries = _read_entries_file(entries_file) if entries_file else _read_entries(content)
    size_bytes = 0
    temporary = path.with_name(f".{path.name}")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(f'{json.dumps(head)[:-1]}, "contents": {{')
        mark = ""
        for name, entry in entries:
            size_bytes += entry.get("size") or 0
            file.write(f"{mark}{json.dumps(name)}:{json.dumps(entry)}")
            mark = ",\n"
        file.write("}}")
    temporary.replace(path)
    return size_bytes


def _read_entries(content: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """ArtifactManifest: 4 contents. ArtifactManifestEntry: 1 path, 2 digest, 3 ref, 4 size,
    6 local_path, 7 birth_artifact_id, 8 skip_cache, 16 extra."""
    for number, value in read_fields(content):
        if number != 4 or not isinstance(value, bytes):
            continue
        fields = collect(value)
        entry: dict[str, Any] = {"digest": last_text(fields, 2) or ""}
        known = {
            "ref": last_text(fields, 3),
            "birthArtifactID": last_text(fields, 7),
            "extra": _read_items(fields.get(16, ())),
            "local_path": last_text(fields, 6),
            "skip_cache": bool(last_int(fields, 8)),
        }
        entry |= {key: each for key, each in known.items() if each}
        # An empty file has no size in the record, and neither has a reference of unknown size.
        if 4 in fields or "ref" not in entry:
            entry["size"] = last_int(fields, 4)
        yield last_text(fields, 1) or "", entry


def _read_items(values: Iterable[Any]) -> dict[str, Any]:
    """ExtraItem and StoragePolicyConfigItem: 1 key, 2 value_json."""
    items = [collect(value) for value in values if isinstance(value, bytes)]
    try:
        return {last_text(i, 1) or "": json.loads(last_text(i, 2) or "null") for i in items}
    except ValueError as error:
        raise Torn(f"a manifest has something that is no JSON: {error}") from error


def _read_entries_file(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A line of JSON for each entry, with the names that manifests have, and `path`.

    wandb 0.31.0 sdk/interface/interface.py _write_artifact_manifest_file: of manifests that would
    be too large for one record.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                name, birth_id = entry.pop("path"), entry.pop("birth_artifact_id", None)
                if birth_id is not None:
                    entry["birthArtifactID"] = birth_id
                yield name, {key: value for key, value in entry.items() if value is not None}
    except (ValueError, KeyError, AttributeError, EOFError) as error:
        raise Torn(f"{path} is damaged: {error}") from error
