"""Pictures to small ones, in a process that may be ended: decoders of pictures are attacked."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageOps

from steelyard.errors import Invalid
from steelyard.limits import THUMBNAIL_PIXELS_MAX
from steelyard.server.rooms.tables.jobs import Thumbnail, Written

#: What browsers show and people log. SVG is not among them: it is a program.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "PPM")
QUALITY = 82
DRAWN_SMALL = 256  # pixels: smaller pictures are kept exactly


def make_thumbnail(job: Thumbnail) -> Written:
    """The picture turned as its EXIF says, first frame, no larger than `size`; never enlarged.

    Raises Invalid for what is no picture, or one of too many pixels.
    """
    Image.MAX_IMAGE_PIXELS = None  # pillow's own limit: ours is asked before anything is decoded
    try:
        with Image.open(job.path, formats=FORMATS) as picture:
            small = _shrink(picture, job.size)
        is_exact = max(small.size) <= DRAWN_SMALL and picture.size == small.size
        small.save(Path(job.out), "WEBP", quality=QUALITY, lossless=is_exact, method=2)
    except Invalid:
        raise
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise Invalid(f"this is no picture that can be shown small: {error}") from error
    return Written(1)


def _shrink(picture: Image.Image, size: int) -> Image.Image:
    pixels = picture.width * picture.height
    if pixels > THUMBNAIL_PIXELS_MAX:
        raise Invalid(
            f"the picture has {picture.width:,} x {picture.height:,} pixels; the limit "
            f"THUMBNAIL_PIXELS_MAX is {THUMBNAIL_PIXELS_MAX:,}"
        )
    picture.draft("RGB", (size * 2, size * 2))  # a JPEG is decoded at a fraction of its size
    turned = ImageOps.exif_transpose(picture)
    if turned.mode in ("I", "F", "I;16", "I;16B", "I;16L"):
        turned = _stretch(turned)
    if turned.mode not in ("RGB", "RGBA"):
        has_alpha = "A" in turned.getbands() or "transparency" in turned.info
        turned = turned.convert("RGBA" if has_alpha else "RGB")
    turned.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return turned


def _stretch(picture: Image.Image) -> Image.Image:
    """Depth and other wide values to 256 levels of grey between their lowest and highest."""
    wide = picture.convert("F")
    low, high = wide.getextrema()
    assert isinstance(low, float) and isinstance(high, float)
    scale = 255.0 / (high - low) if high > low else 0.0
    return wide.point(lambda value: value * scale - low * scale).convert("L")
