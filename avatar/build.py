"""From photos and a few stated facts to a measured body and its files: what a worker of the pool runs.

One `Builder` a process, made once; it keeps the models warm. Nothing of a photo outlives `build`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from avatar.body_model import SEXES, BodyArrays, Sex, load_arrays
from avatar.checks import ADVICE, Finding, check
from avatar.circumstances import circumstances
from avatar.engines.engine import Engine, Scene
from avatar.errors import PhotoRejected, PhotoUnsuitable, RequestUnusable
from avatar.estimate import Clothing, Estimate, Features, error_correlation, load, mixture, mode
from avatar.export import MANNEQUIN, BodyShape, Mesh, write_body
from avatar.fit import Fitter
from avatar.gltf import linear
from avatar.measure import MEASURES, Tape
from avatar.photo import Photo, open_photo
from avatar.picture import Painted, paint
from avatar.reshape import Tailor
from avatar.sighting import Onlooker, Sighting, View
from avatar.suit import suit_color
from avatar.tone import skin_tone

OnStage = Callable[[str, float], None]
# What widens the errors but does not stop the work: the outline is still there.
TOLERATED = {"legs-closed": 1.25, "blurred": 1.35, "loose-clothes": 1.0}
HEIGHT_CM, WEIGHT_KG = (120.0, 220.0), (30.0, 250.0)
_SHAPE_SIGMA_CM = 0.25  # how closely the body follows the stated measures
_OTHER_SIGMA_SHARE = 0.5


@dataclass(frozen=True)
class Request:
    """front, side: photo files as uploaded; sex: female, male, neutral or None; clothing: tight, everyday or None.

    corrections_cm: measures the shopper took herself, by name. skin: how the body is to look: neutral, photo (as she
    does in the front one) or #rrggbb.
    """

    front: bytes
    side: bytes | None
    height_cm: float
    weight_kg: float | None
    sex: str | None
    clothing: str | None
    corrections_cm: Mapping[str, float]
    skin: str = "neutral"


@dataclass(frozen=True)
class Measure:
    """A measure and its standard deviation."""

    value_cm: float
    sigma_cm: float


@dataclass(frozen=True)
class Remark:
    """Something about the photos that did not stop the work: a stable code and advice in words.

    view: the photo that it is about, None if it is about all.
    """

    code: str
    advice: str
    view: View | None = None


@dataclass(frozen=True)
class Built:
    """sex: the model that the betas (K,) belong to; GLBs in the rest pose, skinned; thumbnail with transparency.

    skin: the body's colour "#rrggbb", None for a mannequin's.
    """

    sex: Sex
    betas: NDArray[np.float64]
    measures: Mapping[str, Measure]
    body_glb: bytes
    plain_glb: bytes
    thumbnail_png: bytes
    findings: tuple[Remark, ...]
    skin: str | None = None


class _Figure:
    """All that is kept ready for one sex of the model."""

    def __init__(self, arrays: BodyArrays) -> None:
        self.arrays = arrays
        self.fitter = Fitter(arrays)
        self.tape = Tape(arrays)
        self.tailor = Tailor(arrays, self.tape)
        self.shape = BodyShape(arrays)


class Builder:
    """Builds bodies. One thread at a time; close it, or let the process end."""

    def __init__(self, models: Path, engine: Engine | None = None) -> None:
        """`engine`: finds the shape in the place of our own fit; closed with the builder."""
        self._models, self._engine = models, engine
        self._figures: dict[Sex, _Figure] = {}
        self._onlooker = Onlooker(models)
        self._corrections = load()
        for sex in SEXES[:2]:
            self._figure(sex)

    def close(self) -> None:
        """Free the models."""
        self._onlooker.close()
        if self._engine is not None:
            self._engine.close()

    def build(self, request: Request, on_stage: OnStage) -> Built:
        """The body of the person in the photos.

        Raises PhotoRejected (`.code`, `.advice`, `.view`) if a photo cannot be measured from, RequestUnusable if what
        was stated cannot be true. `on_stage` is told the stage begun and the share of the work done before it.
        """
        _check_stated(request)
        on_stage("looking", 0.0)
        photos, sightings, findings = self._look(request)
        skin = _skin(request, photos["front"], sightings["front"])
        on_stage("fitting", 0.3)
        scene = Scene(
            photos,
            sightings,
            request.height_cm,
            request.weight_kg,
            lambda share: on_stage("fitting", 0.3 + 0.35 * share),
        )
        sexes: tuple[Sex, ...] = (cast(Sex, request.sex),) if request.sex in ("female", "male") else ("female", "male")
        shapes = {sex: self._shape(scene, sex) for sex in sexes}
        on_stage("measuring", 0.65)
        estimate = mixture([self._estimate(request, sex, *shape) for sex, shape in shapes.items()])
        for finding in findings:
            estimate = estimate.widened(TOLERATED[finding.code])
        estimate = estimate.corrected(request.corrections_cm)
        on_stage("shaping", 0.75)
        sex = sexes[0] if len(sexes) == 1 else "neutral"
        start = shapes[sex][0] if sex in shapes else np.zeros(self._figure(sex).arrays.betas)
        measures = _measures(estimate)
        betas = self._shaped(sex, start, measures, {"height": request.height_cm, **request.corrections_cm})
        on_stage("exporting", 0.9)
        built = self._built(sex, betas, measures, skin)
        remarks = [Remark(finding.code, finding.advice, finding.view) for finding in findings]
        if request.clothing != "tight":
            remarks.append(Remark("loose-clothes", ADVICE["loose-clothes"]))
        return replace(built, findings=tuple(remarks))

    def refit(
        self,
        betas: NDArray[np.float64],
        measures: Mapping[str, Measure],
        corrections_cm: Mapping[str, float],
        *,
        sex: Sex,
        skin: str | None = None,
    ) -> Built:
        """The same person after she measured something herself: the other measures and the body follow.

        `betas`, `measures` and `sex` as they came out of `build` or `refit`; `skin`: "#rrggbb" or None.

        Raises RequestUnusable.
        """
        _check_corrections(corrections_cm)
        if set(measures) != set(MEASURES):
            raise RequestUnusable("measures-incomplete", "the measures are not those of a built body")
        mean = np.array([measures[name].value_cm for name in MEASURES])
        sigma = np.array([measures[name].sigma_cm for name in MEASURES])
        correlation = error_correlation(self._corrections, dict(zip(MEASURES, sigma, strict=True)))
        estimate = Estimate(mean, correlation * np.outer(sigma, sigma)).corrected(corrections_cm)
        # Her own number stays the one she typed, whatever the photos say of it; the others follow as far as it is sure.
        followed = _measures(estimate)
        followed |= {name: replace(followed[name], value_cm=value) for name, value in corrections_cm.items()}
        shaped = self._shaped(sex, betas, followed, corrections_cm)
        return self._built(sex, shaped, followed, skin)

    def _figure(self, sex: Sex) -> _Figure:
        if sex not in self._figures:
            self._figures[sex] = _Figure(load_arrays(self._models, sex))
        return self._figures[sex]

    def _look(self, request: Request) -> tuple[dict[View, Photo], dict[View, Sighting], list[Finding]]:
        """The photos, the person in each, and what is tolerated about them."""
        photos: dict[View, Photo] = {}
        sightings: dict[View, Sighting] = {}
        tolerated: list[Finding] = []
        views: list[tuple[View, bytes]] = [("front", request.front)]
        if request.side is not None:
            views.append(("side", request.side))
        for view, content in views:
            photos[view] = photo = _opened(content, view)
            seen = self._onlooker.look(photo)
            found = check(photo, seen, view)
            grave = [finding for finding in found if finding.code not in TOLERATED]
            if grave:
                raise PhotoUnsuitable(grave[0].code, grave[0].advice, grave[0].view)
            tolerated += found
            sightings[view] = seen[0]
        return photos, sightings, tolerated

    def _shape(self, scene: Scene, sex: Sex) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Betas of the person as a body of that sex, and the circumstances of our own fit, none of another engine's."""
        if self._engine is not None:
            found = self._engine.shape(scene, sex)
            tall = self._figure(sex).tailor.shaped(found, {"height": scene.height_cm}, {"height": _SHAPE_SIGMA_CM})
            return tall, np.zeros(0)
        fit = self._figure(sex).fitter.fit(scene.sightings, scene.height_cm)
        return fit.betas, circumstances(fit)

    def _estimate(
        self, request: Request, sex: Sex, betas: NDArray[np.float64], around: NDArray[np.float64]
    ) -> Estimate:
        """The measures of a found shape, corrected for what our own fit is known to do."""
        figure = self._figure(sex)
        body = figure.tailor.vertices(betas)
        features = Features(
            measures_cm=figure.tape.measure(body),
            mass_kg=figure.tape.mass_kg(body),
            height_cm=request.height_cm,
            female=float(sex == "female"),
            circumstances=around,
            weight_kg=request.weight_kg,
        )
        clothing = cast(Clothing, request.clothing or "unknown")
        with_weight = request.weight_kg is not None
        if self._engine is not None:  # nothing was learned of its errors but how wide they are
            own = self._corrections[mode(1, with_weight=with_weight, clothing=clothing)]
            read = np.array([features.measures_cm[name] for name in MEASURES])
            return Estimate(read, own.covariance).widened(self._engine.spread)
        views = 1 if request.side is None else 2
        return self._corrections[mode(views, with_weight=with_weight, clothing=clothing)].apply(features)

    def _shaped(
        self, sex: Sex, start: NDArray[np.float64], measures: Mapping[str, Measure], known: Mapping[str, float]
    ) -> NDArray[np.float64]:
        """Betas of a body that measures as stated: outright statements closely, the rest by how well it is known."""
        wanted = {name: measure.value_cm for name, measure in measures.items()} | dict(known)
        sigma = {
            name: _SHAPE_SIGMA_CM if name in known else max(_SHAPE_SIGMA_CM, _OTHER_SIGMA_SHARE * measure.sigma_cm)
            for name, measure in measures.items()
        }
        return self._figure(sex).tailor.shaped(start, wanted, sigma)

    def _built(self, sex: Sex, betas: NDArray[np.float64], measures: Mapping[str, Measure], skin: str | None) -> Built:
        figure = self._figure(sex)
        vertices = figure.tailor.vertices(betas)
        mesh, joints = figure.shape.mesh(vertices, skin or MANNEQUIN), figure.shape.joints(vertices)
        extras = {"sex": sex, "betas": betas.round(5).tolist()}
        compressed, plain = (
            write_body(mesh, joints, figure.arrays.parents, compressed=small, extras=extras) for small in (True, False)
        )
        picture = thumbnail(mesh)
        return Built(sex, betas, measures, compressed, plain, picture, (), skin)


