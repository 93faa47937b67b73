"""Where blobs are, as settings say it."""

from __future__ import annotations

import msgspec

from steelyard.server.settings import ServerSettings


class S3Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the store is and how to reach it."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    access_key_id: str = ""
    """Empty: credentials as AWS gives them to a machine or a pod."""
    secret_access_key: str = ""
    session_token: str = ""
    is_path_style: bool = True
    public_endpoint: str = ""
    """Where clients reach the store; empty: they do not."""

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def find_s3_place(settings: ServerSettings) -> S3Place | None:
    """The S3-compatible store of the settings; None where blobs are in the data directory."""
    if not settings.blobs_url:
        return None
    bucket, _, prefix = settings.blobs_url.removeprefix("s3://").partition("/")
    return S3Place(
        bucket=bucket,
        prefix=prefix.strip("/"),
        endpoint=settings.s3_endpoint.rstrip("/"),
        region=settings.s3_region,
        access_key_id=settings.s3_access_key_id,
        secret_access_key=settings.s3_secret_access_key,
        session_token=settings.s3_session_token,
        is_path_style=settings.s3_path_style,
        public_endpoint=settings.s3_public_endpoint.rstrip("/"),
    )
