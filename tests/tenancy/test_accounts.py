"""Owners sign up, prove their address and a second factor, and nothing short of both opens a shop."""

from __future__ import annotations

import asyncpg
import pytest

from tenancy import passwords
from tenancy.audit import lines
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.errors import (
    EmailTaken,
    InvalidEmail,
    InvalidLink,
    InvitationsFull,
    LastOwner,
    LoggedOut,
    LoginFailed,
    SealBroken,
    SecondFactorFailed,
    ShopConflict,
    UnknownLogin,
    UnknownMember,
    WeakPassword,
)
from tenancy.passwords import check_new_password
from tenancy.seal import Seal
from tenancy.second_factor import code_at
from tenancy.team import MOST_INVITATIONS
from tests.services import Addresses
from tests.tenancy.people import PASSWORD, People

ADA = "ada@shop.example"


@pytest.fixture
def people(database: Database) -> People:
    return People(database)


async def test_a_shop_is_signed_up_proven_and_entered(people: People, database: Database) -> None:
    opened = await people.owner()
    member = await people.logins.resolve(opened.token)
    assert (member.email, member.role, opened.shop.slug) == (ADA, "owner", "lunettes")
    assert len(set(opened.recovery_codes or [])) == 10
    actions = [line.action for line in await lines(database, member.tenant_id)]
    assert actions == [
        "account.logged-in",
        "account.second-factor-set-up",
        "account.verified",
        "key.made",
        "shop.signed-up",
    ]


async def test_the_address_must_be_proven_first(people: People) -> None:
    await people.accounts.sign_up("lunettes", "Lunettes", ADA, PASSWORD)
    with pytest.raises(LoginFailed):
        await people.logins.check_password("lunettes", ADA, PASSWORD)
    token = await people.mailed("confirm")
    await people.accounts.verify(token)
    with pytest.raises(InvalidLink):
        await people.accounts.verify(token)
    await people.logins.check_password("lunettes", ADA, PASSWORD)


async def test_a_slug_is_taken_once_and_an_address_as_often_as_there_are_shops(people: People) -> None:
    await people.accounts.sign_up("lunettes", "Lunettes", ADA, PASSWORD)
    with pytest.raises(ShopConflict):
        await people.accounts.sign_up("lunettes", "Other", ADA, PASSWORD)
    await people.accounts.sign_up("chapeaux", "Chapeaux", ADA, PASSWORD)


@pytest.mark.parametrize(
    ("slug", "email", "password"),
    [
        ("lunettes", ADA, "four turnips in a bus"),
        ("lunettes", "eve@shop.example", PASSWORD),
        ("nobody", ADA, PASSWORD),
        ("lunettes", "no address", PASSWORD),
    ],
)
async def test_every_wrong_login_looks_the_same(people: People, slug: str, email: str, password: str) -> None:
    await people.owner()
    with pytest.raises(LoginFailed) as raised:
        await people.logins.check_password(slug, email, password)
    assert str(raised.value) == ""


