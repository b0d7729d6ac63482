"""Predictions as bytes: what the store keeps of them, and what a portable export carries.

A record is deflated: the length of a JSON text in four bytes, the text, and then the arrays of each basis in
turn: features (a feature after the other, as the evidence has them), shares, candidates and their labels.
Numbers are whole: float64 as they were computed with, for a replay is to agree in the last bit. JSON carries
a float64 by the shortest decimal that reads back as it. On real books a record takes 2 to 3 KB, two thirds of
it features; as float32 they would take half of that, and decide some questions otherwise.
"""

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.answers import (
    Candidate,
    Classification,
    ClassifyOptions,
    DecidingRule,
    Decision,
    DimensionAnswer,
    Neighbour,
    TimeSpent,
    Witness,
)
from likewise_engine.calibration import Calibration
from likewise_engine.evidence import Evidence
from likewise_engine.feedback.prediction import Basis, Hearing, Prediction
from likewise_engine.rules.kept import Tally
from likewise_engine.rules.rulebook import Ruling
from likewise_engine.testimony import Opinion, Record
from likewise_engine.transaction import Direction, Transaction

_LENGTH: Final = struct.Struct("<I")
_LEVEL: Final = 1
"""6 saves 3 % and takes twice as long."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_WRONG: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, zlib.error)
"""What reading raises of bytes that nobody here wrote."""


def encoded(prediction: Prediction) -> bytes:
    """A prediction without its id."""
    told = {
        "time_us": (prediction.time - _EPOCH) // _MICROSECOND,
        "transaction": _transaction_json(prediction.transaction),
        "options": _options_json(prediction.options),
        "answer": _answer_json(prediction.answer),
        "bases": [_basis_json(basis) for basis in prediction.bases],
    }
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    parts = [_LENGTH.pack(len(text)), text]
    for basis in prediction.bases:
        evidence = basis.evidence
        parts += [
            np.ascontiguousarray(evidence.features.T, dtype="<f8").tobytes(),
            np.ascontiguousarray(evidence.share, dtype="<f8").tobytes(),
            np.ascontiguousarray(evidence.candidates, dtype="<i8").tobytes(),
            np.ascontiguousarray(basis.labels, dtype="<i8").tobytes(),
        ]
    return zlib.compress(b"".join(parts), _LEVEL)


def decoded_prediction(prediction_id: str, record: bytes) -> Prediction:
    """The prediction that :func:`encoded` gave.

    Raises:
        ValueError: it is none. Without words of what it holds.
    """
    try:
        return _decoded(prediction_id, record)
    except _WRONG as error:
        raise ValueError(f"is no record of a prediction ({type(error).__name__})") from error


def _decoded(prediction_id: str, record: bytes) -> Prediction:
    inflater = zlib.decompressobj()
    content = inflater.decompress(record, limits.PREDICTION_BYTES_MAX)
    if not inflater.eof:
        raise ValueError("it is cut short, or larger than any is")
    (length,) = _LENGTH.unpack_from(content)
    arrays = _LENGTH.size + length
    told = json.loads(content[_LENGTH.size : arrays])
    bases = []
    for basis in told["bases"]:
        count, features = basis["shape"]
        read = _Arrays(content, arrays, count)
        bases.append(_basis(basis, read, features))
        arrays = read.offset
    if arrays != len(content):
        raise ValueError("there is more than belongs to it")
    return Prediction(
        prediction_id,
        _EPOCH + told["time_us"] * _MICROSECOND,
        _transaction(told["transaction"]),
        _options(told["options"]),
        _answer(told["answer"]),
        bases,
    )


class _Arrays:
    """Reads the arrays of one basis, with c candidates."""

    def __init__(self, content: bytes, offset: int, count: int) -> None:
        self._content, self.offset, self._count = content, offset, count

    def take(self, kind: str, rows: int = 1) -> NDArray[Any]:
        """The next array, ``(rows, c)``. Raises ValueError."""
        values = np.frombuffer(self._content, kind, rows * self._count, self.offset)
        self.offset += values.nbytes
        return values.reshape(rows, self._count)


def _basis_json(basis: Basis) -> Mapping[str, Any]:
    evidence, calibration = basis.evidence, basis.calibration
    return {
        "dimension": basis.dimension,
        "shape": evidence.features.shape,
        "log_mass": float(evidence.log_mass),
        "names": [(number, *named) for number, named in basis.names.items()],
        "rival": basis.rival,
        "witness": int(basis.witness),
        "target_precision": basis.target_precision,
        "candidates_max": basis.candidates_max,
        "calibration": [
            calibration.outcomes,
            calibration.filed,
            calibration.filed_wrong,
            float(calibration.excess_sigmas),
            float(calibration.slope),
            float(calibration.intercept),
            calibration.reached.tolist(),
            calibration.error_rate.tolist(),
        ],
        **({} if basis.hearing is None else {"hearing": _hearing_json(basis.hearing)}),
        **({} if basis.ruling is None else {"ruling": _ruling_json(basis.ruling)}),
    }


def _basis(told: Mapping[str, Any], arrays: _Arrays, features_count: int) -> Basis:
    features = arrays.take("<f8", features_count).T
    (share,), (candidates,), (labels,) = (arrays.take(kind) for kind in ("<f8", "<i8", "<i8"))
    if not (np.isfinite(features).all() and (np.diff(candidates) > 0).all()):
        raise ValueError("its evidence cannot be")
    if len(candidates) and not 0 <= candidates[0] <= candidates[-1] < limits.CATEGORIES_MAX:
        raise ValueError("its candidates cannot be")
    nobody = np.empty(0, dtype=np.int64)
    return Basis(
        told["dimension"],
        Evidence(candidates, features, share, told["log_mass"], nobody, nobody),
        labels,
        {number: (id_, title) for number, id_, title in told["names"]},
        told["rival"],
        Witness(told["witness"]),
        _calibration(*told["calibration"]),
        told["target_precision"],
        told["candidates_max"],
        _hearing(*told["hearing"]) if "hearing" in told else None,
        _ruling(*told["ruling"]) if "ruling" in told else None,
    )


def _ruling_json(ruling: Ruling) -> Sequence[Any]:
    rule, label, category, rule_id, rule_name, tally = ruling
    return [rule, label, category, rule_id, rule_name, tally.decided, tally.right]


def _ruling(
    rule: int, label: int, category: int, rule_id: str, rule_name: str, decided: int, right: int
) -> Ruling:
    if not (0 <= category < limits.CATEGORIES_MAX and 0 <= right <= decided):
        raise ValueError("what a rule said cannot be")
    return Ruling(rule, label, category, rule_id, rule_name, Tally(decided, right))


def _hearing_json(hearing: Hearing) -> Sequence[Any]:
    opinion, record = hearing.opinion, hearing.opinion.record
    counts = (record.right, record.wrong, record.open)
    weighed = (float(record.slope), float(record.intercept))
    return [opinion.category, opinion.categories, *counts, *weighed, hearing.labels]


def _hearing(
    category: int,
    categories: int,
    right: int,
    wrong: int,
    still_open: int,
    slope: float,
    intercept: float,
    labels: int,
) -> Hearing:
    if not 0 <= category < limits.CATEGORIES_MAX:
        raise ValueError("what a language model named cannot be")
    record = Record(right, wrong, still_open, slope, intercept)
    return Hearing(Opinion(category, record, categories), labels)


def _calibration(
    outcomes: int,
    filed: int,
    filed_wrong: int,
    excess_sigmas: float,
    slope: float,
    intercept: float,
    reached: Sequence[float],
    error_rate: Sequence[float],
) -> Calibration:
    return Calibration(
        outcomes,
        filed,
        filed_wrong,
        excess_sigmas,
        slope,
        intercept,
        np.array(reached, dtype=np.float64),
        np.array(error_rate, dtype=np.float64),
    )


def _transaction_json(transaction: Transaction) -> Mapping[str, Any]:
    amount, day = transaction.amount, transaction.date
    return {
        "id": transaction.id,
        "date": None if day is None else day.isoformat(),
        "amount": None if amount is None else str(amount),
        "currency": transaction.currency,
        "payee": transaction.payee,
        "description": transaction.description,
        "account": transaction.account,
        "direction": int(transaction.direction),
        "fields": dict(transaction.fields),
    }


def _transaction(told: Mapping[str, Any]) -> Transaction:
    transaction = Transaction(
        id=told["id"],
        date=_day(told["date"]),
        amount=_amount(told["amount"]),
        currency=told["currency"],
        payee=told["payee"],
        description=told["description"],
        account=told["account"],
        direction=Direction(told["direction"]),
        fields=told["fields"],
    )
    if any(True for _ in transaction.violations()):
        raise ValueError("its transaction cannot be")
    return transaction


def _options_json(options: ClassifyOptions) -> Sequence[Any]:
    return [
        options.target_precision,
        options.min_revision,
        options.dimensions,
        options.candidates_max,
        options.neighbours_max,
    ]


def _options(told: Sequence[Any]) -> ClassifyOptions:
    target_precision, min_revision, dimensions, candidates_max, neighbours_max = told
    return ClassifyOptions(target_precision, min_revision, tuple(dimensions), candidates_max, neighbours_max)


def _answer_json(answer: Classification) -> Mapping[str, Any]:
    times = answer.time_spent
    return {
        "answers": [_of_dimension_json(one) for one in answer.answers],
        "neighbours": [_neighbour_json(neighbour) for neighbour in answer.neighbours],
        "encoder": answer.encoder_fingerprint,
        "vote": answer.vote_fingerprint,
        "revision": answer.revision,
        "text": answer.text,
        "spent_ns": [times.encode_ns, times.search_ns, times.vote_ns],
    }


def _answer(told: Mapping[str, Any]) -> Classification:
    return Classification(
        tuple(_of_dimension(one) for one in told["answers"]),
        tuple(_neighbour(neighbour) for neighbour in told["neighbours"]),
        told["encoder"],
        told["vote"],
        told["revision"],
        told["text"],
        TimeSpent(*told["spent_ns"]),
    )


def _of_dimension_json(answer: DimensionAnswer) -> Mapping[str, Any]:
    return {
        "dimension": answer.dimension,
        "decision": int(answer.decision),
        "candidates": [(c.category, c.category_name, c.probability) for c in answer.candidates],
        "witness": int(answer.witness),
        "target_precision": answer.target_precision,
        "reason": answer.reason,
        **({} if answer.rule is None else {"rule": [answer.rule.id, answer.rule.name]}),
    }


def _of_dimension(told: Mapping[str, Any]) -> DimensionAnswer:
    return DimensionAnswer(
        told["dimension"],
        Decision(told["decision"]),
        tuple(Candidate(*candidate) for candidate in told["candidates"]),
        Witness(told["witness"]),
        told["target_precision"],
        told["reason"],
        DecidingRule(*told["rule"]) if "rule" in told else None,
    )


def _neighbour_json(neighbour: Neighbour) -> Sequence[Any]:
    return [
        neighbour.transaction_id,
        None if neighbour.date is None else neighbour.date.isoformat(),
        None if neighbour.amount is None else str(neighbour.amount),
        neighbour.currency,
        neighbour.text,
        dict(neighbour.labels),
        neighbour.similarity,
        neighbour.weight,
    ]


def _neighbour(told: Sequence[Any]) -> Neighbour:
    transaction_id, day, amount, *rest = told
    return Neighbour(transaction_id, _day(day), _amount(amount), *rest)


def _day(told: str | None) -> date | None:
    return None if told is None else date.fromisoformat(told)


def _amount(told: str | None) -> Decimal | None:
    return None if told is None else Decimal(told)
