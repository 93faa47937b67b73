"""References: addresses with size and checksum where those can be had, and without where not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import ContentDamaged, Invalid, ReferenceMissing, UsageError
from steelyard.sdk.artifacts.artifact import Artifact
from steelyard.sdk.artifacts.digest import b64_of_bytes, md5_of_text
from steelyard.sdk.artifacts.entry import make_artifact_url, split_artifact_url
from steelyard.sdk.artifacts.references import find_handler
from tests.support.odd_files_server import OddFilesServer, odd_files_server


@pytest.fixture
def artifact() -> Artifact:
    return Artifact("x", "dataset")


@pytest.fixture
def web() -> Iterator[OddFilesServer]:
    with odd_files_server() as running:
        running.files["/a/b.csv"] = b"1,2\n"
        yield running


def fields(entry: Any) -> dict[str, Any]:
    return {key: value for key, value in entry.to_json().items() if value not in (None, {})}


# ---- files


def test_a_file_reference_has_size_and_md5_and_no_bytes(artifact: Artifact, source: Path) -> None:
    (entry,) = artifact.add_reference(f"file://{source}/a.txt")
    assert fields(entry) == {
        "path": "a.txt",
        "ref": f"file://{source}/a.txt",
        "digest": b64_of_bytes(b"a"),
        "size": 1,
    }
    assert entry.local_path is None


def test_a_directory_reference_has_an_entry_for_each_file(artifact: Artifact, source: Path) -> None:
    artifact.add_reference(f"file://{source}", name="in")
    assert sorted(artifact.manifest.entries) == [
        "in/a.txt",
        "in/deep/er/b.bin",
        "in/deep/ü c.txt",
        "in/empty",
    ]
    assert artifact.manifest.entries["in/deep/er/b.bin"].ref == f"file://{source}/deep/er/b.bin"
    with pytest.raises(ValueError, match="more than 2 objects"):
        artifact.add_reference(f"file://{source}", max_objects=2)


def test_a_file_reference_without_checksum_is_known_by_its_place(
    artifact: Artifact, source: Path
) -> None:
    (entry,) = artifact.add_reference(f"file://{source}/a.txt", checksum=False)
    assert entry.digest == md5_of_text((source / "a.txt").resolve().as_uri())


def test_a_file_reference_gives_the_file_as_long_as_it_is_the_same(
    artifact: Artifact, source: Path, tmp_path: Path
) -> None:
    (entry,) = artifact.add_reference(f"file://{source}/a.txt")
    assert entry.ref is not None
    handler = find_handler(entry.ref)
    handler.fetch(entry, str(tmp_path / "got"), remote=None)
    assert (tmp_path / "got").read_bytes() == b"a"
    (source / "a.txt").write_bytes(b"b")
    with pytest.raises(ContentDamaged, match=r"a\.txt"):
        handler.fetch(entry, str(tmp_path / "other"), remote=None)
    (source / "a.txt").unlink()
    with pytest.raises(ReferenceMissing, match=r"a\.txt"):
        handler.fetch(entry, str(tmp_path / "third"), remote=None)


# ---- http


def test_an_http_reference_has_the_size_and_tag_that_head_says(
    artifact: Artifact, web: OddFilesServer
) -> None:
    (entry,) = artifact.add_reference(f"{web.url}/a/b.csv?x=1")
    assert fields(entry) == {
        "path": "b.csv",
        "ref": f"{web.url}/a/b.csv?x=1",
        "digest": "etag-4",
        "size": 4,
        "extra": {"etag": '"etag-4"'},
    }
    assert [method for method, _, _ in web.asked] == ["HEAD"]


def test_a_server_without_head_is_asked_by_get(artifact: Artifact, web: OddFilesServer) -> None:
    web.knows_head = False
    (entry,) = artifact.add_reference(f"{web.url}/a/b.csv", name="n.csv")
    assert (entry.path, entry.digest, entry.size) == ("n.csv", "etag-4", 4)


def test_an_http_reference_to_nothing_is_refused(artifact: Artifact, web: OddFilesServer) -> None:
    with pytest.raises(Invalid, match="leads to nothing"):
        artifact.add_reference(f"{web.url}/gone")
    assert len(artifact.manifest) == 0


def test_where_nobody_answers_the_address_is_noted_with_a_warning(
    artifact: Artifact, capsys: pytest.CaptureFixture[str]
) -> None:
    (entry,) = artifact.add_reference("http://127.0.0.1:9/x.bin")
    assert (entry.digest, entry.size) == ("http://127.0.0.1:9/x.bin", None)
    assert "without checksum" in capsys.readouterr().err


def test_without_checksum_nobody_is_asked(
    artifact: Artifact, web: OddFilesServer, capsys: pytest.CaptureFixture[str]
) -> None:
    (entry,) = artifact.add_reference(f"{web.url}/a/b.csv", checksum=False)
    assert (entry.digest, web.asked) == (f"{web.url}/a/b.csv", [])
    assert capsys.readouterr().err == ""


def test_an_http_reference_gives_what_is_there_if_it_is_the_same(
    artifact: Artifact, web: OddFilesServer, tmp_path: Path
) -> None:
    (entry,) = artifact.add_reference(f"{web.url}/a/b.csv")
    assert entry.ref is not None
    handler = find_handler(entry.ref)
    handler.fetch(entry, str(tmp_path / "got"), remote=None)
    assert (tmp_path / "got").read_bytes() == b"1,2\n"
    web.files["/a/b.csv"] = b"other"
    with pytest.raises(ContentDamaged, match=r"b\.csv"):
        handler.fetch(entry, str(tmp_path / "got"), remote=None)
    del web.files["/a/b.csv"]
    with pytest.raises(ReferenceMissing, match=r"b\.csv"):
        handler.fetch(entry, str(tmp_path / "got"), remote=None)


# ---- clouds


@pytest.mark.parametrize(
    ("uri", "package"), [("s3://bucket/dir/f.bin", "boto3"), ("gs://b/k", "google.cloud.storage")]
)
def test_no_cloud_package_is_needed(
    artifact: Artifact,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    uri: str,
    package: str,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    (entry,) = artifact.add_reference(uri, name="quiet", checksum=False)
    assert (entry.path, entry.ref, entry.digest) == ("quiet", uri, uri)
    assert capsys.readouterr().err == ""
    (entry,) = artifact.add_reference(uri)
    assert (entry.ref, entry.digest, entry.size) == (uri, uri, None)
    assert "not installed" in capsys.readouterr().err


def test_s3_without_credentials_is_noted_with_a_warning(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("boto3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (entry,) = artifact.add_reference("s3://bucket/f")
    assert entry.digest == "s3://bucket/f"
    assert "no AWS credentials" in capsys.readouterr().err


# ---- others


def test_an_unknown_scheme_is_noted_and_needs_a_name(
    artifact: Artifact, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="name="):
        artifact.add_reference("hdfs://x/y")
    (entry,) = artifact.add_reference("hdfs://x/y", name="y")
    assert (entry.ref, entry.digest) == ("hdfs://x/y", "hdfs://x/y")
    assert "not known" in capsys.readouterr().err


def test_a_path_is_no_address(artifact: Artifact) -> None:
    with pytest.raises(ValueError, match="file://"):
        artifact.add_reference("/data/x")


def test_a_file_of_an_artifact_on_its_way_can_be_referred_to(artifact: Artifact) -> None:
    with artifact.new_file("deep/a.txt") as file:
        file.write("a")
    other = Artifact("y", "dataset")
    uri = f"wandb-client-artifact://{artifact._client_id}/deep/a.txt"
    (entry,) = other.add_reference(uri, name="copy.txt")
    assert (entry.ref, entry.digest, entry.size) == (uri, b64_of_bytes(b"a"), 0)
    with pytest.raises(UsageError, match="does not have"):
        other.add_reference("wandb-client-artifact://unknown/x")
    with pytest.raises(Invalid, match="no file"):
        other.add_reference(f"wandb-client-artifact://{artifact._client_id}/nothing")


def test_an_address_in_an_artifact_is_taken_apart_and_put_together() -> None:
    url = make_artifact_url("QXJ0aWZhY3Q6MTI=", "a/b c.txt")
    assert url == "wandb-artifact://41727469666163743a3132/a/b c.txt"
    assert split_artifact_url(url) == ("QXJ0aWZhY3Q6MTI=", "a/b c.txt")
    for wrong in ("", "wandb-artifact://zz/x", "wandb-artifact://41", "http://41/x"):
        with pytest.raises(Invalid, match="no address"):
            split_artifact_url(wrong)
