"""The record of rules: how often each decides what a person labelled, and how often it is right.

It follows from the entries and the rules alone. A lesson adds what it brings and takes away what it replaces;
where entries go, labels change sides or a rule changes, all is counted anew.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from likewise_engine.rules.kept import NO_TALLY, RuleChange, Tally
from likewise_engine.rules.rulebook import Rulebook
from likewise_engine.store.base import Entry, TenantStore
from likewise_engine.text import text_of
from likewise_engine.transaction import Authority, Transaction

_READ_AT_ONCE: Final = 1_000

Of: TypeAlias = tuple[int, int]
"""A rule and a label of it, as rulings name them."""
Tallies: TypeAlias = Mapping[Of, Tally]


class Texts:
    """Texts of many transactions: books repeat themselves, and a text takes as long as the rules."""

    def __init__(self, *rulebooks: Rulebook) -> None:
        """Args: rulebooks: where none of their rules looks at texts, none is made."""
        self._are_read = any(rulebook.reads_text for rulebook in rulebooks)
        self._known: dict[tuple[str, str], str] = {}

    def of(self, transaction: Transaction) -> str:
        """The text of a transaction; "" where nobody looks at it."""
        if not self._are_read:
            return ""
        wording = transaction.payee, transaction.description
        text = self._known.get(wording)
        if text is None:
            text = self._known[wording] = text_of(*wording)
        return text


def said_of(rulebook: Rulebook, entry: Entry, texts: Texts) -> Iterator[tuple[Of, Tally]]:
    """What rules decide of an entry, as far as a person labelled it. Raises EngineFault."""
    transaction, categories = entry.transaction, rulebook.chart.categories
    for dimension, ruling in rulebook.rulings(transaction, texts.of(transaction)).items():
        if entry.authorities.get(dimension) is Authority.PERSON:
            is_right = entry.labels[dimension] == categories[ruling.category].id
            yield (ruling.rule, ruling.label), Tally(1, int(is_right))


def tallied(rulebook: Rulebook, entries: Iterable[Entry]) -> Tallies:
    """What rules decide of entries, as far as people labelled them. Raises EngineFault."""
    found: dict[Of, Tally] = {}
    texts = Texts(rulebook)
    for entry in entries:
        for of, tally in said_of(rulebook, entry, texts):
            found[of] = found.get(of, NO_TALLY) + tally
    return found


def all_entries(store: TenantStore, at_once: int = _READ_AT_ONCE) -> Iterator[Entry]:
    """All that a store holds, as whoever reads it sees it, read so many at once. Raises StoreFault."""
    seq = -1
    while batch := store.entries_after(seq, at_once):
        yield from batch
        seq = batch[-1].seq


def recounted(rulebook: Rulebook, entries: Iterable[Entry]) -> Tallies:
    """The record of every label of the rules, by all entries. Raises EngineFault."""
    nothing = {(rule.number, label): NO_TALLY for rule in rulebook.kept for label in rule.tallies}
    return {**nothing, **tallied(rulebook, entries)}


def after_lesson(rulebook: Rulebook, added: Iterable[Entry], replaced: Iterable[Entry]) -> RuleChange | None:
    """How a lesson changes the record; None where it does not. Raises EngineFault.

    Args:
        rulebook: as it is.
        added: entries that are new.
        replaced: entries whose place some of these take.
    """
    more, less = tallied(rulebook, added), tallied(rulebook, replaced)
    before = {rule.number: rule.tallies for rule in rulebook.kept} if more or less else {}
    changed = {
        of: before[of[0]][of[1]] + more.get(of, NO_TALLY) - less.get(of, NO_TALLY)
        for of in more.keys() | less.keys()
    }
    return RuleChange(tallied=changed) if changed else None
