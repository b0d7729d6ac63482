"""The client, for threads. :mod:`likewise.async_client` is its twin for asyncio."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from likewise.connection import DEADLINE_MS_STREAM, DEADLINE_MS_UNARY, NOT_GIVEN, Connection, Deadline
from likewise.errors import Error, translated
from likewise.exchange import (
    ClassifyStreamRequests,
    ImportRequests,
    ImportTenantRequests,
    Outcome,
    Page,
    PagedRequest,
    Source,
    StreamedRequests,
    audit_request,
    forget_request,
    learn_request,
    merge_request,
    outcome,
    purge_request,
    split_request,
    tenant_of,
)
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
    ImportTransactionsRequest,
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
    ImportTenantRequest,
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
    PagedRequestT = TypeVar("PagedRequestT", bound=PagedRequest)
    PageT = TypeVar("PageT", bound=Page)
T = TypeVar("T")
RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


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
        self._connection = Connection(
            target=target,
            credentials=credentials,
            token=token,
            deadline_ms=deadline_ms,
            stream_deadline_ms=stream_deadline_ms,
        )
        options = self._connection.channel_options
        if credentials is None:
            self._channel = grpc.insecure_channel(target, options)
        else:
            self._channel = grpc.secure_channel(target, credentials, options)
        self._classifier = ClassifierServiceStub(self._channel)
        self._ledger = LedgerServiceStub(self._channel)
        self._tenants = TenantServiceStub(self._channel)
        self._closed = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._connection.target!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; calls that are under way are Cancelled, later ones a RuntimeError."""
        self._closed = True
        self._channel.close()

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
        return self._call(self._classifier.Classify, request, deadline_ms).classification

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
        for response in self._responses(
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
        return self._call(self._ledger.Learn, learn_request(tenant, transactions, request_id), deadline_ms)

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
        self._check_open()
        source = Source[ImportTransactionsRequest]()
        requests = source.read(_streamed(ImportRequests(tenant), transactions))
        timeout_s = self._connection.stream_timeout_s(deadline_ms)
        with _translated(source):
            return self._ledger.ImportTransactions(
                requests, timeout=timeout_s, metadata=self._connection.metadata(tenant)
            )

    def get_transaction(
        self, tenant: str, transaction_id: str, *, deadline_ms: Deadline = NOT_GIVEN
    ) -> LedgerEntry:
        """The entry of a transaction; NotFound if there is none."""
        request = GetTransactionRequest(tenant=tenant, transaction_id=transaction_id)
        return self._call(self._ledger.GetTransaction, request, deadline_ms).entry

    def list_transactions(
        self, tenant: str, *, page_size: int = 0, deadline_ms: Deadline = NOT_GIVEN
    ) -> Iterator[LedgerEntry]:
        """Yield all entries in the order in which they were last written, asking page by page as needed.

        ``page_size`` 0 leaves it to the server; the deadline is each page's.
        """
        request = ListTransactionsRequest(tenant=tenant, page_size=page_size)
        for page in self._pages(self._ledger.ListTransactions, request, deadline_ms):
            yield from page.entries

    def forget_transactions(
        self, tenant: str, transaction_ids: Iterable[str], *, deadline_ms: Deadline = NOT_GIVEN
    ) -> ForgetTransactionsResponse:
        """Forget transactions: gone from disk, memory and index when it returns. Missing ones are counted."""
        request = forget_request(tenant, transaction_ids)
        return self._call(self._ledger.ForgetTransactions, request, deadline_ms)

    def export_transactions(self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN) -> Iterator[LedgerEntry]:
        """Yield all entries as of one revision."""
        request = ExportTransactionsRequest(tenant=tenant)
        for batch in self._responses(self._ledger.ExportTransactions, request, tenant, deadline_ms):
            yield from batch.entries

    # --- Tenants -------------------------------------------------------------------------------

    def create_tenant(self, tenant: Tenant, *, deadline_ms: Deadline = NOT_GIVEN) -> Tenant:
        """Create a tenant; its id is needed. Return it as created."""
        return self._call(self._tenants.CreateTenant, CreateTenantRequest(tenant=tenant), deadline_ms).tenant

    def get_tenant(self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN) -> Tenant:
        """A tenant with its policy, its chart and its statistics."""
        return self._call(self._tenants.GetTenant, GetTenantRequest(tenant=tenant), deadline_ms).tenant

    def list_tenants(self, *, page_size: int = 0, deadline_ms: Deadline = NOT_GIVEN) -> Iterator[Tenant]:
        """Yield all tenants by id, without charts and statistics, asking page by page as needed."""
        request = ListTenantsRequest(page_size=page_size)
        for page in self._pages(self._tenants.ListTenants, request, deadline_ms):
            yield from page.tenants

    def update_tenant(
        self, tenant: Tenant, *, update_mask: Sequence[str] = (), deadline_ms: Deadline = NOT_GIVEN
    ) -> Tenant:
        """Update the fields that the mask names, such as "policy"; all that are set if it is empty."""
        request = UpdateTenantRequest(tenant=tenant, update_mask=FieldMask(paths=update_mask))
        return self._call(self._tenants.UpdateTenant, request, deadline_ms).tenant

    def delete_tenant(self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN) -> ErasureReceipt:
        """Delete a tenant with all that it taught: gone from disk when it returns. Return the receipt."""
        request = DeleteTenantRequest(tenant=tenant)
        return self._call(self._tenants.DeleteTenant, request, deadline_ms).receipt

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
        for page in self._pages(self._tenants.ListAuditRecords, request, deadline_ms):
            yield from page.records

    def export_tenant(self, tenant: str, *, deadline_ms: Deadline = NOT_GIVEN) -> Iterator[bytes]:
        """Yield all that is known about a tenant, as of one revision: a zip file, in chunks."""
        request = ExportTenantRequest(tenant=tenant)
        for response in self._responses(self._tenants.ExportTenant, request, tenant, deadline_ms):
            yield response.chunk

    def import_tenant(
        self, tenant: str, chunks: Iterable[bytes], *, deadline_ms: Deadline = NOT_GIVEN
    ) -> Tenant:
        """Create a tenant from what :meth:`export_tenant` yielded, whole or not at all. Return it as created.

        ``tenant`` is the id that it is to have. ``chunks``, such as a file opened in binary mode, is read in
        another thread; what it raises is raised here.
        """
        self._check_open()
        source = Source[ImportTenantRequest]()
        requests = source.read(_streamed(ImportTenantRequests(tenant), chunks))
        timeout_s = self._connection.stream_timeout_s(deadline_ms)
        with _translated(source):
            return self._tenants.ImportTenant(
                requests, timeout=timeout_s, metadata=self._connection.metadata(tenant)
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
        return self._call(self._tenants.RenameCategory, request, deadline_ms).revision

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
        allowed_ms = self._connection.reshape_deadline_ms(deadline_ms)
        return self._call(self._tenants.MergeCategories, request, allowed_ms)

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
        allowed_ms = self._connection.reshape_deadline_ms(deadline_ms)
        return self._call(self._tenants.SplitCategory, request, allowed_ms)

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
        return self._call(self._tenants.DeactivateCategory, request, deadline_ms).revision

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
        return self._call(self._tenants.ActivateCategory, request, deadline_ms).revision

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
        allowed_ms = self._connection.reshape_deadline_ms(deadline_ms)
        return self._call(self._tenants.PurgeCategory, request, allowed_ms)

    # --- How calls are made --------------------------------------------------------------------

    def _call(
        self,
        method: grpc.UnaryUnaryMultiCallable[RequestT, ResponseT],
        request: RequestT,
        deadline_ms: Deadline,
    ) -> ResponseT:
        self._check_open()
        timeout_s = self._connection.timeout_s(deadline_ms)
        with _translated():
            return method(request, timeout=timeout_s, metadata=self._connection.metadata(tenant_of(request)))

    def _pages(
        self,
        method: grpc.UnaryUnaryMultiCallable[PagedRequestT, PageT],
        request: PagedRequestT,
        deadline_ms: Deadline,
    ) -> Iterator[PageT]:
        while True:
            page = self._call(method, request, deadline_ms)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _responses(
        self,
        method: grpc.UnaryStreamMultiCallable[Any, ResponseT]
        | grpc.StreamStreamMultiCallable[Any, ResponseT],
        request: Any,  # a message, or for a stream of them an iterator
        tenant: str,
        deadline_ms: Deadline,
        source: Source[Any] | None = None,
    ) -> Iterator[ResponseT]:
        self._check_open()
        timeout_s = self._connection.stream_timeout_s(deadline_ms)
        with _translated(source):
            call = method(request, timeout=timeout_s, metadata=self._connection.metadata(tenant))
            try:
                yield from call
            finally:
                call.cancel()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this client is closed")


@contextmanager
def _translated(source: Source[Any] | None = None) -> Iterator[None]:
    """Raise what the caller's iterable raised, if it did; otherwise the Error of a failed call."""
    try:
        with translated():
            yield
    except Error:
        if source is None or source.failure is None:
            raise
    if source is not None and source.failure is not None:
        raise source.failure


def _streamed(stream: StreamedRequests[T, RequestT], items: Iterable[T]) -> Iterator[RequestT]:
    for item in items:
        yield from stream.add(item)
    yield from stream.rest()
