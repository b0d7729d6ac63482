"""The errors of the domain: one tree, one base for each question that a caller can ask.

    LikewiseError
    ├── InvalidInput            what was handed in is wrong; it names the fields (a caller mends it)
    │   ├── UnknownDimension    a dimension that the tenant does not have
    │   └── UnknownCategory     a category that is not in the tenant's chart
    ├── NotFound                what was named does not exist
    │   ├── TenantNotFound
    │   ├── TransactionNotFound
    │   ├── CategoryNotFound
    │   ├── PredictionNotFound
    │   ├── RuleNotFound
    │   ├── ModelNotFound
    │   ├── EncoderNotFound
    │   └── NothingSelected     no entry is as the selection says
    ├── AlreadyExists
    │   ├── TenantExists
    │   ├── CategoryExists
    │   ├── RuleExists
    │   └── RequestIdReused     a request id came again with other content
    ├── PreconditionFailed      the state does not allow it (now)
    │   ├── RevisionNotReached  a caller asked to see a revision that is not there
    │   ├── CategoryMerged      all that the category had is another's
    │   ├── CategoryInactive    the category takes over no other's history
    │   ├── DataFolderInUse     another process holds the data folder
    │   └── BackupRefused       a backup is damaged, or not what it says it is
    ├── NotAllowed              the caller may not do this
    │   ├── Unauthenticated     who calls is not known
    │   └── PermissionDenied    who calls is known, and may not
    ├── LimitReached            a named limit would be passed
    ├── Overloaded              refused early; come again after ``retry_after_ms``
    ├── DeadlineExceeded        the caller's time was up before the work was done
    ├── Cancelled               the caller gave up before the work was done
    ├── Unavailable             nobody can be served until somebody mends something
    └── EngineFault             not the caller's fault
        ├── StoreFault          the store failed (an I/O error, say); it may work the next time
        │   ├── StoreCorrupt    what the store returned is damaged
        │   ├── StoreFull       the disk, or a quota, is full
        │   ├── StoreReadOnly   the data folder may not be written
        │   ├── FilesExhausted  the process has as many files open as it may
        │   ├── PurgeDelayed    forgotten, but remains of it are on disk for a while
        │   └── KeyMissing      it is encrypted, by a master key that is not at hand
        └── ModelFault          a model's files are missing, damaged or do not do what they claim

Errors of lower libraries (apsw, onnxruntime, hnswlib, OSError) are translated at the border where
they arise, with ``raise ... from``. The server has the one table from these types to gRPC codes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One thing that is wrong with one field of what was handed in.

    Attributes:
        field: path of the field in the caller's terms, such as ``transactions[3].amount``.
        message: what is wrong and what to do, as a sentence for a person.
    """

    field: str
    message: str

    def beneath(self, prefix: str) -> "FieldViolation":
        """This violation as seen from one level further out: ``amount`` -> ``prefix.amount``."""
        return FieldViolation(f"{prefix}.{self.field}" if self.field else prefix, self.message)


