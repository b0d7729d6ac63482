"""What may be wrong in a tenant's history, and why an answer is what it is: what ``client.insight`` does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from likewise.connection import NOT_GIVEN, Deadline
from likewise.v1.classifier_service_pb2 import ClassifyOptions
from likewise.v1.insight_service_pb2 import (
    AuditTenantRequest,
    AuditTenantResponse,
    ExplainTransactionRequest,
    Explanation,
    FindingKind,
    ReplayPredictionRequest,
    ReplayPredictionResponse,
)
from likewise.v1.insight_service_pb2_grpc import InsightServiceStub
from likewise.v1.transaction_pb2 import Transaction

if TYPE_CHECKING:
    from likewise.async_calls import AsyncCalls
    from likewise.calls import Calls
    from likewise.v1.insight_service_pb2_grpc import InsightServiceAsyncStub


class Insight:
    """Looks into tenants, as :attr:`likewise.Client.insight` has it. It changes nothing."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = InsightServiceStub(calls.channel)

    def audit(
        self,
        tenant: str,
        *,
        dimensions: Iterable[str] = (),
        kinds: Iterable[FindingKind.ValueType] = (),
        max_entries: int = 0,
        max_findings: int = 0,
        budget: timedelta | None = None,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> Iterator[AuditTenantResponse]:
        """Yield how far an audit is, what it finds, and last a summary. Dropping the iterator ends it."""
        request = _audit_request(tenant, dimensions, kinds, max_entries, max_findings, budget)
        return self._calls.responses(self._stub.AuditTenant, request, tenant, deadline_ms)

    def explain(
        self,
        tenant: str,
        asked: str | Transaction = "",
        *,
        prediction_id: str = "",
        options: ClassifyOptions | None = None,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> Explanation:
        """Explain the answer to a transaction, to an entry of the books by its id, or a recorded answer."""
        request = _explain_request(tenant, asked, prediction_id, options)
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        return self._calls.call(self._stub.ExplainTransaction, request, allowed_ms).explanation

    def replay(
        self, tenant: str, prediction_id: str, *, deadline_ms: Deadline = NOT_GIVEN
    ) -> ReplayPredictionResponse:
        """Decide a recorded answer again, and compare; NotFound if it is not kept."""
        request = ReplayPredictionRequest(tenant=tenant, prediction_id=prediction_id)
        return self._calls.call(self._stub.ReplayPrediction, request, deadline_ms)


class AsyncInsight:
    """As :attr:`likewise.AsyncClient.insight` has it; see :class:`Insight`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls
        self._stub: InsightServiceAsyncStub = InsightServiceStub(calls.channel)

    def audit(
        self,
        tenant: str,
        *,
        dimensions: Iterable[str] = (),
        kinds: Iterable[FindingKind.ValueType] = (),
        max_entries: int = 0,
        max_findings: int = 0,
        budget: timedelta | None = None,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> AsyncIterator[AuditTenantResponse]:
        """As :meth:`Insight.audit`."""
        request = _audit_request(tenant, dimensions, kinds, max_entries, max_findings, budget)
        return self._calls.responses(self._stub.AuditTenant, request, tenant, deadline_ms)

    async def explain(
        self,
        tenant: str,
        asked: str | Transaction = "",
        *,
        prediction_id: str = "",
        options: ClassifyOptions | None = None,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> Explanation:
        """As :meth:`Insight.explain`."""
        request = _explain_request(tenant, asked, prediction_id, options)
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        return (await self._calls.call(self._stub.ExplainTransaction, request, allowed_ms)).explanation

    async def replay(
        self, tenant: str, prediction_id: str, *, deadline_ms: Deadline = NOT_GIVEN
    ) -> ReplayPredictionResponse:
        """As :meth:`Insight.replay`."""
        request = ReplayPredictionRequest(tenant=tenant, prediction_id=prediction_id)
        return await self._calls.call(self._stub.ReplayPrediction, request, deadline_ms)


def _audit_request(
    tenant: str,
    dimensions: Iterable[str],
    kinds: Iterable[FindingKind.ValueType],
    max_entries: int,
    max_findings: int,
    budget: timedelta | None,
) -> AuditTenantRequest:
    request = AuditTenantRequest(
        tenant=tenant,
        dimensions=dimensions,
        kinds=kinds,
        max_entries=max_entries,
        max_findings=max_findings,
    )
    if budget is not None:
        request.budget.FromTimedelta(budget)
    return request


def _explain_request(
    tenant: str, asked: str | Transaction, prediction_id: str, options: ClassifyOptions | None
) -> ExplainTransactionRequest:
    """Raise ValueError where not one thing is asked about."""
    if bool(asked) == bool(prediction_id):
        raise ValueError("give a transaction, the id of an entry, or a prediction_id: one of them")
    request = ExplainTransactionRequest(tenant=tenant, options=options)
    if prediction_id:
        request.prediction_id = prediction_id
    elif isinstance(asked, str):
        request.transaction_id = asked
    else:
        request.transaction.CopyFrom(asked)
    return request
