"""Values that a shape lets through and no table can keep, and two who ask for the same at once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.web.conftest import PUBLISHABLE
from tests.web.people import Person

STRANGE = ("\0", "a\0b", "\ud800", "\u202e", "\uffff", "x" * 5000, " ", "")
AGREED = {"version": "2026-11-22", "granted": True}


def calls_with(bad: str, product: str) -> list[tuple[str, str, Any]]:
    """Every call that takes a text, with that text in each of its places."""
    login = {"shop": "lunettes", "email": f"{bad}@x.example", "password": bad}
    return [
        ("PATCH", f"/v1/products/{product}", {"name": bad}),
        ("PATCH", f"/v1/products/{product}", {"variants": [{"sku": bad, "colour": bad, "size": bad}]}),
        ("POST", "/v1/keys", {"kind": "secret", "label": bad}),
        ("PATCH", "/v1/shop", {"name": bad}),
        ("PATCH", "/v1/shop", {"words": {"en": {"cart.add": bad}}}),
        ("PATCH", "/v1/shop", {"words": {bad: {bad: bad}}}),
        ("PATCH", "/v1/shop", {"allowed_origins": [f"https://{bad}"]}),
        *(("PATCH", "/v1/shop", {field: bad}) for field in ("plan", "language", "font", "region", "accent")),
        ("POST", "/v1/team", {"email": f"{bad}@x.example", "role": "staff"}),
        ("POST", "/v1/webhooks", {"url": f"https://x.example/{bad}", "events": ["tryon.ended"]}),
        ("POST", "/v1/domains", {"host": f"{bad}.example"}),
        ("POST", "/v1/login", login),
        ("POST", "/v1/login", {**login, "shop": bad}),
        ("POST", "/v1/shops", {**login, "shop": f"x{bad}", "name": bad}),
        ("POST", "/v1/confirmations", {"token": bad}),
        ("POST", "/v1/passwords", {"token": bad, "password": bad}),
        ("POST", "/v1/login/second-factor", {"challenge": bad, "code": bad}),
        ("POST", "/v1/password-resets", {"shop": bad, "email": bad}),
        ("POST", "/v1/sessions", {"key": bad, "consent": {**AGREED, "language": bad}}),
        ("POST", "/v1/sessions", {"key": PUBLISHABLE, "consent": {**AGREED, "version": bad}}),
        ("POST", "/v1/sessions", {"key": PUBLISHABLE, "consent": {**AGREED, "language": bad}}),
    ]


async def a_product(ada: Person) -> str:
    shop = await ada.site.services.credentials.shop_for_slug(ada.slug)
    return str((await ada.site.services.products.add(shop.id, "Panto", "glasses", b"glTF", by="ada")).id)


async def test_no_text_fails_on_our_side_and_none_with_a_nul_is_kept(ada: Person):
    product, failed = await a_product(ada), []
    for bad in STRANGE:
        for method, path, given in calls_with(bad, product):
            body = json.dumps(given).encode()
            async with ada.calls(method, path, data=body, headers={"Content-Type": "application/json"}) as response:
                if response.status >= 500 or ("\0" in bad and response.status < 400):
                    failed.append((method, path, given, response.status))
    assert failed == []


async def test_addresses_with_odd_queries_are_answered(ada: Person):
    for path in (
        *("/v1/usage?month=9999-12", "/v1/usage?month=0000-01", "/v1/usage?month=2026-13", "/v1/usage?month=%00"),
        *("/v1/audit?before=-1", "/v1/audit?before=99999999999999999999", "/v1/audit?before=%D9%A2"),
        *(
            "/dashboard?days=%00",
            "/dashboard/audit?before=%00",
            "/dashboard/look?tongue=%00",
            "/s/%00",
            "/s/lunettes/%00",
        ),
        *(
            "/dashboard/login?shop=%00",
            "/v1/consent?lang=%00",
            "/static/looks/%00.css",
            "/s/lunettes?lang=%FF&embed=%00",
        ),
    ):
        async with ada.calls("GET", path) as response:
            assert response.status < 500, path


async def test_of_many_who_ask_for_the_same_at_once_one_is_heard(ada: Person):
    product = await a_product(ada)

    async def all_at_once(method: str, path: str, given: Any = None) -> list[int]:
        async def one() -> int:
            async with ada.calls(method, path, json=given) as response:
                return response.status

        return sorted(await asyncio.gather(*(one() for _ in range(6))))

    assert await all_at_once("POST", "/v1/team", {"email": "bo@x.example", "role": "staff"}) == [202] * 6
    people = (await ada.json("GET", "/v1/team"))["people"]
    assert [person["email"] for person in people] == ["ada@shop.example", "bo@x.example"]
    assert await all_at_once("POST", "/v1/domains", {"host": "try.bo.example"}) == [201] * 6
    assert len((await ada.json("GET", "/v1/domains"))["domains"]) == 1
    assert await all_at_once("PATCH", f"/v1/products/{product}", {"name": "Panto 51"}) == [200] * 6
    versions = (await ada.json("GET", f"/v1/products/{product}/versions"))["versions"]
    assert [version["number"] for version in versions] == [7, 6, 5, 4, 3, 2, 1]
    assert await all_at_once("DELETE", f"/v1/products/{product}") == [204, *[404] * 5]
    same = {"shop": "zwei", "name": "Zwei", "email": "z@x.example", "password": "four turnips in a tram"}
    assert await all_at_once("POST", "/v1/shops", same) == [202, *[409] * 5]


async def test_two_variants_of_one_name_are_none(ada: Person):
    product = await a_product(ada)
    for variants in ([{"sku": "A"}, {"sku": "A "}], [{"sku": " "}]):
        async with ada.calls(
            "PATCH", f"/v1/products/{product}", json={"name": "Other", "variants": variants}
        ) as response:
            assert (response.status, (await response.json())["code"]) == (400, "product-invalid")
    kept = await ada.json("GET", f"/v1/products/{product}")
    assert (kept["name"], kept["variants"]) == ("Panto", [])
