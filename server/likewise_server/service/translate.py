"""Between the contract's messages and the engine's values: the only place where both are known.

Into the engine, conversion is strict: what a message can say and a value cannot (the 30th of February, an
enum's unknown number) is a violation that names the field as the contract does. What a value can be and must
not (an absurd amount, an over-long text) is for the engine to refuse, and gets its field's path here.
"""

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from decimal import Decimal
from math import isfinite
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money

from likewise.v1 import classifier_service_pb2 as classifier_pb
from likewise.v1 import insight_service_pb2 as insight_pb
from likewise.v1 import ledger_service_pb2 as ledger_pb
from likewise.v1 import tenant_service_pb2 as tenant_pb
from likewise.v1 import transaction_pb2 as transaction_pb
from likewise.values import date_value, money_value
from likewise_engine import answers, limits
from likewise_engine.calibration import Calibration
from likewise_engine.chart import TARGET_PRECISION_DEFAULT, Category, Policy, check_chart_size
from likewise_engine.decision import file_threshold
from likewise_engine.description import TenantDescription
from likewise_engine.errors import FieldViolation, InvalidInput
from likewise_engine.ledger.checks import VIOLATIONS_SHOWN_MAX
from likewise_engine.ledger.outcomes import LearnOutcome
from likewise_engine.ledger.purge import CategoryPurge
from likewise_engine.ledger.reshape import Activation, Merge, Rename, Split
from likewise_engine.selection import Selection
from likewise_engine.store.base import Entry, TenantRecord
from likewise_engine.transaction import (
    CATEGORY_DIMENSION,
    Authority,
    Direction,
    LabelledTransaction,
    Transaction,
)
from likewise_indexer.messages import transaction_message

_AUTHORITIES: Final[Mapping[int, Authority]] = {
    transaction_pb.AUTHORITY_UNSPECIFIED: Authority.PERSON,
    transaction_pb.AUTHORITY_MACHINE: Authority.MACHINE,
    transaction_pb.AUTHORITY_PERSON: Authority.PERSON,
}
_DIRECTIONS: Final[Mapping[int, Direction]] = {
    transaction_pb.DIRECTION_UNSPECIFIED: Direction.UNKNOWN,
    transaction_pb.DIRECTION_IN: Direction.IN,
    transaction_pb.DIRECTION_OUT: Direction.OUT,
}
_AUTHORITY_NUMBERS: Final = {
    Authority.MACHINE: transaction_pb.AUTHORITY_MACHINE,
    Authority.PERSON: transaction_pb.AUTHORITY_PERSON,
}
DECISIONS: Final = {
    answers.Decision.FILE: classifier_pb.DECISION_FILE,
    answers.Decision.SUGGEST: classifier_pb.DECISION_SUGGEST,
    answers.Decision.ASK: classifier_pb.DECISION_ASK,
}
_WITNESSES: Final = {
    answers.Witness.NONE: classifier_pb.WITNESS_UNSPECIFIED,
    answers.Witness.SAME_TEXT_AND_AMOUNT: classifier_pb.WITNESS_SAME_TEXT_AND_AMOUNT,
    answers.Witness.SAME_TEXT: classifier_pb.WITNESS_SAME_TEXT,
    answers.Witness.SAME_PAYEE: classifier_pb.WITNESS_SAME_PAYEE,
    answers.Witness.SIMILAR_TEXT: classifier_pb.WITNESS_SIMILAR_TEXT,
    answers.Witness.CATEGORY_NAME: classifier_pb.WITNESS_CATEGORY_NAME,
    answers.Witness.RULE: classifier_pb.WITNESS_RULE,
    answers.Witness.SAME_COUNTERPARTY: classifier_pb.WITNESS_SAME_COUNTERPARTY,
    answers.Witness.LANGUAGE_MODEL: classifier_pb.WITNESS_LANGUAGE_MODEL,
}
_DEFAULT_OPTIONS: Final = answers.ClassifyOptions()
"""Of most questions: to read and to check them anew took 13 µs."""
_NONE_SHOWN: Final = -1
"""``max_neighbours`` for none at all, since 0 is the default."""


@contextmanager
def beneath(prefix: str) -> Iterator[None]:
    """Let what is found wrong within be told as wrong in the field ``prefix``."""
    try:
        yield
    except InvalidInput as error:
        violations = [violation.beneath(prefix) for violation in error.violations]
        raise type(error)(violations, **error.metadata) from error


# --- Into the engine ---------------------------------------------------------------------------


