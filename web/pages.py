"""The pages: the try-on page of a shop, its built files, and the way from / to the demo shop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from aiohttp import hdrs, web
from jinja2 import Environment, FileSystemLoader
from jinja2.utils import htmlsafe_json_dumps

from tenancy.credentials import Credentials, Shop
from tenancy.domains import Domains
from tenancy.errors import UnknownDomain, UnknownShop
from tenancy.shop_settings import Settings
from web.dashboard.style import LOOKS_PREFIX
from web.languages import FIRST, language_for, words
from web.middleware import FRAME_ANCESTORS
from web.problem import Problem

STATIC_PREFIX = "/static/app/"
_ENTRY = "src/main.ts"
_FITTING_ROOM, _FITTING_ENTRY = "fitting-room", "src/fitting/main.ts"
# Words of the privacy page, which the try-on page only links to.
_TOLD_ELSEWHERE = frozenset(key for key in words(FIRST) if key.startswith("privacy.")) - {"privacy.link"}
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True)
class Pages:
    """Serves the shell of the try-on page. `built` is the folder that Vite wrote; `demo` where / leads to."""

    credentials: Credentials
    settings: Settings
    domains: Domains
    templates: Path
    built: Path
    demo: str | None

    async def get_root(self, request: web.Request) -> web.Response:
        """A shop's page at a domain of its own; else the demo shop, if there is one."""
        try:
            return await self._page_of(request, await self.domains.shop_for_host(request.host.partition(":")[0]), None)
        except UnknownDomain:
            pass
        if self.demo is None:
            raise Problem("not-found")
        raise web.HTTPFound(f"/s/{self.demo}")

    async def get_try_on_page(self, request: web.Request) -> web.Response:
        product = request.match_info.get("product")
        try:
            shop = await self.credentials.shop_for_slug(request.match_info["shop"])
        except UnknownShop:
            bootstrap = {"shop": None, "key": None, "product": None, "privacy": ""}
            return self._page(None, bootstrap, language_for(request), {}, status=404)
        return await self._page_of(request, shop, product)

    async def get_fitting_room(self, request: web.Request) -> web.Response:
        """Where a shopper gets from photos to a body: a page of its own, so that the mirror stays light."""
        try:
            shop = await self.credentials.shop_for_slug(request.match_info["shop"])
            settings = await self.settings.shown(shop.id)
        except UnknownShop:
            shop, settings = None, None
        language = language_for(request, settings.language if settings else None)
        said = words(language, _FITTING_ROOM)
        bootstrap = {
            "shop": {"slug": shop.slug, "name": shop.name} if shop else None,
            "key": await self.credentials.publishable_key(shop.id) if shop else None,
            "privacy": f"/s/{shop.slug}/privacy?lang={language}" if shop else "",
            "language": language,
            "words": said,
        }
        shown = {"mirror.title": said["title"], "mirror.noscript": said["noscript"]}
        return self._shell(shop, bootstrap, language, shown, _FITTING_ENTRY, status=200 if shop else 404)

    async def _page_of(self, request: web.Request, shop: Shop, product: str | None) -> web.Response:
        settings = await self.settings.shown(shop.id)
        language = language_for(request, settings.language)
        bootstrap = {
            "shop": {"slug": shop.slug, "name": shop.name},
            "key": await self.credentials.publishable_key(shop.id),
            "product": product,
            "privacy": f"/s/{shop.slug}/privacy?lang={language}",
        }
        # The page itself knows the catalog and says what is not in it; here only what can be no product's id shows.
        status = 200 if product is None or _is_uuid(product) else 404
        return self._page(shop, bootstrap, language, settings.words.get(language, {}), status=status)

    async def get_built_file(self, request: web.Request) -> web.StreamResponse:
        """A file of the build. Those under `assets/` carry a hash in their name and are kept for ever."""
        name = request.match_info["name"]
        path = (self.built / name).resolve()
        media_type = _TYPES.get(path.suffix)
        if media_type is None or not path.is_relative_to(self.built.resolve()) or not path.is_file():
            raise Problem("not-found")
        kept = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
        headers: dict[str, str] = {hdrs.CACHE_CONTROL: kept, hdrs.CONTENT_TYPE: media_type}
        if name == "embed.js":  # shops load it into their own pages
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return web.FileResponse(path, headers=headers)

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Pages are for people: they are no part of the described interface."""
        router.add_get("/", self.get_root)
        router.add_get("/s/{shop}", self.get_try_on_page)
        router.add_get(f"/s/{{shop}}/{_FITTING_ROOM}", self.get_fitting_room)
        router.add_get("/s/{shop}/{product}", self.get_try_on_page)
        router.add_get(STATIC_PREFIX + r"{name:[\w./-]+}", self.get_built_file)

    def _page(
        self, shop: Shop | None, bootstrap: dict[str, Any], language: str, own: Mapping[str, str], *, status: int
    ) -> web.Response:
        says = {key: text for key, text in {**words(language), **own}.items() if key not in _TOLD_ELSEWHERE}
        return self._shell(
            shop, {**bootstrap, "language": language, "words": says}, language, says, _ENTRY, status=status
        )

    def _shell(
        self,
        shop: Shop | None,
        bootstrap: Mapping[str, Any],
        language: str,
        says: Mapping[str, str],
        entry: str,
        *,
        status: int,
    ) -> web.Response:
        """The HTML that loads an entry of the build."""
        text = self._template.render(
            shop_name=shop.name if shop else None,
            language=language,
            says=says,
            bootstrap_json=htmlsafe_json_dumps(bootstrap),
            script_url=STATIC_PREFIX + self._manifest[entry]["file"],
            style_urls=[
                *(STATIC_PREFIX + style for style in self._styles(entry)),
                *([f"{LOOKS_PREFIX}{shop.slug}.css"] if shop else []),
            ],
        )
        response = web.Response(text=text, status=status, content_type="text/html")
        response.headers[hdrs.CACHE_CONTROL] = "no-cache"
        response.headers[hdrs.CONTENT_LANGUAGE] = language
        response.headers[hdrs.VARY] = hdrs.ACCEPT_LANGUAGE
        response[FRAME_ANCESTORS] = ("'self'", *(shop.allowed_origins if shop else ()))
        return response

    def _styles(self, entry: str) -> list[str]:
        """What an entry needs, and first what the parts need that it shares with others."""
        chunk = self._manifest[entry]
        shared = [style for part in chunk.get("imports", []) for style in self._styles(part)]
        return list(dict.fromkeys([*shared, *chunk.get("css", [])]))

    @cached_property
    def _template(self) -> Any:
        return Environment(loader=FileSystemLoader(self.templates), autoescape=True).get_template("try_on.html")

    @cached_property
    def _manifest(self) -> dict[str, Any]:
        """Which built file belongs to which source (Vite's manifest)."""
        loaded: dict[str, Any] = json.loads((self.built / "manifest.json").read_text())
        return loaded


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
