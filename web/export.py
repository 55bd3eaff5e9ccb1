"""Everything a shop has here, as one zip that needs nothing of ours to be read: JSON, CSV, GLB and PNG.

`manifest.json` has the SHA-256 of every other file, and `receipt.jws` is this installation's signed word for it.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any
from uuid import UUID

from tenancy.audit import Line, lines
from tenancy.owners import Owners
from tenancy.shops import Shop

_AUDIT_PAGE = 1000


@dataclass(frozen=True)
class Archive:
    """A zip that is being written. `digests`: the SHA-256 of each file in it, by name."""

    zip: zipfile.ZipFile
    digests: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, content: bytes) -> None:
        """Add a file."""
        self.zip.writestr(name, content)
        self.digests[name] = hashlib.sha256(content).hexdigest()


async def write_export(owners: Owners, shop: Shop) -> IO[bytes]:
    """A temporary file, at its beginning; gone when closed. Files are stored, for GLB and PNG do not shrink."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
    try:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as opened:
            archive = Archive(opened)
            settings = await owners.settings.read(shop.id)
            archive.put("shop.json", _json(vars(settings)))
            products = []
            for product in await owners.products.every(shop.id):
                products.append({**vars(product), "versions": []})
                for version in await owners.versions.versions(shop.id, product.id):
                    folder = f"products/{product.id}/{version.number}"
                    products[-1]["versions"].append({**vars(version), "folder": folder})
                    for digest, name in ((version.glb_digest, "model.glb"), (version.thumbnail_digest, "picture.png")):
                        content = await owners.files.get(shop.id, digest)
                        await asyncio.to_thread(archive.put, f"{folder}/{name}", content)
            archive.put("products.json", _json(products))
            keys = await owners.credentials.keys(shop.id)
            archive.put("keys.json", _json([vars(key) for key in keys]))
            people = await owners.team.people(shop.id)
            archive.put("team.json", _json([vars(person) for person in people]))
            archive.put("audit.json", _json([vars(line) for line in await _audit(owners, shop)]))
            days = await owners.usage.days(shop.id, 3660)
            rows = [(day.day.isoformat(), day.try_ons, round(day.minutes, 3)) for day in days if day.try_ons]
            archive.put("usage.csv", _csv(("day", "try_ons", "minutes"), rows))
            sums = await owners.tallies.every(shop.id)
            archive.put("tallies.csv", _csv(("day", "measure", "label", "count"), sums))
            consents = await _consents(owners, shop)
            archive.put("consents.csv", _csv(consents[0] if consents else (), [one.values() for one in consents]))
            domains = await owners.domains.of_shop(shop.id)
            archive.put("domains.json", _json([vars(domain) for domain in domains]))
            for own, name in ((settings.logo_digest, "logo.png"), (settings.font_digest, "font.woff2")):
                if own:
                    archive.put(name, await owners.files.get(shop.id, own))
            manifest = _json(archive.digests)
            archive.put("manifest.json", manifest)
            archive.put("receipt.jws", owners.signer.sign(_facts(shop, manifest)).encode())
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


async def _consents(owners: Owners, shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while page := await owners.shoppers.consents(shop.id, UUID(found[-1]["id"]) if found else None):
        found += page
    return found


def _facts(shop: Shop, manifest: bytes) -> dict[str, str]:
    return {
        "kind": "export",
        "shop": str(shop.id),
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
        "exported_at": datetime.now(UTC).isoformat(),
    }


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1, default=str).encode()


def _csv(heading: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(heading)
    writer.writerows(rows)
    return sink.getvalue().encode()
