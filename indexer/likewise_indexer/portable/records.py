"""Engine values as JSON records, and back. Categories are named by their ids, never by number.

What is read may be anybody's: each field has the type that is expected or the record is refused. Whether the
values make sense is for the engine to say.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

from likewise_engine.answers import Decision, Witness
from likewise_engine.audit import AuditRecord
from likewise_engine.chart import Category, Policy
from likewise_engine.feedback.profile import BinCount
from likewise_engine.feedback.report import Counts, Tally
from likewise_engine.rules.kept import NO_TALLY, KeptRule
from likewise_engine.rules.plain import condition_of, plain_condition
from likewise_engine.store.base import Correction, Entry, NewEntry, Outcome, RequestRecord, TenantRecord
from likewise_engine.store.predictions import Recorded
from likewise_engine.store.verdicts import NO_CATEGORY
from likewise_engine.testimony import Testimony
from likewise_engine.transaction import Authority, Direction, Transaction

T = TypeVar("T")

Record = Mapping[str, Any]
Numbers = Mapping[tuple[str, str], int]
"""Number of a category by its dimension and id."""

_DIGEST_BYTES_MAX: Final = 64


class WrongRecord(Exception):
    """A record is not what it should be; says which field."""


def encoded(record: Record) -> bytes:
    """A record as a line."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def decoded(line: bytes) -> Record:
    """A line as a record. Raises WrongRecord."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WrongRecord("is no JSON") from error
    if not isinstance(record, dict):
        raise WrongRecord("is no JSON object")
    return record


def of_tenant(record: TenantRecord) -> Record:
    """The record of a tenant."""
    return {
        "id": record.tenant,
        "display_name": record.display_name,
        "target_precision": record.policy.target_precision,
        "closed_chart": record.policy.closed_chart,
        "created": record.created.isoformat(),
        "revision": record.revision,
        "encoder": record.encoder_fingerprint,
        "outcomes_of": record.outcomes_fingerprint,
        "unreplayed_revision": record.unreplayed,
    }


def tenant(record: Record, tenant_id: str) -> TenantRecord:
    """A tenant, under an id of its own. Raises WrongRecord."""
    return TenantRecord(
        tenant=tenant_id,
        display_name=_text(record, "display_name"),
        policy=Policy(float(_typed(record, "target_precision", float)), _typed(record, "closed_chart", bool)),
        created=_time(record, "created"),
        revision=_typed(record, "revision", int),
        encoder_fingerprint=_text(record, "encoder"),
        outcomes_fingerprint=_text(record, "outcomes_of"),
        unreplayed=_typed(record, "unreplayed_revision", int),
    )


def of_category(category: Category, chart: Sequence[Category]) -> Record:
    """The record of a category."""
    return {
        "dimension": category.dimension,
        "id": category.id,
        "name": category.name,
        "description": category.description,
        "active": category.active,
        "merged_into": None if category.merged_into is None else chart[category.merged_into].id,
        "former_ids": list(category.former_ids),
    }


def chart(records: Sequence[Record]) -> list[Category]:
    """The categories of a chart, in the order of their records. Raises WrongRecord."""
    named = [(_text(record, "dimension"), _text(record, "id")) for record in records]
    numbers = {name: number for number, name in enumerate(named)}
    categories = []
    for (dimension, category_id), record in zip(named, records, strict=True):
        into = record.get("merged_into")
        if into is not None and not (isinstance(into, str) and (dimension, into) in numbers):
            raise WrongRecord(f"merged_into: {into!r} is no category of the chart")
        former_ids = _typed(record, "former_ids", list)
        if not all(isinstance(former_id, str) for former_id in former_ids):
            raise WrongRecord("former_ids: are no texts")
        categories.append(
            Category(
                id=category_id,
                dimension=dimension,
                name=_text(record, "name"),
                description=_text(record, "description"),
                active=_typed(record, "active", bool),
                merged_into=None if into is None else numbers[dimension, into],
                former_ids=tuple(former_ids),
            )
        )
    return categories


def of_entry(new: NewEntry) -> Record:
    """The record of an entry. What is not known of its transaction is left out."""
    entry = new.entry
    labels = {
        dimension: {"category": category, "authority": entry.authorities[dimension].name}
        for dimension, category in entry.labels.items()
    }
    return {
        **_of_transaction(entry.transaction),
        "labels": labels,
        "revision": entry.revision,
        "counts_for": date.fromordinal(new.order_day).isoformat() if new.order_day else None,
        "text": new.text,
        "payee_number": new.payee,
    }


def entry(record: Record, numbers: Numbers) -> NewEntry:
    """An entry. Raises WrongRecord."""
    labels, authorities, categories = {}, {}, []
    for dimension, label in _typed(record, "labels", dict).items():
        if not isinstance(label, dict):
            raise WrongRecord(f"labels: that of {dimension!r} is no JSON object")
        labels[dimension] = _text(label, "category")
        authorities[dimension] = _member(Authority, _text(label, "authority"), "authority")
        categories.append((_number(numbers, dimension, labels[dimension]), authorities[dimension]))
    day = _date(record, "counts_for")
    fields = _typed(record, "fields", dict) if "fields" in record else {}
    if not all(isinstance(value, str) for value in fields.values()):
        raise WrongRecord("fields: are no texts")
    transaction = Transaction(
        id=_text(record, "id"),
        date=_date(record, "date"),
        amount=_amount(record),
        currency=_text_or_none(record, "currency"),
        payee=_text_or_none(record, "payee"),
        description=_text_or_none(record, "description"),
        account=_text_or_none(record, "account"),
        direction=_member(Direction, record["direction"], "direction")
        if "direction" in record
        else Direction.UNKNOWN,
        fields=fields,
    )
    return NewEntry(
        entry=Entry(0, transaction, labels, authorities, _typed(record, "revision", int)),
        text=_typed(record, "text", int),
        payee=_typed(record, "payee_number", int),
        order_day=0 if day is None else day.toordinal(),
        categories=sorted(categories),
    )


def of_correction(correction: Correction) -> Record:
    """The record of a correction."""
    return {
        "transaction_id": correction.transaction_id,
        "dimension": correction.dimension,
        "predicted": correction.predicted,
        "label": correction.label,
    }


def correction(record: Record) -> Correction:
    """A correction. Raises WrongRecord."""
    return Correction(
        *(_text(record, name) for name in ("transaction_id", "dimension", "predicted", "label"))
    )


def of_outcome(outcome: Outcome, chart: Sequence[Category]) -> Record:
    """The record of an outcome."""
    predicted = chart[outcome.predicted]
    return {
        "transaction_id": outcome.transaction_id,
        "dimension": predicted.dimension,
        "predicted": predicted.id,
        "probability": outcome.probability,
        "is_filed": outcome.is_filed,
    }


def outcome(record: Record, numbers: Numbers) -> Outcome:
    """An outcome, without a number of its own. Raises WrongRecord."""
    return Outcome(
        id=0,
        transaction_id=_text(record, "transaction_id"),
        predicted=_number(numbers, _text(record, "dimension"), _text(record, "predicted")),
        probability=float(_typed(record, "probability", float)),
        is_filed=_typed(record, "is_filed", bool),
    )


def of_request(request: RequestRecord) -> Record:
    """The record of a request."""
    return {"key": request.request_id, "digest": request.digest.hex(), "outcome": request.outcome}


def request(record: Record) -> RequestRecord:
    """A request with what came of it. Raises WrongRecord."""
    try:
        digest = bytes.fromhex(_text(record, "digest"))
    except ValueError as error:
        raise WrongRecord("digest: is not hexadecimal") from error
    if len(digest) > _DIGEST_BYTES_MAX:
        raise WrongRecord("digest: is too long")
    return RequestRecord(_text(record, "key"), digest, _text(record, "outcome"))


def of_rule(kept: KeptRule, chart: Sequence[Category]) -> Record:
    """The record of a rule."""
    categories = [chart[number] for number in kept.tallies]
    return {
        "id": kept.id,
        "name": kept.name,
        "priority": kept.priority,
        "active": kept.active,
        "conditions": [*map(plain_condition, kept.conditions)],
        "labels": [{"dimension": c.dimension, "category": c.id} for c in categories],
        "created": kept.created.isoformat(),
    }


def rule(record: Record, chart: Sequence[Category]) -> KeptRule:
    """A rule, without a number of its own and without a record. Raises WrongRecord."""
    numbers = {(category.dimension, category.id): number for number, category in enumerate(chart)}
    named = _typed(record, "labels", list)
    if not all(isinstance(label, dict) for label in named):
        raise WrongRecord("labels: are no JSON objects")
    labels = [_number(numbers, _text(label, "dimension"), _text(label, "category")) for label in named]
    try:
        conditions = tuple(map(condition_of, _typed(record, "conditions", list)))
    except ValueError as error:
        raise WrongRecord(f"conditions: one {error}") from error
    return KeptRule(
        number=0,
        id=_text(record, "id"),
        name=_text(record, "name"),
        priority=_typed(record, "priority", int),
        active=_typed(record, "active", bool),
        conditions=conditions,
        created=_time(record, "created"),
        tallies=dict.fromkeys(labels, NO_TALLY),
    )


def of_testimony(testimony: Testimony, chart: Sequence[Category]) -> Record:
    """The record of what a language model said."""
    named, label = (
        None if number is None else chart[number].id for number in (testimony.category, testimony.label)
    )
    return {
        "transaction_id": testimony.transaction_id,
        "text": testimony.text,
        "dimension": testimony.dimension,
        "category": named,
        "expected": testimony.expected,
        "model": testimony.witness,
        "menu": testimony.menu,
        "revision": testimony.revision,
        "label": label,
    }


def testimony(record: Record, numbers: Numbers) -> Testimony:
    """What a language model said, without a number of its own. Raises WrongRecord."""
    dimension = _text(record, "dimension")

    def number(name: str) -> int | None:
        return None if record.get(name) is None else _number(numbers, dimension, _text(record, name))

    return Testimony(
        transaction_id=_text(record, "transaction_id"),
        text=_text(record, "text"),
        dimension=dimension,
        category=number("category"),
        expected=float(_typed(record, "expected", float)),
        witness=_text(record, "model"),
        menu=_text(record, "menu"),
        revision=_typed(record, "revision", int),
        label=number("label"),
    )


def of_audit(record: AuditRecord) -> Record:
    """The record of what somebody did."""
    return {
        "time": record.time.isoformat(),
        "revision": record.revision,
        "actor": record.actor,
        "action": record.action.value,
        "counts": json.loads(record.counts.to_json()),
        "categories": [{"dimension": dimension, "id": id_} for dimension, id_ in record.categories],
    }


def of_tally(tally: Tally, chart: Sequence[Category]) -> Record:
    """The record of what became of a day's answers that are alike."""
    return {
        "day": tally.day.isoformat(),
        "dimension": tally.dimension,
        "decision": tally.decision.name,
        "witness": tally.witness.name,
        "category": None if tally.category == NO_CATEGORY else chart[tally.category].id,
        **asdict(tally.counts),
    }


