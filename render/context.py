"""The OpenGL context: pyrender's EGL platform, Mesa's software rasteriser tuned, raw entry points for the draw loop.

PyOpenGL wraps every call in Python (about 3–10 µs each with its error checks); set-up code keeps those checks, the loop
that runs for every frame takes the C functions themselves.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from typing import Any, Final

_SIGNATURES: Final = {
    # name: (may take long, so the GIL is released around it; argument kinds)
    "glBindFramebuffer": (False, "II"),
    "glViewport": (False, "iiii"),
    "glClear": (True, "I"),
    "glBindBuffer": (False, "II"),
    "glBufferSubData": (False, "InnP"),
    "glUseProgram": (False, "I"),
    "glBindVertexArray": (False, "I"),
    "glBindTexture": (False, "II"),
    "glDrawElements": (True, "IiIP"),
    "glEnable": (False, "I"),
    "glDisable": (False, "I"),
    "glDepthMask": (False, "B"),
    "glColorMask": (False, "BBBB"),
    "glBlitFramebuffer": (True, "iiiiiiiiII"),
    "glReadPixels": (True, "iiiiIIP"),
    "glUniform4f": (False, "iffff"),
    "glGetError": (False, ""),
}
_KINDS: Final = {
    "I": ctypes.c_uint,
    "i": ctypes.c_int,
    "n": ctypes.c_ssize_t,
    "P": ctypes.c_void_p,
    "B": ctypes.c_ubyte,
    "f": ctypes.c_float,
}


def know_pyrender() -> None:
    """Make the package `pyrender` importable by its parts, without running its `__init__`.

    That imports a viewer, and with it trimesh, scipy, networkx and pyglet: more than a second in each media process,
    for nothing that is used here. It runs all the same, once, when anything else of the package is asked for.
    """
    if "pyrender" in sys.modules:
        return
    spec = importlib.util.find_spec("pyrender")
    assert spec is not None
    assert spec.loader is not None
    package, loader = importlib.util.module_from_spec(spec), spec.loader

    def load_whole(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        del package.__dict__["__getattr__"]
        loader.exec_module(package)
        return getattr(package, name)

    package.__dict__["__getattr__"] = load_whole
    sys.modules["pyrender"] = package


class Context:
    """An EGL context without a window, current on the thread that made it; only that thread may use it."""

    def __init__(self) -> None:
        # Both are read once, by PyOpenGL at its import and by Mesa when the context is made. Worker threads of the
        # software rasteriser cost more in waking up than a picture of some 200 x 100 pixels costs to draw.
        os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
        os.environ.setdefault("LP_NUM_THREADS", "0")
        know_pyrender()
        from pyrender.platforms.egl import EGLPlatform  # noqa: PLC0415  PyOpenGL chooses its platform at import

        self._platform: Any = EGLPlatform(16, 16)
        self._platform.init_context()
        from OpenGL.platform import PLATFORM  # noqa: PLC0415

        for name, (slow, kinds) in _SIGNATURES.items():
            address = PLATFORM.getExtensionProcedure(name.encode())
            maker = ctypes.CFUNCTYPE if slow else ctypes.PYFUNCTYPE
            result = ctypes.c_uint if name == "glGetError" else None
            setattr(self, name, maker(result, *(_KINDS[kind] for kind in kinds))(address))

    def __getattr__(self, name: str) -> Any:
        # Only for the type checker's sake: the functions above are set one by one.
        raise AttributeError(name)

    def close(self) -> None:
        """Destroy the context. Nothing made in it can be used afterwards.

        pyrender would terminate the display with it, and with that every other context of the process. What others do
        with pyrender in the same process does end them so. A context then lives on for as long as it is current, but
        its name is gone: there is nothing left to destroy, whether the display is still down or up again by then.
        """
        if self._platform is not None:
            from OpenGL.EGL import EGL_BAD_CONTEXT, EGL_NOT_INITIALIZED, eglDestroyContext  # noqa: PLC0415
            from OpenGL.raw.EGL._errors import EGLError  # noqa: PLC0415

            try:
                eglDestroyContext(self._platform._egl_display, self._platform._egl_context)
            except EGLError as error:
                if error.err not in (EGL_NOT_INITIALIZED, EGL_BAD_CONTEXT):
                    raise
            self._platform = None
