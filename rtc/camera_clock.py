"""A camera's time that only grows, made of RTP timestamps, which do not.

They begin anywhere in 32 bits and go round (RFC 3550 part 5.1): at 90 kHz one try-on in thirteen that lasts an hour
sees that happen, and a camera that begins anew, or a packet that lies, jumps. libvpx refuses every picture that is
older than its first one, so after such a jump no picture would ever come back.
"""

HALF, CIRCLE = 1 << 31, 1 << 32
STEP = 3750  # a frame at 24 a second, where the timestamp tells nothing
LONGEST_STEP = 90_000 * 5  # beyond five seconds it is another clock


class CameraClock:
    """90 kHz, from 0 on."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._now = 0

    def time(self, timestamp: int) -> int:
        """When the frame with this RTP timestamp was taken. To be asked once for each frame, in order."""
        if self._last is not None:
            step = (timestamp - self._last + HALF) % CIRCLE - HALF
            self._now += step if 0 < step <= LONGEST_STEP else STEP
        self._last = timestamp
        return self._now
