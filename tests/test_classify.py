"""Classify: what an answer carries, in every situation that a caller can meet."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine_world import ENCODER, ask, labelled, open_ledger
from likewise_engine import limits
from likewise_engine.answers import Classification, ClassifyOptions, Decision, Witness
from likewise_engine.chart import Category
from likewise_engine.errors import InvalidInput, UnknownDimension
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.transaction import Direction, LabelledTransaction, Transaction

# Past entries, one per line: payee, amount, category. Then what is asked: payee, amount -> category, witness.
TAUGHT = [
    ("Corner Bakery", "4.20", "meals"),
    ("Corner Bakery", "4.20", "meals"),
    ("Corner Bakery", "96.00", "catering"),
    ("Harbour Garage", "300.00", "car"),
    ("Harbour Garage", "25.00", "parking"),
    ("Northern Power Ltd", "80.00", "energy"),
]
ASKED = [
    ("CORNER BAKERY 4711", "4.20", "meals", Witness.SAME_TEXT_AND_AMOUNT),
    ("CORNER BAKERY 4711", "96.00", "catering", Witness.SAME_TEXT_AND_AMOUNT),
    ("Corner Bakery", "90.00", "catering", Witness.SAME_TEXT),
    ("Harbour Garage", "290.00", "car", Witness.SAME_TEXT),
    ("Harbour Garage", "25.00", "parking", Witness.SAME_TEXT_AND_AMOUNT),
    ("Northern Power", "81.00", "energy", Witness.SIMILAR_TEXT),
]


def taught() -> list[LabelledTransaction]:
    return [
        labelled(f"t{n}", payee=payee, amount=Decimal(amount), category=category, date=date(2025, 1, 1 + n))
        for n, (payee, amount, category) in enumerate(TAUGHT)
    ]


@pytest.mark.parametrize(("payee", "amount", "category", "witness"), ASKED)
def test_the_books_answer(payee: str, amount: str, category: str, witness: Witness, tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn(taught())
        answer = ask(ledger, payee, amount=Decimal(amount)).answer("category")
        assert (answer.candidates[0].category, answer.witness) == (category, witness)
        assert category in answer.reason


def test_the_same_payee_worded_differently_is_its_own_witness(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", payee="Corner Bakery", description="rye bread and rolls")])
        answer = ask(ledger, "Corner Bakery", description="birthday cake").answer("category")
        assert answer.witness is Witness.SAME_PAYEE


def test_two_without_a_payee_are_not_the_same_payee(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", payee="", description="rye bread and rolls")])
        answer = ask(ledger, "", description="rye bread and buns").answer("category")
        assert answer.witness is Witness.SIMILAR_TEXT


def test_whoever_was_taught_nothing_asks(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        result = ask(ledger, "Corner Bakery")
        (answer,) = result.answers
        assert (answer.dimension, answer.decision, answer.candidates) == ("category", Decision.ASK, ())
        assert (answer.witness, result.neighbours, result.revision) == (Witness.NONE, (), 0)
        ledger.update(categories=[Category("food"), Category("t1", "tax")])
        assert [a.decision for a in ask(ledger, "Corner Bakery").answers] == [Decision.ASK, Decision.ASK]


def test_a_caller_chooses_dimensions_candidates_and_neighbours(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled(f"t{n}", labels={"category": f"c{n}", "tax": f"v{n % 2}"}) for n in range(90)])
        result = options(ledger, dimensions=("tax",), candidates_max=1, neighbours_max=3)
        assert [(a.dimension, len(a.candidates)) for a in result.answers] == [("tax", 1)]
        assert len(result.neighbours) == 3
        assert result.neighbours[0].labels.keys() == {"category", "tax"}
        assert options(ledger, neighbours_max=0).neighbours == ()
        many = options(ledger, candidates_max=50, neighbours_max=64)
        assert (len(many.answer("category").candidates), len(many.neighbours)) == (50, 64)
        with pytest.raises(UnknownDimension, match=r"dimensions\[1\]"):
            options(ledger, dimensions=("tax", "nope"))
        with pytest.raises(KeyError):
            result.answer("category")


def options(ledger: Ledger, **chosen: Any) -> Classification:
    return ledger.classify(Transaction(payee="Corner Bakery"), ClassifyOptions(**chosen))


def test_a_target_precision_decides_what_is_filed(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled(f"t{n}", category="food" if n else "fun") for n in range(8)])
        for target, decision in ((0.5, Decision.FILE), (0.999, Decision.SUGGEST)):
            answer = options(ledger, target_precision=target).answers[0]
            assert (answer.decision, answer.target_precision) == (decision, target)


def test_probabilities_are_ranked_and_never_more_than_one(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn(taught())
        for payee in ("Corner Bakery", "Harbour", "Something else", "日本語", "#", "4711"):
            for amount in (None, Decimal("4.20"), Decimal(0), Decimal("-1e12"), Decimal("0.000000001")):
                for answer in ask(ledger, payee, amount=amount).answers:
                    values = [candidate.probability for candidate in answer.candidates]
                    assert values == sorted(values, reverse=True)
                    assert all(0 <= value <= 1 for value in values)
                    assert sum(values) <= 1 + 1e-9


def test_a_neighbour_shows_the_entry_as_it_was_taught(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn(
            [
                labelled("full", amount=Decimal("-1234.50"), currency="JPY", date=date(2024, 2, 29)),
                labelled("bare", payee="Corner Bakery", description="bare"),
            ]
        )
        full, bare = ask(
            ledger, "Corner Bakery", amount=Decimal("-1234.50"), date=date(2024, 3, 1)
        ).neighbours
        assert (full.transaction_id, full.amount, full.currency) == ("full", Decimal("-1234.50"), "JPY")
        assert (full.date, full.text, full.labels) == (
            date(2024, 2, 29),
            "corner bakery",
            {"category": "food"},
        )
        assert full.similarity == 1.0
        assert (bare.date, bare.amount, bare.currency, bare.text) == (None, None, "", "corner bakery | bare")
        assert full.weight + bare.weight == pytest.approx(1)


def test_an_answer_names_its_models_its_revision_and_its_time(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn(taught())
        result = ask(ledger, "Corner BAKERY 99")
        assert (result.encoder_fingerprint, result.revision) == (ENCODER.fingerprint, 1)
        assert result.vote_fingerprint
        assert result.text == "corner bakery 99"
        assert min(result.time_spent.encode_ns, result.time_spent.search_ns, result.time_spent.vote_ns) > 0


@pytest.mark.parametrize(
    "transaction",
    [
        Transaction(),
        Transaction(payee="\x00"),
        Transaction(payee="p" * (limits.PAYEE_CHARS_MAX + 1)),
        Transaction(payee="x", amount=Decimal("NaN")),
        Transaction(payee="x", amount=Decimal(10) ** 13),
        Transaction(payee="x", date=date(1, 1, 1)),
    ],
)
def test_what_cannot_be_asked_is_refused(transaction: Transaction, tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn(taught())
        with pytest.raises(InvalidInput):
            ledger.classify(transaction, ClassifyOptions())


class CountingEncoder:
    """The encoder of the tests, with a count of what it was asked."""

    fingerprint = ENCODER.fingerprint
    dimensions = ENCODER.dimensions

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Any:
        self.asked += texts
        return ENCODER.encode(texts)


def test_a_known_text_is_not_encoded_again(tmp_path: Path) -> None:
    encoder = CountingEncoder()
    with open_ledger(tmp_path, encoder) as ledger:
        ledger.learn(taught())
        texts = ["corner bakery", "harbour garage", "northern power ltd"]
        assert [text for text in encoder.asked if text in texts] == texts
        encoder.asked.clear()
        ledger.learn([labelled("again", category="meals")])
        ask(ledger, "CORNER  BAKERY")
        assert encoder.asked == []
        ask(ledger, "Corner Cafe")
        assert encoder.asked == ["corner cafe"]


@pytest.mark.parametrize(
    ("direction", "amount", "kept"), [(Direction.OUT, "-5", Direction.OUT), (Direction.IN, "5", Direction.IN)]
)
def test_a_direction_is_kept(direction: Direction, amount: str, kept: Direction, tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", direction=direction, amount=Decimal(amount))])
        assert ledger.entry("a").transaction.direction is kept
        assert ask(ledger, "Corner Bakery", direction=direction).neighbours