def tally(record: Record, numbers: Numbers) -> Tally:
    """What became of a day's answers. Raises WrongRecord."""
    dimension = _text(record, "dimension")
    is_named = record.get("category") is not None
    answered, accepted, offered, corrected = (
        _typed(record, name, int) for name in ("answered", "accepted", "offered", "corrected")
    )
    return Tally(
        day=_day(record),
        dimension=dimension,
        decision=_member(Decision, record.get("decision"), "decision"),
        witness=_member(Witness, record.get("witness"), "witness"),
        category=_number(numbers, dimension, _text(record, "category")) if is_named else NO_CATEGORY,
        counts=Counts(answered, accepted, offered, corrected, float(_typed(record, "expected", float))),
    )


def of_bin_count(counted: BinCount) -> Record:
    """The record of a day's questions that fell into one bin."""
    return {**counted._asdict(), "day": counted.day.isoformat()}


def bin_count(record: Record) -> BinCount:
    """A day's questions that fell into one bin. Raises WrongRecord."""
    return BinCount(
        _day(record), _text(record, "measure"), _typed(record, "bin", int), _typed(record, "questions", int)
    )


def of_prediction(recorded: Recorded, chart: Sequence[Category]) -> Record:
    """The record of an answer, for people: what was asked and answered, and what a person said of it."""
    prediction, answer = recorded.prediction, recorded.prediction.answer
    # A category may be newer than the chart, which is that of a snapshot.
    labels = {
        dimension: chart[verdict.label].id
        for dimension, verdict in recorded.verdicts.items()
        if verdict.label < len(chart)
    }
    return {
        "id": prediction.id,
        "time": prediction.time.isoformat(),
        "revision": answer.revision,
        "transaction": _of_transaction(prediction.transaction),
        "answers": [
            {
                "dimension": one.dimension,
                "decision": one.decision.name,
                "witness": one.witness.name,
                "target_precision": one.target_precision,
                "reason": one.reason,
                "candidates": [
                    {"category": c.category, "probability": c.probability} for c in one.candidates
                ],
                "rule": one.rule and one.rule.id,
                "label": labels.get(one.dimension),
            }
            for one in answer.answers
        ],
        "neighbours": [{"id": n.transaction_id, "similarity": n.similarity} for n in answer.neighbours],
        "encoder": answer.encoder_fingerprint,
        "vote": answer.vote_fingerprint,
    }


