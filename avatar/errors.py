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
    """A file is not a photo that can be used; `code` says which way, `advice` what the shopper can do, `view` which."""

    code = "photo-unreadable"
    view: str | None = None  # front or side, as soon as it is known

    @property
    def advice(self) -> str:
        """In words for the shopper."""
        return f"We cannot use this photo: {self}."


class PhotoUnsuitable(PhotoRejected):
    """A photo that opens but cannot be measured from; `code` is one of `avatar.checks.ADVICE`."""

    def __init__(self, code: str, advice: str, view: str) -> None:
        super().__init__(f"{view} photo: {code}")
        self.code = code  # type: ignore[misc]
        self.view = view
        self._advice = advice

    @property
    def advice(self) -> str:
        """In words for the shopper."""
        return self._advice


class RequestUnusable(AvatarError):
    """What was stated beside the photos cannot be true; `code` says what."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code  # type: ignore[misc]


class PhotoFormat(PhotoRejected):
    """Not a JPEG, PNG, WebP or HEIC by its own bytes."""

    code = "photo-format"


class PhotoTooLarge(PhotoRejected):
    """More bytes or more pixels than any phone takes."""

    code = "photo-too-large"


class PhotoTooSmall(PhotoRejected):
    """Too few pixels to measure anything."""

    code = "photo-too-small"


class ChartInvalid(AvatarError):
    """A size chart is not one; the message says where."""

    code = "chart-invalid"


class GarmentInvalid(AvatarError):
    """A garment's file cannot be worn; `code` says why, the message what to change."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code  # type: ignore[misc]


class EngineUnavailable(AvatarError):
    """An engine was configured whose weights, files or program are not there, or are not what they should be."""

    code = "engine-unavailable"


class EngineFailed(AvatarError):
    """An engine made no usable body of these photos; `code` says why, the message what happened."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code  # type: ignore[misc]
