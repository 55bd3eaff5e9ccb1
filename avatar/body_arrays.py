"""The body model as plain arrays: what is read from its file, without the library that computes with it.

Frame of reference: metres; x towards the body's own left, y up, z to the front; origin at the pelvis joint for every
shape. Rest pose: arms down at some 45 degrees, feet a little apart. Dressing, measuring a mesh and sizing need no more
than this, and start three seconds sooner for it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from avatar.errors import BodyModelDamaged, BodyModelMissing
from avatar.landmarks import Landmarks

Sex = Literal["female", "male", "neutral"]
SEXES: tuple[Sex, ...] = ("female", "male", "neutral")
JOINT_NAMES = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand",
)  # fmt: skip
MODEL_FILE = "body.npz"
MANIFEST_FILE = "body.json"
_LANDMARK = "landmark_"


@dataclass(frozen=True)
class BodyArrays:
    """One sex of the model as plain arrays.

    template (V, 3) float32 m; shapedirs (V, 3, K) float32, m per standard deviation; joint_regressor (24, V) float32;
    parents (24,) int64, -1 for the root; weights (V, 24) float32; faces (F, 3) int64, outward winding; landmarks: see
    `avatar.landmarks`.
    """

    template: NDArray[np.float32]
    shapedirs: NDArray[np.float32]
    joint_regressor: NDArray[np.float32]
    parents: NDArray[np.int64]
    weights: NDArray[np.float32]
    faces: NDArray[np.int64]
    landmarks: Landmarks

    @property
    def betas(self) -> int:
        """How many shape components there are."""
        return int(self.shapedirs.shape[2])


def load_arrays(folder: Path, sex: Sex) -> BodyArrays:
    """The arrays of one sex from the models folder, held against the manifest's hash.

    Raises BodyModelMissing or BodyModelDamaged.
    """
    advice = "run `python -m avatar.anny`"
    try:
        content = (folder / MODEL_FILE).read_bytes()
        manifest = json.loads((folder / MANIFEST_FILE).read_bytes())
    except FileNotFoundError as error:
        raise BodyModelMissing(f"{error.filename} is missing; {advice}") from error
    except ValueError as error:
        raise BodyModelDamaged(f"{MANIFEST_FILE} is not JSON; {advice}") from error
    if hashlib.sha256(content).hexdigest() != manifest.get("sha256"):
        raise BodyModelDamaged(f"{MODEL_FILE} is not the one {MANIFEST_FILE} describes; {advice}")
    with np.load(folder / MODEL_FILE, allow_pickle=False) as file:
        template = file[f"{sex}_template"]
        cubes = file["joint_vertices"].astype(np.int64)
        regressor = np.zeros((len(cubes), len(template)), np.float32)
        np.put_along_axis(regressor, cubes, np.float32(1 / cubes.shape[1]), axis=1)
        weights = np.zeros((len(template), len(cubes)), np.float32)
        np.put_along_axis(weights, file["weight_joints"].astype(np.int64), file["weights"], axis=1)
        return BodyArrays(
            template=template,
            shapedirs=file[f"{sex}_shapedirs"],
            joint_regressor=regressor,
            parents=file["parents"].astype(np.int64),
            weights=weights,
            faces=file["faces"].astype(np.int64),
            landmarks={
                name.removeprefix(_LANDMARK): file[name].astype(np.int64)
                for name in file.files
                if name.startswith(_LANDMARK)
            },
        )
