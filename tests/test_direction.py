"""The direction gives the amount its sign: amounts that are sent without one are understood all the same."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine_world import ENCODER, ask, labelled, open_ledger
from likewise_engine.classify import question_of
from likewise_engine.evidence import Evidence
from likewise_engine.ledger.head_training import train_heads
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.transaction import Direction, LabelledTransaction, Transaction, flow_of, flows_of

IN, OUT, UNKNOWN = Direction.IN, Direction.OUT, Direction.UNKNOWN


@pytest.mark.parametrize(
    ("amount", "direction", "flow"),
    [
        ("50", OUT, -1),
        ("50", IN, 1),
        ("-50", IN, 1),
        ("-50", OUT, -1),
        ("0", OUT, -1),
        ("-0", UNKNOWN, -1),
        (None, OUT, -1),
        (None, IN, 1),
        ("50", UNKNOWN, 1),
        ("-50", UNKNOWN, -1),
        (None, UNKNOWN, 0),
    ],
)
def test_which_way_the_money_went(amount: str | None, direction: Direction, flow: int) -> None:
    sent = None if amount is None else Decimal(amount)
    assert flow_of(Transaction(amount=sent, direction=direction)) == flow
    column = np.array([np.nan if sent is None else float(sent)])
    assert flows_of(column, np.array([direction], dtype=np.int8)).tolist() == [flow]


def signed(amount: int) -> dict[str, Any]:
    return {"amount": Decimal(amount)}


def unsigned(amount: int) -> dict[str, Any]:
    return {"amount": Decimal(abs(amount)), "direction": OUT if amount < 0 else IN}


def both(amount: int) -> dict[str, Any]:
    return {"amount": Decimal(amount), "direction": OUT if amount < 0 else IN}


def contrary(amount: int) -> dict[str, Any]:
    """As software sends it that books what goes out as positive, and says so."""
    return {"amount": Decimal(-amount), "direction": OUT if amount < 0 else IN}


AMOUNTS = [(-1) ** (n % 3) * (20 + n % 7) for n in range(60)]


@contextmanager
def taught(folder: Path, sent: Sequence[dict[str, Any]]) -> Iterator[Ledger]:
    """A ledger that was taught amounts as they are sent, with heads trained."""
    folder.mkdir()
    with open_ledger(folder) as ledger:
        ledger.learn(
            [
                labelled(f"t{n}", payee="Wander Ltd", category=f"c{n % 3}", **fields)
                for n, fields in enumerate(sent)
            ]
        )
        yield ledger


def evidence(ledger: Ledger, fields: dict[str, Any]) -> Evidence:
    asked = Transaction(payee="Wander Ltd", **fields)
    return question_of(ledger.view, ENCODER, asked, ["category"]).evidence["category"]


@pytest.mark.parametrize("sent", [unsigned, both, contrary])
def test_amounts_with_a_direction_are_evidence_as_signed_ones_are(sent: Any, tmp_path: Path) -> None:
    with (
        taught(tmp_path / "signed", [signed(a) for a in AMOUNTS]) as plain,
        taught(tmp_path / "sent", [sent(a) for a in AMOUNTS]) as directed,
    ):
        heads = [train_heads(ledger.view, lambda: True) for ledger in (plain, directed)]
        assert heads[0] is not None
        assert heads[1] is not None
        np.testing.assert_array_equal(
            heads[0].of_dimension["category"].levels, heads[1].of_dimension["category"].levels
        )
        for amount in (-20, 20, 3, -900):
            expected = evidence(plain, signed(amount))
            for fields in (signed(amount), sent(amount)):
                np.testing.assert_array_equal(evidence(directed, fields).features, expected.features)


def test_neighbours_show_amounts_as_they_were_sent(tmp_path: Path) -> None:
    with taught(tmp_path / "a", [contrary(-25), unsigned(-25), signed(-25)]) as ledger:
        neighbours = ask(ledger, "Wander Ltd", amount=Decimal(25), direction=OUT).neighbours
        shown = {neighbour.transaction_id: neighbour.amount for neighbour in neighbours}
        assert shown == {"t0": Decimal(25), "t1": Decimal(25), "t2": Decimal(-25)}


@pytest.mark.parametrize(
    ("fields", "shares"),
    [
        ({"direction": OUT}, {"c0": 1, "c1": 0, "c2": 1}),
        ({"direction": IN}, {"c0": 0, "c1": 1, "c2": 1}),
        ({}, {"c0": 1, "c1": 1, "c2": 1}),
        ({"amount": Decimal(-1)}, {"c0": 1, "c1": 0, "c2": 1}),
    ],
)
def test_without_an_amount_the_direction_tells_and_without_both_nothing_does(
    fields: dict[str, Any], shares: dict[str, float], tmp_path: Path
) -> None:
    with taught(tmp_path / "a", [{"direction": OUT}, signed(10), {}]) as ledger:
        found = evidence(ledger, fields)
        names = [ledger.view.chart.categories[number].id for number in found.candidates.tolist()]
        assert dict(zip(names, found.feature("share_same_direction").tolist(), strict=True)) == shares


def turns(ledger: Ledger, categories: str, directions: Sequence[Direction]) -> None:
    items: list[LabelledTransaction] = [
        labelled(f"t{n}", payee="Wander Ltd", category=category, direction=directions[n % len(directions)])
        for n, category in enumerate(categories)
    ]
    ledger.learn(items)


def test_a_direction_without_amounts_tells_entries_apart(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        turns(ledger, "abab", (OUT, IN))
        for direction, is_ambiguous in ((OUT, False), (IN, False), (UNKNOWN, True)):
            answer = ask(ledger, "Wander Ltd", direction=direction).answer("category")
            assert ("just like it" in answer.reason) == is_ambiguous
