"""VP8 through libvpx itself: the bit rate changes in place, and a key frame has a size limit.

PyAV's encoder can do neither: a new rate means a new encoder, whose first picture is a full key frame, sent in one
burst. So the libvpx that PyAV's wheel carries is called directly. The layout of its structures belongs to its ABI
version: `open_library` checks the version and known defaults and raises VpxUnavailable when anything is different;
the caller then falls back to PyAV.
"""

import ctypes
import functools
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

ENCODER_ABI = 39
I420 = 0x102
CQ_OK, FRAME_PACKET, KEY_FLAG, FORCE_KEY = 0, 0, 1, 1
NO_GOLDEN, NO_ALTREF, KEEP_GOLDEN, KEEP_ALTREF = 1 << 17, 1 << 21, 1 << 22, 1 << 23
# Each picture leans on the one before and on no older one: searching those costs time and finds nothing in a face
# before a still camera. A block that has changed by less than STATIC is not coded again. See docs/decisions/0004.
LAST_ONLY = NO_GOLDEN | NO_ALTREF | KEEP_GOLDEN | KEEP_ALTREF
STATIC = 100
REALTIME = 1
CBR = 1
SET_CPU_USED, SET_NOISE, SET_STATIC_THRESHOLD, SET_TOKEN_PARTITIONS, SET_MAX_INTRA_PCT = 13, 15, 17, 18, 26
MILLISECONDS = 1000
FIRST_DURATION_MS = 42


class VpxUnavailable(Exception):
    """No libvpx of the known ABI; use PyAV's encoder."""

    code = "vpx-unavailable"


class VpxFailed(Exception):
    """libvpx refused a frame or a setting."""

    code = "vpx-failed"


class _Config(ctypes.Structure):
    """vpx_codec_enc_cfg_t, as far as it is used; the rest is room."""

    _fields_ = [
        *((name, ctypes.c_uint) for name in ("usage", "threads", "profile", "width", "height")),
        *((name, ctypes.c_uint) for name in ("bit_depth", "input_bit_depth")),
        *((name, ctypes.c_int) for name in ("time_num", "time_den")),
        *((name, ctypes.c_uint) for name in ("error_resilient", "pass_", "lag", "drop_threshold")),
        *((name, ctypes.c_uint) for name in ("resize", "scaled_width", "scaled_height", "resize_up", "resize_down")),
        ("end_usage", ctypes.c_uint),
        ("two_pass", ctypes.c_void_p * 4),
        *((name, ctypes.c_uint) for name in ("target_kbps", "min_q", "max_q", "undershoot", "overshoot")),
        *((name, ctypes.c_uint) for name in ("buffer_ms", "buffer_initial_ms", "buffer_optimal_ms")),
        ("vbr", ctypes.c_uint * 4),
        *((name, ctypes.c_uint) for name in ("key_mode", "key_min", "key_max")),
        ("room", ctypes.c_char * 4096),
    ]


class _Image(ctypes.Structure):
    """vpx_image_t."""

    _fields_ = [
        *((name, ctypes.c_uint) for name in ("format", "space", "range", "width", "height", "depth")),
        *((name, ctypes.c_uint) for name in ("shown_width", "shown_height", "render_width", "render_height")),
        *((name, ctypes.c_uint) for name in ("chroma_x", "chroma_y")),
        ("planes", ctypes.c_void_p * 4),
        ("strides", ctypes.c_int * 4),
        ("bits", ctypes.c_int),
        ("private", ctypes.c_void_p * 4),
        ("room", ctypes.c_char * 64),
    ]