class LikewiseError(Exception):
    """Base of every error that Likewise raises on purpose.

    ``reason`` is a stable UPPER_SNAKE_CASE word for programs (google.rpc.ErrorInfo.reason); ``metadata``
    holds what a program may want to know besides. The message is for people.
    """

    reason: ClassVar[str] = "UNSPECIFIED"

    def __init__(self, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = metadata


class InvalidInput(LikewiseError):
    """What was handed in is wrong; ``violations`` says where and how."""

    reason = "INVALID_INPUT"

    def __init__(self, violations: Sequence[FieldViolation], **metadata: str) -> None:
        if not violations:
            raise ValueError("InvalidInput needs at least one violation")
        shown = "; ".join(f"{v.field}: {v.message}" if v.field else v.message for v in violations[:3])
        more = f" (and {len(violations) - 3} more)" if len(violations) > 3 else ""
        super().__init__(shown + more, **metadata)
        self.violations = tuple(violations)

    @classmethod
    def of(cls, field: str, message: str, **metadata: str) -> "InvalidInput":
        """The error for a single field."""
        return cls([FieldViolation(field, message)], **metadata)


class UnknownDimension(InvalidInput):
    """A dimension was named that the tenant does not have."""

    reason = "UNKNOWN_DIMENSION"


class UnknownCategory(InvalidInput):
    """A category was named that is not in the tenant's chart, and the policy keeps the chart closed."""

    reason = "UNKNOWN_CATEGORY"


class NotFound(LikewiseError):
    """What was named does not exist."""

    reason = "NOT_FOUND"


class TenantNotFound(NotFound):
    """There is no such tenant."""

    reason = "TENANT_NOT_FOUND"

    def __init__(self, tenant: str) -> None:
        super().__init__(f"there is no tenant {tenant!r}: create it first", tenant=tenant)


class EncoderNotFound(NotFound):
    """There is no such encoder at hand."""

    reason = "ENCODER_NOT_FOUND"

    def __init__(self, encoder: str, known: Sequence[str] = ()) -> None:
        at_hand = f"; at hand are {', '.join(sorted(known))}" if known else ""
        super().__init__(
            f"there is no encoder {encoder!r} that could be used: its folder has to be in the one that"
            f" the server's --encoders names, and it goes by the name in its encoder.json{at_hand}",
            encoder=encoder,
        )


class TransactionNotFound(NotFound):
    """The tenant has no such transaction."""

    reason = "TRANSACTION_NOT_FOUND"

    def __init__(self, transaction_id: str) -> None:
        super().__init__(f"there is no transaction {transaction_id!r}", transaction_id=transaction_id)


class PredictionNotFound(NotFound):
    """No such answer is recorded: it never was, or is not kept any more."""

    reason = "PREDICTION_NOT_FOUND"

    def __init__(self, prediction_id: str) -> None:
        super().__init__(
            f"no answer {prediction_id!r} is recorded: it was not sampled, or is not kept any more",
            prediction_id=prediction_id,
        )


class CategoryNotFound(NotFound):
    """The tenant's chart has no such category."""

    reason = "CATEGORY_NOT_FOUND"

    def __init__(self, dimension: str, category: str, renamed_to: str | None = None) -> None:
        hint = "" if renamed_to is None else f": it was renamed to {renamed_to!r}"
        super().__init__(
            f"there is no category {category!r} in dimension {dimension!r}{hint}",
            dimension=dimension,
            category=category,
            **({} if renamed_to is None else {"renamed_to": renamed_to}),
        )


class RuleNotFound(NotFound):
    """The tenant has no such rule."""

    reason = "RULE_NOT_FOUND"

    def __init__(self, rule_id: str) -> None:
        super().__init__(f"there is no rule {rule_id!r}", rule_id=rule_id)


class ModelNotFound(NotFound):
    """No model of this fingerprint serves."""

    reason = "MODEL_NOT_FOUND"

    def __init__(self, fingerprint: str) -> None:
        super().__init__(f"no model {fingerprint!r} serves here", fingerprint=fingerprint)


class NothingSelected(NotFound):
    """A category has no entry that is as the selection says."""

    reason = "NOTHING_SELECTED"

    def __init__(self, dimension: str, category: str) -> None:
        super().__init__(
            f"no entry of category {category!r} in dimension {dimension!r} is as the selection says",
            dimension=dimension,
            category=category,
        )


class AlreadyExists(LikewiseError):
    """What was to be created exists."""

    reason = "ALREADY_EXISTS"


class TenantExists(AlreadyExists):
    """There is such a tenant already."""

    reason = "TENANT_EXISTS"

    def __init__(self, tenant: str) -> None:
        super().__init__(f"tenant {tenant!r} exists already", tenant=tenant)


class CategoryExists(AlreadyExists):
    """The chart has such a category already."""

    reason = "CATEGORY_EXISTS"

    def __init__(self, dimension: str, category: str) -> None:
        super().__init__(
            f"category {category!r} exists already in dimension {dimension!r}: merge into it instead",
            dimension=dimension,
            category=category,
        )


class RuleExists(AlreadyExists):
    """There is such a rule already."""

    reason = "RULE_EXISTS"

    def __init__(self, rule_id: str) -> None:
        super().__init__(f"rule {rule_id!r} exists already: update it instead", rule_id=rule_id)


class RequestIdReused(AlreadyExists):
    """A request id came a second time, with other content than the first."""

    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"request id {request_id!r} was used before with other content: use a fresh one",
            request_id=request_id,
        )


