"""Open a shopper's photo: decode it safely, turn it upright, and keep nothing of the file but its pixels.

JPEG, PNG, WebP and HEIC. What the file says of itself (its name, its media type, its header's size) is not believed:
the format comes from the first bytes, and the number of pixels is held against a limit before anything is decoded.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
import pi_heif  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from avatar.errors import PhotoFormat, PhotoRejected, PhotoTooLarge, PhotoTooSmall

MAX_BYTES = 30_000_000
MAX_PIXELS = 120_000_000  # the largest phone sensors have 108 and 200 million; the latter save 50 by default
MIN_SIDE = 400
WORKING_SIDE = 1280
_FULL_FRAME_DIAGONAL_MM = 43.27
_PLAUSIBLE_FOCAL_MM = (12.0, 150.0)


@dataclass(frozen=True)
class Photo:
    """pixels (H, W, 3) uint8 RGB, upright, long side at most 1280; focal_px: from EXIF, in these pixels, or None."""

    pixels: NDArray[np.uint8]
    focal_px: float | None


def open_photo(content: bytes) -> Photo:
    """The photo in a file's bytes. Raises PhotoFormat, PhotoTooLarge, PhotoTooSmall or PhotoRejected."""
    if len(content) > MAX_BYTES:
        raise PhotoTooLarge(f"the file has more than {MAX_BYTES // 1_000_000} MB")
    kind = _format(content)
    if kind is None:
        raise PhotoFormat("send a JPEG, PNG, WebP or HEIC photo")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decoded(content, kind)
    except PhotoRejected:
        raise
    except Image.DecompressionBombError as error:
        raise PhotoTooLarge("the photo's header promises more pixels than any phone takes") from error
    except Exception as error:  # decoders raise whatever a hostile file makes them
        raise PhotoRejected("the photo cannot be decoded") from error


def _format(content: bytes) -> str | None:
    """The format by the file's own signature."""
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp" and content[8:12] in (b"heic", b"heix", b"heim", b"heis", b"mif1", b"hevc"):
        return "HEIF"
    return None


def _decoded(content: bytes, kind: str) -> Photo:
    if kind == "HEIF":
        # libheif turns the picture itself, and checks sizes against its own limits.
        heif = pi_heif.open_heif(io.BytesIO(content), convert_hdr_to_8bit=True)
        _check_size(heif.size)
        image: Image.Image = heif.to_pillow()
        focal_35mm = _focal_35mm(image.getexif())
    else:
        opened = Image.open(io.BytesIO(content), formats=[kind])
        _check_size(opened.size)
        if kind == "JPEG":
            opened.draft("RGB", (WORKING_SIDE, WORKING_SIDE))
        focal_35mm = _focal_35mm(opened.getexif())
        image = ImageOps.exif_transpose(opened)
    return _reduced(image, focal_35mm)


def _check_size(size: tuple[int, int]) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        raise PhotoTooLarge(f"the photo has more than {MAX_PIXELS // 1_000_000} million pixels")
    if min(size) < MIN_SIDE:
        raise PhotoTooSmall(f"the photo's shorter side has fewer than {MIN_SIDE} pixels")


def _reduced(image: Image.Image, focal_35mm: float | None) -> Photo:
    """The picture at working size, over white where it was transparent."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        over = Image.new("RGBA", image.size, "white")
        over.alpha_composite(image.convert("RGBA"))
        image = over
    scale = min(1.0, WORKING_SIDE / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image = image.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    pixels = np.array(image, np.uint8)
    focal_px = None
    if focal_35mm is not None:
        focal_px = focal_35mm / _FULL_FRAME_DIAGONAL_MM * float(np.hypot(*pixels.shape[:2]))
    return Photo(pixels, focal_px)


def _focal_35mm(exif: Image.Exif) -> float | None:
    """The focal length as on 35 mm film, if the file states a plausible one."""
    value = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.FocalLengthIn35mmFilm)
    try:
        focal = float(str(value))
    except ValueError:
        return None
    return focal if _PLAUSIBLE_FOCAL_MM[0] <= focal <= _PLAUSIBLE_FOCAL_MM[1] else None
