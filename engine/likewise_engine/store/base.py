"""The short protocol of a tenant's store, and the rows that go through it.

The store is the only truth: all else in the engine is rebuilt from it. Reading methods may be called from
any thread. Writing is for one thread of a process at a time, which the ledger that owns the store sees to;
among processes :meth:`TenantStore.writing` does. Whatever a store returns is as committed. What
is written within ``writing`` is committed at its end, all or nothing, and is durable then.

Changes are counted: a store's *position* is how many there were. Who knows a tenant as of an earlier position
asks for the :meth:`TenantStore.tail`, what lessons have changed since; where something else was done to the
tenant (entries forgotten, categories merged, a new policy), or too much, there is none, and all is read anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise_engine.audit import AuditRecord, Counts, Note
from likewise_engine.calibration import Outcomes
from likewise_engine.chart import Category, Policy
from likewise_engine.keys import TenantKey
from likewise_engine.rules.kept import KeptRule, RuleChange
from likewise_engine.selection import Selection
from likewise_engine.store.columns import EntryColumns, OutcomeColumns
from likewise_engine.testimony import Testimonies, Testimony
from likewise_engine.transaction import Authority, Transaction

if TYPE_CHECKING:
    from likewise_engine.store.everything import Everything
    from likewise_engine.store.next_vectors import NextVectors
    from likewise_engine.store.standing import Standing
    from likewise_engine.store.texts import TextReplacement

Vectors: TypeAlias = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class TenantRecord:
    """What the store knows about the tenant itself.

    Attributes:
        tenant: its id.
        display_name: a name for people.
        policy: how it is to be answered.
        created: when, in UTC.
        revision: counts the committed changes.
        encoder_fingerprint: the encoder behind the vectors.
        outcomes_fingerprint: the models behind the outcomes; empty before the first.
        unreplayed: the revision of the latest lesson in bulk that no outcome is known of; 0 for none.
    """

    tenant: str
    display_name: str
    policy: Policy
    created: datetime
    revision: int
    encoder_fingerprint: str
    outcomes_fingerprint: str = ""
    unreplayed: int = 0


class Entry(NamedTuple):
    """A labelled transaction as it is kept.

    Attributes:
        seq: grows with every write of an entry; orders entries.
        transaction: the transaction.
        labels: category id by dimension.
        authorities: who gave each label, by dimension.
        revision: the revision at which it was last written.
    """

    seq: int
    transaction: Transaction
    labels: Mapping[str, str]
    authorities: Mapping[str, Authority]
    revision: int


class NewEntry(NamedTuple):
    """An entry to be written.

    Attributes:
        entry: what is kept.
        text: id of its text.
        payee: id of its normalised payee.
        order_day: proleptic ordinal of the day it counts for: its date, or for one without a date the latest
            day before it.
        categories: numbers of the categories that label it, each with who gave it.
    """

    entry: Entry
    text: int
    payee: int
    order_day: int
    categories: Sequence[tuple[int, Authority]]


@dataclass(frozen=True, slots=True)
class Correction:
    """A label that was given where another had been predicted."""

    transaction_id: str
    dimension: str
    predicted: str
    label: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What would have been answered before a person's label of a transaction was known.

    Whether it was right is not kept: it follows from the label, however that changes.

    Attributes:
        id: grows with every outcome.
        transaction_id: of an entry, which has one outcome in a dimension at most.
        predicted: number of the first candidate.
        probability: within (0, 1]: what the vote gave it.
        is_filed: whether it would have been FILEd at the tenant's own target.
    """

    id: int
    transaction_id: str
    predicted: int
    probability: float
    is_filed: bool


