"""People over HTTP: both steps of a login, the cookie, what other sites may not do, and what is not told."""

from __future__ import annotations

import asyncio

import pytest

from tests.web.conftest import StartSite
from tests.web.people import OWN_PAGE, PASSWORD, Person, mailed


async def test_an_owner_signs_up_and_is_who_she_is(ada: Person):
    me = await ada.json("GET", "/v1/me")
    assert (me["name"], me["shop"], me["role"]) == ("ada@shop.example", "lunettes", "owner")
    assert "team:write" in me["rights"]
    assert len(ada.recovery_codes) == 10


async def test_the_cookie_is_out_of_scripts_reach_and_bound_to_https_where_there_is_one(start_site: StartSite):
    site = await start_site(public_url="https://try.example")
    person = Person(site, "lunettes", "ada@shop.example")
    given = {"shop": "lunettes", "name": "L", "email": person.email, "password": PASSWORD}
    await person.json("POST", "/v1/shops", json=given, status=202)
    await person.json("POST", "/v1/confirmations", json={"token": await mailed(site, "confirm")}, status=204)
    cookies = []
    async with person.calls("POST", "/v1/login", json={k: given[k] for k in ("shop", "email", "password")}) as first:
        challenge = await first.json()
        assert "Set-Cookie" not in first.headers
    import base64
    import time

    from tenancy.second_factor import code_at

    code = code_at(base64.b32decode(challenge["enrolment"]["secret"]), int(time.time() // 30))
    given = {"challenge": challenge["challenge"], "code": code}
    async with person.calls("POST", "/v1/login/second-factor", json=given) as second:
        cookies = second.headers.getall("Set-Cookie")
    await person.client.close()
    assert len(cookies) == 1
    assert cookies[0].startswith("__Host-vitrine=")
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookies[0].split(";")}
    assert "Domain" not in cookies[0]


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}])
async def test_other_sites_pages_change_nothing_with_the_cookie(ada: Person, headers: dict[str, str]):
    async with ada.calls("POST", "/v1/keys", json={"kind": "secret"}, headers=headers) as response:
        assert (response.status, (await response.json())["code"]) == (403, "cross-site")
    async with ada.client.post(
        ada.site.url + "/v1/keys", json={"kind": "secret"}, headers={"Origin": "https://evil.example"}
    ) as response:
        assert (response.status, (await response.json())["code"]) == (403, "cross-site")
    async with ada.client.post(ada.site.url + "/v1/keys", json={"kind": "secret"}, headers=OWN_PAGE) as response:
        assert response.status == 201


async def test_logging_out_ends_the_login_on_the_server(ada: Person):
    token = next(iter(ada.client.cookie_jar)).value
    await ada.json("DELETE", "/v1/logins/this", status=204)
    async with ada.site.calls("GET", "/v1/me", headers={"Cookie": f"vitrine={token}"}) as response:
        assert (response.status, (await response.json())["code"]) == (401, "logged-out")


async def test_logins_are_listed_and_ended(ada: Person):
    other = Person(ada.site, ada.slug, ada.email, secret=ada.secret)
    await other.login()
    there = (await ada.json("GET", "/v1/logins"))["logins"]
    assert sorted(login["this"] for login in there) == [False, True]
    await ada.json("DELETE", f"/v1/logins/{next(lo['id'] for lo in there if not lo['this'])}", status=204)
    async with other.calls("GET", "/v1/me") as response:
        assert response.status == 401
    await other.client.close()


async def test_whether_an_address_has_an_account_is_not_told(ada: Person):
    answers = []
    for shop, email in ((ada.slug, ada.email), (ada.slug, "eve@shop.example"), ("nowhere", ada.email)):
        for path, more in (("/v1/login", {"password": "wrong turnips in a tram"}), ("/v1/password-resets", {})):
            async with ada.calls("POST", path, json={"shop": shop, "email": email, **more}) as response:
                answers.append((path, response.status, await response.text()))
    assert answers[:2] == answers[2:4] == answers[4:]
    assert [answer[1] for answer in answers[:2]] == [401, 202]


async def test_a_reset_over_http_leaves_the_second_factor(ada: Person):
    await ada.json("POST", "/v1/password-resets", json={"shop": ada.slug, "email": ada.email}, status=202)
    await asyncio.sleep(0.1)  # it is answered before the work is done
    token = await mailed(ada.site, "new-password")
    await ada.json("POST", "/v1/passwords", json={"token": token, "password": "a stork on the chimney"}, status=204)
    async with ada.calls("GET", "/v1/me") as response:
        assert response.status == 401
    given = {"shop": ada.slug, "email": ada.email, "password": "a stork on the chimney"}
    challenge = await ada.json("POST", "/v1/login", json=given)
    assert challenge["enrolment"] is None
    given = {"challenge": challenge["challenge"], "code": ada.recovery_codes[0]}
    await ada.json("POST", "/v1/login/second-factor", json=given)


async def test_staff_may_work_on_products_and_not_on_keys_or_people(ada: Person):
    invitation = {"email": "bo@shop.example", "role": "staff"}
    await ada.json("POST", "/v1/team", json=invitation, status=202)
    bo = Person(ada.site, ada.slug, "bo@shop.example")
    given = {"token": await mailed(ada.site, "join"), "password": PASSWORD}
    await bo.json("POST", "/v1/team/members", json=given, status=204)
    await bo.login()
    await bo.json("GET", "/v1/products")
    for method, path in (("GET", "/v1/keys"), ("GET", "/v1/team"), ("GET", "/v1/audit")):
        async with bo.calls(method, path) as response:
            assert (response.status, (await response.json())["code"]) == (403, "not-allowed")
    person = next(p for p in (await ada.json("GET", "/v1/team"))["people"] if p["email"] == bo.email)
    await ada.json("PATCH", f"/v1/team/{person['id']}", json={"role": "read-only"}, status=204)
    async with bo.calls("POST", "/v1/products", data={"name": "x"}) as response:
        assert response.status == 403
    await bo.client.close()


async def test_an_invitation_is_accepted_only_if_it_is_mailed(ada: Person, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tenancy.team.MOST_INVITATIONS", 1)
    answers = []
    for email in ("bo@shop.example", "cy@shop.example", ada.email):
        async with ada.calls("POST", "/v1/team", json={"email": email, "role": "staff"}) as response:
            answers.append((response.status, (await response.json()).get("code")))
    assert answers == [(202, None), (409, "invitations-full"), (409, "email-taken")]
    assert ada.site.services.kept_mail is not None
    await ada.site.outbox.round()
    assert [mail.to for mail in ada.site.services.kept_mail if "/join#" in mail.text] == ["bo@shop.example"]


async def test_guesses_from_one_address_are_slowed_down_and_told_when_to_come_again(start_site: StartSite):
    site = await start_site()
    given = {"shop": "lunettes", "email": "ada@shop.example", "password": "wrong turnips"}
    codes = []
    for _ in range(22):
        async with site.calls("POST", "/v1/login", json=given) as response:
            codes.append(response.status)
            last = response
    assert codes[:20] == [401] * 20
    assert codes[20:] == [429, 429]
    assert 0 < int(last.headers["Retry-After"]) <= 600
