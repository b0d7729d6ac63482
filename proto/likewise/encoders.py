"""The encoder of texts: what ``client.encoders`` can do, for threads and for asyncio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from likewise.connection import NOT_GIVEN, Deadline
from likewise.v1.encoder_service_pb2 import (
    Encoder,
    EncoderChange,
    GetEncoderChangeRequest,
    ListEncodersRequest,
    PauseEncoderChangeRequest,
    ResumeEncoderChangeRequest,
    RollbackEncoderChangeRequest,
    StartEncoderChangeRequest,
)
from likewise.v1.encoder_service_pb2_grpc import EncoderServiceStub

if TYPE_CHECKING:
    from likewise.async_calls import AsyncCalls
    from likewise.calls import Calls
    from likewise.v1.encoder_service_pb2_grpc import EncoderServiceAsyncStub


class Encoders:
    """The encoders of a server, as :attr:`likewise.Client.encoders` has them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = EncoderServiceStub(calls.channel)

    def list(self, *, deadline_ms: Deadline = NOT_GIVEN) -> Sequence[Encoder]:
        """The encoders that tenants can be changed to."""
        return self._calls.call(self._stub.ListEncoders, ListEncodersRequest(), deadline_ms).encoders

    def get(self, *, deadline_ms: Deadline = NOT_GIVEN) -> EncoderChange:
        """Which encoder tenants are to have, and how far the change to it is."""
        return self._calls.call(self._stub.GetEncoderChange, GetEncoderChangeRequest(), deadline_ms).change

    def start(self, encoder: str, *, deadline_ms: Deadline = NOT_GIVEN) -> EncoderChange:
        """Start to change all tenants to an encoder, by its fingerprint or name; returns at once."""
        request = StartEncoderChangeRequest(encoder=encoder)
        return self._calls.call(self._stub.StartEncoderChange, request, deadline_ms).change

    def pause(self, *, deadline_ms: Deadline = NOT_GIVEN) -> EncoderChange:
        """Pause the change; tenants keep the encoder that they have."""
        request = PauseEncoderChangeRequest()
        return self._calls.call(self._stub.PauseEncoderChange, request, deadline_ms).change

    def resume(self, *, deadline_ms: Deadline = NOT_GIVEN) -> EncoderChange:
        """Resume a change that was paused."""
        request = ResumeEncoderChangeRequest()
        return self._calls.call(self._stub.ResumeEncoderChange, request, deadline_ms).change

    def rollback(self, *, deadline_ms: Deadline = NOT_GIVEN) -> EncoderChange:
        """Change all tenants back to the encoder before; returns at once."""
        request = RollbackEncoderChangeRequest()
        return self._calls.call(self._stub.RollbackEncoderChange, request, deadline_ms).change


class AsyncEncoders:
    """The encoders of a server, as :attr:`likewise.AsyncClient.encoders` has them; see :class:`Encoders`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls
        self._stub: EncoderServiceAsyncStub = EncoderServiceStub(calls.channel)

    async def list(self, *, deadline_ms: Deadline = NOT_GIVEN) -> Sequence[Encoder]:
        """As :meth:`Encoders.list`."""
        return (await self._calls.call(self._stub.ListEncoders, ListEncodersRequest(), deadline_ms)).encoders

    async def get(self, *, deadline_ms: Deadline = NOT_GIVEN) -> EncoderChange:
        """As :meth:`Encoders.get`."""
        request = GetEncoderChangeRequest()
        return (await self._calls.call(self._stub.GetEncoderChange, request, deadline_ms)).change

    async def start(self, encoder: str, *, deadline_ms: Deadline = NOT_GIVEN) -> EncoderChange:
        """As :meth:`Encoders.start`."""
        request = StartEncoderChangeRequest(encoder=encoder)
        return (await self._calls.call(self._stub.StartEncoderChange, request, deadline_ms)).change

    async def pause(self, *, deadline_ms: Deadline = NOT_GIVEN) -> EncoderChange:
        """As :meth:`Encoders.pause`."""
        request = PauseEncoderChangeRequest()
        return (await self._calls.call(self._stub.PauseEncoderChange, request, deadline_ms)).change

    async def resume(self, *, deadline_ms: Deadline = NOT_GIVEN) -> EncoderChange:
        """As :meth:`Encoders.resume`."""
        request = ResumeEncoderChangeRequest()
        return (await self._calls.call(self._stub.ResumeEncoderChange, request, deadline_ms)).change

    async def rollback(self, *, deadline_ms: Deadline = NOT_GIVEN) -> EncoderChange:
        """As :meth:`Encoders.rollback`."""
        request = RollbackEncoderChangeRequest()
        return (await self._calls.call(self._stub.RollbackEncoderChange, request, deadline_ms)).change
