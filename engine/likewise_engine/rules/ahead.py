"""Counting history for a change of the rules before it is the change's turn, so that lessons do not wait.

Twenty thousand entries take half a second, and whoever has the turn holds up all who teach the tenant. So
they are counted before, entry by entry, while others may teach. Within the turn there is left what came
since: new entries are counted, and those whose place they took are taken away again. Where more than lessons
came since (something was forgotten, labels changed sides), or the rules are not those that were counted for,
it is of no use, and all is counted within the turn.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from likewise_engine.rules.kept import NO_TALLY, Tally
from likewise_engine.rules.record import Of, Tallies, Texts, all_entries, said_of
from likewise_engine.rules.rulebook import Rulebook
from likewise_engine.store.base import Entry, Known, TenantStore

_READ_AT_ONCE: Final = 200
"""Entries: lessons read by the same connection, and wait for some milliseconds."""


class CountedAhead:
    """What rules decide of each entry, as of a position of the store."""

    def __init__(self, rulebook: Rulebook, known: Known, store: TenantStore) -> None:
        """Count; may be done while others write.

        Args:
            rulebook: as it is to be.
            known: up to where; what came later is counted by :meth:`tallies`.
            store: the truth.

        Raises:
            StoreFault, EngineFault.
        """
        self._known = known
        self._store = store
        self._meant = _essence(rulebook)
        self._said: dict[int, list[tuple[Of, Tally]]] = {}
        self._count(
            rulebook, (entry for entry in all_entries(store, _READ_AT_ONCE) if entry.seq <= known.seq)
        )

    def tallies(self, rulebook: Rulebook) -> Tallies | None:
        """The record by what the store holds now, within the writer's turn; None where it cannot be told.

        Raises:
            StoreFault, EngineFault.
        """
        tail = self._store.tail(self._known)
        if tail is None or _essence(rulebook) != self._meant:
            return None
        self._count(rulebook, (new.entry for new in tail.change.entries))
        for seq in tail.change.superseded_seqs:
            self._said.pop(seq, None)
        sums: dict[Of, Tally] = defaultdict(lambda: NO_TALLY)
        for rule in rulebook.kept:
            for label in rule.tallies:
                sums[rule.number, label] = NO_TALLY
        for said in self._said.values():
            for of, tally in said:
                sums[of] += tally
        return dict(sums)

    def _count(self, rulebook: Rulebook, entries: Iterable[Entry]) -> None:
        texts = Texts(rulebook)
        for entry in entries:
            if said := list(said_of(rulebook, entry, texts)):
                self._said[entry.seq] = said


def _essence(rulebook: Rulebook) -> list[object]:
    """All of the rules that decides, in the order in which they are tried."""
    return [(rule.number, rule.active, rule.conditions, tuple(rule.tallies)) for rule in rulebook.rules]
