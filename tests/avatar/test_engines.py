"""Other engines: each finds a shape of a real rendered person through its real loading, or says why it cannot."""

from __future__ import annotations

import json
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from avatar.adopt import Adopter, standing
from avatar.body_model import JOINT_NAMES, BodyModel
from avatar.build import Builder, Request
from avatar.engines.crop import MEAN, SPREAD, person_crop
from avatar.engines.engine import Adopting, Scene, engine_from
from avatar.engines.hmr2 import ShapeRegressor, load_regressor
from avatar.engines.instant import Instant
from avatar.errors import EngineFailed, EngineUnavailable
from avatar.measure import Tape
from avatar.photo import Photo
from avatar.smpl import smplx_structure
from tests.photographs import photographed

SIZES = {"width": 32, "inner": 48, "depth": 2, "heads": 4, "patches": 192, "token": 40} | {
    "attention": 128,
    "forward": 24,
    "layers": 2,
    "betas": 10,
}


def cloud(body: BodyModel, betas: torch.Tensor, lift: float) -> np.ndarray:
    """Another model's mesh of a person, as far as ours is concerned: her skin's vertices in no order, arms lifted."""
    pose = torch.zeros(1, 24, 3)
    pose[0, JOINT_NAMES.index("left_shoulder"), 2] = lift
    pose[0, JOINT_NAMES.index("right_shoulder"), 2] = -lift
    vertices = body.posed(betas, pose).vertices[0].numpy()[np.unique(body.arrays.faces)]
    return np.random.default_rng(1).permutation(vertices)[:8000] * 100.0


@pytest.mark.parametrize("lift", [0.0, 0.75])
def test_our_body_laid_onto_another_mesh_measures_as_it_does(woman: BodyModel, lift: float) -> None:
    betas = torch.zeros(1, woman.arrays.betas)
    betas[0, [1, 2, 3]] = torch.tensor([-0.8, 1.2, 0.6])
    tape = Tape(woman.arrays)
    truth = tape.measure(woman.shaped(betas)[0].numpy())
    adopted = Adopter(woman.arrays).adopt(cloud(woman, betas, lift), truth["height"])
    found = tape.measure(woman.shaped(torch.tensor(adopted.betas[None], dtype=torch.float32))[0].numpy())
    assert {name: found[name] for name in ("chest", "waist", "hip")} == pytest.approx(
        {name: truth[name] for name in ("chest", "waist", "hip")}, abs=2.5
    )
    assert found["height"] == pytest.approx(truth["height"], abs=1.0)


@pytest.mark.parametrize(
    "points",
    [np.zeros((10, 3)), np.full((900, 3), np.nan), np.zeros((900, 3)), np.random.default_rng(0).normal(size=(900, 3))],
    ids=["few", "nowhere", "flat", "no-person"],
)
def test_what_is_no_standing_person_is_refused(points: np.ndarray) -> None:
    with pytest.raises(EngineFailed) as refused:
        standing(points, 170.0)
    assert refused.value.code == "engine-mesh-unusable"


# --- Instant -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def instant(models: Path) -> Instant:
    return Instant(models)


def test_a_hundred_bodies_are_blended_into_hers_in_a_moment(instant: Instant, scene: Scene, woman: BodyModel, models):
    started = time.process_time()
    betas = instant.shape(scene, "female")
    assert time.process_time() - started < 1.0  # some 2 ms; the bodies were made before
    found = Tape(woman.arrays).measure(woman.shaped(torch.tensor(betas[None], dtype=torch.float32))[0].numpy())
    truth = photographed(models).person.truth
    for name in ("chest", "waist", "hip"):
        assert found[name] == pytest.approx(truth[name], abs=12)


def test_a_heavier_statement_makes_a_heavier_body(instant: Instant, scene: Scene, woman: BodyModel) -> None:
    def hip(weight_kg: float) -> float:
        stated = Scene(scene.photos, {}, scene.height_cm, weight_kg, scene.on_share)
        betas = torch.tensor(instant.shape(stated, "female")[None], dtype=torch.float32)
        return Tape(woman.arrays).measure(woman.shaped(betas)[0].numpy())["hip"]

    assert hip(50) + 10 < hip(70) < hip(95) - 10


def test_the_builder_states_wider_errors_for_an_engine_it_learned_nothing_of(models: Path, instant: Instant) -> None:
    her = photographed(models)
    request = Request(her.front, None, her.person.truth["height"], None, "female", "tight", {})
    stages: list[str] = []
    builder = Builder(models, instant)
    try:
        by_engine = builder.build(request, lambda stage, _: stages.append(stage))
        builder._engine = None
        own = builder.build(request, lambda *_: None)
    finally:
        builder.close()
    assert by_engine.measures["waist"].sigma_cm > 1.3 * own.measures["waist"].sigma_cm
    assert by_engine.measures["height"].value_cm == pytest.approx(her.person.truth["height"], abs=1.0)
    assert stages == ["looking", "fitting", "fitting", "measuring", "shaping", "exporting"]


