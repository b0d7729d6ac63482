"""Lets callers in, or does not: who they are, what they may do, and how often.

Who calls, in this order:

1. A call that brings a bearer token is judged by it alone. It has to be valid, even where none is required.
2. Where clients' certificates name tenants, it is the certificate's tenant.
3. Once any token was made, a call without one is not let in, wherever it comes from.
4. Else it is whoever holds a client's certificate; or, where none is asked for, the local caller.

A token is judged when a call's metadata have come, in the thread that receives for all: what is refused is
never read. Of a certificate gRPC tells only the thread that answers, before the message is decoded. Either
way a stream is asked again at each message and by a sweep, and so ends when its token is revoked.

Why somebody is not let in is told to the log, with the token's id. The caller hears the same in all cases.
"""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter_ns, sleep
from typing import Final
from urllib.parse import quote, unquote

import grpc

from likewise_engine.errors import Overloaded, PermissionDenied, Unauthenticated
from likewise_server.access.caller import LOCAL, Caller, Scope
from likewise_server.access.known_tokens import KnownTokens
from likewise_server.access.open_streams import OpenStream, OpenStreams
from likewise_server.access.permissions import SCOPES, check_scope, check_tenant
from likewise_server.access.rates import Rates
from likewise_server.access.refusals import Refusals
from likewise_server.access.tokens import Rate, Token
from likewise_server.settings import Settings, TenantSource

Identify = Callable[[grpc.ServicerContext], Caller]
"""Says who calls by its certificate. Raises Unauthenticated."""

_BEARER: Final = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_PACE_S: Final = 0.05
"""A stream that waits for its rate notices so soon that its caller is gone."""
_STREAM_RETRY_AFTER_MS: Final = 1_000
_UNAUTHENTICATED: Final = (
    "a valid token is required, sent as 'authorization: Bearer TOKEN', or a valid client certificate"
)


@dataclass(frozen=True, slots=True)
class Visit:
    """A caller that was let in.

    Attributes:
        caller: who it is.
        token: by which it was let in; None without one.
        rate: how often it may call; None for as often as it likes.
        queue: the tenant among whose calls it waits, as metadata would say it; None for whichever they say.
    """

    caller: Caller
    token: Token | None = None
    rate: Rate | None = None
    queue: str | None = None


_LOCAL: Final = Visit(LOCAL)


