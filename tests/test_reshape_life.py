"""The chart in a long life: any sequence of lessons and changes against dictionaries; readers meanwhile."""

import random
import sys
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine_world import (
    ALL_NEIGHBOURS,
    Books,
    Oracle,
    assert_same_neighbours,
    assert_same_state,
    create_store,
    load_ledger,
    open_ledger,
)
from likewise_engine.answers import Classification
from likewise_engine.chart import Category
from likewise_engine.errors import LikewiseError
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.outcomes import LearnOutcome
from likewise_engine.ledger.reshape import Activation, Merge, Rename, Reshaping, Split
from likewise_engine.ledger.view import UNLABELLED, View
from likewise_engine.selection import Selection
from likewise_engine.transaction import Authority, LabelledTransaction

STEPS = 60
IDS = [f"c{n}" for n in range(10)]
"""The books label with the first seven; the others are there to be renamed to and split into."""


class Refused(Exception):
    """The oracle would not do it."""


@dataclass(eq=False)
class Account:
    """A category, as the oracle keeps it: itself, whatever it is called."""

    id: str
    active: bool = True
    merged_into: "Account | None" = None


@dataclass
class Bookkeeper(Oracle):
    """The oracle with a chart of the dimension ``category``: which account each id was last given to."""

    accounts: dict[str, Account] = field(default_factory=dict)

    def learn(self, items: Sequence[LabelledTransaction]) -> LearnOutcome:
        todays = [
            replace(item, labels=self._todays(item.labels), predicted=self._todays(item.predicted))
            for item in items
        ]
        revision = self.revision
        outcome = super().learn(todays)
        for kept in self.entries.values():
            self.accounts.setdefault(kept.labels["category"], Account(kept.labels["category"]))
        given = {item.transaction.id: item.labels["category"] for item in todays}
        inactive = sum(
            kept.revision > revision
            and kept.labels["category"] == given[transaction_id]
            and not self.accounts[given[transaction_id]].active
            for transaction_id, kept in self.entries.items()
        )
        return replace(outcome, inactive_labels=inactive)

    def create(self, category: str) -> None:
        """An explicit creation, or activation."""
        known = self.accounts.get(category)
        if known is None or known.id != category:
            self.accounts[category] = Account(category)
        else:
            known.active, known.merged_into = True, None
        self.revision += 1

    def reshape(self, wanted: Reshaping) -> None:
        before = self._state()
        match wanted:
            case Rename():
                self._rename(wanted.category, wanted.new_id)
            case Merge():
                self._merge(wanted.categories, wanted.into)
            case Split():
                self._split(wanted.category, wanted.into, wanted.selection)
            case Activation():
                account = self._own(wanted.category)
                account.active = wanted.active
                account.merged_into = None if wanted.active else account.merged_into
        self.corrections = [c for c in self.corrections if c[2] != c[3]]
        self.revision += self._state() != before

    def _rename(self, old: str, new: str) -> None:
        known = self.accounts.get(old)
        if known is None or known.id != new:
            known = self._own(old)
        if new == known.id:
            return
        if new in self.accounts and self.accounts[new].id == new:
            raise Refused
        self._take_over(known.id, new)
        known.id = new
        self.accounts[new] = known

    def _merge(self, sources: tuple[str, ...], into: str) -> None:
        target = self._own(into)
        merged = [self._own(source) for source in sources]
        if into in sources or not target.active or target.merged_into:
            raise Refused
        if any(account.merged_into not in (None, target) for account in merged):
            raise Refused
        for account in merged:
            self._take_over(account.id, into)
            account.active, account.merged_into = False, target
        for account in self.accounts.values():
            if account.merged_into in merged:
                account.merged_into = target

    def _split(self, source: str, into: str, selection: Selection) -> None:
        if source == into or self._own(source).merged_into:
            raise Refused
        chosen = {
            i
            for i, kept in self.entries.items()
            if kept.labels["category"] == source
            and (not selection.transaction_ids or i in selection.transaction_ids)
            and selection.payee_contains.lower() in kept.transaction.payee.lower()
        }
        if not chosen:
            raise Refused
        if into not in self.accounts or self.accounts[into].id != into:
            self.accounts[into] = Account(into)
        self.accounts[into].active, self.accounts[into].merged_into = True, None
        for i in chosen:
            self.entries[i].labels["category"] = into
            self.entries[i].authorities["category"] = Authority.PERSON
        self.corrections = [
            (i, d, predicted, into if i in chosen and (d, label) == ("category", source) else label)
            for i, d, predicted, label in self.corrections
        ]

    def _take_over(self, old: str, new: str) -> None:
        """Whatever was labelled or predicted with one id is with the other."""
        for kept in self.entries.values():
            if kept.labels["category"] == old:
                kept.labels["category"] = new
        todays = {("category", old): new}
        self.corrections = [
            (i, d, todays.get((d, predicted), predicted), todays.get((d, label), label))
            for i, d, predicted, label in self.corrections
        ]

    def _own(self, category: str) -> Account:
        account = self.accounts.get(category)
        if account is None or account.id != category:
            raise Refused
        return account

    def _todays(self, labels: Mapping[str, str]) -> dict[str, str]:
        todays = dict(labels)
        account = self.accounts.get(todays.get("category", ""))
        if account is not None:
            todays["category"] = (account.merged_into or account).id
        return todays

    def _state(self) -> object:
        accounts = {i: (a.id, a.active, a.merged_into) for i, a in self.accounts.items()}
        return accounts, [(i, dict(k.labels), dict(k.authorities)) for i, k in self.entries.items()]


