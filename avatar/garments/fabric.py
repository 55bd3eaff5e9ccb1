"""Small repeating pictures of cloth: jersey, ribbing, fleece, denim, a plain weave; colour and surface normals."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Float = NDArray[np.float64]
SIZE = 256
_QUALITY = 82


@dataclass(frozen=True)
class Material:
    """How a part of a garment looks. color: linear RGBA factor; textures: encoded images; one repeat is `tile_m` metres
    where the garment's own texture coordinates are metres, and 1 for garments that bring theirs.
    """

    name: str
    color: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    roughness: float = 0.85
    metallic: float = 0.0
    texture: bytes | None = None
    normal_map: bytes | None = None
    normal_scale: float = 1.0
    tile_m: float = 1.0
    double_sided: bool = True


def jersey(name: str, color: str) -> Material:
    """Fine single knit: columns of small V's."""
    return _woven(name, color, _knit(32, 40), depth=0.8, mottle=0.008, tile_m=0.05, shade=0.1)


def rib(name: str, color: str) -> Material:
    """Ribbing: raised columns, knitted."""
    x = _grid()[1]
    columns = 0.5 + 0.5 * np.cos(2 * np.pi * x * 8)
    return _woven(name, color, 1.6 * columns**0.7 + 0.5 * _knit(32, 40), depth=1.6, mottle=0.01, tile_m=0.04, shade=0.3)


def fleece(name: str, color: str) -> Material:
    """Sweatshirt cloth: a soft knit with some melange."""
    return _woven(name, color, 0.7 * _knit(24, 28), depth=0.8, mottle=0.02, tile_m=0.06)


def denim(name: str, color: str) -> Material:
    """Twill of dark warp over light weft."""
    y, x = _grid()
    wale = 0.5 + 0.5 * np.sin(2 * np.pi * (x * 40 + y * 40))
    picks = 0.5 + 0.5 * np.sin(2 * np.pi * (x * 40 - y * 80))
    slub = _noise(9, 60, 3) * 0.5 + _noise(80, 12, 4) * 0.35
    tone = np.stack([0.72 + 0.34 * (1 - wale) * (0.6 + 0.4 * picks) + 0.085 * slub] * 3, -1)
    tone *= 1 + 0.02 * _noise(30, 30, 5)[..., None]
    return Material(
        name,
        texture=_jpeg(_rgb(color) * tone + 0.1 * (1 - wale)[..., None] * np.array([0.8, 0.85, 0.9])),
        normal_map=_normals(wale + 0.3 * slub, 0.9),
        tile_m=0.05,
        roughness=0.9,
    )


def weave(name: str, color: str, *, roughness: float = 0.75) -> Material:
    """Plain weave, such as crepe."""
    y, x = _grid()
    over = np.sin(2 * np.pi * x * 48) * np.sin(2 * np.pi * y * 48)
    return _woven(name, color, 0.5 + 0.5 * over, depth=0.5, mottle=0.01, tile_m=0.045, roughness=roughness)


def thread(name: str, color: str) -> Material:
    """Sewing thread and cords, without a texture."""
    r, g, b = (float(value) for value in _linear(_rgb(color)))
    return Material(name, color=(r, g, b, 1.0), roughness=0.6)


def _woven(
    name: str,
    color: str,
    height: Float,
    *,
    depth: float,
    mottle: float,
    tile_m: float,
    shade: float = 0.16,
    roughness: float = 0.88,
) -> Material:
    """Cloth of one colour whose hollows are darker."""
    low = height - height.min()
    tone = 1 - shade + shade * low / low.max() + mottle * _noise(40, 40, 1) + 0.5 * mottle * _noise(6, 6, 2)
    return Material(
        name,
        texture=_jpeg(_rgb(color) * tone[..., None]),
        normal_map=_normals(height, depth),
        tile_m=tile_m,
        roughness=roughness,
    )


def _knit(columns: int, rows: int) -> Float:
    """Heights of plain knitting: each stitch a V of two slanted yarns."""
    y, x = _grid()
    phase = x * columns % 1.0
    slant = np.abs(phase - 0.5)
    across = np.cos(2 * np.pi * (phase * 2)) * -0.5 + 0.5
    return np.asarray(across * (0.6 + 0.4 * np.cos(2 * np.pi * (y * rows + 1.1 * slant))))


def _grid() -> tuple[Float, Float]:
    place = (np.arange(SIZE) + 0.5) / SIZE
    y, x = np.meshgrid(place, place, indexing="ij")
    return y, x


def _noise(down: int, across: int, seed: int) -> Float:
    """Noise that repeats at the borders, deviation 1, of a grain of so many cells down and across."""
    spectrum = np.fft.rfft2(np.random.default_rng(seed).standard_normal((SIZE, SIZE)))
    fy = np.fft.fftfreq(SIZE)[:, None] * SIZE / down
    fx = np.fft.rfftfreq(SIZE)[None] * SIZE / across
    noise = np.fft.irfft2(spectrum * np.exp(-(fy**2 + fx**2)), s=(SIZE, SIZE))
    return np.asarray((noise - noise.mean()) / noise.std())


def _normals(height: Float, depth: float) -> bytes:
    """A tangent-space normal map of heights that repeat."""
    dx = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) * depth
    dy = (np.roll(height, -1, 0) - np.roll(height, 1, 0)) * depth
    normal = np.stack([-dx, dy, np.ones_like(dx)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    return _jpeg(0.5 + 0.5 * normal)


def _jpeg(image: Float) -> bytes:
    output = io.BytesIO()
    pixels = np.round(image.clip(0, 1) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(output, "JPEG", quality=_QUALITY, subsampling=0)
    return output.getvalue()


def _rgb(color: str) -> Float:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0


def _linear(srgb: Float) -> Float:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