def required_transaction(
    message: classifier_pb.ClassifyRequest
    | classifier_pb.ClassifyStreamRequest
    | insight_pb.ExplainTransactionRequest,
) -> Transaction:
    """The transaction that is asked about.

    Raises:
        InvalidInput: it is not set, or not a transaction; fields as ``transaction.date``.
    """
    if not message.HasField("transaction"):
        raise InvalidInput.of("transaction", "is required")
    transaction, violations = _transaction(message.transaction)
    if violations:
        violations += transaction.violations()
        raise InvalidInput([violation.beneath("transaction") for violation in violations])
    return transaction


def classify_options(message: classifier_pb.ClassifyOptions) -> answers.ClassifyOptions:
    """The options, checked. Raises InvalidInput; fields as ``options.max_candidates``."""
    if not message.ListFields():
        return _DEFAULT_OPTIONS
    neighbours_max = message.max_neighbours or limits.NEIGHBOURS_DEFAULT
    options = answers.ClassifyOptions(
        target_precision=message.target_precision or None,
        min_revision=message.min_revision,
        dimensions=tuple(message.dimensions),
        candidates_max=message.max_candidates or limits.CANDIDATES_DEFAULT,
        neighbours_max=0 if neighbours_max == _NONE_SHOWN else neighbours_max,
        show_wording=message.show_wording,
    )
    with beneath("options"):
        options.check()
    return options


def labelled_transaction(
    message: transaction_pb.LabelledTransaction,
) -> tuple[LabelledTransaction, list[FieldViolation]]:
    """A labelled transaction as far as it can be read, and what cannot: fields as ``transaction.date``."""
    transaction, found = _transaction(message.transaction)
    violations = [violation.beneath("transaction") for violation in found]
    authority = _AUTHORITIES.get(message.authority)
    if authority is None:
        violations.append(_unknown_number("authority", message.authority))
    item = LabelledTransaction(
        transaction,
        dict(message.labels),
        authority or Authority.PERSON,
        dict(message.predicted),
        message.prediction_id,
    )
    return item, violations


def whole_batch(messages: Iterable[transaction_pb.LabelledTransaction]) -> list[LabelledTransaction]:
    """A batch to be learned as a whole.

    Raises:
        InvalidInput: an item cannot be read; with it comes whatever else is wrong with the items.
    """
    read = [labelled_transaction(message) for message in messages]
    if any(violations for _, violations in read):
        found: list[FieldViolation] = []
        for position, (item, violations) in enumerate(read):
            field = f"transactions[{position}]"
            found += (violation.beneath(field) for violation in (*violations, *item.violations()))
            if len(found) >= VIOLATIONS_SHOWN_MAX:
                break
        raise InvalidInput(found[:VIOLATIONS_SHOWN_MAX])
    return [item for item, _ in read]


def policy(message: tenant_pb.Policy) -> Policy:
    """The policy, unchecked."""
    return Policy(message.target_precision or TARGET_PRECISION_DEFAULT, message.closed_chart)


def categories(messages: Collection[tenant_pb.Category]) -> list[Category]:
    """The categories of a chart, unchecked but for how many there are. Raises LimitReached."""
    # Before any of them is read: a message holds two million empty ones, which took 20 s to refuse.
    check_chart_size(len(messages), dimensions=0)
    return [
        Category(
            id=message.id,
            dimension=message.dimension or CATEGORY_DIMENSION,
            name=message.name,
            description=message.description,
            active=message.active if message.HasField("active") else True,
        )
        for message in messages
    ]


def rename(message: tenant_pb.RenameCategoryRequest) -> Rename:
    """A change of a category's id, name or description, unchecked."""
    return Rename(
        dimension=message.dimension or CATEGORY_DIMENSION,
        category=message.category,
        new_id=message.new_id,
        new_name=message.new_name if message.HasField("new_name") else None,
        new_description=message.new_description if message.HasField("new_description") else None,
    )


def merge(message: tenant_pb.MergeCategoriesRequest) -> Merge:
    """A merger, unchecked."""
    return Merge(message.dimension or CATEGORY_DIMENSION, tuple(message.categories), message.into)


def category_purge(message: tenant_pb.PurgeCategoryRequest) -> CategoryPurge:
    """The category that is to be purged."""
    return CategoryPurge(message.dimension or CATEGORY_DIMENSION, message.category, message.entries_only)


def split(message: tenant_pb.SplitCategoryRequest) -> Split:
    """A split. Raises InvalidInput where the selection cannot be read; fields as ``selection.min_date``."""
    with beneath("selection"):
        selection = _selection(message.selection)
    return Split(
        dimension=message.dimension or CATEGORY_DIMENSION,
        category=message.category,
        into=message.into,
        selection=selection,
        into_name=message.into_name,
        into_description=message.into_description,
    )


