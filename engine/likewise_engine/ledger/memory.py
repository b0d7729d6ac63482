"""The columns behind the views: one tenant's memory as its writer owns it.

Only the ledger's writer touches a Memory, under the writer's lock. It appends, marks dead, and publishes
views. Nothing here knows of disk: a Memory is made from a snapshot of the store and kept in step with it by
being told what was committed.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.calibration import Calibration, Outcomes, Pooled
from likewise_engine.chart import Chart, Policy
from likewise_engine.encoder.base import Encoder
from likewise_engine.errors import StoreCorrupt
from likewise_engine.head import Heads
from likewise_engine.index.graph import Graph
from likewise_engine.index.texts import TextIndex
from likewise_engine.ledger.category_vectors import CategoryVectors
from likewise_engine.ledger.columns import Column, StringColumn
from likewise_engine.ledger.counterparties import PayeeNames
from likewise_engine.ledger.names import Names
from likewise_engine.ledger.postings import Postings
from likewise_engine.ledger.track_record import NO_OUTCOMES, TrackRecord
from likewise_engine.ledger.view import UNLABELLED, DayRanks, View
from likewise_engine.rules.kept import KeptRule, RuleChange
from likewise_engine.rules.rulebook import NO_RULES, Rulebook
from likewise_engine.store.base import Change, Known, NewEntry, OutcomeChange, Relabelling, Snapshot, Vectors
from likewise_engine.store.columns import EntryColumns
from likewise_engine.testimony import NO_TESTIMONIES
from likewise_engine.transaction import CATEGORY_DIMENSION

_LENGTH_TOLERANCE: Final = 0.01
"""Of the squared length; float16 rounds it by a thousandth at most."""
_DEAD_ROWS_MIN: Final = 4_096
"""Fewer dead rows take less than half a megabyte, and are not worth making memory anew."""


class Memory:
    """One tenant's columns; see the module for who may touch it."""

    def __init__(
        self,
        snapshot: Snapshot,
        encoder: Encoder,
        graph: Graph | None,
        heads: Heads,
        pooled: Pooled,
        outcomes_fingerprint: str,
    ) -> None:
        """Rebuild memory from the store.

        Args:
            snapshot: everything, as of one revision.
            encoder: that the vectors are of.
            graph: over the first texts, if one is at hand.
            heads: that are at hand.
            pooled: how the vote's probabilities turn out elsewhere.
            outcomes_fingerprint: the models that serve; outcomes of others tell nothing of them.

        Raises:
            StoreCorrupt: the snapshot does not fit together.
            ModelFault: the encoder failed.
        """
        entries = snapshot.entries
        rows = len(entries.seq)
        self.revision = snapshot.record.revision
        self.position = snapshot.known.position
        self.policy = snapshot.record.policy
        self.chart = Chart.of(snapshot.categories)
        self.category_active, self.category_dimension = _by_category(self.chart)
        self.encoder = encoder
        self.category_vectors = CategoryVectors.of(self.chart, encoder)
        self.texts = list(snapshot.texts)
        self.text_names = Names(snapshot.text_ids, snapshot.texts, snapshot.known.text)
        self.payee_names = PayeeNames(snapshot.payee_ids, snapshot.payees, snapshot.known.payee)
        self.vectors = Column(_checked(snapshot.vectors))
        self.text_alive = Column(np.ones(len(self.texts), dtype=np.bool_))
        self.seq = Column(entries.seq.astype(np.uint32))
        self.text = Column(self.text_names.numbers_of(entries.text))
        self.payee = Column(self.payee_names.numbers_of(entries.payee))
        self.is_dated = Column(entries.day > 0)
        self.order_day = Column(entries.order_day)
        self.amount = Column(entries.amount)
        self.direction = Column(entries.direction)
        self.currencies = list(dict.fromkeys(entries.currencies))
        self._currency_codes = {currency: code for code, currency in enumerate(self.currencies)}
        codes = list(map(self._currency_codes.__getitem__, entries.currencies))
        self.currency = Column(np.array(codes, dtype=np.int16))
        self.transaction_ids = StringColumn(entries.transaction_ids)
        self.alive = Column(np.ones(rows, dtype=np.bool_))
        self.labels = _label_columns(self.chart, entries)
        self.category_counts = np.bincount(entries.label_categories, minlength=len(self.chart.categories))
        self.text_names.count(self.text.prefix(rows), by=1)
        self.payee_names.count(self.payee.prefix(rows), by=1)
        self.day_ranks = DayRanks.of(entries.order_day)
        self.graph = graph
        self.heads = heads
        self.postings = self._fresh_postings()
        is_of_these = snapshot.record.outcomes_fingerprint == outcomes_fingerprint
        outcomes = snapshot.outcomes if is_of_these else NO_OUTCOMES
        judged = self.rows_of(outcomes.seqs)
        self.track_record = TrackRecord(outcomes, judged, entries.order_day[judged], snapshot.known.outcome)
        self.unreplayed = snapshot.record.unreplayed if is_of_these or not rows else self.revision
        self.rules: Sequence[KeptRule] = snapshot.rules
        self._rulebook = NO_RULES
        self._pooled = pooled
        self._calibrations: dict[str, Calibration] = {}
        self.testimonies = NO_TESTIMONIES
        """Those of the store; :mod:`likewise_engine.ledger.state` sees to it."""

    def __len__(self) -> int:
        """Rows, dead ones included."""
        return len(self.seq)

    @property
    def all_texts_alive(self) -> bool:
        """Whether every text has a live row."""
        return bool(self.text_alive.prefix(len(self.texts)).all())

    @property
    def is_wasteful(self) -> bool:
        """Whether the dead rows outnumber the living, so that memory should be made anew without them."""
        return len(self) - self.live_count > max(_DEAD_ROWS_MIN, self.live_count)

    @property
    def next_seq(self) -> int:
        """A seq beyond every entry's."""
        return int(self.seq.prefix(len(self))[-1]) + 1 if len(self) else 1

    @property
    def known(self) -> Known:
        """How much of the store is known."""
        return Known(
            position=self.position,
            seq=self.next_seq - 1,
            text=self.text_names.next_store_id - 1,
            payee=self.payee_names.next_store_id - 1,
            outcome=self.track_record.next_id - 1,
            categories=len(self.chart.categories),
            token=0,
        )

    def know(self, known: Known) -> None:
        """Take note that so much of the store is known: of what is gone again, the ids are not given anew."""
        self.position = known.position
        self.text_names.next_store_id = known.text + 1
        self.payee_names.next_store_id = known.payee + 1
        self.track_record.next_id = known.outcome + 1

    @property
    def live_count(self) -> int:
        """Live entries."""
        return self.day_ranks.total

    @property
    def nbytes(self) -> int:
        """Bytes of main memory; strings and small lists by estimate."""
        columns: list[Column[Any]] = [self.seq, self.text, self.payee, self.is_dated, self.order_day]
        columns += [self.amount, self.direction, self.currency, self.alive, self.vectors, self.text_alive]
        columns += self.labels.values()
        made = self.category_vectors.nbytes + self.heads.nbytes + (self.graph.nbytes if self.graph else 0)
        made += self._rulebook.nbytes if self.rules else 0
        packed = self.transaction_ids.nbytes + self.postings.nbytes + self.track_record.nbytes + made
        packed += self.testimonies.nbytes
        return packed + sum(c.nbytes for c in columns) + self.text_names.nbytes + self.payee_names.nbytes

    def view(self) -> View:
        """What readers may see from now on."""
        rows, texts = len(self), len(self.texts)
        return View(
            revision=self.revision,
            policy=self.policy,
            chart=self.chart,
            text=self.text.prefix(rows),
            payee=self.payee.prefix(rows),
            is_dated=self.is_dated.prefix(rows),
            order_day=self.order_day.prefix(rows),
            amount=self.amount.prefix(rows),
            direction=self.direction.prefix(rows),
            currency=self.currency.prefix(rows),
            alive=self.alive.prefix(rows),
            labels={dimension: column.prefix(rows) for dimension, column in self.labels.items()},
            currencies=self.currencies,
            transaction_ids=self.transaction_ids,
            texts=self.texts,
            text_numbers=self.text_names.numbers,
            payee_numbers=self.payee_names.numbers,
            counterparties=self.payee_names.counterparties,
            postings=self.postings,
            index=TextIndex(self.vectors.prefix(texts), self.text_alive.prefix(texts), self.graph),
            day_ranks=self.day_ranks,
            category_counts=self.category_counts,
            category_active=self.category_active,
            category_dimension=self.category_dimension,
            encoder=self.encoder,
            name_vectors=self.category_vectors.names,
            description_vectors=self.category_vectors.descriptions,
            described=self.category_vectors.described,
            heads=self.heads,
            rulebook=self.rulebook,
            calibrations={d: self._calibration(d) for d in self.chart.dimensions or (CATEGORY_DIMENSION,)},
            testimonies=self.testimonies,
        )

    @property
    def rulebook(self) -> Rulebook:
        """The rules over the chart, as they are now."""
        if not self.rules:
            return NO_RULES
        if self._rulebook.kept is not self.rules or self._rulebook.chart is not self.chart:
            self._rulebook = Rulebook.of(self.rules, self.chart, self._rulebook)
        return self._rulebook

    def change_rules(self, change: RuleChange, compiled: Rulebook | None = None) -> None:
        """Follow a change of the rules, whose conditions may be compiled already."""
        self.rules = change.applied(self.rules)
        self._rulebook = compiled or self._rulebook

    def learn(self, change: Change, judged: Sequence[int]) -> None:
        """Follow what a lesson, or several, have changed.

        Args:
            change: that was committed; nothing but what lessons bring is looked at.
            judged: seqs of the entries that its added outcomes are of.
        """
        self.revision = change.revision
        self.extend_chart(self.chart.with_categories([category for _, category in change.categories]))
        self.extend_texts(change.texts, change.vectors)
        self.payee_names.extend(change.payees)
        self.extend_entries(change.entries)
        self.supersede(change.superseded_seqs, change.entries)
        self.change_outcomes(change.outcomes, self.rows_of(judged))
        if change.rules is not None:
            self.change_rules(change.rules)

    def follow(self, policy: Policy) -> None:
        """Take over a policy. What was FILEd under a lower target is not held against a higher one."""
        if policy.target_precision > self.policy.target_precision:
            self.track_record.forgive()
        self.policy = policy
        self.recalibrate()

    def recalibrate(self) -> None:
        """Learn from the outcomes anew with the next view: they, their labels or the policy have changed."""
        self._calibrations = {}

    def switch(
        self, encoder: Encoder, vectors: Vectors, category_vectors: CategoryVectors, graph: Graph | None
    ) -> None:
        """Have another encoder's vectors in the place of all. What became of the former's answers goes.

        Args:
            encoder: whose they are.
            vectors: float16 ``(texts, dimensions)``, of unit length, those of dead texts among them.
            category_vectors: of the chart as it is.
            graph: over the first of these vectors, if one is at hand.
        """
        self.encoder = encoder
        self.vectors = Column(vectors)
        self.category_vectors = category_vectors
        self.graph = graph
        nothing = np.empty(0, dtype=np.int64)
        last_id = self.track_record.next_id - 1
        self.track_record = TrackRecord(NO_OUTCOMES, nothing, nothing.astype(np.int32), last_id)
        self.unreplayed = self.revision if len(self) else 0
        self.recalibrate()

    def judged(self) -> dict[str, NDArray[np.int64]]:
        """By dimension the rows that have an outcome."""
        return {dimension: self.track_record.rows(self.is_of(dimension)) for dimension in self.labels}

    def is_of(self, dimension: str) -> NDArray[np.bool_]:
        """Whether each category is of a dimension, bool ``(categories,)``."""
        return np.equal(self.category_dimension, self.chart.dimensions.index(dimension))

    def extend_chart(self, chart: Chart) -> None:
        """Take over a chart that continues the present one. Raises ModelFault."""
        if chart is self.chart:  # As with most lessons.
            return
        earlier, self.chart = self.chart, chart
        self.category_vectors = self.category_vectors.following(chart, earlier, self.encoder)
        self.category_active, self.category_dimension = _by_category(chart)
        missing = len(chart.categories) - len(self.category_counts)
        self.category_counts = np.concatenate((self.category_counts, np.zeros(missing, dtype=np.int64)))
        for dimension in chart.dimensions:
            if dimension not in self.labels:
                self.labels[dimension] = Column(np.full(len(self), UNLABELLED, dtype=np.int32))

    def extend_texts(self, named: Sequence[tuple[int, str]], vectors: Vectors | None) -> None:
        """Add texts that are new: (store id, text), ids ascending, with their vectors as stored."""
        if not named or vectors is None:
            return
        if not len(self.vectors):
            self.vectors = Column(np.empty((0, vectors.shape[1]), dtype=np.float16))
        self.vectors.extend(_checked(vectors))
        self.text_alive.extend(np.ones(len(named), dtype=np.bool_))
        self.texts.extend(text for _, text in named)
        self.text_names.extend(named)

    def extend_entries(self, entries: Sequence[NewEntry]) -> None:
        """Add rows for entries, in the order of ``seq``; their texts, payees and categories are known."""
        first, transactions = len(self), [new.entry.transaction for new in entries]
        texts = self.text_names.numbers_of(np.array([new.text for new in entries], dtype=np.int64))
        payees = self.payee_names.numbers_of(np.array([new.payee for new in entries], dtype=np.int64))
        order_days = np.array([new.order_day for new in entries], dtype=np.int32)
        self.text.extend(texts)
        self.payee.extend(payees)
        self.order_day.extend(order_days)
        self.is_dated.extend([t.date is not None for t in transactions])
        self.amount.extend([np.nan if t.amount is None else float(t.amount) for t in transactions])
        self.direction.extend([t.direction for t in transactions])
        self.currency.extend([self._currency_code(t.currency) for t in transactions])
        self.transaction_ids.extend([t.id for t in transactions])
        self.alive.extend(np.ones(len(entries), dtype=np.bool_))
        self._extend_labels(entries)
        self.seq.extend([new.entry.seq for new in entries])
        self.text_names.count(texts, by=1)
        self.payee_names.count(payees, by=1)
        self.day_ranks = self.day_ranks.changed(order_days, by=1)
        self.postings.extend(first, texts)
        if self.postings.is_due:
            self.postings = self._fresh_postings()

    def kill(self, rows: NDArray[np.int64]) -> None:
        """Mark live rows dead, and the texts and payees that have no other row."""
        if not len(rows):
            return
        texts, payees = self.text.prefix(len(self))[rows], self.payee.prefix(len(self))[rows]
        dead_texts = self.text_names.orphans(texts)
        self.alive.detach()[rows] = False
        if len(dead_texts):
            self.text_alive.detach()[dead_texts] = False
        self.text_names.drop(dead_texts)
        self.payee_names.drop(self.payee_names.orphans(payees))
        self.text_names.count(texts, by=-1)
        self.payee_names.count(payees, by=-1)
        self.day_ranks = self.day_ranks.changed(self.order_day.prefix(len(self))[rows], by=-1)
        counts = self.category_counts.copy()
        for column in self.labels.values():
            labels = column.prefix(len(self))[rows]
            np.subtract.at(counts, labels[labels != UNLABELLED], 1)
        self.category_counts = counts

    def relabel(self, rows: NDArray[np.int64], relabelling: Relabelling) -> None:
        """Give live rows a category in the place of the one that they have in its dimension."""
        target = relabelling.target
        self.track_record.relabel(relabelling.sources, target, None if relabelling.seqs is None else rows)
        self.recalibrate()
        if not len(rows):
            return
        labels = self.labels[self.chart.categories[target].dimension].detach()
        counts = self.category_counts.copy()
        np.subtract.at(counts, labels[rows], 1)
        counts[target] += len(rows)
        labels[rows] = target
        self.category_counts = counts

    def supersede(self, seqs: Sequence[int], entries: Sequence[NewEntry]) -> None:
        """Mark rows dead whose transactions are learned anew.

        Args:
            seqs: of the rows. What never came to be known here, since it was soon superseded itself, counts
                for nothing.
            entries: that were just added, and hold those transactions as they are now.
        """
        if not seqs:
            return
        old = self.rows_of(seqs)
        known = old < len(self)
        known[known] = np.equal(self.seq.prefix(len(self))[old[known]], np.array(seqs, dtype=np.int64)[known])
        old = old[known]
        rows = {new.entry.transaction.id: row for row, new in enumerate(entries, len(self) - len(entries))}
        new = np.array([rows[self.transaction_ids[row]] for row in old.tolist()], dtype=np.int64)
        self.kill(old)
        if len(old) and self.track_record.move(old, new, self.order_day.prefix(len(self))[new]):
            self.recalibrate()

    def change_outcomes(self, change: OutcomeChange | None, rows: NDArray[np.int64]) -> None:
        """Follow a change of the outcomes.

        Args:
            change: what was committed, if anything.
            rows: int64 ``(len(change.added),)``, the live rows that the added are of.
        """
        if change is None:
            return
        self.unreplayed = change.unreplayed
        if change.dropped_ids:
            self.track_record.drop(change.dropped_ids)
            self.recalibrate()
        if change.added:
            self.track_record.add(change.added, rows, self.order_day.prefix(len(self))[rows])
            self.recalibrate()

    def orphaned_ids(
        self, rows: NDArray[np.int64], entries: Sequence[NewEntry] = ()
    ) -> tuple[list[int], list[int]]:
        """Store ids of texts and of payees that have no row once ``rows`` are dead and ``entries`` added."""
        texts, payees = self.text.prefix(len(self))[rows], self.payee.prefix(len(self))[rows]
        return (
            self.text_names.orphaned_ids(texts, {new.text for new in entries}),
            self.payee_names.orphaned_ids(payees, {new.payee for new in entries}),
        )

    def rows_of(self, seqs: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of live entries by ``seq``."""
        return np.searchsorted(self.seq.prefix(len(self)), np.asarray(seqs, dtype=np.uint32))

    def rows_to_relabel(self, relabelling: Relabelling | None) -> NDArray[np.int64]:
        """Live rows whose labels change sides."""
        if relabelling is None:
            return np.empty(0, dtype=np.int64)
        if relabelling.seqs is not None:
            return self.rows_of(relabelling.seqs)
        dimension = self.chart.categories[relabelling.sources[0]].dimension
        labels = self.labels[dimension].prefix(len(self))
        return np.flatnonzero(np.isin(labels, relabelling.sources) & self.alive.prefix(len(self)))

    def _calibration(self, dimension: str) -> Calibration:
        calibration = self._calibrations.get(dimension)
        if calibration is None:
            outcomes = Outcomes.none()
            if dimension in self.labels:
                labels = self.labels[dimension].prefix(len(self))
                outcomes = self.track_record.outcomes(self.is_of(dimension), labels)
            calibration = Calibration.of(self._pooled, outcomes, self.policy.target_precision)
            self._calibrations[dimension] = calibration
        return calibration

    def _currency_code(self, currency: str) -> int:
        code = self._currency_codes.setdefault(currency, len(self.currencies))
        if code == len(self.currencies):
            self.currencies.append(currency)
        return code

    def _extend_labels(self, entries: Sequence[NewEntry]) -> None:
        labelled = [(position, n) for position, new in enumerate(entries) for n, _ in new.categories]
        positions, numbers = np.array(labelled, dtype=np.int64).reshape(-1, 2).T
        for dimension, column in self.labels.items():
            added = np.full(len(entries), UNLABELLED, dtype=np.int32)
            within = self.is_of(dimension)[numbers]
            added[positions[within]] = numbers[within]
            column.extend(added)
        self.category_counts = self.category_counts + np.bincount(
            numbers, minlength=len(self.category_counts)
        )

    def _fresh_postings(self) -> Postings:
        rows = len(self.text)
        return Postings.of(self.text.prefix(rows), self.order_day.prefix(rows), self.alive.prefix(rows))


def _by_category(chart: Chart) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Whether each category is active, and the position of its dimension; -1 for one that was purged."""
    positions = {dimension: position for position, dimension in enumerate(("", *chart.dimensions), start=-1)}
    active = np.array([category.active for category in chart.categories], dtype=np.bool_)
    return active, np.array([positions[c.dimension] for c in chart.categories], dtype=np.int64)


def _label_columns(chart: Chart, entries: EntryColumns) -> dict[str, Column[np.int32]]:
    """One column a dimension, from (row, category) pairs."""
    _, of_category = _by_category(chart)
    columns = {}
    for position, dimension in enumerate(chart.dimensions):
        column = np.full(len(entries.seq), UNLABELLED, dtype=np.int32)
        within = of_category[entries.label_categories] == position
        column[entries.label_rows[within]] = entries.label_categories[within]
        columns[dimension] = Column(column)
    return columns


def _checked(vectors: Vectors) -> Vectors:
    """The vectors. Raises StoreCorrupt where one is not finite and of unit length."""
    if not are_unit(vectors):
        raise StoreCorrupt("a vector is not finite or not of unit length")
    return vectors


def are_unit(vectors: Vectors) -> bool:
    """Whether every vector is finite and of unit length, as far as float16 can tell."""
    matrix = vectors.astype(np.float32)
    return bool(np.all(np.abs(np.einsum("td,td->t", matrix, matrix) - 1.0) < _LENGTH_TOLERANCE))
