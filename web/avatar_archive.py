"""An avatar as a zip to take along, and such a zip brought to another shop.

Of what is brought only numbers are believed, and only those that a body can have: the files are made anew from them.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from tenancy.avatars import Avatar
from web.contract_avatar import Exported
from web.problem import Problem

MAX_ARCHIVE_BYTES = 16 * 1024 * 1024
MAX_NUMBERS_BYTES = 256 * 1024
NUMBERS = "avatar.json"
_ABOUT = """This is your body as the fitting room made it.

avatar.json         what you stated, the measurements in centimetres with their errors, and the shape. Bring this file
                    (or the whole archive) to another shop's fitting room, and it will make the same body there.
body.glb            the body in 3D, compressed (EXT_meshopt_compression)
plain.glb           the same for viewers that know no compression
thumbnail.png       a picture of it
receipts/           signed statements of when your photos were destroyed (JWS, EdDSA)
"""


def write_archive(avatar: Avatar, files: Mapping[str, bytes], receipts: Sequence[str]) -> bytes:
    """The zip. GLB and PNG are stored: they do not shrink."""
    assert avatar.body is not None
    numbers = {
        "format": "vitrine-avatar/1",
        "stated": {name: said for name, said in vars(avatar.stated).items() if name != "skin"},
        "skin": avatar.skin,
        "body": avatar.body,
        "measures": avatar.measures,
        "corrections_cm": avatar.corrections,
    }
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(NUMBERS, json.dumps(numbers, indent=1))
        archive.writestr("README.txt", _ABOUT)
        for name, content in files.items():
            archive.writestr(name, content)
        for number, receipt in enumerate(receipts, 1):
            archive.writestr(f"receipts/{number}.jws", receipt)
    return sink.getvalue()


def read_archive(content: bytes) -> Exported:
    """The numbers in a zip, or in its `avatar.json` alone. Raises Problem `archive-invalid`."""
    try:
        return Exported.model_validate_json(_numbers(content))
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        wrong = [{"at": ".".join(str(step) for step in fault["loc"]), "fault": fault["type"]} for fault in faults]
        raise Problem("archive-invalid", members={"errors": wrong[:20]}) from None


def _numbers(content: bytes) -> bytes:
    """Raises Problem. What the archive says of its own sizes is not believed: no more than the limit is unpacked."""
    if not content.startswith(b"PK"):
        return content[: MAX_NUMBERS_BYTES + 1]
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(NUMBERS) as file:
            numbers = file.read(MAX_NUMBERS_BYTES + 1)
    except Exception:  # a hostile archive makes its readers raise whatever they can
        raise Problem("archive-invalid", f"The archive has no readable {NUMBERS}.") from None
    if len(numbers) > MAX_NUMBERS_BYTES:
        raise Problem("archive-invalid", f"{NUMBERS} is too large.")
    return numbers
