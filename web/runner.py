"""Serves the application, and answers what never reaches it, being no HTTP or an encoding that is none, as everything
else is answered.

aiohttp's own answer to such a request is a line of plain text that repeats a part of it.
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from web.problem import Problem, problem_response


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """A problem document. Raises ConnectionError if an answer has begun already."""
        super().handle_error(request, status, exc, message)
        failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        response = problem_response(Problem("internal-error" if failed else "invalid-request"))
        response.headers["Server"] = "vitrine"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """An AppRunner whose connections speak in problem documents from the first byte."""

    __slots__ = ()

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made.request_handler, request_factory=made.request_factory, loop=made._loop, **made._kwargs)