class PreconditionFailed(LikewiseError):
    """The state does not allow it now."""

    reason = "PRECONDITION_FAILED"


class RevisionNotReached(PreconditionFailed):
    """The caller must see a revision that this tenant has not reached."""

    reason = "REVISION_NOT_REACHED"

    def __init__(self, revision_min: int, revision: int) -> None:
        super().__init__(
            f"revision {revision_min} was asked for, the tenant is at {revision}",
            revision_min=str(revision_min),
            revision=str(revision),
        )


class CategoryMerged(PreconditionFailed):
    """The category was merged into another one, which has all that it had."""

    reason = "CATEGORY_MERGED"

    def __init__(self, dimension: str, category: str, merged_into: str) -> None:
        super().__init__(
            f"category {category!r} was merged into {merged_into!r}: name that one, or activate {category!r}"
            " first",
            dimension=dimension,
            category=category,
            merged_into=merged_into,
        )


class CategoryInactive(PreconditionFailed):
    """The category is not active, and so takes over no other's history."""

    reason = "CATEGORY_INACTIVE"

    def __init__(self, dimension: str, category: str) -> None:
        super().__init__(
            f"category {category!r} is not active: activate it first", dimension=dimension, category=category
        )


class DataFolderInUse(PreconditionFailed):
    """Another process holds the data folder."""

    reason = "DATA_FOLDER_IN_USE"


class BackupRefused(PreconditionFailed):
    """A backup is damaged, cut short, of a later format, or not what its manifest says."""

    reason = "BACKUP_REFUSED"


class NotAllowed(LikewiseError):
    """The caller may not do this."""

    reason = "NOT_ALLOWED"


class Unauthenticated(NotAllowed):
    """Who calls is not known: nothing that was shown proves it."""

    reason = "UNAUTHENTICATED"


class PermissionDenied(NotAllowed):
    """Who calls is known, and may not do this; ``metadata`` has the ``scope`` that would do, if one would."""

    reason = "PERMISSION_DENIED"


class LimitReached(LikewiseError):
    """A named limit would be passed; ``metadata`` holds ``limit`` and its ``value``."""

    reason = "LIMIT_REACHED"

    def __init__(self, message: str, *, limit: str, value: int) -> None:
        super().__init__(message, limit=limit, value=str(value))


class Overloaded(LikewiseError):
    """Refused early because the service has more work than it can do in time."""

    reason = "OVERLOADED"

    def __init__(self, message: str, *, retry_after_ms: int) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


class DeadlineExceeded(LikewiseError):
    """The caller's time was up before the work was done."""

    reason = "DEADLINE_EXCEEDED"


class Cancelled(LikewiseError):
    """The caller gave up before the work was done."""

    reason = "CANCELLED"


class Unavailable(LikewiseError):
    """Nobody can be served until somebody mends something."""

    reason = "UNAVAILABLE"


class EngineFault(LikewiseError):
    """Something failed that is not the caller's fault."""

    reason = "ENGINE_FAULT"


class StoreFault(EngineFault):
    """The store failed: nothing of the write that met it is kept. Whether the next one works is not known."""

    reason = "STORE_FAULT"


class StoreCorrupt(StoreFault):
    """What the store returned is damaged."""

    reason = "STORE_CORRUPT"


class StoreFull(StoreFault):
    """The disk, or a quota, is full."""

    reason = "STORE_FULL"


class StoreReadOnly(StoreFault):
    """The data folder may not be written."""

    reason = "STORE_READ_ONLY"


class FilesExhausted(StoreFault):
    """The process, or the system, has as many files open as it may."""

    reason = "FILES_EXHAUSTED"


class PurgeDelayed(StoreFault):
    """What was forgotten is forgotten, but remains of it are still on disk; the server tries again itself."""

    reason = "PURGE_DELAYED"


class KeyMissing(StoreFault):
    """The store is encrypted under a key that is wrapped by a master key that is not at hand."""

    reason = "KEY_MISSING"


class ModelFault(EngineFault):
    """A model's files are missing, damaged, or do not do what they claim."""

    reason = "MODEL_FAULT"
