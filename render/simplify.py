"""Fewer triangles within a stated distance (quadric error simplification, meshoptimizer)."""

from __future__ import annotations

import ctypes

import meshoptimizer
import numpy as np
from numpy.typing import NDArray


def simplify(
    positions: NDArray[np.float32],
    normals: NDArray[np.float32],
    colors: NDArray[np.float32] | None,
    faces: NDArray[np.uint32],
    error: float,
    *,
    seamed: bool = False,
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """(faces, used): the kept triangles renumbered into positions[used].

    `error` is in the unit of `positions`. Parts smaller than it vanish. Normals and colours weigh in, so a gradient
    and a crease outlive a flat region.
    """
    extent = float(np.ptp(positions, axis=0).max()) if len(positions) else 0.0
    if extent <= 0 or not len(faces):
        return np.empty((0, 3), np.uint32), np.empty(0, np.uint32)
    points = np.ascontiguousarray(positions, np.float32)
    flat = np.ascontiguousarray(faces, np.uint32).ravel()
    weights = [error / extent] * 3
    attributes = [normals]
    if colors is not None and np.ptp(colors, axis=0).max() > 0.01:
        attributes.append(colors)
        weights += [0.05] * 4
    described = np.ascontiguousarray(np.column_stack(attributes), np.float32)
    kept = np.empty_like(flat)
    # Sizes go as size_t and the error as float: the binding declares no argument types for this function.
    size = ctypes.c_size_t
    count = meshoptimizer.simplify_with_attributes(
        kept,
        flat,
        points,
        described,
        np.array(weights, np.float32),
        index_count=size(flat.size),
        vertex_count=size(len(points)),
        vertex_positions_stride=size(12),
        vertex_attributes_stride=size(described.strides[0]),
        attribute_count=size(len(weights)),
        target_index_count=size(0),
        target_error=ctypes.c_float(error / extent),
        options=ctypes.c_uint(meshoptimizer.SIMPLIFY_LOCK_BORDER if seamed else meshoptimizer.SIMPLIFY_PRUNE),
    )
    kept = kept[:count]
    used, renumbered = np.unique(kept, return_inverse=True)
    return renumbered.astype(np.uint32).reshape(-1, 3), used.astype(np.uint32)


def soften_normals(positions: NDArray[np.float32], normals: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    """(n, 3) normals averaged over cells of `radius`, front and back of a wall apart.

    A coarse level keeps one vertex of many: with its own normal, knitting would become glitter.
    """
    cell = np.floor(positions / radius).astype(np.int64)
    side = np.argmax(np.abs(normals), axis=1) * 2 + (
        np.take_along_axis(normals, np.argmax(np.abs(normals), axis=1)[:, None], axis=1)[:, 0] > 0
    )
    keys = ((cell[:, 0] * 73856093) ^ (cell[:, 1] * 19349663) ^ (cell[:, 2] * 83492791)) * 8 + side
    _, group = np.unique(keys, return_inverse=True)
    total = np.zeros((int(group.max()) + 1, 3))
    np.add.at(total, group, normals)
    averaged = total[group]
    length = np.linalg.norm(averaged, axis=1, keepdims=True)
    return np.where(length > 1e-6, averaged / np.maximum(length, 1e-6), normals).astype(np.float32)
