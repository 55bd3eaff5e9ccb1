"""What can be wrong with the model files."""

from __future__ import annotations

from typing import ClassVar


class ModelsError(Exception):
    """The model files cannot be used; `code` is stable, the message says what to do."""

    code: ClassVar[str] = "models-error"


class ModelsMissing(ModelsError):
    """A bundle or the manifest is not in the folder."""

    code = "models-missing"


class ModelsOutdated(ModelsError):
    """The manifest describes other versions than this release of Vitrine is locked to."""

    code = "models-outdated"


class ModelsTampered(ModelsError):
    """A file's bytes are not those the lock names."""

    code = "models-tampered"


class WheelUnavailable(ModelsError):
    """The package index did not deliver the wheel that holds the models."""

    code = "models-wheel-unavailable"


class WheelRejected(ModelsError):
    """The wheel, or a model inside it, is not the one the lock names."""

    code = "models-wheel-rejected"


class BuildDiffers(ModelsError):
    """Assembling gave other bytes than the lock names."""

    code = "models-build-differs"
