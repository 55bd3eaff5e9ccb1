"""What can go wrong in the room of pixels, each with a stable code."""

from typing import ClassVar


class RenderError(Exception):
    """Base of the room's errors; `code` is stable and may be shown to the outside."""

    code: ClassVar[str] = "render"
