"""What both clients do alike: requests that take more than their fields, and the reading of answers."""

import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

from likewise.errors import Error, error_of_status
from likewise.v1.classifier_service_pb2 import (
    Classification,
    ClassifyOptions,
    ClassifyStreamRequest,
    ClassifyStreamResponse,
)
from likewise.v1.ledger_service_pb2 import ForgetTransactionsRequest, ImportTransactionsRequest, LearnRequest
from likewise.v1.tenant_service_pb2 import (
    Category,
    EntrySelection,
    ImportTenantRequest,
    ListAuditRecordsRequest,
    MergeCategoriesRequest,
    PurgeCategoryRequest,
    SplitCategoryRequest,
    Tenant,
)
from likewise.v1.transaction_pb2 import LabelledTransaction, Transaction

IMPORT_BATCH_ITEMS: Final = 2_000
"""Transactions in one message of an import: enough to make the server's one fsync a batch cheap."""
IMPORT_BATCH_BYTES: Final = 4 * 1024 * 1024
"""Fewer, where they are long; far beneath MESSAGE_BYTES_MAX with any one more."""

CHUNK_BYTES: Final = 1024 * 1024
"""Of a file, in one message up the stream."""

T = TypeVar("T")
ItemT = TypeVar("ItemT", contravariant=True)
RequestT = TypeVar("RequestT", covariant=True)


class PagedRequest(Protocol):
    """A request for a page of a list (AIP-158)."""

    page_token: str


class Page(Protocol):
    """A page of a list (AIP-158)."""

    next_page_token: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one transaction of a stream: either a classification or an error.

    Attributes:
        position: of the transaction in the stream, from 0.
        transaction_id: its id, as asked.
        classification: the answer; None where there is an error.
        error: why there is no answer; None where there is one.
    """

    position: int
    transaction_id: str
    classification: Classification | None
    error: Error | None


def outcome(response: ClassifyStreamResponse) -> Outcome:
    """The outcome that a message of the stream holds; one that holds none is an error of the server's."""
    answered = response.WhichOneof("outcome") == "classification"
    return Outcome(
        position=response.position,
        transaction_id=response.transaction_id,
        classification=response.classification if answered else None,
        error=None if answered else error_of_status(response.error),
    )


def tenant_of(request: object) -> str:
    """The tenant that a request names; "" where it names none."""
    tenant = getattr(request, "tenant", "")
    return tenant.id if isinstance(tenant, Tenant) else tenant  # CreateTenant, UpdateTenant


def learn_request(
    tenant: str, transactions: Iterable[LabelledTransaction], request_id: str | None
) -> LearnRequest:
    """A Learn that can safely be repeated: it has a request id in any case (AIP-155)."""
    return LearnRequest(tenant=tenant, transactions=transactions, request_id=request_id or str(uuid.uuid4()))


def forget_request(tenant: str, transaction_ids: Iterable[str]) -> ForgetTransactionsRequest:
    """Raise TypeError for a single str: as an iterable of ids it would name a transaction per character."""
    if isinstance(transaction_ids, str):
        raise TypeError("transaction_ids must be an iterable of ids, not one id")
    return ForgetTransactionsRequest(tenant=tenant, transaction_ids=transaction_ids)


def merge_request(
    tenant: str, categories: Iterable[str], into: str, dimension: str, request_id: str | None
) -> MergeCategoriesRequest:
    """A MergeCategories that can safely be repeated. Raise TypeError for a single str."""
    if isinstance(categories, str):
        raise TypeError("categories must be an iterable of ids, not one id")
    return MergeCategoriesRequest(
        tenant=tenant,
        dimension=dimension,
        categories=categories,
        into=into,
        request_id=request_id or str(uuid.uuid4()),
    )


def split_request(
    tenant: str,
    category: str,
    into: Category,
    selection: EntrySelection,
    request_id: str | None,
    validate_only: bool,
) -> SplitCategoryRequest:
    """A SplitCategory that can safely be repeated."""
    return SplitCategoryRequest(
        tenant=tenant,
        dimension=into.dimension,
        category=category,
        into=into.id,
        into_name=into.name,
        into_description=into.description,
        selection=selection,
        request_id=request_id or str(uuid.uuid4()),
        validate_only=validate_only,
    )


def purge_request(
    tenant: str,
    category: str,
    dimension: str,
    entries_only: bool,
    request_id: str | None,
    validate_only: bool,
) -> PurgeCategoryRequest:
    """A PurgeCategory that can safely be repeated."""
    return PurgeCategoryRequest(
        tenant=tenant,
        dimension=dimension,
        category=category,
        entries_only=entries_only,
        request_id=request_id or str(uuid.uuid4()),
        validate_only=validate_only,
    )


