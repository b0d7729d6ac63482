"""The replay script: its measures on cases worked by hand, and no look-ahead."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

import replay
from likewise_engine.encoder.hashing import HashingEncoder
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import LabelledTransaction, Transaction


def test_coverage_is_the_longest_confident_run_that_is_precise_enough() -> None:
    right = np.array([True, True, False, True, False])
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    assert replay.coverage(right, confidence, 1.0) == pytest.approx(2 / 5)
    assert replay.coverage(right, confidence, 0.75) == pytest.approx(4 / 5)
    assert replay.coverage(right, confidence, 0.99) == pytest.approx(2 / 5)


def test_coverage_does_not_part_rows_of_equal_confidence() -> None:
    right = np.array([True, True, False, False])
    assert replay.coverage(right, np.array([0.9, 0.9, 0.9, 0.1]), 0.95) == 0.0


def test_coverage_counts_no_row_without_an_answer() -> None:
    assert replay.coverage(np.array([True]), np.array([0.0]), 0.95) == 0.0


def test_calibration_error_by_hand() -> None:
    right = np.array([True, False, True, True])
    confidence = np.array([0.95, 0.95, 0.35, 0.35])
    # (.5 of the rows) x |.5 - .95| + (.5) x |1 - .35|
    assert replay.calibration_error(right, confidence) == pytest.approx(0.5 * 0.45 + 0.5 * 0.65)


def item(position: int, day: int, payee: str, label: str) -> LabelledTransaction:
    transaction = Transaction(str(position), date(2026, 1, day), Decimal(5), "EUR", payee)
    return LabelledTransaction(transaction, {"category": label})


def answers(tmp_path: Path, rows: list[LabelledTransaction]) -> list[replay.Answered]:
    with Tenants.open_folder(tmp_path, HashingEncoder()) as tenants:
        tenants.create("t")
        with tenants.use("t") as ledger:
            return [answered for who, answered in replay.replay(ledger, rows) if who == "likewise"]


def test_labels_of_the_same_day_are_not_seen_and_those_of_the_day_before_are(tmp_path: Path) -> None:
    rows = [item(0, 1, "Bakery", "Food"), item(1, 2, "Bakery", "Food")]
    rows += [item(2, 3, "Garage", "Car"), item(3, 3, "Garage", "Car"), item(4, 4, "Garage", "Car")]
    asked = answers(tmp_path, [*rows, item(5, 5, "Garage", "Car")])
    # The halves meet on day 3: its rows are asked before any of them is known.
    assert [a.is_payee_known for a in asked] == [False, True, True]
    assert [a.rank for a in asked] == [-1, 0, 0]
