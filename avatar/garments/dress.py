"""Dress a body: garments in chosen sizes, fitted to this shape, layered, bound to the skeleton.

A garment keeps its own size. It is carried from the base body to this one, its cloth then settles with the lengths
that its size has: loose on a slim body, stretched on a strong one. What cloth hides of the body and of the layers below
is named or left out, so that nothing pokes through when the viewer poses the figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar.body_arrays import BodyArrays, Sex, load_arrays
from avatar.charts import GarmentChart
from avatar.errors import GarmentInvalid
from avatar.export import BodyShape
from avatar.garments.bind import anchors, ridden, riding, skin_weights, smoothed
from avatar.garments.cloth import Cloth, Fabric, border_loops, smoothing
from avatar.garments.cover import closed, hidden
from avatar.garments.drape import Base, base_of
from avatar.garments.ease import ease_cm
from avatar.garments.fitted import Fitted
from avatar.garments.follow import Sheet, let_out
from avatar.garments.garment import LAYER, Garment, welded
from avatar.garments.grade import Place
from avatar.garments.intake import read_garment
from avatar.garments.outfit import Outfit
from avatar.garments.size import Levels, levels_of, sized
from avatar.garments.skin import Skin
from avatar.gltf import vertex_normals
from avatar.measure import Tape

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
_STEPS, _ROUNDS = 20, 7
_TUCKED_IN_M = 0.02
_THICKNESS_M, _TUCKED_M = 0.0035, 0.003
_FABRIC = Fabric(gap_m=0.004, bend=0.15, push=0.3, friction=0.35)
_FARTHEST_M, _NEAR_SHARE = 0.35, 0.98


@dataclass(frozen=True)
class Worn:
    """A garment's file and the size of its chart, None for the size that was modelled; product: what files call it.

    kind, chart and name, where given, overrule what the file says.
    """

    glb: bytes
    size: str | None
    product: str = ""
    kind: str | None = None
    chart: GarmentChart | None = None
    name: str | None = None

    def garment(self) -> Garment:
        """What the file holds. Raises GarmentInvalid."""
        read = read_garment(self.glb, self.kind, self.chart)
        return read if self.name is None else replace(read, name=self.name)


@dataclass(frozen=True)
class _Figure:
    """One sex of the model: its average body, and what garments need to know of it."""

    arrays: BodyArrays
    base: Base
    levels: Levels
    used: Indices


class Dresser:
    """Dresses bodies; keeps the models warm. One thread at a time."""

    def __init__(self, models: Path) -> None:
        self._models = models
        self._figures: dict[Sex, _Figure] = {}
        self._shapes: dict[Sex, BodyShape] = {}

    def dress(self, sex: Sex, betas: NDArray[np.float64], worn: Sequence[Worn], *, tucked: bool = False) -> Outfit:
        """The garments fitted to this body, over one another. tucked: tops go under bottoms. Raises GarmentInvalid."""
        figure = self._figure(sex)
        body = (figure.arrays.template + figure.arrays.shapedirs @ betas.astype(np.float32)).astype(np.float32)
        layers, covered = self.fitted(sex, betas, worn, tucked=tucked)
        return Outfit(sex, figure.arrays, self._shape(sex), body, layers, covered)

    def fitted(
        self, sex: Sex, betas: NDArray[np.float64], worn: Sequence[Worn], *, tucked: bool = False
    ) -> tuple[list[Fitted], NDArray[np.bool_]]:
        """The garments on this body, the lowest layer first, and which of the body's vertices they hide."""
        figure = self._figure(sex)
        vertices = (figure.arrays.template + figure.arrays.shapedirs @ betas.astype(np.float32)).astype(np.float64)
        body = base_of(figure.arrays, vertices)
        garments = [(one.garment(), one) for one in worn]
        order = {"top": -1} if tucked else {}
        garments.sort(key=lambda pair: order.get(pair[0].kind, LAYER[pair[0].kind]))
        skin = body.skin
        layers: list[Fitted] = []
        hung_on: list[Skin] = []
        normals = vertex_normals(vertices, figure.arrays.faces)
        covered = np.zeros(len(vertices), bool)
        for garment, one in garments:
            # A waistband draws in what is tucked into it, and sits where it would without.
            below = body.skin.lifted(_TUCKED_M) if tucked and garment.kind in ("bottom", "skirt") else skin
            fitted = self._fit(garment, one, figure, body, below)
            under, at_hem = hidden(vertices, normals, fitted.cloth, fitted.cloth_faces)
            covered |= closed(under, at_hem, figure.arrays.faces)
            layers = _pressed(layers, fitted, hung_on)
            hung_on.append(below)
            grounds = [_bare(figure.arrays, body, covered), *(one.sheet() for one in layers)]
            fitted = fitted.shaped(let_out(fitted.sheet(), grounds, body.joints, figure.arrays.parents))
            layers.append(fitted)
            skin = skin.over(Skin.of(fitted.cloth, fitted.cloth_faces), _THICKNESS_M)
        return layers, covered

    def _fit(self, garment: Garment, worn: Worn, figure: _Figure, body: Base, skin: Skin) -> Fitted:
        """One garment on the body, over what is worn already."""
        size = worn.size
        home = self._figure(garment.base)
        floor = float(home.base.vertices[home.used, 1].min())
        points = garment.points + np.array([0.0, floor, 0.0])
        main = np.flatnonzero(garment.main)
        place, first = welded(points[main])
        cloth_points = points[main][first]
        faces = _cloth_faces(garment, main, place)
        _check_on_body(cloth_points, home)
        on_home = anchors(cloth_points, home.base.vertices, home.used)
        mean = smoothing(faces, len(cloth_points))
        fields = {name: smoothed(on_home.carried(field), mean, 4) for name, field in home.base.fields.items()}
        side = np.where(cloth_points[:, 0] >= 0, 1.0, -1.0)
        where = Place(fields["arm"], fields["along_arm"], fields["leg"], fields["along_leg"], side)
        own = sized(garment, size, cloth_points, where, base=home.base, levels=home.levels)
        change = smoothed(on_home.carried(body.vertices - home.base.vertices), mean, 15)
        settled = _settled(
            garment,
            own,
            cloth_points + change + _wider(own - cloth_points, home, cloth_points),
            faces,
            skin,
            bare=body.skin,
        )
        # What stands high on the cloth, as a hood, must not turn with every fold of it.
        old_normals, new_normals = (smoothed(vertex_normals(at, faces), mean, 8) for at in (cloth_points, settled))
        result = np.empty_like(points)
        result[main] = settled[place]
        riders = np.flatnonzero(~garment.main)
        if len(riders):
            result[riders] = ridden(riding(points[riders], cloth_points, old_normals), settled, new_normals)
        tube = garment.kind in ("skirt", "dress")
        crotch = float(body.vertices[figure.arrays.landmarks["crotch"], 1].mean())
        weights = skin_weights(
            settled, faces, body.vertices, figure.arrays.weights.astype(np.float64), figure.used,
            skirt_below=crotch + 0.06 if tube else None,
        )  # fmt: skip
        limb = np.where(
            where.arm > 0.5, anchors(settled, body.vertices, figure.used).carried(body.fields["along_arm"]), 0
        )
        limb = np.where(
            where.arm > 0.5, limb, anchors(settled, body.vertices, figure.used).carried(body.fields["along_leg"])
        )
        ease = ease_cm(
            own,
            faces,
            settled,
            arm=where.arm,
            body=body,
            split_legs=garment.kind == "bottom",
            leg=where.leg,
            along=limb,
        )
        return Fitted.of(
            garment,
            size,
            worn.product,
            result,
            cloth=(settled, faces),
            place=place,
            main=main,
            weights=weights,
            ease=ease,
        )

    def _figure(self, sex: Sex) -> _Figure:
        if sex not in self._figures:
            arrays = load_arrays(self._models, sex)
            base = base_of(arrays, arrays.template)
            self._figures[sex] = _Figure(arrays, base, levels_of(arrays, Tape(arrays)), np.unique(base.faces))
        return self._figures[sex]

    def _shape(self, sex: Sex) -> BodyShape:
        if sex not in self._shapes:
            self._shapes[sex] = BodyShape(self._figure(sex).arrays)
        return self._shapes[sex]


