"""Large contents come straight from the bucket where clients reach it, with either client."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.limits import S3_REDIRECT_FROM_BYTES
from steelyard.testing.blob_contents import make_content, md5_of
from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import OfficialClient, clean_environ
from tests.support.s3 import S3Server
from tests.support.sdk_user import SdkUser
from tests.support.staged import ArtifactReader

PROJECT = "presigned"
LARGE, SMALL = "report.html", "small.txt"

LOG = """
import wandb
run = wandb.init(project="presigned")
artifact = wandb.Artifact("data", type="dataset")
artifact.add_file("report.html")
artifact.add_file("small.txt")
run.log_artifact(artifact)
artifact.wait()
run.save("report.html")
run.finish()
"""

DOWNLOAD = """
import wandb
api = wandb.Api()
path = api.artifact("presigned/data:v0").download("fetched")
for run in api.runs("presigned"):
    run.file("report.html").download("run-file", replace=True)
print("PATH", path)
"""


@pytest.fixture
def server(own_s3: S3Server, tmp_path: Path) -> Iterator[ThrowawayServer]:
    own_s3.make_bucket("files")
    environ = {
        "STEELYARD_BLOBS_URL": "s3://files/one",
        "STEELYARD_S3_PUBLIC_ENDPOINT": own_s3.url,
        "AWS_ENDPOINT_URL": own_s3.url,
        "AWS_ACCESS_KEY_ID": "AKIATEST",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "PATH": "/usr/bin:/bin",
    }
    with ThrowawayServer(tmp_path / "server", environ=environ) as running:
        yield running


@pytest.fixture
def official(server: ThrowawayServer, tmp_path: Path) -> OfficialClient:
    home = tmp_path / "official"
    environ = clean_environ(home, base_url=server.base_url, api_key=server.owner_key)
    client = OfficialClient(home, environ)
    (home / LARGE).write_bytes(make_content(S3_REDIRECT_FROM_BYTES + 1))
    (home / SMALL).write_text("small")
    client.run_script(LOG)
    return client


def count_presigned(s3: S3Server) -> int:
    return s3.log.read_text().count("X-Amz-Signature=")


def signed_path(url: str) -> str:
    return url[url.index("/storage/") :]


def assert_fetched(directory: Path) -> None:
    content = make_content(S3_REDIRECT_FROM_BYTES + 1)
    assert hashlib.sha256((directory / LARGE).read_bytes()).digest() == (
        hashlib.sha256(content).digest()
    )
    assert (directory / SMALL).read_text() == "small"


@pytest.mark.timeout(300)
def test_both_clients_follow_to_the_bucket_for_what_is_large(
    server: ThrowawayServer, official: OfficialClient, own_s3: S3Server, tmp_path: Path
) -> None:
    assert count_presigned(own_s3) == 0
    official.run_script(DOWNLOAD, WANDB_CACHE_DIR=str(tmp_path / "cold"))
    assert_fetched(official.home / "fetched")
    assert (official.home / "run-file" / LARGE).stat().st_size == S3_REDIRECT_FROM_BYTES + 1
    before = count_presigned(own_s3)
    assert before > 0
    ours = SdkUser(
        tmp_path / "ours", WANDB_BASE_URL=server.base_url, WANDB_API_KEY=server.owner_key
    )
    ours.command("artifact", "get", f"{PROJECT}/data:v0", "--root", "fetched")
    assert_fetched(ours.home / "fetched")
    assert count_presigned(own_s3) > before


@pytest.mark.timeout(300)
def test_only_a_link_that_was_checked_leads_to_the_bucket(
    server: ThrowawayServer, official: OfficialClient, own_s3: S3Server
) -> None:
    files = ArtifactReader(server, PROJECT).files("data")
    link = signed_path(files[LARGE]["url"])
    found = server.request("GET", link, key="", headers={"Range": "bytes=0-9"})
    assert (found.status, found.data) == (307, b"")
    assert found.headers["Location"].startswith(own_s3.url)
    assert "response-content-disposition=attachment" in found.headers["Location"]
    assert found.headers["Cache-Control"] == "no-store"
    assert server.request("GET", link + "0", key="").status == 403
    stays: list[dict[str, str]] = [
        {"If-Range": '"another"', "Range": "bytes=0-9"},
        {"Sec-Fetch-Mode": "no-cors"},
        {"Origin": "https://example.org"},
    ]
    for headers in stays:
        here = server.request("GET", link, key="", headers=headers)
        assert (here.status, len(here.data)) == (200, S3_REDIRECT_FROM_BYTES + 1)
        assert here.headers["Content-Disposition"].startswith("attachment")
    entity = server.call("GET", "/api/v1/me")["default_entity"]
    md5 = md5_of(make_content(S3_REDIRECT_FROM_BYTES + 1)).hex()
    keyed = server.request("GET", f"/artifacts/{entity}/{md5}")  # the key must not travel on
    assert (keyed.status, len(keyed.data)) == (200, S3_REDIRECT_FROM_BYTES + 1)
    head = server.request("HEAD", link, key="")
    assert (head.status, head.headers["Content-Length"]) == (200, str(S3_REDIRECT_FROM_BYTES + 1))
    small = server.request("GET", signed_path(files[SMALL]["url"]), key="")
    assert (small.status, small.data) == (200, b"small")
    beyond = server.request("GET", link, key="", headers={"Range": "bytes=999999999-"})
    assert beyond.status == 416
