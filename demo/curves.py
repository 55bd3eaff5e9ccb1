"""Curves in the plane and in space: splines, arc length, lens outlines, frames along a path."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator

from demo.mesh import Floats


def arc_lengths(path: Floats) -> Floats:
    """Distance travelled at each point of an open (K, D) path, starting at 0."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])


def resampled(path: Floats, count: int, *, closed: bool = False) -> Floats:
    """`count` points evenly spaced by arc length; a closed path does not repeat its first point."""
    if closed:
        path = np.concatenate([path, path[:1]])
    lengths = arc_lengths(path)
    stations = np.linspace(0.0, lengths[-1], count, endpoint=not closed)
    return np.column_stack([np.interp(stations, lengths, axis) for axis in path.T])


def spline(points: Floats, count: int, *, closed: bool = False) -> Floats:
    """A smooth curve through the given (K, D) points, `count` samples evenly spaced by arc length."""
    points = np.asarray(points, float)
    knots = np.concatenate([points, points[:1]]) if closed else points
    lengths = np.sqrt(np.linalg.norm(np.diff(knots, axis=0), axis=1))  # centripetal: no loops at close points
    parameter = np.concatenate([[0.0], np.cumsum(lengths)])
    curve = CubicSpline(parameter, knots, bc_type="periodic" if closed else "natural")
    dense = np.asarray(curve(np.linspace(0.0, parameter[-1], 24 * len(knots))))
    return resampled(dense[:-1] if closed else dense, count, closed=closed)


def along(stations: Floats, knots: list[tuple[float, float]]) -> Floats:
    """Values at the stations from (station, value) knots, without overshoot (monotone cubic), flat outside."""
    x, y = np.array(knots).T
    return np.asarray(PchipInterpolator(x, y)(np.clip(stations, x[0], x[-1])))


def boxed(outline: Floats, width: float, height: float) -> Floats:
    """The closed (N, 2) outline scaled and moved so that its box is width × height around the origin."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    return np.asarray((outline - (low + high) / 2) / (high - low) * np.array([width, height]))


def signed_area(outline: Floats) -> float:
    """Area of a closed (N, 2) outline, positive when it runs counter-clockwise."""
    following = np.roll(outline, -1, axis=0)
    return float((outline[:, 0] * following[:, 1] - outline[:, 1] * following[:, 0]).sum() / 2)


def outline_normals(outline: Floats) -> Floats:
    """Unit normals of a closed counter-clockwise (N, 2) outline, pointing out of it."""
    tangent = np.roll(outline, -1, axis=0) - np.roll(outline, 1, axis=0)
    normal = np.column_stack([tangent[:, 1], -tangent[:, 0]])
    return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True))


def tangents(path: Floats, *, closed: bool) -> Floats:
    """Unit tangents along a (K, 3) path."""
    step = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0) if closed else np.gradient(path, axis=0)
    return np.asarray(step / np.linalg.norm(step, axis=1, keepdims=True))


def frames(path: Floats, reference: Floats, *, closed: bool = False) -> tuple[Floats, Floats]:
    """Two unit vectors across a (K, 3) path: the part of `reference` ((3,) or (K, 3)) across it, and tangent × that."""
    tangent = tangents(path, closed=closed)
    reference = np.broadcast_to(reference, path.shape)
    first = reference - np.einsum("ij,ij->i", reference, tangent)[:, None] * tangent
    first = first / np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(tangent, first)


def transported_frames(path: Floats) -> tuple[Floats, Floats]:
    """Frames that turn with an open wire as little as possible (double reflection, Wang et al. 2008)."""
    tangent = tangents(path, closed=False)
    seed = np.eye(3)[np.argmin(np.abs(tangent[0]))]
    first = np.empty_like(path)
    first[0] = np.cross(tangent[0], seed)
    first[0] /= np.linalg.norm(first[0])
    for i in range(len(path) - 1):
        across = path[i + 1] - path[i]
        length = across @ across
        reflected = first[i] - 2 / length * (across @ first[i]) * across
        turned = tangent[i] - 2 / length * (across @ tangent[i]) * across
        other = tangent[i + 1] - turned
        size = other @ other
        first[i + 1] = reflected if size < 1e-12 else reflected - 2 / size * (other @ reflected) * other
    return first, np.cross(tangent, first)
