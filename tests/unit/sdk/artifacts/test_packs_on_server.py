"""Many small files of a real server: what its disk spoilt or lost is named."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from steelyard.errors import ContentDamaged, SteelyardError
from steelyard.sdk.artifacts.artifact import Artifact
from steelyard.sdk.artifacts.remote import Remote, open_remote
from steelyard.sdk.artifacts.upload import upload
from steelyard.testing.server import ThrowawayServer

FILES = 30


@pytest.fixture
def remote(places: Path, sdk_server: ThrowawayServer, monkeypatch: pytest.MonkeyPatch) -> Remote:
    monkeypatch.setenv("WANDB_BASE_URL", sdk_server.base_url)
    monkeypatch.setenv("WANDB_API_KEY", sdk_server.owner_key)
    monkeypatch.chdir(places)
    return open_remote()


def put(remote: Remote, name: str, directory: Path) -> Artifact:
    for number in range(FILES):
        (directory / f"{number:02}").write_bytes(f"{name} {number}".encode())
    (directory / "same").write_bytes(f"{name} 0".encode())
    artifact = Artifact(name, "dataset")
    artifact.add_dir(directory, skip_cache=True)
    version = upload(artifact, remote, entity=remote.default_entity, project="packs", aliases=[])
    return Artifact._from_version(version, remote)


@pytest.mark.parametrize("skip_cache", [False, True])
def test_many_small_files_arrive_as_they_were(
    remote: Remote, tmp_path: Path, skip_cache: bool
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    logged = put(remote, f"whole{skip_cache}", source)
    logged.download(tmp_path / "out", skip_cache=skip_cache)
    for path in source.iterdir():
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()
    assert len(list((tmp_path / "out").iterdir())) == FILES + 1


@pytest.mark.parametrize("loses", [False, True])
def test_a_content_that_the_server_spoilt_or_lost_is_named(
    remote: Remote, sdk_server: ThrowawayServer, tmp_path: Path, loses: bool
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    logged = put(remote, f"spoilt{loses}", source)
    sha256 = hashlib.sha256((source / "07").read_bytes()).hexdigest()
    (blob,) = sdk_server.data_dir.rglob(sha256)
    if loses:
        blob.unlink()
    else:
        blob.write_bytes(b"x" * blob.stat().st_size)
    expected = SteelyardError if loses else ContentDamaged
    with pytest.raises(expected, match="07" if not loses else sha256):
        logged.download(tmp_path / "out")
    assert not (tmp_path / "out/07").exists()
