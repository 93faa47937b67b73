"""References of one version to a file of another, followed for a caller who may read both."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from sqlalchemy.engine import Connection

from steelyard.limits import ARTIFACT_REFERENCE_DEPTH_MAX
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import may_read_entity
from steelyard.server.rooms.artifacts.files import find_entries
from steelyard.server.rooms.artifacts.model import Artifact
from steelyard.server.rooms.artifacts.names import decode_artifact_id
from steelyard.server.rooms.artifacts.pages import Entry
from steelyard.server.rooms.artifacts.queries import artifacts_by_id, find_by_client_id

#: wandb 0.31.0 sdk/artifacts/artifact_manifest_entry.py, data_types/base_types/wb_value.py
BY_ID, BY_CLIENT = "wandb-artifact://", "wandb-client-artifact://"


def resolve_artifact_paths(
    conn: Connection, caller: Caller, paths: Iterable[str]
) -> dict[str, tuple[Artifact, str]]:
    """(version, path in it) of references that the clients write; those not the caller's to see,
    unfinished or unknown are left out.
    """
    by_host: dict[str, Artifact | None] = {}
    found: dict[str, tuple[Artifact, str]] = {}
    for reference in dict.fromkeys(paths):
        scheme = next((s for s in (BY_CLIENT, BY_ID) if reference.startswith(s)), None)
        if scheme is None:
            continue
        host, _, path = reference.removeprefix(scheme).partition("/")
        if host not in by_host:
            by_host[host] = _find(conn, caller, scheme, host)
        artifact = by_host[host]
        if artifact is not None and path:
            found[reference] = (artifact, path)
    return found


def follow_references(
    conn: Connection, caller: Caller, references: Iterable[str]
) -> dict[str, tuple[Artifact, Entry]]:
    """(version, entry in it) at the end of references, each of which may lead to another one.

    Those that lead nowhere, or to what is not the caller's to see, are left out.
    """
    targets = {reference: reference for reference in references}
    found: dict[str, tuple[Artifact, Entry]] = {}
    for _ in range(ARTIFACT_REFERENCE_DEPTH_MAX):
        places = resolve_artifact_paths(conn, caller, targets.values())
        by_artifact: dict[int, set[str]] = {}
        for artifact, path in places.values():
            by_artifact.setdefault(artifact.id, set()).add(path)
        entries = {
            artifact_id: find_entries(conn, artifact_id, sorted(paths))
            for artifact_id, paths in by_artifact.items()
        }
        further: dict[str, str] = {}
        for reference, target in targets.items():
            if target not in places:
                continue
            artifact, path = places[target]
            entry = entries[artifact.id].get(path)
            if entry is None:
                continue
            if entry.ref is not None and entry.ref.startswith(BY_ID):
                further[reference] = entry.ref
            else:
                found[reference] = (artifact, entry)
        targets = further
        if not targets:
            break
    return found


def _find(conn: Connection, caller: Caller, scheme: str, host: str) -> Artifact | None:
    if scheme == BY_CLIENT:
        candidates = find_by_client_id(conn, host.removesuffix(":latest"))
    else:
        number = _parse_hex_id(host)
        candidates = list(artifacts_by_id(conn, [number]).values()) if number else []
    readable = (
        artifact
        for artifact in candidates
        if artifact.is_committed and may_read_entity(caller, artifact.entity_id)
    )
    return next(readable, None)


def _parse_hex_id(text: str) -> int | None:
    """wandb 0.31.0 hashutil.b64_to_hex_id: the hexadecimal digits of what the base64 id encodes."""
    try:
        return decode_artifact_id(base64.b64encode(binascii.unhexlify(text)).decode())
    except (binascii.Error, ValueError):
        return None
