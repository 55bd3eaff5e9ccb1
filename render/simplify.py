"""Fewer triangles within a stated distance (quadric error simplification, meshoptimizer)."""

from __future__ import annotations

import ctypes

import meshoptimizer  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray


def simplify(
    positions: NDArray[np.float32],
    normals: NDArray[np.float32],
    colors: NDArray[np.float32] | None,
    faces: NDArray[np.uint32],
    error: float,
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """(faces, used): the kept triangles renumbered into positions[used].

    `error` is in the unit of `positions`. Parts smaller than it vanish. Normals and colours weigh in, so a gradient
    and a crease outlive a flat region.
    """
    extent = float(np.ptp(positions, axis=0).max())
    if extent <= 0 or not len(faces):
        return np.empty((0, 3), np.uint32), np.empty(0, np.uint32)
    points = np.ascontiguousarray(positions, np.float32)
    flat = np.ascontiguousarray(faces, np.uint32).ravel()
    weights = [error / extent * 0.5] * 3
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
        options=ctypes.c_uint(meshoptimizer.SIMPLIFY_PRUNE),
    )
    kept = kept[:count]
    used, renumbered = np.unique(kept, return_inverse=True)
    return renumbered.astype(np.uint32).reshape(-1, 3), used.astype(np.uint32)
