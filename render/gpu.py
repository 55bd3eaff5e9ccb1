"""What lives in GL memory: programs, render targets, one product's triangles, the head's.

Made with PyOpenGL and pyrender's Primitive and ShaderProgramCache, where errors are checked; drawn by scene.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from render.product import Batch

SHADERS: Final = Path(__file__).parent / "shaders"
FRAME_BLOCK_FLOATS: Final = 5 * 16 + 5 * 4
MAX_TEXTURE_SIDE: Final = 512


@dataclass(frozen=True)
class Mesh:
    """Triangles in GL memory: vertex array, number of indices, texture (0: none)."""

    primitive: Any
    vertex_array: int
    indices: int
    lens: bool
    texture: int

    def delete(self) -> None:
        from OpenGL import GL  # noqa: PLC0415

        self.primitive.delete()
        if self.texture:
            GL.glDeleteTextures([self.texture])


@dataclass(frozen=True)
class Target:
    """A multisampled picture of fixed size and the plain one it is resolved into."""

    width: int
    height: int
    framebuffer: int
    resolved: int
    buffers: tuple[int, ...]

    def delete(self) -> None:
        from OpenGL import GL  # noqa: PLC0415

        GL.glDeleteFramebuffers(2, [self.framebuffer, self.resolved])
        GL.glDeleteRenderbuffers(len(self.buffers), list(self.buffers))


class Programs:
    """The shader programs, compiled when first asked for, each with the Frame block bound to binding point 0."""

    def __init__(self) -> None:
        from OpenGL import GL  # noqa: PLC0415
        from pyrender.shader_program import ShaderProgramCache  # noqa: PLC0415

        self._cache: Any = ShaderProgramCache(str(SHADERS))
        self._handles: dict[tuple[str, str, bool], int] = {}
        self._texts = {
            "//FRAME": (SHADERS / "frame.glsl").read_text(),
            "//STUDIO": (SHADERS / "studio.glsl").read_text(),
        }
        self._gl: Any = GL

    def get(self, vertex: str, fragment: str, *, textured: bool = False) -> int:
        """The GL name of the program; compiles it the first time."""
        key = (vertex, fragment, textured)
        if key not in self._handles:
            defines: dict[str, Any] = dict(self._texts)
            if textured:
                defines["TEXTURED"] = "TEXTURED"
            program = self._cache.get_program(vertex, fragment, defines=defines)
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


def upload_batch(batch: Batch) -> Mesh:
    """One product batch. Attribute order: position, normal, surface, texcoord if textured, colour."""
    from pyrender import Primitive  # noqa: PLC0415

    textured = batch.texture is not None
    primitive = Primitive(
        batch.positions,
        normals=batch.normals,
        tangents=batch.surface,
        texcoord_0=batch.uv if textured else None,
        color_0=batch.colors,
        indices=batch.faces,
    )
    primitive._add_to_context()
    texture = upload_texture(batch.texture) if batch.texture is not None else 0
    return Mesh(primitive, int(primitive._vaid), batch.faces.size, batch.lens, texture)


def upload_plain(positions: NDArray[np.float32], normals: NDArray[np.float32], faces: NDArray[np.uint32]) -> Mesh:
    """Positions and normals only."""
    from pyrender import Primitive  # noqa: PLC0415

    primitive = Primitive(positions, normals=normals, indices=faces)
    primitive._add_to_context()
    return Mesh(primitive, int(primitive._vaid), faces.size, False, 0)


def upload_texture(pixels: NDArray[np.uint8]) -> int:
    """(h, w, 4) RGBA or (h, w) single channel; larger than 512 pixels is reduced: no product covers more of a frame."""
    import cv2  # noqa: PLC0415
    from OpenGL import GL  # noqa: PLC0415

    side = max(pixels.shape[:2])
    if side > MAX_TEXTURE_SIDE:
        factor = MAX_TEXTURE_SIDE / side
        size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    pixels = np.ascontiguousarray(pixels)
    single = pixels.ndim == 2
    texture = int(GL.glGenTextures(1))
    GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
    GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
    inside, outside = (GL.GL_R8, GL.GL_RED) if single else (GL.GL_RGBA8, GL.GL_RGBA)
    GL.glTexImage2D(
        GL.GL_TEXTURE_2D, 0, inside, pixels.shape[1], pixels.shape[0], 0, outside, GL.GL_UNSIGNED_BYTE, pixels
    )
    GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR)
    if single:
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR)
        for axis in (GL.GL_TEXTURE_WRAP_S, GL.GL_TEXTURE_WRAP_T):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, axis, GL.GL_CLAMP_TO_EDGE)
    else:
        GL.glGenerateMipmap(GL.GL_TEXTURE_2D)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR_MIPMAP_NEAREST)
    return texture


def make_target(width: int, height: int, samples: int) -> Target:
    """RGBA8 and depth with `samples` a pixel, and a plain RGBA8 picture of the same size."""
    from OpenGL import GL  # noqa: PLC0415

    color, depth, plain = (int(name) for name in GL.glGenRenderbuffers(3))
    framebuffer, resolved = (int(name) for name in GL.glGenFramebuffers(2))
    for buffer, kind, count in (
        (color, GL.GL_RGBA8, samples),
        (depth, GL.GL_DEPTH_COMPONENT24, samples),
        (plain, GL.GL_RGBA8, 0),
    ):
        GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, buffer)
        if count > 1:
            GL.glRenderbufferStorageMultisample(GL.GL_RENDERBUFFER, count, kind, width, height)
        else:
            GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, kind, width, height)
    GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, resolved)
    GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_RENDERBUFFER, plain)
    GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer)
    GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_RENDERBUFFER, color)
    GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, GL.GL_DEPTH_ATTACHMENT, GL.GL_RENDERBUFFER, depth)
    return Target(width, height, framebuffer, resolved, (color, depth, plain))


def make_frame_block() -> int:
    """The uniform buffer that every program reads, bound to binding point 0."""
    from OpenGL import GL  # noqa: PLC0415

    buffer = int(GL.glGenBuffers(1))
    GL.glBindBuffer(GL.GL_UNIFORM_BUFFER, buffer)
    GL.glBufferData(GL.GL_UNIFORM_BUFFER, FRAME_BLOCK_FLOATS * 4, None, GL.GL_DYNAMIC_DRAW)
    GL.glBindBufferBase(GL.GL_UNIFORM_BUFFER, 0, buffer)
    return buffer
