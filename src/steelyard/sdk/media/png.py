"""PNG files, written without a library, and the sizes that image files say they have.

Source: https://www.w3.org/TR/png-3/, https://www.w3.org/Graphics/GIF/spec-gif89a.txt, ITU T.81
annex B (JPEG), https://developers.google.com/speed/webp/docs/riff_container.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
#: Channels of a pixel → colour type.
_COLOUR_TYPES: Final = {1: 0, 2: 4, 3: 2, 4: 6}
_LEVEL: Final = 6


def encode_png(data: bytes, width: int, height: int, channels: int) -> bytes:
    """A PNG of 8-bit samples, row by row without gaps: grey, grey + alpha, RGB or RGBA."""
    stride = width * channels
    assert len(data) == stride * height and width > 0 and height > 0
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    lines = b"".join(
        b"\0" + data[row * stride : (row + 1) * stride] for row in range(height)
    )  # 0: the row as it is
    return b"".join(
        (
            SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(lines, _LEVEL)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def read_image_size(head: bytes) -> tuple[int, int] | None:
    """(width, height) as the beginning of an image file says; None for a kind not known here."""
    try:
        if head.startswith(SIGNATURE) and head[12:16] == b"IHDR":
            return _checked(*struct.unpack(">II", head[16:24]))
        if head[:6] in (b"GIF87a", b"GIF89a"):
            return _checked(*struct.unpack("<HH", head[6:10]))
        if head[:2] == b"\xff\xd8":
            return _size_of_jpeg(head)
        if head[:2] == b"BM" and len(head) >= 26:
            width, height = struct.unpack("<ii", head[18:26])
            return _checked(width, abs(height))
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _size_of_webp(head)
    except (struct.error, IndexError):
        return None
    return None


def _checked(width: int, height: int) -> tuple[int, int] | None:
    return (width, height) if width > 0 and height > 0 else None


def _size_of_jpeg(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(head):
        if head[at] != 0xFF:
            return None
        kind = head[at + 1]
        if kind == 0xFF:  # padding
            at += 1
            continue
        # A frame header; C4, C8 and CC are tables.
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return _checked(width, height)
        at += 2
        if not (kind == 1 or 0xD0 <= kind <= 0xD9):  # markers without a length
            at += int(struct.unpack(">H", head[at : at + 2])[0])
    return None


def _size_of_webp(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return _checked(width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        bits = struct.unpack("<I", head[21:25])[0]
        return _checked((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        return _checked(
            int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
        )
    return None
