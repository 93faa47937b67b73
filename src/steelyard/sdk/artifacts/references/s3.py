"""s3:// references, looked at with boto3 where that is installed and knows who we are."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from posixpath import basename, join
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from steelyard.errors import ContentDamaged, Invalid, ReferenceMissing, UsageError
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry
from steelyard.sdk.artifacts.references import too_many, without_checksum
from steelyard.sdk.settings import read_environ

_GONE: Final = ("404", "NoSuchKey", "NoSuchVersion")


class _Unreachable(Exception):
    """Nothing can be said of the object; the message says why."""


def describe(
    uri: str, name: str | None, *, checksum: bool, max_objects: int, artifact: Any
) -> list[ArtifactManifestEntry]:
    """The object, or the objects below the prefix; empty ones stand for directories.

    Source: wandb 0.31.0 storage_handlers/s3_handler.py, for paths, digests and `extra`.
    """
    bucket, key, version = _split(uri)
    address = f"s3://{bucket}/{key}"
    path = name or key or bucket
    if not checksum:
        return [ArtifactManifestEntry(path=path, ref=address, digest=address)]
    try:
        client = _connect()
        found = _find(client, bucket, key, version)
        if found is not None:
            return [_entry(address, name or basename(key), found)]
        entries: list[ArtifactManifestEntry] = []
        has_versions = _keeps_versions(client, bucket)
        for item in _list(client, bucket, key):
            if len(entries) >= max_objects:
                raise too_many(uri, max_objects)
            inner = _below(item["Key"], key)
            ref = f"s3://{bucket}/{item['Key']}"
            if has_versions:
                item["VersionId"] = (_find(client, bucket, item["Key"], None) or {}).get(
                    "VersionId"
                )
            entries.append(_entry(ref, join(name, inner) if name else inner, item))
    except _Unreachable as why:
        return without_checksum(address, path, str(why))
    if not entries:
        raise Invalid(f"the reference {uri} leads to nothing: no object and no prefix of that name")
    return entries


def fetch(entry: ArtifactManifestEntry, target: str, *, remote: Any) -> None:
    """Download the object, in the version that was added. Raises ReferenceMissing."""
    assert entry.ref is not None
    bucket, key, _ = _split(entry.ref)
    version = entry.extra.get("versionID")
    try:
        client = _connect()
        found = _find(client, bucket, key, version)
    except _Unreachable as why:
        raise UsageError(f"{entry.path!r} refers to {entry.ref}: {why}") from None
    if found is None:
        raise ReferenceMissing(f"{entry.path!r} refers to {entry.ref}, which is not there any more")
    tag = _tag(found)
    if tag != entry.digest and entry.digest != entry.ref:
        version = None if version else _find_version(client, bucket, key, entry.extra.get("etag"))
        if version is None:
            raise ContentDamaged(
                entry.path,
                f"the reference {entry.ref} has another content now",
                expected=entry.digest,
                found=tag,
            )
    options = {"VersionId": version} if version else {}
    with open(target, "wb") as file:  # noqa: PTH123
        client.download_fileobj(bucket, key, file, ExtraArgs=options)


def _split(uri: str) -> tuple[str, str, str | None]:
    parts = urlsplit(uri)
    return parts.netloc, parts.path[1:], dict(parse_qsl(parts.query)).get("versionId")


def _connect() -> Any:
    """A client of S3. Raises _Unreachable without the package or without credentials."""
    try:
        boto3 = import_module("boto3")
    except ImportError:
        raise _Unreachable("the package boto3 is not installed (pip install boto3)") from None
    environ = read_environ()
    session = boto3.session.Session()
    if session.get_credentials() is None:
        raise _Unreachable("there are no AWS credentials (AWS_ACCESS_KEY_ID, a profile, a role)")
    return session.client(
        "s3",
        endpoint_url=environ.get("AWS_S3_ENDPOINT_URL"),
        region_name=environ.get("AWS_REGION"),
    )


def _find(client: Any, bucket: str, key: str, version: str | None) -> dict[str, Any] | None:
    """The head of an object; None where there is none, or a directory's mark."""
    if not key:
        return None
    exceptions = import_module("botocore.exceptions")
    options = {"VersionId": version} if version else {}
    try:
        head: dict[str, Any] = client.head_object(Bucket=bucket, Key=key, **options)
    except exceptions.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code"))
        if code in _GONE:
            if version:
                raise Invalid(f"s3://{bucket}/{key} has no version {version}") from error
            return None
        raise _Unreachable(f"S3 refuses to show it ({error})") from None
    except exceptions.BotoCoreError as error:
        raise _Unreachable(f"S3 cannot be asked ({error})") from None
    if "x-directory" in str(head.get("ContentType")) or key.endswith("/"):
        return None
    return {**head, "Size": head["ContentLength"]}


def _list(client: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    exceptions = import_module("botocore.exceptions")
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for item in page.get("Contents", ()):
                if item["Size"] > 0:
                    yield dict(item)
    except exceptions.ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchBucket":
            raise Invalid(f"there is no bucket {bucket!r}") from error
        raise _Unreachable(f"S3 refuses to list it ({error})") from None
    except exceptions.BotoCoreError as error:
        raise _Unreachable(f"S3 cannot be asked ({error})") from None


def _keeps_versions(client: Any, bucket: str) -> bool:
    exceptions = import_module("botocore.exceptions")
    try:
        return bool(client.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled")
    except (exceptions.ClientError, exceptions.BotoCoreError):
        return False  # it may be listed, and not asked that


def _find_version(client: Any, bucket: str, key: str, tag: str | None) -> str | None:
    """The version of an object that has that ETag."""
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key)
    for page in pages:
        for item in page.get("Versions", ()):
            if item["Key"] == key and _tag(item) == tag:
                return str(item["VersionId"])
    return None


def _below(key: str, prefix: str) -> str:
    """The key relative to the directory that the prefix names."""
    folder = prefix.rstrip("/")
    if not folder:
        return key
    return key[len(folder) + 1 :] if key.startswith(f"{folder}/") else key


def _tag(item: dict[str, Any]) -> str:
    return str(item["ETag"]).strip('"')


def _entry(address: str, path: str, item: dict[str, Any]) -> ArtifactManifestEntry:
    extra = {"etag": _tag(item)}
    if item.get("VersionId") not in (None, "null"):
        extra["versionID"] = str(item["VersionId"])
    return ArtifactManifestEntry(
        path=path, ref=address, digest=_tag(item), size=int(item["Size"]), extra=extra
    )
