"""The dashboard in its owner's language: the first of ours that her browser asks for.

Pages are written in English, and each text is its own key: `words/dashboard/` has a file for each other language. A
text may hold markup, for it is ours, and names in braces, whose values are escaped. What the interface itself says in
detail, what the intake found and what is mailed is in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from aiohttp import hdrs, web
from markupsafe import Markup

from web.languages import FIRST, preferred, words

TONGUES = (FIRST, "de", "fr")
MONTHS = "January February March April May June July August September October November December"
SHORT_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
# What the dashboard's scripts say.
SCRIPTS = (
    "Copied.",
    "No passkey was used.",
    "Saved.",
    "There was no answer. Try again in a moment.",
    "This browser knows no passkeys.",
    "This device has a passkey here already.",
)
_MARKS = {FIRST: (",", "."), "de": (".", ","), "fr": ("\u202f", ",")}  # between thousands, before decimals
# Lines of a bill, by how they begin.
_LINES = (
    ("Plan ", "Plan {name}"),
    ("Try-ons beyond ", "Try-ons beyond {name}"),
    ("GB-months beyond ", "GB-months beyond {name}"),
)


@dataclass(frozen=True)
class Tongue:
    """One language: texts, and days, numbers and sums as it writes them."""

    code: str

    @classmethod
    def of(cls, request: web.Request) -> Tongue:
        """The one that a browser asks for."""
        return cls(preferred(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""), TONGUES))

    @property
    def words(self) -> Mapping[str, str]:
        """English to this language; nothing for English."""
        return {} if self.code == FIRST else words(self.code, "dashboard")

    def __call__(self, text: str, **given: object) -> Markup:
        """A text of ours; one that is not in the file stays English."""
        said = Markup(self.words.get(text, text))  # noqa: S704  ours, in templates and files
        return said.format(**given) if given else said

    def for_scripts(self, titles: Mapping[str, tuple[int, str]]) -> dict[str, str]:
        """What scripts may have to say: their own texts, and the titles of problems."""
        known = self.words
        return {text: known[text] for text in (*SCRIPTS, *(title for _, title in titles.values())) if text in known}

    def number(self, value: float, digits: int = 0) -> str:
        """A number with its thousands apart."""
        return self._marked(f"{value:,.{digits}f}")

    def euro(self, cents: float) -> str:
        """A sum of money."""
        return f"{self.number(cents / 100, 2)} €"

    def size(self, count: float) -> str:
        """Bytes in the unit that a person would use."""
        byte = "o" if self.code == "fr" else "B"
        for prefix, one in (("G", 1e9), ("M", 1e6)):
            if count >= one:
                return self._marked(f"{count / one:,.3g} {prefix}{byte}")
        return self._marked(f"{count / 1e3:,.0f} k{byte}")

    def day(self, at: date) -> str:
        """A day of a year."""
        return f"{self.day_of_month(at)} {at:%Y}"

    def day_of_month(self, at: date) -> str:
        """A day, where the year is known."""
        return f"{at:%d}{'.' if self.code == 'de' else ''} {self(SHORT_MONTHS).split()[at.month - 1]}"

    def moment(self, at: datetime) -> str:
        """A day and a minute, in UTC."""
        return f"{self.day(at)}, {at:%H:%M} UTC"

    def month(self, at: date) -> str:
        """A month of a year."""
        return f"{self(MONTHS).split()[at.month - 1]} {at:%Y}"

    def line(self, says: str) -> Markup:
        """A line of a bill, as `tenancy.plans` words it."""
        for begin, text in _LINES:
            if says.startswith(begin):
                return self(text, name=self._marked(says.rpartition(" ")[2]))
        return self(says)

    def _marked(self, english: str) -> str:
        thousands, decimals = _MARKS[self.code]
        return english.translate({ord(","): thousands, ord("."): decimals})