class _Packet(ctypes.Structure):
    """vpx_codec_cx_pkt_t of a compressed frame."""

    _fields_ = [
        ("kind", ctypes.c_int),
        ("data", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("pts", ctypes.c_int64),
        ("duration", ctypes.c_ulong),
        ("flags", ctypes.c_uint32),
    ]


@functools.cache
def open_library() -> ctypes.CDLL:
    """libvpx of PyAV's wheel; raises VpxUnavailable if its encoder is not laid out as declared here."""
    folder = Path(av.__file__).parent.parent / "av.libs"
    found = sorted(folder.glob("libvpx-*.so*"))
    if not found:
        raise VpxUnavailable("PyAV carries no libvpx of its own")
    library = ctypes.CDLL(str(found[0]))
    library.vpx_codec_vp8_cx.restype = ctypes.c_void_p
    library.vpx_codec_get_cx_data.restype = ctypes.POINTER(_Packet)
    library.vpx_codec_encode.argtypes = [
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_ulong,
        ctypes.c_long,
        ctypes.c_ulong,
    ]
    config = _default_config(library)
    known = (config.width, config.height, config.time_den, config.target_kbps, config.max_q, config.key_max)
    if known != (320, 240, 30, 256, 63, 128):
        raise VpxUnavailable("libvpx's settings are laid out differently")
    return library


def _default_config(library: ctypes.CDLL) -> _Config:
    config = _Config()
    interface = ctypes.c_void_p(library.vpx_codec_vp8_cx())
    if library.vpx_codec_enc_config_default(interface, ctypes.byref(config), 0) != CQ_OK:
        raise VpxUnavailable("libvpx has no VP8 encoder")
    return config


class VpxEncoder:
    """One VP8 stream of one picture size. Times are milliseconds; not shared between threads.

    max_key_pct: a key frame's size at most, in percent of the bits of an average frame. cpu_used: libvpx's speed,
    negative for real time; see docs/decisions for how it was chosen.
    """

    def __init__(self, width: int, height: int, bitrate: int, *, max_key_pct: int = 600, cpu_used: int = -8) -> None:
        self._library = open_library()
        self._config = config = _default_config(self._library)
        config.width, config.height, config.threads = width, height, 1
        config.time_num, config.time_den = 1, MILLISECONDS
        config.end_usage, config.lag, config.pass_ = CBR, 0, 0
        config.min_q, config.max_q, config.undershoot, config.overshoot = 2, 56, 100, 15
        config.buffer_ms, config.buffer_initial_ms, config.buffer_optimal_ms = 1000, 500, 600
        config.key_mode, config.key_min, config.key_max = 0, 0, 0  # only when asked for
        config.target_kbps = max(1, bitrate // 1000)
        self._context = ctypes.create_string_buffer(256)
        interface = ctypes.c_void_p(self._library.vpx_codec_vp8_cx())
        status = self._library.vpx_codec_enc_init_ver(
            self._context, interface, ctypes.byref(config), ctypes.c_long(0), ENCODER_ABI
        )
        if status != CQ_OK:
            raise VpxUnavailable(f"libvpx refused the encoder: {status}")
        self._open = True
        self._last_ms: int | None = None
        self._image = _Image()
        self._control(SET_CPU_USED, cpu_used)
        self._control(SET_NOISE, 0)
        self._control(SET_STATIC_THRESHOLD, STATIC)
        self._control(SET_TOKEN_PARTITIONS, 0)
        self._control(SET_MAX_INTRA_PCT, max_key_pct)

    @property
    def bitrate(self) -> int:
        """Target in bits a second."""
        return int(self._config.target_kbps) * 1000

    @bitrate.setter
    def bitrate(self, value: int) -> None:
        kbps = max(1, value // 1000)
        if kbps == self._config.target_kbps:
            return
        self._config.target_kbps = kbps
        if self._library.vpx_codec_enc_config_set(self._context, ctypes.byref(self._config)) != CQ_OK:
            raise VpxFailed("libvpx refused a bit rate")

    def encode(
        self, planes: tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]], time_ms: int, *, key: bool
    ) -> tuple[bytes, bool]:
        """One frame's bytes, and whether it is a key frame.

        planes: (h, w), (h/2, w/2), (h/2, w/2) uint8, rows contiguous in themselves. time_ms must grow.
        """
        height, width = planes[0].shape
        image = self._image
        self._library.vpx_img_wrap(
            ctypes.byref(image), I420, width, height, 1, planes[0].ctypes.data_as(ctypes.c_void_p)
        )
        for index, plane in enumerate(planes):
            image.planes[index] = plane.ctypes.data
            image.strides[index] = plane.strides[0]
        flags = FORCE_KEY if key else LAST_ONLY
        # The duration tells libvpx the frame rate, and so how many bits a frame, and a key frame, may have.
        duration = FIRST_DURATION_MS if self._last_ms is None else min(max(time_ms - self._last_ms, 5), 200)
        self._last_ms = time_ms
        status = self._library.vpx_codec_encode(self._context, ctypes.byref(image), time_ms, duration, flags, REALTIME)
        if status != CQ_OK:
            raise VpxFailed(f"libvpx refused a frame: {status}")
        data, is_key = b"", False
        iterator = ctypes.c_void_p()
        while packet := self._library.vpx_codec_get_cx_data(self._context, ctypes.byref(iterator)):
            if packet.contents.kind == FRAME_PACKET:
                data += ctypes.string_at(packet.contents.data, packet.contents.size)
                is_key = is_key or bool(packet.contents.flags & KEY_FLAG)
        return data, is_key

    def close(self) -> None:
        """Free the encoder."""
        if self._open:
            self._open = False
            self._library.vpx_codec_destroy(self._context)

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            self.close()

    def _control(self, setting: int, value: Any) -> None:
        if self._library.vpx_codec_control_(self._context, setting, ctypes.c_int(value)) != CQ_OK:
            raise VpxFailed(f"libvpx refused setting {setting}")
