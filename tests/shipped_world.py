"""What the tests of the shipped models share: tenants that are taught through the public road, and what is
sane in any answer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

from engine_world import essence, labelled
from likewise_engine import limits
from likewise_engine.answers import Classification, ClassifyOptions, Decision, DimensionAnswer, Witness
from likewise_engine.chart import Category, Policy
from likewise_engine.decision import SUGGEST_PROBABILITY_MIN, file_threshold
from likewise_engine.encoder import Encoder, load_encoder
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_engine.vote import Vote, load_vote

FIRST_DAY = date(2025, 1, 1)
ALL_SHOWN = ClassifyOptions(neighbours_max=limits.NEIGHBOURS_MAX, candidates_max=limits.CANDIDATES_MAX)
ROUNDING = 1e-9

PAYEES = tuple(
    f"{name} {trade}"
    for name in ("Corner", "Harbour", "Maple", "Silver", "Castle")
    for trade in ("Bakery", "Garage", "Power", "Taxi", "Hotel", "Print", "Books", "Water")
)
"""Forty."""


@cache
def shipped_models() -> tuple[Encoder, Vote]:
    """The encoder and the vote that serve."""
    return load_encoder(), load_vote()


def day(number: int) -> date:
    """A day of the books, from 0."""
    return FIRST_DAY + timedelta(days=number)


def row(number: int | str, payee: str, category: str, **fields: Any) -> LabelledTransaction:
    """A labelled transaction; the amount in any form that a decimal can be made of."""
    return labelled(f"r{number}", payee, category, **_with_decimal(fields))


@contextmanager
def tenant_of(
    folder: Path,
    rows: Sequence[LabelledTransaction] = (),
    categories: Sequence[Category] = (),
    policy: Policy | None = None,
) -> Iterator[Ledger]:
    """A tenant that answers by the shipped models, with rows taught in bulk and all that is due made."""
    encoder, vote = shipped_models()
    with Tenants.open_folder(folder, encoder, vote=vote) as tenants:
        tenants.create("acme", policy=policy, categories=categories)
        with tenants.use("acme") as ledger:
            for start in range(0, len(rows), limits.BATCH_ITEMS_MAX):
                outcome = ledger.import_batch(rows[start : start + limits.BATCH_ITEMS_MAX])
                assert not outcome.rejections
        tenants.settle()
        with tenants.use("acme") as ledger:
            yield ledger


def asked(ledger: Ledger, payee: str, options: ClassifyOptions = ALL_SHOWN, **fields: Any) -> DimensionAnswer:
    """What the ledger answers in the dimension ``category``; that it is sane is asserted."""
    transaction = Transaction(payee=payee, **_with_decimal(fields))
    answer = ledger.classify(transaction, options)
    assert_sane(ledger, answer)
    assert essence(ledger.classify(transaction, options)) == essence(answer)
    assert_shown_alike(answer, ledger.classify(transaction, replace(options, candidates_max=1)))
    return answer.answer("category")


def assert_sane(ledger: Ledger, answer: Classification) -> None:
    """What holds of any answer, whatever was taught."""
    for dimension in answer.answers:
        probabilities = [candidate.probability for candidate in dimension.candidates]
        assert all(isfinite(p) and 0 <= p <= 1 for p in probabilities)
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) <= 1 + ROUNDING
        assert (dimension.witness is Witness.NONE) == (not probabilities)
        assert dimension.reason.endswith(".")
        _assert_of_chart(ledger, dimension)
        _assert_decided(ledger, dimension, probabilities)
    assert all(0 <= neighbour.weight <= 1 + ROUNDING for neighbour in answer.neighbours)
    assert all(isfinite(neighbour.similarity) for neighbour in answer.neighbours)


def assert_shown_alike(answer: Classification, cut: Classification) -> None:
    """How many candidates are shown changes nothing of what is decided."""
    for full, short in zip(answer.answers, cut.answers, strict=True):
        assert short == replace(full, candidates=full.candidates[:1])


def _assert_of_chart(ledger: Ledger, answer: DimensionAnswer) -> None:
    chart = ledger.view.chart
    numbers = [chart.numbers[answer.dimension, candidate.category] for candidate in answer.candidates]
    assert len(set(numbers)) == len(numbers)
    assert all(chart.categories[number].active for number in numbers)


def _assert_decided(ledger: Ledger, answer: DimensionAnswer, probabilities: Sequence[float]) -> None:
    """The decision follows from the probabilities and the threshold; nothing is filed below it."""
    first, second = (*probabilities, 0.0, 0.0)[:2]
    threshold = file_threshold(answer.target_precision, ledger.view.calibrations[answer.dimension])
    is_ambiguous = "both ways" in answer.reason
    if answer.decision is Decision.FILE:
        assert first >= threshold >= 0.5
        assert first > second
        assert not is_ambiguous
    elif answer.decision is Decision.SUGGEST:
        assert len(probabilities) >= 1
        assert is_ambiguous or SUGGEST_PROBABILITY_MIN <= first < threshold
    else:
        assert first < SUGGEST_PROBABILITY_MIN


def _with_decimal(fields: dict[str, Any]) -> dict[str, Any]:
    amount = fields.get("amount")
    return fields if amount is None else {**fields, "amount": Decimal(amount)}
