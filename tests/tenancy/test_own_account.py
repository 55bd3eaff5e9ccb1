"""A person changes what she logs in with: only right after she has shown it, and she is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable

import pytest

from tenancy.audit import lines
from tenancy.database import Database
from tenancy.errors import (
    BreachedPassword,
    EmailTaken,
    InvalidLink,
    InvalidPasskey,
    LastFactor,
    LoggedOut,
    LoginFailed,
    ProofRequired,
    SecondFactorFailed,
    UnknownPasskey,
)
from tenancy.logins import Member, Opened
from tenancy.passkeys import Site
from tests.tenancy.authenticator import Authenticator
from tests.tenancy.people import PASSWORD, People

ADA = "ada@shop.example"
SITE = Site("vitrine.example", "https://vitrine.example")


@pytest.fixture
def people(database: Database) -> People:
    return People(database)


def device() -> Authenticator:
    return Authenticator(SITE.origin, SITE.host)


async def ada(people: People) -> tuple[Opened, Member]:
    opened = await people.owner()
    return opened, await people.logins.resolve(opened.token)


async def told(people: People) -> list[str]:
    """The subjects of the mails, the newest first."""
    await people.outbox.round()
    return [mail.subject for mail in people.kept]


async def add_passkey(people: People, member: Member, name: str = "Laptop") -> Authenticator:
    made = device()
    options = await people.own.ask_for_passkey(member, SITE)
    await people.own.add_passkey(member, name, made.create(options), SITE)
    return made


async def login_with(people: People, made: Authenticator) -> Opened:
    challenge = await people.logins.check_password("lunettes", ADA, PASSWORD)
    act, options = await people.logins.ask_for_passkey(challenge.token, SITE)
    assert act == "get"
    return await people.logins.check_passkey(challenge.token, made.get(options), SITE)


# --- proof --------------------------------------------------------------------------------------------------


async def test_nothing_changes_without_a_proof_of_the_last_ten_minutes(people: People) -> None:
    opened, member = await ada(people)
    people.clock.pass_by(minutes=11)
    changes: list[Callable[[], Awaitable[object]]] = [
        lambda: people.own.change_password(member, PASSWORD, "a stork on the chimney", shop=opened.shop),
        lambda: people.own.ask_for_email(member, "new@shop.example"),
        lambda: people.own.offer_app(member, shop=opened.shop),
        lambda: people.own.take_app(member, "123456"),
        lambda: people.own.drop_app(member),
        lambda: people.own.renew_recovery_codes(member),
        lambda: people.own.ask_for_passkey(member, SITE),
        lambda: people.own.add_passkey(member, "x", {}, SITE),
        lambda: people.own.remove_passkey(member, member.account_id),
    ]
    for change in changes:
        with pytest.raises(ProofRequired):
            await change()
    await people.logins.prove(member, PASSWORD, code=people.code(ADA), site=SITE)
    assert len(await people.own.renew_recovery_codes(member)) == 10


async def test_a_proof_takes_password_and_factor_both(people: People) -> None:
    _, member = await ada(people)
    people.clock.pass_by(minutes=11)
    with pytest.raises(LoginFailed):
        await people.logins.prove(member, "wrong turnips in a tram", code=people.code(ADA), site=SITE)
    with pytest.raises(SecondFactorFailed):
        await people.logins.prove(member, PASSWORD, code="000000", site=SITE)
    with pytest.raises(SecondFactorFailed):
        await people.logins.prove(member, PASSWORD, site=SITE)
    assert (await people.own.standing(member)).proven_until is None


async def test_guessing_a_proof_makes_the_account_rest(people: People) -> None:
    _, member = await ada(people)
    for _ in range(10):
        with pytest.raises(SecondFactorFailed):
            await people.logins.prove(member, PASSWORD, code="000000", site=SITE)
    with pytest.raises(SecondFactorFailed):
        await people.logins.prove(member, PASSWORD, code=people.code(ADA), site=SITE)


async def test_a_proof_is_one_logins_alone(people: People) -> None:
    await people.owner()
    first = await people.logins.resolve((await people.login("lunettes", ADA)).token)
    people.clock.pass_by(minutes=11)
    second = await people.logins.resolve((await people.login("lunettes", ADA)).token)
    assert (await people.own.standing(second)).proven_until is not None
    with pytest.raises(ProofRequired):
        await people.own.renew_recovery_codes(first)


# --- password and address -----------------------------------------------------------------------------------


async def test_a_changed_password_ends_the_other_logins_and_not_this_one(people: People) -> None:
    opened, member = await ada(people)
    other = await people.login("lunettes", ADA)
    with pytest.raises(LoginFailed):
        await people.own.change_password(member, "wrong turnips in a tram", "a stork on the chimney", shop=opened.shop)
    with pytest.raises(BreachedPassword):
        await people.own.change_password(member, PASSWORD, "manchesterunited", shop=opened.shop)
    await people.own.change_password(member, PASSWORD, "a stork on the chimney", shop=opened.shop)
    await people.logins.resolve(opened.token)
    with pytest.raises(LoggedOut):
        await people.logins.resolve(other.token)
    with pytest.raises(LoginFailed):
        await people.logins.check_password("lunettes", ADA, PASSWORD)
    await people.logins.check_password("lunettes", ADA, "a stork on the chimney")
    assert (await told(people))[0] == "Your password was changed"


async def test_an_address_changes_when_the_new_one_answers_and_the_old_one_is_told_twice(
    people: People, database: Database
) -> None:
    opened, member = await ada(people)
    await people.own.ask_for_email(member, "Ada@New.example")
    link = await people.mailed("confirm")
    sent = [(mail.to, mail.subject) for mail in people.kept]
    assert ("ada@new.example", "Confirm your new address") in sent
    assert (ADA, "A new address was asked for") in sent
    assert (await people.logins.resolve(opened.token)).email == ADA, "nothing has changed yet"
    await people.accounts.verify(link)
    with pytest.raises(LoggedOut):
        await people.logins.resolve(opened.token)
    with pytest.raises(LoginFailed):
        await people.logins.check_password("lunettes", ADA, PASSWORD)
    await people.logins.check_password("lunettes", "ada@new.example", PASSWORD)
    await people.outbox.round()
    assert (ADA, "Your address was changed") in [(mail.to, mail.subject) for mail in people.kept]
    with pytest.raises(InvalidLink):
        await people.accounts.verify(link)
    assert "account.email-changed" in [line.action for line in await lines(database, opened.shop.id)]


async def test_of_two_links_to_new_addresses_the_later_is_good_and_for_an_hour(people: People) -> None:
    _, member = await ada(people)
    await people.own.ask_for_email(member, "first@new.example")
    first = await people.mailed("confirm")
    await people.own.ask_for_email(member, "second@new.example")
    with pytest.raises(InvalidLink):
        await people.accounts.verify(first)
    people.clock.pass_by(minutes=61)
    with pytest.raises(InvalidLink):
        await people.accounts.verify(await people.mailed("confirm"))


async def test_a_colleagues_address_cannot_be_taken_not_even_in_a_race(people: People) -> None:
    opened, member = await ada(people)
    await people.team.invite(opened.shop, "bo@shop.example", "staff", by=ADA)
    joining = await people.mailed("join")
    await people.own.ask_for_email(member, "bo@shop.example")
    changing = await people.mailed("confirm")
    await people.team.accept(joining, PASSWORD)
    with pytest.raises(InvalidLink):
        await people.accounts.verify(changing)
    with pytest.raises(EmailTaken):
        await people.own.ask_for_email(member, "bo@shop.example")


# --- factors ------------------------------------------------------------------------------------------------


async def test_another_app_counts_once_it_was_proven_and_ends_the_other_logins(people: People) -> None:
    opened, member = await ada(people)
    other = await people.login("lunettes", ADA)
    old = people.secrets[ADA]
    offered = await people.own.offer_app(member, shop=opened.shop)
    with pytest.raises(SecondFactorFailed):
        await people.own.take_app(member, "000000")
    await people.login("lunettes", ADA)  # the one before still counts
    import base64

    people.secrets[ADA] = base64.b32decode(offered.secret)
    await people.own.take_app(member, people.code(ADA))
    with pytest.raises(LoggedOut):
        await people.logins.resolve(other.token)
    await people.login("lunettes", ADA)
    people.secrets[ADA] = old
    with pytest.raises(SecondFactorFailed):
        await people.login("lunettes", ADA)


async def test_recovery_codes_are_renewed_and_those_before_are_worth_nothing(people: People) -> None:
    opened, member = await ada(people)
    renewed = await people.own.renew_recovery_codes(member)
    assert opened.recovery_codes
    challenge = await people.logins.check_password("lunettes", ADA, PASSWORD)
    with pytest.raises(SecondFactorFailed):
        await people.logins.check_code(challenge.token, opened.recovery_codes[0])
    await people.logins.check_code(challenge.token, renewed[0])
    assert (await people.own.standing(member)).recovery_codes == 9


async def test_the_last_factor_stays(people: People) -> None:
    _, member = await ada(people)
    with pytest.raises(LastFactor):
        await people.own.drop_app(member)
    await add_passkey(people, member)
    await people.own.drop_app(member)
    (passkey,) = (await people.own.standing(member)).passkeys
    with pytest.raises(LastFactor):
        await people.own.remove_passkey(member, passkey.id)
    assert len((await people.own.standing(member)).passkeys) == 1, "nothing half done"


# --- passkeys -----------------------------------------------------------------------------------------------


async def test_a_passkey_is_added_logs_in_and_is_removed(people: People) -> None:
    _, member = await ada(people)
    made = await add_passkey(people, member)
    assert (await told(people))[0] == "A passkey was added to your account"
    opened = await login_with(people, made)
    again = await people.logins.resolve(opened.token)
    (passkey,) = (await people.own.standing(again)).passkeys
    assert passkey.name == "Laptop"
    assert passkey.last_used_at is not None
    await people.own.remove_passkey(again, passkey.id)
    challenge = await people.logins.check_password("lunettes", ADA, PASSWORD)
    assert not challenge.passkeys
    with pytest.raises(SecondFactorFailed):
        await people.logins.ask_for_passkey(challenge.token, SITE)


async def test_the_first_factor_may_be_a_passkey_and_then_no_unproven_app_opens_anything(people: People) -> None:
    await people.accounts.sign_up("lunettes", "Lunettes", ADA, PASSWORD)
    await people.accounts.verify(await people.mailed("confirm"))
    challenge = await people.logins.check_password("lunettes", ADA, PASSWORD)
    assert challenge.enrolment
    made = device()
    act, options = await people.logins.ask_for_passkey(challenge.token, SITE)
    assert act == "create"
    opened = await people.logins.check_passkey(challenge.token, made.create(options), SITE)
    assert len(opened.recovery_codes or []) == 10
    import base64

    people.secrets[ADA] = base64.b32decode(challenge.enrolment.secret)
    challenge = await people.logins.check_password("lunettes", ADA, PASSWORD)
    assert challenge.enrolment is None
    with pytest.raises(SecondFactorFailed):
        await people.logins.check_code(challenge.token, people.code(ADA))
    await login_with(people, made)


async def test_a_copy_whose_counter_stands_behind_is_refused(people: People) -> None:
    _, member = await ada(people)
    made = await add_passkey(people, member)
    copy = dataclasses.replace(made)
    await login_with(people, made)
    await login_with(people, made)
    with pytest.raises(SecondFactorFailed):
        await login_with(people, copy)


@pytest.mark.parametrize(
    "wrong", [{"origin": "https://evil.example"}, {"host": "evil.example"}, {"origin": "http://vitrine.example"}]
)
async def test_a_passkey_of_another_site_is_none(people: People, wrong: dict[str, str]) -> None:
    _, member = await ada(people)
    made = await add_passkey(people, member)
    with pytest.raises(SecondFactorFailed):
        await login_with(people, dataclasses.replace(made, **wrong))
    options = await people.own.ask_for_passkey(member, SITE)
    with pytest.raises(InvalidPasskey):
        await people.own.add_passkey(member, "x", dataclasses.replace(device(), **wrong).create(options), SITE)


async def test_what_was_signed_is_good_once_and_for_five_minutes(people: People) -> None:
    _, member = await ada(people)
    made = await add_passkey(people, member)
    challenge = await people.logins.check_password("lunettes", ADA, PASSWORD)
    _, options = await people.logins.ask_for_passkey(challenge.token, SITE)
    people.clock.pass_by(minutes=6)
    with pytest.raises(SecondFactorFailed):
        await people.logins.check_passkey(challenge.token, made.get(options), SITE)
    _, options = await people.logins.ask_for_passkey(challenge.token, SITE)
    answer = made.get(options)
    await people.logins.check_passkey(challenge.token, answer, SITE)
    challenge = await people.logins.check_password("lunettes", ADA, PASSWORD)
    await people.logins.ask_for_passkey(challenge.token, SITE)
    with pytest.raises(SecondFactorFailed):
        await people.logins.check_passkey(challenge.token, answer, SITE)


async def test_the_answer_of_a_passkey_that_does_not_count_is_good_once_too(people: People) -> None:
    _, member = await ada(people)
    made = dataclasses.replace(device(), counting=False)
    options = await people.own.ask_for_passkey(member, SITE)
    await people.own.add_passkey(member, "Laptop", made.create(options), SITE)
    asked = await people.logins.ask_for_proof(member, SITE)
    assert asked is not None
    answer = made.get(asked)
    await people.logins.prove(member, PASSWORD, credential=answer, site=SITE)
    with pytest.raises(SecondFactorFailed):
        await people.logins.prove(member, PASSWORD, credential=answer, site=SITE)


async def test_a_passkey_is_its_own_accounts_alone(people: People) -> None:
    _, member = await ada(people)
    made = await add_passkey(people, member)
    other = await people.owner("chapeaux", "bo@hats.example")
    stranger = await people.logins.resolve(other.token)
    (passkey,) = (await people.own.standing(member)).passkeys
    with pytest.raises(UnknownPasskey):
        await people.own.remove_passkey(stranger, passkey.id)
    options = await people.own.ask_for_passkey(stranger, SITE)
    await people.own.add_passkey(stranger, "x", device().create(options), SITE)
    challenge = await people.logins.check_password("chapeaux", "bo@hats.example", PASSWORD)
    _, options = await people.logins.ask_for_passkey(challenge.token, SITE)
    with pytest.raises(SecondFactorFailed):
        await people.logins.check_passkey(challenge.token, made.get(options), SITE)


async def test_a_proof_may_be_a_passkeys(people: People) -> None:
    _, member = await ada(people)
    assert await people.logins.ask_for_proof(member, SITE) is None
    made = await add_passkey(people, member)
    people.clock.pass_by(minutes=11)
    options = await people.logins.ask_for_proof(member, SITE)
    assert options is not None
    await people.logins.prove(member, PASSWORD, credential=made.get(options), site=SITE)
    assert (await people.own.standing(member)).proven_until is not None


@pytest.mark.parametrize(
    "answer",
    [{}, {"id": "é"}, {"id": "AA", "response": None}, {"id": 7}, {"id": "AA", "rawId": "AA", "response": {"x": []}}],
)
async def test_a_strangers_bytes_are_refused_and_nothing_more(people: People, answer: dict[str, object]) -> None:
    _, member = await ada(people)
    await add_passkey(people, member)
    challenge = await people.logins.check_password("lunettes", ADA, PASSWORD)
    await people.logins.ask_for_passkey(challenge.token, SITE)
    with pytest.raises(SecondFactorFailed):
        await people.logins.check_passkey(challenge.token, answer, SITE)
    await people.own.ask_for_passkey(member, SITE)
    with pytest.raises(InvalidPasskey):
        await people.own.add_passkey(member, "x", answer, SITE)
