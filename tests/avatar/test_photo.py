"""Photos are opened upright, small and bare, or refused by a stable code."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from avatar.errors import PhotoFormat, PhotoRejected, PhotoTooLarge, PhotoTooSmall
from avatar.photo import MAX_BYTES, WORKING_SIDE, open_photo


def picture(width: int = 600, height: int = 800) -> Image.Image:
    """Red above, blue below."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, :, 0] = 255
    pixels[height // 2 :, :, 2] = 255
    return Image.fromarray(pixels)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    output = io.BytesIO()
    image.save(output, kind, **options)
    return output.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_usual_formats_open(kind: str) -> None:
    photo = open_photo(saved(picture(), kind))
    assert photo.pixels.shape == (800, 600, 3)
    assert photo.pixels[100, 300, 0] > 200
    assert photo.pixels[700, 300, 0] < 60


def test_exif_turns_are_followed_and_the_focal_length_is_read() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter turn clockwise
    exif.get_ifd(0x8769)[0xA405] = 26
    photo = open_photo(saved(picture().rotate(90, expand=True), "JPEG", exif=exif))
    assert photo.pixels.shape == (800, 600, 3)
    assert photo.pixels[100, 300, 0] > 200
    assert photo.focal_px == pytest.approx(26 / 43.27 * 1000, rel=0.01)


def test_large_photos_are_reduced() -> None:
    photo = open_photo(saved(picture(3000, 4000), "JPEG"))
    assert max(photo.pixels.shape) == WORKING_SIDE


def test_an_implausible_focal_length_is_ignored() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 5000
    assert open_photo(saved(picture(), "JPEG", exif=exif)).focal_px is None


def test_see_through_pictures_stand_before_white() -> None:
    image = picture().convert("RGBA")
    image.putalpha(0)
    assert open_photo(saved(image, "PNG")).pixels.min() > 250


@pytest.mark.parametrize("content", [b"", b"GIF89a" + bytes(100), b"<svg/>", b"%PDF-1.4", bytes(1000)])
def test_other_files_are_refused_by_their_bytes(content: bytes) -> None:
    with pytest.raises(PhotoFormat):
        open_photo(content)


def test_a_gif_that_calls_itself_jpeg_is_not_opened_as_gif() -> None:
    with pytest.raises(PhotoRejected):
        open_photo(b"\xff\xd8\xff" + saved(picture(), "GIF"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_broken_files_are_refused(kind: str) -> None:
    content = saved(picture(), kind)
    with pytest.raises(PhotoRejected) as refusal:
        open_photo(content[: len(content) // 3])
    assert refusal.value.code == "photo-unreadable"


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    """A PNG of a few bytes whose header promises 40 000 x 40 000 pixels."""
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    with pytest.raises(PhotoTooLarge):
        open_photo(bomb)


def test_too_many_bytes_and_too_few_pixels_are_refused() -> None:
    with pytest.raises(PhotoTooLarge):
        open_photo(bytes(MAX_BYTES + 1))
    with pytest.raises(PhotoTooSmall):
        open_photo(saved(picture(200, 300), "JPEG"))
