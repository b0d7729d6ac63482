"""A lesson: what a batch of labelled transactions changes, worked out before anything is written.

Items are taken in order, so a later item of the same id replaces an earlier one as it would in a batch of its
own: how a file is cut into batches does not change what is learned. Labels are merged by dimension; each
keeps its own authority, and a label is never replaced by one of lesser authority.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.audit import Note
from likewise_engine.chart import Category, check_chart_size
from likewise_engine.counterparty import party_of
from likewise_engine.encoder.base import Encoder
from likewise_engine.errors import FieldViolation, LimitReached, ModelFault
from likewise_engine.ledger.memory import Memory, are_unit
from likewise_engine.ledger.names import Names
from likewise_engine.ledger.outcomes import LearnOutcome
from likewise_engine.rules.kept import RuleChange
from likewise_engine.rules.record import after_lesson
from likewise_engine.store.base import (
    Change,
    Correction,
    Entry,
    NewEntry,
    OutcomeChange,
    RequestRecord,
    Vectors,
)
from likewise_engine.text import text_and_payee
from likewise_engine.transaction import Authority, LabelledTransaction, Transaction
from likewise_engine.wording.identifiers import identifiers_of

_Wording = tuple[str, str, tuple[str, ...]]
"""Payee, description and identifiers of a transaction."""
_NO_ENTRY = Entry(0, Transaction(), {}, {}, 0)


class Lesson:
    """Collects what is to change. Made by the ledger's writer, under its lock, and used once."""

    def __init__(self, memory: Memory, existing: Mapping[str, Entry]) -> None:
        """Begin a lesson.

        Args:
            memory: as it is now; it is only read.
            existing: the entries by transaction id that the items may replace.
        """
        self._memory = memory
        self._existing = existing
        self._pending: dict[str, NewEntry] = {}
        self._new_categories: dict[tuple[str, str], int] = {}
        self._dimensions = set(memory.chart.dimensions)
        self._new_texts: dict[str, int] = {}
        self._new_payees: dict[str, int] = {}
        self._wordings: dict[_Wording, tuple[int, int]] = {}
        self._corrections: list[Correction] = []
        self._next_seq = memory.next_seq
        self._room = limits.TENANT_LABELS_MAX - memory.live_count
        self._all_active = bool(memory.category_active.all())
        self._latest_day = memory.day_ranks.last_day
        self.created = self.updated = self.unchanged = self.kept = self.inactive_labels = 0

    def violations(self, item: LabelledTransaction) -> Iterator[FieldViolation]:
        """Yield why an item cannot be taken into this tenant's ledger, though it is well formed."""
        if not self._memory.policy.closed_chart:
            return
        for dimension, category in item.labels.items():
            if self._memory.chart.meant(dimension, category) is None:
                field = f"labels[{dimension!r}]"
                yield FieldViolation(
                    field, f"{category!r} is not in the chart, which the policy keeps closed"
                )

    def take(self, item: LabelledTransaction) -> None:
        """Take in a valid item.

        Raises:
            LimitReached: the chart or the tenant would outgrow its limits. The item is not taken.
        """
        if self._memory.chart.has_ids_from_before:
            item = self._in_todays_ids(item)
        transaction_id = item.transaction.id
        if transaction_id in self._pending or transaction_id in self._existing:
            self._take_again(item)
            return
        self._check_size()
        self._write(item, item.transaction, dict(item.labels), dict.fromkeys(item.labels, item.authority))
        self.created += 1

    def _take_again(self, item: LabelledTransaction) -> None:
        """Take in an item whose transaction has an entry already."""
        transaction = item.transaction
        pending = self._pending.get(transaction.id)
        old = pending.entry if pending else self._existing[transaction.id]
        labels, authorities = _merged(old, item)
        if item.authority < max(old.authorities.values()):
            # A machine may add labels to what a person labelled; it does not reword it.
            transaction = old.transaction
        if transaction == old.transaction and (labels, authorities) == (old.labels, old.authorities):
            same = transaction == item.transaction and item.labels.items() <= labels.items()
            self.unchanged += same
            self.kept += not same
            return
        self._write(item, transaction, labels, authorities)
        self.updated += 1

    def _write(
        self,
        item: LabelledTransaction,
        transaction: Transaction,
        labels: dict[str, str],
        authorities: dict[str, Authority],
    ) -> None:
        """Note what an item comes to: an entry that is new or replaces an earlier one."""
        self._number_categories(labels)
        if item.predicted:
            self._note_corrections(item, labels)
        if not self._all_active:
            self.inactive_labels += self._count_inactive(item, labels)
        # Replaced within this batch: the order of entries is that of their last writing.
        self._pending.pop(transaction.id, None)
        self._pending[transaction.id] = self._new_entry(transaction, labels, authorities)

    def outcome(self) -> LearnOutcome:
        """What comes of it, once it is committed."""
        revision = self._memory.revision + bool(self._pending)
        return LearnOutcome(
            revision, self.created, self.updated, self.unchanged, self.kept, self.inactive_labels
        )

    def newly_labelled(self) -> list[tuple[Transaction, list[str]]]:
        """Transactions that a person labels for the first time, each with the dimensions in which that is so.

        Only these tell how right an answer is: who changes a label anew does so since it is wrong.
        """
        found = []
        for transaction_id, new in self._pending.items():
            before = self._existing.get(transaction_id, _NO_ENTRY).authorities
            dimensions = [
                dimension
                for dimension, authority in new.entry.authorities.items()
                if authority is Authority.PERSON is not before.get(dimension)
            ]
            if dimensions:
                found.append((new.entry.transaction, dimensions))
        return found

    def change(
        self, encoder: Encoder, request: RequestRecord | None, outcomes: OutcomeChange | None, note: Note
    ) -> Change | None:
        """What is to be committed; None where there is nothing.

        Args:
            encoder: of new texts.
            request: to remember.
            outcomes: what becomes of them with this lesson.
            note: for the audit trail, if anything is learned.

        Raises:
            ModelFault: the encoder failed on the new texts.
        """
        if not self._pending and request is None:
            return None
        entries = list(self._pending.values())
        texts = _used(self._new_texts, {new.text for new in entries})
        payees = _used(self._new_payees, {new.payee for new in entries})
        orphaned_texts, orphaned_payees = self._memory.orphaned_ids(self.replaced_rows(), entries)
        return Change(
            revision=self.outcome().revision,
            texts=texts,
            vectors=as_stored(encoder, [text for _, text in texts]) if texts else None,
            payees=payees,
            categories=[(number, Category(c, d)) for (d, c), number in self._new_categories.items()],
            entries=entries,
            superseded_seqs=self._superseded_seqs(),
            orphaned_texts=orphaned_texts,
            orphaned_payees=orphaned_payees,
            corrections=self._corrections,
            outcomes=outcomes,
            rules=self._rules(entries) if self._memory.rules else None,
            request=request,
            note=note if entries else None,
        )

    def seq_of(self, transaction_id: str) -> int:
        """The seq of an entry to write."""
        return self._pending[transaction_id].entry.seq

    def replaced_rows(self) -> NDArray[np.int64]:
        """Rows of memory whose transactions are learned anew."""
        return self._memory.rows_of(self._superseded_seqs())

    def _superseded_seqs(self) -> list[int]:
        return [self._existing[t].seq for t in self._pending if t in self._existing]

    def _rules(self, entries: Sequence[NewEntry]) -> RuleChange | None:
        """How the record of the rules changes with these entries."""
        added = [new.entry for new in entries]
        ids = [entry.transaction.id for entry in added]
        replaced = [self._existing[id_] for id_ in ids if id_ in self._existing]
        return after_lesson(self._memory.rulebook, added, replaced)

    def _in_todays_ids(self, item: LabelledTransaction) -> LabelledTransaction:
        """The item with ids as the chart has them now, where it has others from before a rename or merge."""
        return replace(item, labels=self._todays_ids(item.labels), predicted=self._todays_ids(item.predicted))

    def _todays_ids(self, labels: Mapping[str, str]) -> dict[str, str]:
        chart = self._memory.chart
        meant = {dimension: chart.meant(dimension, category) for dimension, category in labels.items()}
        return {
            dimension: labels[dimension] if number is None else chart.categories[number].id
            for dimension, number in meant.items()
        }

    def _number_categories(self, labels: Mapping[str, str]) -> None:
        """Give the categories that are not in the chart their numbers in it."""
        chart = self._memory.chart
        new = [key for key in labels.items() if key not in chart.numbers and key not in self._new_categories]
        if not new:
            return
        first = len(chart.categories) + len(self._new_categories)
        dimensions = self._dimensions.union(dimension for dimension, _ in new)
        check_chart_size(first + len(new), len(dimensions))
        self._dimensions = dimensions
        self._new_categories.update((key, number) for number, key in enumerate(new, start=first))

    def _count_inactive(self, item: LabelledTransaction, labels: Mapping[str, str]) -> int:
        """How many of the labels that an item gives have a category that is not active."""
        numbers = self._memory.chart.numbers
        given = [numbers.get(label) for label in item.labels.items() if label in labels.items()]
        return sum(number is not None and not self._memory.category_active[number] for number in given)

    def _check_size(self) -> None:
        if self.created >= self._room:
            raise LimitReached(
                f"the tenant has {limits.TENANT_LABELS_MAX:,} entries already: forget some first",
                limit="TENANT_LABELS_MAX",
                value=limits.TENANT_LABELS_MAX,
            )

    def _note_corrections(self, item: LabelledTransaction, labels: Mapping[str, str]) -> None:
        for dimension, predicted in item.predicted.items():
            label = item.labels.get(dimension)
            # A label that somebody of more authority overrules corrects nothing.
            if label is not None and label == labels[dimension] != predicted:
                self._corrections.append(Correction(item.transaction.id, dimension, predicted, label))

    def _new_entry(
        self, transaction: Transaction, labels: Mapping[str, str], authorities: Mapping[str, Authority]
    ) -> NewEntry:
        wording = transaction.payee, transaction.description, identifiers_of(transaction)
        text, payee = self._wordings.get(wording) or self._ids_of_wording(wording)
        if transaction.date is not None:
            order_day = transaction.date.toordinal()
            self._latest_day = max(self._latest_day, order_day)
        else:
            order_day = self._latest_day
        if self._next_seq > limits.SEQ_MAX:
            raise LimitReached(
                "the tenant was taught as often as can be counted: export it, and import it into another",
                limit="SEQ_MAX",
                value=limits.SEQ_MAX,
            )
        entry = Entry(self._next_seq, transaction, labels, authorities, self._memory.revision + 1)
        self._next_seq += 1
        categories = [(self._number_of(key), authorities[key[0]]) for key in labels.items()]
        return NewEntry(entry, text, payee, order_day, categories)

    def _number_of(self, category: tuple[str, str]) -> int:
        number = self._new_categories.get(category)
        return self._memory.chart.numbers[category] if number is None else number

    def _ids_of_wording(self, wording: _Wording) -> tuple[int, int]:
        """Ids of a transaction's text and party; books repeat themselves, so they are kept."""
        payee, description, identifiers = wording
        text, normalised = text_and_payee(payee, description)
        party = party_of(normalised, identifiers)
        ids = (
            _id_of(text, self._memory.text_names, self._new_texts),
            _id_of(party, self._memory.payee_names, self._new_payees),
        )
        self._wordings[wording] = ids
        return ids


