"""What every page of the dashboard has: its templates, its files, and answers that nobody keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from web.dashboard.tongue import Tongue
from web.dashboard.words import browser_of
from web.problem import CODE, REFUSALS, Problem, problem_of

STATIC_PREFIX = "/static/dashboard/"
_STATIC = Path(__file__).resolve().parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript"}


@dataclass(frozen=True)
class Shell:
    """Renders the templates in `templates/dashboard`."""

    templates: Path

    def page(self, request: web.Request, template: str, *, status: int = 200, **given: Any) -> web.Response:
        """A page or a piece of one; a piece is what htmx puts in place."""
        tongue = Tongue.of(request)
        spoken = {"_": tongue, "speaks": tongue.code, "told": tongue.for_scripts(REFUSALS), "wrong": None}
        text = self._environment.get_template(template).render({**spoken, **given})
        headers = {hdrs.CACHE_CONTROL: "no-store", hdrs.VARY: hdrs.ACCEPT_LANGUAGE, hdrs.CONTENT_LANGUAGE: tongue.code}
        return web.Response(text=text, status=status, content_type="text/html", headers=headers)

    def refusal(self, request: web.Request, error: Exception) -> web.Response:
        """A problem as a page: who typed an address or followed an old link reads no JSON."""
        problem = problem_of(error)
        status, said = REFUSALS[problem.code]
        response = self.page(request, "refused.html", status=status, said=said, detail=problem.detail)
        response.headers.update(problem.headers)
        if "HX-Request" in request.headers and "HX-Boosted" not in request.headers:
            response.headers["HX-Reswap"] = "none"  # a piece of a page stays as it was
        response[CODE] = problem.code
        return response

    async def get_nothing(self, request: web.Request) -> web.Response:
        """Under the dashboard, and none of its rooms."""
        return self.refusal(request, Problem("not-found"))

    async def get_static(self, request: web.Request) -> web.StreamResponse:
        path = _STATIC / request.match_info["name"]
        if path.suffix not in _TYPES or not path.is_file():
            raise Problem("not-found")
        headers = {hdrs.CACHE_CONTROL: "no-cache", hdrs.CONTENT_TYPE: _TYPES[path.suffix]}
        return web.FileResponse(path, headers=headers)

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The files that pages load."""
        router.add_get(STATIC_PREFIX + r"{name:[a-z]+\.[a-z]+}", self.get_static)

    @cached_property
    def _environment(self) -> Environment:
        made = Environment(
            loader=FileSystemLoader(self.templates / "dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        made.filters["browser"] = browser_of
        for name in ("day", "euro", "line", "moment", "month", "number", "size"):
            made.filters[name] = _spoken(name)
        return made


def _spoken(name: str) -> Callable[..., Any]:
    """A filter that writes as the page's language does."""

    @pass_context
    def write(context: Context, *given: Any) -> Any:
        return getattr(context["_"], name)(*given)

    return write
