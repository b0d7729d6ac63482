"""The client, for threads. :mod:`likewise.async_client` is its twin for asyncio."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from likewise.calls import Calls
from likewise.cards import Cards
from likewise.connection import DEADLINE_MS_STREAM, DEADLINE_MS_UNARY, NOT_GIVEN, Connection, Deadline
from likewise.encoders import Encoders
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
from likewise.feedback import Feedback
from likewise.insight import Insight
from likewise.models import Models
from likewise.rules import Rules
from likewise.suggestions import Suggestions
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


class Client:
    """A connection to a Likewise server, to be shared by all threads of a process.

    Every call has a deadline: ``deadline_ms`` of the client, or of the call; None is none at all. Calls that
    may safely be repeated are, while the server is unavailable. Whatever goes wrong is a
    :class:`likewise.Error`.

    Not to be taken across a fork: gRPC's threads stay behind. Create the client in the child.

    Args:
        target: the server's address: ``host:port``, ``dns:///host:port``, ``unix:path``.
        credentials: for TLS, such as ``grpc.ssl_channel_credentials()``; None for plain text.
        token: bearer token. Refused in plain text to any machine but this one.
        deadline_ms: for unary calls, retries included.
        stream_deadline_ms: for whole streams: classify_many, import_transactions, export_transactions,
            export_tenant, import_tenant.

    Raises:
        ValueError: the token would be sent in plain text, or cannot be sent; or a deadline is not positive.
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
        self._calls = Calls(connection)
        self._classifier = ClassifierServiceStub(self._calls.channel)
        self._ledger = LedgerServiceStub(self._calls.channel)
        self._tenants = TenantServiceStub(self._calls.channel)
        self.encoders = Encoders(self._calls)
        """The encoder of texts, and changing it."""
        self.cards = Cards(self._calls)
        """The cards of tenants."""
        self.models = Models(self._calls)
        """The models that serve."""
        self.insight = Insight(self._calls)
        """What may be wrong in a tenant's history, and why an answer is what it is."""
        self.rules = Rules(self._calls)
        """The tenants' rules."""
        self.feedback = Feedback(self._calls)
        """What became of answers."""
        self.suggestions = Suggestions(self._calls)
        """What a language model says of what was ASKed."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._calls.connection.target!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; calls that are under way are Cancelled, later ones a RuntimeError."""
        self._calls.close()

    # --- Asking --------------------------------------------------------------------------------

    def classify(
        self,
        tenant: str,
        transaction: Transaction,
        *,
        options: ClassifyOptions | None = None,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> Classification:
        """Classify one transaction the way the tenant's bookkeeper classified the ones like it."""
        request = ClassifyRequest(tenant=tenant, transaction=transaction, options=options)
        return self._calls.call(self._classifier.Classify, request, deadline_ms).classification

    def classify_many(
        self,
        tenant: str,
        transactions: Iterable[Transaction],
        *,
        options: ClassifyOptions | None = None,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> Iterator[Outcome]:
        """Classify any number of transactions over one stream; yield their outcomes in the same order.

        What is wrong with one transaction is the error of its outcome, and does not end the stream.
        ``transactions`` is read in another thread, some way ahead of the outcomes; what it raises is raised
        here. Dropping the iterator of outcomes ends the call.
        """
        stream = ClassifyStreamRequests(tenant, options)
        source = Source[ClassifyStreamRequest]()
        requests = source.read(map(stream.message, transactions))
        for response in self._calls.responses(
            self._classifier.ClassifyStream, requests, tenant, deadline_ms, source
        ):
            yield outcome(response)

    # --- Teaching ------------------------------------------------------------------------------

    def learn(
        self,
        tenant: str,
        transactions: Iterable[LabelledTransaction],
        *,
        request_id: str | None = None,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> LearnResponse:
        """Learn all of these transactions or, on any error, none; on disk when it returns.

        ``request_id`` names the request: the same one again gets the same answer. Without one it gets a
        random one, which serves the retries of this call.
        """
        return self._calls.call(
            self._ledger.Learn, learn_request(tenant, transactions, request_id), deadline_ms
        )

    def import_transactions(
        self,
        tenant: str,
        transactions: Iterable[LabelledTransaction | Iterable[LabelledTransaction]],
        *,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> ImportTransactionsResponse:
        """Import history of any length: transactions, or batches of them, which are batched anew.

        Each batch is committed in turn, refused rows are reported by their position among all. It can be
        repeated from the start after any error: what is there already is counted as unchanged.
        ``transactions`` is read in another thread; what it raises is raised here.
        """
        return self._calls.streamed(
            self._ledger.ImportTransactions, ImportRequests(tenant), transactions, tenant, deadline_ms
        )

    def get_transaction(
        self, tenant: str, transaction_id: str, *, deadline_ms: Deadline = NOT_GIVEN
    ) -> LedgerEntry:
        """The entry of a transaction; NotFound if there is none."""
        request = GetTransactionRequest(tenant=tenant, transaction_id=transaction_id)
        return self._calls.call(self._ledger.GetTransaction, request, deadline_ms).entry

    def list_transactions(
        self, tenant: str, *, page_size: int = 0, deadline_ms: Deadline = NOT_GIVEN
    ) -> Iterator[LedgerEntry]:
        """Yield all entries in the order in which they were last written, asking page by page as needed.

        ``page_size`` 0 leaves it to the server; the deadline is each page's.
        """
        request = ListTransactionsRequest(tenant=tenant, page_size=page_size)
        for page in self._calls.pages(self._ledger.ListTransactions, request, deadline_ms):
            yield from page.entries

    def forget_transactions(
        self, tenant: str, transaction_ids: Iterable[str], *, deadline_ms: Deadline = NOT_GIVEN
    ) -> ForgetTransactionsResponse:
        """Forget transactions: gone from disk, memory and index when it returns. Missing ones are counted."""
        request = forget_request(tenant, transaction_ids)
        return self._calls.call(self._ledger.ForgetTransactions, request, deadline_ms)

    def export_transactions(self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN) -> Iterator[LedgerEntry]:
        """Yield all entries as of one revision."""
        request = ExportTransactionsRequest(tenant=tenant)
        for batch in self._calls.responses(self._ledger.ExportTransactions, request, tenant, deadline_ms):
            yield from batch.entries

    # --- Tenants -------------------------------------------------------------------------------

    def create_tenant(self, tenant: Tenant, *, deadline_ms: Deadline = NOT_GIVEN) -> Tenant:
        """Create a tenant; its id is needed. Return it as created."""
        return self._calls.call(
            self._tenants.CreateTenant, CreateTenantRequest(tenant=tenant), deadline_ms
        ).tenant

    def get_tenant(self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN) -> Tenant:
        """A tenant with its policy, its chart and its statistics."""
        return self._calls.call(self._tenants.GetTenant, GetTenantRequest(tenant=tenant), deadline_ms).tenant

    def list_tenants(self, *, page_size: int = 0, deadline_ms: Deadline = NOT_GIVEN) -> Iterator[Tenant]:
        """Yield all tenants by id, without charts and statistics, asking page by page as needed."""
        request = ListTenantsRequest(page_size=page_size)
        for page in self._calls.pages(self._tenants.ListTenants, request, deadline_ms):
            yield from page.tenants

    def update_tenant(
        self, tenant: Tenant, *, update_mask: Sequence[str] = (), deadline_ms: Deadline = NOT_GIVEN
    ) -> Tenant:
        """Update the fields that the mask names, such as "policy"; all that are set if it is empty."""
        request = UpdateTenantRequest(tenant=tenant, update_mask=FieldMask(paths=update_mask))
        return self._calls.call(self._tenants.UpdateTenant, request, deadline_ms).tenant

    def delete_tenant(self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN) -> ErasureReceipt:
        """Delete a tenant with all that it taught: gone from disk when it returns. Return the receipt."""
        request = DeleteTenantRequest(tenant=tenant)
        return self._calls.call(self._tenants.DeleteTenant, request, deadline_ms).receipt

    def list_audit_records(
        self,
        tenant: str = "",
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        page_size: int = 0,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> Iterator[AuditRecord]:
        """Yield the records of a tenant's audit trail, the latest first, asking page by page as needed.

        Only those from ``start`` on and before ``end``, where given. Without a tenant it is the trail of the
        server's data: of what outlives tenants.
        """
        request = audit_request(tenant, start, end, page_size)
        for page in self._calls.pages(self._tenants.ListAuditRecords, request, deadline_ms):
            yield from page.records

    def export_tenant(self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN) -> Iterator[bytes]:
        """Yield all that is known about a tenant, as of one revision: a zip file, in chunks."""
        request = ExportTenantRequest(tenant=tenant)
        for response in self._calls.responses(self._tenants.ExportTenant, request, tenant, deadline_ms):
            yield response.chunk

    def import_tenant(
        self, tenant: str, chunks: Iterable[bytes], *, deadline_ms: Deadline = NOT_GIVEN
    ) -> Tenant:
        """Create a tenant from what :meth:`export_tenant` yielded, whole or not at all. Return it as created.

        ``tenant`` is the id that it is to have. ``chunks``, such as a file opened in binary mode, is read in
        another thread; what it raises is raised here.
        """
        return self._calls.streamed(
            self._tenants.ImportTenant, ImportTenantRequests(tenant), chunks, tenant, deadline_ms
        ).tenant

    # --- Charts --------------------------------------------------------------------------------

    def rename_category(
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
        """Give a category another id, name or description; its history is its own still.

        What is not given stays. Return the revision that holds it.
        """
        request = RenameCategoryRequest(
            tenant=tenant,
            dimension=dimension,
            category=category,
            new_id=new_id,
            new_name=new_name,
            new_description=new_description,
        )
        return self._calls.call(self._tenants.RenameCategory, request, deadline_ms).revision

    def merge_categories(
        self,
        tenant: str,
        categories: Iterable[str],
        into: str,
        *,
        dimension: str = CATEGORY_DIMENSION,
        request_id: str | None = None,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> MergeCategoriesResponse:
        """Merge categories into another one, which has their history at once; they are inactive then."""
        request = merge_request(tenant, categories, into, dimension, request_id)
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        return self._calls.call(self._tenants.MergeCategories, request, allowed_ms)

    def split_category(
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
        """Give some of a category's entries another category, which is made if there is none.

        ``likewise.selection`` says which. ``into`` names the dimension of both. With ``validate_only``
        nothing is changed.
        """
        request = split_request(tenant, category, into, selection, request_id, validate_only)
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        return self._calls.call(self._tenants.SplitCategory, request, allowed_ms)

    def deactivate_category(
        self,
        tenant: str,
        category: str,
        *,
        dimension: str = CATEGORY_DIMENSION,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> int:
        """Never propose a category from now on. Return the revision that holds it."""
        request = DeactivateCategoryRequest(tenant=tenant, dimension=dimension, category=category)
        return self._calls.call(self._tenants.DeactivateCategory, request, deadline_ms).revision

    def activate_category(
        self,
        tenant: str,
        category: str,
        *,
        dimension: str = CATEGORY_DIMENSION,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> int:
        """Propose a category again, with the history that it has. Return the revision that holds it."""
        request = ActivateCategoryRequest(tenant=tenant, dimension=dimension, category=category)
        return self._calls.call(self._tenants.ActivateCategory, request, deadline_ms).revision

    def purge_category(
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
        """Forget all transactions of a category and the category itself: gone when it returns.

        With ``entries_only`` the category stays. With ``validate_only`` nothing is changed.
        """
        request = purge_request(tenant, category, dimension, entries_only, request_id, validate_only)
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        return self._calls.call(self._tenants.PurgeCategory, request, allowed_ms)
