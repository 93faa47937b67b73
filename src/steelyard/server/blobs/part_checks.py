"""What may be a part, an upload, and the whole of one."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence

from steelyard.errors import Invalid, UploadMissing
from steelyard.limits import UPLOAD_PART_BYTES_MAX, UPLOAD_PARTS_MAX
from steelyard.server.blobs.interface import StoredPart

NAMED_MAX = 5  # parts named in one message
_ID = re.compile(r"[0-9a-f]{32}")


def check_parts(
    upload_id: str,
    there: Mapping[int, StoredPart],
    parts: Sequence[tuple[int, bytes]],
    *,
    part_bytes: int,
) -> None:
    """Invalid says which of the parts that are named do not make a content of what is there."""
    if not parts or [number for number, _ in parts] != [*range(1, len(parts) + 1)]:
        raise Invalid(
            f"upload {upload_id}: parts must be named from 1 on, in order and without a gap"
        )
    wrong = []
    for number, tag in parts:
        part = there.get(number)
        if part is None:
            wrong.append(f"part {number} is not here")
        elif part.tag != tag:
            wrong.append(f"part {number} has ETag {part.tag.hex()}, not {tag.hex()}")
        elif number < len(parts) and part.size_bytes != part_bytes:
            wrong.append(f"part {number} has {part.size_bytes:,} of {part_bytes:,} bytes")
    if wrong:
        more = f" and {len(wrong) - NAMED_MAX:,} more" if len(wrong) > NAMED_MAX else ""
        raise Invalid(
            f"upload {upload_id} cannot be completed: {'; '.join(wrong[:NAMED_MAX])}{more}; "
            "send these parts again, then complete it"
        )


def check_number(number: int) -> None:
    """Raises Invalid for a number that no part can have."""
    if not 1 <= number <= UPLOAD_PARTS_MAX:
        raise Invalid(f"part {number}; parts are numbered from 1 to {UPLOAD_PARTS_MAX:,}")


def check_part_bytes(part_bytes: int) -> None:
    """Raises Invalid for a size that parts cannot have."""
    if not 1 <= part_bytes <= UPLOAD_PART_BYTES_MAX:
        raise Invalid(f"parts of {part_bytes:,} bytes; from 1 to {UPLOAD_PART_BYTES_MAX:,}")


def make_upload_id() -> str:
    """One that nobody can guess."""
    return secrets.token_hex(16)


def check_upload_id(upload_id: str) -> None:
    """Raises UploadMissing for what is not an id, and may be a path."""
    if not _ID.fullmatch(upload_id):
        raise UploadMissing(upload_id)
