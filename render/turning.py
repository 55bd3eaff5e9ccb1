"""A turntable: it follows the finger, never faster than a person can be turned, and comes to rest without a jerk."""

from __future__ import annotations

from typing import Final

FASTEST_DEG_S: Final = 400.0
FOLLOWING_S: Final = 0.09  # in which two thirds of the way that is left are gone
STILL_DEG: Final = 0.25  # less is not seen
LONGEST_STEP_S: Final = 0.25


def shortest(degrees: float) -> float:
    """The same turn as -180 to 180 degrees."""
    return (degrees + 180.0) % 360.0 - 180.0


class Turntable:
    """yaw_deg: where it stands, -180 to 180."""

    def __init__(self, yaw_deg: float = 0.0) -> None:
        self.yaw_deg = shortest(yaw_deg)

    def towards(self, wanted_deg: float, seconds: float) -> bool:
        """Go on towards a direction, the short way round; returns whether it turned."""
        left = shortest(wanted_deg - self.yaw_deg)
        if abs(left) < STILL_DEG:
            return False
        seconds = min(max(seconds, 0.0), LONGEST_STEP_S)
        share = 1.0 - 2.718281828 ** (-seconds / FOLLOWING_S)
        most = FASTEST_DEG_S * seconds
        step = min(max(left * share, -most), most)
        # The last bit at once: a figure that creeps would be drawn anew for nothing that is seen.
        self.yaw_deg = shortest(self.yaw_deg + (left if abs(left - step) < STILL_DEG else step))
        return True
