"""Errors have one form, and neither an answer nor the log repeats what came in."""

from __future__ import annotations

import asyncio
import io
import json

import pytest
from aiohttp import web

from ops.telemetry import configure_logging
from tenancy import errors as tenancy_errors
from tests.web.conftest import Site
from web.middleware import access_log
from web.problem import REFUSALS, problem_of, problems


async def test_an_address_that_is_not_there_and_a_method_it_does_not_take(site: Site):
    assert await site.refusal("GET", "/v2/anything") == (404, "not-found")
    assert await site.refusal("PUT", "/v1/consent") == (405, "method-not-allowed")
    async with site.calls("PUT", "/v1/consent") as response:
        assert "GET" in response.headers["Allow"]


async def test_who_lacks_credentials_is_told_the_scheme(site: Site):
    async with site.calls("GET", "/v1/catalog") as response:
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="vitrine"'


@pytest.mark.parametrize(
    "error",
    [
        error
        for error in vars(tenancy_errors).values()
        if isinstance(error, type)
        and issubclass(error, tenancy_errors.TenancyError)
        and error is not tenancy_errors.TenancyError
        and not issubclass(error, tenancy_errors.DatabaseRefused)  # these end a process before it serves
        and error not in (tenancy_errors.DamagedFile, tenancy_errors.ShopConflict, tenancy_errors.InvalidShop)
        and error not in (tenancy_errors.Superseded, tenancy_errors.PhotoKeyLost)  # a worker's own
    ],
)
def test_every_error_a_call_can_raise_has_its_answer(error: type[Exception]):
    said = {tenancy_errors.AvatarsBusy: (60,), tenancy_errors.UnknownSize: (("S", "M"),)}
    raised = error(*said.get(error, ()))
    assert problem_of(raised).code == error.code
    assert error.code in REFUSALS


async def test_an_unforeseen_error_says_nothing_of_itself(aiohttp_server_with_a_fault: str, site: Site):
    output = io.StringIO()
    configure_logging("info", "json", role="web", output=output)
    async with site.client.get(aiohttp_server_with_a_fault + "/broken/secret-id?token=secret-token") as response:
        assert (response.status, (await response.json())["code"]) == (500, "internal-error")
        assert "secret" not in await response.text()
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["unexpected-error", "request"]
    assert lines[0]["error"] == "ValueError"
    assert (lines[1]["route"], lines[1]["status"], lines[1]["code"]) == ("/broken/{id}", 500, "internal-error")
    assert "secret" not in output.getvalue()


@pytest.fixture
async def aiohttp_server_with_a_fault():
    async def broken(request: web.Request) -> web.Response:
        raise ValueError(f"secret {request.match_info['id']}")

    app = web.Application(middlewares=[access_log, problems])
    app.router.add_get("/broken/{id}", broken)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_the_log_holds_no_token_id_or_query_of_a_call(site: Site):
    output = io.StringIO()
    configure_logging("debug", "json", role="web", output=output)
    headers = {"Authorization": "Bearer secret-token", "Content-Type": "application/sdp"}
    await site.refusal("POST", "/v1/try-on?q=secret-query", headers=headers, data="v=0 secret-sdp")
    await site.refusal("GET", "/secret-path", headers={"User-Agent": "secret-agent", "Referer": "secret-page"})
    await asyncio.sleep(0)
    assert "secret" not in output.getvalue()
    assert output.getvalue().count('"event": "request"') == 2


@pytest.mark.parametrize(
    "said",
    [
        b"NO HTTP AT ALL\r\n\r\n",
        b"FOO /v1/catalog HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /v1/catalog?q=" + b"secret" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Encoding: deflate\r\n"
        b"Content-Length: 6\r\n\r\nsecret",
        b"POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"secret\r\n",
    ],
    ids=["no-http", "length", "long-query", "encoding", "chunks"],
)
async def test_what_is_no_request_is_answered_with_a_problem_that_repeats_nothing_of_it(site: Site, said: bytes):
    host, port = site.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(said)
    head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
    writer.close()
    assert head.split(b" ", 2)[1] == b"400"
    assert b"application/problem+json" in head
    assert b"nosniff" in head
    assert b"aiohttp" not in head
    assert json.loads(body)["code"] == "invalid-request"
    assert b"secret" not in body