# --- Regressors ----------------------------------------------------------------------------------------------


def test_the_crop_holds_the_person_as_large_as_the_network_expects(scene: Scene) -> None:
    photo, seen = scene.photos["front"], scene.sightings["front"]
    crop = person_crop(photo, seen, side=256, aspect=0.75)[0].numpy().transpose(1, 2, 0)
    assert crop.shape == (256, 256, 3)
    # The same picture put through by hand: her mask's middle lies in the square's, her height fills 1/1.1 of it.
    mask = Photo(np.repeat((seen.mask[..., None] > 0.5) * np.uint8(255), 3, 2), None)
    inside = person_crop(mask, seen, side=256, aspect=0.75)[0].numpy()[0] * SPREAD[0] + MEAN[0] > 0.5
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    assert np.ptp(rows) + 1 == pytest.approx(256 / 1.1, abs=2)
    assert (rows[0] + rows[-1]) / 2 == pytest.approx(127.5, abs=1)
    assert (columns[0] + columns[-1]) / 2 == pytest.approx(127.5, abs=1)
    # Standardised: white is (1 - mean) / spread, and beyond the photo is black.
    white = Photo(np.full_like(photo.pixels, 255), None)
    corner = person_crop(white, seen, side=256, aspect=0.75)[0, :, 128, 128].numpy()
    assert corner == pytest.approx((1 - np.array(MEAN)) / np.array(SPREAD), abs=1e-5)


def published(net: ShapeRegressor) -> dict[str, torch.Tensor]:
    """A network's arrays by the names of the published checkpoint, with a pose's beside them."""
    names = {"place": "smpl_head.transformer.pos_embedding", "init_betas": "smpl_head.init_betas"}
    kept = {}
    for name, value in net.state_dict().items():
        for ours, theirs in (
            ("token.", "smpl_head.transformer.to_token_embedding."),
            ("layers.", "smpl_head.transformer.transformer.layers."),
            ("decshape.", "smpl_head.decshape."),
        ):
            if name.startswith(ours):
                names[name] = theirs + name.removeprefix(ours)
        kept[names.get(name, name)] = value
    return kept | {"smpl_head.decpose.weight": torch.zeros(144, 40), "discriminator.x": torch.zeros(3)}


@pytest.fixture
def hmr2_folder(tmp_path: Path, woman: BodyModel) -> Path:
    """Small random weights as a training run leaves them, and a body model in SMPL's own file format."""
    torch.manual_seed(3)
    net = ShapeRegressor(SIZES)
    for value in net.parameters():
        torch.nn.init.normal_(value, std=0.2)
    torch.save({"state_dict": published(net), "epoch": 3}, tmp_path / "hmr2.ckpt")
    (tmp_path / "hmr2.json").write_text(json.dumps({"heads": SIZES["heads"]}))
    structure = vars(smplx_structure(woman.arrays))
    (tmp_path / "SMPL_NEUTRAL.pkl").write_bytes(pickle.dumps(structure))
    return tmp_path


def test_a_checkpoint_is_loaded_by_its_published_names_and_computes_what_its_arrays_say(hmr2_folder: Path) -> None:
    net = load_regressor(hmr2_folder)
    picture = torch.randn(1, 3, 256, 256)
    found = net(picture)
    assert found.shape == (1, 10)
    weights = torch.load(hmr2_folder / "hmr2.ckpt", weights_only=True)["state_dict"]
    assert torch.allclose(found, by_hand(weights, picture), atol=1e-4)


def by_hand(w: dict[str, torch.Tensor], picture: torch.Tensor) -> torch.Tensor:
    """The same network written as the papers' formulas, head by head, straight from the checkpoint."""
    from torch.nn.functional import conv2d, gelu, layer_norm

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", torch.zeros(1))

    def norm(x, name, eps):
        return layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], eps)

    def attend(q, k, v, heads):
        width = q.shape[-1] // heads
        out = []
        for head in range(heads):
            at = slice(head * width, (head + 1) * width)
            out.append(torch.softmax(q[:, at] @ k[:, at].T / width**0.5, -1) @ v[:, at])
        return torch.cat(out, 1)

    patch = w["backbone.patch_embed.proj.weight"]
    x = conv2d(picture[:, :, :, 32:-32], patch, w["backbone.patch_embed.proj.bias"], stride=16, padding=2)
    x = x[0].flatten(1).T + w["backbone.pos_embed"][0, 1:] + w["backbone.pos_embed"][0, :1]
    for block in ("backbone.blocks.0", "backbone.blocks.1"):
        q, k, v = linear(norm(x, f"{block}.norm1", 1e-6), f"{block}.attn.qkv").split(32, 1)
        x = x + linear(attend(q, k, v, 4), f"{block}.attn.proj")
        x = x + linear(gelu(linear(norm(x, f"{block}.norm2", 1e-6), f"{block}.mlp.fc1")), f"{block}.mlp.fc2")
    context = norm(x, "backbone.last_norm", 1e-6)
    head = "smpl_head.transformer"
    t = (w[f"{head}.to_token_embedding.bias"] + w[f"{head}.pos_embedding"][0, 0])[None]
    for layer in (f"{head}.transformer.layers.0", f"{head}.transformer.layers.1"):
        q, k, v = linear(norm(t, f"{layer}.0.norm", 1e-5), f"{layer}.0.fn.to_qkv").split(128, 1)
        t = t + linear(attend(q, k, v, 2), f"{layer}.0.fn.to_out.0")
        k, v = linear(context, f"{layer}.1.fn.to_kv").split(128, 1)
        q = linear(norm(t, f"{layer}.1.norm", 1e-5), f"{layer}.1.fn.to_q")
        t = t + linear(attend(q, k, v, 2), f"{layer}.1.fn.to_out.0")
        t = t + linear(gelu(linear(norm(t, f"{layer}.2.norm", 1e-5), f"{layer}.2.fn.net.0")), f"{layer}.2.fn.net.3")
    return linear(t, "smpl_head.decshape") + w["smpl_head.init_betas"]