def as_stored(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    """Vectors of texts at the precision that the store keeps, ``(len(texts), dimensions)``.

    Raises:
        ModelFault: the encoder failed, or returned what the store would not give back.
    """
    vectors = encoder.encode(texts).astype(np.float16)
    if vectors.shape != (len(texts), encoder.dimensions) or not are_unit(vectors):
        raise ModelFault(f"encoder {encoder.fingerprint} returned what are no unit vectors")
    return vectors


def _merged(old: Entry, item: LabelledTransaction) -> tuple[dict[str, str], dict[str, Authority]]:
    """Labels and authorities of an entry once an item is taken in."""
    labels, authorities = dict(old.labels), dict(old.authorities)
    for dimension, category in item.labels.items():
        if item.authority >= authorities.get(dimension, item.authority):
            labels[dimension] = category
            authorities[dimension] = item.authority
    return labels, authorities


def _id_of(name: str, known: Names, new: dict[str, int]) -> int:
    """The store id of a text or payee, a fresh one where it is new."""
    store_id = known.store_id(name)
    if store_id is None:
        store_id = new.setdefault(name, known.next_store_id + len(new))
    return store_id


def _used(new: Mapping[str, int], used: set[int]) -> list[tuple[int, str]]:
    """The new names that entries still have: an item replaced within the batch leaves none behind."""
    return [(store_id, name) for name, store_id in new.items() if store_id in used]