@dataclass(frozen=True, slots=True)
class OutcomeChange:
    """A change of a tenant's outcomes.

    Attributes:
        fingerprint: the models behind them. Outcomes of others go.
        unreplayed: the revision of the latest lesson in bulk that no outcome is known of; 0 for none.
        added: outcomes that are new.
        dropped_ids: outcomes to let go.
    """

    fingerprint: str
    unreplayed: int
    added: Sequence[Outcome] = ()
    dropped_ids: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A request id with what it stood for.

    Attributes:
        request_id: as the caller chose it; stored as a digest, for it may name what is forgotten later.
        digest: of the request's content; empty where something was forgotten since, perhaps of it.
        outcome: of the request, as JSON.
    """

    request_id: str
    digest: bytes
    outcome: str


@dataclass(frozen=True, slots=True)
class Relabelling:
    """Labels that one category takes over from others of its dimension, in entries, corrections and outcomes.

    Attributes:
        sources: numbers of the categories that lose them.
        target: number of the category that gets them.
        seqs: of the entries; None for all that have a label of the sources. Of given entries what corrections
            say was predicted stays; outcomes follow, for what was right then was right.
        authority: who gives these labels; None where they stay who gave them.
    """

    sources: Sequence[int]
    target: int
    seqs: Sequence[int] | None = None
    authority: Authority | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One atomic change of a tenant's state. Parts that are not given stay as they are.

    Attributes:
        revision: the revision that it leads to; unchanged where only a request or outcomes are remembered.
        texts: (id, text) of new texts; ``vectors`` has one row for each.
        vectors: float16 ``(len(texts), dimensions)``.
        payees: (id, normalised payee) of new payees.
        categories: (number, category) of categories that are new or replaced; corrections follow their ids.
        relabelling: labels that change sides, once the categories are written. A correction whose label is
            then what was predicted is none any more, and goes.
        entries: entries to write.
        superseded_seqs: of the entries that those replace, which go.
        orphaned_texts: ids of texts to erase, since no entry has them any more.
        orphaned_payees: likewise of payees.
        forgotten_seqs: entries to erase for good; :meth:`TenantStore.purge` is then due.
        forgotten_ids: transaction ids whose corrections and outcomes go too.
        purged_categories: numbers of categories of which nothing but the number stays.
        corrections: to add.
        outcomes: how outcomes change.
        rules: how rules change.
        request: to remember.
        policy: replaces the tenant's. With a higher target no earlier outcome counts as FILEd any more.
        display_name: replaces the tenant's.
        note: for the audit trail.
        testimony: to add, unless something was erased since it was asked for.
        outdates_questions: whether no testimony is to be added that was asked for until now.
    """

    revision: int
    texts: Sequence[tuple[int, str]] = ()
    vectors: Vectors | None = None
    payees: Sequence[tuple[int, str]] = ()
    categories: Sequence[tuple[int, Category]] = ()
    relabelling: Relabelling | None = None
    entries: Sequence[NewEntry] = ()
    superseded_seqs: Sequence[int] = ()
    orphaned_texts: Sequence[int] = ()
    orphaned_payees: Sequence[int] = ()
    forgotten_seqs: Sequence[int] = ()
    forgotten_ids: Sequence[str] = ()
    purged_categories: Sequence[int] = ()
    corrections: Sequence[Correction] = ()
    outcomes: OutcomeChange | None = None
    rules: RuleChange | None = None
    request: RequestRecord | None = None
    policy: Policy | None = None
    display_name: str | None = None
    note: Note | None = None
    testimony: Testimony | None = None
    outdates_questions: bool = False

    @property
    def erases(self) -> bool:
        """Whether something is to be gone from disk."""
        return bool(self.forgotten_seqs or self.forgotten_ids or self.purged_categories)