def activation(
    message: tenant_pb.ActivateCategoryRequest | tenant_pb.DeactivateCategoryRequest,
) -> Activation:
    """What makes a category active or inactive, unchecked."""
    is_active = isinstance(message, tenant_pb.ActivateCategoryRequest)
    return Activation(message.dimension or CATEGORY_DIMENSION, message.category, active=is_active)


def _selection(message: tenant_pb.EntrySelection) -> Selection:
    violations: list[FieldViolation] = []
    low, high = message.min_amount, message.max_amount
    if low.currency_code and high.currency_code and low.currency_code != high.currency_code:
        violations.append(FieldViolation("max_amount", "is in another currency than min_amount"))
    selection = Selection(
        transaction_ids=tuple(message.transaction_ids),
        payee_contains=message.payee_contains,
        description_contains=message.description_contains,
        min_amount=_amount(message, "min_amount", violations),
        max_amount=_amount(message, "max_amount", violations),
        currency=low.currency_code or high.currency_code,
        min_date=_date(message, "min_date", violations),
        max_date=_date(message, "max_date", violations),
    )
    if violations:
        raise InvalidInput(violations)
    return selection


def _transaction(message: transaction_pb.Transaction) -> tuple[Transaction, list[FieldViolation]]:
    violations: list[FieldViolation] = []
    direction = _DIRECTIONS.get(message.direction)
    if direction is None:
        violations.append(_unknown_number("direction", message.direction))
    transaction = Transaction(
        id=message.id,
        date=_date(message, "date", violations),
        amount=_amount(message, "amount", violations),
        currency=message.amount.currency_code,
        payee=message.payee,
        description=message.description,
        account=message.account,
        direction=direction or Direction.UNKNOWN,
        fields=dict(message.fields),
    )
    return transaction, violations


def _date(
    message: transaction_pb.Transaction | tenant_pb.EntrySelection,
    field: str,
    violations: list[FieldViolation],
) -> datetime.date | None:
    if not message.HasField(field):  # type: ignore[arg-type]
        return None
    date: Date = getattr(message, field)
    try:
        return date_value(date)
    except (ValueError, OverflowError):
        shown = f"{date.year}-{date.month}-{date.day}"
        violations.append(
            FieldViolation(
                field, f"is {shown} (year-month-day): there is no such day; a year and a month are needed"
            )
        )
        return None


def _amount(
    message: transaction_pb.Transaction | tenant_pb.EntrySelection,
    field: str,
    violations: list[FieldViolation],
) -> Decimal | None:
    if not message.HasField(field):  # type: ignore[arg-type]
        return None
    money: Money = getattr(message, field)
    try:
        return money_value(money)
    except ValueError:
        violations.append(
            FieldViolation(
                field,
                f"has units {money.units} and nanos {money.nanos}: nanos must be within "
                "-999,999,999 and 999,999,999, and of the sign of units",
            )
        )
        return None


def _unknown_number(field: str, number: int) -> FieldViolation:
    return FieldViolation(field, f"is {number}, which this version does not know")


# --- Out of the engine -------------------------------------------------------------------------


def fill_classification(
    message: classifier_pb.Classification, value: answers.Classification, wait_ns: int
) -> None:
    """Write the answer into an empty message; ``wait_ns`` is how long it waited before work began.

    Field by field and in place: messages that are made one by one and copied into one another take five times
    as long, some .15 ms an answer.
    """
    for answer in value.answers:
        fill_dimension_answer(message.answers.add(), answer)
    for neighbour in value.neighbours:
        fill_neighbour(message.neighbours.add(), neighbour)
    message.models.encoder = value.encoder_fingerprint
    message.models.vote = value.vote_fingerprint
    message.revision = value.revision
    message.text = value.text
    spent, times = message.time_spent, value.time_spent
    _fill_duration(spent.wait, wait_ns)
    _fill_duration(spent.encode, times.encode_ns)
    _fill_duration(spent.search, times.search_ns)
    _fill_duration(spent.vote, times.vote_ns)
    if value.wording is not None:
        message.wording.CopyFrom(classifier_pb.WordingParts(**asdict(value.wording)))


def learn_response(outcome: LearnOutcome) -> ledger_pb.LearnResponse:
    """What came of a Learn."""
    return ledger_pb.LearnResponse(
        revision=outcome.revision,
        created=outcome.created,
        updated=outcome.updated,
        unchanged=outcome.unchanged,
        kept=outcome.kept,
        inactive_labels=outcome.inactive_labels,
    )