def _bare(arrays: BodyArrays, body: Base, covered: NDArray[np.bool_]) -> Sheet:
    """What is drawn of the body."""
    drawn = body.faces[~covered[body.faces].all(1)]
    return Sheet(body.vertices, body.faces, drawn, arrays.weights.astype(np.float64))


def _pressed(layers: Sequence[Fitted], over: Fitted, hung_on: Sequence[Skin]) -> list[Fitted]:
    """The layers under one more, from the highest down: what is pressed in by that presses what is below it."""
    above = [over]
    for layer, hung in zip(reversed(layers), reversed(hung_on), strict=True):
        one = layer
        for cover in above:
            one = _under(one, cover, hung)
        above.insert(0, one)
    return above[:-1]


def _under(below: Fitted, over: Fitted, skin: Skin) -> Fitted:
    """A garment with nothing standing out of another one, and without what that hides; skin: what it was hung on."""
    below = below.beneath(over, skin)
    covered, at_hem = hidden(below.points, below.normals, over.cloth, over.cloth_faces)
    if over.kind != "jacket" and over.holds_in(below):
        # Of a shirt in trousers nothing is seen, wherever its tail may lie.
        covered |= over.beyond(below.points) < -_TUCKED_IN_M
    whole = closed(_seated(covered, below), _seated(at_hem, below), below.cloth_faces)
    covered[below.main] = whole[below.seat[below.main]]
    return below.without(covered)


