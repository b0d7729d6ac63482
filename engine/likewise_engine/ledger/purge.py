"""Purging a category: all that was ever filed under it, and what it was called."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from likewise_engine.chart import Chart
from likewise_engine.errors import FieldViolation
from likewise_engine.ledger.memory import Memory
from likewise_engine.ledger.reshape import number_of
from likewise_engine.store.base import Change
from likewise_engine.transaction import violations_of_label


@dataclass(frozen=True, slots=True)
class CategoryPurge:
    """What is to be purged.

    The entries that are labelled with the category go, whole, with their labels in other dimensions. What was
    merged into a category is a part of it and goes along; one that was itself merged has no entries any more,
    for they are the other's.

    Attributes:
        dimension: of the category.
        category: its id. CategoryNotFound where no category has it.
        entries_only: whether the category stays, without any entry.
    """

    dimension: str
    category: str
    entries_only: bool = False

    def violations(self) -> Iterator[FieldViolation]:
        """Yield what is wrong whatever the chart, field by field."""
        yield from violations_of_label("category", self.dimension, self.category)

    def numbers(self, chart: Chart) -> list[int]:
        """Numbers of the category and of those that were merged into it.

        Raises:
            UnknownDimension, CategoryNotFound.
        """
        number = number_of(chart, self.dimension, self.category)
        return [n for n, c in enumerate(chart.categories) if n == number or c.merged_into == number]


def erasure_of(memory: Memory, doomed: Mapping[int, str], categories: Sequence[int] = ()) -> Change:
    """What erases entries, given by seq with their transaction ids, and categories."""
    seqs = sorted(doomed)
    orphaned_texts, orphaned_payees = memory.orphaned_ids(memory.rows_of(seqs))
    return Change(
        revision=memory.revision + 1,
        orphaned_texts=orphaned_texts,
        orphaned_payees=orphaned_payees,
        forgotten_seqs=seqs,
        forgotten_ids=sorted(doomed.values()),
        purged_categories=categories,
    )
