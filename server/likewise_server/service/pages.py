"""Page tokens (AIP-158): where the next page begins, opaque, and good for the list that they came from alone.

A token is the position with a digest of what was listed. The digest is no secret and keeps nobody out; it
tells a token of another list, or one that was tampered with, from one of ours.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from likewise_engine import limits
from likewise_engine.errors import InvalidInput

_DIGEST_BYTES: Final = 8
_NUMBER: Final = re.compile("[0-9]{1,18}")
"""Fits the 64 bits of a row's number."""


def page_size_of(asked: int) -> int:
    """How many items a page is to have: the default for 0, and no more than the limit.

    Raises:
        InvalidInput: it is negative.
    """
    if asked < 0:
        raise InvalidInput.of("page_size", f"is {asked}: give a positive number, or 0 for the default")
    return min(asked or limits.PAGE_SIZE_DEFAULT, limits.PAGE_SIZE_MAX)


def page_token(listed: str, position: str) -> str:
    """The token for the page beyond a position.

    Args:
        listed: names the list, such as ``transactions of acme``.
        position: of the last item on this page.
    """
    return urlsafe_b64encode(_digest(listed, position) + position.encode()).decode().rstrip("=")


def position_of(listed: str, token: str) -> str:
    """The position that a token stands for.

    Raises:
        InvalidInput: it is no token of this list.
    """
    if len(token) <= limits.PAGE_TOKEN_CHARS_MAX and token.isascii():
        try:
            decoded = urlsafe_b64decode(token + "=" * (-len(token) % 4))
            digest, position = decoded[:_DIGEST_BYTES], decoded[_DIGEST_BYTES:].decode()
        except ValueError:  # not base64, or not UTF-8: falls through, as one of another list does
            digest, position = b"", ""
        if digest == _digest(listed, position):
            return position
    raise _no_token()


def number_of(listed: str, token: str) -> int:
    """The position that a token stands for, in a list of numbered items.

    Raises:
        InvalidInput: it is no token of this list. Anybody can make one, so one of no number is none either.
    """
    position = position_of(listed, token)
    if _NUMBER.fullmatch(position) is None:
        raise _no_token()
    return int(position)


def _no_token() -> InvalidInput:
    return InvalidInput.of(
        "page_token", "is no token of this list: pass the next_page_token of its last page, or start without"
    )


def _digest(listed: str, position: str) -> bytes:
    return hashlib.blake2b(f"{listed}\0{position}".encode(), digest_size=_DIGEST_BYTES).digest()
