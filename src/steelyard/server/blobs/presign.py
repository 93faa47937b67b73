"""URLs that let whoever has them read one object of an S3-compatible store for a while.

Pure: nothing is asked. The store's own client can sign as well, but not what the answer is called
and of which type it is, and what users upload must never be shown as a page of that host.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from steelyard.server.blobs.place import S3Place

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "s3"


def sign_download(
    place: S3Place,
    key: str,
    *,
    headers: Mapping[str, str],
    expires_s: int,
    now: datetime.datetime,
) -> str:
    """A URL for GET of the object `key` below the prefix, at `place.public_endpoint`.

    `headers` are those the store is told to answer with, such as Content-Disposition. Needs an
    access key with its secret. Source: AWS Signature Version 4, query parameters, of S3.
    """
    assert place.public_endpoint and place.access_key_id and place.secret_access_key
    endpoint = urlsplit(place.public_endpoint)
    name = f"{place.prefix}/{key}".lstrip("/")
    host, path = endpoint.netloc, endpoint.path.rstrip("/")
    if place.is_path_style:
        path += f"/{place.bucket}"
    else:
        host = f"{place.bucket}.{host}"
    path += "/" + quote(name, safe="/~")
    at = now.astimezone(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{at[:8]}/{place.region}/{SERVICE}/aws4_request"
    parameters = {f"response-{header.lower()}": value for header, value in headers.items()} | {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{place.access_key_id}/{scope}",
        "X-Amz-Date": at,
        "X-Amz-Expires": str(expires_s),
        "X-Amz-SignedHeaders": "host",
    }
    if place.session_token:
        parameters["X-Amz-Security-Token"] = place.session_token
    query = "&".join(
        f"{quote(name, safe='~')}={quote(parameters[name], safe='~')}"
        for name in sorted(parameters)
    )
    request = "\n".join(["GET", path, query, f"host:{host}\n", "host", "UNSIGNED-PAYLOAD"])
    digest = hashlib.sha256(request.encode()).hexdigest()
    signature = _sign(
        _signing_key(place.secret_access_key, scope), "\n".join([ALGORITHM, at, scope, digest])
    ).hex()
    return f"{endpoint.scheme}://{host}{path}?{query}&X-Amz-Signature={signature}"


def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for step in scope.split("/"):
        key = _sign(key, step)
    return key


def _sign(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
