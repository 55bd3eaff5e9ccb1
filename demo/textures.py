"""Small procedural images: woven, knitted and pressed cloth, stitched seams, tortoise acetate."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from demo.gltf import Texture
from demo.mesh import Floats


def srgb(hex_color: str) -> Floats:
    """A screen colour "#rrggbb" as three numbers 0..1, sRGB, as images store it."""
    return np.array([int(hex_color[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0


def encoded(image: Floats, *, quality: int = 86) -> Texture:
    """A (H, W, 3) sRGB image 0..1 as a JPEG texture."""
    buffer = io.BytesIO()
    pixels = np.round(np.clip(image, 0.0, 1.0) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=0)
    return Texture(buffer.getvalue(), "image/jpeg")


def smooth_noise(shape: tuple[int, int], cells: tuple[int, int], seed: int) -> Floats:
    """(H, W) noise about 0 with unit deviation that repeats at the borders; `cells` is its grain down and across."""
    random = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(random.standard_normal(shape))
    fy = np.fft.fftfreq(shape[0])[:, None] * shape[0] / cells[0]
    fx = np.fft.rfftfreq(shape[1])[None] * shape[1] / cells[1]
    noise = np.fft.irfft2(spectrum * np.exp(-(fy**2 + fx**2)), s=shape)
    return np.asarray((noise - noise.mean()) / noise.std())


def twill(shape: tuple[int, int], period: float, seed: int) -> Floats:
    """(H, W) brightness about 1 of a diagonal weave; `period` px must divide both sides to repeat."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    wale = np.sin(2 * np.pi * (x + y) / period)
    yarn = smooth_noise(shape, (shape[0] // 3, shape[1] // 3), seed)
    return np.asarray(1 + 0.05 * wale + 0.035 * yarn)


def stitch_row(along_mm: Floats, across_mm: Floats, *, length: float = 2.6, gap: float = 0.9) -> Floats:
    """Where a row of machine stitches lies (0..1): `along_mm` runs with the row, `across_mm` is 0 on it."""
    phase = np.mod(along_mm, length + gap)
    inside = np.clip(np.minimum(phase, length - phase) / 0.35, 0, 1) * (phase < length)
    return np.asarray(inside * np.clip(1.25 - np.abs(across_mm) / 0.42, 0, 1))


def stitched(image: Floats, mask: Floats, thread: Floats) -> Floats:
    """Lays thread over a (H, W, 3) image where the (H, W) mask is, with the shadow it presses into the cloth."""
    shadow = np.maximum(np.roll(mask, (1, 1), axis=(0, 1)), np.roll(mask, (-1, -1), axis=(0, 1)))
    image = image * (1 - 0.25 * shadow[..., None])
    return np.asarray(image * (1 - mask[..., None]) + thread * mask[..., None])


def cap_panel(cloth: str, thread: str, *, height_mm: float, width_mm: Floats, size: int = 512) -> Texture:
    """One crown panel between two seams, u across, v down from the button; width_mm: (size,) its width by row."""
    columns = size // 2
    image = srgb(cloth) * twill((size, columns), 4, 11)[..., None]
    u = (np.arange(columns) + 0.5) / columns
    across = np.minimum(u, 1 - u)[None] * width_mm[:, None]
    down = np.broadcast_to(((np.arange(size) + 0.5) / size * height_mm)[:, None], across.shape)
    image = image * (1 - 0.45 * np.exp(-((across / 0.9) ** 2)))[..., None]
    image = image * (1 + 0.05 * np.exp(-(((across - 2.2) / 1.2) ** 2)))[..., None]
    mask = np.maximum(stitch_row(down, across - 2.4), 0.0)
    return encoded(stitched(image, mask, srgb(thread)))


def visor(cloth: str, thread: str, *, rows: int, depth_mm: float, arc_mm: float, size: int = 512) -> Texture:
    """A visor's cover, u along its edge, v from the crown out, with parallel rows of stitches."""
    image = srgb(cloth) * twill((size, size), 4, 12)[..., None]
    u = (np.arange(size) + 0.5) / size * arc_mm
    v = (np.arange(size) + 0.5) / size * depth_mm
    along_row, across = np.broadcast_to(u[None], (size, size)), np.broadcast_to(v[:, None], (size, size))
    spacing = (depth_mm - 6.0) / rows
    nearest = np.round((across - 3.5) / spacing).clip(0, rows) * spacing + 3.5
    offset = across - nearest
    image = image * (1 - 0.16 * np.exp(-((offset / 1.1) ** 2)))[..., None]
    return encoded(stitched(image, stitch_row(along_row, offset), srgb(thread)))


def tortoise(
    *, ground: str = "#642f0e", light: str = "#8c4c1a", dark: str = "#1d0c06", seed: int = 7, cover: float = 0.5
) -> Texture:
    """Tortoise acetate: dark flecks that bleed into an amber ground, `cover` of it dark."""
    shape = (256, 256)
    warp = smooth_noise(shape, (14, 14), seed + 1) * 0.5
    fleck = smooth_noise(shape, (7, 9), seed) + warp
    glow = np.clip(0.5 + 0.35 * smooth_noise(shape, (4, 4), seed + 2), 0, 1)[..., None]
    level = float(np.quantile(fleck, 1 - cover))
    edge = np.clip((fleck - level) / 1.1 + 0.5, 0, 1)[..., None]
    edge = edge * edge * (3 - 2 * edge)
    body = srgb(ground) * (1 - glow) + srgb(light) * glow
    return encoded(body * (1 - edge) + srgb(dark) * edge, quality=84)


def felt(color: str, *, size: int = 256, seed: int = 3) -> Texture:
    """Pressed fur felt: fine fibre and a slow mottle."""
    fibre = smooth_noise((size, size), (size // 3, size // 3), seed)
    lay = smooth_noise((size, size), (size // 8, size // 8), seed + 1)
    mottle = smooth_noise((size, size), (4, 4), seed + 2)
    return encoded(srgb(color) * (1 + 0.030 * fibre + 0.025 * lay + 0.018 * mottle)[..., None], quality=82)


def ribbon(color: str, *, size: int = 64) -> Texture:
    """Grosgrain: fine ribs across the band."""
    ribs = 0.92 + 0.28 * np.abs(np.sin(2 * np.pi * np.arange(size) * 8 / size))
    return encoded(srgb(color) * np.broadcast_to(ribs[None, :, None], (size, size, 1)) * 1.1)


def knit(color: str, *, size: int = 256, stitches: int = 4) -> Texture:
    """One rib: two columns of V stitches with the purl valley at the borders; `stitches` high."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    column = np.mod(x * 2, 1.0) * 2 - 1  # -1..1 across one column of Vs
    leg = np.mod(y * stitches + 0.55 * np.abs(column), 1.0)
    strand = np.sin(np.pi * leg) ** 0.7
    twist = 0.06 * np.sin(2 * np.pi * (y * stitches * 4 + np.sign(column) * x * 14))
    gap = np.clip(np.minimum(np.abs(column), 1.02 - np.abs(column)) / 0.16, 0, 1)
    valley = np.clip(np.minimum(x, 1 - x) / 0.13, 0, 1) ** 0.7
    fuzz = 0.035 * smooth_noise((size, size), (size // 4, size // 4), 21)
    light = (0.42 + 0.62 * strand * (0.55 + 0.45 * gap) + twist) * (0.5 + 0.5 * valley) + fuzz
    return encoded(srgb(color) * light[..., None] * 1.08, quality=76)


def leather(color: str, thread: str, *, size_mm: tuple[float, float], size: int = 192) -> Texture:
    """A patch of smooth hide with fine grain, its edge darkened, sewn on all around (u, v cover it once)."""
    grain = smooth_noise((size, size), (26, 26), 5) * 0.035 + smooth_noise((size, size), (4, 4), 6) * 0.018
    y, x = (np.mgrid[:size, :size] + 0.5) / size * np.array(size_mm)[:, None, None]
    left, top = np.minimum(x, size_mm[1] - x), np.minimum(y, size_mm[0] - y)
    hide = srgb(color) * ((1 + grain) * (1 - 0.35 * np.exp(-np.minimum(left, top) / 0.5)))[..., None]
    inset = 2.0
    rows = stitch_row(x, top - inset) * (left > inset - 0.3)
    columns = stitch_row(y, left - inset) * (top > inset - 0.3)
    return encoded(stitched(hide, np.maximum(rows, columns), srgb(thread)))


def plait(color: str, *, size: int = 256, rounds: int = 4, seed: int = 17) -> Texture:
    """Straw braid: rounds of slanting flat straws woven over and under, each round a little different in tone."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    across = np.mod(y * rounds, 1.0)
    which = np.floor(y * rounds)
    slant = np.where(across < 0.5, across, 1 - across)  # straws meet in the middle of the braid
    lane = x * 10 + slant * 1.6 + which * 0.37
    straw = np.mod(lane, 1.0)
    random = np.random.default_rng(seed)
    tone = random.normal(0, 0.07, (rounds, 2, 10))
    index = np.floor(lane).astype(int) % 10
    shade = tone[which.astype(int), (across < 0.5).astype(int), index]
    edge = np.clip(np.minimum(straw, 1 - straw) / 0.14, 0, 1) ** 0.6
    seam = np.clip(np.minimum(across, 1 - across) / 0.10, 0, 1) ** 0.7
    middle = np.clip(np.abs(across - 0.5) / 0.06, 0, 1)
    light = (0.62 + 0.42 * edge) * (0.55 + 0.45 * seam) * (0.82 + 0.18 * middle) * (1 + shade)
    warm = np.stack([light, light**1.06, light**1.25], axis=-1)
    return encoded(srgb(color) * warm)
