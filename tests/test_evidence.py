"""Evidence: worked out by hand for books of a few lines, finite whatever is asked, blind to categories."""

import math
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from engine_world import ALL_NEIGHBOURS, Books, ask, labelled, open_ledger
from likewise_engine.chart import Category
from likewise_engine.evidence import (
    FEATURES,
    TAU,
    WITNESSES,
    Evidence,
    Wording,
    evidence_of,
    surroundings_of,
)
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.view import UNKNOWN
from likewise_engine.text import normalise, text_of
from likewise_engine.transaction import Direction, LabelledTransaction, Transaction

ENTRIES = [
    # id, payee, day of March, amount, category
    ("a", "Corner Bakery", 1, "4.20", "meals"),
    ("b", "Corner Bakery", 2, "4.20", "meals"),
    ("c", "Corner Bakery", 3, "96.00", "catering"),
    ("d", "Harbour Garage", 4, "4.20", "car"),
]


def evidence(ledger: Ledger, asked: Transaction, dimension: str = "category") -> tuple[list[str], Evidence]:
    """The evidence that classify would weigh, with the names of its candidates."""
    view = ledger.view
    text = text_of(asked.payee, asked.description)
    number = view.text_number(text)
    vector = ledger.encoder.encode([text])[0].astype(np.float16).astype(np.float32)
    near = view.index.search(vector, 32, None if number == UNKNOWN else number)
    payee = view.payee_numbers.get(normalise(asked.payee), UNKNOWN)
    wording = Wording(text, normalise(asked.payee), number, payee, vector)
    found = evidence_of(view, surroundings_of(view, asked, wording, near), dimension)
    return [view.chart.categories[candidate].id for candidate in found.candidates.tolist()], found


def feature(found: tuple[list[str], Evidence], name: str) -> dict[str, float]:
    return dict(zip(found[0], found[1].feature(name).tolist(), strict=True))


@pytest.fixture
def found(tmp_path: Path) -> tuple[list[str], Evidence]:
    with open_ledger(tmp_path) as ledger:
        ledger.learn(
            [
                labelled(i, payee=payee, date=date(2025, 3, day), amount=Decimal(amount), category=category)
                for i, payee, day, amount, category in ENTRIES
            ]
        )
        asked = Transaction(payee="CORNER BAKERY", date=date(2025, 3, 5), amount=Decimal("4.20"))
        return evidence(ledger, asked)


def test_shares_are_those_of_the_kernel(found: tuple[list[str], Evidence]) -> None:
    similarity = 1.0 - feature(found, "similarity_gap")["meals"] + feature(found, "similarity_gap")["car"]
    assert similarity < 0.6
    difference = math.log1p(96) - math.log1p(4.2)
    other_amount = 3.3 * (1 - math.exp(-difference / 0.5)) + 1.67
    weight = {
        "meals": math.exp(-0.0003 * 3) + math.exp(-0.0003 * 2),
        "catering": math.exp(-other_amount - 0.0003),
        "car": math.exp((similarity - 1) / TAU),
    }
    total = sum(weight.values())
    share = dict(zip(found[0], found[1].share.tolist(), strict=True))
    assert share == pytest.approx({name: w / total for name, w in weight.items()}, rel=1e-6)
    assert found[1].log_mass == pytest.approx(math.log(total), rel=1e-6)


def test_features_count_what_they_say(found: tuple[list[str], Evidence]) -> None:
    assert feature(found, "share_same_payee") == pytest.approx({"meals": 2 / 3, "catering": 1 / 3, "car": 0})
    assert feature(found, "share_same_amount") == pytest.approx({"meals": 2 / 3, "catering": 0, "car": 1 / 3})
    assert feature(found, "share_of_dimension") == pytest.approx(
        {"meals": 0.5, "catering": 0.25, "car": 0.25}
    )
    assert feature(found, "share_same_payee_rival") == pytest.approx(
        {"meals": 1 / 3, "catering": 2 / 3, "car": 2 / 3}
    )
    fading = {"catering": 1, "meals": 2 / 3 + 4 / 9, "car": 0}
    latest = {name: weight / (1 + 2 / 3 + 4 / 9) for name, weight in fading.items()}
    assert feature(found, "share_same_payee_latest") == pytest.approx(latest)
    assert feature(found, "share_same_text_latest") == pytest.approx(latest)
    assert feature(found, "is_last_of_payee") == {"meals": 0, "catering": 1, "car": 0}
    assert feature(found, "is_last_of_payee_and_amount") == {"meals": 1, "catering": 0, "car": 0}
    assert set(feature(found, "candidates_log").values()) == {math.log(3)}
    assert feature(found, "similarity_best")["catering"] == 1


