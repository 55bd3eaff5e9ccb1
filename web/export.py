"""Everything a shop has here, as one zip that needs nothing of ours to be read: JSON, CSV, GLB and PNG."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Iterable
from typing import IO, Any

from tenancy.audit import Line, lines
from tenancy.owners import Owners
from tenancy.shops import Shop

_AUDIT_PAGE = 1000


async def write_export(owners: Owners, shop: Shop) -> IO[bytes]:
    """A temporary file, at its beginning; gone when closed. Files are stored, for GLB and PNG do not shrink."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
    try:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            settings = await owners.settings.read(shop.id)
            _put(archive, "shop.json", _json(vars(settings)))
            products = []
            for product in await owners.products.every(shop.id):
                products.append({**vars(product), "versions": []})
                for version in await owners.versions.versions(shop.id, product.id):
                    folder = f"products/{product.id}/{version.number}"
                    products[-1]["versions"].append({**vars(version), "folder": folder})
                    for digest, name in ((version.glb_digest, "model.glb"), (version.thumbnail_digest, "picture.png")):
                        content = await owners.files.get(shop.id, digest)
                        await asyncio.to_thread(_put, archive, f"{folder}/{name}", content)
            _put(archive, "products.json", _json(products))
            keys = await owners.credentials.keys(shop.id)
            _put(archive, "keys.json", _json([vars(key) for key in keys]))
            people = await owners.team.people(shop.id)
            _put(archive, "team.json", _json([vars(person) for person in people]))
            _put(archive, "audit.json", _json([vars(line) for line in await _audit(owners, shop)]))
            days = await owners.usage.days(shop.id, 3660)
            rows = [(day.day.isoformat(), day.try_ons, round(day.minutes, 3)) for day in days if day.try_ons]
            _put(archive, "usage.csv", _csv(("day", "try_ons", "minutes"), rows))
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


async def _audit(owners: Owners, shop: Shop) -> list[Line]:
    found: list[Line] = []
    while page := await lines(owners.database, shop.id, before=found[-1].id if found else None, most=_AUDIT_PAGE):
        found += page
    return found


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(name, content)


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1, default=str).encode()


def _csv(heading: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(heading)
    writer.writerows(rows)
    return sink.getvalue().encode()
