"""The models that serve: what ``client.models`` can do, for threads and for asyncio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from likewise.connection import NOT_GIVEN, Deadline
from likewise.v1.model_service_pb2 import (
    GetModelCardRequest,
    GetModelCardResponse,
    ListModelsRequest,
    Model,
)
from likewise.v1.model_service_pb2_grpc import ModelServiceStub

if TYPE_CHECKING:
    from likewise.async_calls import AsyncCalls
    from likewise.calls import Calls
    from likewise.v1.model_service_pb2_grpc import ModelServiceAsyncStub


class Models:
    """The models that serve, as :attr:`likewise.Client.models` has them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = ModelServiceStub(calls.channel)

    def list(self, *, deadline_ms: Deadline = NOT_GIVEN) -> Sequence[Model]:
        """The encoder and the vote that serve now; ``fault`` says what is wrong with the folder of one."""
        return self._calls.call(self._stub.ListModels, ListModelsRequest(), deadline_ms).models

    def get(self, fingerprint: str, *, deadline_ms: Deadline = NOT_GIVEN) -> GetModelCardResponse:
        """The card of a model that serves; NotFound if there is none of this fingerprint."""
        request = GetModelCardRequest(fingerprint=fingerprint)
        return self._calls.call(self._stub.GetModelCard, request, deadline_ms)


class AsyncModels:
    """The models that serve, as :attr:`likewise.AsyncClient.models` has them; see :class:`Models`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls
        self._stub: ModelServiceAsyncStub = ModelServiceStub(calls.channel)

    async def list(self, *, deadline_ms: Deadline = NOT_GIVEN) -> Sequence[Model]:
        """As :meth:`Models.list`."""
        return (await self._calls.call(self._stub.ListModels, ListModelsRequest(), deadline_ms)).models

    async def get(self, fingerprint: str, *, deadline_ms: Deadline = NOT_GIVEN) -> GetModelCardResponse:
        """As :meth:`Models.get`."""
        request = GetModelCardRequest(fingerprint=fingerprint)
        return await self._calls.call(self._stub.GetModelCard, request, deadline_ms)
