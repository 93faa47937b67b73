"""Contents on their way: where to send them, whole or in parts."""

from __future__ import annotations

from typing import Any

from steelyard.errors import Invalid, TooLarge
from steelyard.limits import ARTIFACT_CONTENTS_PER_CALL_MAX, MIB, UPLOAD_PARTS_MAX
from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.resolvers.artifact_files import WantedFile
from steelyard.server.gateway.resolvers.artifact_mutations import get_writable
from steelyard.server.gateway.resolvers.paging import EMPTY
from steelyard.server.rooms.artifacts.contents import (
    ask_contents,
    delete_upload,
    find_uploads,
    get_upload,
    put_upload,
    record_content,
)
from steelyard.server.rooms.artifacts.model import Artifact, Content, Upload
from steelyard.server.rooms.artifacts.names import format_md5, parse_md5

#: wandb 0.28.2 core/pkg/artifacts/multipart.go: the size of a part while 10,000 of them suffice.
CLIENT_PART_BYTES = 100 * MIB
CLIENT_PARTS_MAX = 10_000
Spec = dict[str, Any]


def create_files(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    """In the order asked for; one question to the database for each artifact of them."""
    specs = input["artifact_files"]
    if len(specs) > ARTIFACT_CONTENTS_PER_CALL_MAX:
        raise TooLarge(
            "the list of files",
            size=len(specs),
            limit=ARTIFACT_CONTENTS_PER_CALL_MAX,
            limit_name="ARTIFACT_CONTENTS_PER_CALL_MAX",
        )
    by_artifact: dict[str, list[tuple[Spec, bytes]]] = {}
    for spec in specs:
        md5 = parse_md5(spec.get("md5") or spec.get("digest") or "")
        by_artifact.setdefault(spec["artifact_id"], []).append((spec, md5))
    wanted = {
        id(spec): file
        for artifact_id, some in by_artifact.items()
        for (spec, _), file in zip(
            some, _wanted_files(context, get_writable(context, artifact_id), some), strict=True
        )
    }
    files = [wanted[id(spec)] for spec in specs]
    context.note_listed("artifact", [f.content.birth_artifact_id for f in files if f.content])
    edges = [{"node": file, "cursor": ""} for file in files]
    return {"files": {**EMPTY, "edges": edges, "total_count": len(edges), "upload_headers": []}}


def _wanted_files(
    context: Context, artifact: Artifact, some: list[tuple[Spec, bytes]]
) -> list[WantedFile]:
    # What needs the blob store comes first: it begins the transaction again.
    uploads = _uploads(context, artifact, some)
    here: dict[bytes, Content] = ask_contents(
        context.conn, artifact, [md5 for _, md5 in some], now_us=context.now_us
    )
    return [
        WantedFile(
            artifact=artifact,
            name=spec["name"],
            md5=md5,
            content=here.get(md5),
            upload=None if md5 in here else uploads.get(md5),
            part_count=len(spec.get("upload_parts_input") or []),
        )
        for spec, md5 in some
    ]


def _uploads(
    context: Context, artifact: Artifact, some: list[tuple[Spec, bytes]]
) -> dict[bytes, Upload]:
    """Uploads of those that the client wants to send in parts, begun when there are none yet."""
    counts = {md5: len(spec.get("upload_parts_input") or []) for spec, md5 in some}
    in_parts = [md5 for md5, count in counts.items() if 1 < count < CLIENT_PARTS_MAX]
    if not in_parts:
        return {}
    found = find_uploads(context.conn, artifact.id, in_parts)
    for md5 in in_parts:
        if md5 in found:
            continue
        upload_id = context.after(
            ("upload", artifact.id, md5),
            lambda: context.blobs.create_upload(part_bytes=CLIENT_PART_BYTES),
        )
        begun = Upload(
            upload_id=upload_id,
            artifact_id=artifact.id,
            md5=md5,
            size_bytes=counts[md5] * CLIENT_PART_BYTES,  # at most: the client does not say
            part_bytes=CLIENT_PART_BYTES,
            created_at_us=context.now_us,
        )
        found[md5] = put_upload(context.conn, begun)
    return found


def complete_upload(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    """Make one content of the parts, or give them up."""
    artifact = get_writable(context, input["artifact_id"])
    upload = get_upload(context.conn, artifact.id, input["upload_id"])
    key = (input["complete_multipart_action"], upload.upload_id)
    if key[0] == "Abort":
        context.after(key, lambda: context.blobs.abort_upload(upload.upload_id))
        delete_upload(context.conn, upload.upload_id)
        return {"digest": None}
    parts = _parse_parts(input["completed_parts"])
    blob = context.after(
        key, lambda: context.blobs.complete_upload(upload.upload_id, parts, md5=upload.md5)
    )
    record_content(context.conn, artifact.id, blob, now_us=context.now_us)
    delete_upload(context.conn, upload.upload_id)
    return {"digest": format_md5(upload.md5)}


def _parse_parts(given: list[dict[str, Any]]) -> list[tuple[int, bytes]]:
    """wandb 0.28.2 core saver.go: `hexMD5` is the ETag that the upload of a part was answered."""
    if len(given) > UPLOAD_PARTS_MAX:
        raise TooLarge(
            "the list of parts",
            size=len(given),
            limit=UPLOAD_PARTS_MAX,
            limit_name="UPLOAD_PARTS_MAX",
        )
    try:
        return [(part["part_number"], bytes.fromhex(part["hex_md5"].strip('"'))) for part in given]
    except ValueError as error:
        raise Invalid(
            "hexMD5 of a part must be the ETag that its upload was answered with: "
            "32 hexadecimal digits"
        ) from error


MUTATION: Fields = {
    "createArtifactFiles": create_files,
    "completeMultipartUploadArtifact": complete_upload,
}