def some_change(rng: random.Random, oracle: Bookkeeper) -> Reshaping:
    """A change that may or may not be allowed."""
    one, other = rng.choice(IDS), rng.choice(IDS)
    ids = tuple(rng.sample(sorted(oracle.entries), k=min(len(oracle.entries), 20)))
    match rng.choices(["rename", "merge", "split", "split by ids", "activation"], [3, 2, 3, 2, 3])[0]:
        case "rename":
            return Rename("category", one, other)
        case "merge":
            return Merge("category", tuple(rng.sample(IDS, k=rng.choice([1, 1, 2]))), other)
        case "split":
            return Split("category", one, other, Selection(payee_contains=rng.choice(["Old", "market", "a"])))
        case "split by ids":
            return Split("category", one, other, Selection(ids, payee_contains=rng.choice(["", "e"])))
    return Activation("category", one, active=rng.random() < 0.7)


def assert_same_chart(ledger: Ledger, oracle: Bookkeeper) -> None:
    chart = ledger.view.chart
    assert list(chart.categories) == list(ledger.store.chart())
    own = {c.id: c for c in chart.categories if c.dimension == "category"}
    expected = {i: account for i, account in oracle.accounts.items() if account.id == i}
    assert {i: c.active for i, c in own.items()} == {i: account.active for i, account in expected.items()}
    for category_id in IDS:
        meant = chart.meant("category", category_id)
        assert (category_id if meant is None else chart.categories[meant].id) == oracle._todays(
            {"category": category_id}
        )["category"]


