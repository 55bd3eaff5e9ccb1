"""Draws what is worn, and only the pixels it covers.

One thread owns the GL context. For each product: the head as occluder (depth only), the product's soft shadow on it,
the solid parts, the lenses; twice oversampled, read back and averaged into premultiplied YUVA. On a processor that is
both smoother and several times cheaper than Mesa's own multisampling. The frame itself never enters GL.
"""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from render.context import Context
from render.gpu import (
    FRAME_BLOCK_FLOATS,
    Mesh,
    ProductMeshes,
    Programs,
    Target,
    make_frame_block,
    make_target,
    upload_plain,
)
from render.headpose import HeadPose, Intrinsics
from render.hiders import Head, Hiders, what_could_be_hidden
from render.lighting import Light
from render.occluder import occluder_mesh
from render.outline import outline_of
from render.product import Wearable
from render.seat import Flex, Seat, seat
from render.shadow import cast_shadow

_COLOR_AND_DEPTH, _FRAMEBUFFER, _UNIFORM_BUFFER = 0x4100, 0x8D40, 0x8A11
_TRIANGLES, _UNSIGNED_INT, _UNSIGNED_BYTE, _RGBA = 4, 0x1405, 0x1401, 0x1908
_TEXTURE_2D, _CULL_FACE = 0x0DE1, 0x0B44

NEAR_MM, FAR_MM = 25.0, 6000.0
MARGIN_PX = 2
KEPT_PRODUCTS: Final = 48
KEPT_SIZES: Final = 12  # of heads, for each product
KEPT_TARGETS: Final = 12
# The person's scale hardly moves once known; a new seat is computed when it moves by more than this.
SCALE_STEP = 0.004
# Samples along a side of a pixel, by the region's size in pixels: wires need two, cloth and large faces get by with
# less, and time grows with the square.
OVERSAMPLING: Final = ((22_000, 2.0), (90_000, 1.5))
# Geometric error that is let pass, in pixels. A hat's texture and normals show more than its outline.
ERROR_PX: Final = {"glasses": 0.45, "hat": 1.0}