def _opened(content: bytes, view: View) -> Photo:
    """Raises PhotoRejected, which says of which photo."""
    try:
        return open_photo(content)
    except PhotoRejected as error:
        error.view = view
        raise


def _skin(request: Request, front: Photo, seen: Sighting) -> str | None:
    """The colour that the body is to have, "#rrggbb", None for a mannequin's."""
    if request.skin == "photo":
        return skin_tone(front, seen)
    return request.skin if request.skin.startswith("#") else None


def thumbnail(mesh: Mesh) -> bytes:
    """A PNG of a body in its suit."""
    points, normals = mesh.vertices.astype(np.float64), mesh.outward()
    parts = ((mesh.levels[0], mesh.color), (mesh.suit[0], suit_color(mesh.color, MANNEQUIN)))
    return paint([Painted(points, faces, normals, np.array(linear(color)[:3])) for faces, color in parts])


def _measures(estimate: Estimate) -> dict[str, Measure]:
    return {name: Measure(*(round(value, 3) for value in estimate[name])) for name in MEASURES}


def _check_stated(request: Request) -> None:
    if not HEIGHT_CM[0] <= request.height_cm <= HEIGHT_CM[1]:
        raise RequestUnusable("height-implausible", f"height must be {HEIGHT_CM[0]:.0f} to {HEIGHT_CM[1]:.0f} cm")
    if request.weight_kg is not None and not WEIGHT_KG[0] <= request.weight_kg <= WEIGHT_KG[1]:
        raise RequestUnusable("weight-implausible", f"weight must be {WEIGHT_KG[0]:.0f} to {WEIGHT_KG[1]:.0f} kg")
    if request.sex is not None and request.sex not in SEXES:
        raise RequestUnusable("sex-unknown", f"sex must be one of {', '.join(SEXES)}, or left out")
    if request.clothing not in (None, "tight", "everyday"):
        raise RequestUnusable("clothing-unknown", "clothing must be tight or everyday, or left out")
    _check_corrections(request.corrections_cm)


def _check_corrections(corrections_cm: Mapping[str, float]) -> None:
    for name, value in corrections_cm.items():
        if name not in MEASURES:
            raise RequestUnusable("measure-unknown", f"{name} is not a measure")
        if not 5 <= value <= 260:
            raise RequestUnusable("measure-implausible", f"{name} cannot be {value:g} cm")


assert set(TOLERATED) <= set(ADVICE)
