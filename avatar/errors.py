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


class PhotoRejected(AvatarError):
    """A file is not a photo that can be used; `code` says which way."""

    code = "photo-unreadable"


class PhotoFormat(PhotoRejected):
    """Not a JPEG, PNG, WebP or HEIC by its own bytes."""

    code = "photo-format"


class PhotoTooLarge(PhotoRejected):
    """More bytes or more pixels than any phone takes."""

    code = "photo-too-large"


class PhotoTooSmall(PhotoRejected):
    """Too few pixels to measure anything."""

    code = "photo-too-small"
