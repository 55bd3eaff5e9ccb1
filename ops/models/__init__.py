"""The neural networks Vitrine runs: taken once from a published wheel, assembled, locked by hash."""

from ops.models.errors import ModelsError
from ops.models.folder import build, verify

__all__ = ["ModelsError", "build", "verify"]
