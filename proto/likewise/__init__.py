"""Likewise: files a transaction the way this bookkeeper filed the ones like it. The client.

    import likewise

    with likewise.Client("localhost:50151") as client:
        asked = likewise.transaction(payee="CAFFE NERO 042", amount="-3.40", currency="GBP")
        answer = client.classify("studio", asked).answers[0]
        print(likewise.Decision.Name(answer.decision), [c.category for c in answer.candidates])

Needs grpcio, protobuf and googleapis-common-protos, nothing else. What is listed here is the public API,
and so is all of the generated ``likewise.v1``. The rest may move.
"""

from likewise.async_client import AsyncClient
from likewise.client import Client
from likewise.connection import NOT_GIVEN, Deadline, NotGiven
from likewise.errors import (
    Aborted,
    AlreadyExists,
    Cancelled,
    DeadlineExceeded,
    Error,
    FieldViolation,
    InvalidRequest,
    LimitReached,
    NotAllowed,
    NotFound,
    Overloaded,
    PermissionDenied,
    PreconditionFailed,
    ServerFault,
    TryAgain,
    Unauthenticated,
    Unavailable,
    Unimplemented,
)
from likewise.exchange import Outcome
from likewise.v1.classifier_service_pb2 import (
    Candidate,
    Classification,
    ClassifyOptions,
    Decision,
    DimensionAnswer,
    Neighbour,
    Witness,
)
from likewise.v1.erasure_pb2 import ErasedCounts, ErasureReceipt
from likewise.v1.ledger_service_pb2 import (
    ForgetTransactionsResponse,
    ImportTransactionsResponse,
    LearnResponse,
    RejectedTransaction,
)
from likewise.v1.tenant_service_pb2 import (
    AuditAction,
    AuditRecord,
    CalibrationStatistics,
    Category,
    EntrySelection,
    IndexKind,
    MergeCategoriesResponse,
    Policy,
    PurgeCategoryResponse,
    SplitCategoryResponse,
    Tenant,
    TenantStatistics,
)
from likewise.v1.transaction_pb2 import Authority, Direction, LabelledTransaction, LedgerEntry, Transaction
from likewise.values import (
    CATEGORY_DIMENSION,
    date_message,
    date_value,
    labelled,
    money_message,
    money_value,
    predictions,
    selection,
    transaction,
)

__all__ = [
    "CATEGORY_DIMENSION",
    "NOT_GIVEN",
    "Aborted",
    "AlreadyExists",
    "AsyncClient",
    "AuditAction",
    "AuditRecord",
    "Authority",
    "CalibrationStatistics",
    "Cancelled",
    "Candidate",
    "Category",
    "Classification",
    "ClassifyOptions",
    "Client",
    "Deadline",
    "DeadlineExceeded",
    "Decision",
    "DimensionAnswer",
    "Direction",
    "EntrySelection",
    "ErasedCounts",
    "ErasureReceipt",
    "Error",
    "FieldViolation",
    "ForgetTransactionsResponse",
    "ImportTransactionsResponse",
    "IndexKind",
    "InvalidRequest",
    "LabelledTransaction",
    "LearnResponse",
    "LedgerEntry",
    "LimitReached",
    "MergeCategoriesResponse",
    "Neighbour",
    "NotAllowed",
    "NotFound",
    "NotGiven",
    "Outcome",
    "Overloaded",
    "PermissionDenied",
    "Policy",
    "PreconditionFailed",
    "PurgeCategoryResponse",
    "RejectedTransaction",
    "ServerFault",
    "SplitCategoryResponse",
    "Tenant",
    "TenantStatistics",
    "Transaction",
    "TryAgain",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "Witness",
    "date_message",
    "date_value",
    "labelled",
    "money_message",
    "money_value",
    "predictions",
    "selection",
    "transaction",
]
