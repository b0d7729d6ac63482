"""What is cached of a tenant, encrypted: AES-256-GCM, a chunk at a time, each bound to its place.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015, eprint 2015/189): a chunk's nonce is its
number, and whether it is the last, so none can be left out, moved or added. The key is derived from the
tenant's with a fresh salt each time, so no nonce is used twice under one key.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from likewise_engine.keys import TenantKey

_SALT_BYTES: Final = 32
_TAG_BYTES: Final = 16
_CHUNK_BYTES: Final = 1 << 20
"""Python's lock is held for as long as one takes: .3 ms."""


def seal(key: TenantKey, name: str, content: bytes) -> bytes:
    """Encrypt a content under a name, with which alone :func:`unseal` opens it."""
    salt = os.urandom(_SALT_BYTES)
    cipher, view = AESGCM(key.of_cache(name, salt)), memoryview(content)
    starts = range(0, max(1, len(content)), _CHUNK_BYTES)
    chunks = [
        cipher.encrypt(_nonce(number, is_last=start == starts[-1]), view[start : start + _CHUNK_BYTES], None)
        for number, start in enumerate(starts)
    ]
    return b"".join([salt, *chunks])


def unseal(key: TenantKey, name: str, content: bytes) -> bytearray:
    """What was sealed. Raises ValueError where it is damaged, of another name, or another tenant's."""
    view = memoryview(content)
    salt, rest = view[:_SALT_BYTES], view[_SALT_BYTES:]
    cipher, plain = AESGCM(key.of_cache(name, bytes(salt))), bytearray()
    starts = range(0, max(1, len(rest)), _CHUNK_BYTES + _TAG_BYTES)
    try:
        for number, start in enumerate(starts):
            chunk = rest[start : start + _CHUNK_BYTES + _TAG_BYTES]
            plain += cipher.decrypt(_nonce(number, is_last=start == starts[-1]), chunk, None)
    except InvalidTag as error:
        raise ValueError("the cache does not open under this key") from error
    return plain


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])
