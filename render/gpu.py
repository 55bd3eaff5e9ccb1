"""What lives in GL memory: programs, render targets, one product's triangles, the head's.

Made with PyOpenGL and pyrender's Primitive and ShaderProgramCache, where errors are checked; drawn by scene.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from render.product import Batch, Level

SHADERS: Final = Path(__file__).parent / "shaders"
FRAME_BLOCK_FLOATS: Final = 3 * 16 + 6 * 4
MAX_TEXTURE_SIDE: Final = 512


@dataclass(frozen=True)
class Mesh:
    """Triangles in GL memory. `pictures`: the texture in falling sizes as (texels per mm, GL name); none: ()."""

    primitive: Any
    vertex_array: int
    indices: int
    lens: bool = False
    double_sided: bool = False
    pictures: tuple[tuple[float, int], ...] = ()

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The shader variants it is drawn with."""
        named = (("LENS", self.lens), ("DOUBLE_SIDED", self.double_sided), ("TEXTURED", bool(self.pictures)))
        return tuple(name for name, wanted in named if wanted)

    def delete(self) -> None:
        """Free the triangles; textures are shared between levels and freed with them."""
        self.primitive.delete()

    def picture(self, texels_per_mm: float) -> int:
        """The smallest picture that still has that many texels; 0 without any."""
        for density, name in reversed(self.pictures):
            if density >= texels_per_mm:
                return name
        return self.pictures[0][1] if self.pictures else 0


@dataclass(frozen=True)
class Target:
    """A picture with depth, in GL memory."""

    width: int
    height: int
    framebuffer: int
    buffers: tuple[int, ...]

    def delete(self) -> None:
        from OpenGL import GL  # noqa: PLC0415

        GL.glDeleteFramebuffers(1, [self.framebuffer])
        GL.glDeleteRenderbuffers(len(self.buffers), list(self.buffers))


class Programs:
    """The shader programs, compiled when first asked for, each with the Frame block bound to binding point 0."""

    def __init__(self) -> None:
        from OpenGL import GL  # noqa: PLC0415
        from pyrender.shader_program import ShaderProgramCache  # noqa: PLC0415

        self._cache: Any = ShaderProgramCache(str(SHADERS))
        self._handles: dict[tuple[str, frozenset[str]], int] = {}
        video = (SHADERS / "video.glsl").read_text()
        self._texts = {
            "//FRAME": (SHADERS / "frame.glsl").read_text(),
            "//STUDIO": (SHADERS / "studio.glsl").read_text() + video,
            "//VIDEO": video,
        }
        self._gl: Any = GL

    def get(self, name: str, *features: str) -> int:
        """The GL name of the program made of `name`.vert and `name`.frag; compiles it the first time."""
        key = (name, frozenset(features))
        if key not in self._handles:
            defines: dict[str, Any] = self._texts | {feature: feature for feature in features}
            program = self._cache.get_program(f"{name}.vert", f"{name}.frag", defines=defines)
            program._add_to_context()
            handle = int(program._program_id)
            block = self._gl.glGetUniformBlockIndex(handle, "Frame")
            if block != self._gl.GL_INVALID_INDEX:
                self._gl.glUniformBlockBinding(handle, block, 0)
            self._handles[key] = handle
        return self._handles[key]

    def close(self) -> None:
        self._cache.clear()
        self._handles.clear()


Pictures = tuple[tuple[float, int], ...]


class ProductMeshes:
    """A product's levels of detail, each put into GL memory when it is first drawn: most never are."""

    def __init__(self, levels: Sequence[Level]) -> None:
        self._levels = levels
        self._pictures: dict[int, Pictures] = {}
        self._uploaded: dict[float, tuple[Mesh, ...]] = {}

    def within(self, error_mm: float) -> tuple[Mesh, ...]:
        """The coarsest level that stays within `error_mm`; the finest if none does."""
        level = next((level for level in reversed(self._levels) if level.error_mm <= error_mm), self._levels[0])
        meshes = self._uploaded.get(level.error_mm)
        if meshes is None:
            meshes = self._uploaded[level.error_mm] = _upload_level(level, self._pictures)
        return meshes

    def delete(self) -> None:
        """Free what was uploaded."""
        delete_levels(tuple(self._uploaded.items()))
        self._uploaded.clear()
        self._pictures.clear()


def upload_levels(levels: Sequence[Level]) -> tuple[tuple[float, tuple[Mesh, ...]], ...]:
    """(error in mm, meshes) of each level; a texture is uploaded once for all of them."""
    pictures: dict[int, Pictures] = {}
    return tuple((level.error_mm, _upload_level(level, pictures)) for level in levels)


def _upload_level(level: Level, pictures: dict[int, Pictures]) -> tuple[Mesh, ...]:
    meshes = []
    for batch in level.batches:
        key = id(batch.texture)
        if batch.texture is not None and key not in pictures:
            pictures[key] = _upload_pictures(batch)
        meshes.append(_upload_batch(batch, pictures.get(key, ())))
    return tuple(meshes)


