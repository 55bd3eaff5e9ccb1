"""Photos and stated facts in, a measured body and its files out; corrections are followed by measures and body."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from avatar.body_model import BodyModel
from avatar.build import Builder, Built, Request
from avatar.checks import ADVICE
from avatar.errors import PhotoRejected, PhotoUnsuitable, RequestUnusable
from avatar.estimate import CLOTHING, CORRECTION_FILE, load, mode
from avatar.gltf import linear, read_document
from avatar.measure import MEASURES, Tape
from bench.bodies_people import Person
from bench.bodies_photo import Studio
from tests.avatar.test_fit import person_of


@pytest.fixture(scope="module")
def person(woman: BodyModel) -> Person:
    return person_of(woman)


@pytest.fixture(scope="module")
def photos(woman: BodyModel, person: Person) -> dict[str, bytes]:
    studio = Studio(woman.arrays)
    shots = {view: studio.shoot(person, "tight", view).jpeg for view in ("front", "side")}
    studio.close()
    return shots


@pytest.fixture(scope="module")
def builder(models: Path) -> Iterator[Builder]:
    builder = Builder(models)
    yield builder
    builder.close()


def request_for(person: Person, photos: dict[str, bytes], **changed: object) -> Request:
    stated = {
        "front": photos["front"], "side": photos["side"], "height_cm": person.stated_height_cm, "weight_kg": None,
        "sex": "female", "clothing": "tight", "corrections_cm": {},
    }  # fmt: skip
    return Request(**(stated | changed))


@pytest.fixture(scope="module")
def stages() -> list[tuple[str, float]]:
    return []


@pytest.fixture(scope="module")
def built(builder: Builder, person: Person, photos: dict[str, bytes], stages: list[tuple[str, float]]) -> Built:
    return builder.build(request_for(person, photos), lambda name, share: stages.append((name, share)))


def measured(model: BodyModel, built: Built) -> dict[str, float]:
    arrays = model.arrays
    return Tape(arrays).measure(arrays.template + arrays.shapedirs @ built.betas.astype(np.float32))


def test_the_corrections_of_every_mode_are_in_the_package() -> None:
    wanted = {mode(views, weight, kind) for views in (1, 2) for weight in (False, True) for kind in CLOTHING}
    assert set(load()) == wanted
    assert CORRECTION_FILE.stat().st_size < 300_000
    for correction in load().values():
        sigma = np.sqrt(np.diag(correction.covariance))
        assert ((sigma > 0.05) & (sigma < 8)).all()


def test_the_measures_are_hers_within_their_errors(built: Built, person: Person) -> None:
    assert set(built.measures) == set(MEASURES)
    off = {n: abs(m.value_cm - person.truth[n]) / m.sigma_cm for n, m in built.measures.items()}
    assert np.mean([value < 1 for value in off.values()]) > 0.4
    assert max(off.values()) < 5
    for name in ("chest", "waist", "hip"):
        assert built.measures[name].value_cm == pytest.approx(person.truth[name], abs=6)


def test_the_body_measures_what_is_stated(woman: BodyModel, built: Built, person: Person) -> None:
    body = measured(woman, built)
    assert body["height"] == pytest.approx(person.stated_height_cm, abs=0.7)
    for name in ("chest", "waist", "hip", "thigh", "inside_leg"):
        assert body[name] == pytest.approx(built.measures[name].value_cm, abs=1.0), name


def test_a_body_has_the_colour_of_her_face_if_she_wishes(
    builder: Builder, person: Person, photos: dict[str, bytes]
) -> None:
    built = builder.build(request_for(person, photos, skin="photo"), lambda _name, _share: None)
    assert built.skin is not None
    factor = read_document(built.body_glb)[0]["materials"][0]["pbrMetallicRoughness"]["baseColorFactor"]
    assert factor == linear(built.skin)
    assert factor[0] > factor[1] > factor[2]  # skin, and not the grey of the room


def test_a_body_has_the_colour_that_was_chosen(builder: Builder, built: Built) -> None:
    again = builder.refit(built.betas, built.measures, {}, sex=built.sex, skin="#603e2e")
    assert (built.skin, again.skin) == (None, "#603e2e")
    factor = read_document(again.plain_glb)[0]["materials"][0]["pbrMetallicRoughness"]["baseColorFactor"]
    assert factor[0] == pytest.approx(0.117, abs=0.002)  # linear
    assert again.thumbnail_png != built.thumbnail_png


def test_stages_are_told_in_order(built: Built, stages: list[tuple[str, float]]) -> None:
    assert [name for name, _ in stages] == ["looking", "fitting", "measuring", "shaping", "exporting"]
    shares = [share for _, share in stages]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] < 1


def test_the_files_are_there_and_small(built: Built) -> None:
    assert len(built.body_glb) < 300_000
    assert len(built.plain_glb) < 1_000_000
    document, _ = read_document(built.body_glb)
    assert document["asset"]["extras"]["vitrine"]["sex"] == "female"
    picture = Image.open(io.BytesIO(built.thumbnail_png))
    assert picture.mode == "RGBA"
    covered = np.asarray(picture)[..., 3] > 128
    assert 0.1 < covered.mean() < 0.6
    assert not covered[0].any()


def test_weight_makes_it_surer(builder: Builder, person: Person, photos: dict[str, bytes], built: Built) -> None:
    stated = request_for(person, photos, weight_kg=person.stated_weight_kg)
    weighed = builder.build(stated, lambda *_: None)
    assert weighed.measures["hip"].sigma_cm < built.measures["hip"].sigma_cm


def test_everyday_clothes_are_said_to_be_less_sure(
    builder: Builder, person: Person, photos: dict[str, bytes], built: Built
) -> None:
    other = builder.build(request_for(person, photos, clothing="everyday"), lambda *_: None)
    assert [remark.code for remark in other.findings] == ["loose-clothes"]
    assert other.measures["chest"].sigma_cm > built.measures["chest"].sigma_cm
    assert built.findings == ()


def test_a_remark_names_the_photo_it_is_about(builder: Builder, person: Person, photos: dict[str, bytes]) -> None:
    sharp = Image.open(io.BytesIO(photos["side"]))
    blurred = io.BytesIO()
    sharp.filter(ImageFilter.GaussianBlur(4)).save(blurred, "JPEG", exif=sharp.getexif())
    shaken = request_for(person, photos | {"side": blurred.getvalue()}, clothing="everyday")
    remarks = builder.build(shaken, lambda *_: None).findings
    assert [(remark.code, remark.view) for remark in remarks] == [("blurred", "side"), ("loose-clothes", None)]


def test_without_a_sex_the_body_is_neutral_and_the_errors_wider(
    builder: Builder, person: Person, photos: dict[str, bytes], built: Built
) -> None:
    either = builder.build(request_for(person, photos, sex=None), lambda *_: None)
    assert either.sex == "neutral"
    assert either.measures["waist"].sigma_cm >= 0.98 * built.measures["waist"].sigma_cm
    assert either.measures["hip"].value_cm == pytest.approx(person.truth["hip"], abs=8)


def test_a_corrected_measure_is_followed_by_measures_and_body(builder: Builder, woman: BodyModel, built: Built) -> None:
    wanted = built.measures["waist"].value_cm + 4
    after = builder.refit(built.betas, built.measures, {"waist": wanted}, sex=built.sex)
    assert after.measures["waist"].value_cm == pytest.approx(wanted, abs=0.6)
    assert after.measures["waist"].sigma_cm < 1
    assert after.measures["high_hip"].value_cm > built.measures["high_hip"].value_cm
    body = measured(woman, after)
    assert body["waist"] == pytest.approx(wanted, abs=0.7)
    assert body["height"] == pytest.approx(measured(woman, built)["height"], abs=0.8)
    assert after.body_glb != built.body_glb


def test_the_same_request_gives_the_same_bytes(builder: Builder, built: Built) -> None:
    first, second = (
        builder.refit(built.betas, built.measures, {"hip": 101.0}, sex=built.sex).body_glb for _ in range(2)
    )
    assert first == second


def test_a_photo_that_cannot_be_measured_from_says_why(
    builder: Builder, person: Person, photos: dict[str, bytes]
) -> None:
    output = io.BytesIO()
    Image.new("RGB", (720, 960), "grey").save(output, "JPEG")
    with pytest.raises(PhotoUnsuitable) as refusal:
        builder.build(request_for(person, photos, front=output.getvalue()), lambda *_: None)
    assert refusal.value.code == "nobody"
    assert refusal.value.view == "front"
    assert refusal.value.advice == ADVICE["nobody"]
    with pytest.raises(PhotoUnsuitable) as refusal:
        builder.build(request_for(person, photos, side=photos["front"]), lambda *_: None)
    assert (refusal.value.code, refusal.value.view) == ("not-sideways", "side")


def test_a_file_that_is_no_photo_has_a_code_and_advice_too(
    builder: Builder, person: Person, photos: dict[str, bytes]
) -> None:
    with pytest.raises(PhotoRejected) as refusal:
        builder.build(request_for(person, photos, front=b"GIF89a"), lambda *_: None)
    assert (refusal.value.code, refusal.value.view) == ("photo-format", "front")
    assert len(refusal.value.advice) > 20
    with pytest.raises(PhotoRejected) as refusal:
        builder.build(request_for(person, photos, side=photos["side"][:400]), lambda *_: None)
    assert refusal.value.view == "side"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"height_cm": 90.0}, "height-implausible"),
        ({"height_cm": float("nan")}, "height-implausible"),
        ({"weight_kg": 900.0}, "weight-implausible"),
        ({"sex": "x"}, "sex-unknown"),
        ({"clothing": "none"}, "clothing-unknown"),
        ({"corrections_cm": {"nose": 5.0}}, "measure-unknown"),
        ({"corrections_cm": {"waist": 700.0}}, "measure-implausible"),
    ],
)
def test_what_cannot_be_true_is_refused(
    builder: Builder, person: Person, photos: dict[str, bytes], change: dict, code: str
) -> None:
    with pytest.raises(RequestUnusable) as refusal:
        builder.build(request_for(person, photos, **change), lambda *_: None)
    assert refusal.value.code == code
