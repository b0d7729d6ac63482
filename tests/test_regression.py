"""The local regression: against a plain solution, and for what it is there."""

import math
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from engine_world import ENCODER, Books, labelled, open_ledger
from likewise_engine.classify import Question, question_of
from likewise_engine.evidence.features import cosines_of
from likewise_engine.evidence.regression import ROWS_MAX, regression_of
from likewise_engine.ledger.view import View
from likewise_engine.transaction import Transaction


def ask(view: View, transaction: Transaction) -> Question:
    return question_of(view, ENCODER, transaction, ["category"])


def kernel(cosine: float, difference: float, entries: float) -> float:
    """The formula of the module, one pair at a time."""
    difference = 1.0 if math.isnan(difference) else abs(difference)
    amounts = 0.3 + 0.4 * math.exp(-difference) + 0.3 * (difference < 1e-6)
    return math.exp((min(cosine, 1) - 1) / 0.15) * amounts * (0.7 + 0.3 * math.exp(-abs(entries) / 200))


def test_it_is_gaussian_process_regression(tmp_path: Path) -> None:
    books = Books(seed=2, payees=8)
    with open_ledger(tmp_path) as ledger:
        ledger.learn([books.item(f"t{n}") for n in range(40)])
        view = ledger.view
    for _ in range(5):
        around = ask(view, books.transaction()).around
        rows = np.arange(len(around.rows))
        used, influence, explained = regression_of(around, rows, cosines_of(view, around))
        assert np.array_equal(used, rows)
        amount = [math.copysign(math.log1p(abs(a)), a) for a in view.amount[around.rows].tolist()]
        vectors = view.index.matrix[view.text[around.rows]].astype(np.float64)
        among = [
            [
                kernel(
                    float(vectors[i] @ vectors[j]) if not np.array_equal(vectors[i], vectors[j]) else 1.0,
                    amount[i] - amount[j],
                    float(around.rank[i] - around.rank[j]),
                )
                + (0.2 if i == j else 0.0)
                for j in rows.tolist()
            ]
            for i in rows.tolist()
        ]
        near = [
            kernel(similarity, amount[i] - around.log_amount, around.age[i])
            for i, similarity in enumerate(around.similarity.tolist())
        ]
        expected = np.linalg.inv(np.array(among)) @ np.array(near)
        assert influence == pytest.approx(expected, abs=1e-5)
        assert explained == pytest.approx(float(expected @ near), abs=1e-5)
        assert 0 <= explained <= 1


def test_forty_copies_of_one_habit_do_not_shout_down_another(tmp_path: Path) -> None:
    """The same rent forty times, and twice another thing at another amount: asked at the other amount."""
    with open_ledger(tmp_path) as ledger:
        ledger.learn(
            [
                labelled(
                    str(n),
                    amount=Decimal(500 if n % 20 else 70),
                    category="rent" if n % 20 else "repairs",
                    date=date(2025, 1, 1) + timedelta(days=n),
                )
                for n in range(1, 60)
            ]
        )
        asked = Transaction(payee="Corner Bakery", amount=Decimal(75), date=date(2025, 3, 5))
        found = ask(ledger.view, asked).evidence["category"]
        names = [ledger.view.chart.categories[number].id for number in found.candidates.tolist()]
    by_regression = dict(zip(names, found.feature("regression").tolist(), strict=True))
    by_kernel = dict(zip(names, found.share.tolist(), strict=True))
    assert by_kernel["rent"] > by_kernel["repairs"]
    assert by_regression["repairs"] > by_regression["rent"]
    assert found.feature("regression_sum") == pytest.approx(sum(by_regression.values()))


def test_it_looks_at_no_more_rows_than_it_may_and_at_none_if_there_are_none(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        around = ask(ledger.view, Transaction(payee="x")).around
        used, _, explained = regression_of(around, np.arange(0), cosines_of(ledger.view, around))
        assert (len(used), explained) == (0, 0.0)
        for payee in ("Corner Bakery", "Corner Bakehouse"):
            ledger.learn([labelled(f"{payee} {n}", payee=payee, amount=Decimal(n)) for n in range(60)])
        around = ask(ledger.view, Transaction(payee="Corner Bakery", amount=Decimal(7))).around
        used, _, _ = regression_of(around, np.arange(len(around.rows)), cosines_of(ledger.view, around))
        assert len(around.rows) > ROWS_MAX == len(used)
        assert around.log_weight[used].min() >= np.sort(around.log_weight)[-ROWS_MAX]
