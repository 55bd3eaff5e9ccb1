"""An owner's upload becomes a product that can be worn, or an answer that says what to change.

The file is hostile until proven otherwise: it is parsed by our own strict reader (glb, gltf), in a child process with
limits on memory, processor and wall time; what is served afterwards is written by our own writer. Any upload is turned
to the canonical convention by its own shape, without offsets set by hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, cast

import numpy as np
from numpy.typing import NDArray

from render.canonical import write_canonical
from render.glb import Json, ProductError, entries, mapping, read_glb, words
from render.gltf import Material, Model, Part, read_model
from render.simplify import simplify
from render.taken import IntakeResult
from render.upright_glasses import Points, Upright, measure_glasses, stand_glasses
from render.upright_hat import measure_hat, stand_hat

Kind = Literal["glasses", "hat"]

SAMPLES: Final = 6000
KEPT_TRIANGLES: Final = 40_000
LIKELY_GLASSES = 1.3
_LENS_NAME = re.compile(r"lens|(^|[^a-z])(glass|verre|glas)([^a-z]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class _Prepared:
    kind: Kind
    model: Model
    dimensions: dict[str, float]
    findings: list[dict[str, str]]
    unit: str
    name: str


def take_in(glb: bytes, kind: str | None, *, name: str = "") -> IntakeResult:
    """Check, stand upright, measure, rewrite and picture an upload. Raises ProductError with a stable code.

    Run it through `render.intake_child`: the checks hold the parser to its limits, the child holds everything else.
    """
    from render.product import finish  # noqa: PLC0415  GL stays out of the checks
    from render.scene import SceneRenderer  # noqa: PLC0415
    from render.thumbnail import thumbnail  # noqa: PLC0415

    prepared = prepare(glb, kind)
    vitrine = {"kind": prepared.kind, "name": name[:200] or prepared.name, **prepared.dimensions}
    canonical, product = finish(write_canonical(prepared.model, vitrine))
    renderer = SceneRenderer()
    try:
        picture = thumbnail(renderer, product)
    finally:
        renderer.close()
    triangles = sum(len(part.faces) for part in prepared.model.parts)
    report = {"findings": prepared.findings, "triangles": triangles, "unit": prepared.unit}
    return IntakeResult(canonical, picture, prepared.kind, prepared.dimensions, report)


def prepare(glb: bytes, kind: str | None) -> _Prepared:
    """Everything that needs no GL: the model in canonical metres, its dimensions and what the owner should know."""
    if kind not in (None, "glasses", "hat"):
        raise ProductError("kind-unsupported", "Only glasses and hats can be tried on live.")
    container = read_glb(glb)
    model = read_model(container)
    findings = _ignored(model, container.document)
    model = _with_lenses(model, findings)
    points = spread(model.parts)
    lens_parts = [part for part in model.parts if model.materials[part.material].is_lens]
    lens = spread(lens_parts) if lens_parts else None
    found, upright = _stand(points, lens, cast("Kind | None", kind))
    claims = mapping(model.extras, "vitrine")
    if claims.get("kind") == found and _stands_already(upright):
        # Made for this convention: its maker knows where the bridge is better than a measurement does.
        upright = replace(upright, rotation=np.eye(3), origin=np.zeros(3), scale=1000.0, certain_up=True)
    _tell_stance(found, upright, findings)
    placed = _canonical(points, upright)
    if found == "glasses":
        dimensions = measure_glasses(placed, None if lens is None else _canonical(lens, upright))
        if dimensions["temple_mm"] < 60.0:
            findings.append(_finding("temples-missing", "The temples are folded or missing; unfold them in the model."))
        if lens is None:
            findings.append(_finding("lenses-missing", "No lenses were found; the frame is shown without glass."))
    else:
        dimensions = measure_hat(placed)
    for key, measured in dimensions.items():
        claimed = claims.get(key)
        # Compared before any arithmetic: a whole number in JSON may be too large to become a float.
        if not isinstance(claimed, int | float) or not 0 < claimed < 10_000:
            continue
        if abs(claimed - measured) < 0.15 * max(measured, 40.0):
            dimensions[key] = float(claimed)
    parts = tuple(_moved(part, upright) for part in _lighter(model.parts, 1.0 / upright.scale, findings))
    return _Prepared(
        found, replace(model, parts=parts), dimensions, findings, upright.unit, words(claims.get("name"), 200)
    )


def _stands_already(upright: Upright) -> bool:
    near = float(np.abs(upright.origin).max()) * upright.scale < 20.0
    return upright.unit == "m" and near and np.allclose(upright.rotation, np.eye(3), atol=0.02)


def _finding(code: str, text: str) -> dict[str, str]:
    return {"code": code, "text": text}


def _ignored(model: Model, document: Json) -> list[dict[str, str]]:
    findings = [
        _finding("ignored", f"The file has {what}; they are left out, because a product keeps still.")
        for what in model.ignored
    ]
    if any("normalTexture" in item for item in entries(document, "materials")):
        findings.append(_finding("normal-map", "Normal maps are not drawn; fine relief shows only if it is modelled."))
    return findings


def _with_lenses(model: Model, findings: list[dict[str, str]]) -> Model:
    """Lens materials by our convention: named lens…, with an opacity."""
    materials = []
    for material in model.materials:
        named = bool(_LENS_NAME.search(material.name)) or material.is_lens
        seen_through = material.transmission > 0.05 or (material.blend and material.color[3] < 0.95)
        if not (named or (seen_through and material.roughness < 0.3)):
            materials.append(material)
            continue
        red, green, blue, alpha = material.color
        if material.transmission > 0.05:
            clear = material.transmission * (0.2126 * red + 0.7152 * green + 0.0722 * blue) ** 0.5
            alpha = min(alpha, float(np.clip(1.0 - clear, 0.06, 0.96)))
        elif alpha > 0.97 and not _coloured_by_vertex(model, material):
            alpha = 0.88
            findings.append(
                _finding("lens-opaque", f"The lens “{material.name}” is opaque; it is shown as dark sunglasses.")
            )
        name = material.name if material.name.lower().startswith("lens") else f"lens_{material.name}"
        materials.append(replace(material, name=name, color=(red, green, blue, alpha), blend=True))
    return replace(model, materials=tuple(materials))


def _coloured_by_vertex(model: Model, material: Material) -> bool:
    return any(
        part.colors is not None and float(part.colors[:, 3].min()) < 0.97
        for part in model.parts
        if model.materials[part.material] is material
    )


def spread(parts: tuple[Part, ...] | list[Part], count: int = SAMPLES) -> Points:
    """(count, 3) points spread evenly over the surface; the same ones every time."""
    corners = np.concatenate([part.positions[part.faces].astype(np.float64) for part in parts])
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    if not np.isfinite(area).all() or area.sum() <= 0:
        raise ProductError("no-geometry", "The triangles in this file have no area.")
    chance = np.random.default_rng(7)
    chosen = corners[chance.choice(len(corners), count, p=area / area.sum())]
    u, v = chance.random((2, count, 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    return np.asarray(chosen[:, 0] + u * (chosen[:, 1] - chosen[:, 0]) + v * (chosen[:, 2] - chosen[:, 0]))


def _stand(points: Points, lens: Points | None, kind: Kind | None) -> tuple[Kind, Upright]:
    glasses = stand_glasses(points, lens=lens) if kind != "hat" else None
    hat = stand_hat(points) if kind != "glasses" else None
    if glasses is not None and (kind == "glasses" or hat is None or glasses.score > LIKELY_GLASSES):
        return "glasses", glasses
    if hat is not None:
        return "hat", hat
    wanted = {"glasses": "a pair of glasses", "hat": "a hat", None: "glasses or a hat"}[kind]
    raise ProductError(
        "shape-unknown",
        f"This does not look like {wanted}. Upload one product alone, whole and unfolded, without a head or a stand.",
    )


def _tell_stance(kind: Kind, upright: Upright, findings: list[dict[str, str]]) -> None:
    if not np.allclose(upright.rotation, np.eye(3), atol=0.02):
        findings.append(_finding("turned", "The model was turned upright and to the front."))
    if upright.unit == "none":
        usual = "frame width of 140 mm" if kind == "glasses" else "head circumference of 575 mm"
        findings.append(_finding("size-assumed", f"The model's size is not a real one; a {usual} was assumed."))
    elif upright.unit != "m":
        findings.append(_finding("unit", f"The model was drawn in {upright.unit}; its true size was kept."))
    if not upright.certain_up:
        text = (
            "Up and down look alike; the file's own direction was taken. Check the picture."
            if kind == "glasses"
            else "The hat is round; the file's own front was taken. Check the picture."
        )
        findings.append(_finding("direction-assumed", text))


def _canonical(points: Points, upright: Upright) -> Points:
    return np.asarray((points @ upright.rotation.T - upright.origin) * upright.scale)


def _lighter(parts: tuple[Part, ...], mm: float, findings: list[dict[str, str]]) -> tuple[Part, ...]:
    """Heavy models lose what nobody can see: first 0.03 mm of detail, then more. `mm`: file units a millimetre."""
    parts = tuple(_used(part) for part in parts)
    total = before = sum(len(part.faces) for part in parts)
    for error_mm in (0.03, 0.08, 0.2):
        if total <= KEPT_TRIANGLES:
            break
        parts = tuple(_simplified(part, error_mm * mm) for part in parts)
        total = sum(len(part.faces) for part in parts)
    if total < before:
        findings.append(_finding("simplified", f"The model was simplified from {before} to {total} triangles."))
    return tuple(part for part in parts if len(part.faces))


def _used(part: Part) -> Part:
    """Without the vertices that no triangle has: they may be anywhere, and nobody has looked at them."""
    used, renumbered = np.unique(part.faces, return_inverse=True)
    if len(used) == len(part.positions):
        return part
    return _with_vertices(part, renumbered.astype(np.uint32).reshape(-1, 3), used)


def _simplified(part: Part, error: float) -> Part:
    faces, used = simplify(part.positions, part.normals, part.colors, part.faces, error)
    return _with_vertices(part, faces, used)


def _with_vertices(part: Part, faces: NDArray[np.uint32], used: NDArray[np.integer[Any]]) -> Part:
    return replace(
        part,
        positions=part.positions[used],
        normals=part.normals[used],
        uv=None if part.uv is None else part.uv[used],
        colors=None if part.colors is None else part.colors[used],
        faces=faces,
    )


def _moved(part: Part, upright: Upright) -> Part:
    metres = _canonical(part.positions.astype(np.float64), upright) / 1000.0
    normals = part.normals @ upright.rotation.T.astype(np.float32)
    return replace(part, positions=metres.astype(np.float32), normals=normals.astype(np.float32))
