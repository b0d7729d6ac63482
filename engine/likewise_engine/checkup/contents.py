"""The rows of a store, each by itself: it can be read, is within bounds, and has the text of its wording."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.chart import Chart
from likewise_engine.checkup.finding import Severity
from likewise_engine.checkup.tables import Fault
from likewise_engine.counterparty import text_and_party
from likewise_engine.encoder.base import Encoder
from likewise_engine.errors import StoreCorrupt
from likewise_engine.ledger.lesson import as_stored
from likewise_engine.ledger.memory import are_unit
from likewise_engine.rules.record import all_entries, recounted
from likewise_engine.rules.rulebook import Rulebook
from likewise_engine.store.base import Entry, Snapshot, TenantRecord, TenantStore, Vectors

_SAMPLED_TEXTS: Final = 256
"""Encoded anew unless all are asked for: 20 ms. A change of the encoder shows in the first of them."""
_SAMPLE_SEED: Final = 20260701
_VECTOR_TOLERANCE: Final = 2e-3
"""Of one number. A text is encoded among others, which changes its last bits, and is kept as float16."""
_ENCODED_AT_ONCE: Final = 1_024
_READ_AT_ONCE: Final = 1_000


def broken_record(record: TenantRecord, tenant: str) -> Iterator[Fault]:
    """What is wrong with a tenant's record."""
    if record.tenant != tenant:
        yield Fault(Severity.DAMAGE, "tenant", 1, f"the store is that of tenant {record.tenant!r}")
    for violation in record.policy.violations():
        yield Fault(Severity.DAMAGE, "tenant", 1, f"the policy's {violation.field} {violation.message}")


def broken_tallies(store: TenantStore, snapshot: Snapshot) -> Iterator[Fault]:
    """Records of rules that are not what the entries say."""
    if not snapshot.rules:
        return
    book = Rulebook.of(snapshot.rules, Chart.of(snapshot.categories))
    counted = recounted(book, all_entries(store))
    told = {(kept.number, label): tally for kept in snapshot.rules for label, tally in kept.tallies.items()}
    if wrong := sum(counted[of] != tally for of, tally in told.items()):
        yield Fault(Severity.DERIVED, "rule_labels", wrong, "records of rules are not what the entries say")


class Contents:
    """Holds the entries of a store against its texts."""

    def __init__(self, store: TenantStore, snapshot: Snapshot) -> None:
        """Args: store: the store; snapshot: of it, as it is now."""
        self._store = store
        self._texts = dict(zip(snapshot.text_ids.tolist(), snapshot.texts, strict=True))
        self._payees = dict(zip(snapshot.payee_ids.tolist(), snapshot.payees, strict=True))
        entries = snapshot.entries
        named = zip(entries.text.tolist(), entries.payee.tolist(), strict=True)
        self._named: Mapping[int, tuple[int, int]] = dict(zip(entries.seq.tolist(), named, strict=True))

    def faults(self) -> Iterator[Fault]:
        """What is wrong with entries. Raises StoreFault where the medium fails."""
        unreadable = out_of_bounds = misnamed = 0
        before = -1
        for seqs in np.array_split(sorted(self._named), 1 + len(self._named) // _READ_AT_ONCE):
            entries = self._readable(seqs, before)
            unreadable += len(seqs) - len(entries)
            out_of_bounds += sum(any(e.transaction.violations(id_required=True)) for e in entries)
            misnamed += sum(self._is_misnamed(entry) for entry in entries)
            before = int(seqs[-1]) if len(seqs) else before
        if unreadable:
            yield Fault(Severity.DAMAGE, "entries", unreadable, "entries cannot be read")
        if out_of_bounds:
            yield Fault(Severity.DAMAGE, "entries", out_of_bounds, "entries hold what no call could teach")
        if misnamed:
            yield Fault(Severity.DERIVED, "texts", misnamed, "entries have another text than their wording's")

    def _readable(self, seqs: NDArray[np.int64], before: int) -> Sequence[Entry]:
        """Those of some entries that can be read: all at once, or else one by one."""
        try:
            return self._store.entries_after(before, len(seqs))
        except StoreCorrupt:
            return [entry for seq in seqs.tolist() for entry in self._alone(seq)]

    def _alone(self, seq: int) -> Sequence[Entry]:
        try:
            return self._store.entries_after(seq - 1, 1)
        except StoreCorrupt:
            return ()

    def _is_misnamed(self, entry: Entry) -> bool:
        text, payee = self._named[entry.seq]
        expected = text_and_party(entry.transaction)
        return (self._texts.get(text), self._payees.get(payee)) != expected


def broken_vectors(snapshot: Snapshot, encoder: Encoder, *, is_deep: bool) -> Iterator[Fault]:
    """What is wrong with the vectors of a store that is of this encoder.

    Raises:
        ModelFault: the encoder failed.
    """
    vectors = snapshot.vectors
    if not len(vectors):
        return
    if vectors.shape[1] != encoder.dimensions:
        message = f"vectors have {vectors.shape[1]} dimensions instead of {encoder.dimensions}"
        yield Fault(Severity.DERIVED, "texts", len(vectors), message)
        return
    if not are_unit(vectors):
        count = sum(not are_unit(vectors[row : row + 1]) for row in range(len(vectors)))
        yield Fault(Severity.DERIVED, "texts", count, "vectors are not finite or not of unit length")
    if differing := _differing(snapshot.texts, vectors, encoder, is_deep=is_deep):
        message = "vectors are not what the encoder makes of their texts"
        yield Fault(Severity.DERIVED, "texts", differing, message)


def _differing(texts: Sequence[str], vectors: Vectors, encoder: Encoder, *, is_deep: bool) -> int:
    chosen = np.arange(len(texts))
    if not is_deep and len(texts) > _SAMPLED_TEXTS:
        rng = np.random.default_rng(_SAMPLE_SEED)
        chosen = np.sort(rng.choice(len(texts), _SAMPLED_TEXTS, replace=False))
    differing = 0
    for start in range(0, len(chosen), _ENCODED_AT_ONCE):
        rows = chosen[start : start + _ENCODED_AT_ONCE]
        expected = as_stored(encoder, [texts[row] for row in rows]).astype(np.float32)
        near = np.abs(expected - vectors[rows].astype(np.float32)) <= _VECTOR_TOLERANCE
        differing += int((~near.all(axis=1)).sum())
    return differing
