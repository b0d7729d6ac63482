"""The client, for asyncio: the twin of :mod:`likewise.client`, whose methods say what they do."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from likewise.async_calls import AsyncCalls, each
from likewise.cards import AsyncCards
from likewise.connection import DEADLINE_MS_STREAM, DEADLINE_MS_UNARY, NOT_GIVEN, Connection, Deadline
from likewise.encoders import AsyncEncoders
from likewise.exchange import (
    ClassifyStreamRequests,
    ImportRequests,
    ImportTenantRequests,
    Outcome,
    Source,
    audit_request,
    forget_request,
    learn_request,
    merge_request,
    outcome,
    purge_request,
    split_request,
)
from likewise.feedback import AsyncFeedback
from likewise.insight import AsyncInsight
from likewise.models import AsyncModels
from likewise.rules import AsyncRules
from likewise.suggestions import AsyncSuggestions
from likewise.v1.classifier_service_pb2 import (
    Classification,
    ClassifyOptions,
    ClassifyRequest,
    ClassifyStreamRequest,
)
from likewise.v1.classifier_service_pb2_grpc import ClassifierServiceStub
from likewise.v1.erasure_pb2 import ErasureReceipt
from likewise.v1.ledger_service_pb2 import (
    ExportTransactionsRequest,
    ForgetTransactionsResponse,
    GetTransactionRequest,
    ImportTransactionsResponse,
    LearnResponse,
    ListTransactionsRequest,
)
from likewise.v1.ledger_service_pb2_grpc import LedgerServiceStub
from likewise.v1.tenant_service_pb2 import (
    ActivateCategoryRequest,
    AuditRecord,
    Category,
    CreateTenantRequest,
    DeactivateCategoryRequest,
    DeleteTenantRequest,
    EntrySelection,
    ExportTenantRequest,
    GetTenantRequest,
    ListTenantsRequest,
    MergeCategoriesResponse,
    PurgeCategoryResponse,
    RenameCategoryRequest,
    SplitCategoryResponse,
    Tenant,
    UpdateTenantRequest,
)
from likewise.v1.tenant_service_pb2_grpc import TenantServiceStub
from likewise.v1.transaction_pb2 import LabelledTransaction, LedgerEntry, Transaction
from likewise.values import CATEGORY_DIMENSION

if TYPE_CHECKING:
    from likewise.v1.classifier_service_pb2_grpc import ClassifierServiceAsyncStub
    from likewise.v1.ledger_service_pb2_grpc import LedgerServiceAsyncStub
    from likewise.v1.tenant_service_pb2_grpc import TenantServiceAsyncStub


class AsyncClient:
    """A connection to a Likewise server, for the tasks of one event loop.

    Create it where that loop runs. Arguments, deadlines, retries and errors are those of
    :class:`likewise.Client`; iterables may be asynchronous. A task that is cancelled cancels its call.
    """

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        deadline_ms: float | None = DEADLINE_MS_UNARY,
        stream_deadline_ms: float | None = DEADLINE_MS_STREAM,
    ) -> None:
        connection = Connection(
            target=target,
            credentials=credentials,
            token=token,
            deadline_ms=deadline_ms,
            stream_deadline_ms=stream_deadline_ms,
        )
        self._calls = AsyncCalls(connection)
        channel = self._calls.channel
        self._classifier: ClassifierServiceAsyncStub = ClassifierServiceStub(channel)
        self._ledger: LedgerServiceAsyncStub = LedgerServiceStub(channel)
        self._tenants: TenantServiceAsyncStub = TenantServiceStub(channel)
        self.encoders = AsyncEncoders(self._calls)
        """The encoder of texts, and changing it."""
        self.cards = AsyncCards(self._calls)
        """The cards of tenants."""
        self.models = AsyncModels(self._calls)
        """The models that serve."""
        self.insight = AsyncInsight(self._calls)
        """What may be wrong in a tenant's history, and why an answer is what it is."""
        self.rules = AsyncRules(self._calls)
        """The tenants' rules."""
        self.feedback = AsyncFeedback(self._calls)
        """What became of answers."""
        self.suggestions = AsyncSuggestions(self._calls)
        """What a language model says of what was ASKed."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._calls.connection.target!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; calls that are under way are Cancelled, later ones a RuntimeError."""
        await self._calls.close()

    # --- Asking --------------------------------------------------------------------------------

    async def classify(
        self,
        tenant: str,
        transaction: Transaction,
        *,
        options: ClassifyOptions | None = None,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> Classification:
        """As :meth:`likewise.Client.classify`."""
        request = ClassifyRequest(tenant=tenant, transaction=transaction, options=options)
        return (await self._calls.call(self._classifier.Classify, request, deadline_ms)).classification

    async def classify_many(
        self,
        tenant: str,
        transactions: Iterable[Transaction] | AsyncIterable[Transaction],
        *,
        options: ClassifyOptions | None = None,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> AsyncIterator[Outcome]:
        """As :meth:`likewise.Client.classify_many`; ``transactions`` is read in another task."""
        stream = ClassifyStreamRequests(tenant, options)
        source = Source[ClassifyStreamRequest]()
        requests = source.read_async(stream.message(item) async for item in each(transactions))
        responses = self._calls.responses(
            self._classifier.ClassifyStream, requests, tenant, deadline_ms, source
        )
        async with aclosing(responses):
            async for response in responses:
                yield outcome(response)

    # --- Teaching ------------------------------------------------------------------------------

    async def learn(
        self,
        tenant: str,
        transactions: Iterable[LabelledTransaction],
        *,
        request_id: str | None = None,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> LearnResponse:
        """As :meth:`likewise.Client.learn`."""
        request = learn_request(tenant, transactions, request_id)
        return await self._calls.call(self._ledger.Learn, request, deadline_ms)

    async def import_transactions(
        self,
        tenant: str,
        transactions: Iterable[LabelledTransaction | Iterable[LabelledTransaction]]
        | AsyncIterable[LabelledTransaction | Iterable[LabelledTransaction]],
        *,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> ImportTransactionsResponse:
        """As :meth:`likewise.Client.import_transactions`; ``transactions`` is read in another task."""
        return await self._calls.streamed(
            self._ledger.ImportTransactions, ImportRequests(tenant), transactions, tenant, deadline_ms
        )

    async def get_transaction(
        self, tenant: str, transaction_id: str, *, deadline_ms: Deadline = NOT_GIVEN
    ) -> LedgerEntry:
        """As :meth:`likewise.Client.get_transaction`."""
        request = GetTransactionRequest(tenant=tenant, transaction_id=transaction_id)
        return (await self._calls.call(self._ledger.GetTransaction, request, deadline_ms)).entry

    async def list_transactions(
        self, tenant: str, *, page_size: int = 0, deadline_ms: Deadline = NOT_GIVEN
    ) -> AsyncIterator[LedgerEntry]:
        """As :meth:`likewise.Client.list_transactions`."""
        request = ListTransactionsRequest(tenant=tenant, page_size=page_size)
        async for page in self._calls.pages(self._ledger.ListTransactions, request, deadline_ms):
            for entry in page.entries:
                yield entry

    async def forget_transactions(
        self, tenant: str, transaction_ids: Iterable[str], *, deadline_ms: Deadline = NOT_GIVEN
    ) -> ForgetTransactionsResponse:
        """As :meth:`likewise.Client.forget_transactions`."""
        request = forget_request(tenant, transaction_ids)
        return await self._calls.call(self._ledger.ForgetTransactions, request, deadline_ms)

    async def export_transactions(
        self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN
    ) -> AsyncIterator[LedgerEntry]:
        """As :meth:`likewise.Client.export_transactions`."""
        request = ExportTransactionsRequest(tenant=tenant)
        batches = self._calls.responses(self._ledger.ExportTransactions, request, tenant, deadline_ms)
        async with aclosing(batches):
            async for batch in batches:
                for entry in batch.entries:
                    yield entry

    # --- Tenants -------------------------------------------------------------------------------

    async def create_tenant(self, tenant: Tenant, *, deadline_ms: Deadline = NOT_GIVEN) -> Tenant:
        """As :meth:`likewise.Client.create_tenant`."""
        request = CreateTenantRequest(tenant=tenant)
        return (await self._calls.call(self._tenants.CreateTenant, request, deadline_ms)).tenant

    async def get_tenant(self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN) -> Tenant:
        """As :meth:`likewise.Client.get_tenant`."""
        return (
            await self._calls.call(self._tenants.GetTenant, GetTenantRequest(tenant=tenant), deadline_ms)
        ).tenant

    async def list_tenants(
        self, *, page_size: int = 0, deadline_ms: Deadline = NOT_GIVEN
    ) -> AsyncIterator[Tenant]:
        """As :meth:`likewise.Client.list_tenants`."""
        request = ListTenantsRequest(page_size=page_size)
        async for page in self._calls.pages(self._tenants.ListTenants, request, deadline_ms):
            for tenant in page.tenants:
                yield tenant

    async def update_tenant(
        self, tenant: Tenant, *, update_mask: Sequence[str] = (), deadline_ms: Deadline = NOT_GIVEN
    ) -> Tenant:
        """As :meth:`likewise.Client.update_tenant`."""
        request = UpdateTenantRequest(tenant=tenant, update_mask=FieldMask(paths=update_mask))
        return (await self._calls.call(self._tenants.UpdateTenant, request, deadline_ms)).tenant

    async def delete_tenant(self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN) -> ErasureReceipt:
        """As :meth:`likewise.Client.delete_tenant`."""
        request = DeleteTenantRequest(tenant=tenant)
        return (await self._calls.call(self._tenants.DeleteTenant, request, deadline_ms)).receipt

    async def list_audit_records(
        self,
        tenant: str = "",
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        page_size: int = 0,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> AsyncIterator[AuditRecord]:
        """As :meth:`likewise.Client.list_audit_records`."""
        request = audit_request(tenant, start, end, page_size)
        async for page in self._calls.pages(self._tenants.ListAuditRecords, request, deadline_ms):
            for record in page.records:
                yield record

    async def export_tenant(self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN) -> AsyncIterator[bytes]:
        """As :meth:`likewise.Client.export_tenant`."""
        request = ExportTenantRequest(tenant=tenant)
        responses = self._calls.responses(self._tenants.ExportTenant, request, tenant, deadline_ms)
        async with aclosing(responses):
            async for response in responses:
                yield response.chunk

    async def import_tenant(
        self,
        tenant: str,
        chunks: Iterable[bytes] | AsyncIterable[bytes],
        *,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> Tenant:
        """As :meth:`likewise.Client.import_tenant`; ``chunks`` is read in another task."""
        imported = await self._calls.streamed(
            self._tenants.ImportTenant, ImportTenantRequests(tenant), chunks, tenant, deadline_ms
        )
        return imported.tenant

    # --- Charts --------------------------------------------------------------------------------

    async def rename_category(
        self,
        tenant: str,
        category: str,
        *,
        new_id: str = "",
        new_name: str | None = None,
        new_description: str | None = None,
        dimension: str = CATEGORY_DIMENSION,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> int:
        """As :meth:`likewise.Client.rename_category`."""
        request = RenameCategoryRequest(
            tenant=tenant,
            dimension=dimension,
            category=category,
            new_id=new_id,
            new_name=new_name,
            new_description=new_description,
        )
        return (await self._calls.call(self._tenants.RenameCategory, request, deadline_ms)).revision

    async def merge_categories(
        self,
        tenant: str,
        categories: Iterable[str],
        into: str,
        *,
        dimension: str = CATEGORY_DIMENSION,
        request_id: str | None = None,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> MergeCategoriesResponse:
        """As :meth:`likewise.Client.merge_categories`."""
        request = merge_request(tenant, categories, into, dimension, request_id)
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        return await self._calls.call(self._tenants.MergeCategories, request, allowed_ms)

    async def split_category(
        self,
        tenant: str,
        category: str,
        into: Category,
        selection: EntrySelection,
        *,
        request_id: str | None = None,
        validate_only: bool = False,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> SplitCategoryResponse:
        """As :meth:`likewise.Client.split_category`."""
        request = split_request(tenant, category, into, selection, request_id, validate_only)
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        return await self._calls.call(self._tenants.SplitCategory, request, allowed_ms)

    async def deactivate_category(
        self,
        tenant: str,
        category: str,
        *,
        dimension: str = CATEGORY_DIMENSION,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> int:
        """As :meth:`likewise.Client.deactivate_category`."""
        request = DeactivateCategoryRequest(tenant=tenant, dimension=dimension, category=category)
        return (await self._calls.call(self._tenants.DeactivateCategory, request, deadline_ms)).revision

    async def activate_category(
        self,
        tenant: str,
        category: str,
        *,
        dimension: str = CATEGORY_DIMENSION,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> int:
        """As :meth:`likewise.Client.activate_category`."""
        request = ActivateCategoryRequest(tenant=tenant, dimension=dimension, category=category)
        return (await self._calls.call(self._tenants.ActivateCategory, request, deadline_ms)).revision

    async def purge_category(
        self,
        tenant: str,
        category: str,
        *,
        dimension: str = CATEGORY_DIMENSION,
        entries_only: bool = False,
        request_id: str | None = None,
        validate_only: bool = False,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> PurgeCategoryResponse:
        """As :meth:`likewise.Client.purge_category`."""
        request = purge_request(tenant, category, dimension, entries_only, request_id, validate_only)
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        return await self._calls.call(self._tenants.PurgeCategory, request, allowed_ms)
