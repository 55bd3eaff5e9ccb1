"""Forms of pages and uploads that no browser of ours sends: each is answered in order, and nothing of it is kept."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.web.conftest import Site
from tests.web.people import OWN_PAGE

FORM = "application/x-www-form-urlencoded"
PAGES = ("/dashboard/login", "/dashboard/second-factor", "/dashboard/passkey")
PLAIN = b"shop=test&email=a%40b.example&password=four+turnips+in+a+tram&challenge=x&code=123456&credential=%7B%7D"
UTF_8 = {"Content-Type": f"{FORM}; charset=utf-8"}


WRONG = (
    (PLAIN, {"Content-Type": "application/json"}),
    (PLAIN, {"Content-Type": "multipart/form-data; boundary=x"}),
    (PLAIN, {"Content-Type": f"{FORM}; charset=no-such"}),
    (PLAIN, {"Content-Type": f"{FORM}; charset=idna"}),
    (PLAIN, {"Content-Type": f"{FORM}; charset=utf-16"}),
    (b"shop=\xff\xfe&email=\x80&challenge=\xc3\x28&credential=\xff", UTF_8),
    (quote("shop=\0&email=a@b.example\0&password=\0&challenge=\0&code=\0&credential=\0", safe="=&").encode(), UTF_8),
    (b"shop=%ff%fe&email=%80&password=%ed%a0%80&challenge=%ed%a0%80&code=%ff&credential=%ff", UTF_8),
    (b"&".join([b"shop=test"] * 2000), UTF_8),
    (b"=&&&;=%", UTF_8),
    (b"", UTF_8),
    (b"shop=" + b"x" * 100_000, UTF_8),
    (b"credential=" + b"[" * 9000 + b"&challenge=x", UTF_8),
)


@pytest.mark.parametrize("path", PAGES)
async def test_a_form_that_is_none_is_answered_in_order(site: Site, path: str):
    for body, headers in WRONG:
        async with site.calls("POST", path, data=body, headers={**OWN_PAGE, **headers}) as response:
            assert 400 <= response.status < 500, (body[:80], headers, await response.text())
            assert response.cookies == {}


async def test_no_other_site_posts_a_form(site: Site):
    for path in (*PAGES, "/dashboard/me/app"):
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            async with site.calls("POST", path, data=PLAIN, headers={"Content-Type": FORM, **headers}) as response:
                assert response.status in (401, 403)
                assert response.cookies == {}


async def test_a_field_of_an_upload_that_cannot_be_read_is_refused(site: Site):
    """The parts of a multipart form have headers of their own."""
    owner = {"Authorization": f"Bearer {site.secret_key}"}
    for charset in (b"no-such", b"idna", b"utf-16", b"utf-8"):
        head = b"--x\r\nContent-Disposition: form-data; name="
        name = head + b'"name"\r\nContent-Type: text/plain; charset=%s\r\n\r\n\xff\xfe\xff\r\n' % charset
        rest = head + b'"kind"\r\n\r\nglasses\r\n' + head + b'"glb"; filename="a"\r\n\r\nglTF\r\n--x--\r\n'
        headers = {**owner, "Content-Type": "multipart/form-data; boundary=x"}
        assert (await site.refusal("POST", "/v1/products", data=name + rest, headers=headers))[0] == 400
    async with site.calls("GET", "/v1/products", headers=owner) as response:
        assert (await response.json())["products"] == []
