"""Successions: what followed a category in the same payees, worked out by hand."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine_world import labelled, open_ledger
from likewise_engine.classify import question_of
from likewise_engine.evidence import Wording, evidence_of, surroundings_of
from likewise_engine.evidence.categories import SUCCESSION_FEATURES, fill_successions
from likewise_engine.ledger.successions import Successions
from likewise_engine.ledger.view import UNKNOWN
from likewise_engine.text import text_of
from likewise_engine.transaction import Transaction


def of(pairs: list[tuple[int, int]], categories: int = 4) -> Successions:
    """Of labels in order of time, each with whose it is."""
    return Successions.of(
        np.array([label for _, label in pairs], np.int32),
        np.array([whose for whose, _ in pairs], np.int64),
        categories,
    )


def passed_on_by(
    successions: Successions, held: NDArray[np.float64], candidates: NDArray[np.int64]
) -> NDArray[np.float64]:
    """What candidates hold once each has passed on to its successors what they take."""
    features = np.empty((len(SUCCESSION_FEATURES), len(candidates)))
    fill_successions(successions, held, candidates, features)
    passed_on: NDArray[np.float64] = features[SUCCESSION_FEATURES.index("share_passed_on")]
    return passed_on


def test_of_nothing_every_category_is_its_own_successor() -> None:
    for successions in (of([]), of([(7, 0), (8, 1), (9, 2)])):
        assert successions.stay.tolist() == [1, 1, 1, 1]
        assert len(successions.before) == len(successions.after) == len(successions.share) == 0


def test_each_payee_speaks_once_for_a_category_and_the_latest_weighs_most() -> None:
    # Payee 7 goes from 0 to 1; payee 8 stays in 0, and later goes to 2: what counts of it is that it went.
    successions = of([(7, 0), (8, 0), (8, 0), (7, 1), (8, 2)])
    assert successions.before.tolist() == [0, 0]
    assert successions.after.tolist() == [1, 2]
    assert successions.share == pytest.approx([0.8 / 2.8, 1 / 2.8])
    assert successions.stay == pytest.approx([1 / 2.8, 1, 1, 1])


def test_who_stays_speaks_for_staying() -> None:
    successions = of([(7, 0), (7, 1), (8, 0), (8, 0)])
    assert successions.stay[0] == pytest.approx((1 + 1) / 2.8)
    assert successions.share == pytest.approx([0.8 / 2.8])


def test_shares_are_passed_on_to_successors_that_are_candidates() -> None:
    successions = of([(7, 0), (7, 1), (8, 0), (8, 1), (9, 3), (9, 0)])
    given_away = 1.8 / 2.8
    candidates = np.array([0, 1, 3])
    passed_on = passed_on_by(successions, np.array([0.5, 0.1, 0.4]), candidates)
    assert passed_on == pytest.approx([0.5 * (1 - given_away) + 0.2, 0.1 + 0.5 * given_away, 0.2])
    without_the_taker = passed_on_by(successions, np.array([0.6, 0.4]), np.array([0, 3]))
    assert without_the_taker == pytest.approx([0.6 * (1 - given_away) + 0.2, 0.2])


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=60))
def test_what_followed_adds_up(pairs: list[tuple[int, int]]) -> None:
    successions = of(pairs)
    total = successions.stay + np.bincount(successions.before, successions.share, minlength=4)
    assert total == pytest.approx(np.ones(4))
    assert (successions.share > 0).all()
    assert (successions.before != successions.after).all()
    held = np.array([0.1, 0.2, 0.3, 0.4])
    assert passed_on_by(successions, held, np.arange(4)).sum() == pytest.approx(1)


def test_a_payee_is_followed_to_what_others_went_to(tmp_path: Path) -> None:
    first_day = date(2025, 1, 1)
    payees = ("Alder Print", "Birch Foods", "Cedar Tools", "Dogwood Inks", "Elm Office")
    old = [
        labelled(f"o{n}", payee=payee, date=first_day + timedelta(days=n), category="old")
        for n, payee in enumerate(payees)
    ]
    new = [
        labelled(f"n{n}", payee=payee, date=first_day + timedelta(days=10 + n), category="new")
        for n, payee in enumerate(payees[:3])
    ]
    with open_ledger(tmp_path) as ledger:
        ledger.learn([*old, *new])
        view = ledger.view
        numbers = view.chart.numbers
        successions = view.habits("category").successions
        assert successions.before.tolist() == [numbers["category", "old"]]
        assert successions.after.tolist() == [numbers["category", "new"]]
        weight = 1 + 0.8 + 0.64
        assert successions.share == pytest.approx([weight / (weight + 1)])

        question = Transaction(payee="Dogwood Inks", date=first_day + timedelta(days=14))
        evidence = question_of(view, ledger.encoder, question, ["category"]).evidence["category"]
        of_new = evidence.candidates.tolist().index(numbers["category", "new"])
        assert evidence.share[of_new] < 0.1
        assert evidence.feature("share_passed_on")[of_new] > 0.6
        assert evidence.feature("share_passed_on_gap")[of_new] > 0.2


def test_a_successor_is_a_candidate_that_no_row_and_no_name_speaks_for(tmp_path: Path) -> None:
    first_day = date(2025, 1, 1)
    payees = [f"Payee {chr(65 + n) * 5}" for n in range(20)]
    rows = [
        labelled(f"o{n}", payee=payee, date=first_day + timedelta(days=n), category=f"c{n % 10}")
        for n, payee in enumerate(payees)
    ]
    moved = labelled("n", payee=payees[0], date=first_day + timedelta(days=30), category="elsewhere")
    with open_ledger(tmp_path) as ledger:
        ledger.learn([*rows, moved])
        view = ledger.view
        elsewhere = view.chart.numbers["category", "elsewhere"]
        text = text_of(payees[10], "")
        number = view.text_numbers[text]
        # Only the payee's own text is near, and no category's name is.
        wording = Wording(text, text, number, UNKNOWN, np.zeros(ledger.encoder.dimensions, np.float32))
        near = np.array([number]), np.ones(1, np.float32)
        around = surroundings_of(view, Transaction(payee=payees[10]), wording, near)
        assert len(around.rows) == 1
        assert elsewhere in evidence_of(view, around, "category").candidates

        view.category_active[elsewhere] = False
        assert elsewhere not in evidence_of(view, around, "category").candidates
