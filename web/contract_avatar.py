"""The JSON of the avatar calls. Lengths are in centimetres; every field says so in its name."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from web.contract import Answered, Given

MeasureName = Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,39}$")]


class Measurement(Answered):
    """A measure after ISO 8559-1 with its standard deviation: in two cases of three the truth is within it."""

    cm: float
    sigma_cm: float


class Hint(Answered):
    """What is amiss with a photo: a stable code, and advice in words."""

    code: str
    advice: str


class PhotoHint(Hint):
    """What is amiss, and with which photo."""

    view: Annotated[
        Literal["front", "side"] | None, Field(description="The photo that it is about; null if it is about none.")
    ]


class Failure(PhotoHint):
    """Why nothing came of it."""


class AvatarFiles(Answered):
    """Paths that never change what they hold. They take the visit's token like every other call."""

    body: Annotated[str, Field(description="The body as GLB, compressed with meshopt.")]
    plain: Annotated[str, Field(description="The same without compression, for AR viewers.")]
    thumbnail: Annotated[str, Field(description="A PNG with a transparent ground.")]


class Avatar(Answered):
    """A shopper's body, or how far it is."""

    id: UUID
    origin: Literal["photos", "import"]
    status: Literal["queued", "processing", "complete", "failed"]
    stage: Annotated[str, Field(description="What is being done: looking, fitting, measuring, shaping, exporting.")]
    progress: Annotated[float, Field(ge=0, le=1)]
    eta_seconds: Annotated[int | None, Field(description="Until it is done, at a guess; null when it is.")]
    failure: Annotated[Failure | None, Field(description="Why nothing, or no correction, came of it.")]
    measurements: dict[str, Measurement]
    corrections_cm: Annotated[dict[str, float], Field(description="What the shopper measured herself.")]
    skin: Annotated[str, Field(description="How the body looks: `neutral`, #rrggbb, or `photo` until that is seen.")]
    findings: Annotated[list[PhotoHint], Field(description="What widened the errors, and how to do better.")]
    files: AvatarFiles | None
    created_at: datetime


class Avatars(Answered):
    """The visit's avatars, the newest first."""

    avatars: list[Avatar]


class Measurements(Answered):
    """The measures of a body."""

    measurements: dict[str, Measurement]


class Corrections(Given):
    """Measures that the shopper took with a tape: the others follow, and so does the body. Or how it is to look."""

    corrections_cm: Annotated[dict[MeasureName, float], Field(max_length=40, default_factory=dict)]
    skin: Annotated[str | None, Field(pattern=r"^(neutral|#[0-9a-f]{6})$")] = None


class Erased(Answered):
    """Nothing is left but these: JWS in compact form, to be checked against `GET /v1/receipt-key`."""

    receipts: list[str]


class StatedBefore(Given):
    """What the shopper had said of herself."""

    height_cm: float
    weight_kg: float | None = None
    sex: Literal["female", "male", "neutral"] | None = None
    clothing: Literal["tight", "everyday"] | None = None


class BodyBefore(Given):
    """The shape, in the components of the body model of that sex."""

    sex: Literal["female", "male", "neutral"]
    betas: Annotated[list[Annotated[float, Field(ge=-20, le=20)]], Field(min_length=1, max_length=300)]


class MeasureBefore(Given):
    """A measure as it was exported."""

    value_cm: Annotated[float, Field(ge=1, le=300)]
    sigma_cm: Annotated[float, Field(ge=0.05, le=50)]


class Exported(Given):
    """`avatar.json` of an exported avatar: all that another installation needs to make it anew."""

    format: Literal["vitrine-avatar/1"]
    stated: StatedBefore
    body: BodyBefore
    measures: Annotated[dict[MeasureName, MeasureBefore], Field(min_length=1, max_length=60)]
    corrections_cm: Annotated[dict[MeasureName, float], Field(max_length=60)]
    skin: Annotated[str, Field(pattern=r"^(neutral|#[0-9a-f]{6})$")] = "neutral"
