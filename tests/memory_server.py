"""A small Likewise in memory behind a real gRPC server: the other end of the client's tests.

It learns by transaction id and answers with the latest label of the same payee. It notes every call as it
arrived, and fails the next calls in any way that a test asks for.
"""

# ruff: noqa: N802 - the names of methods are gRPC's

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import code_pb2
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from likewise.v1 import classifier_service_pb2 as classifier
from likewise.v1 import ledger_service_pb2 as ledger
from likewise.v1 import tenant_service_pb2 as tenants
from likewise.v1.classifier_service_pb2_grpc import (
    ClassifierServiceServicer,
    add_ClassifierServiceServicer_to_server,
)
from likewise.v1.ledger_service_pb2_grpc import LedgerServiceServicer, add_LedgerServiceServicer_to_server
from likewise.v1.tenant_service_pb2_grpc import TenantServiceServicer, add_TenantServiceServicer_to_server
from likewise.v1.transaction_pb2 import LedgerEntry, Transaction

PAGE_SIZE_DEFAULT = 2
EXPORT_BATCH_ENTRIES = 2


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it arrived."""

    method: str
    metadata: dict[str, str | bytes]
    seconds_left: float | None


class MemoryServer(ClassifierServiceServicer, LedgerServiceServicer, TenantServiceServicer):
    """The three services over dictionaries."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.failures: deque[Status | bytes] = deque()
        """The next calls end with these: a status, or OUT_OF_RANGE with these bytes as its details."""
        self.hang = threading.Event()
        """Cleared by a test, it holds every call until set again."""
        self.hang.set()
        self.learned: list[ledger.LearnRequest] = []
        self.import_messages: list[ledger.ImportTransactionsRequest] = []
        self.reshaped: list[Any] = []
        self.tenants: dict[str, tenants.Tenant] = {"cafe": tenants.Tenant(id="cafe")}
        self.entries: dict[str, LedgerEntry] = {}
        self.archive = b"nothing much"
        self.revision = 0

    def methods_called(self) -> list[str]:
        """Names of the methods called, in order."""
        return [call.method for call in self.calls]

    def _arrive(self, method: str, context: grpc.ServicerContext) -> None:
        metadata = dict(context.invocation_metadata())
        self.calls.append(Call(method, metadata, context.time_remaining()))
        while not self.hang.wait(0.01) and context.is_active():
            pass
        if self.failures:
            failure = self.failures.popleft()
            if isinstance(failure, bytes):
                context.set_trailing_metadata((("grpc-status-details-bin", failure),))
                context.abort(grpc.StatusCode.OUT_OF_RANGE, "damaged details")
            context.abort_with_status(rpc_status.to_status(failure))

    # --- ClassifierService ---

    def Classify(
        self, request: classifier.ClassifyRequest, context: grpc.ServicerContext
    ) -> classifier.ClassifyResponse:
        self._arrive("Classify", context)
        return classifier.ClassifyResponse(
            classification=self._classify(request.transaction, request.options)
        )

    def ClassifyStream(
        self, request_iterator: Iterator[classifier.ClassifyStreamRequest], context: grpc.ServicerContext
    ) -> Iterator[classifier.ClassifyStreamResponse]:
        self._arrive("ClassifyStream", context)
        options = None
        for position, request in enumerate(request_iterator):
            assert bool(request.tenant) == (position == 0)
            options = request.options if position == 0 else options
            response = classifier.ClassifyStreamResponse(
                position=position, transaction_id=request.transaction.id
            )
            if request.transaction.payee:
                assert options is not None
                response.classification.CopyFrom(self._classify(request.transaction, options))
            else:
                response.error.CopyFrom(Status(code=code_pb2.INVALID_ARGUMENT, message="payee is empty"))
            yield response

    def _classify(
        self, transaction: Transaction, options: classifier.ClassifyOptions
    ) -> classifier.Classification:
        answer = classifier.DimensionAnswer(
            dimension="category",
            decision=classifier.DECISION_ASK,
            target_precision=options.target_precision or 0.95,
        )
        for entry in self.entries.values():
            if entry.labelled.transaction.payee == transaction.payee:
                category = entry.labelled.labels["category"]
                answer.decision = classifier.DECISION_FILE
                answer.candidates.insert(0, classifier.Candidate(category=category, probability=1.0))
        return classifier.Classification(answers=[answer], revision=self.revision)

    # --- LedgerService ---

    def Learn(self, request: ledger.LearnRequest, context: grpc.ServicerContext) -> ledger.LearnResponse:
        self.learned.append(request)
        self._arrive("Learn", context)
        self.revision += 1
        for labelled in request.transactions:
            self.entries[labelled.transaction.id] = LedgerEntry(labelled=labelled, revision=self.revision)
        return ledger.LearnResponse(revision=self.revision, created=len(request.transactions))

    def ImportTransactions(
        self, request_iterator: Iterator[ledger.ImportTransactionsRequest], context: grpc.ServicerContext
    ) -> ledger.ImportTransactionsResponse:
        self._arrive("ImportTransactions", context)
        response = ledger.ImportTransactionsResponse()
        position = 0
        for request in request_iterator:
            self.import_messages.append(request)
            for labelled in request.transactions:
                if labelled.labels:
                    self.entries[labelled.transaction.id] = LedgerEntry(labelled=labelled)
                    response.created += 1
                else:
                    response.rejections.add(position=position, transaction_id=labelled.transaction.id)
                    response.rejected += 1
                position += 1
        return response

    def GetTransaction(
        self, request: ledger.GetTransactionRequest, context: grpc.ServicerContext
    ) -> ledger.GetTransactionResponse:
        self._arrive("GetTransaction", context)
        return ledger.GetTransactionResponse(entry=self.entries[request.transaction_id])

    def ListTransactions(
        self, request: ledger.ListTransactionsRequest, context: grpc.ServicerContext
    ) -> ledger.ListTransactionsResponse:
        self._arrive("ListTransactions", context)
        start, stop, token = _page(request.page_token, request.page_size, len(self.entries))
        return ledger.ListTransactionsResponse(
            entries=list(self.entries.values())[start:stop], next_page_token=token
        )

    def ForgetTransactions(
        self, request: ledger.ForgetTransactionsRequest, context: grpc.ServicerContext
    ) -> ledger.ForgetTransactionsResponse:
        self._arrive("ForgetTransactions", context)
        found = [self.entries.pop(name, None) for name in request.transaction_ids]
        return ledger.ForgetTransactionsResponse(
            forgotten=len(found) - found.count(None), missing=found.count(None)
        )

    def ExportTransactions(
        self, request: ledger.ExportTransactionsRequest, context: grpc.ServicerContext
    ) -> Iterator[ledger.ExportTransactionsResponse]:
        self._arrive("ExportTransactions", context)
        entries = list(self.entries.values()) if request.tenant else []
        for start in range(0, len(entries), EXPORT_BATCH_ENTRIES):
            yield ledger.ExportTransactionsResponse(entries=entries[start : start + EXPORT_BATCH_ENTRIES])

    # --- TenantService ---

    def ExportTenant(
        self, request: tenants.ExportTenantRequest, context: grpc.ServicerContext
    ) -> Iterator[tenants.ExportTenantResponse]:
        self._arrive("ExportTenant", context)
        archive = self.archive if request.tenant else b""
        for start in range(0, len(archive), EXPORT_BATCH_ENTRIES):
            yield tenants.ExportTenantResponse(chunk=archive[start : start + EXPORT_BATCH_ENTRIES])

    def ImportTenant(
        self, request_iterator: Iterator[tenants.ImportTenantRequest], context: grpc.ServicerContext
    ) -> tenants.ImportTenantResponse:
        self._arrive("ImportTenant", context)
        requests = list(request_iterator)
        self.archive = b"".join(request.chunk for request in requests)
        return tenants.ImportTenantResponse(tenant=tenants.Tenant(id=requests[0].tenant))

    def CreateTenant(
        self, request: tenants.CreateTenantRequest, context: grpc.ServicerContext
    ) -> tenants.CreateTenantResponse:
        self._arrive("CreateTenant", context)
        self.tenants[request.tenant.id] = request.tenant
        return tenants.CreateTenantResponse(tenant=request.tenant)

    def GetTenant(
        self, request: tenants.GetTenantRequest, context: grpc.ServicerContext
    ) -> tenants.GetTenantResponse:
        self._arrive("GetTenant", context)
        return tenants.GetTenantResponse(tenant=self.tenants[request.tenant])

    def ListTenants(
        self, request: tenants.ListTenantsRequest, context: grpc.ServicerContext
    ) -> tenants.ListTenantsResponse:
        self._arrive("ListTenants", context)
        start, stop, token = _page(request.page_token, request.page_size, len(self.tenants))
        return tenants.ListTenantsResponse(
            tenants=list(self.tenants.values())[start:stop], next_page_token=token
        )

    def UpdateTenant(
        self, request: tenants.UpdateTenantRequest, context: grpc.ServicerContext
    ) -> tenants.UpdateTenantResponse:
        self._arrive("UpdateTenant", context)
        tenant = self.tenants[request.tenant.id]
        request.update_mask.MergeMessage(request.tenant, tenant)
        return tenants.UpdateTenantResponse(tenant=tenant)

    def DeleteTenant(
        self, request: tenants.DeleteTenantRequest, context: grpc.ServicerContext
    ) -> tenants.DeleteTenantResponse:
        self._arrive("DeleteTenant", context)
        del self.tenants[request.tenant]
        return tenants.DeleteTenantResponse()

    def RenameCategory(
        self, request: tenants.RenameCategoryRequest, context: grpc.ServicerContext
    ) -> tenants.RenameCategoryResponse:
        return tenants.RenameCategoryResponse(revision=self._reshape("RenameCategory", request, context))

    def MergeCategories(
        self, request: tenants.MergeCategoriesRequest, context: grpc.ServicerContext
    ) -> tenants.MergeCategoriesResponse:
        return tenants.MergeCategoriesResponse(revision=self._reshape("MergeCategories", request, context))

    def SplitCategory(
        self, request: tenants.SplitCategoryRequest, context: grpc.ServicerContext
    ) -> tenants.SplitCategoryResponse:
        return tenants.SplitCategoryResponse(revision=self._reshape("SplitCategory", request, context))

    def DeactivateCategory(
        self, request: tenants.DeactivateCategoryRequest, context: grpc.ServicerContext
    ) -> tenants.DeactivateCategoryResponse:
        return tenants.DeactivateCategoryResponse(
            revision=self._reshape("DeactivateCategory", request, context)
        )

    def ActivateCategory(
        self, request: tenants.ActivateCategoryRequest, context: grpc.ServicerContext
    ) -> tenants.ActivateCategoryResponse:
        return tenants.ActivateCategoryResponse(revision=self._reshape("ActivateCategory", request, context))

    def PurgeCategory(
        self, request: tenants.PurgeCategoryRequest, context: grpc.ServicerContext
    ) -> tenants.PurgeCategoryResponse:
        return tenants.PurgeCategoryResponse(revision=self._reshape("PurgeCategory", request, context))

    def ListAuditRecords(
        self, request: tenants.ListAuditRecordsRequest, context: grpc.ServicerContext
    ) -> tenants.ListAuditRecordsResponse:
        self._arrive("ListAuditRecords", context)
        start, stop, token = _page(request.page_token, request.page_size, self.revision)
        records = [tenants.AuditRecord(id=str(n), time=request.start_time) for n in range(self.revision)]
        return tenants.ListAuditRecordsResponse(records=records[start:stop], next_page_token=token)

    def _reshape(self, method: str, request: Message, context: grpc.ServicerContext) -> int:
        """Only take note: what becomes of a chart is for the real server's tests."""
        self._arrive(method, context)
        self.reshaped.append(request)
        self.revision += 1
        return self.revision


def _page(page_token: str, page_size: int, count: int) -> tuple[int, int, str]:
    start = int(page_token or 0)
    stop = start + (page_size or PAGE_SIZE_DEFAULT)
    return start, stop, str(stop) if stop < count else ""


@contextmanager
def serving(server: MemoryServer, *, secure: bool = False) -> Iterator[str]:
    """Serve on a free port of the loopback; yield the target. ``secure`` takes gRPC's local credentials."""
    grpc_server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", 32 << 20)])
    add_ClassifierServiceServicer_to_server(server, grpc_server)
    add_LedgerServiceServicer_to_server(server, grpc_server)
    add_TenantServiceServicer_to_server(server, grpc_server)
    if secure:
        port = grpc_server.add_secure_port("127.0.0.1:0", grpc.local_server_credentials())
    else:
        port = grpc_server.add_insecure_port("127.0.0.1:0")
    grpc_server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.hang.set()
        grpc_server.stop(None).wait()
