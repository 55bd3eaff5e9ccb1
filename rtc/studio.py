"""What lives on a media process's frame worker: the GL context, and a face tracker for each session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from render.pipeline import TryOn
from render.proof import prove
from render.scene import SceneRenderer
from render.tracker import FaceTracker
from rtc.worker import FrameWorker


class Studio:
    """Builds the process's one renderer on the worker's thread, when it is first wanted there."""

    def __init__(self, face_model: Path, *, on_error: Callable[[BaseException], None]) -> None:
        self._face_model = face_model
        self._renderer: SceneRenderer | None = None
        self.worker = FrameWorker(on_error)

    def make_effect(self) -> TryOn:
        """The try-on of one session. On the worker's thread."""
        return TryOn(FaceTracker(self._face_model), self._scene())

    def check_picture(self) -> None:
        """Raises PictureUnchanged unless a synthetic frame comes back wearing something. On the worker's thread."""
        prove(self._scene())

    def close(self) -> None:
        """Ends the worker, and its GL context with it."""
        self.worker.call(self._close_scene)
        self.worker.stop()

    def _scene(self) -> SceneRenderer:
        if self._renderer is None:
            self._renderer = SceneRenderer()
        return self._renderer

    def _close_scene(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