def ledger_entry(entry: Entry) -> transaction_pb.LedgerEntry:
    """An entry of the ledger."""
    return transaction_pb.LedgerEntry(
        labelled=transaction_pb.LabelledTransaction(
            transaction=transaction_message(entry.transaction),
            labels=entry.labels,
            authority=_AUTHORITY_NUMBERS[max(entry.authorities.values())],
        ),
        revision=entry.revision,
        authorities={dimension: _AUTHORITY_NUMBERS[who] for dimension, who in entry.authorities.items()},
    )


def tenant_summary(record: TenantRecord) -> tenant_pb.Tenant:
    """A tenant without chart and statistics."""
    created = Timestamp()
    created.FromDatetime(record.created)
    return tenant_pb.Tenant(
        id=record.tenant,
        display_name=record.display_name,
        policy=tenant_pb.Policy(
            target_precision=record.policy.target_precision, closed_chart=record.policy.closed_chart
        ),
        create_time=created,
    )


def tenant(description: TenantDescription) -> tenant_pb.Tenant:
    """A tenant with its chart and its statistics."""
    message = tenant_summary(description.record)
    chart = description.chart
    message.chart.extend(_category(category, chart) for category in chart if not category.is_purged)
    statistics = description.statistics
    message.statistics.CopyFrom(
        tenant_pb.TenantStatistics(
            labels=statistics.labels,
            texts=statistics.texts,
            memory_bytes=description.memory_bytes,
            disk_bytes=statistics.disk_bytes,
            index_kind=_index_kind(description.has_graph),
            revision=description.record.revision,
            encoder_fingerprint=description.record.encoder_fingerprint,
            corrections=statistics.corrections,
            calibrations=[
                _calibration(dimension, calibration, description.record.policy.target_precision)
                for dimension, calibration in description.calibrations.items()
            ],
        )
    )
    return message


def _calibration(
    dimension: str, calibration: Calibration, target_precision: float
) -> tenant_pb.CalibrationStatistics:
    threshold = file_threshold(target_precision, calibration)
    return tenant_pb.CalibrationStatistics(
        dimension=dimension,
        outcomes=calibration.outcomes,
        filed=calibration.filed,
        filed_right=calibration.filed - calibration.filed_wrong,
        file_threshold=threshold if isfinite(threshold) else None,
        excess_sigmas=calibration.excess_sigmas,
    )


def fill_dimension_answer(message: classifier_pb.DimensionAnswer, answer: answers.DimensionAnswer) -> None:
    """Write the answer in one dimension into an empty message."""
    message.dimension = answer.dimension
    message.decision = DECISIONS[answer.decision]
    for candidate in answer.candidates:
        shown = message.candidates.add()
        shown.category = candidate.category
        shown.category_name = candidate.category_name
        shown.probability = candidate.probability
    message.witness = _WITNESSES[answer.witness]
    message.target_precision = answer.target_precision
    message.reason = answer.reason
    if answer.rule is not None:
        message.rule.id, message.rule.name = answer.rule.id, answer.rule.name


def fill_neighbour(message: classifier_pb.Neighbour, neighbour: answers.Neighbour) -> None:
    """Write a neighbour into an empty message."""
    message.transaction_id = neighbour.transaction_id
    if neighbour.date is not None:
        date = message.date
        date.year, date.month, date.day = neighbour.date.year, neighbour.date.month, neighbour.date.day
    if neighbour.amount is not None:
        fill_money(message.amount, neighbour.amount, neighbour.currency)
    message.text = neighbour.text
    for dimension, category in neighbour.labels.items():
        message.labels[dimension] = category
    message.similarity = neighbour.similarity
    message.weight = neighbour.weight


def _fill_duration(message: Duration, nanoseconds: int) -> None:
    """A time that is not negative."""
    message.seconds, message.nanos = divmod(nanoseconds, 10**9)


def fill_money(message: Money, amount: Decimal, currency: str) -> None:
    """An amount that the engine took, which has no more digits than fit."""
    units, nanos = divmod(abs(int(amount.scaleb(9))), 10**9)
    sign = -1 if amount < 0 else 1
    message.SetInParent()  # An amount of zero is an amount too.
    message.units, message.nanos, message.currency_code = sign * units, sign * nanos, currency


def _category(category: Category, chart: Sequence[Category]) -> tenant_pb.Category:
    return tenant_pb.Category(
        dimension=category.dimension,
        id=category.id,
        name=category.title,
        description=category.description,
        active=category.active,
        merged_into="" if category.merged_into is None else chart[category.merged_into].id,
        former_ids=category.former_ids,
    )


def _index_kind(has_graph: bool | None) -> tenant_pb.IndexKind.ValueType:
    if has_graph is None:
        return tenant_pb.INDEX_KIND_UNSPECIFIED
    return tenant_pb.INDEX_KIND_GRAPH if has_graph else tenant_pb.INDEX_KIND_EXACT