def delete_levels(levels: tuple[tuple[float, tuple[Mesh, ...]], ...]) -> None:
    """Free what `upload_levels` made."""
    from OpenGL import GL  # noqa: PLC0415

    meshes = [mesh for _, found in levels for mesh in found]
    textures = {name for mesh in meshes for _, name in mesh.pictures}
    for mesh in meshes:
        mesh.delete()
    if textures:
        GL.glDeleteTextures(list(textures))


def _upload_batch(batch: Batch, pictures: Pictures) -> Mesh:
    """Attribute order: position, normal, surface, texcoord if textured, colour."""
    from pyrender.primitive import Primitive  # noqa: PLC0415

    primitive = Primitive(
        batch.positions,
        normals=batch.normals,
        tangents=batch.surface,
        texcoord_0=batch.uv if pictures else None,
        color_0=batch.colors,
        indices=batch.faces,
    )
    primitive._add_to_context()
    return Mesh(primitive, int(primitive._vaid), batch.faces.size, batch.lens, batch.double_sided, pictures)


def upload_plain(positions: NDArray[np.float32], normals: NDArray[np.float32], faces: NDArray[np.uint32]) -> Mesh:
    """Positions and normals only."""
    from pyrender.primitive import Primitive  # noqa: PLC0415

    primitive = Primitive(positions, normals=normals, indices=faces)
    primitive._add_to_context()
    return Mesh(primitive, int(primitive._vaid), faces.size)


def _upload_pictures(batch: Batch) -> Pictures:
    """The batch's texture in halving sizes. Chosen by distance on our side and read unfiltered, under twofold
    oversampling, they cost a third of what mipmapping costs in software."""
    import cv2  # noqa: PLC0415

    assert batch.texture is not None
    assert batch.uv is not None
    pixels = batch.texture
    density = _texels_per_mm(batch, batch.uv, pixels)
    pictures = []
    while True:
        if max(pixels.shape[:2]) <= MAX_TEXTURE_SIDE:
            pictures.append((density, _upload_picture(np.ascontiguousarray(pixels))))
        if max(pixels.shape[:2]) <= 16:
            return tuple(pictures)
        half = (max(pixels.shape[1] // 2, 1), max(pixels.shape[0] // 2, 1))
        pixels = np.asarray(cv2.resize(pixels, half, interpolation=cv2.INTER_AREA), np.uint8)
        density /= 2.0


def _texels_per_mm(batch: Batch, uv: NDArray[np.float32], pixels: NDArray[np.uint8]) -> float:
    a, b, c = (batch.positions[batch.faces[:, k]] for k in range(3))
    surface = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())
    a, b, c = (uv[batch.faces[:, k]] * (pixels.shape[1], pixels.shape[0]) for k in range(3))
    painted = float(np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]).sum())
    return float(np.sqrt(painted / max(surface, 1e-6)))


def _upload_picture(pixels: NDArray[np.uint8]) -> int:
    from OpenGL import GL  # noqa: PLC0415

    texture = int(GL.glGenTextures(1))
    GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
    GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 4)
    GL.glTexImage2D(
        *(GL.GL_TEXTURE_2D, 0, GL.GL_RGBA8, pixels.shape[1], pixels.shape[0], 0),
        *(GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, pixels),
    )
    GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MAG_FILTER, GL.GL_NEAREST)
    GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MIN_FILTER, GL.GL_NEAREST)
    return texture


def make_target(width: int, height: int) -> Target:
    """RGBA8 and depth of that many pixels."""
    from OpenGL import GL  # noqa: PLC0415

    color, depth = (int(name) for name in GL.glGenRenderbuffers(2))
    framebuffer = int(GL.glGenFramebuffers(1))
    GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer)
    for buffer, kind, place in (
        (color, GL.GL_RGBA8, GL.GL_COLOR_ATTACHMENT0),
        (depth, GL.GL_DEPTH_COMPONENT24, GL.GL_DEPTH_ATTACHMENT),
    ):
        GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, buffer)
        GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, kind, width, height)
        GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, place, GL.GL_RENDERBUFFER, buffer)
    return Target(width, height, framebuffer, (color, depth))


def make_frame_block() -> int:
    """The uniform buffer that every program reads, bound to binding point 0."""
    from OpenGL import GL  # noqa: PLC0415

    buffer = int(GL.glGenBuffers(1))
    GL.glBindBuffer(GL.GL_UNIFORM_BUFFER, buffer)
    GL.glBufferData(GL.GL_UNIFORM_BUFFER, FRAME_BLOCK_FLOATS * 4, None, GL.GL_DYNAMIC_DRAW)
    GL.glBindBufferBase(GL.GL_UNIFORM_BUFFER, 0, buffer)
    return buffer
