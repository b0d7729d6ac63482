"""The first days: a chart and no labels, then a few; names suggest, and nothing is FILEd on them."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from engine_world import labelled
from likewise_engine.answers import Classification, ClassifyOptions, Decision, Witness
from likewise_engine.chart import Category
from likewise_engine.encoder import load_encoder
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import Transaction
from likewise_engine.vote import load_vote

CHART = {
    "4100": ("Insurance", "Premiums for liability, buildings and contents"),
    "4200": ("Telephone and internet", "Landline, mobile and broadband"),
    "4300": ("Training", "Courses and conferences for staff"),
    "4400": ("Vehicle hire", ""),
    "4500": ("Stationery", "Paper, pens and printing"),
    "4600": ("Legal fees", "Solicitors"),
    "4700": ("Electricity", ""),
}
ASKED = {
    "Zurich Insurance": "4100",
    "Northern Training Academy": "4300",
    "Enterprise Vehicle Hire": "4400",
    "Ryman Stationery": "4500",
    "Northern Electricity plc": "4700",
}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Tenants.open_folder(tmp_path, load_encoder(), vote=load_vote(None)) as tenants:
        chart = [Category(id=i, name=name, description=told) for i, (name, told) in CHART.items()]
        tenants.create("new", categories=chart)
        with tenants.use("new") as new:
            yield new


def answers(ledger: Ledger, asked: Mapping[str, str]) -> dict[str, Classification]:
    options = ClassifyOptions(candidates_max=50)
    return {payee: ledger.classify(Transaction(payee=payee, amount=Decimal(80)), options) for payee in asked}


def test_a_chart_without_labels_suggests_by_name_and_files_nothing(ledger: Ledger) -> None:
    for payee, answer in answers(ledger, ASKED).items():
        judged = answer.answer("category")
        assert judged.candidates[0].category == ASKED[payee]
        assert judged.decision is Decision.SUGGEST
        assert judged.witness is Witness.CATEGORY_NAME
        assert judged.reason.startswith(f"No entry, only the name, speaks for {CHART[ASKED[payee]][0]!r}")
        assert answer.neighbours == ()


def test_what_is_like_no_name_is_asked(ledger: Ledger) -> None:
    judged = answers(ledger, {"Qwxz 77": ""})["Qwxz 77"].answer("category")
    assert judged.decision is Decision.ASK


def test_an_inactive_category_is_not_suggested_by_its_name(ledger: Ledger) -> None:
    ledger.update(categories=[Category("4100", name="Insurance", active=False)])
    judged = answers(ledger, ASKED)["Zurich Insurance"].answer("category")
    assert "4100" not in {candidate.category for candidate in judged.candidates}


def test_a_renamed_category_is_found_by_its_new_name(ledger: Ledger) -> None:
    ledger.update(categories=[Category("4600", name="Padel courts", description="")])
    judged = answers(ledger, {"City Padel courts": ""})["City Padel courts"].answer("category")
    assert judged.candidates[0].category == "4600"


def test_the_first_label_outdoes_every_name(ledger: Ledger) -> None:
    ledger.learn([labelled("1", payee="Zurich Insurance", category="4600", amount=Decimal(80))])
    judged = answers(ledger, ASKED)["Zurich Insurance"].answer("category")
    assert judged.candidates[0].category == "4600"
    assert judged.witness is Witness.SAME_TEXT_AND_AMOUNT
    assert judged.decision is not Decision.FILE
    other = answers(ledger, ASKED)["Enterprise Vehicle Hire"].answer("category")
    assert other.candidates[0].category == "4400"
