"""Entries just like the question that were filed both ways: when that is said, and when it is not."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine_world import ENCODER, KEY, ask, create_store, labelled, open_ledger
from likewise_engine.answers import Decision, DimensionAnswer
from likewise_engine.chart import Category
from likewise_engine.evidence import Evidence
from likewise_engine.evidence.ambiguity import LATEST_ENTRIES, SETTLING_ENTRIES
from likewise_engine.folder import STORE_NAME
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.transaction import Direction, LabelledTransaction
from likewise_engine.vote import KernelVote

FIRST_DAY = date(2025, 1, 1)


def entries(labels: Iterable[str], **fields: Any) -> list[LabelledTransaction]:
    """One transaction a week, the same but for its label."""
    fields = {"amount": Decimal("-10.00"), **fields}
    return [
        labelled(f"e{n}", "Corner Bakery", label, date=FIRST_DAY + timedelta(weeks=n), **fields)
        for n, label in enumerate(labels)
    ]


def answered(ledger: Ledger, weeks: int = 60, **fields: Any) -> DimensionAnswer:
    fields = {"amount": Decimal("-10.00"), **fields}
    answer = ask(ledger, "Corner Bakery", date=FIRST_DAY + timedelta(weeks=weeks), **fields)
    return answer.answer("category")


def is_said(answer: DimensionAnswer) -> bool:
    said = "just like it have it both ways" in answer.reason
    assert not said or answer.decision is Decision.SUGGEST
    return said


def both(latest_first: Sequence[str], first: str) -> bool:
    """The rule, written down a second time."""
    window = latest_first[:LATEST_ENTRIES]
    counts = Counter(window)
    rest = Counter({label: count for label, count in counts.items() if label != first})
    if not counts[first] or not rest or set(window[:SETTLING_ENTRIES]) == {first}:
        return False
    rival = max(rest.values())
    return counts[first] <= 2 * rival and counts[first] + rival >= len(window) * 2 / 3


# Oldest first; the answer's first candidate is what most of them, or the latest, say.
@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ("a", False),
        ("ab", True),
        ("aab", True),
        ("aaab", False),  # three to one: a slip
        ("abab", True),
        ("bbbaaa", False),  # three in a row: a new habit
        ("aaaaaaaaabbb", True),  # the most and the latest do not agree
        ("aaaaabaaa", False),
        ("abcdef", False),  # filed everywhere: not these two
        ("aabbcc", True),
    ],
)
def test_when_it_is_said(labels: str, said: bool, tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn(entries(labels))
        answer = answered(ledger)
        assert is_said(answer) == said == both(labels[::-1], answer.candidates[0].category)


@given(labels=st.text("abc", min_size=1, max_size=12), weeks=st.integers(-1, 13))
@settings(max_examples=60)
def test_it_is_said_by_the_entries_nearest_in_time(labels: str, weeks: int) -> None:
    with TemporaryDirectory() as folder, open_ledger(Path(folder)) as ledger:
        ledger.learn(entries(labels))
        answer = answered(ledger, weeks)
        ranked = sorted(range(len(labels)), key=lambda n: (entries_between(n, weeks, len(labels)), -n))
        first = answer.candidates[0].category
        assert is_said(answer) == both([labels[n] for n in ranked], first)
        if is_said(answer):
            shown = {candidate.category: candidate for candidate in answer.candidates}
            assert sum(f"{name!r} ({c.probability:.0%})" in answer.reason for name, c in shown.items()) == 2


def entries_between(week: int, asked_week: int, count: int) -> int:
    """Age as the engine counts it: entries up to one week less those up to the other."""

    def up_to(number: int) -> int:
        return max(0, min(number + 1, count))

    return abs(up_to(week) - up_to(asked_week))


@pytest.mark.parametrize(
    ("fields", "question"),
    [
        ({"amount": Decimal("-12.50")}, {}),
        ({"description": "order of cakes"}, {}),
        ({"direction": Direction.IN}, {"direction": Direction.OUT}),
        ({"amount": Decimal("10.00")}, {}),
    ],
    ids=["another amount", "another text", "another direction", "another sign"],
)
def test_what_differs_is_not_just_like_it(
    fields: dict[str, Any], question: dict[str, Any], tmp_path: Path
) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn(entries("ab", **fields))
        assert not is_said(answered(ledger, **question))


@pytest.mark.parametrize(
    ("fields", "question"), [({"amount": None}, {}), ({}, {"amount": None})], ids=["of theirs", "of its own"]
)
def test_an_amount_that_is_not_known_tells_nothing_apart(
    fields: dict[str, Any], question: dict[str, Any], tmp_path: Path
) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn(entries("ab", **fields))
        assert is_said(answered(ledger, **question))


def test_labels_of_an_inactive_category_are_nobody_s_rival(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn(entries("ab"))
        first = answered(ledger)
        (rival,) = {"a", "b"} - {first.candidates[0].category}
        ledger.update(categories=[Category(rival, active=False)])
        assert not is_said(answered(ledger))


class CertainVote:
    """Gives the first candidate everything, and so the others nothing."""

    fingerprint = "certain"
    pooled = KernelVote.pooled

    def probabilities(self, evidence: Evidence) -> NDArray[np.float64]:
        said = np.zeros(len(evidence.candidates))
        said[:1] = 1.0
        return said


def test_what_the_vote_rules_out_is_nobody_s_rival(tmp_path: Path) -> None:
    create_store(tmp_path)
    store = SqliteStore(tmp_path / STORE_NAME, KEY)
    with closing(Ledger(store, ENCODER, CertainVote(), tmp_path)) as ledger:
        ledger.learn(entries("ab"))
        answer = answered(ledger)
        assert len(answer.candidates) == 1
        assert not is_said(answer)
