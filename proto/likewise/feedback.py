"""What became of answers: what ``client.feedback`` can do, for threads and for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import date
from typing import TYPE_CHECKING

from likewise.connection import NOT_GIVEN, Deadline
from likewise.v1.feedback_service_pb2 import (
    FEEDBACK_PERIOD_WEEK,
    FeedbackPeriod,
    GetFeedbackOverviewRequest,
    GetFeedbackRequest,
    GetFeedbackResponse,
    ListPredictionsRequest,
    Prediction,
    TenantFeedback,
)
from likewise.v1.feedback_service_pb2_grpc import FeedbackServiceStub
from likewise.values import date_message

if TYPE_CHECKING:
    from likewise.async_calls import AsyncCalls
    from likewise.calls import Calls
    from likewise.v1.feedback_service_pb2_grpc import FeedbackServiceAsyncStub


class Feedback:
    """What became of answers, as :attr:`likewise.Client.feedback` has it."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = FeedbackServiceStub(calls.channel)

    def get(
        self,
        tenant: str,
        *,
        start: date | None = None,
        end: date | None = None,
        period: FeedbackPeriod.ValueType = FEEDBACK_PERIOD_WEEK,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> GetFeedbackResponse:
        """What became of the answers from the day ``start`` to before ``end``, and what has changed."""
        request = _get_request(tenant, start, end, period)
        return self._calls.call(self._stub.GetFeedback, request, deadline_ms)

    def overview(self, *, page_size: int = 0, deadline_ms: Deadline = NOT_GIVEN) -> Iterator[TenantFeedback]:
        """Yield, for each tenant that was answered, the same in short, asking page by page as needed."""
        request = GetFeedbackOverviewRequest(page_size=page_size)
        for page in self._calls.pages(self._stub.GetFeedbackOverview, request, deadline_ms):
            yield from page.tenants

    def list(
        self,
        tenant: str,
        *,
        transaction_id: str = "",
        prediction_id: str = "",
        page_size: int = 0,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> Iterator[Prediction]:
        """Yield recorded answers, the latest first; of a transaction its latest, of an id the one."""
        request = _list_request(tenant, transaction_id, prediction_id, page_size)
        for page in self._calls.pages(self._stub.ListPredictions, request, deadline_ms):
            yield from page.predictions


class AsyncFeedback:
    """What became of answers, as :attr:`likewise.AsyncClient.feedback` has it; see :class:`Feedback`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls
        self._stub: FeedbackServiceAsyncStub = FeedbackServiceStub(calls.channel)

    async def get(
        self,
        tenant: str,
        *,
        start: date | None = None,
        end: date | None = None,
        period: FeedbackPeriod.ValueType = FEEDBACK_PERIOD_WEEK,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> GetFeedbackResponse:
        """As :meth:`Feedback.get`."""
        request = _get_request(tenant, start, end, period)
        return await self._calls.call(self._stub.GetFeedback, request, deadline_ms)

    async def overview(
        self, *, page_size: int = 0, deadline_ms: Deadline = NOT_GIVEN
    ) -> AsyncIterator[TenantFeedback]:
        """As :meth:`Feedback.overview`."""
        request = GetFeedbackOverviewRequest(page_size=page_size)
        async for page in self._calls.pages(self._stub.GetFeedbackOverview, request, deadline_ms):
            for tenant in page.tenants:
                yield tenant

    async def list(
        self,
        tenant: str,
        *,
        transaction_id: str = "",
        prediction_id: str = "",
        page_size: int = 0,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> AsyncIterator[Prediction]:
        """As :meth:`Feedback.list`."""
        request = _list_request(tenant, transaction_id, prediction_id, page_size)
        async for page in self._calls.pages(self._stub.ListPredictions, request, deadline_ms):
            for prediction in page.predictions:
                yield prediction


def _get_request(
    tenant: str, start: date | None, end: date | None, period: FeedbackPeriod.ValueType
) -> GetFeedbackRequest:
    return GetFeedbackRequest(
        tenant=tenant,
        start_date=None if start is None else date_message(start),
        end_date=None if end is None else date_message(end),
        period=period,
    )


def _list_request(
    tenant: str, transaction_id: str, prediction_id: str, page_size: int
) -> ListPredictionsRequest:
    return ListPredictionsRequest(
        tenant=tenant, transaction_id=transaction_id, prediction_id=prediction_id, page_size=page_size
    )
