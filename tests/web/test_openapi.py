"""The described interface is the served one, and says of each call what can happen."""

from __future__ import annotations

import re

from tests.web.conftest import Site
from web.app import create_app, operations

PAGES = {
    "/",
    "/s/{shop}",
    "/s/{shop}/{product}",
    "/s/{shop}/fitting-room",
    "/s/{shop}/privacy",
    "/static/app/{name}",
    "/openapi.json",
}


async def test_every_route_is_described_and_nothing_else_is(site: Site):
    served = {
        (route.method, route.resource.canonical)
        for route in create_app(site.services, site.settings).router.routes()
        if route.method not in ("HEAD", "OPTIONS")
        and route.resource.canonical not in PAGES
        and not route.resource.canonical.startswith(("/dashboard", "/static/", "/dev/"))
    }
    async with site.calls("GET", "/openapi.json") as response:
        document = await response.json()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == served
    assert ("POST", "/v1/try-on") in described


async def test_every_reference_leads_somewhere_and_every_parameter_is_in_its_path(site: Site):
    async with site.calls("GET", "/openapi.json") as response:
        document, text = await response.json(), await response.text()
    schemas = document["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) <= set(schemas)
    for path, methods in document["paths"].items():
        for described in methods.values():
            named = [p["name"] for p in described.get("parameters", []) if p["in"] == "path"]
            assert named == re.findall(r"\{(\w+)\}", path)
            assert described["summary"]
    identities = [d["operationId"] for methods in document["paths"].values() for d in methods.values()]
    assert len(identities) == len(set(identities))


async def test_the_codes_of_a_refusal_are_described(site: Site):
    async with site.calls("GET", "/openapi.json") as response:
        responses = (await response.json())["paths"]["/v1/try-on"]["post"]["responses"]
    codes = responses["409"]["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"]
    assert codes == {"enum": ["session-active"]}
    assert {"201", "400", "401", "403", "404", "409", "413", "415", "429", "503"} == set(responses)


def test_every_operation_says_which_problems_it_may_have(site: Site):
    for operation in operations(site.services, site.settings):
        if operation.body is not None:
            assert "unsupported-media-type" in operation.problems, operation.path
        if operation.credential is not None:
            assert "missing-credentials" in operation.problems, operation.path
