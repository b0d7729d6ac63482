"""Columns that only grow, and posting lists: a reader's prefix never changes, and no row is lost."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.ledger.columns import Column, StringColumn
from likewise_engine.ledger.postings import Postings
from likewise_engine.ledger.view import DayRanks

PER_TEXT, IN_ALL = limits.RETRIEVED_ENTRIES_PER_TEXT_MAX, limits.RETRIEVED_ENTRIES_MAX


@given(st.lists(st.lists(st.integers(0, 100), max_size=40), max_size=20))
def test_a_prefix_never_changes_however_a_column_grows(batches: list[list[int]]) -> None:
    column: Column[np.int32] = Column(np.empty(0, dtype=np.int32))
    everything: list[int] = []
    prefixes = []
    for batch in batches:
        column.extend(batch)
        everything += batch
        prefixes.append((column.prefix(len(column)), list(everything)))
    for prefix, expected in prefixes:
        assert prefix.tolist() == expected


def test_a_detached_column_leaves_readers_what_they_have() -> None:
    column = Column(np.ones(3, dtype=np.bool_))
    before = column.prefix(3)
    column.detach()[1] = False
    column.extend([True])
    assert before.tolist() == [True, True, True]
    assert column.prefix(4).tolist() == [True, False, True, True]


def test_rows_may_be_vectors() -> None:
    column = Column(np.zeros((0, 3), dtype=np.float32))
    column.extend(np.eye(3, dtype=np.float32))
    assert column.prefix(2).tolist() == [[1, 0, 0], [0, 1, 0]]


@given(st.lists(st.lists(st.text(max_size=20), max_size=10), max_size=10))
def test_strings_come_back_by_row(batches: list[list[str]]) -> None:
    column = StringColumn(batches[0] if batches else ())
    for batch in batches[1:]:
        column.extend(batch)
    expected = [string for batch in batches for string in batch]
    assert [column[row] for row in range(len(expected))] == expected


class Rows:
    """Rows of a ledger, and the postings over them, folded whenever they are due."""

    def __init__(self) -> None:
        self.texts: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self.days: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self.alive: NDArray[np.bool_] = np.empty(0, dtype=np.bool_)
        self.postings = Postings()
        self.folds = 0

    def extend(self, texts: NDArray[np.int32], days: NDArray[np.int32]) -> None:
        first = len(self.texts)
        self.texts = np.concatenate((self.texts, texts))
        self.days = np.concatenate((self.days, days))
        self.alive = np.concatenate((self.alive, np.ones(len(texts), dtype=np.bool_)))
        self.postings.extend(first, texts)
        if self.postings.is_due:
            self.postings = Postings.of(self.texts, self.days, self.alive)
            self.folds += 1

    def kill(self, rows: NDArray[np.int64]) -> None:
        self.alive = self.alive.copy()
        self.alive[rows] = False

    def naive(self, asked: NDArray[np.int64], length: int) -> tuple[list[int], list[int]]:
        """The latest rows of each text by day and row, within the limits of retrieval."""
        found: list[int] = []
        ranks: list[int] = []
        for rank, text in enumerate(asked.tolist()):
            rows = [row for row in range(length) if self.texts[row] == text and self.alive[row]]
            rows = sorted(rows, key=lambda row: (self.days[row], row))[-PER_TEXT:]
            rows = rows[max(0, len(rows) - (IN_ALL - len(found))) :]
            found += rows
            ranks += [rank] * len(rows)
        return found, ranks


def test_gathering_finds_the_latest_live_rows_of_each_text() -> None:
    rng = np.random.default_rng(7)
    rows = Rows()
    for step in range(60):
        size = int(rng.choice([1, 5, 90]))
        # A few texts have most rows, some have none; dates come in any order.
        texts = np.minimum(rng.geometric(0.25, size), 20).astype(np.int32)
        rows.extend(texts, rng.integers(738_000, 738_050, size).astype(np.int32))
        share = [0.02, 0.3][step % 2]
        rows.kill(np.flatnonzero(rng.random(len(rows.texts)) < share * 0.2))
        asked = rng.permutation(25)[: int(rng.integers(1, 25))]
        for length in (len(rows.texts), max(1, len(rows.texts) - size)):
            if length < len(rows.texts) and rows.postings._tail_rows == 0:
                continue  # folded since: that reader has the postings of before
            gathered, ranks = rows.postings.gather(asked, rows.days[:length], rows.alive[:length])
            assert (gathered.tolist(), ranks.tolist()) == rows.naive(asked, length)
    assert rows.folds >= 2


def test_a_text_whose_latest_rows_have_died_is_looked_further_back() -> None:
    rows = Rows()
    rows.extend(np.zeros(5_000, dtype=np.int32), np.arange(5_000, dtype=np.int32))
    assert rows.folds == 1
    rows.kill(np.arange(50, 4_990))
    gathered, _ = rows.postings.gather(np.array([0]), rows.days, rows.alive)
    assert gathered.tolist() == [*range(50), *range(4_990, 5_000)]


@given(st.lists(st.integers(1, 30), max_size=60), st.integers(0, 59))
def test_ranks_of_days_count_live_entries(days: list[int], taken: int) -> None:
    everything = np.array(days, dtype=np.int32)
    gone = everything[:taken]
    ranks = DayRanks.of(np.empty(0, dtype=np.int32)).changed(everything, by=1).changed(gone, by=-1)
    left = days[taken:]
    assert ranks.days.tolist() == sorted(set(left))
    assert ranks.counts.tolist() == [sum(day <= other for day in left) for other in ranks.days.tolist()]
    assert ranks.last_day == max(left, default=0)