def audit_request(
    tenant: str, start: datetime | None, end: datetime | None, page_size: int
) -> ListAuditRecordsRequest:
    """A ListAuditRecords. Raise ValueError for a time without a zone: it would be taken for another."""
    request = ListAuditRecordsRequest(tenant=tenant, page_size=page_size)
    for moment, field in ((start, request.start_time), (end, request.end_time)):
        if moment is not None:
            if moment.tzinfo is None:
                raise ValueError("a time needs a time zone: say datetime(..., tzinfo=UTC)")
            field.FromDatetime(moment)
    return request


class ClassifyStreamRequests:
    """Builds the messages of one ClassifyStream: the first names tenant and options."""

    def __init__(self, tenant: str, options: ClassifyOptions | None) -> None:
        self._first: ClassifyStreamRequest | None = ClassifyStreamRequest(tenant=tenant, options=options)

    def message(self, transaction: Transaction) -> ClassifyStreamRequest:
        """The message for the next transaction."""
        message, self._first = self._first or ClassifyStreamRequest(), None
        message.transaction.CopyFrom(transaction)
        return message


class StreamedRequests(Protocol[ItemT, RequestT]):
    """Builds the messages of one stream from the items that it carries."""

    def add(self, item: ItemT) -> Iterator[RequestT]:
        """Take an item; yield the messages that are full."""

    def rest(self) -> Iterator[RequestT]:
        """Yield what is left."""


class ImportRequests:
    """Builds the messages of one ImportTransactions: batches bounded in items and bytes.

    The first names the tenant, and is sent even when there is nothing to import: so the server can tell
    that there is no such tenant.
    """

    def __init__(self, tenant: str) -> None:
        self._batch = ImportTransactionsRequest(tenant=tenant)
        self._bytes = 0

    def add(
        self, item: LabelledTransaction | Iterable[LabelledTransaction]
    ) -> Iterator[ImportTransactionsRequest]:
        """Take a transaction or a batch of them; yield the messages that are full."""
        for labelled in (item,) if isinstance(item, LabelledTransaction) else item:
            if not isinstance(labelled, LabelledTransaction):
                raise TypeError(f"a LabelledTransaction is imported, not a {type(labelled).__name__}")
            size_bytes = labelled.ByteSize()
            if self._batch.transactions and self._bytes + size_bytes > IMPORT_BATCH_BYTES:
                yield self._flush()
            self._batch.transactions.append(labelled)
            self._bytes += size_bytes
            if len(self._batch.transactions) == IMPORT_BATCH_ITEMS:
                yield self._flush()

    def rest(self) -> Iterator[ImportTransactionsRequest]:
        """Yield the last message, unless all was sent."""
        if self._batch.transactions or self._batch.tenant:
            yield self._flush()

    def _flush(self) -> ImportTransactionsRequest:
        full, self._batch, self._bytes = self._batch, ImportTransactionsRequest(), 0
        return full


class ImportTenantRequests:
    """Builds the messages of one ImportTenant from pieces of a file, whatever their sizes.

    The first names the tenant, and is sent even when there is nothing in the file.
    """

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        self._content = bytearray()

    def add(self, piece: bytes) -> Iterator[ImportTenantRequest]:
        """Take a piece; yield the messages that are full."""
        if not isinstance(piece, bytes):
            raise TypeError(f"a file is bytes, not {type(piece).__name__}")
        self._content += piece
        while len(self._content) >= CHUNK_BYTES:
            yield self._flush()

    def rest(self) -> Iterator[ImportTenantRequest]:
        """Yield the last message, unless all was sent."""
        if self._content or self._tenant:
            yield self._flush()

    def _flush(self) -> ImportTenantRequest:
        message = ImportTenantRequest(tenant=self._tenant, chunk=bytes(self._content[:CHUNK_BYTES]))
        self._tenant = ""
        del self._content[:CHUNK_BYTES]
        return message


class Source(Generic[T]):
    """Hands the caller's iterable to gRPC, and remembers what it raised.

    gRPC reads requests in a thread or a task of its own; whatever fails there ends the call as UNKNOWN or
    CANCELLED, and the caller would never learn that it was their own iterator.
    """

    def __init__(self) -> None:
        self.failure: BaseException | None = None

    def read(self, requests: Iterator[T]) -> Iterator[T]:
        """Yield the requests, in gRPC's thread."""
        try:
            yield from requests
        except GeneratorExit:
            raise  # the call ended before its requests did
        except BaseException as failure:
            self.failure = failure
            # An Exception in any case: for others gRPC's thread dies, and the call waits until its deadline.
            raise RuntimeError("the caller's iterator failed") from failure

    async def read_async(self, requests: AsyncIterator[T]) -> AsyncIterator[T]:
        """Yield the requests, in gRPC's task."""
        try:
            async for request in requests:
                yield request
        except Exception as failure:
            self.failure = failure
            raise
