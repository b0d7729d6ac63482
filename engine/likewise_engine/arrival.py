"""A tenant that arrives from elsewhere, with all that is known about it: doubted, and written as a store.

Whoever sends it may have made it up. So all that a ledger takes for granted is checked here: that entries are
such as could be learned, that each label has its category and each outcome its entry, that numbers fit. Texts
and vectors are made anew. Where the encoder is the one that the tenant had, texts keep their numbers, by
which ties are broken: then the tenant answers here to the letter as it did there.

What was counted of its answers goes on being counted here. The answers themselves stay behind: they are a
record of what was said there, by another vote perhaps, and prove nothing of this server.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import Final, TypeVar

from likewise_engine import limits
from likewise_engine.audit import Action, Note
from likewise_engine.chart import Category, Chart
from likewise_engine.counterparty import text_and_party
from likewise_engine.encoder.base import Encoder
from likewise_engine.errors import FieldViolation, InvalidInput, LimitReached
from likewise_engine.feedback.profile import EDGES
from likewise_engine.feedback.report import Tally
from likewise_engine.keys import TenantKey
from likewise_engine.ledger.checks import check_settings
from likewise_engine.ledger.lesson import as_stored
from likewise_engine.ledger.outcomes import as_remembered
from likewise_engine.rules.kept import KeptRule, RuleChange
from likewise_engine.rules.record import all_entries, recounted
from likewise_engine.rules.rule import Rule
from likewise_engine.rules.rulebook import Rulebook, check_size
from likewise_engine.store.base import Change, NewEntry, OutcomeChange, RequestRecord
from likewise_engine.store.everything import Everything
from likewise_engine.store.predictions import PredictionFile
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.store.verdicts import NO_CATEGORY
from likewise_engine.transaction import LabelledTransaction, violations_of_string

T = TypeVar("T")

_KEY: Final = re.compile("[0-9a-f]{64}")
_NUMBER_MAX: Final = 2**48
"""Of a text or a payee: a million times the entries that there can ever be."""


def write_store(path: Path, key: TenantKey, arriving: Everything, encoder: Encoder, actor: str) -> None:
    """Write a tenant's store, whole or not at all, and beside it what was counted of its answers.

    Args:
        path: where no file is yet.
        key: the tenant's.
        arriving: the tenant, under the id that it is to have.
        encoder: of its texts.
        actor: who brings it. The audit trail begins with that: what came with it is a claim.

    Raises:
        InvalidInput: something about it cannot be; it says what and where.
        LimitReached: it is too large.
        StoreFault: it cannot be written.
    """
    _check_chart(arriving)
    record = replace(arriving.record, encoder_fingerprint=encoder.fingerprint)
    store = SqliteStore.create(path, key, record)
    try:
        with store.writing():
            _Arrival(store, arriving, encoder, Note(actor, Action.CREATE)).write()
    finally:
        store.close()
    _write_counts(PredictionFile(path.parent, key), arriving)


@dataclass(slots=True)
class _Numbers:
    """Numbers of texts, or of payees."""

    keep: bool
    """Whether they stay as they are; else they are given anew."""
    by_name: dict[str, int] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)

    def number(self, name: str, number: int, where: str) -> tuple[int, bool]:
        """The number of a name, and whether it is new. Raises InvalidInput."""
        known = self.by_name.get(name)
        if known is not None:
            if self.keep and known != number:
                raise InvalidInput.of(where, f"is {number}, and was {known} of the same wording before")
            return known, False
        if not self.keep:
            number = len(self.by_name) + 1
        elif number in self.taken or not 1 <= number <= _NUMBER_MAX:
            raise InvalidInput.of(where, f"is {number}, which cannot be, or is another wording's")
        else:
            self.taken.add(number)
        self.by_name[name] = number
        return number, True


class _Arrival:
    def __init__(self, store: SqliteStore, arriving: Everything, encoder: Encoder, note: Note) -> None:
        self._store = store
        self._arriving = arriving
        self._encoder = encoder
        self._note = note
        self._revision = arriving.record.revision
        is_same = arriving.record.encoder_fingerprint == encoder.fingerprint
        self._texts, self._payees = _Numbers(is_same), _Numbers(is_same)
        self._ids: set[str] = set()

    def write(self) -> None:
        """Write all parts, each as it comes. Raises InvalidInput, LimitReached, StoreFault."""
        arriving = self._arriving
        # Each refers to one that is there by then.
        unmerged = [replace(category, merged_into=None) for category in arriving.chart]
        self._store.write(Change(self._revision, categories=list(enumerate(unmerged))))
        merged = [(number, c) for number, c in enumerate(arriving.chart) if c.merged_into is not None]
        self._store.write(Change(self._revision, categories=merged))
        for batch in arriving.entries:
            self._write_entries(batch)
        self._write_corrections()
        self._write_outcomes()
        self._write_requests()
        self._write_rules()
        self._write_testimonies()

    def _write_entries(self, batch: Sequence[NewEntry]) -> None:
        first = len(self._ids)
        _check_count(first + len(batch), limits.TENANT_LABELS_MAX, "TENANT_LABELS_MAX")
        entries, texts, payees = [], list[tuple[int, str]](), list[tuple[int, str]]()
        for position, new in enumerate(batch, first):
            where = f"entries[{position}]"
            self._check_entry(new, where)
            transaction = new.entry.transaction
            text, payee = text_and_party(transaction)
            text_number, is_new_text = self._texts.number(text, new.text, f"{where}.text")
            payee_number, is_new_payee = self._payees.number(payee, new.payee, f"{where}.payee_number")
            if is_new_text:
                texts.append((text_number, text))
            if is_new_payee:
                payees.append((payee_number, payee))
            entry = new.entry._replace(seq=position + 1)
            entries.append(new._replace(entry=entry, text=text_number, payee=payee_number))
        vectors = as_stored(self._encoder, [text for _, text in texts]) if texts else None
        self._store.write(
            Change(self._revision, texts=texts, vectors=vectors, payees=payees, entries=entries)
        )

    def _check_entry(self, new: NewEntry, where: str) -> None:
        entry = new.entry
        transaction = entry.transaction
        violations = [*LabelledTransaction(transaction, entry.labels).violations()]
        if violations:
            raise InvalidInput([violation.beneath(where) for violation in violations])
        if transaction.id in self._ids:
            raise InvalidInput.of(f"{where}.transaction.id", "is that of another entry too")
        self._ids.add(transaction.id)
        if not 0 <= entry.revision <= self._revision:
            raise InvalidInput.of(f"{where}.revision", f"is not within 0 and the tenant's, {self._revision}")
        if any(self._arriving.chart[number].merged_into is not None for number, _ in new.categories):
            raise InvalidInput.of(f"{where}.labels", "name a category that was merged into another one")
        if transaction.date is not None and new.order_day != transaction.date.toordinal():
            raise InvalidInput.of(f"{where}.counts_for", "is not the date of the transaction")

    def _write_corrections(self) -> None:
        by_entry = Counter[str]()
        for position, corrections in _positioned(self._arriving.corrections):
            self._check_known("corrections", position, [c.transaction_id for c in corrections])
            _check_count(position + len(corrections), limits.TENANT_LABELS_MAX, "TENANT_LABELS_MAX")
            for number, correction in enumerate(corrections, position):
                by_entry[correction.transaction_id] += 1
                count = by_entry[correction.transaction_id]
                _check_count(count, limits.CORRECTIONS_PER_ENTRY_MAX, "CORRECTIONS_PER_ENTRY_MAX")
                for value in (correction.dimension, correction.predicted, correction.label):
                    _check_string(f"corrections[{number}]", value, limits.CATEGORY_ID_CHARS_MAX)
            self._store.write(Change(self._revision, corrections=corrections))

    def _write_outcomes(self) -> None:
        arriving, record, outcome_id = self._arriving, self._arriving.record, 0
        asked: set[tuple[str, str]] = set()
        for position, outcomes in _positioned(arriving.outcomes):
            self._check_known("outcomes", position, [outcome.transaction_id for outcome in outcomes])
            _check_count(position + len(outcomes), _OUTCOMES_MAX, "OUTCOMES_KEPT_MAX")
            numbered = []
            for number, outcome in enumerate(outcomes, position):
                about = outcome.transaction_id, arriving.chart[outcome.predicted].dimension
                if not 0 < outcome.probability <= 1 or about in asked:
                    raise InvalidInput.of(
                        f"outcomes[{number}]", "is the second of its kind, or no probability"
                    )
                asked.add(about)
                outcome_id += 1
                numbered.append(replace(outcome, id=outcome_id))
            change = OutcomeChange(record.outcomes_fingerprint, record.unreplayed, added=numbered)
            self._store.write(Change(self._revision, outcomes=change))

    def _write_requests(self) -> None:
        keys: set[str] = set()
        for position, requests in _positioned(self._arriving.requests):
            _check_count(position + len(requests), limits.REQUEST_IDS_KEPT_MAX, "REQUEST_IDS_KEPT_MAX")
            for number, request in enumerate(requests, position):
                if not _KEY.fullmatch(request.request_id) or request.request_id in keys:
                    raise InvalidInput.of(f"requests[{number}].key", "is none, or another one's too")
                keys.add(request.request_id)
            self._store.remember([_checked(r, f"requests[{n}]") for n, r in enumerate(requests, position)])

    def _write_rules(self) -> None:
        arrived = [kept for batch in self._arriving.rules for kept in batch]
        _check_count(len(arrived), limits.RULES_MAX, "RULES_MAX")
        if not arrived:
            return
        chart = Chart.of(self._arriving.chart)
        numbered = [replace(kept, number=number) for number, kept in enumerate(arrived, start=1)]
        for position, kept in enumerate(numbered):
            _check_rule(kept, chart, f"rules[{position}]")
        if len({kept.id for kept in numbered}) < len(numbered):
            raise InvalidInput.of("rules", "give one id to two rules")
        check_size(numbered)
        counted = recounted(Rulebook.of(numbered, chart), all_entries(self._store))
        self._store.write(Change(self._revision, rules=RuleChange(numbered, tallied=counted)))

    def _write_testimonies(self) -> None:
        for position, testimonies in _positioned(self._arriving.testimonies):
            _check_count(position + len(testimonies), limits.TESTIMONIES_KEPT_MAX, "TESTIMONIES_KEPT_MAX")
            for number, testimony in enumerate(testimonies, position):
                where = f"testimonies[{number}]"
                for value, chars_max in (
                    (testimony.transaction_id, limits.TRANSACTION_ID_CHARS_MAX),
                    (testimony.text, limits.TEXT_CHARS_MAX),
                    (testimony.dimension, limits.DIMENSION_CHARS_MAX),
                    (testimony.witness, limits.CATEGORY_NAME_CHARS_MAX),
                    (testimony.menu, limits.CATEGORY_ID_CHARS_MAX),
                ):
                    _check_string(where, value, chars_max)
                if not (0 <= testimony.expected <= 1 and 0 <= testimony.revision <= self._revision):
                    raise InvalidInput.of(where, "has no probability, or is of a revision to come")
                self._store.write(Change(self._revision, testimony=testimony))

    def _check_known(self, part: str, position: int, transaction_ids: Sequence[str]) -> None:
        for number, transaction_id in enumerate(transaction_ids, position):
            if transaction_id not in self._ids:
                raise InvalidInput.of(f"{part}[{number}].transaction_id", "is that of no entry")


_OUTCOMES_MAX: Final = 2 * limits.OUTCOMES_KEPT_MAX * limits.DIMENSIONS_MAX
"""Twice as many as there should be: what is beyond those that are kept goes with the next lesson."""


_COUNT_MAX: Final = 2**40
"""Of answers in a day: a million of such can be added up."""


def _write_counts(file: PredictionFile, arriving: Everything) -> None:
    """Write counts of answers; no file where there are none. Raises as write_store does."""
    for position, tallies in _positioned(arriving.tallies):
        _check_count(position + len(tallies), limits.PORTABLE_TALLIES_MAX, "PORTABLE_TALLIES_MAX")
        for number, tally in enumerate(tallies, position):
            _check_tally(tally, arriving.chart, f"tallies[{number}]")
        rows = [
            (t.day.toordinal(), t.dimension, int(t.decision), int(t.witness), t.category, *astuple(t.counts))
            for t in tallies
        ]
        file.take_over(rows, ())
    for position, bins in _positioned(arriving.bins):
        _check_count(position + len(bins), limits.PORTABLE_TALLIES_MAX, "PORTABLE_TALLIES_MAX")
        for number, bin_ in enumerate(bins, position):
            where = f"profiles[{number}]"
            _check_day(bin_.day, where)
            edges = EDGES.get(bin_.measure)
            if edges is None or not 0 <= bin_.bin <= len(edges) or not 0 <= bin_.questions <= _COUNT_MAX:
                raise InvalidInput.of(where, "is no measure's bin, or no count")
        file.take_over((), [(b.day.toordinal(), b.measure, b.bin, b.questions) for b in bins])


def _check_tally(tally: Tally, chart: Sequence[Category], where: str) -> None:
    _check_day(tally.day, where)
    _check_string(f"{where}.dimension", tally.dimension, limits.DIMENSION_CHARS_MAX)
    if tally.category != NO_CATEGORY and chart[tally.category].dimension != tally.dimension:
        raise InvalidInput.of(f"{where}.category", "is of another dimension")
    *counts, expected = astuple(tally.counts)
    # By the sum of probabilities minus those of who changed their mind, it may lie a rounding below 0.
    if not (all(0 <= count <= _COUNT_MAX for count in counts) and isfinite(expected)):
        raise InvalidInput.of(where, "has counts that cannot be")


def _check_day(day: date, where: str) -> None:
    # Where it comes from it may be tomorrow already. What is too old goes by itself.
    if day > (datetime.now(UTC) + timedelta(days=1)).date():
        raise InvalidInput.of(f"{where}.day", "is yet to come")


def _check_chart(arriving: Everything) -> None:
    record, chart = arriving.record, arriving.chart
    _check_count(len(chart), limits.CATEGORIES_MAX, "CATEGORIES_MAX")
    check_settings(record.policy, record.display_name, [c for c in chart if not c.is_purged])
    dimensions = {category.dimension for category in chart if not category.is_purged}
    _check_count(len(dimensions), limits.DIMENSIONS_MAX, "DIMENSIONS_MAX")
    for number, category in enumerate(chart):
        where = f"chart[{number}]"
        if category.is_purged and category != Category.purged(number):
            raise InvalidInput.of(f"{where}.dimension", "is empty, and there is something of it left")
        if len(category.former_ids) > limits.CATEGORY_FORMER_IDS_MAX:
            raise InvalidInput.of(f"{where}.former_ids", "are too many")
        for former_id in category.former_ids:
            _check_string(f"{where}.former_ids", former_id, limits.CATEGORY_ID_CHARS_MAX)
        if category.merged_into is not None:
            _check_merger(category, chart[category.merged_into], where)
    ids = [(c.dimension, id_) for c in chart for id_ in (c.id, *c.former_ids)]
    if len(set(ids)) < len(ids):
        raise InvalidInput.of("chart", "gives one id to two categories")
    if not 0 <= record.unreplayed <= record.revision < 2**53:
        raise InvalidInput.of("tenant.revision", f"is {record.revision}, which cannot be")
    for fingerprint in (record.encoder_fingerprint, record.outcomes_fingerprint):
        _check_string("tenant.encoder", fingerprint, limits.CATEGORY_DESCRIPTION_CHARS_MAX)


def _check_rule(kept: KeptRule, chart: Chart, where: str) -> None:
    labels = [chart.categories[number] for number in kept.tallies]
    said = {category.dimension: category.id for category in labels if not category.is_purged}
    if len(said) < len(labels) - (not said) or not labels:
        raise InvalidInput.of(f"{where}.labels", "are none, or two in one dimension")
    if said:
        told = Rule(kept.id, kept.conditions, said, kept.name, kept.priority)
        violations = list(told.violations())
    else:  # What is left of one whose categories were purged.
        is_bare = not (kept.name or kept.conditions)
        violations = list(violations_of_string("id", kept.id, limits.RULE_ID_CHARS_MAX))
        violations += (
            [] if is_bare else [FieldViolation("labels", "mean nothing, and the rule says something")]
        )
    if violations:
        raise InvalidInput([violation.beneath(where) for violation in violations])


def _check_merger(category: Category, into: Category, where: str) -> None:
    if category.active or into.merged_into is not None or into.dimension != category.dimension:
        raise InvalidInput.of(f"{where}.merged_into", "is no category that could have taken its labels")


def _check_string(where: str, value: str, chars_max: int) -> None:
    if violations := list(violations_of_string(where, value, chars_max)):
        raise InvalidInput(violations)


def _check_count(count: int, count_max: int, name: str) -> None:
    if count > count_max:
        raise LimitReached(
            f"the tenant has {count} or more; at most {count_max}", limit=name, value=count_max
        )


def _checked(request: RequestRecord, where: str) -> RequestRecord:
    """A request whose outcome says what one can, and nothing else. Raises InvalidInput."""
    _check_string(f"{where}.outcome", request.outcome, limits.REQUEST_OUTCOME_CHARS_MAX)
    try:
        return replace(request, outcome=as_remembered(request.outcome))
    except ValueError as error:
        raise InvalidInput.of(f"{where}.outcome", str(error)) from error


def _positioned(batches: Iterable[Sequence[T]]) -> Iterator[tuple[int, Sequence[T]]]:
    """Batches, each with the position of its first item among all."""
    position = 0
    for batch in batches:
        yield position, batch
        position += len(batch)