async def test_a_wrong_login_costs_the_same_work_whatever_was_wrong(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    await people.owner()
    await people.accounts.sign_up("chapeaux", "Chapeaux", ADA, PASSWORD)  # never proven
    derived: list[str] = []
    derive = passwords._verify

    def counted(password: str, hashed: str) -> bool:
        derived.append("once")
        return derive(password, hashed)

    monkeypatch.setattr(passwords, "_verify", counted)
    for slug, email, password in (
        ("lunettes", ADA, "wrong turnips in a tram"),
        ("lunettes", "nobody@shop.example", PASSWORD),
        ("lunettes", "no address", PASSWORD),
        ("nowhere", ADA, PASSWORD),
        ("chapeaux", ADA, PASSWORD),
    ):
        derived.clear()
        with pytest.raises(LoginFailed):
            await people.logins.check_password(slug, email, password)
        assert derived == ["once"], (slug, email)


async def test_a_challenge_opens_nothing(people: People) -> None:
    await people.owner()
    challenge = await people.logins.check_password("lunettes", ADA, PASSWORD)
    assert challenge.enrolment is None
    with pytest.raises(LoggedOut):
        await people.logins.resolve(challenge.token)


async def test_a_code_is_good_once(people: People) -> None:
    await people.owner()
    code = people.code(ADA)
    challenge = await people.logins.check_password("lunettes", ADA, PASSWORD)
    await people.logins.check_code(challenge.token, code)
    challenge = await people.logins.check_password("lunettes", ADA, PASSWORD)
    with pytest.raises(SecondFactorFailed):
        await people.logins.check_code(challenge.token, code)


async def test_a_challenge_takes_five_codes_and_ten_minutes(people: People) -> None:
    await people.owner()
    challenge = await people.logins.check_password("lunettes", ADA, PASSWORD)
    for _ in range(5):
        with pytest.raises(SecondFactorFailed):
            await people.logins.check_code(challenge.token, "000000")
    with pytest.raises(SecondFactorFailed):
        await people.logins.check_code(challenge.token, people.code(ADA))
    late = await people.logins.check_password("lunettes", ADA, PASSWORD)
    people.clock.pass_by(minutes=11)
    with pytest.raises(SecondFactorFailed):
        await people.logins.check_code(late.token, people.code(ADA))


async def test_guessing_over_many_challenges_makes_the_account_rest(people: People) -> None:
    await people.owner()
    for _ in range(2):
        challenge = await people.logins.check_password("lunettes", ADA, PASSWORD)
        for _ in range(5):
            with pytest.raises(SecondFactorFailed):
                await people.logins.check_code(challenge.token, "000000")
    with pytest.raises(SecondFactorFailed):
        await people.login("lunettes", ADA)
    people.clock.pass_by(minutes=16)
    await people.login("lunettes", ADA)


async def test_a_recovery_code_replaces_the_app_once(people: People) -> None:
    opened = await people.owner()
    assert opened.recovery_codes
    typed = opened.recovery_codes[3].upper().replace("-", " ")
    challenge = await people.logins.check_password("lunettes", ADA, PASSWORD)
    await people.logins.check_code(challenge.token, typed)
    challenge = await people.logins.check_password("lunettes", ADA, PASSWORD)
    with pytest.raises(SecondFactorFailed):
        await people.logins.check_code(challenge.token, typed)


async def test_a_new_password_ends_every_login_and_leaves_the_second_factor(people: People) -> None:
    opened = await people.owner()
    await people.accounts.ask_for_reset("lunettes", ADA)
    token = await people.mailed("new-password")
    with pytest.raises(WeakPassword):
        await people.accounts.reset(token, "short")
    await people.accounts.reset(token, "a stork on the chimney")
    with pytest.raises(LoggedOut):
        await people.logins.resolve(opened.token)
    with pytest.raises(InvalidLink):
        await people.accounts.reset(token, "a stork on the chimney")
    with pytest.raises(LoginFailed):
        await people.logins.check_password("lunettes", ADA, PASSWORD)
    challenge = await people.logins.check_password("lunettes", ADA, "a stork on the chimney")
    assert challenge.enrolment is None
    with pytest.raises(SecondFactorFailed):
        await people.logins.check_code(challenge.token, "123456")
    await people.logins.check_code(challenge.token, people.code(ADA))


async def test_asking_for_a_reset_tells_nothing_and_floods_nobody(people: People) -> None:
    await people.owner()
    await people.outbox.round()
    before = len(list(people.kept))
    for slug, email in (("lunettes", "eve@shop.example"), ("nobody", ADA), ("lunettes", "no address")):
        await people.accounts.ask_for_reset(slug, email)
    await people.outbox.round()
    assert len(list(people.kept)) == before
    for _ in range(6):
        await people.accounts.ask_for_reset("lunettes", ADA)
    await people.outbox.round()
    assert len(list(people.kept)) == before + 3


async def test_a_login_ends_when_idle_and_in_any_case_after_a_week(people: People) -> None:
    idle = await people.owner()
    people.clock.pass_by(hours=13)
    with pytest.raises(LoggedOut):
        await people.logins.resolve(idle.token)
    used = await people.login("lunettes", ADA)
    for _ in range(16):
        await people.logins.resolve(used.token)
        people.clock.pass_by(hours=10)
    people.clock.pass_by(hours=9)
    with pytest.raises(LoggedOut):
        await people.logins.resolve(used.token)


async def test_logins_are_listed_and_ended_by_their_own_person_alone(people: People) -> None:
    first = await people.owner()
    second = await people.login("lunettes", ADA)
    stranger = await people.logins.resolve((await people.owner("chapeaux", "bo@hats.example")).token)
    member = await people.logins.resolve(second.token)
    there = await people.logins.open_logins(member)
    assert len(there) == 2
    other = next(login.id for login in there if login.id != member.login_id)
    with pytest.raises(UnknownLogin):
        await people.logins.end(stranger, other)
    await people.logins.end(member, other)
    with pytest.raises(LoggedOut):
        await people.logins.resolve(first.token)


async def test_somebody_invited_joins_with_her_role_and_a_second_factor_of_her_own(people: People) -> None:
    opened = await people.owner()
    await people.team.invite(opened.shop, "Bo@Shop.example", "staff", by=ADA)
    token = await people.mailed("join")
    await people.team.accept(token, PASSWORD)
    with pytest.raises(InvalidLink):
        await people.team.accept(token, PASSWORD)
    joined = await people.login("lunettes", "bo@shop.example")
    member = await people.logins.resolve(joined.token)
    assert member.role == "staff"
    assert joined.recovery_codes
    await people.team.remove(opened.shop.id, member.account_id, by=ADA)
    with pytest.raises(LoggedOut):
        await people.logins.resolve(joined.token)
    with pytest.raises(InvalidLink):
        await people.team.accept(token, PASSWORD)  # who was removed does not come back by the old link


async def test_an_invitation_taken_back_or_too_old_is_worth_nothing(people: People) -> None:
    opened = await people.owner()
    await people.team.invite(opened.shop, "bo@shop.example", "staff", by=ADA)
    token = await people.mailed("join")
    invited = next(person for person in await people.team.people(opened.shop.id) if person.invited)
    await people.team.remove(opened.shop.id, invited.id, by=ADA)
    with pytest.raises(InvalidLink):
        await people.team.accept(token, PASSWORD)
    await people.team.invite(opened.shop, "bo@shop.example", "staff", by=ADA)
    people.clock.pass_by(days=8)
    with pytest.raises(InvalidLink):
        await people.team.accept(await people.mailed("join"), PASSWORD)


async def test_an_invitation_that_cannot_be_mailed_is_refused_and_the_open_ones_stay(people: People) -> None:
    opened = await people.owner()
    with pytest.raises(EmailTaken):
        await people.team.invite(opened.shop, "ADA@shop.example", "staff", by=ADA)
    for number in range(MOST_INVITATIONS):
        await people.team.invite(opened.shop, f"bo{number}@shop.example", "staff", by=ADA)
    with pytest.raises(InvitationsFull):
        await people.team.invite(opened.shop, "cy@shop.example", "staff", by=ADA)
    await people.team.invite(opened.shop, "bo0@shop.example", "owner", by=ADA)  # mailed again: no more than before
    invited = [person for person in await people.team.people(opened.shop.id) if person.invited]
    assert len(invited) == MOST_INVITATIONS
    await people.team.remove(opened.shop.id, invited[0].id, by=ADA)
    await people.team.invite(opened.shop, "cy@shop.example", "staff", by=ADA)
    people.clock.pass_by(days=8)
    await people.team.invite(opened.shop, "di@shop.example", "staff", by=ADA)
    assert [one.email for one in await people.team.people(opened.shop.id) if one.invited] == ["di@shop.example"]


async def test_a_shop_keeps_an_owner_and_its_people_are_its_own(people: People) -> None:
    opened = await people.owner()
    member = await people.logins.resolve(opened.token)
    other = await people.owner("chapeaux", "bo@hats.example")
    for change in (
        people.team.remove(opened.shop.id, member.account_id, by=ADA),
        people.team.change_role(opened.shop.id, member.account_id, "staff", by=ADA),
    ):
        with pytest.raises(LastOwner):
            await change
    for change in (
        people.team.remove(other.shop.id, member.account_id, by="bo"),
        people.team.change_role(other.shop.id, member.account_id, "staff", by="bo"),
        people.team.forget_second_factor(other.shop.id, member.account_id, by="bo"),
    ):
        with pytest.raises(UnknownMember):
            await change
    assert (await people.logins.resolve(opened.token)).role == "owner"


async def test_a_forgotten_second_factor_is_set_up_anew(people: People) -> None:
    opened = await people.owner()
    member = await people.logins.resolve(opened.token)
    await people.team.forget_second_factor(opened.shop.id, member.account_id, by="bo@shop.example")
    with pytest.raises(LoggedOut):
        await people.logins.resolve(opened.token)
    assert (await people.login("lunettes", ADA)).recovery_codes


async def test_the_audit_log_cannot_be_edited_and_the_ledger_neither(people: People, addresses: Addresses) -> None:
    opened = await people.owner()
    app = await asyncpg.connect(addresses.app)
    for table in ("audit_log", "usage_events", "product_versions"):
        for statement in ("UPDATE {} SET tenant_id = tenant_id", "TRUNCATE {}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(statement.format(table))
    for table in ("usage_events", "product_versions"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(f"DELETE FROM {table}")  # noqa: S608  names from above
    await app.execute("SELECT set_config('app.tenant_id', $1, false)", str(opened.shop.id))
    assert await app.execute("DELETE FROM audit_log") == "DELETE 0", "a line goes when its time is over, not before"
    await app.close()


async def test_nothing_in_the_tables_opens_a_login(people: People, addresses: Addresses) -> None:
    opened = await people.owner()
    admin = await asyncpg.connect(addresses.admin)
    kept = ""
    for table in ("accounts", "logins", "recovery_codes", "mailed_links", "audit_log", "outbox"):
        for row in await admin.fetch(f"SELECT t::text FROM {table} t"):  # noqa: S608  names from above
            kept += row[0]
    await admin.close()
    for secret in (opened.token, PASSWORD, people.secrets[ADA].hex(), *(opened.recovery_codes or [])):
        assert secret not in kept


@pytest.mark.parametrize(
    "password",
    ["", "elevenchars", "x" * 257, "aaaaaaaaaaaaaaaa", "password12345", "123456789012345", "lunettes-lunettes",
     "abcdefghijklmnop", "qwertyqwerty12"],
)  # fmt: skip
def test_a_password_that_would_be_guessed_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        check_new_password(password, ("lunettes",))


@pytest.mark.parametrize(
    "password", [PASSWORD, "Grünkohl-Straße 7b", "x7" + "kqzmwe" * 3, "correct horse battery staple"]
)
def test_a_password_of_several_words_is_taken(password: str) -> None:
    check_new_password(password, ("lunettes", "ada", "shop.example"))


@pytest.mark.parametrize("email", ["", "a", "a@", "@b.c", "a b@c.d", "a@b@c.d", "a@b\n.c", "a@" + "b" * 260])
async def test_what_no_mail_can_reach_is_no_address(people: People, email: str) -> None:
    with pytest.raises(InvalidEmail):
        await people.accounts.sign_up("lunettes", "Lunettes", email, PASSWORD)


def test_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, its last six digits."""
    secret = b"12345678901234567890"
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        assert code_at(secret, seconds // 30) == code


def test_what_is_sealed_opens_in_its_own_place_alone() -> None:
    seal = Seal("a" * 40)
    sealed = seal.seal(b"secret", "shop", "row")
    assert seal.open(sealed, "shop", "row") == b"secret"
    for other, place in ((Seal("b" * 40), ("shop", "row")), (seal, ("shop", "other")), (seal, ("shoprow",))):
        with pytest.raises(SealBroken):
            other.open(sealed, *place)


async def test_a_new_shop_has_a_publishable_key(people: People, database: Database) -> None:
    opened = await people.owner()
    keys = await Credentials(database).keys(opened.shop.id)
    assert [key.kind for key in keys] == ["publishable"]
