"""What lives on a media process's frame worker: the GL context, the networks, a face tracker for each session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2

from render.mirror import Mirror
from render.networks import FaceNetworks
from render.pipeline import TryOn
from render.proof import prove, rehearse
from render.scene import SceneRenderer
from render.tracker import FaceTracker
from rtc.worker import FrameWorker


class Studio:
    """The renderer and the networks that all sessions share, made on the worker's thread when first wanted."""

    def __init__(self, models: Path, *, on_error: Callable[[BaseException], None]) -> None:
        self._models = models
        self._renderer: SceneRenderer | None = None
        self._networks: FaceNetworks | None = None
        self.worker = FrameWorker(on_error)
        # The pieces are small and sessions fill the cores: handing them to other threads costs more than doing them.
        cv2.setNumThreads(1)

    def make_effect(self) -> Mirror:
        """What one session's pictures go through. On the worker's thread."""
        if self._networks is None:
            self._networks = FaceNetworks.load(self._models)
        return Mirror(TryOn(FaceTracker(self._networks), self._scene()), self._scene())

    def check_picture(self) -> None:
        """Raises PictureUnchanged unless a synthetic frame comes back wearing something. On the worker's thread."""
        prove(self._scene())

    def rehearse(self) -> None:
        """Has the worker do what is slow the first time, now and not before the first shopper's eyes."""
        self.worker.call(lambda: rehearse(self._scene(), self.make_effect()))

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