def test_hmr2_finds_a_body_of_ours_through_smplx(hmr2_folder: Path, models: Path, scene: Scene) -> None:
    pytest.importorskip("smplx")
    engine = engine_from(f"hmr2:{hmr2_folder}", models, seconds=1)
    assert isinstance(engine, Adopting)
    betas = engine.shape(scene, "female")
    assert np.isfinite(betas).all() and betas.any()


@pytest.mark.parametrize("harm", ["absent", "code", "foreign"])
def test_a_checkpoint_that_is_none_is_refused_before_anybody_waits_for_it(hmr2_folder: Path, harm: str) -> None:
    path = hmr2_folder / "hmr2.ckpt"
    if harm == "absent":
        path.unlink()
    elif harm == "code":  # a pickle that would run what it names
        path.write_bytes(pickle.dumps({"state_dict": Path}))
    else:
        torch.save({"state_dict": {"resnet.conv1.weight": torch.zeros(3)}}, path)
    with pytest.raises(EngineUnavailable):
        load_regressor(hmr2_folder)


class Rig(torch.nn.Module):
    """What a published rig file does, with a body of ours inside: an identity to vertices in centimetres."""

    def __init__(self, template: torch.Tensor, directions: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("template", template)
        self.register_buffer("directions", directions)

    def forward(self, identity: torch.Tensor, pose: torch.Tensor, expression: torch.Tensor) -> tuple[torch.Tensor, ...]:
        vertices = self.template[None] + (self.directions @ identity.T).permute(2, 0, 1)
        return vertices * 100.0 + pose.sum() + expression.sum(), pose


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 45, 32, 32)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return self.conv(picture).mean((2, 3))


def test_a_rig_of_another_make_is_run_from_torchscript(tmp_path: Path, models: Path, scene: Scene, woman: BodyModel):
    torch.manual_seed(1)
    skin = np.unique(woman.arrays.faces)
    directions = torch.zeros(len(skin), 3, 45)
    directions[..., :32] = torch.tensor(woman.arrays.shapedirs[skin])
    rig = Rig(torch.tensor(woman.arrays.template[skin]), directions)
    rest = torch.zeros(1, 45), torch.zeros(1, 204), torch.zeros(1, 72)
    torch.jit.trace(rig, rest).save(str(tmp_path / "mhr_model.pt"))
    torch.jit.trace(Net(), torch.zeros(1, 3, 128, 128)).save(str(tmp_path / "regressor.pt"))
    (tmp_path / "regressor.json").write_text(json.dumps({"side": 128}))
    engine = engine_from(f"mhr:{tmp_path}", models, seconds=1)
    assert engine is not None
    crop = person_crop(scene.photos["front"], scene.sightings["front"], side=128, aspect=0.75)
    identity = torch.jit.load(str(tmp_path / "regressor.pt"))(crop)
    wanted = Tape(woman.arrays).measure(woman.shaped(identity[:, :32].detach())[0].numpy())
    found = woman.shaped(torch.tensor(engine.shape(scene, "female")[None], dtype=torch.float32))[0].numpy()
    assert Tape(woman.arrays).measure(found)["waist"] * wanted["height"] / scene.height_cm == pytest.approx(
        wanted["waist"], abs=3
    )


def test_files_that_are_no_torchscript_are_refused(tmp_path: Path, models: Path) -> None:
    (tmp_path / "mhr_model.pt").write_bytes(b"PK nothing")
    with pytest.raises(EngineUnavailable):
        engine_from(f"mhr:{tmp_path}", models, seconds=1)


@pytest.mark.parametrize("wanted", ["magic", "hmr2:", "hmr2:/nowhere", "mhr:/nowhere", "command:/nowhere/engine"])
def test_an_engine_that_is_not_there_is_said_at_the_start(models: Path, wanted: str) -> None:
    with pytest.raises(EngineUnavailable):
        engine_from(wanted, models, seconds=1)


def test_our_own_fit_needs_no_engine(models: Path) -> None:
    assert engine_from("own", models, seconds=1) is None