@dataclass(frozen=True, slots=True)
class Known:
    """How much of a store somebody knows.

    Attributes:
        position: as of which.
        seq: the highest of an entry; 0 for none.
        text: the highest id that was ever given to a text; 0 for none.
        payee: likewise to a payee.
        outcome: likewise to an outcome.
        categories: how many there are.
        token: random, of the change that led to the position; 0 where it has none.
    """

    position: int
    seq: int
    text: int
    payee: int
    outcome: int
    categories: int
    token: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a ledger is rebuilt from, as of one revision.

    Attributes:
        record: about the tenant.
        known: how much it is.
        categories: by number.
        text_ids: int64 ``(t,)``, ascending.
        texts: t texts.
        vectors: float16 ``(t, dimensions)``.
        payee_ids: int64 ``(p,)``, ascending.
        payees: p normalised payees.
        entries: the entries.
        outcomes: the outcomes.
        rules: the rules, the oldest first.
    """

    record: TenantRecord
    known: Known
    categories: Sequence[Category]
    text_ids: NDArray[np.int64]
    texts: Sequence[str]
    vectors: Vectors
    payee_ids: NDArray[np.int64]
    payees: Sequence[str]
    entries: EntryColumns
    outcomes: OutcomeColumns
    rules: Sequence[KeptRule] = ()


@dataclass(frozen=True, slots=True)
class Tail:
    """What lessons have changed beyond what is known, as far as it is still so.

    Attributes:
        known: what is known with it.
        change: texts, payees, categories and entries that are new, with what those supersede, and outcomes.
        outcome_seqs: of the entries that the added outcomes are of.
        rules: all rules, as they are now.
        encoder: fingerprint of the one whose vectors took the place of all others, and of all outcomes; None
            where that did not happen.
    """

    known: Known
    change: Change
    outcome_seqs: Sequence[int]
    rules: Sequence[KeptRule]
    encoder: str | None


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """Counts that need no ledger."""

    labels: int
    texts: int
    corrections: int
    outcomes: int
    categories: int
    testimonies: int
    disk_bytes: int


class TenantStore(Protocol):
    """One tenant's durable state. Every method raises StoreFault where the medium fails."""

    @property
    def key(self) -> TenantKey:
        """The tenant's key, under which what is derived from the store is cached too."""

    @property
    def memory_bytes(self) -> int:
        """Bytes of main memory, by estimate."""

    @property
    def next_vectors(self) -> "NextVectors":
        """The vectors that another encoder makes, until they serve."""

    def is_at(self, path: Path) -> bool:
        """Whether this very store is at a path, and neither moved away nor deleted."""

    def record(self) -> TenantRecord:
        """The tenant's record."""

    def chart(self) -> Sequence[Category]:
        """The categories, by number."""

    def statistics(self) -> StoreStatistics:
        """Counts."""

    def standings(self) -> Sequence["Standing"]:
        """How answers turned out, by the category that was right."""

    def outcomes(self) -> Mapping[str, Outcomes]:
        """The outcomes by dimension, each right or wrong by the labels as they are now."""

    def snapshot(self) -> Snapshot:
        """Everything, as of one revision. Raises StoreCorrupt where it does not fit together."""

    def position(self) -> int:
        """How many changes there were."""

    def has_seen(self, known: Known) -> bool:
        """Whether what is known was read from this very store, and not from another copy of it."""

    def tail(self, known: Known) -> Tail | None:
        """What is not known yet; None where all is to be read anew."""

    def vectors(self) -> tuple[NDArray[np.int64], Vectors]:
        """Ids of all texts, int64 ``(t,)``, ascending, and their vectors, float16 ``(t, dimensions)``."""

    def writing(self) -> AbstractContextManager[int]:
        """Keep others from writing while what is to be written is worked out; gives the position.

        The thread within reads what it has written. At the end all of it is made durable, or nothing is.
        """

    def write(self, change: Change) -> None:
        """Write a change, whole or not at all; within :meth:`writing`."""

    def commit(self, change: Change) -> None:
        """Make a change durable by itself."""

    def testimonies(self, known: Testimonies) -> Testimonies:
        """The testimonies; what is known, where they have not changed since."""

    def last_rule(self) -> int:
        """The highest number that a rule ever had, or was called by; 0 where there was none."""

    def erased_by(self, change: Change) -> Counts:
        """How much a change will erase, if it is written to the store as it is."""

    @property
    def is_purge_due(self) -> bool:
        """Whether remains of what was erased may still be on disk."""

    def purge(self) -> None:
        """Leave nothing on disk of what was ever erased; quick where that is done already.

        Exports that still show it end with PreconditionFailed.

        Raises:
            PurgeDelayed: somebody reads the store as it was, or the medium failed.
        """

    def end_outdated_exports(self) -> None:
        """End exports that may show what another process has erased."""

    def audit_records(
        self,
        count_max: int,
        before: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[AuditRecord]:
        """Records of the audit trail, the latest first.

        Args:
            count_max: how many at most.
            before: only those with a lower id.
            since: only those of this time or later.
            until: only those of earlier times.
        """

    def entries_by_id(self, transaction_ids: Sequence[str]) -> Mapping[str, Entry]:
        """The entries of these transaction ids, those that exist."""

    def entries_after(self, seq: int, count_max: int) -> Sequence[Entry]:
        """Up to ``count_max`` entries beyond ``seq``, in the order of ``seq``."""

    def export(self, batch_size: int) -> Iterator[tuple[int, Sequence[Entry]]]:
        """All entries in batches, as of one revision, which stands beside each batch.

        Raises PreconditionFailed where entries are purged meanwhile.
        """

    def labelled(self, categories: Sequence[int]) -> Mapping[int, str]:
        """Transaction ids of the entries that have one of these categories (by number), by ``seq``."""

    def everything(self, batch_size: int) -> "AbstractContextManager[Everything]":
        """All that is known, to be read within. Ends as :meth:`export` does."""

    def select(self, category: int, selection: Selection) -> Sequence[int]:
        """``seq`` of the entries of a category (by number) that a selection means, ascending."""

    def request(self, request_id: str) -> RequestRecord | None:
        """What is remembered of a request id."""

    def replace_texts(self, replacement: "TextReplacement", position: int) -> bool:
        """Replace all texts, payees and vectors, whole or not at all, by what was made as of a position.

        Returns:
            Whether it was done. It was not where the store is at another position by now.
        """

    def close(self) -> None:
        """Release files. The store must not be used afterwards."""