@pytest.mark.parametrize("seed", range(6))
def test_any_sequence_of_lessons_and_changes_leaves_what_dictionaries_would(
    seed: int, tmp_path: Path
) -> None:
    rng, books, oracle = random.Random(seed), Books(seed, payees=30), Bookkeeper()
    create_store(tmp_path)
    ledger = load_ledger(tmp_path)
    items = [books.item(f"t{n}") for n in range(60)]
    assert ledger.learn(items) == oracle.learn(items)
    allowed = refused = 0
    for step in range(STEPS):
        action = rng.choices(
            ["learn", "relearn", "reshape", "forget", "create", "reload"], [4, 3, 12, 2, 1, 2]
        )[0]
        if action == "learn":
            items = [books.item(f"t{step}-{n}") for n in range(rng.choice([1, 40]))]
            assert ledger.learn(items) == oracle.learn(items)
        elif action == "relearn" and oracle.entries:
            ids = rng.sample(sorted(oracle.entries), k=min(len(oracle.entries), 12))
            items = [books.item(i) for i in ids]
            assert ledger.import_batch(items).learned == oracle.learn(items)
        elif action == "reshape":
            wanted = some_change(rng, oracle)
            try:
                oracle.reshape(wanted)
            except Refused:
                refused += 1
                with pytest.raises(LikewiseError):
                    ledger.reshape(wanted)
            else:
                allowed += 1
                ledger.reshape(wanted)
        elif action == "forget" and oracle.entries:
            ids = rng.sample(sorted(oracle.entries), k=min(len(oracle.entries), 8))
            outcome = ledger.forget(ids)
            assert (outcome.forgotten, outcome.missing) == oracle.forget(ids)
        elif action == "create":
            category = rng.choice(IDS[:7])
            ledger.update(categories=[Category(category)])
            oracle.create(category)
        elif action == "reload":
            ledger.close()
            ledger = load_ledger(tmp_path)
        assert_same_state(ledger, oracle)
        assert_same_chart(ledger, oracle)
        for _ in range(2):
            question = books.transaction()
            answer = ledger.classify(question, ALL_NEIGHBOURS)
            assert_same_neighbours(answer, question, oracle)
            for candidate in answer.answers[0].candidates:
                assert oracle.accounts[candidate.category].active
    ledger.close()
    assert allowed > 5
    assert refused > 5


CHANGES, READERS = 60, 2


def assert_whole(view: View) -> None:
    """What one view shows fits together: no label of a merged category, and counts of what is labelled."""
    chart, alive = view.chart, view.alive
    counted = np.zeros(len(chart.categories), dtype=np.int64)
    for column in view.labels.values():
        labels = column[alive]
        np.add.at(counted, labels[labels != UNLABELLED], 1)
    np.testing.assert_array_equal(counted, view.category_counts)
    merged = [number for number, c in enumerate(chart.categories) if c.merged_into is not None]
    assert not counted[merged].any()
    assert view.category_active.tolist() == [category.active for category in chart.categories]


def merge_and_split(ledger: Ledger) -> list[tuple[int, bool]]:
    """Merge c1 away and bring it back, over and over: (revision, whether it is merged from there on)."""
    done = []
    for _ in range(CHANGES):
        done.append((ledger.reshape(Merge("category", ("c1",), "c0")).revision, True))
        back = Split("category", "c0", "c1", Selection(payee_contains="a"))
        done.append((ledger.reshape(back).revision, False))
    return done


def teach(ledger: Ledger) -> None:
    books = Books(seed=6, payees=12)
    for lesson in range(CHANGES):
        ledger.learn([books.item(f"t{lesson * 3 + n}") for n in range(5)])


def read(ledger: Ledger, writing: Sequence[Future[Any]]) -> list[Classification]:
    books = Books(seed=7, payees=12)
    answers: list[Classification] = []
    while not all(writer.done() for writer in writing) or not answers:
        assert_whole(ledger.view)
        answers.append(ledger.classify(books.transaction(), ALL_NEIGHBOURS))
    return answers


def test_readers_see_a_change_whole_or_not_at_all(
    tmp_path: Path,
) -> None:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with open_ledger(tmp_path) as ledger, ThreadPoolExecutor(READERS + 2) as pool:
            books = Books(seed=5, payees=12)
            ledger.learn([books.item(f"t{n}") for n in range(400)])
            changing, teaching = pool.submit(merge_and_split, ledger), pool.submit(teach, ledger)
            reading = [pool.submit(read, ledger, [changing, teaching]) for _ in range(READERS)]
            changes = changing.result()
            teaching.result()
            answers = [answer for reader in reading for answer in reader.result()]
    finally:
        sys.setswitchinterval(usual)
    revisions = [revision for revision, _ in changes]
    for answer in answers:
        latest = bisect_right(revisions, answer.revision) - 1
        if latest >= 0 and changes[latest][1]:
            assert "c1" not in {candidate.category for candidate in answer.answers[0].candidates}
            assert "c1" not in {neighbour.labels["category"] for neighbour in answer.neighbours}
