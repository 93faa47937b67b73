"""Digests are the official client's: the same files give the same digest."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import UnsupportedError
from steelyard.sdk.artifacts.artifact import Artifact
from steelyard.sdk.artifacts.digest import b64_to_hex, hash_file, hex_to_b64, new_hasher
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry
from steelyard.sdk.artifacts.manifest import ArtifactManifest

#: What the official client says of manifests that stand on its standard input, one per line.
OFFICIAL = """
import json, sys
from wandb.sdk.artifacts.artifact_manifest_entry import ArtifactManifestEntry
from wandb.sdk.artifacts.artifact_manifests.artifact_manifest_v1 import ArtifactManifestV1
from wandb.sdk.artifacts._generated import ArtifactDigestAlgorithm as A
for line in sys.stdin:
    given = json.loads(line)
    manifest = ArtifactManifestV1(digest_algorithm=A.MANIFEST_MD5)
    for path, digest, size in given:
        manifest.add_entry(ArtifactManifestEntry(path=path, digest=digest, size=size), True)
    print(json.dumps([manifest.digest(), manifest.size(), manifest.to_manifest_json()]), flush=True)
"""
OF_DIRECTORY = """
import sys, wandb
artifact = wandb.Artifact("x", "dataset")
artifact.add_dir(sys.argv[1])
print(artifact.digest)
"""

names = st.text(
    st.characters(min_codepoint=33, exclude_categories=("C", "Z"), exclude_characters="/\\:."),
    min_size=1,
    max_size=12,
)
paths = st.lists(names, min_size=1, max_size=4).map("/".join)


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    home = tmp_path_factory.mktemp("official")
    with subprocess.Popen(
        [sys.executable, "-c", OFFICIAL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"HOME": str(home), "WANDB_SILENT": "true", "LANG": "C.UTF-8"},
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def is_a_tree(entries: list[tuple[str, str, int]]) -> bool:
    """No file is a directory too, which we refuse."""
    files = {path for path, _, _ in entries}
    return not any(other.startswith(f"{path}/") for path in files for other in files)


@given(
    entries=st.lists(st.tuples(paths, names, st.integers(0, 2**40)), max_size=20).filter(is_a_tree)
)
def test_a_manifest_has_the_digest_size_and_json_of_the_official_client(
    official: subprocess.Popen[str], entries: list[tuple[str, str, int]]
) -> None:
    ours = ArtifactManifest()
    for path, digest, size in entries:
        ours.add_entry(ArtifactManifestEntry(path, digest, size=size), overwrite=True)
    assert official.stdin is not None
    assert official.stdout is not None
    official.stdin.write(json.dumps(entries) + "\n")
    official.stdin.flush()
    digest, size, manifest = json.loads(official.stdout.readline())
    assert (ours.digest(), ours.size()) == (digest, size)
    theirs = {path: entry["digest"] for path, entry in manifest["contents"].items()}
    made = ours.to_manifest_json()
    assert {path: entry["digest"] for path, entry in made["contents"].items()} == theirs
    assert {key: made[key] for key in ("version", "storagePolicy")} == {
        key: manifest[key] for key in ("version", "storagePolicy")
    }


def test_a_directory_has_the_digest_of_the_official_client(source: Path, tmp_path: Path) -> None:
    artifact = Artifact("x", "dataset")
    artifact.add_dir(str(source))
    environ = {"HOME": str(tmp_path), "WANDB_SILENT": "true", "LANG": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-c", OF_DIRECTORY, str(source)],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
        cwd=tmp_path,
    )
    assert artifact.digest == done.stdout.split()[-1]


@given(data=st.binary(max_size=300_000))
def test_a_file_has_the_digest_of_its_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    import base64
    import hashlib

    path = tmp_path_factory.mktemp("file") / "f"
    path.write_bytes(data)
    assert hash_file(str(path)) == base64.b64encode(hashlib.md5(data).digest()).decode()


@given(data=st.binary(max_size=40))
def test_base64_and_hexadecimal_are_each_others_inverse(data: bytes) -> None:
    assert b64_to_hex(hex_to_b64(data.hex())) == data.hex()


def test_xxh128_is_as_the_package_has_it_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    xxhash = pytest.importorskip("xxhash")
    hasher = new_hasher("MANIFEST_XXH128")
    hasher.update(b"abc")
    assert hasher.digest() == xxhash.xxh128(b"abc").digest()
    monkeypatch.setitem(sys.modules, "xxhash", None)
    with pytest.raises(UnsupportedError, match="pip install xxhash"):
        Artifact("x", "dataset", digest_algorithm="XXH128")
