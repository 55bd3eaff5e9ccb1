"""What docs/security.md states in figures: how passwords are hashed, and for how long a code is good."""

from __future__ import annotations

from tenancy.passwords import Passwords
from tenancy.second_factor import PERIOD_S, code_at, counter_of


async def test_a_password_is_hashed_at_the_strength_that_is_stated():
    passwords = Passwords()
    hashed = await passwords.hash("four turnips in a tram")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.hash("four turnips in a tram") != hashed, "each with a salt of its own"
    assert await passwords.verify("four turnips in a tram", hashed)
    assert not await passwords.verify("four turnips in a tran", hashed)


def test_a_code_is_good_for_its_half_minute_and_one_either_way():
    secret, at = bytes(range(20)), 1_800_000_000.0
    own = int(at // PERIOD_S)
    assert PERIOD_S == 30
    good = [step for step in range(-4, 5) if counter_of(code_at(secret, own + step), secret, after=0, at=at)]
    assert good == [-1, 0, 1]
    assert counter_of(code_at(secret, own), secret, after=own, at=at) is None