def _seated(covered: NDArray[np.bool_], garment: Fitted) -> NDArray[np.bool_]:
    """What is covered of a garment's points (N,), told of its cloth's (M,)."""
    told = np.zeros(len(garment.cloth), bool)
    told[garment.seat[garment.main]] = covered[garment.main]
    return told


def _cloth_faces(garment: Garment, main: Indices, place: Indices) -> Indices:
    """Triangles (F, 3) of the cloth over its welded points; those that the welding made into lines left out."""
    number = np.full(len(garment.points), -1)
    number[main] = place
    faces = number[garment.faces]
    faces = faces[(faces >= 0).all(1)]
    distinct = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return np.asarray(np.unique(faces[distinct], axis=0))


def _check_on_body(points: Float, home: _Figure) -> None:
    contact = home.base.skin.contact(points)
    away = np.linalg.norm(points - home.base.skin.points[contact.index], axis=1)
    if (away < _FARTHEST_M).mean() < _NEAR_SHARE:
        raise GarmentInvalid("garment-off-body", "it does not lie on the base body: model it on the one we publish")


def _wider(change: Float, home: _Figure, points: Float) -> Float:
    """What a larger size adds to where cloth starts; a smaller one starts where the body puts it."""
    contact = home.base.skin.contact(points)
    outward = np.einsum("nx,nx->n", change, contact.normal)
    flat = change.copy()
    flat[outward < 0] -= (outward[:, None] * contact.normal)[outward < 0]
    return flat


def _settled(garment: Garment, own: Float, start: Float, faces: Indices, skin: Skin, *, bare: Skin) -> Float:
    """The cloth on the body: as long as it is in its own size, held where it is worn, outside the body (bare) and
    outside the body with what is worn already (skin)."""
    cloth = Cloth(len(start), faces)
    contact = skin.contact(start)
    start = start + contact.normal * (_FABRIC.gap_m - contact.height)[:, None].clip(0)
    loops = [loop for loop in border_loops(faces) if len(loop) > 12]
    held = np.zeros(len(start))
    if loops:
        upper = max(loops, key=lambda loop: float(own[loop, 1].mean()))
        below = own[upper, 1].mean() - own[:, 1]
        fade = (0.02, 0.05) if garment.kind in ("bottom", "skirt") else (0.015, 0.05)
        near = np.linalg.norm(own[:, None] - own[upper][None, ::4], axis=2).min(1)
        held = np.interp(below if garment.kind in ("bottom", "skirt") else near, fade, [1.0, 0.0])
    settled = cloth.settle(
        start, cloth.lengths(own), skin, _FABRIC, steps=_STEPS, rounds=_ROUNDS, gravity=0.12, held=held
    )
    mean = smoothing(faces, len(settled))
    for smooth in (0.4, 0.4, 0.4):
        settled = (1 - smooth) * settled + smooth * (mean @ settled)
        contact = skin.contact(settled)
        settled += contact.normal * (0.9 * _FABRIC.gap_m - contact.height)[:, None].clip(0)
    for _ in range(2):  # beside the border of what is worn below, out of that may be into the skin
        settled = bare.outside(skin.outside(settled, 0.9 * _FABRIC.gap_m), 0.5 * _FABRIC.gap_m)
    return settled