class Gate:
    """Judges each call by what its caller shows. May be used by any thread."""

    def __init__(
        self,
        tokens: KnownTokens,
        settings: Settings,
        identify: Identify | None = None,
        scopes: Mapping[str, frozenset[Scope]] = SCOPES,
    ) -> None:
        """Make ready to judge.

        Args:
            tokens: that are known.
            settings: how often callers may call.
            identify: tells callers by their certificates; None where they show none.
            scopes: by a method's path those of which one suffices; a method that is not there lets nobody in.
        """
        self._scopes = scopes
        self._tokens = tokens
        self._identify = identify
        self._certificates_suffice = settings.tenant_from_certificate is not TenantSource.NONE
        per_s, burst = settings.caller_calls_per_s, settings.caller_burst
        self._rate = None if per_s is None else Rate(per_s, burst)
        self._streams_max = settings.caller_streams_max
        self._rates = Rates()
        self._refusals = Refusals()
        self._visits: dict[str, Visit] = {}
        self._streams = Counter[str]()
        self._streams_lock = threading.Lock()
        self.open_streams: Final = OpenStreams()

    def admit(self, method: str, authorization: Sequence[str], tenant_said: str) -> Visit | None:
        """Judge a call by its metadata.

        Args:
            method: its path.
            authorization: what they say under that key.
            tenant_said: of which tenant they say it is, percent-encoded; "" where they do not.

        Returns:
            The visit; None where :meth:`identify` has to tell who calls.

        Raises:
            Unauthenticated, PermissionDenied, Overloaded: it is not let in.
            Unavailable: it cannot be told whether.
        """
        self._tokens.check_readable()
        try:
            if authorization:
                visit = self._by_token(authorization)
            elif self._certificates_suffice:
                return None
            elif self._tokens.are_required:
                raise Unauthenticated("missing")
            elif self._identify is not None:
                return None
            else:
                visit = _LOCAL
        except Unauthenticated as error:
            raise self._unauthenticated(method, error) from error
        self._check(method, visit, tenant_said)
        return visit

    def identify(self, method: str, context: grpc.ServicerContext, tenant_said: str) -> Visit:
        """Judge a call by its certificate, as :meth:`admit` does by metadata, where that could not."""
        if self._identify is None:
            raise ValueError("no certificates are asked for")
        try:
            visit = Visit(self._identify(context), rate=self._rate)
        except Unauthenticated as error:
            raise self._unauthenticated(method, error) from error
        self._check(method, visit, tenant_said)
        return visit

    def check_tenant(self, method: str, visit: Visit, tenant: str) -> None:
        """Return where a caller may name a tenant. Raises PermissionDenied, the same for all others."""
        try:
            check_tenant(visit.caller, tenant)
        except PermissionDenied as error:
            raise self._denied(method, error, visit.caller) from None

    def check_still(self, method: str, visit: Visit) -> None:
        """Return where a stream may go on. Raises Unauthenticated, Unavailable."""
        try:
            if visit.token is not None:
                self._tokens.check_valid(visit.token.id)
            elif self._tokens.are_required and not self._certificates_suffice:
                raise Unauthenticated("missing since tokens were made")
        except Unauthenticated as error:
            raise self._unauthenticated(method, error) from error

    def wait(self, visit: Visit, check: Callable[[], None]) -> None:
        """Return when a stream's next message may come, by the rate of its caller.

        Args:
            visit: whose it is.
            check: is called while it waits; raises where that is in vain.
        """
        if visit.rate is not None:
            while wait_ns := self._rates.wait_ns(visit.caller.name, visit.rate, perf_counter_ns()):
                sleep(min(wait_ns / 1e9, _PACE_S))
                check()

    @contextmanager
    def stream(self, method: str, visit: Visit, context: grpc.ServicerContext) -> Iterator[OpenStream]:
        """Keep a stream for as long as the ``with`` lasts. Raises Overloaded: its caller has too many."""
        check_still = partial(self.check_still, method, visit)
        with self._counted(visit), self.open_streams.opened(context, check_still) as stream:
            yield stream

    @contextmanager
    def _counted(self, visit: Visit) -> Iterator[None]:
        name = visit.caller.name
        if self._streams_max is None or visit is _LOCAL:
            yield
            return
        with self._streams_lock:
            if self._streams[name] >= self._streams_max:
                raise Overloaded(
                    f"the caller has {self._streams_max} streams already, and may have no more",
                    retry_after_ms=_STREAM_RETRY_AFTER_MS,
                )
            self._streams[name] += 1
        try:
            yield
        finally:
            with self._streams_lock:
                self._streams[name] -= 1
                if not self._streams[name]:
                    del self._streams[name]

    def _by_token(self, authorization: Sequence[str]) -> Visit:
        bearer = _BEARER.fullmatch(authorization[0])
        if bearer is None or len(authorization) > 1:
            raise Unauthenticated("malformed")
        token = self._tokens.find(bearer[1])
        visit = self._visits.get(token.id)
        if visit is None or visit.token is not token:
            queue = None if token.tenant is None else quote(token.tenant, safe="")
            visit = self._visits[token.id] = Visit(token.caller, token, token.rate or self._rate, queue)
        return visit

    def _check(self, method: str, visit: Visit, tenant_said: str) -> None:
        try:
            check_scope(method, visit.caller, self._scopes)
            if tenant_said:
                check_tenant(visit.caller, unquote(tenant_said))
        except PermissionDenied as error:
            raise self._denied(method, error, visit.caller) from None
        if visit.rate is not None:
            wait_ns = self._rates.wait_ns(visit.caller.name, visit.rate, perf_counter_ns())
            if wait_ns:
                raise Overloaded(
                    f"the caller may make {visit.rate.calls_per_s:g} calls a second",
                    retry_after_ms=1 + wait_ns // 1_000_000,
                )

    def _unauthenticated(self, method: str, error: Unauthenticated) -> Unauthenticated:
        """What a caller is told, whose proof is no good; the log is told why."""
        self._refusals.note(method, error.message, error.metadata)
        return Unauthenticated(_UNAUTHENTICATED)

    def _denied(self, method: str, error: PermissionDenied, caller: Caller) -> PermissionDenied:
        self._refusals.note(method, error.message, {"caller": caller.name})
        return error
