"""s3:// references, against a real S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]  # it has no types
import pytest

from steelyard.errors import ContentDamaged, Invalid, ReferenceMissing
from steelyard.sdk.artifacts.artifact import Artifact
from steelyard.sdk.artifacts.references import s3
from tests.support.s3 import S3Server

# botocore asks for the time in a way that Python 3.12 and later warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def client(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {
        "AWS_S3_ENDPOINT_URL": s3_server.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    return boto3.client("s3", endpoint_url=s3_server.url)


@pytest.fixture
def bucket(client: Any, request: pytest.FixtureRequest) -> str:
    name = request.node.name.replace("_", "-")[:60].strip("-")
    client.create_bucket(Bucket=name)
    for key, body in {"one.txt": b"1", "dir/a": b"aa", "dir/deep/b": b"bbb", "dir/": b""}.items():
        client.put_object(Bucket=name, Key=key, Body=body)
    return name


def test_an_object_has_its_etag_and_size(bucket: str) -> None:
    (entry,) = Artifact("x", "dataset").add_reference(f"s3://{bucket}/one.txt")
    assert (entry.path, entry.ref) == ("one.txt", f"s3://{bucket}/one.txt")
    assert (entry.digest, entry.size) == ("c4ca4238a0b923820dcc509a6f75849b", 1)
    assert entry.extra == {"etag": entry.digest}


def test_a_prefix_and_a_bucket_have_an_entry_for_each_object(bucket: str) -> None:
    artifact = Artifact("x", "dataset")
    artifact.add_reference(f"s3://{bucket}/dir", name="in")
    artifact.add_reference(f"s3://{bucket}")
    refs = {path: entry.ref for path, entry in artifact.manifest.entries.items()}
    assert refs == {
        "in/a": f"s3://{bucket}/dir/a",
        "in/deep/b": f"s3://{bucket}/dir/deep/b",
        "one.txt": f"s3://{bucket}/one.txt",
        "dir/a": f"s3://{bucket}/dir/a",
        "dir/deep/b": f"s3://{bucket}/dir/deep/b",
    }
    with pytest.raises(Invalid, match="more than 1 objects"):
        Artifact("x", "dataset").add_reference(f"s3://{bucket}/dir", max_objects=1)
    with pytest.raises(Invalid, match="leads to nothing"):
        Artifact("x", "dataset").add_reference(f"s3://{bucket}/nothing")


def test_a_version_of_an_object_stays_reachable(bucket: str, client: Any, tmp_path: Path) -> None:
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket=bucket, Key="v", Body=b"old")
    (entry,) = Artifact("x", "dataset").add_reference(f"s3://{bucket}/v")
    assert entry.extra["versionID"]
    client.put_object(Bucket=bucket, Key="v", Body=b"new")
    s3.fetch(entry, str(tmp_path / "got"), remote=None)
    assert (tmp_path / "got").read_bytes() == b"old"


def test_an_object_that_changed_or_went_is_named(bucket: str, client: Any, tmp_path: Path) -> None:
    (entry,) = Artifact("x", "dataset").add_reference(f"s3://{bucket}/one.txt")
    s3.fetch(entry, str(tmp_path / "got"), remote=None)
    assert (tmp_path / "got").read_bytes() == b"1"
    client.put_object(Bucket=bucket, Key="one.txt", Body=b"2")
    with pytest.raises(ContentDamaged, match=r"one\.txt"):
        s3.fetch(entry, str(tmp_path / "got"), remote=None)
    client.delete_object(Bucket=bucket, Key="one.txt")
    with pytest.raises(ReferenceMissing, match=r"one\.txt"):
        s3.fetch(entry, str(tmp_path / "got"), remote=None)