@dataclass(frozen=True)
class Region:
    """Even pixel coordinates inside the frame; x1 and y1 are exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True)
class Overlay:
    """yuva: (h, w, 4) uint8, premultiplied BT.601 limited range; out = frame * (255 - a) / 255 + yuv."""

    region: Region
    yuva: NDArray[np.uint8]


@dataclass(frozen=True)
class _Loaded:
    """A product in GL memory, and its seat on heads of about one scale."""

    meshes: ProductMeshes
    hiders: Hiders | None
    scale: float
    seat: Seat
    outline: NDArray[np.float64]
    shadow: Mesh | None


class SceneRenderer:
    """Renders products onto a head. Everything runs on the thread that made it."""

    def __init__(self, *, max_width: int = 1920, max_height: int = 1080) -> None:
        # Either way up: phones hold their cameras upright.
        self._limit = max(max_width, max_height)
        self._context = Context()
        self._programs = Programs()
        self._block = make_frame_block()
        self._values = np.zeros(FRAME_BLOCK_FLOATS, np.float32)
        self._values_at = self._values.ctypes.data_as(ctypes.c_void_p)
        self._heads = {
            "glasses": Head(occluder_mesh(-35.0, -80.0, 1.8)),
            "hat": Head(occluder_mesh(-60.0, -200.0, 3.0)),
        }
        self._loaded: OrderedDict[int, list[_Loaded]] = OrderedDict()  # by product: one for each size of head
        self._targets: OrderedDict[tuple[int, int], Target] = OrderedDict()
        self._set_state()

    def _set_state(self) -> None:
        from OpenGL import GL  # noqa: PLC0415

        GL.glEnable(GL.GL_DEPTH_TEST)
        GL.glDepthFunc(GL.GL_LEQUAL)
        GL.glEnable(GL.GL_BLEND)
        GL.glBlendFunc(GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA)
        GL.glEnable(GL.GL_CULL_FACE)
        # Rows run downwards in our viewport, which turns every triangle around.
        GL.glFrontFace(GL.GL_CW)
        GL.glClearColor(0.0, 0.0, 0.0, 0.0)
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 4)
        GL.glActiveTexture(GL.GL_TEXTURE0)

    def draw(
        self, worn: Sequence[Wearable], pose: HeadPose, intrinsics: Intrinsics, light: Light, *, detail: float = 1.0
    ) -> list[Overlay]:
        """One overlay for each visible product, in the order to blend them: glasses under hats.

        detail: samples along a side of a pixel, over what looks best; less costs less.
        """
        overlays = []
        for product in sorted(worn, key=lambda item: item.kind == "hat"):
            overlay = self._draw_one(product, pose, intrinsics, light, detail)
            if overlay is not None:
                overlays.append(overlay)
        return overlays

    def draw_alone(self, product: Wearable, pose: HeadPose, intrinsics: Intrinsics, light: Light) -> list[Overlay]:
        """`product` without a head, its own frame placed by `pose`, in full detail; for pictures of the product."""
        level = product.finest
        meshes = ProductMeshes([level])
        resting = Seat(np.eye(3), np.zeros(3), Flex(), (0.0, 0.0, 1e9, 0.0))
        points = np.concatenate([batch.positions for batch in level.batches]).astype(np.float64)
        alone = _Loaded(meshes, None, 1.0, resting, points, None)
        overlay = self._draw_loaded(alone, 0.0, pose, intrinsics, light)
        meshes.delete()
        return [overlay] if overlay is not None else []

    def _draw_one(
        self, product: Wearable, pose: HeadPose, intrinsics: Intrinsics, light: Light, detail: float
    ) -> Overlay | None:
        loaded = self._load(product, pose.scale)
        return self._draw_loaded(loaded, ERROR_PX[product.kind] / detail, pose, intrinsics, light, detail=detail)

    def _draw_loaded(
        self,
        loaded: _Loaded,
        error_px: float,
        pose: HeadPose,
        intrinsics: Intrinsics,
        light: Light,
        *,
        detail: float = 1.0,
    ) -> Overlay | None:
        camera_from_product = np.eye(4)
        camera_from_product[:3, :3] = pose.rotation @ loaded.seat.rotation
        camera_from_product[:3, 3] = pose.rotation @ loaded.seat.translation_mm + pose.translation_mm
        region = self._region(loaded.outline, pose, intrinsics)
        if region is None:
            return None
        self._fill_block(loaded, camera_from_product, pose, light, _clip_matrix(intrinsics, region))
        pixels_per_mm = intrinsics.fx / max(-float(pose.translation_mm[2]), NEAR_MM)
        head = loaded.hiders.seen_from(pose) if loaded.hiders is not None else None
        pixels = self._render(loaded, head, region, error_px=error_px, pixels_per_mm=pixels_per_mm, detail=detail)
        return Overlay(region, pixels)

    def _region(self, outline: NDArray[np.float64], pose: HeadPose, camera: Intrinsics) -> Region | None:
        """The product's outline (n, 3) (head frame, mm) on the frame, with a margin; None if nothing of it is seen."""
        points = outline @ pose.rotation.T + pose.translation_mm
        depth = -points[:, 2]
        width, height = min(camera.width, self._limit) & ~1, min(camera.height, self._limit) & ~1
        nearest, farthest = float(depth.min()), float(depth.max())
        if not np.isfinite(points).all() or farthest < NEAR_MM or nearest > FAR_MM:
            return None
        if nearest < NEAR_MM:
            return Region(0, 0, width, height)
        x = camera.cx + camera.fx * points[:, 0] / depth
        y = camera.cy - camera.fy * points[:, 1] / depth
        x0 = max(int(x.min()) - MARGIN_PX, 0) & ~1
        y0 = max(int(y.min()) - MARGIN_PX, 0) & ~1
        x1 = min((int(x.max()) + MARGIN_PX + 2) & ~1, width)
        y1 = min((int(y.max()) + MARGIN_PX + 2) & ~1, height)
        return Region(x0, y0, x1, y1) if x1 - x0 >= 2 and y1 - y0 >= 2 else None

    def _fill_block(
        self,
        loaded: _Loaded,
        camera_from_product: NDArray[np.float64],
        pose: HeadPose,
        light: Light,
        clip: NDArray[np.float64],
    ) -> None:
        camera_from_head = np.eye(4)
        camera_from_head[:3, :3] = pose.rotation * pose.scale
        camera_from_head[:3, 3] = pose.translation_mm
        flex, values = loaded.seat.flex, self._values
        # GLSL matrices are column-major.
        values[0:16] = (clip @ camera_from_product).T.ravel()
        values[16:32] = camera_from_product.T.ravel()
        values[32:48] = (clip @ camera_from_head).T.ravel()
        values[48:72] = (
            *(flex.hinge_z, flex.ear_z, flex.fade_z, flex.fade_mm),
            *(flex.left_mm, flex.right_mm, flex.drop_mm, 0.0),
            *_light_values(light),
            *(light.skin[0] * 0.42, light.skin[1] * 0.27, light.skin[2] * 0.23, 0.0),
            *loaded.seat.pressed,
        )

    def _render(
        self,
        loaded: _Loaded,
        head: Mesh | None,
        region: Region,
        *,
        error_px: float,
        pixels_per_mm: float,
        detail: float,
    ) -> NDArray[np.uint8]:
        pixels = (region.x1 - region.x0) * (region.y1 - region.y0)
        factor = next((factor for most, factor in OVERSAMPLING if pixels <= most), 1.0) * detail
        gl = self._begin(region, factor)
        if head is not None:
            gl.glUseProgram(self._programs.get("head"))
            gl.glColorMask(0, 0, 0, 0)
            self._draw_mesh(head)
            gl.glColorMask(1, 1, 1, 1)
        if loaded.shadow is not None:
            gl.glUseProgram(self._programs.get("shadow"))
            gl.glDepthMask(0)
            self._draw_mesh(loaded.shadow)
            gl.glDepthMask(1)
        for mesh in loaded.meshes.within(error_px / pixels_per_mm):
            self._draw_surface(mesh, pixels_per_mm * factor, "product")
        return self._end(region, factor)

    def draw_meshes(
        self,
        meshes: Sequence[Mesh],
        program: str,
        *,
        camera_from_meshes: NDArray[np.float64],
        camera: Intrinsics,
        region: Region,
        light: Light,
        factor: float,
        pixels_per_mm: float,
    ) -> Overlay:
        """Meshes by themselves, drawn with another program that reads the same block; factor: samples along a side of
        a pixel."""
        values = self._values
        values[0:16] = (_clip_matrix(camera, region) @ camera_from_meshes).T.ravel()
        values[16:32] = camera_from_meshes.T.ravel()
        values[56:64] = _light_values(light)
        self._begin(region, factor)
        for mesh in meshes:
            self._draw_surface(mesh, pixels_per_mm * factor, program)
        return Overlay(region, self._end(region, factor))

    def _begin(self, region: Region, factor: float) -> Context:
        """Make way for the region's picture and hand the block over."""
        gl = self._context
        wide, high = _samples(region, factor)
        gl.glBindFramebuffer(_FRAMEBUFFER, self._target(wide, high).framebuffer)
        gl.glViewport(0, 0, wide, high)
        gl.glClear(_COLOR_AND_DEPTH)
        gl.glBufferSubData(_UNIFORM_BUFFER, 0, self._values.nbytes, self._values_at)
        return gl

    def _end(self, region: Region, factor: float) -> NDArray[np.uint8]:
        """The picture drawn since `_begin`, in pixels of the frame."""
        gl = self._context
        (wide, high), width, height = _samples(region, factor), region.x1 - region.x0, region.y1 - region.y0
        pixels = np.empty((high, wide, 4), np.uint8)
        gl.glReadPixels(0, 0, wide, high, _RGBA, _UNSIGNED_BYTE, pixels.ctypes.data)
        if factor == 1.0:
            return pixels
        # At two thirds, bilinear reading weighs its four samples as an area would, in a quarter of the time.
        reading = cv2.INTER_AREA if factor == 2.0 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(pixels, (width, height), interpolation=reading), np.uint8)

    def _draw_surface(self, mesh: Mesh, samples_per_mm: float, program: str) -> None:
        gl = self._context
        if mesh.pictures:
            gl.glBindTexture(_TEXTURE_2D, mesh.picture(0.8 * samples_per_mm))
        gl.glUseProgram(self._programs.get(program, *mesh.features))
        if mesh.double_sided:
            gl.glDisable(_CULL_FACE)
            if mesh.lens:
                # Depth first: a lens has two faces and must not tint twice.
                gl.glColorMask(0, 0, 0, 0)
                self._draw_mesh(mesh)
                gl.glColorMask(1, 1, 1, 1)
        self._draw_mesh(mesh)
        if mesh.double_sided:
            gl.glEnable(_CULL_FACE)

    def _draw_mesh(self, mesh: Mesh) -> None:
        self._context.glBindVertexArray(mesh.vertex_array)
        self._context.glDrawElements(_TRIANGLES, mesh.indices, _UNSIGNED_INT, None)

    def _target(self, width: int, height: int) -> Target:
        """A target at least this large, from a few sizes, so that a moving head does not allocate for every frame."""
        size = (-(-width // 128) * 128, -(-height // 64) * 64)
        target = self._targets.get(size)
        if target is None:
            target = self._targets[size] = make_target(*size)
            if len(self._targets) > KEPT_TARGETS:
                self._targets.popitem(last=False)[1].delete()
        self._targets.move_to_end(size)
        return target

    def _load(self, product: Wearable, scale: float) -> _Loaded:
        there = self._loaded.setdefault(product.serial, [])
        self._loaded.move_to_end(product.serial)
        # Shoppers who wear the same have heads of different sizes, and take turns.
        nearest = min(there, key=lambda one: abs(one.scale - scale), default=None)
        if nearest is not None and abs(nearest.scale - scale) <= SCALE_STEP:
            return nearest
        meshes = there[0].meshes if there else ProductMeshes(product.levels)
        there.append(_Loaded(meshes, *self._placed(product, scale)))
        if len(there) > KEPT_SIZES:
            _delete_seat(there.pop(0))
        if len(self._loaded) > KEPT_PRODUCTS:
            self._forget(self._loaded.popitem(last=False)[1])
        return there[-1]

    def _placed(self, product: Wearable, scale: float) -> tuple[Hiders, float, Seat, NDArray[np.float64], Mesh | None]:
        resting = seat(product, scale)
        shadow = cast_shadow(product, resting, scale)
        mesh = None
        if len(shadow.faces):
            darkness = np.repeat(shadow.darkness[:, None], 3, axis=1)
            mesh = upload_plain(shadow.positions, darkness, shadow.faces)
        # A hat lies against the head everywhere: nearly all of that may hide something of its inside.
        covered = what_could_be_hidden(product, resting, shadow, scale) if product.kind == "glasses" else ()
        hiders = Hiders(self._heads[product.kind], scale, covered)
        return hiders, scale, resting, outline_of(product, resting, shadow, scale), mesh

    def _forget(self, there: list[_Loaded]) -> None:
        for one in there:
            _delete_seat(one)
        there[0].meshes.delete()

    def close(self) -> None:
        """Free everything and destroy the context."""
        for there in self._loaded.values():
            self._forget(there)
        self._loaded.clear()
        for target in self._targets.values():
            target.delete()
        self._targets.clear()
        for head in self._heads.values():
            head.mesh.delete()
        self._programs.close()
        self._context.close()


def _delete_seat(loaded: _Loaded) -> None:
    if loaded.hiders is not None:
        loaded.hiders.delete()
    if loaded.shadow is not None:
        loaded.shadow.delete()


def _samples(region: Region, factor: float) -> tuple[int, int]:
    """Columns and rows in which a region is drawn."""
    return max(1, int((region.x1 - region.x0) * factor)), max(1, int((region.y1 - region.y0) * factor))


def _light_values(light: Light) -> tuple[float, ...]:
    """`exposure` and `key` of the block."""
    red, green, blue = (channel * light.exposure for channel in light.tint)
    return red, green, blue, light.softness, *light.direction, 1.3 - 0.5 * light.softness


def _clip_matrix(camera: Intrinsics, region: Region) -> NDArray[np.float64]:
    """Camera frame to GL clip space, so that the region fills the viewport with its top row first in memory."""
    width, height = region.x1 - region.x0, region.y1 - region.y0
    matrix = np.zeros((4, 4))
    matrix[0, 0] = 2 * camera.fx / width
    matrix[0, 2] = -(2 * (camera.cx - region.x0) / width - 1)
    matrix[1, 1] = -2 * camera.fy / height
    matrix[1, 2] = -(2 * (camera.cy - region.y0) / height - 1)
    matrix[2, 2] = -(FAR_MM + NEAR_MM) / (FAR_MM - NEAR_MM)
    matrix[2, 3] = -2 * FAR_MM * NEAR_MM / (FAR_MM - NEAR_MM)
    matrix[3, 2] = -1.0
    return matrix
