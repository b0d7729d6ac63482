"""Where bad inputs come from: a source of chance that the seed, the target and a number make anew."""

import random
from collections.abc import Sequence
from typing import Final

_INTERESTING: Final = (
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    2**31 - 1,
    -(2**31),
    2**32,
    2**63 - 1,
    -(2**63),
)
_NASTY: Final = (
    "",
    " ",
    ".",
    "..",
    "../x",
    "..\\x",
    "/etc/passwd",
    "%2e%2e%2f",
    "%00",
    "a\x00b",
    "CON",
    "NUL",
    "lock",
    "aside",
    "tenants",
    "cafe\u0301",
    "caf\u00e9",
    "CAFE",
    "cafe",
    "\u0441\u0430fe",  # Cyrillic letters in place of Latin ones
    "\u202egnp.exe",
    "\u200b",
    "\ufeff",
    "\U0001f950",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "x" * 300,
    "\u00e9" * 80,
    "'; DROP TABLE entries; --",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "1e308",
    "-1e999",
    "NaN",
    "\u0661\u0662\u0663",  # Arabic digits
    "\uff11\uff12",  # fullwidth digits
    "\u00b2\u00bd",
    "0" * 400,
    "31.02.2026",
    "1,234.56",
    "=cmd|' /C calc'!A0",
    "\r\n",
    "\u2028",
    "\t",
    "a&" * 200,
    "0-0" * 100,
    "1t00:" * 60,
    "\u0300" * 200,
    "\u0130\u0131\u017f\ufb01",
    "\ufdfa" * 40,  # one character that decomposes into eighteen
)
_ALPHABETS: Final = (
    "abcdefghijklmnopqrstuvwxyz ",
    "0123456789.,:/-t ",
    "0123456789abcdef-",
    " &.,:/-'`",
    "\u00e0\u00df\u0130\u0131\u1e9e\u0391\u03c9\u0439\u0451",
    "\u0300\u0301\u0327\u200d\u202e\ufe0f",
    "\u4e2d\uac00\u1112\u115f\u3164\uff21",
    "\U0001f600\U0001f1e9\U0001d7d8\U000e0001",
    "\x00\x01\x1f\x7f\x85\ud800\udfff",
)
_RUN_CHARS_MAX: Final = 64
_RUNS_MAX: Final = 6


class Chance(random.Random):
    """Randomness with a taste for what goes wrong."""

    def one_in(self, count: int) -> bool:
        """Whether something that happens once in so many times happens now."""
        return self.randrange(count) == 0

    def text(self) -> str:
        """A string that somebody might not have thought of; lone surrogates among them."""
        if self.one_in(3):
            return self.choice(_NASTY)
        parts = []
        for _ in range(self.randint(1, _RUNS_MAX)):
            alphabet = self.choice(_ALPHABETS)
            part = "".join(self.choices(alphabet, k=self.randint(1, 12)))
            parts.append(part * self.randint(1, _RUN_CHARS_MAX // 8) if self.one_in(4) else part)
        return self.choice(("", " ", "&", "-")).join(parts)

    def valid_text(self) -> str:
        """Such a string without what UTF-8 cannot say."""
        return self.text().encode(errors="ignore").decode()

    def number(self) -> int:
        """An integer at an edge, or any."""
        return self.choice(_INTERESTING) if self.one_in(2) else self.randint(-1_000, 1_000)

    def real(self) -> float:
        """A float at an edge, or any."""
        return self.choice((0.0, -0.0, 1e308, -1e308, float("inf"), float("nan"), 5e-324, 0.5, self.random()))

    def mutated(self, content: bytes, changes_max: int = 8) -> bytes:
        """Bytes with some of them flipped, cut out, doubled, or replaced by edges."""
        changed = bytearray(content)
        for _ in range(self.randint(1, changes_max)):
            place = self.randrange(len(changed) + 1)
            length = min(self.randint(1, 16), len(changed) - place)
            match self.randrange(5):
                case 0 if place < len(changed):
                    changed[place] ^= 1 << self.randrange(8)
                case 1:
                    del changed[place : place + length]
                case 2:
                    changed[place:place] = changed[place : place + length]
                case 3:
                    changed[place : place + length] = self.edge()
                case _:
                    changed[place:place] = self.randbytes(length or 1)
        return bytes(changed)

    def edge(self) -> bytes:
        """An integer at an edge, as some format may hold it."""
        value = self.choice(_INTERESTING)
        size = self.choice((1, 2, 4, 8))
        content = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
        return content if self.one_in(2) else content[::-1]


def chance_of(seed: int, target: str, number: int) -> Chance:
    """The chance of one input: the same whenever it is asked for."""
    return Chance(f"{seed}/{target}/{number}")


def weighted(chance: random.Random, choices: Sequence[tuple[int, str]]) -> str:
    """One of the names, by their weights."""
    return chance.choices([name for _, name in choices], [weight for weight, _ in choices])[0]
