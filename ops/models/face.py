"""Turn MediaPipe's attention face model into what the live path runs, and into what MediaPipe's own graph reads.

`face_landmark_with_attention.tflite` gives a coarse mesh of 468 points (x, y, z) and refined x, y for
lips, eyes and irises from their own heads. Each head looks at a 16x16 sample of an early feature map,
which custom operators take where the coarse mesh sees the feature. The live path samples with its own
few lines, so the model is cut there: the mesh, and the heads of both eyes.

MediaPipe 1.2's `FaceLandmarker` expects all points merged: 478. The merge follows
`tensors_to_face_landmarks_with_attention.pbtxt` (MediaPipe, Apache-2.0): a refined point overwrites
x and y and keeps the mesh's z; an iris, which the mesh lacks, takes the mean z of its eye's contour.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ops.models.tflite import TfliteModel

MESH_POINTS = 468
POINTS = 478
# The map the heads sample: (1, 48, 48, 32) for an input of 192x192.
FEATURES = "p_re_lu_3"
# In the order of the model's outputs; each gives x, y for the landmarks of that name in the tables.
REFINEMENTS = ("lips", "left_eye", "right_eye", "left_iris", "right_iris")
_TABLES = Path(__file__).parent / "data" / "face_landmark_tables.json"


def landmark_tables() -> dict[str, list[int]]:
    """Landmark numbers by refinement head, and of the eye contours that give the irises their depth."""
    tables: dict[str, list[int]] = json.loads(_TABLES.read_text())
    return tables


def merge_sources(tables: dict[str, list[int]]) -> NDArray[np.int32]:
    """Where each merged value stands in [mesh | refinements in order | left depth | right depth].

    Returns (1434,) int32: x, y, z of each of the 478 landmarks.
    """
    source = np.zeros((POINTS, 3), np.int32)
    source[:MESH_POINTS] = np.arange(MESH_POINTS * 3).reshape(-1, 3)
    at = MESH_POINTS * 3
    for name in REFINEMENTS:
        count = len(tables[name])
        source[tables[name], :2] = at + np.arange(count * 2).reshape(-1, 2)
        at += count * 2
    source[tables["left_iris"], 2] = at
    source[tables["right_iris"], 2] = at + 1
    return source.reshape(-1)


def face_mesh_model(attention: bytes) -> bytes:
    """Picture (1, 192, 192, 3) in 0..1 to features (1, 48, 48, 32), mesh (1, 1, 1, 1404), presence logit (1, 1, 1, 1).

    The mesh is x, y, z of 468 points, pixels of the input.
    """
    model = TfliteModel(attention)
    model.cut_out(["input_1"], [FEATURES, "output_mesh", "conv_faceflag"])
    return model.to_bytes()


def face_eyes_model(attention: bytes) -> bytes:
    """Samples (1, 16, 16, 32) of the features around the left and right eye to one output (1, 1, 1, 304).

    It holds x, y of 71 points of the left eye, 5 of its iris, then as many of the right, in the order of the tables;
    a sample is 64 units wide.
    """
    model = TfliteModel(attention)
    heads = [f"conv_{side}_{part}" for side in ("left", "right") for part in ("eye", "iris")]
    model.cut_out(["transform_tensor_bilinear_v2_1", "transform_tensor_bilinear_v2_2"], heads)
    model.set_outputs([model.concatenate("eyes", [model.output(name) for name in heads], axis=3)])
    return model.to_bytes()


def merged_face_model(attention: bytes, *, version: str) -> bytes:
    """The attention model with two outputs: landmarks [1,1434], presence logit [1,1,1,1].

    Landmarks are in pixels of the 192x192 input; z in the same scale.
    """
    model = TfliteModel(attention)
    tables = landmark_tables()
    mesh = model.output("output_mesh_identity")
    depths = []
    for side in ("left", "right"):
        contour = np.array(tables[f"{side}_iris_depth_from"], np.int32) * 3 + 2
        indices = model.constant(f"{side}_eye_contour_z", contour)
        contour_z = model.gather(f"{side}_eye_contour", mesh, indices, axis=3)
        depths.append(model.mean(f"{side}_iris_z", contour_z, axis=3))
    parts = [mesh, *(model.output(f"output_{name}") for name in REFINEMENTS), *depths]
    values = model.concatenate("landmark_values", parts, axis=3)
    picked = model.gather("picked_landmarks", values, model.constant("landmark_sources", merge_sources(tables)), axis=3)
    landmarks = model.reshape("landmarks", picked, (1, POINTS * 3))
    model.set_outputs([landmarks, model.output("conv_faceflag")])
    model.set_metadata(name="Face landmarks with attention, merged", version=version, mean=0.0, std=255.0)
    return model.to_bytes()
