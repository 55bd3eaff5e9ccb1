"""What every answer carries, and what no other site's page may ask: over all routes, as they are."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from tests.web.conftest import Site, StartSite
from tests.web.people import Person
from web.app import create_app, operations
from web.openapi import Credential

EVIL = ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"})


def filled(path: str) -> str:
    """A path with something in the place of each parameter."""
    return re.sub(r"\{(\w+)\}", lambda found: "1" if found[1] == "number" else str(uuid4()), path)


def routes(site: Site) -> list[tuple[str, str]]:
    """Every route of the application, pages too, by method and path."""
    found = create_app(site.services, site.settings).router.routes()
    return sorted({(route.method, filled(route.resource.canonical)) for route in found if route.resource is not None})


async def test_every_answer_carries_the_headers(start_site: StartSite):
    site = await start_site(public_url="https://try.example")
    asked = routes(site)
    assert len(asked) > 120
    for method, path in [*asked, ("GET", "/nothing/here")]:
        async with site.calls(method, path) as response:
            where, headers = (method, path, response.status), response.headers
            policy = headers["Content-Security-Policy"]
            assert "unsafe" not in policy, where
            assert "default-src 'none'" in policy, where
            assert "frame-ancestors " in policy, where
            assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains", where
            assert headers["Permissions-Policy"].startswith("camera=(self), microphone=()"), where
            assert headers["X-Content-Type-Options"] == "nosniff", where
            assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin", where
            assert headers["Cross-Origin-Resource-Policy"] in ("same-origin", "cross-origin"), where
            assert headers["Server"] == "vitrine", where


async def test_without_https_nobody_is_told_to_use_it(site: Site):
    async with site.calls("GET", "/dashboard/login") as response:
        assert "Strict-Transport-Security" not in response.headers


async def test_no_page_has_a_script_or_style_of_its_own_in_it(ada: Person):
    """What the policy would refuse must not be there to be refused."""
    pages = [path for method, path in routes(ada.site) if method == "GET" and path.startswith(("/dashboard", "/s/"))]
    assert len(pages) > 12
    for path in [*pages, "/s/lunettes"]:
        async with ada.calls("GET", path) as response:
            if response.content_type != "text/html":
                continue
            text = await response.text()
        for script in re.findall(r"<script[^>]*>", text):
            assert "src=" in script or 'type="application/json"' in script, (path, script)
        assert "<style" not in text, path
        assert not re.search(r"\son\w+=|\sstyle=", text), path


@pytest.mark.parametrize("headers", EVIL)
async def test_no_other_sites_page_changes_anything_with_the_cookie(ada: Person, headers: dict[str, str]):
    token = next(iter(ada.client.cookie_jar)).value
    asked = 0
    for operation in operations(ada.site.services, ada.site.settings):
        if operation.credential is Credential.OWNER and operation.method != "GET":
            given = {**headers, "Cookie": f"vitrine={token}", "Content-Type": "application/json"}
            answer = await ada.site.refusal(operation.method, filled(operation.pattern), headers=given, data="{}")
            assert answer == (403, "cross-site"), operation.pattern
            asked += 1
    assert asked > 40
    assert (await ada.json("GET", "/v1/me"))["name"] == ada.email, "the login is as it was"


@pytest.mark.parametrize("headers", EVIL)
async def test_no_other_sites_page_logs_anybody_in_or_posts_a_form(site: Site, headers: dict[str, str]):
    for method, path in routes(site):
        if method != "POST" or not path.startswith(("/dashboard", "/v1/login", "/v1/passwords", "/v1/shops")):
            continue
        given = {**headers, "Content-Type": "application/json"}
        status, code = await site.refusal(method, path, headers=given, data="{}")
        assert (status, code) in ((403, "cross-site"), (401, "missing-credentials")), path
