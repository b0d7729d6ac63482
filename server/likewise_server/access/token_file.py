"""The file of tokens, ``DATA/access/tokens.json``: written by commands, read by servers, both at any time.

It is written aside, fsynced and renamed under a lock of its own, so it is there whole and no writer undoes
another's work; who reads takes no lock. Its checksum shows damage. The folder ``access`` is made with the
first token: where it is and the file is not, the file was lost, and that is not the same as that nobody ever
made a token.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from likewise_engine import limits
from likewise_engine.durable import sync, write_whole
from likewise_engine.errors import LimitReached, StoreCorrupt, StoreFault
from likewise_server.access.caller import Scope
from likewise_server.access.tokens import Rate, Token, TokenState

_FORMAT: Final = 1


class TokenFile:
    """The tokens of a data folder, as they are kept."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "access"
        self._lock = self._folder / "lock"
        self.path: Final = self._folder / "tokens.json"

    def read(self) -> Sequence[Token] | None:
        """All tokens, in the order in which they were made; None where none ever was.

        Raises:
            StoreFault: the file cannot be read.
            StoreCorrupt: it is damaged, or lost.
        """
        with _translated("read the tokens"):
            if _is_there(self.path):
                return self._tokens()
            if self._folder.is_symlink() or _is_there(self._folder):
                raise StoreCorrupt(
                    f"tokens were made, but {self.path} is gone: bring it back from a backup, or make tokens"
                    " anew with 'likewise token create'"
                )
        return None

    def add(self, token: Token) -> None:
        """Keep a new token. Raises StoreFault, StoreCorrupt, LimitReached."""
        with self._changed() as tokens:
            _make_room(tokens)
            tokens.append(token)

    def revoke(self, is_meant: Callable[[Token], bool]) -> Sequence[Token]:
        """Make tokens invalid for good.

        Returns:
            Those that are meant and had not been revoked before.

        Raises:
            StoreFault, StoreCorrupt.
        """
        if self.read() is None:
            return ()
        now = datetime.now(UTC).replace(microsecond=0)
        revoked = []
        with self._changed() as tokens:
            for position, token in enumerate(tokens):
                if token.revoked is None and is_meant(token):
                    tokens[position] = replace(token, revoked=now)
                    revoked.append(tokens[position])
        return revoked

    @contextmanager
    def _changed(self) -> Iterator[list[Token]]:
        """The tokens, to be changed in place; they are kept so if nothing was raised."""
        with _translated("change the tokens"):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                tokens = list(self._tokens()) if _is_there(self.path) else []
                yield tokens
                self._write(tokens)
            finally:
                os.close(lock)

    def _tokens(self) -> Sequence[Token]:
        try:
            content = json.loads(self.path.read_bytes())
            if content["format"] != _FORMAT:
                raise StoreCorrupt(f"{self.path} is of a later version of likewise")
            if content["sha256"] != _checksum(content["tokens"]):
                raise ValueError("its checksum does not fit")
            return [_token(kept) for kept in content["tokens"]]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise StoreCorrupt(
                f"{self.path} is damaged: bring it back from a backup, or delete it, which revokes all, "
                "and make them anew with 'likewise token create'"
            ) from error

    def _write(self, tokens: Sequence[Token]) -> None:
        kept = [_kept(token) for token in tokens]
        content = {"format": _FORMAT, "sha256": _checksum(kept), "tokens": kept}
        write_whole(self.path, json.dumps(content, indent=1).encode())
        self._give_to_owner()
        sync(self._folder.parent)

    def _give_to_owner(self) -> None:
        """What root makes goes to the data folder's owner, as whom the server runs and has to read it."""
        if os.geteuid() == 0:
            owner = self._folder.parent.stat()
            for path in (self.path, self._lock, self._folder):
                # That owner may have put a link there, to a file that is not to become its own.
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _is_there(path: Path) -> bool:
    """Not by Path.exists, to which some of what cannot be looked at is not there. Raises OSError."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


def _make_room(tokens: list[Token]) -> None:
    """Let go of the oldest token that lets nobody in any more, where there are as many as may be."""
    if len(tokens) < limits.TOKENS_MAX:
        return
    now = datetime.now(UTC)
    for position, token in enumerate(tokens):
        if token.state(now) is not TokenState.VALID:
            del tokens[position]
            return
    raise LimitReached(
        f"there are {limits.TOKENS_MAX:,} valid tokens: revoke those that are not needed",
        limit="TOKENS_MAX",
        value=limits.TOKENS_MAX,
    )


def _kept(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "label": token.label,
        "tenant": token.tenant,
        "scopes": sorted(token.scopes),
        "digest": token.digest,
        "created": token.created.isoformat(),
        "expires": token.expires and token.expires.isoformat(),
        "revoked": token.revoked and token.revoked.isoformat(),
        "rate": token.rate and [token.rate.calls_per_s, token.rate.burst],
    }


def _token(kept: dict[str, Any]) -> Token:
    """Raises ValueError, KeyError, TypeError."""
    return Token(
        id=kept["id"],
        label=kept["label"],
        tenant=kept["tenant"],
        scopes=frozenset(map(Scope, kept["scopes"])),
        digest=kept["digest"],
        created=datetime.fromisoformat(kept["created"]),
        expires=kept["expires"] and datetime.fromisoformat(kept["expires"]),
        revoked=kept["revoked"] and datetime.fromisoformat(kept["revoked"]),
        rate=kept["rate"] and Rate(*kept["rate"]),
    )


def _checksum(kept: Any) -> str:
    """Of the values, however they are laid out."""
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


@contextmanager
def _translated(action: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreFault(f"could not {action}: {error.strerror} ({error.filename})") from error
