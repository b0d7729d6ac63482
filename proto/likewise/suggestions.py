"""What a language model suggests: what ``client.suggestions`` can do, for threads and for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING

from likewise.connection import NOT_GIVEN, Deadline
from likewise.v1.suggestion_service_pb2 import (
    GetSuggestionRequest,
    ListSuggestionsRequest,
    Suggestion,
    SuggestionRecord,
    WatchSuggestionsRequest,
)
from likewise.v1.suggestion_service_pb2_grpc import SuggestionServiceStub

if TYPE_CHECKING:
    from likewise.async_calls import AsyncCalls, Watching
    from likewise.calls import Calls
    from likewise.v1.suggestion_service_pb2_grpc import SuggestionServiceAsyncStub


class Suggestions:
    """The suggestions of a language model, as :attr:`likewise.Client.suggestions` has them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = SuggestionServiceStub(calls.channel)

    def get(self, tenant: str, suggestion_id: str, *, deadline_ms: Deadline = NOT_GIVEN) -> Suggestion:
        """The suggestion that an answer names, or what became of the question: its state says which."""
        request = GetSuggestionRequest(tenant=tenant, suggestion_id=suggestion_id)
        return self._calls.call(self._stub.GetSuggestion, request, deadline_ms).suggestion

    def watch(self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN) -> Iterator[Suggestion]:
        """Suggestions as they come, until the deadline: all that come after this has returned.

        The server listens from then on. Dropping the iterator ends the call.
        """
        request = WatchSuggestionsRequest(tenant=tenant)
        responses = self._calls.begun(self._stub.WatchSuggestions, request, deadline_ms)
        return (response.suggestion for response in responses)

    def list(
        self, tenant: str, *, page_size: int = 0, deadline_ms: Deadline = NOT_GIVEN
    ) -> Iterator[Suggestion]:
        """Yield the suggestions that are kept, the latest first, asking page by page as needed."""
        request = ListSuggestionsRequest(tenant=tenant, page_size=page_size)
        for page in self._calls.pages(self._stub.ListSuggestions, request, deadline_ms):
            yield from page.suggestions

    def records(self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN) -> Sequence[SuggestionRecord]:
        """How often each model was right, by dimension."""
        request = ListSuggestionsRequest(tenant=tenant, page_size=1)
        return self._calls.call(self._stub.ListSuggestions, request, deadline_ms).records


class AsyncSuggestions:
    """As :attr:`likewise.AsyncClient.suggestions` has them; see :class:`Suggestions`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls
        self._stub: SuggestionServiceAsyncStub = SuggestionServiceStub(calls.channel)

    async def get(self, tenant: str, suggestion_id: str, *, deadline_ms: Deadline = NOT_GIVEN) -> Suggestion:
        """As :meth:`Suggestions.get`."""
        request = GetSuggestionRequest(tenant=tenant, suggestion_id=suggestion_id)
        return (await self._calls.call(self._stub.GetSuggestion, request, deadline_ms)).suggestion

    def watch(self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN) -> Watching[Suggestion]:
        """As :meth:`Suggestions.watch`: the call begins now, and ``await watching.listening()`` returns when
        the server listens.
        """
        request = WatchSuggestionsRequest(tenant=tenant)
        return self._calls.begun(
            self._stub.WatchSuggestions, request, deadline_ms, lambda response: response.suggestion
        )

    async def list(
        self, tenant: str, *, page_size: int = 0, deadline_ms: Deadline = NOT_GIVEN
    ) -> AsyncIterator[Suggestion]:
        """As :meth:`Suggestions.list`."""
        request = ListSuggestionsRequest(tenant=tenant, page_size=page_size)
        async for page in self._calls.pages(self._stub.ListSuggestions, request, deadline_ms):
            for suggestion in page.suggestions:
                yield suggestion

    async def records(self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN) -> Sequence[SuggestionRecord]:
        """As :meth:`Suggestions.records`."""
        request = ListSuggestionsRequest(tenant=tenant, page_size=1)
        return (await self._calls.call(self._stub.ListSuggestions, request, deadline_ms)).records
