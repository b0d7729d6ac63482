"""The cards of tenants: what ``client.cards`` can do, for threads and for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from likewise.connection import NOT_GIVEN, Deadline
from likewise.v1.card_service_pb2 import GetCardRequest, GetCardResponse
from likewise.v1.card_service_pb2_grpc import CardServiceStub

if TYPE_CHECKING:
    from likewise.async_calls import AsyncCalls
    from likewise.calls import Calls
    from likewise.v1.card_service_pb2_grpc import CardServiceAsyncStub


class Cards:
    """The cards of tenants, as :attr:`likewise.Client.cards` has them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = CardServiceStub(calls.channel)

    def get(
        self, tenant: str, *, wordings: bool = False, deadline_ms: Deadline = NOT_GIVEN
    ) -> GetCardResponse:
        """A tenant's card as of now; with its most frequent wordings if they are wanted."""
        request = GetCardRequest(tenant=tenant, wordings=wordings)
        return self._calls.call(self._stub.GetCard, request, deadline_ms)


class AsyncCards:
    """The cards of tenants, as :attr:`likewise.AsyncClient.cards` has them; see :class:`Cards`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls
        self._stub: CardServiceAsyncStub = CardServiceStub(calls.channel)

    async def get(
        self, tenant: str, *, wordings: bool = False, deadline_ms: Deadline = NOT_GIVEN
    ) -> GetCardResponse:
        """As :meth:`Cards.get`."""
        request = GetCardRequest(tenant=tenant, wordings=wordings)
        return await self._calls.call(self._stub.GetCard, request, deadline_ms)
