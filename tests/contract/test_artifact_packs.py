"""Packs of a version's files over HTTP: what it holds, and nothing of other versions."""

from __future__ import annotations

import hashlib
from typing import Any

from steelyard.limits import ARTIFACT_CONTENTS_PER_CALL_MAX, MIB
from tests.contract.test_artifact_api import Client, client, server

__all__ = ["client", "server"]


def fetch(client: Client, version: Any, paths: list[str], *, status: int = 200) -> bytes:
    answer = client.server.request(
        "POST",
        f"/api/v1/artifacts/{version['id']}/contents:fetch",
        key=client.key,
        content={"paths": paths},
    )
    assert answer.status == status, (answer.status, answer.data[:500])
    return answer.data


def unpack(pack: bytes) -> set[bytes]:
    contents, at = [], 0
    while at < len(pack):
        size = int.from_bytes(pack[at + 16 : at + 20], "little")
        contents.append(pack[at + 20 : at + 20 + size])
        assert hashlib.md5(contents[-1]).digest() == pack[at : at + 16]
        at += 20 + size
    assert at == len(pack)
    assert len(set(contents)) == len(contents)
    return set(contents)


def test_a_pack_has_the_files_asked_for_each_content_once(client: Client) -> None:
    files = {"a": b"one", "b": b"two", "dir/c": b"one", "empty": b"", "d": b"not asked for"}
    version = client.log(files)
    asked = ["dir/c", "a", "b", "empty", "b"]
    assert unpack(fetch(client, version, asked)) == {b"one", b"two", b""}
    assert fetch(client, version, []) == b""


def test_files_of_other_versions_are_not_in_it(client: Client) -> None:
    client.log({"old": b"old", "both": b"both"})
    version = client.log({"new": b"new", "both": b"both"})
    assert unpack(fetch(client, version, ["old", "both", "../new", "", "ü"])) == {b"both"}


def test_a_pack_has_bounds(client: Client) -> None:
    version = client.log({f"{n}": bytes([n]) * 6 * MIB for n in range(3)})
    assert len(fetch(client, version, ["0", "1"])) == 2 * (6 * MIB + 20)
    assert b"ARTIFACT_PACK_BYTES_MAX" in fetch(client, version, ["0", "1", "2"], status=413)
    paths = ["0"] * (ARTIFACT_CONTENTS_PER_CALL_MAX + 1)
    assert b"ARTIFACT_CONTENTS_PER_CALL_MAX" in fetch(client, version, paths, status=413)
