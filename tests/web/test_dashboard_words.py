"""What an owner reads are words: every deed and every right has its own, and names stand where ids would."""

from __future__ import annotations

import html
import re
from uuid import uuid4

import pytest

from tenancy.principals import KEY_SCOPES
from tests.web.conftest import ROOT
from tests.web.people import Person
from web.dashboard.words import DEEDS, DIMENSIONS, RIGHTS, browser_of


def test_every_deed_that_is_noted_and_every_right_of_a_key_has_words():
    source = "".join(path.read_text() for path in (ROOT / "tenancy").glob("*.py"))
    noted = set(re.findall(r'"((?:account|domain|import|key|product|shop|team|webhook)\.[a-z-]+)"', source))
    events = {"webhook.test", "product.published"} | {name for name in noted if name.endswith((".html", ".json"))}
    assert noted - events <= set(DEEDS)
    assert set(DEEDS) <= noted, "and none for what nobody notes"
    assert set(RIGHTS) == KEY_SCOPES


async def test_the_audit_log_names_what_was_done_and_to_what(ada: Person):
    services = ada.site.services
    shop = await services.credentials.shop_for_slug(ada.slug)
    product = await services.products.add(shop.id, "Panto 49", "glasses", b"glTF", by="ada")
    await services.owners.versions.change(shop.id, product.id, name="Panto 51", by="ada")
    await ada.json("POST", "/v1/keys", json={"kind": "secret", "label": "ERP import"}, status=201)
    await ada.json("POST", "/v1/team", json={"email": "bo@shop.example", "role": "staff"}, status=202)
    async with ada.calls("GET", "/dashboard/audit") as response:
        text = html.unescape(re.sub(r"<[^>]+>", " ", await response.text()))
    log = " ".join(text.split())
    assert "Changed a product Panto 51" in log
    assert "Made a key ERP import" in log
    assert "Invited somebody bo@shop.example · staff" in log
    assert str(product.id) not in log


MOZILLA = "Mozilla/5.0 "
WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko) "


@pytest.mark.parametrize(
    ("agent", "called"),
    [
        (MOZILLA + "(X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (MOZILLA + "(Windows NT 10.0) " + WEBKIT + "Chrome/150.0 Safari/537.36 Edg/150.0", "Edge on Windows"),
        (MOZILLA + "(Linux; Android 10; K) " + WEBKIT + "Chrome/150.0 Mobile Safari/537.36", "Chrome on Android"),
        (MOZILLA + "(iPhone; CPU iPhone OS 18_5 like Mac OS X) " + WEBKIT + "CriOS/150 Safari/604", "Chrome on iPhone"),
        (MOZILLA + "(Macintosh; Intel Mac OS X 10_15_7) " + WEBKIT + "Version/18.5 Safari/605.1.15", "Safari on macOS"),
        ("python-requests/2.32", "python-requests/2.32"),
        ("", ""),
    ],
)
def test_a_browser_is_called_as_its_person_calls_it(agent: str, called: str):
    assert browser_of(agent) == called


async def test_dimensions_stand_in_the_order_of_the_trade(ada: Person):
    services = ada.site.services
    shop = await services.credentials.shop_for_slug(ada.slug)
    product = await services.products.add(shop.id, "Panto 49", "glasses", b"glTF", by="ada")
    async with ada.calls("GET", f"/dashboard/products/{product.id}") as response:
        terms = re.findall(r"<dt>([^<]+)</dt>", await response.text())
    measured = [DIMENSIONS[name] for name in DIMENSIONS if name in product.dimensions]
    assert measured
    assert [term for term in terms if term in DIMENSIONS.values()] == measured


async def test_an_address_that_leads_nowhere_is_answered_with_a_page(ada: Person):
    for path in ("/dashboard/nothing", "/dashboard/products/xyz", f"/dashboard/products/{uuid4()}"):
        async with ada.calls("GET", path) as response:
            text = await response.text()
            assert (response.status, response.content_type) == (404, "text/html")
        assert re.search(r"<h1>(There is nothing here|The shop has no such product)</h1>", text)
        assert '<a href="/dashboard">' in text
    async with ada.calls("GET", "/dashboard/products/xyz", headers={"HX-Request": "true"}) as response:
        assert response.headers["HX-Reswap"] == "none", "a piece of a page is not replaced by a whole one"
