"""A real server, in a process of its own, whose disk, clock and file descriptors can be made to fail."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

import likewise
from crash_side.shim import Control
from crash_side.zygote import Life, Zygote
from likewise.v1.classifier_service_pb2 import ClassifyRequest
from likewise.v1.classifier_service_pb2_grpc import ClassifierServiceStub
from likewise.v1.ledger_service_pb2 import (
    ForgetTransactionsRequest,
    LearnRequest,
    LearnResponse,
    ListTransactionsRequest,
)
from likewise.v1.ledger_service_pb2_grpc import LedgerServiceStub
from likewise.v1.tenant_service_pb2 import CreateTenantRequest, DeleteTenantRequest, Tenant
from likewise.v1.tenant_service_pb2_grpc import TenantServiceStub

_DEADLINE_S: Final = 20.0


class Failing:
    """A server, what it was taught, and the faults that it is given.

    Attributes:
        control: of its faults.
        group: its process.
        port: where it listens.
        channel: to it; gRPC tries nothing again by itself.
        acknowledged: ids of entries of the tenant "acme" that it has said it learned.
    """

    def __init__(self, address: str, group: int, control: Control) -> None:
        self.control, self.group, self.port = control, group, int(address.rpartition(":")[2])
        self.channel = grpc.insecure_channel(address, options=[("grpc.enable_retries", 0)])
        self.acknowledged: set[str] = set()
        self._ledger = LedgerServiceStub(self.channel)
        self._made = 0
        self._requests: dict[str, LearnRequest] = {}

    def create(self, tenant: str) -> None:
        TenantServiceStub(self.channel).CreateTenant(
            CreateTenantRequest(tenant=Tenant(id=tenant)), timeout=_DEADLINE_S
        )

    def delete(self, tenant: str) -> None:
        TenantServiceStub(self.channel).DeleteTenant(DeleteTenantRequest(tenant=tenant), timeout=_DEADLINE_S)

    def learn(self, count: int = 1, description: str = "", request_id: str = "") -> LearnResponse:
        """Teach "acme" entries that are new; note what is said of them."""
        names = [f"t{self._made + number}" for number in range(count)]
        self._made += count
        items = [
            likewise.labelled(likewise.transaction(id=name, payee="Baker", description=description), "food")
            for name in names
        ]
        request = LearnRequest(tenant="acme", transactions=items, request_id=request_id)
        self._requests[request_id] = request
        try:
            response = self._ledger.Learn(request, timeout=_DEADLINE_S)
        except grpc.RpcError:
            raise
        self.acknowledged.update(names)
        return response

    def repeat(self, request_id: str) -> LearnResponse:
        """Teach once more what was not acknowledged."""
        request = self._requests[request_id]
        response = self._ledger.Learn(request, timeout=_DEADLINE_S)
        self.acknowledged.update(item.transaction.id for item in request.transactions)
        return response

    def forget(self, name: str) -> None:
        request = ForgetTransactionsRequest(tenant="acme", transaction_ids=[name])
        self._ledger.ForgetTransactions(request, timeout=_DEADLINE_S)
        self.acknowledged.discard(name)

    def ask(self, tenant: str = "acme") -> str:
        """The label that a question about the baker is answered with."""
        request = ClassifyRequest(tenant=tenant, transaction=likewise.transaction(payee="Baker"))
        answer = ClassifierServiceStub(self.channel).Classify(request, timeout=_DEADLINE_S)
        return str(answer.classification.answers[0].candidates[0].category)

    def entries(self) -> list[str]:
        """Ids of what "acme" knows, in its order."""
        request, found = ListTransactionsRequest(tenant="acme", page_size=1_000), list[str]()
        while True:
            page = self._ledger.ListTransactions(request, timeout=_DEADLINE_S)
            found += [entry.labelled.transaction.id for entry in page.entries]
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def check(self) -> None:
        """What was acknowledged is there, what was refused is not."""
        assert set(self.entries()) == self.acknowledged


@contextmanager
def failing(
    zygote: Zygote,
    data: Path,
    before: Failing | None = None,
    *,
    files_max: int = 0,
    log: Path | None = None,
    grave: Path | None = None,
    logged: int = 0,
) -> Iterator[Failing]:
    """A server on a data folder; it is killed at the end. With a log, its power can be cut then.

    Args:
        zygote: it is forked from.
        data: its folder.
        before: another one on the same folder, with what that has said.
        files_max: files that it may have open; 0 for many.
        log: of its changes.
        grave: for the log.
        logged: records that are in the log already.
    """
    path = data.with_name(f"{data.name}-control")
    with Control(path, data) as control:
        if log is not None and grave is not None:
            control.block.is_logging, control.block.logged = True, logged
            control.block.log, control.block.grave = os.fsencode(log), os.fsencode(grave)
        living = zygote.begin(Life(str(data), str(path), files_max=files_max))
        served = Failing(living.address, living.group, control)
        if before is not None:
            served.acknowledged, served._made = before.acknowledged, before._made
            served._requests = before._requests
        try:
            yield served
        finally:
            control.mend()
            served.channel.close()
            living.kill()


def told(failure: pytest.ExceptionInfo[grpc.RpcError]) -> tuple[grpc.StatusCode, str, str]:
    """What a failed call is told: the code, the reason for programs, the message for people."""
    status, info = rpc_status.from_call(failure.value), ErrorInfo()
    assert status is not None, failure.value
    assert any(detail.Unpack(info) for detail in status.details)
    return failure.value.code(), info.reason, status.message
