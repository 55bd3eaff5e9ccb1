"""What can go wrong between a photo and a body. `code` is stable; the message says what to do."""

from __future__ import annotations

from typing import ClassVar


class AvatarError(Exception):
    """No avatar can be made of what was given."""

    code: ClassVar[str] = "avatar-error"


class BodyModelMissing(AvatarError):
    """The body model's file is not there."""

    code = "body-model-missing"


class BodyModelDamaged(AvatarError):
    """The body model's file is not the one its manifest describes, or not a body model."""

    code = "body-model-damaged"


class LicensedModelUnavailable(AvatarError):
    """A licensed SMPL file was asked for, but the `smplx` package or the file is not there."""

    code = "licensed-model-unavailable"
