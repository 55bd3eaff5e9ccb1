"""One's own account over HTTP: what a login may change, what a key may not, and what is refused how."""

from __future__ import annotations

import time
from typing import Any

import asyncpg
import pytest

from tenancy.second_factor import code_at
from tests.services import Addresses
from tests.tenancy.authenticator import Authenticator
from tests.web.conftest import Site
from tests.web.people import PASSWORD, Person, mailed


def device(person: Person) -> Authenticator:
    return Authenticator(person.site.url, "127.0.0.1")


async def add_passkey(person: Person) -> Authenticator:
    made = device(person)
    options = (await person.json("POST", "/v1/me/passkey-options"))["options"]
    given = {"name": "Laptop", "credential": made.create(options)}
    await person.json("POST", "/v1/me/passkeys", json=given, status=201)
    return made


async def let_the_proof_age(addresses: Addresses) -> None:
    admin = await asyncpg.connect(addresses.admin)
    await admin.execute("UPDATE logins SET proven_at = proven_at - interval '11 minutes'")
    await admin.close()


async def refused(person: Person, method: str, path: str, **options: Any) -> tuple[int, str]:
    async with person.calls(method, path, **options) as response:
        return response.status, (await response.json())["code"]


async def test_a_passkey_takes_the_place_of_the_code(ada: Person):
    made = await add_passkey(ada)
    shown = await ada.json("GET", "/v1/me/factors")
    assert [passkey["name"] for passkey in shown["passkeys"]] == ["Laptop"]
    assert shown["recovery_codes"] == 10
    other = Person(ada.site, ada.slug, ada.email)
    given = {"shop": ada.slug, "email": ada.email, "password": PASSWORD}
    challenge = await other.json("POST", "/v1/login", json=given)
    assert challenge["passkeys"] is True
    asked = await other.json("POST", "/v1/login/passkey-options", json={"challenge": challenge["challenge"]})
    assert asked["act"] == "get"
    given = {"challenge": challenge["challenge"], "credential": made.get(asked["options"])}
    await other.json("POST", "/v1/login/passkey", json=given)
    assert (await other.json("GET", "/v1/me"))["name"] == ada.email
    await other.client.close()


async def test_an_old_login_has_to_show_both_again_before_it_changes_them(ada: Person, addresses: Addresses):
    await let_the_proof_age(addresses)
    change = {"current": PASSWORD, "password": "a stork on the chimney"}
    assert await refused(ada, "PUT", "/v1/me/password", json=change) == (403, "proof-required")
    proof = {"password": PASSWORD, "code": code_at(ada.secret, int(time.time() // 30) + 1)}
    wrong = {**proof, "password": "wrong turnips in a tram"}
    assert await refused(ada, "POST", "/v1/me/proof", json=wrong) == (401, "login-failed")
    await ada.json("POST", "/v1/me/proof", json=proof, status=204)
    await ada.json("PUT", "/v1/me/password", json=change, status=204)


async def test_passwords_of_a_breach_have_a_code_of_their_own(ada: Person, site: Site):
    change = {"current": PASSWORD, "password": "manchesterunited"}
    assert await refused(ada, "PUT", "/v1/me/password", json=change) == (400, "password-breached")
    given = {"shop": "chapeaux", "name": "C", "email": "bo@hats.example", "password": "qazwsxedcrfv"}
    assert await site.refusal("POST", "/v1/shops", json=given) == (400, "password-breached")


async def test_a_new_address_is_proven_by_the_mail_that_goes_there(ada: Person):
    await ada.json("POST", "/v1/me/email", json={"email": "ada@new.example"}, status=202)
    token = await mailed(ada.site, "confirm")
    await ada.json("POST", "/v1/confirmations", json={"token": token}, status=204)
    async with ada.calls("GET", "/v1/me") as response:
        assert response.status == 401
    given = {"shop": ada.slug, "email": "ada@new.example", "password": PASSWORD}
    assert (await ada.json("POST", "/v1/login", json=given))["enrolment"] is None


async def test_a_key_has_no_account(ada: Person):
    key = (await ada.json("POST", "/v1/keys", json={"kind": "secret"}, status=201))["key"]
    bearer = {"Authorization": f"Bearer {key}"}
    for method, path in (("GET", "/v1/me/factors"), ("POST", "/v1/me/recovery-codes"), ("GET", "/v1/logins")):
        assert await ada.site.refusal(method, path, headers=bearer) == (403, "not-allowed")


async def test_the_last_factor_and_what_is_not_there_are_told_apart(ada: Person):
    assert await refused(ada, "DELETE", "/v1/me/app") == (409, "last-factor")
    assert await refused(ada, "DELETE", "/v1/me/passkeys/no-id") == (404, "unknown-passkey")


@pytest.mark.parametrize("credential", [{}, {"id": "x" * 1000}, {"id": "AA", "response": {"clientDataJSON": "AA"}}])
async def test_what_no_browser_would_answer_is_no_passkey(ada: Person, credential: dict[str, Any]):
    await ada.json("POST", "/v1/me/passkey-options")
    given = {"name": "x", "credential": credential}
    assert await refused(ada, "POST", "/v1/me/passkeys", json=given) == (400, "passkey-invalid")
