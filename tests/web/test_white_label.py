"""A shop's own looks, words and addresses: what it may set, what shoppers get, and what nobody can slip in."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from PIL import Image

from tenancy.colours import LEAST_ON_PAPER, contrast, mixed, readable_on
from tenancy.fonts import OPEN_FONTS, check_woff2
from tests.web.conftest import ROOT, Site, StartSite
from tests.web.people import Person, sign_up
from tests.web.test_pages import bootstrap
from web.languages import LANGUAGES, preferred, words

FONT = (
    ROOT / "web/client/node_modules/@fontsource-variable/figtree/files/figtree-latin-wght-normal.woff2"
).read_bytes()


@pytest.fixture
def owner(ada: Person) -> Person:
    return ada


async def page(site: Site, path: str, **headers: str) -> tuple[str, dict[str, Any]]:
    async with site.calls("GET", path, headers=headers) as response:
        text = await response.text()
    return text, bootstrap(text)


async def style(site: Site, slug: str) -> str:
    async with site.calls("GET", f"/static/looks/{slug}.css") as response:
        assert response.content_type == "text/css"
        return await response.text()


async def refused(owner: Person, body: dict[str, Any]) -> str:
    before = await owner.json("GET", "/v1/shop")
    async with owner.calls("PATCH", "/v1/shop", json=body) as response:
        assert response.status == 400, await response.text()
        code = (await response.json())["code"]
    assert await owner.json("GET", "/v1/shop") == before
    return code


@pytest.mark.parametrize(
    "wrong",
    [
        {"accent": "red"},
        {"font": "comic-sans"},
        {"language": "tlh"},
        {"plan": "none"},
        {"region": "Mars"},
        {"name": ""},
    ],
)
async def test_of_a_change_that_is_wrong_in_one_place_nothing_is_written(owner: Person, wrong: dict[str, Any]):
    right = {"name": "Other", "allowed_origins": ["https://other.example"], "paper": "#ffffff", "cap_try_ons": 7}
    audit = await owner.json("GET", "/v1/audit")
    assert await refused(owner, right | wrong) == "shop-invalid"
    assert await owner.json("GET", "/v1/audit") == audit


async def test_two_who_change_the_shop_at_once_both_do(owner: Person):
    changes = [{"name": "Other"}, {"paper": "#ffffff"}, {"cap_try_ons": 7}, {"language": "fr"}, {"accent": "#ffd400"}]
    await asyncio.gather(*(owner.json("PATCH", "/v1/shop", json=change) for change in changes))
    shop = await owner.json("GET", "/v1/shop")
    assert all(shop[name] == value for change in changes for name, value in change.items())


async def test_colours_are_shown_as_they_were_set_and_judged(site: Site, owner: Person):
    shown = await owner.json("PATCH", "/v1/shop", json={"accent": "#FFD400", "paper": "#ffffff"})
    assert (shown["accent"], shown["paper"]) == ("#ffd400", "#ffffff")
    assert shown["accent_contrast"] == pytest.approx(1.4, abs=0.1)
    text = await style(site, "lunettes")
    assert "--accent: #ffd400;" in text
    assert "--on-accent: #1b1916;" in text  # dark words on yellow
    assert "--paper: #ffffff;" in text
    await owner.json("PATCH", "/v1/shop", json={"accent": "", "paper": ""})
    assert await style(site, "lunettes") == "\n"


@pytest.mark.parametrize("body", [{"accent": "red"}, {"accent": "#12345"}, {"paper": "#777777"}, {"paper": "url(x)"}])
async def test_what_is_no_colour_or_could_not_be_read_on_is_refused(owner: Person, body: dict[str, Any]):
    assert await refused(owner, body) == "shop-invalid"


@pytest.mark.parametrize("level", range(0, 256, 5))
def test_small_print_can_be_read_on_every_ground_that_is_taken(level: int):
    for paper in (f"#{level:02x}{level:02x}{level:02x}", f"#{level:02x}ff80", f"#ff{level:02x}ff", f"#0000{level:02x}"):
        ink = readable_on(paper)
        if contrast(paper, ink) >= LEAST_ON_PAPER:
            assert contrast(mixed(ink, 0.74, paper), paper) >= 4.5, paper


async def test_a_page_speaks_the_shoppers_language(site: Site):
    for language, title in (("de", "Anprobieren"), ("fr", "Essayer"), ("es", "Probárselo"), ("it", "Provalo")):
        text, told = await page(site, "/s/test", **{"Accept-Language": f"tlh,{language}-CH;q=0.8,en;q=0.1"})
        assert f'<html lang="{language}">' in text
        assert f"<title>{title} · Test Shop</title>" in text
        assert (told["language"], told["words"]["mirror.title"]) == (language, title)
    assert (await page(site, "/s/test?lang=it", **{"Accept-Language": "de"}))[1]["language"] == "it"
    assert (await page(site, "/s/test?lang=xx"))[1]["language"] == "en"
    text, _ = await page_text(site, "/s/test/privacy?lang=es")
    assert "Sus datos" in text
    assert "7 días" in text


async def page_text(site: Site, path: str) -> tuple[str, int]:
    async with site.calls("GET", path) as response:
        return await response.text(), response.status


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("en;q=0.1, it;q=0.9", "it"),
        ("fr;q=0, es", "es"),
        ("fr;q=x, es;q=0.2", "es"),
        ("*", "en"),
        (",;,=;q=", "en"),
        ("de;q=nan", "en"),
        ("fr," * 5000, "fr"),
    ],
)
def test_the_browsers_wishes_are_read_as_they_are_ranked(header: str, language: str):
    assert preferred(header) == language


async def test_single_words_are_the_shops_own(site: Site, owner: Person):
    own = {"de": {"consent.agree": "Na gut, Kamera an", "cart.add": " In die Tüte "}, "fr": {"cart.add": ""}}
    shown = await owner.json("PATCH", "/v1/shop", json={"language": "de", "words": own})
    assert shown["words"] == {"de": {"consent.agree": "Na gut, Kamera an", "cart.add": "In die Tüte"}}
    _, told = await page(site, "/s/lunettes", **{"Accept-Language": "fr"})
    assert (told["language"], told["words"]["cart.add"]) == ("de", "In die Tüte")
    assert told["words"]["way.leave"] == words("de")["way.leave"]
    _, told = await page(site, "/s/lunettes?lang=fr")
    assert told["words"]["cart.add"] == words("fr")["cart.add"]
    assert not [key for key in told["words"] if key.startswith("privacy.") and key != "privacy.link"]


@pytest.mark.parametrize(
    "body",
    [
        {"language": "tlh"},
        {"words": {"tlh": {"cart.add": "x"}}},
        {"words": {"en": {"no.such": "x"}}},
        {"words": {"en": {"privacy.picture-says": "We keep it all."}}},
        {"words": {"en": {"cart.add": "{shop}"}}},
        {"font": "comic-sans"},
    ],
)
async def test_words_that_cannot_be_are_refused(owner: Person, body: dict[str, Any]):
    assert await refused(owner, body) == "shop-invalid"


async def test_the_shop_cannot_speak_in_markup(site: Site, owner: Person):
    evil = {"en": {"mirror.title": "</title><script>alert(1)</script>", "cart.add": "</script>"}}
    await owner.json("PATCH", "/v1/shop", json={"words": evil})
    text, told = await page(site, "/s/lunettes")
    assert "<script>alert" not in text
    assert told["words"]["cart.add"] == "</script>"


def test_every_language_has_its_words():
    for language in LANGUAGES:
        assert words(language).keys() == words("en").keys()


async def test_a_font_of_ours_by_name_and_one_of_its_own_by_file(site: Site, owner: Person):
    await owner.json("PATCH", "/v1/shop", json={"font": "eb-garamond"})
    text = await style(site, "lunettes")
    assert "url(/static/app/fonts/eb-garamond.woff2)" in text
    assert "font-family: 'EB Garamond', ui-serif" in text
    headers = {"Content-Type": "font/woff2"}
    async with owner.calls("PUT", "/v1/shop/font", data=FONT, headers=headers) as response:
        assert (response.status, (await response.json())["code"]) == (400, "invalid-request")
    await owner.json("PUT", "/v1/shop/font?licensed=yes", data=FONT, headers=headers, status=204)
    text = await style(site, "lunettes")
    path = text.partition("url(")[2].partition(")")[0]
    async with site.calls("GET", path) as response:
        assert (response.content_type, await response.read()) == ("font/woff2", FONT)
    other = path.replace("lunettes", "test")
    assert await site.refusal("GET", other) == (404, "not-found")
    await owner.json("PATCH", "/v1/shop", json={"font": ""})
    assert await site.refusal("GET", path) == (404, "not-found")
    deeds = [line for line in (await owner.json("GET", "/v1/audit"))["lines"] if line["action"] == "shop.font-changed"]
    assert len(deeds) == 3


def spoilt(at: int, value: bytes) -> bytes:
    return FONT[:at] + value + FONT[at + len(value) :]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"wOF2",
        b"\x00" * 600_000,
        spoilt(0, b"wOFF"),
        spoilt(4, b"ttcf"),
        spoilt(8, b"\x00\x00\x00\x10"),
        spoilt(12, b"\x00\x00"),
        spoilt(12, b"\xff\xff"),
        spoilt(16, b"\x7f\xff\xff\xff"),
        spoilt(20, b"\x7f\xff\xff\xff"),
        spoilt(28, b"\x00\x00\x01\x00"),
        spoilt(40, b"\x00\x00\x01\x00"),
        FONT[:-1],
        FONT + b"<script>",
    ],
)
async def test_what_is_no_font_is_refused(owner: Person, content: bytes):
    headers = {"Content-Type": "font/woff2"}
    async with owner.calls("PUT", "/v1/shop/font?licensed=yes", data=content, headers=headers) as response:
        assert (await response.json())["code"] in ("shop-invalid", "payload-too-large")
    assert (await owner.json("GET", "/v1/shop"))["font"] is None


def test_the_open_fonts_are_there_with_their_licence():
    for name in OPEN_FONTS:
        folder = ROOT / "web/client/node_modules/@fontsource-variable" / name
        assert "SIL Open Font License" in (folder / "LICENSE").read_text()
        check_woff2((folder / "files" / f"{name}-latin-wght-normal.woff2").read_bytes())


async def test_only_our_host_and_proven_domains_are_answered(start_site: StartSite):
    site = await start_site(public_url="https://tryon.example")
    owner = await sign_up(site)
    await owner.client.close()
    domains = site.services.owners.domains
    shop = await site.services.credentials.shop_for_slug("lunettes")
    domain = await domains.add(shop.id, "Spiegel.Lunettes.example", by="ada")

    async def found(_name: str) -> list[str]:
        return ["v=spf1", domain.proof]

    domains._lookup = found

    async def asked(host: str, path: str) -> int:
        async with site.calls("GET", path, headers={"Host": host}) as response:
            return response.status

    assert await asked("spiegel.lunettes.example", "/") == 421
    await domains.verify(shop.id, domain.host, by="ada")
    await asyncio.sleep(1.1)  # as long as a host that was nobody's stays one
    assert await asked("spiegel.lunettes.example", "/") == 200
    assert await asked("Spiegel.Lunettes.Example:443", "/s/lunettes/privacy") == 200
    assert await asked("spiegel.lunettes.example", "/s/test") == 404
    for path in ("/dashboard", "/dashboard/login", "/dev/mail", "/openapi.json"):
        assert await asked("spiegel.lunettes.example", path) == 404
    assert await asked("evil.example", "/s/lunettes") == 421
    assert await asked("evil.example", "/healthz") == 200
    assert await asked("tryon.example", "/s/test") == 200
    shop = await site.services.credentials.shop_for_slug("lunettes")
    assert "https://spiegel.lunettes.example" in shop.allowed_origins
    await domains.remove(shop.id, domain.host, by="ada")
    assert await asked("spiegel.lunettes.example", "/") == 421
    shop = await site.services.credentials.shop_for_slug("lunettes")
    assert shop.allowed_origins == ()


async def test_a_logo_is_drawn_anew_and_served_to_everybody(site: Site, owner: Person):
    sink = io.BytesIO()
    Image.new("RGB", (900, 270), "#7a1f3d").save(sink, "PNG")
    headers = {"Content-Type": "image/png"}
    assert (await owner.json("GET", "/v1/shop"))["logo"] is None
    await owner.json("PUT", "/v1/shop/logo", data=sink.getvalue(), headers=headers, status=204)
    path = (await owner.json("GET", "/v1/shop"))["logo"]
    async with site.calls("GET", path) as response:
        assert (response.status, response.content_type) == (200, "image/png")
        with Image.open(io.BytesIO(await response.read())) as image:
            assert image.size == (480, 144)
    assert f"url({path})" in await style(site, "lunettes")
