"""The dashboard in its owner's language: every text of every page has its words in each, and none stands outside."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from jinja2 import Environment

from tenancy.events import EVENTS
from tenancy.team import ROLES
from tests.web.conftest import ROOT, Site
from tests.web.people import Person
from web.app import operations
from web.dashboard import tongue
from web.dashboard.door import ROOMS
from web.dashboard.overview import HINTS
from web.dashboard.tongue import TONGUES, Tongue
from web.dashboard.words import DEEDS, DIMENSIONS, RIGHTS
from web.languages import words
from web.openapi import Credential
from web.problem import REFUSALS

OTHERS = [code for code in TONGUES if code != "en"]
TEMPLATES = sorted((ROOT / "web" / "templates" / "dashboard").glob("*.html"))
SCRIPTS = sorted((ROOT / "web" / "dashboard" / "static").glob("*.js"))
SAME_EVERYWHERE = {"Vitrine", "SKU", "ms", "s", "min", "mm", "cm"}
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
PAGES = ("", "/products", "/look", "/keys", "/webhooks", "/team", "/usage", "/audit", "/privacy", "/me")


def texts() -> set[str]:
    """Every text that may be said."""
    found: set[str] = set()
    reader = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    for path in TEMPLATES:
        for _, _, said in reader.extract_translations(path.read_text(), ("_",)):
            found.add(str(said if isinstance(said, str) or said is None else said[0]))
    for path in (ROOT / "web" / "dashboard").glob("*.py"):
        found |= set(re.findall(r'\bsay\(\s*"([^"]+)"', path.read_text()))
    found |= {*(name for _, name, _ in ROOMS), *HINTS.values(), *DEEDS.values(), *RIGHTS.values(), *DIMENSIONS.values()}
    found |= {*EVENTS.values(), *ROLES, *(role.capitalize() for role in ROLES), "glasses", "hat", "garment"}
    found |= {"Findings", "Triangles", "Unit", "Avatars", "Try-ons", "Snapshots", "Into the cart"}
    found |= {tongue.MONTHS, tongue.SHORT_MONTHS, *tongue.SCRIPTS, *(text for _, text in tongue._LINES)}
    return found - {"None"}


class Reader(HTMLParser):
    """What a page shows or reads aloud."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        spoken = ("placeholder", "aria-label", "title", "alt", "data-done", "data-sure")
        self.shown += [value for name, value in attrs if name in spoken and value]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("code", "pre", "textarea", "script", "style"):
            self.shown.append(data)


def shown_in(page: str) -> Iterator[str]:
    reader = Reader()
    reader.feed(page)
    yield from (" ".join(text.split()) for text in reader.shown)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_no_text_stands_in_a_template_but_as_a_text(path):
    for text in shown_in(JINJA.sub("", path.read_text())):
        if re.fullmatch(r"\S+[./:]\S+|\{.*\}", text):  # an address, or JSON
            continue
        for part in text.split("·"):
            left = part.strip(" .,;:…–×()")
            assert left in SAME_EVERYWHERE or not re.search(r"[A-Za-z]{2}", left), text


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_has_its_words_and_no_words_are_left_over(code: str):
    known, wanted = words(code, "dashboard"), texts()
    titles = {title for _, title in REFUSALS.values()}
    assert wanted - set(known) == set()
    assert set(known) - wanted - titles == set()


@pytest.mark.parametrize("code", OTHERS)
def test_words_keep_what_is_filled_in_and_marked_up(code: str):
    for english, said in words(code, "dashboard").items():
        for pattern in (r"\{\w+\}", r"<[^>]+>"):
            assert sorted(re.findall(pattern, english)) == sorted(re.findall(pattern, said)), english
        assert "'" not in said
        assert '"' not in re.sub(r"<[^>]+>", "", said), "it may stand in an attribute"


def test_what_scripts_say_is_given_to_them():
    for path in SCRIPTS:
        for said in re.findall(r"inWords\((.*?)\)", path.read_text()):
            assert set(re.findall(r"'([^']+)'", said)) <= set(tongue.SCRIPTS)
        assert not re.findall(r"say\('", path.read_text()), f"{path.name} says something in English alone"


@pytest.mark.parametrize("code", OTHERS)
def test_what_an_owner_may_be_refused_with_has_a_title(site: Site, code: str):
    may = {
        problem
        for operation in operations(site.services, site.settings)
        if operation.credential is Credential.OWNER or operation.path.startswith(("/v1/login", "/v1/shops", "/v1/pass"))
        for problem in operation.problems
    }
    assert len(may) > 30
    assert {title for problem in may if (title := REFUSALS[problem][1]) not in words(code, "dashboard")} == set()


@pytest.mark.parametrize(("asked", "code"), [("de-AT,de;q=0.9,en;q=0.8", "de"), ("it,fr;q=0.5", "fr"), ("es", "en")])
async def test_every_page_is_in_the_language_that_is_asked_for(ada: Person, asked: str, code: str):
    services = ada.site.services
    shop = await services.credentials.shop_for_slug(ada.slug)
    product = await services.products.add(shop.id, "Panto 49", "glasses", b"glTF", by="ada")
    english = {text for text in texts() if len(text) > 12 and "{" not in text}
    for path in (*PAGES, f"/products/{product.id}"):
        async with ada.calls("GET", f"/dashboard{path}", headers={"Accept-Language": asked}) as response:
            page = await response.text()
            assert response.status == 200
            assert response.headers["Content-Language"] == code
        assert f'<html lang="{code}">' in page
        said = set(shown_in(html.unescape(page)))
        assert said & {text for text in english if Tongue(code)(text) != text} == set(), path
        assert Tongue(code)("Log out") in said


async def test_a_refused_login_and_an_unknown_address_are_told_in_it_too(ada: Person):
    form = {"shop": ada.slug, "email": ada.email, "password": "wrong turnips in a tram"}
    speaks = {"Accept-Language": "fr"}
    async with ada.calls("POST", "/dashboard/login", data=form, headers=speaks) as response:
        assert "Boutique, adresse et mot de passe ne vont pas ensemble." in await response.text()
    async with ada.calls("GET", "/dashboard/nothing", headers=speaks) as response:
        assert "<h1>Il n’y a rien ici</h1>" in await response.text()


def test_numbers_days_and_sums_are_written_as_each_writes_them():
    at = datetime(2026, 3, 5, 14, 7, tzinfo=UTC)
    english, german, french = (Tongue(code) for code in ("en", "de", "fr"))
    assert [each.day(at) for each in (english, german, french)] == ["05 Mar 2026", "05. März 2026", "05 mars 2026"]
    assert [each.month(at) for each in (english, german, french)] == ["March 2026", "März 2026", "mars 2026"]
    assert german.moment(at) == "05. März 2026, 14:07 UTC"
    assert [each.euro(123456) for each in (english, german, french)] == [
        "1,234.56 €",
        "1.234,56 €",
        "1\u202f234,56 €",
    ]
    assert [each.size(5_730_000) for each in (english, german, french)] == ["5.73 MB", "5,73 MB", "5,73 Mo"]
    assert german.line("Try-ons beyond 1,000") == "Anproben über 1.000"
    assert french.line("Plan Free") == "Forfait Free"


def test_what_is_filled_in_cannot_be_markup():
    assert Tongue("de")("Remove {email}?", email="<b>&") == "&lt;b&gt;&amp; entfernen?"
