"""The work of a Classify is bounded whatever the tenant holds: counted, for time depends on the machine.

``bench/classify.py`` times tenants like these beside an ordinary one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice, product
from pathlib import Path

import pytest

from engine_world import ENCODER, labelled, open_ledger
from likewise_engine import limits
from likewise_engine.answers import ClassifyOptions
from likewise_engine.chart import Category
from likewise_engine.classify import Question, question_of
from likewise_engine.evidence.candidates import HEAD_CANDIDATES_MAX, NAMED_CANDIDATES_MAX, SUCCESSOR_SHARE_MIN
from likewise_engine.evidence.features import cosines_of
from likewise_engine.evidence.regression import ROWS_MAX, regression_of
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.transaction import LabelledTransaction, Transaction

SUCCESSORS_MAX = int(1 / SUCCESSOR_SHARE_MIN)
CANDIDATES_MAX = limits.RETRIEVED_ENTRIES_MAX + NAMED_CANDIDATES_MAX + HEAD_CANDIDATES_MAX + SUCCESSORS_MAX
HASHED_MAX = 4 * limits.TEXT_CHARS_MAX
"""Of each character at most one n-gram of each length from 2 to 4, and less than a word."""


@dataclass(frozen=True)
class Tenant:
    """What a tenant was taught, what it is asked, and how many rows of evidence that has."""

    rows: Sequence[LabelledTransaction]
    asked: Transaction
    evidence_rows: int
    categories: Sequence[Category] = ()
    has_heads: bool = False


def row(number: int, payee: str, category: str, description: str = "") -> LabelledTransaction:
    return labelled(
        f"t{number}",
        payee,
        category,
        description=description,
        date=date(2025, 1, 1) + timedelta(days=number // 10),
        amount=Decimal(-100 - number) / 100,
    )


def categories_of_one_text() -> Tenant:
    rows = [row(n, "Same Payee", f"c{n}") for n in range(2_000)]
    return Tenant(rows, Transaction(payee="Same Payee"), limits.RETRIEVED_ENTRIES_PER_TEXT_MAX)


def rows_of_one_text() -> Tenant:
    rows = [row(n, "Same Payee", f"c{n % 2}") for n in range(5_000)]
    return Tenant(rows, Transaction(payee="Same Payee"), limits.RETRIEVED_ENTRIES_PER_TEXT_MAX)


def names_nearly_alike() -> Tenant:
    words = ["".join(letters) for letters in islice(product("abcdefghijklm", repeat=3), 2_000)]
    categories = [Category(f"c{n}", name=f"Consulting services {word}") for n, word in enumerate(words)]
    rows = [row(n, f"Consulting services {word}", f"c{n}") for n, word in enumerate(words)]
    asked = Transaction(payee="Consulting services")
    return Tenant(rows, asked, limits.RETRIEVED_TEXTS_MAX, categories)


def near_texts_of_own_categories() -> Tenant:
    words = [f"{first}{second}" for first in "abcdef" for second in "ghijkl"]
    rows = [row(n, f"Consulting {words[n % 36]}", f"c{n}") for n in range(36 * 10)]
    return Tenant(rows, Transaction(payee="Consulting"), limits.RETRIEVED_ENTRIES_MAX, has_heads=True)


def longest_texts() -> Tenant:
    words = [f"{first}{second}" for first in "abcdefghij" for second in "klmnopqrst"]
    wording = " ".join(words * 9)
    payee, description = wording[: limits.PAYEE_CHARS_MAX], wording[: limits.DESCRIPTION_CHARS_MAX]
    rows = [row(n, f"{word}{payee}"[: len(payee)], f"c{n}", description) for n, word in enumerate(words)]
    return Tenant(rows, rows[7].transaction, limits.RETRIEVED_TEXTS_MAX, has_heads=True)


def wide_characters() -> Tenant:
    """One that normalises to eighteen others, as often as may be."""
    payee = "\ufdfa" * limits.PAYEE_CHARS_MAX
    rows = [row(n, payee, f"c{n}") for n in range(100)]
    return Tenant(rows, Transaction(payee=payee), limits.RETRIEVED_ENTRIES_PER_TEXT_MAX)


@pytest.mark.parametrize(
    "tenant_of",
    [
        categories_of_one_text,
        rows_of_one_text,
        names_nearly_alike,
        near_texts_of_own_categories,
        longest_texts,
        wide_characters,
    ],
)
def test_no_tenant_makes_more_work(tenant_of: Callable[[], Tenant], tmp_path: Path) -> None:
    tenant = tenant_of()
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch(tenant.rows)
        if tenant.categories:
            ledger.update(categories=tenant.categories)
        if tenant.has_heads:
            assert ledger.train_heads()
        for asked in (tenant.asked, Transaction(payee="Wholly Unheard-of"), tenant.rows[0].transaction):
            assert_bounded(ledger, asked)
        evidence = question(ledger, tenant.asked).evidence["category"]
        assert len(evidence.rows) == tenant.evidence_rows


def question(ledger: Ledger, asked: Transaction) -> Question:
    return question_of(ledger.view, ENCODER, asked, ["category"])


def assert_bounded(ledger: Ledger, asked: Transaction) -> None:
    found = question(ledger, asked)
    evidence = found.evidence["category"]
    assert len(found.text) <= limits.TEXT_CHARS_MAX
    assert len(found.around.hashed.buckets) <= HASHED_MAX
    assert len(found.around.texts) <= limits.RETRIEVED_TEXTS_MAX
    assert len(evidence.rows) <= len(found.around.rows) <= limits.RETRIEVED_ENTRIES_MAX
    assert len(evidence.candidates) <= CANDIDATES_MAX
    cosines = cosines_of(ledger.view, found.around)
    assert len(regression_of(found.around, evidence.rows, cosines)[0]) <= ROWS_MAX
    shown = ledger.classify(
        asked,
        ClassifyOptions(candidates_max=limits.CANDIDATES_MAX, neighbours_max=limits.NEIGHBOURS_MAX),
    )
    assert len(shown.answer("category").candidates) <= limits.CANDIDATES_MAX
    assert len(shown.neighbours) <= limits.NEIGHBOURS_MAX
