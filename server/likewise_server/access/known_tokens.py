"""The tokens as a server knows them: in memory, and anew whenever their file has changed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import structlog

from likewise_engine.errors import LikewiseError, Unauthenticated, Unavailable
from likewise_server.access.token_file import TokenFile
from likewise_server.access.tokens import Token, TokenState, digest_of, id_of

_NONE: Final[Mapping[str, Token]] = MappingProxyType({})

_log = structlog.stdlib.get_logger()


class KnownTokens:
    """None at first. Any thread may ask; :meth:`read` replaces all at once."""

    def __init__(self, *, are_required: bool = False) -> None:
        """Args: are_required: whether whoever has none is not let in, though none was ever made."""
        self._tokens: Mapping[str, Token] | None = _NONE
        self._are_required = are_required

    @property
    def are_required(self) -> bool:
        """Whether whoever has none is not let in: so it is to be, or one was made once."""
        return self._are_required

    def read(self, file: TokenFile) -> None:
        """Take over what the file says. Where it cannot be read, nobody is let in until it can."""
        try:
            kept = file.read()
        except LikewiseError as error:
            _log.error("tokens cannot be read: nobody is let in", error=error.message)
            self._tokens, self._are_required = None, True
            return
        # One that is gone while the server runs was lost, whatever became of its folder.
        self._are_required = self._are_required or kept is not None
        self._tokens = {token.id: token for token in kept or ()}
        if self._are_required:
            _log.info("tokens read", tokens=len(self._tokens))

    def check_readable(self) -> None:
        """Return where it can be told who may call. Raises Unavailable."""
        self._known()

    def find(self, secret: str) -> Token:
        """The token that a secret is.

        Raises:
            Unauthenticated: it is none that is valid; ``metadata`` says why, for the log and not the caller.
            Unavailable.
        """
        token_id = id_of(secret)
        if token_id is None:
            raise Unauthenticated("malformed")
        known = self._known().get(token_id)
        if known is None:
            # As long as where there is one. An id is no secret, but which ones there are need not be told.
            digest_of(secret)
            raise Unauthenticated("unknown", token=token_id)
        if not known.is_that_of(secret):
            raise Unauthenticated("wrong secret", token=token_id)
        return _valid(known)

    def check_valid(self, token_id: str) -> None:
        """Return where a token that was valid is so still. Raises Unauthenticated, Unavailable."""
        known = self._known().get(token_id)
        if known is None:
            raise Unauthenticated("unknown", token=token_id)
        _valid(known)

    def _known(self) -> Mapping[str, Token]:
        tokens = self._tokens
        if tokens is None:
            raise Unavailable("the server cannot tell who may call: its log says why")
        return tokens


def _valid(token: Token) -> Token:
    if token.revoked is None and token.expires is None:
        return token
    state = token.state(datetime.now(UTC))
    if state is not TokenState.VALID:
        raise Unauthenticated(state.value, token=token.id)
    return token
