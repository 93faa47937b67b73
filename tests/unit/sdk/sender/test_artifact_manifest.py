"""Manifests are read piece by piece, whatever their layout, and written without what is local."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.sdk.sender import artifact_manifest
from steelyard.sdk.sender.artifact_manifest import (
    DamagedManifest,
    encode_for_server,
    iter_entries,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
ENTRIES = st.dictionaries(
    st.text(max_size=8),
    st.dictionaries(st.sampled_from(["digest", "size", "extra", "local_path", "ref"]), JSON),
    max_size=6,
)
HEADS = st.dictionaries(st.text(max_size=6).filter(lambda key: key != "contents"), JSON, max_size=3)


def make(path: Path, value: Any, **options: Any) -> str:
    path.write_text(json.dumps(value, **options), encoding="utf-8")
    return str(path)


def encode(path: str, resolve: Any = lambda reference: reference) -> Any:
    return json.loads(b"".join(encode_for_server(path, resolve)))


@given(
    before=HEADS,
    entries=ENTRIES,
    after=HEADS,
    chars=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
    ascii=st.booleans(),
)
def test_any_layout_in_any_pieces_is_the_same_manifest(
    tmp_path_factory: pytest.TempPathFactory,
    before: dict[str, Any],
    entries: dict[str, Any],
    after: dict[str, Any],
    chars: int,
    indent: int | None,
    ascii: bool,
) -> None:
    path = make(
        tmp_path_factory.getbasetemp() / "manifest.json",
        before | {"contents": entries} | after,
        indent=indent,
        ensure_ascii=ascii or any("\ud800" <= c <= "\udfff" for c in json.dumps(entries)),
    )
    kept, artifact_manifest.READ_CHARS = artifact_manifest.READ_CHARS, chars
    try:
        assert list(iter_entries(path)) == list(entries.items())
        sent = {
            name: {key: value for key, value in fields.items() if key != "local_path"}
            for name, fields in entries.items()
        }
        assert encode(path) == before | {"contents": sent} | after
    finally:
        artifact_manifest.READ_CHARS = kept


def test_what_is_of_this_machine_stays_here_and_references_are_resolved(tmp_path: Path) -> None:
    contents = {
        "a": {"digest": "x", "size": 0, "local_path": "/home/me/a", "skip_cache": True},
        "b": {"digest": "y", "ref": "wandb-client-artifact://abc/t.json"},
        "c": {"digest": "z", "ref": "s3://bucket/c"},
    }
    path = make(tmp_path / "m", {"version": 1, "contents": contents})
    asked: list[str] = []

    def resolve(reference: str) -> str:
        asked.append(reference)
        return "wandb-artifact://00ff/t.json"

    assert encode(path, resolve)["contents"] == {
        "a": {"digest": "x", "size": 0},
        "b": {"digest": "y", "ref": "wandb-artifact://00ff/t.json"},
        "c": {"digest": "z", "ref": "s3://bucket/c"},
    }
    assert asked == ["wandb-client-artifact://abc/t.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"contents": ',
        '{"contents": {"a": {}',
        '{"contents": {"a": 1}}',
        '{"contents": {"a" {}}}',
        '{"contents": {1: {}}}',
        '{"version": nonsense}',
        '{"version": 1 "contents": {}}',
    ],
)
def test_what_is_cut_off_or_no_manifest_is_said_to_be_damaged(tmp_path: Path, text: str) -> None:
    path = tmp_path / "m"
    path.write_text(text)
    with pytest.raises(DamagedManifest, match=str(path)):
        list(iter_entries(str(path)))


def test_bytes_that_are_no_text_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(b'{"contents": {"\xff": {}}}')
    with pytest.raises(DamagedManifest):
        list(iter_entries(str(path)))
