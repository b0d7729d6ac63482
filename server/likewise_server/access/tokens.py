"""Bearer tokens: what one looks like, and what is kept of it.

A token is ``lw_<id>_<secret><check>``: an id that logs and lists may show, 256 random bits, and a CRC-32 of
all before it, all in letters and digits. So secret scanners find one in a repository, and can tell it from
what only looks so, without asking the server (the layout is that of GitHub's tokens). What is kept is the
SHA-256 of the whole. A slow hash (scrypt, Argon2) is for passwords, which people choose and guessing finds;
among 2^256 secrets nothing is found by guessing, and a slow hash would only help whoever floods the server.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from likewise_server.access.caller import Caller, Scope

_DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_CHARS: Final = 10
_ID_DIGITS: Final = string.digits + string.ascii_lowercase
_SECRET_BYTES: Final = 32
_SECRET_CHARS: Final = 43  # 62^43 > 2^256
_CHECK_CHARS: Final = 6  # 62^6 > 2^32
_SHAPE: Final = re.compile(
    rf"lw_(?P<id>[0-9a-z]{{{_ID_CHARS}}})_[0-9A-Za-z]{{{_SECRET_CHARS + _CHECK_CHARS}}}"
)


class TokenState(StrEnum):
    """Whether a token lets anybody in, and why not."""

    VALID = "valid"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a caller may call.

    Attributes:
        calls_per_s: in the long run.
        burst: at once, after a time of rest.
    """

    calls_per_s: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is known of a token. Its secret is not.

    Attributes:
        id: its public part.
        label: what it is for, for people.
        tenant: the only one that its bearer may name; None for any.
        scopes: what its bearer may do.
        digest: SHA-256 of the whole token, as hex.
        created: when it was made.
        expires: from when on it is not valid; None for never.
        revoked: since when it is not valid; None where it was not revoked.
        rate: how often its bearer may call; None for as often as the server lets anybody.
    """

    id: str
    label: str
    tenant: str | None
    scopes: frozenset[Scope]
    digest: str
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    rate: Rate | None = None

    @property
    def caller(self) -> Caller:
        """Its bearer."""
        return Caller(f"token:{self.id} {self.label}".rstrip(), self.tenant, self.scopes)

    def state(self, now: datetime) -> TokenState:
        """Whether it is valid at a time."""
        if self.revoked is not None:
            return TokenState.REVOKED
        if self.expires is not None and now >= self.expires:
            return TokenState.EXPIRED
        return TokenState.VALID

    def is_that_of(self, secret: str) -> bool:
        """Whether a text is this token. Takes as long for any."""
        return hmac.compare_digest(self.digest, digest_of(secret))


def issued(
    *,
    label: str,
    tenant: str | None,
    scopes: frozenset[Scope],
    expires: datetime | None = None,
    rate: Rate | None = None,
) -> tuple[Token, str]:
    """A new token, and its secret, which nobody will see again."""
    token_id = "".join(secrets.choice(_ID_DIGITS) for _ in range(_ID_CHARS))
    number = int.from_bytes(secrets.token_bytes(_SECRET_BYTES))
    body = f"lw_{token_id}_{_base62(number, _SECRET_CHARS)}"
    secret = body + _check_of(body)
    now = datetime.now(UTC).replace(microsecond=0)
    token = Token(
        id=token_id,
        label=label,
        tenant=tenant,
        scopes=scopes,
        digest=digest_of(secret),
        created=now,
        expires=expires,
        rate=rate,
    )
    return token, secret


def id_of(secret: str) -> str | None:
    """The public part of what has a token's shape; None of what has not. The check is for scanners."""
    shape = _SHAPE.fullmatch(secret)
    return shape and shape["id"]


def digest_of(secret: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _check_of(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK_CHARS)


def _base62(number: int, chars: int) -> str:
    digits = []
    for _ in range(chars):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
