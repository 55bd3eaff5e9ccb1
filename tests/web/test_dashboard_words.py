"""What an owner reads are words: every deed and every right has its own, and names stand where ids would."""

from __future__ import annotations

import html
import re

from tenancy.principals import KEY_SCOPES
from tests.web.conftest import ROOT
from tests.web.people import Person
from web.dashboard.words import DEEDS, RIGHTS


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
