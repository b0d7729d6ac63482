"""Tenants at the edge of what there is, answered by the shipped models: every answer is sane, and the obvious
one where there is an obvious one."""

import random
import string
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import likewise
from likewise_engine.answers import ClassifyOptions, Decision
from likewise_engine.chart import Category
from likewise_engine.errors import InvalidInput
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import Direction, LabelledTransaction
from likewise_server.lifecycle import Server
from likewise_server.settings import Settings
from shipped_world import FIRST_DAY, PAYEES, asked, day, row, shipped_models, tenant_of

LONG_BEFORE, LONG_AFTER = date(1900, 1, 1), date(2200, 12, 31)


@dataclass(frozen=True)
class Tenant:
    """Rows as they are indexed, and a payee that was labelled in one way, if there is one."""

    rows: Sequence[LabelledTransaction]
    payee: str = PAYEES[3]
    category: str | None = "c3"
    categories: Sequence[Category] = ()


def habitual(count: int, **fields: Any) -> list[LabelledTransaction]:
    """Rows of forty payees in turn, each of which always has its category, one of five."""
    return [row(f"h{n}", PAYEES[n % 40], f"c{n % 40 % 5}", **_drawn(fields, n)) for n in range(count)]


def _drawn(fields: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Fields of a row, those that are functions worked out for its number."""
    return {name: value(number) if callable(value) else value for name, value in fields.items()}


def wording(number: int) -> str:
    """A word that no other number has."""
    return "".join(random.Random(number).choices(string.ascii_lowercase, k=9))


def cents(number: int) -> Decimal:
    """An amount that few other numbers have."""
    return Decimal(-random.Random(number).randrange(500, 99_999)) / 100


def in_the_future(number: int) -> date:
    """Far off, and still within what a date may be."""
    return date(2190, 1 + number // 28 % 12, 1 + number % 28)


def one_label() -> Tenant:
    return Tenant([row(1, "Corner Bakery", "food", date=FIRST_DAY, amount="-4.20")], "Corner Bakery", "food")


def one_category() -> Tenant:
    rows = [row(n, PAYEES[n % 40], "only", date=day(n), amount=cents(n)) for n in range(120)]
    return Tenant(rows, PAYEES[0], "only")


def one_row_repeated() -> Tenant:
    rows = [row(n, "Corner Bakery", "food", date=FIRST_DAY, amount="-4.20") for n in range(300)]
    return Tenant(rows, "Corner Bakery", "food")


def many_categories() -> Tenant:
    rows = [row(n, f"{wording(n)} {wording(n + 5_000)}", f"c{n}", date=day(n // 25)) for n in range(2_000)]
    return Tenant(rows, rows[7].transaction.payee, "c7")


def categories_of_one_payee() -> Tenant:
    rows = [row(n, "Same Payee", f"c{n}", date=day(n // 5), amount=cents(n)) for n in range(600)]
    return Tenant(rows, "Same Payee", None)


def many_rows_of_one_payee() -> Tenant:
    rows = [row(n, "Big Payee", "big", date=day(n // 10), amount=cents(n)) for n in range(5_000)]
    return Tenant([*rows, *habitual(100, date=day)], "Big Payee", "big")


def many_texts_of_one_payee() -> Tenant:
    rows = [
        row(f"b{n}", "Big Payee", "big", description=wording(n), date=day(n), amount=cents(n))
        for n in range(500)
    ]
    return Tenant([*rows, *habitual(100, date=day)], "Big Payee", "big")


def nameless() -> Tenant:
    words = ("***", "4711", "2024-01-03", "€", "💰")
    rows = [row(n, words[n % 5], f"c{n % 3}", date=day(n), amount=10 * (1 + n % 3)) for n in range(90)]
    return Tenant(rows, "0815", None)


def only_inactive() -> Tenant:
    return Tenant(
        habitual(100, date=day), category=None, categories=[Category(f"c{n}", active=False) for n in range(5)]
    )


TENANTS = {
    "nothing": lambda: Tenant([], category=None),
    "only a chart": lambda: Tenant([], category=None, categories=[Category("rent"), Category("food")]),
    "one label": one_label,
    "one category": one_category,
    "one row three hundred times": one_row_repeated,
    "2,000 categories": many_categories,
    "600 categories of one payee": categories_of_one_payee,
    "5,000 rows of one payee": many_rows_of_one_payee,
    "500 texts of one payee": many_texts_of_one_payee,
    "only future dates": lambda: Tenant(habitual(300, date=in_the_future, amount=cents)),
    "all on one day": lambda: Tenant(habitual(300, date=FIRST_DAY, amount=cents)),
    "no dates": lambda: Tenant(habitual(300, amount=cents)),
    "no amounts": lambda: Tenant(habitual(300, date=day)),
    "neither": lambda: Tenant(habitual(300)),
    "all amounts nought": lambda: Tenant(habitual(300, date=day, amount=0)),
    "the largest amounts": lambda: Tenant(habitual(300, date=day, amount=lambda n: 10**12 - n)),
    "nothing that names": nameless,
    "only inactive categories": only_inactive,
}


@pytest.mark.parametrize("name", TENANTS)
def test_every_answer_is_sane_and_the_obvious_one_is_given(name: str, tmp_path: Path) -> None:
    tenant = TENANTS[name]()
    with tenant_of(tmp_path, tenant.rows, tenant.categories) as ledger:
        for when in (None, LONG_BEFORE, day(200), LONG_AFTER):
            for amount in (None, "0", "-50.00", "999999999999.99"):
                asked(ledger, "Wholly Unheard-of Ztx", date=when, amount=amount)
                answer = asked(ledger, tenant.payee, date=when, amount=amount)
                if tenant.category is not None:
                    assert answer.candidates[0].category == tenant.category
        for target in (0.5, 0.999):
            asked(ledger, tenant.payee, ClassifyOptions(target_precision=target), date=day(200))


@pytest.mark.parametrize("name", ["no amounts", "only future dates", "all on one day", "no dates"])
def test_what_was_always_filed_alike_is_filed_and_what_is_new_is_not(name: str, tmp_path: Path) -> None:
    tenant = TENANTS[name]()
    with tenant_of(tmp_path, tenant.rows) as ledger:
        known = asked(ledger, tenant.payee, date=day(400), amount="-50.00")
        assert (known.decision, known.candidates[0].category) == (Decision.FILE, tenant.category)
        assert asked(ledger, "Wholly Unheard-of Ztx", date=day(400)).decision is not Decision.FILE


def test_a_first_label_is_suggested_for_its_like_and_for_nothing_else(tmp_path: Path) -> None:
    with tenant_of(tmp_path, one_label().rows) as ledger:
        assert asked(ledger, "Corner Bakery", date=day(1), amount="-4.20").decision is Decision.SUGGEST
        assert asked(ledger, "Quantum Dynamics", date=day(1), amount="-990").decision is Decision.ASK


def test_a_tenant_of_one_category_files_even_what_is_new_once_it_knows(tmp_path: Path) -> None:
    rows = [row(n, PAYEES[n % 40], "only", date=day(n), amount=cents(n)) for n in range(600)]
    with tenant_of(tmp_path, rows) as ledger:
        answer = asked(ledger, PAYEES[0], date=day(601), amount="-50")
        assert answer.decision is Decision.FILE


def test_nothing_in_words_is_refused_and_nothing_that_names_is_not(tmp_path: Path) -> None:
    with tenant_of(tmp_path) as ledger:
        with pytest.raises(InvalidInput, match="payee: is empty and so is the description"):
            ledger.learn([row(1, "", "food", description=" ")])
        ledger.learn([row(1, "***", "food", amount=10)])
        assert asked(ledger, "4711", amount=10).candidates[0].category == "food"


def opposites(pairs: int, amount: str | None, **fields: Any) -> list[LabelledTransaction]:
    """The same transaction week after week, once as ``left`` and once as ``right``."""
    return [
        row(f"{n}{side}", "Same Payee", side, date=day(7 * n), amount=amount, **fields)
        for n in range(pairs)
        for side in ("left", "right")
    ]


@pytest.mark.parametrize("pairs", [1, 2, 3, 10, 60])
@pytest.mark.parametrize("amount", [None, "-10.00"])
def test_identical_texts_with_opposite_labels_are_both_suggested(
    pairs: int, amount: str | None, tmp_path: Path
) -> None:
    with tenant_of(tmp_path, [*opposites(pairs, amount), *habitual(80, date=day)]) as ledger:
        for asked_amount in {amount, None}:
            for target in (0.5, 0.95):
                options = ClassifyOptions(target_precision=target)
                answer = asked(ledger, "Same Payee", options, date=day(7 * pairs), amount=asked_amount)
                assert answer.decision is Decision.SUGGEST
                assert {candidate.category for candidate in answer.candidates[:2]} == {"left", "right"}
                assert "both ways" in answer.reason
                assert "'left'" in answer.reason
                assert "'right'" in answer.reason


def test_labels_that_take_turns_are_both_suggested_however_often_the_first_was_wrong(tmp_path: Path) -> None:
    """The last label is always the wrong one, so outcomes tell the calibration that the first is unlikely."""
    rows = [row(n, "Same Payee", ("left", "right")[n % 2], date=day(n), amount="-10.00") for n in range(400)]
    with tenant_of(tmp_path, [*rows, *habitual(400, date=day)]) as ledger:
        answer = asked(ledger, "Same Payee", date=day(401), amount="-10.00")
        assert answer.decision is Decision.SUGGEST
        assert "both ways" in answer.reason


def test_what_the_direction_tells_apart_is_not_taken_for_ambiguous(tmp_path: Path) -> None:
    rows = [
        row(
            n,
            "Shopland",
            ("purchase", "refund")[n % 2],
            date=day(n),
            amount="50.00",
            direction=(Direction.OUT, Direction.IN)[n % 2],
        )
        for n in range(40)
    ]
    with tenant_of(tmp_path, rows) as ledger:
        for direction in (Direction.OUT, Direction.IN):
            answer = asked(ledger, "Shopland", date=day(41), amount="50.00", direction=direction)
            assert "just like it" not in answer.reason


def test_labels_of_inactive_categories_wait_until_they_are_active_again(tmp_path: Path) -> None:
    tenant = only_inactive()
    with tenant_of(tmp_path, tenant.rows, tenant.categories) as ledger:
        answer = asked(ledger, tenant.payee, date=day(200))
        assert answer.candidates == ()
        assert "active" in answer.reason
        ledger.learn([row("again", tenant.payee, "c3", date=day(200))])
        assert asked(ledger, tenant.payee, date=day(200)).candidates == ()
        ledger.update(categories=[Category("c3")])
        assert [c.category for c in asked(ledger, tenant.payee, date=day(200)).candidates] == ["c3"]


@contextmanager
def served(folder: Path) -> Iterator[likewise.Client]:
    """A client of a server with the shipped models."""
    encoder, vote = shipped_models()
    tenants = Tenants.open_folder(folder, encoder, vote=vote)
    with (
        Server(tenants, Settings(data=folder, listen="127.0.0.1:0", grace_s=5)) as server,
        likewise.Client(server.address) as client,
    ):
        yield client


def test_over_the_wire_two_thousand_categories_are_answered_and_a_tie_says_so(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        client.create_tenant(likewise.Tenant(id="acme"))
        rows = [
            likewise.labelled(
                likewise.transaction(id=f"w{n}", payee="Same Payee", description=wording(n)), f"c{n}"
            )
            for n in range(2_000)
        ]
        client.learn("acme", rows)
        client.learn(
            "acme",
            [
                likewise.labelled(
                    likewise.transaction(id=f"t{n}", payee="Corner Bakery", amount="-4.20", currency="EUR"),
                    category,
                )
                for n, category in enumerate(("left", "right"))
            ],
        )
        answer = client.classify("acme", likewise.transaction(payee="Same Payee", description=wording(77)))
        assert answer.answers[0].candidates[0].category == "c77"
        tie = likewise.transaction(payee="Corner Bakery", amount="-4.20", currency="EUR")
        (both,) = client.classify("acme", tie).answers
        assert both.decision == likewise.Decision.DECISION_SUGGEST
        assert "both ways" in both.reason
