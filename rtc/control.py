"""The data channel `control`: JSON text messages of the public contract, read strictly and written plainly."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

CHANNEL = "control"
MAX_MESSAGE_BYTES = 4096
MAX_WORN = 4


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Wear(_Message):
    """Wear exactly these products, in this order; an empty list takes everything off."""

    type: Literal["wear"]
    products: list[Annotated[str, Field(max_length=64)]] = Field(max_length=MAX_WORN)


class Garment(_Message):
    """A product of the shop on the avatar's body, in a size of its chart, or in the one it was modelled in."""

    product: str = Field(min_length=1, max_length=64)
    size: str | None = Field(default=None, min_length=1, max_length=32)


class View(_Message):
    """Look at the camera's picture or at the avatar, turned by `yaw` degrees.

    What is absent stays as it was; at first it is the visit's newest complete avatar, undressed, in the studio.
    `tucked`: tops go into bottoms.
    """

    type: Literal["view"]
    mode: Literal["live", "avatar"]
    yaw: float | None = Field(default=None, allow_inf_nan=False, ge=-1e6, le=1e6)
    avatar: str | None = Field(default=None, min_length=1, max_length=64)
    wear: list[Garment] | None = Field(default=None, max_length=MAX_WORN)
    tucked: bool | None = Field(default=None, strict=True)
    scene: Literal["room", "studio"] | None = None


class Snapshot(_Message):
    """A picture of this moment, please."""

    type: Literal["snapshot"]


class Ping(_Message):
    """The shopper's page is alive; `t` comes back in the pong."""

    type: Literal["ping"]
    t: float = Field(allow_inf_nan=False)


class Stats(_Message):
    """What the browser itself measured since the last report."""

    type: Literal["stats"]
    fps: float | None = Field(default=None, ge=0, le=240)
    rtt_ms: float | None = Field(default=None, ge=0, le=60_000)
    jitter_buffer_ms: float | None = Field(default=None, ge=0, le=60_000)
    frames_dropped: int | None = Field(default=None, ge=0, le=1_000_000)
    freezes: int | None = Field(default=None, ge=0)
    freeze_ms: float | None = Field(default=None, ge=0, le=3_600_000)
    packets_lost: int | None = Field(default=None, le=1_000_000)
    bitrate_bps: float | None = Field(default=None, ge=0, le=1e10)


ClientMessage = Wear | View | Snapshot | Ping | Stats
_READER: TypeAdapter[ClientMessage] = TypeAdapter(Annotated[ClientMessage, Field(discriminator="type")])


class MessageRejected(Exception):
    """A control message that is not one of ours."""

    code = "control-message-invalid"


def read_message(text: str | bytes) -> ClientMessage:
    """Parse a client's message; raises MessageRejected."""
    if len(text) > MAX_MESSAGE_BYTES:
        raise MessageRejected
    try:
        return _READER.validate_json(text)
    except ValidationError as error:
        raise MessageRejected from error


Reply = dict[str, Any]


def pong(ping: Ping) -> Reply:
    return {"type": "pong", "t": ping.t}


def face(state: str) -> Reply:
    """The face's state; `hint` is the same in words for clients without a wording of their own."""
    return {"type": "face", "state": state, "hint": HINTS.get(state)}


def error(code: str, **facts: Any) -> Reply:
    return {"type": "error", "code": code, **facts}


HINTS = {
    "lost": "We can't see your face. Look into the camera.",
    "too_dark": "It is too dark. Turn to the light.",
    "too_far": "Come a little closer.",
    "too_close": "Move back a little.",
    "partly_out": "Your face is half out of the picture.",
    "turned": "Turn back towards the camera.",
    "two_faces": "We see two faces. One at a time, please.",
}
