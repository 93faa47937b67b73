"""Signed, absolute URLs of the contents and manifests of artifacts, for both directions.

Like the URLs of run files: the URL alone is the permission, an HMAC over what may be done with
what until which hour. Making one asks no database: 5,000 of them take 30 ms. Tests of the official
client look for `wandb_artifacts/` and `wandb_manifest.json` in them.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

from steelyard.errors import Forbidden
from steelyard.limits import SIGNED_URL_HOURS
from steelyard.server.http.file_urls import HOUR_US, SignedLink
from steelyard.server.http.signing import Signer

Purpose = Literal["download", "upload", "part upload", "manifest download", "manifest upload"]

PREFIX = "/storage/wandb_artifacts/"
CONTENTS = PREFIX + "contents/"
UPLOADS = PREFIX + "uploads/"
PARTS = PREFIX + "parts/"
#: Not below PREFIX: a test of the official client answers for all contents, but not for manifests.
MANIFESTS = "/storage/artifact_manifests/"
MANIFEST_UPLOADS = "/storage/artifact_manifest_uploads/"
MANIFEST_NAME = "wandb_manifest.json"


class ArtifactUrls:
    """Makes the URLs of one answer: they all expire at the same hour."""

    def __init__(self, signer: Signer, base_url: str, now_us: int) -> None:
        self._signer = signer
        self._base_url = base_url.rstrip("/")
        self._expires = now_us // HOUR_US + 1 + SIGNED_URL_HOURS

    def content(self, collection_id: int, md5: bytes, path: str) -> str:
        """Answers GET and HEAD with a content of a collection, called `path`."""
        subject = f"{collection_id}/{md5.hex()}/{path}"
        return self._sign(
            "download", subject, f"{CONTENTS}{collection_id}/{md5.hex()}/{quote(path, safe='/')}"
        )

    def content_upload(self, artifact_id: int, md5: bytes) -> str:
        """Takes a PUT of the content with that MD5, for a draft."""
        subject = f"{artifact_id}/{md5.hex()}"
        return self._sign("upload", subject, UPLOADS + subject)

    def part_upload(self, upload_id: str, number: int) -> str:
        """Takes a PUT of one part of a content."""
        subject = f"{upload_id}/{number}"
        return self._sign("part upload", subject, PARTS + subject)

    def manifest(self, artifact_id: int) -> str:
        """Answers GET and HEAD with the whole manifest of a version."""
        return self._sign(
            "manifest download", str(artifact_id), f"{MANIFESTS}{artifact_id}/{MANIFEST_NAME}"
        )

    def manifest_upload(self, manifest_id: int) -> str:
        """Takes a PUT of a manifest that was announced."""
        return self._sign(
            "manifest upload", str(manifest_id), f"{MANIFEST_UPLOADS}{manifest_id}/{MANIFEST_NAME}"
        )

    def _sign(self, purpose: Purpose, subject: str, path: str) -> str:
        signature = self._signer.sign(_signed(purpose), subject, self._expires * HOUR_US)
        return f"{self._base_url}{path}?expires={self._expires}&signature={signature}"


def check_artifact_link(
    signer: Signer, purpose: Purpose, link: SignedLink, subject: str, *, now_us: int
) -> None:
    """Raises Forbidden for a URL that we did not sign for this, or that has expired."""
    is_ours = signer.verify(
        _signed(purpose), subject, link.expires * HOUR_US, link.signature, now_us=now_us
    )
    if not is_ours:
        raise Forbidden(
            f"the link for this {purpose} has expired or was changed; ask the server for a new one"
        )


def _signed(purpose: Purpose) -> str:
    return f"artifact {purpose}"
