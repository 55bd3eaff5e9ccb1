"""The page that tells a shopper what is kept of her, in her language, and where she sees it and has it erased."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps

from tenancy.consent import current_text
from tenancy.owners import Owners
from web.dashboard.style import LOOKS_PREFIX
from web.languages import language_for, words

_FACT = "privacy.fact."  # what a receipt or an export calls something, in the shopper's language


@dataclass(frozen=True)
class PrivacyPage:
    """Serves `/s/{shop}/privacy`."""

    owners: Owners
    templates: Path

    async def get_page(self, request: web.Request) -> web.Response:
        shop = await self.owners.credentials.shop_for_slug(request.match_info["shop"])
        settings = await self.owners.settings.shown(shop.id)
        language = language_for(request, settings.language)
        says = {key: text.replace("{shop}", shop.name) for key, text in words(language).items()}
        facts = {key.removeprefix(_FACT): text for key, text in says.items() if key.startswith(_FACT)}
        text = self._template.render(
            shop=shop,
            language=language,
            says=says,
            facts_json=htmlsafe_json_dumps(facts),
            days=asdict(await self.owners.retentions.shown(shop.id)),
            consent=current_text(language),
            looks=f"{LOOKS_PREFIX}{shop.slug}.css",
        )
        headers = {hdrs.CACHE_CONTROL: "no-cache", hdrs.CONTENT_LANGUAGE: language, hdrs.VARY: hdrs.ACCEPT_LANGUAGE}
        return web.Response(text=text, content_type="text/html", headers=headers)

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Pages are for people: they are no part of the described interface."""
        router.add_get("/s/{shop}/privacy", self.get_page)

    @cached_property
    def _template(self) -> Any:
        loader = FileSystemLoader(self.templates)
        made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        return made.get_template("privacy.html")
