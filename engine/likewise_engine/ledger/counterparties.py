"""Which parties are one and the same: by identifiers where both have one, else by their wording.

The writer adds parties as they come to be known, and takes none away: a number is never given to another, and
one that no live row has matches nothing. So readers need no lock: a number beyond their view is no row's.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.counterparty import MARK, identifiers_in, payee_of
from likewise_engine.ledger.names import Names


class Counterparties:
    """The parties of one tenant that have identifiers."""

    __slots__ = ("_by_identifier", "_by_payee")

    def __init__(self) -> None:
        self._by_identifier: defaultdict[str, list[int]] = defaultdict(list)
        self._by_payee: defaultdict[str, list[tuple[int, frozenset[str]]]] = defaultdict(list)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._by_identifier)

    def add(self, number: int, party: str) -> None:
        """Take in a party that has identifiers."""
        identifiers = identifiers_in(party)
        for identifier in identifiers:
            self._by_identifier[identifier].append(number)
        self._by_payee[payee_of(party)].append((number, _kinds(identifiers)))

    def identified_by(self, identifiers: Iterable[str]) -> list[int]:
        """Numbers of the parties that have one of these identifiers."""
        return sorted({number for one in identifiers for number in self._by_identifier.get(one, ())})

    def worded_as(self, payee: str) -> list[int]:
        """Numbers of the parties with this wording that have identifiers."""
        return [number for number, _ in self._by_payee.get(payee, ())]

    def told_apart(self, payee: str, identifiers: Sequence[str]) -> list[int]:
        """Of those, the ones that have other identifiers than these of a kind that both have."""
        kinds = _kinds(identifiers)
        return [number for number, others in self._by_payee.get(payee, ()) if kinds & others]


class PayeeNames(Names):
    """The parties of a tenant as names, which keeps count of those that have identifiers."""

    __slots__ = ("counterparties",)

    def __init__(self, store_ids: NDArray[np.int64], names: Sequence[str], last_store_id: int) -> None:
        super().__init__(store_ids, names, last_store_id)
        self.counterparties = Counterparties()
        self._take_identified(0, names)

    def extend(self, named: Sequence[tuple[int, str]]) -> None:
        first = len(self.store_ids)
        super().extend(named)
        self._take_identified(first, [name for _, name in named])

    def _take_identified(self, first: int, names: Sequence[str]) -> None:
        for number, name in enumerate(names, start=first):
            if MARK in name:
                self.counterparties.add(number, name)


def latest_texts(
    payees: NDArray[np.int32], texts: NDArray[np.int32], alive: NDArray[np.bool_], numbers: Sequence[int]
) -> NDArray[np.int64]:
    """Texts of the latest live rows of some parties, at most COUNTERPARTY_TEXTS_MAX, the latest first.

    One pass over the column of payees: .3 ms for a million rows, and only where an identifier is known.
    """
    rows = np.flatnonzero(np.isin(payees, numbers) & alive)[::-1][:_ROWS_MAX]
    found = dict.fromkeys(texts[rows].tolist())
    return np.array(list(found)[: limits.COUNTERPARTY_TEXTS_MAX], dtype=np.int64)


_ROWS_MAX: Final = 1_024
"""Looked at for texts: more than a party uses at a time."""


def _kinds(identifiers: Iterable[str]) -> frozenset[str]:
    return frozenset(identifier.partition(":")[0] for identifier in identifiers)