def test_features_are_finite_whatever_is_asked(tmp_path: Path) -> None:
    books = Books(seed=9, payees=8)
    with open_ledger(tmp_path) as ledger:
        ledger.learn([books.item(f"t{n}") for n in range(300)])
        ledger.learn(
            [labelled("huge", payee="Huge", amount=Decimal(10) ** 12), labelled("zero", amount=Decimal(0))]
        )
        for payee in (*books.payees[:3], "nothing like it", "日本語", "4711"):
            for amount in (None, Decimal(0), Decimal("-0.000000001"), Decimal(-(10**12))):
                for direction in Direction:
                    asked = Transaction(
                        payee=payee, amount=amount, direction=direction, date=date(1900, 1, 1)
                    )
                    for dimension in ("category", "tax", "not there"):
                        names, found = evidence(ledger, asked, dimension)
                        assert found.features.shape == (len(names), len(FEATURES))
                        assert np.isfinite(found.features).all()
                        if names:
                            assert found.share.sum() == pytest.approx(1)


def test_an_inactive_category_gives_no_evidence(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", category="old"), labelled("b", category="new")])
        ledger.update(categories=[Category("old", active=False)])
        names, found = evidence(ledger, Transaction(payee="Corner Bakery"))
        assert (names, found.share.tolist()) == (["new"], [1.0])
        ledger.update(categories=[Category("new", active=False)])
        assert evidence(ledger, Transaction(payee="Corner Bakery"))[0] == []
        assert ask(ledger, "Corner Bakery").answers[0].candidates == ()


def test_answers_do_not_depend_on_what_categories_are_called(tmp_path: Path) -> None:
    """Renamed and numbered in another order: the same evidence and probabilities for what they stand for."""
    books = Books(seed=4, payees=10, undated_share=0.0)
    items = [books.item(f"t{n}") for n in range(200)]
    renamed = {f"c{n}": f"z{(n * 3) % 7} renamed" for n in range(7)}
    others = [
        LabelledTransaction(i.transaction, {d: renamed.get(c, c) for d, c in i.labels.items()}, i.authority)
        for i in items
    ]
    for folder in (tmp_path / "ours", tmp_path / "theirs"):
        folder.mkdir()
    with open_ledger(tmp_path / "ours") as ours, open_ledger(tmp_path / "theirs") as theirs:
        theirs.update(categories=[Category(name) for name in sorted(renamed.values())])
        for ledger, taught in ((ours, items), (theirs, others)):
            ledger.learn(taught)
            assert ledger.train_heads()
        for _ in range(20):
            asked = books.transaction()
            assert_same_evidence(evidence(ours, asked), evidence(theirs, asked), renamed)
            mine, other = (
                ledger.classify(asked, ALL_NEIGHBOURS).answer("category") for ledger in (ours, theirs)
            )
            probabilities = {renamed[c.category]: c.probability for c in mine.candidates}
            assert {c.category: c.probability for c in other.candidates} == pytest.approx(probabilities)
            assert (mine.decision, mine.witness) == (other.decision, other.witness)


def assert_same_evidence(
    ours: tuple[list[str], Evidence], theirs: tuple[list[str], Evidence], renamed: dict[str, str]
) -> None:
    """To the last bit, but for names, which do differ, and heads, which are trained in single precision."""
    for name in set(FEATURES).difference(WITNESSES["names"]):
        mine = {renamed[category]: value for category, value in feature(ours, name).items()}
        exact = name not in WITNESSES["head"]
        assert feature(theirs, name) == (mine if exact else pytest.approx(mine, abs=1e-4)), name


def test_a_share_of_the_dimension_does_not_count_other_dimensions(tmp_path: Path) -> None:
    both = {"category": "meals", "tax": "reduced"}
    asked = Transaction(payee="Corner Bakery")
    with open_ledger(tmp_path) as ledger:
        taught = [Transaction(id=str(number), payee="Corner Bakery") for number in range(4)]
        ledger.learn([LabelledTransaction(transaction, both) for transaction in taught])
        for dimension in both:
            assert feature(evidence(ledger, asked, dimension), "share_of_dimension") == {both[dimension]: 1.0}
