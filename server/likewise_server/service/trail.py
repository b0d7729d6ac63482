"""Between the audit trail's values and the contract's messages, as ``translate.py`` is for all others."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from likewise.v1 import tenant_service_pb2 as tenant_pb
from likewise.v1.erasure_pb2 import ErasedCounts, ErasureReceipt
from likewise_engine.audit import Action, AuditRecord, Counts, Receipt
from likewise_engine.errors import InvalidInput

_ACTIONS: Final[Mapping[Action, tenant_pb.AuditAction.ValueType]] = {
    action: tenant_pb.AuditAction.Value(f"AUDIT_ACTION_{action.name}") for action in Action
}


def moment(field: str, message: Timestamp) -> datetime | None:
    """A time that is asked for; None where it is not set.

    Raises:
        InvalidInput: no clock shows it.
    """
    if message == Timestamp():
        return None
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput.of(field, "is no time from the year 1 to 9999") from error


def receipt_message(receipt: Receipt | None) -> ErasureReceipt | None:
    """A receipt of erasure, if there is one."""
    if receipt is None:
        return None
    return ErasureReceipt(
        audit_record_id=str(receipt.record),
        time=_timestamp(receipt.time),
        revision=receipt.revision,
        erased=erased_message(receipt.erased),
    )


def erased_message(counts: Counts) -> ErasedCounts:
    """How much was erased."""
    return ErasedCounts(
        entries=counts.entries,
        texts=counts.texts,
        vectors=counts.vectors,
        corrections=counts.corrections,
        outcomes=counts.outcomes,
        categories=counts.categories,
        testimonies=counts.testimonies,
        predictions=counts.predictions,
    )


def record_message(record: AuditRecord) -> tenant_pb.AuditRecord:
    """A record of an audit trail."""
    erased = erased_message(record.counts)
    return tenant_pb.AuditRecord(
        id=str(record.id),
        time=_timestamp(record.time),
        revision=record.revision,
        actor=record.actor,
        action=_ACTIONS[record.action],
        created=record.counts.created,
        updated=record.counts.updated,
        moved=record.counts.moved,
        erased=erased if erased.ByteSize() else None,
        categories=[tenant_pb.AuditCategory(dimension=d, id=id_) for d, id_ in record.categories],
        tenant=record.tenant,
        token_id=record.subject,
    )


def _timestamp(time: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(time)
    return message