def _of_transaction(transaction: Transaction) -> Record:
    """A transaction; what is not known of it is left out."""
    known = {
        "date": transaction.date and transaction.date.isoformat(),
        "amount": None if transaction.amount is None else str(transaction.amount),
        "currency": transaction.currency,
        "direction": transaction.direction.name if transaction.direction else "",
        "payee": transaction.payee,
        "description": transaction.description,
        "account": transaction.account,
        "fields": dict(transaction.fields),
    }
    return {"id": transaction.id, **{name: value for name, value in known.items() if value}}


def _day(record: Record) -> date:
    day = _date(record, "day")
    if day is None:
        raise WrongRecord("day: is missing")
    return day


def _typed(record: Record, name: str, kind: type[T]) -> T:
    value = record.get(name)
    # To Python a bool is an int; an int is as good as a float.
    is_right = type(value) is kind or (kind is float and type(value) is int and abs(value) < 2**53)
    if not is_right or (kind is int and not -(2**63) <= value < 2**63):  # type: ignore[operator]
        raise WrongRecord(f"{name}: is missing, or no {kind.__name__}")
    return value  # type: ignore[return-value]


def _text(record: Record, name: str) -> str:
    return _typed(record, name, str)


def _text_or_none(record: Record, name: str) -> str:
    return _text(record, name) if name in record else ""


def _time(record: Record, name: str) -> datetime:
    try:
        return datetime.fromisoformat(_text(record, name)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise WrongRecord(f"{name}: is no time") from error


def _date(record: Record, name: str) -> date | None:
    if record.get(name) is None:
        return None
    try:
        return date.fromisoformat(_text(record, name))
    except ValueError as error:
        raise WrongRecord(f"{name}: is no date") from error


def _amount(record: Record) -> Decimal | None:
    if "amount" not in record:
        return None
    try:
        return Decimal(_text(record, "amount"))
    except InvalidOperation as error:
        raise WrongRecord("amount: is no number") from error


def _member(kind: Any, name: object, field: str) -> Any:
    if not isinstance(name, str) or name not in kind.__members__:
        raise WrongRecord(f"{field}: is none of {', '.join(kind.__members__)}")
    return kind[name]


def _number(numbers: Numbers, dimension: str, category: str) -> int:
    number = numbers.get((dimension, category))
    if number is None:
        raise WrongRecord(f"{category!r} of {dimension!r} is no category of the chart")
    return number
