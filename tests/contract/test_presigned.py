"""Presigned URLs are those botocore makes, and an S3 server answers them as we asked it to."""

from __future__ import annotations

import datetime
from pathlib import Path
from unittest import mock

import boto3  # type: ignore[import-untyped]  # it has no types
import pytest
import urllib3
from botocore.config import Config  # type: ignore[import-untyped]  # likewise
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.server.blobs.local import LocalBlobs
from steelyard.server.blobs.place import S3Place
from steelyard.server.blobs.presign import sign_download
from steelyard.server.blobs.s3 import S3Blobs
from steelyard.server.settings import load_settings
from steelyard.testing.blob_contents import make_content, store
from tests.support.s3 import S3Server

NOW = datetime.datetime(2026, 11, 21, 12, 0, 5, tzinfo=datetime.UTC)
TEXT = st.text(st.characters(min_codepoint=32, codec="utf-8"), max_size=30)


def sign_with_botocore(place: S3Place, key: str, headers: dict[str, str], expires_s: int) -> str:
    """The second source: the same URL by AWS's own library."""
    client = boto3.client(
        "s3",
        endpoint_url=place.public_endpoint,
        region_name=place.region,
        aws_access_key_id=place.access_key_id,
        aws_secret_access_key=place.secret_access_key,
        aws_session_token=place.session_token or None,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if place.is_path_style else "virtual"},
        ),
    )
    named = {f"Response{name.replace('-', '')}": value for name, value in headers.items()}
    parameters = {"Bucket": place.bucket, "Key": f"{place.prefix}/{key}".lstrip("/"), **named}
    with mock.patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        url: str = client.generate_presigned_url("get_object", parameters, ExpiresIn=expires_s)
    return url


def split(url: str) -> tuple[str, set[str]]:
    """Without the order of the parameters, which means nothing."""
    address, _, query = url.partition("?")
    return address, set(query.split("&"))


@settings(max_examples=40, deadline=None)
@given(
    disposition=TEXT.map(lambda text: f"attachment; filename={text}"),
    prefix=st.sampled_from(["", "team/one", "ünï cødé", "a+b=c"]),
    token=st.sampled_from(["", "token/with+signs=="]),
    is_path_style=st.booleans(),
    expires_s=st.integers(1, 604_800),
)
def test_a_presigned_url_is_the_one_botocore_makes(
    disposition: str, prefix: str, token: str, is_path_style: bool, expires_s: int
) -> None:
    place = S3Place(
        bucket="bucket",
        prefix=prefix,
        region="eu-central-1",
        access_key_id="AKIATEST",
        secret_access_key="sec/ret+",
        session_token=token,
        is_path_style=is_path_style,
        public_endpoint="https://s3.example.org:9000",
    )
    headers = {"Content-Disposition": disposition, "Content-Type": "application/octet-stream"}
    ours = sign_download(place, "blobs/ab/abcd", headers=headers, expires_s=expires_s, now=NOW)
    theirs = sign_with_botocore(place, "blobs/ab/abcd", headers, expires_s)
    assert split(ours) == split(theirs)


def test_the_store_answers_a_link_with_the_headers_that_were_signed(
    s3_server: S3Server, tmp_path: Path
) -> None:
    content = make_content(100_000)
    place = s3_server.make_place(public_endpoint=s3_server.url)
    blobs = S3Blobs(place, tmp_path / "spool")
    blob = store(blobs, content)
    headers = {
        "Content-Disposition": 'attachment; filename="page.html"',
        "Content-Type": "application/octet-stream",
    }
    link = blobs.make_link(blob.sha256, headers=headers)
    assert link is not None
    answer = urllib3.request("GET", link, headers={"Range": "bytes=10-19"})
    assert (answer.status, answer.data) == (206, content[10:20])
    assert {name: answer.headers[name] for name in headers} == headers


def test_there_are_no_links_where_clients_do_not_reach_the_store(
    s3_server: S3Server, tmp_path: Path
) -> None:
    stores = (LocalBlobs(tmp_path / "blobs"), S3Blobs(s3_server.make_place(), tmp_path / "spool"))
    for blobs in stores:
        blob = store(blobs, b"content")
        assert blobs.make_link(blob.sha256, headers={}) is None


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"STEELYARD_S3_PUBLIC_ENDPOINT": "minio:9000"}, "must start with http"),
        ({"STEELYARD_S3_PUBLIC_ENDPOINT": "http://minio:9000"}, "needs s3_access_key_id"),
    ],
)
def test_an_endpoint_that_cannot_be_signed_for_is_refused_at_the_start(
    environ: dict[str, str], reason: str
) -> None:
    with pytest.raises(Invalid, match=reason):
        load_settings({"STEELYARD_BLOBS_URL": "s3://bucket", **environ}, None, {})
