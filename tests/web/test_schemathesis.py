"""Schemathesis calls every described operation with what nobody thought of, on a real server: nothing but what the
document says comes back, nothing fails on our side, and what is not as described is refused."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import PUBLISHABLE, ROOT, Site, StartSite
from web.app import Services
from web.limits import DEFAULTS, Limits

# What the tool would call a fault and is none.
NOT_ASKED = (
    "positive_data_acceptance",  # a schema cannot say that a password was breached or that an SDP is none
    "missing_required_header",  # it takes a header that one of two credentials replaces for required
)
REFUSALS_OF_NONSENSE = {400, 401, 403, 404, 405, 409, 413, 415, 422, 428, 429, 503}
# This would end what the others are asked with.
WITHOUT_KEY = ("DELETE /v1/keys/{key}",)


@pytest.fixture
async def patient(start_site: StartSite, services: Services) -> Site:
    """A site that is asked more often in a minute than one address would ask, and that is ready without a media
    process."""
    without_media = {name: check for name, check in services.checks.items() if name != "media"}
    object.__setattr__(services, "checks", without_media)
    rates = dict.fromkeys(DEFAULTS, "1000000/minute")
    object.__setattr__(services, "limits", Limits(None, rates))
    return await start_site()


async def described(site: Site) -> dict[str, Any]:
    async with site.calls("GET", "/openapi.json") as response:
        return await response.json()


async def config(site: Site, document: dict[str, Any]) -> str:
    """Which credential goes with which operation; of the owner's calls, the key that may stand for a login."""
    bearers = {
        "secretKey": {"Authorization": f"Bearer {site.secret_key}"},
        "visitToken": await site.bearer(),
        "publishableKey": {"Authorization": f"Bearer {PUBLISHABLE}"},
    }
    parts = ["[checks.not_a_server_error]", 'expected-statuses = ["2xx", "3xx", "4xx", 503]']
    parts += ["[checks.negative_data_rejection]", f"expected-statuses = {sorted(REFUSALS_OF_NONSENSE)}"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            for scheme in {name for given in operation.get("security", []) for name in given} & set(bearers):
                if name not in WITHOUT_KEY:
                    pairs = ", ".join(f'"{key}" = "{value}"' for key, value in bearers[scheme].items())
                    parts.append(f'[[operations]]\ninclude-name = "{name}"\nheaders = {{ {pairs} }}')
    return "\n".join(parts)


async def run(site: Site, folder: Path, *options: str) -> None:
    settings = folder / "schemathesis.toml"
    settings.write_text(await config(site, await described(site)))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "run"]
    command += [site.url + "/openapi.json", "--exclude-checks", ",".join(NOT_ASKED), *options]
    command += ["--request-timeout", "20", "--no-color"]
    child = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.web.raw_bodies"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await child.communicate()
    assert child.returncode == 0, said.decode()


@pytest.mark.timeout(300)
async def test_every_operation_keeps_its_word(patient: Site, tmp_path: Path):
    """A few calls of each; the long run asks hundreds of times as many."""
    await run(patient, tmp_path, "--phases", "fuzzing", "--max-examples", "1", "--seed", "1", "--workers", "2")


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_every_operation_keeps_its_word_at_every_edge(patient: Site, tmp_path: Path):
    await run(patient, tmp_path, "--phases", "coverage,fuzzing", "--max-examples", "60", "--workers", "2")
