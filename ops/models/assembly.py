"""Assemble the bundles of the models folder from the original models."""

from __future__ import annotations

from collections.abc import Mapping

from ops.models.bundle import task_bundle
from ops.models.face import face_eyes_model, face_mesh_model, merged_face_model
from ops.models.lock import Lock
from ops.models.tflite import TfliteModel


def assemble(lock: Lock, models: Mapping[str, bytes]) -> dict[str, bytes]:
    """The bundles by file name. The same models give the same bytes, for one version of flatbuffers."""
    versions = {name: bundle.version for name, bundle in lock.bundles.items()}
    attention = models["face_landmark_with_attention"]
    merged = merged_face_model(attention, version=versions["face_landmarker.task"])
    return {
        "face_detector.tflite": models["face_detection_short_range"],
        "face_mesh.tflite": face_mesh_model(attention),
        "face_eyes.tflite": face_eyes_model(attention),
        # The same networks as MediaPipe runs them: what the live path is measured against.
        "face_landmarker.task": task_bundle(
            {
                "face_detector.tflite": models["face_detection_short_range"],
                "face_landmarks_detector.tflite": merged,
            }
        ),
        "pose_landmarker.task": task_bundle(
            {
                "pose_detector.tflite": models["pose_detection"],
                "pose_landmarks_detector.tflite": _pose_model(
                    models["pose_landmark_full"], versions["pose_landmarker.task"]
                ),
            }
        ),
        # Carries its own metadata already.
        "selfie_segmenter.tflite": models["selfie_segmentation"],
    }


def _pose_model(original: bytes, version: str) -> bytes:
    """The pose landmark model, which lacks the metadata that says how pixels become its input."""
    model = TfliteModel(original)
    model.set_metadata(name="Pose landmarks", version=version, mean=0.0, std=255.0)
    return model.to_bytes()
