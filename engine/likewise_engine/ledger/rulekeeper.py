"""What a tenant's rules are, and who changes them: the part of a ledger that keeps the rules.

It writes as the ledger does, in the same turn and the same commits; who may do what when is said in
``ledger.py``. A change of the rules is a revision like any other, and is followed by other processes as
lessons are: whoever reads what came since reads the rules anew, for they are few.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from likewise_engine import limits
from likewise_engine.audit import Action, Note
from likewise_engine.chart import Category, Chart
from likewise_engine.errors import (
    FieldViolation,
    InvalidInput,
    LikewiseError,
    RuleExists,
    UnknownCategory,
)
from likewise_engine.ledger.checks import VIOLATIONS_SHOWN_MAX
from likewise_engine.ledger.outcomes import RuleOutcome
from likewise_engine.ledger.requests import remembered
from likewise_engine.ledger.state import State
from likewise_engine.rules.ahead import CountedAhead
from likewise_engine.rules.kept import NO_TALLY, KeptRule, RuleChange, given_id, last_number
from likewise_engine.rules.mining import MiningOptions, Suggestion, mined
from likewise_engine.rules.record import Tallies, after_lesson, all_entries, recounted
from likewise_engine.rules.rule import Rule, RuleUpdate
from likewise_engine.rules.rulebook import Rulebook, check_size, rule_of
from likewise_engine.rules.trial import Trial, tried
from likewise_engine.store.base import Change, Entry, RequestRecord, TenantStore
from likewise_engine.transaction import violations_of_string

AHEAD_MIN: Final = 500
"""Entries: fewer are counted within the turn, in 10 ms."""
_TRIED_AT_ONCE: Final = 200
"""Entries of history: some milliseconds of work, between which calls go first."""


class RuleKeeper:
    """The rules of one tenant; safe to use from many threads."""

    def __init__(self, store: TenantStore, state: State) -> None:
        """Take over the parts of a ledger that hold the rules."""
        self._store = store
        self._state = state

    @property
    def book(self) -> Rulebook:
        """The rules as readers see them now."""
        return self._state.view.rulebook

    def create(self, rule: Rule, request_id: str = "", *, actor: str = "") -> RuleOutcome:
        """Add a rule; one without an id is given one.

        Args:
            rule: the rule.
            request_id: makes repeating the call return the same outcome.
            actor: who wants it, for the audit trail.

        Raises:
            InvalidInput: something about it is wrong; fields as ``conditions[2].values[0]``.
            UnknownCategory: it names a category that is not in the chart, or not active.
            RuleExists: another rule has its id.
            RequestIdReused: the request id stood for other content.
            LimitReached: there would be too many rules, or more to search for than can be in time.
            StoreFault: nothing was changed.
        """
        return self.create_all([rule], request_id, actor=actor)

    def create_all(
        self, rules: Sequence[Rule], request_id: str = "", *, actor: str = "", field: str = "rule"
    ) -> RuleOutcome:
        """Add rules, all or none, in one revision; each is younger than the one before it.

        Args:
            rules: at least one.
            request_id: as for :meth:`create`.
            actor: as for :meth:`create`.
            field: names them where something is wrong, ``{}`` standing for their position.

        Returns:
            The revision, and the number of the first: the others follow without a gap.

        Raises:
            InvalidInput, UnknownCategory, RuleExists, RequestIdReused, LimitReached, StoreFault: as
                :meth:`create`; nothing was changed.
        """
        if not 1 <= len(rules) <= limits.RULES_MAX:
            raise InvalidInput.of("rules", f"are {len(rules)}; 1 to {limits.RULES_MAX} are allowed")
        wrong = [v.beneath(field.format(n)) for n, rule in enumerate(rules) for v in rule.violations()]
        _check(wrong, request_id)
        digest = hashlib.sha256(repr(rules).encode()).digest()

        def created(kept: Sequence[KeptRule], chart: Chart) -> RuleChange:
            return RuleChange(written=self._numbered(rules, kept, chart, field))

        ahead = self._counted_ahead(created, request_id)
        with self._state.writing():
            known = remembered(self._store, request_id, digest, RuleOutcome.from_json)
            if known is not None:
                return known
            memory = self._state.memory
            change = created(memory.rules, memory.chart)
            outcome = RuleOutcome(memory.revision + 1, change.written[0].number)
            request = RequestRecord(request_id, digest, outcome.to_json()) if request_id else None
            named_by_all = sorted({number for kept in change.written for number in kept.tallies})
            note = Note(actor, Action.CREATE_RULE, categories=named_by_all)
            self._change(change, note, request, ahead)
            return outcome

    def update(self, revision_of: RuleUpdate, *, actor: str = "") -> RuleOutcome:
        """Change a part of a rule; what is None stays. What is so already is no change.

        Raises:
            RuleNotFound: there is no such rule.
            InvalidInput, UnknownCategory, LimitReached, StoreFault: as :meth:`create`.
        """

        def updated(kept: Sequence[KeptRule], chart: Chart) -> RuleChange:
            old = rule_of(kept, revision_of.id)
            new = _updated(chart, old, revision_of)
            return RuleChange(written=[new] if new != old else [])

        ahead = self._counted_ahead(updated)
        with self._state.writing():
            memory = self._state.memory
            old = rule_of(memory.rules, revision_of.id)
            change = updated(memory.rules, memory.chart)
            if not change.written:
                return RuleOutcome(memory.revision, old.number)
            note = Note(actor, Action.UPDATE_RULE, categories=list(change.written[0].tallies))
            self._change(change, note, None, ahead)
            return RuleOutcome(memory.revision, old.number)

    def delete(self, rule_id: str, request_id: str = "", *, actor: str = "") -> RuleOutcome:
        """Delete a rule.

        Raises:
            RuleNotFound: there is no such rule.
            InvalidInput, RequestIdReused, StoreFault: as :meth:`create`.
        """
        _check(violations_of_string("rule_id", rule_id, limits.RULE_ID_CHARS_MAX), request_id)
        digest = hashlib.sha256(f"delete {rule_id}".encode()).digest()

        def deleted(kept: Sequence[KeptRule], _chart: Chart) -> RuleChange:
            return RuleChange(deleted=[rule_of(kept, rule_id).number])

        ahead = self._counted_ahead(deleted, request_id)
        with self._state.writing():
            known = remembered(self._store, request_id, digest, RuleOutcome.from_json)
            if known is not None:
                return known
            memory = self._state.memory
            old = memory.rulebook.rule(rule_id)
            outcome = RuleOutcome(memory.revision + 1, old.number)
            request = RequestRecord(request_id, digest, outcome.to_json()) if request_id else None
            note = Note(actor, Action.DELETE_RULE, categories=list(old.tallies))
            self._change(RuleChange(deleted=[old.number]), note, request, ahead)
            return outcome

    def trial(self, rule: Rule, examples_max: int, keep_on: Callable[[], None] = lambda: None) -> Trial:
        """Hold a rule against history, in the place of the one of its id if there is one. Writes nothing.

        Args:
            rule: the rule.
            examples_max: entries to show of each kind.
            keep_on: called now and then; what it raises ends the run.

        Raises:
            InvalidInput, UnknownCategory, LimitReached: as :meth:`create`.
            StoreFault: history cannot be read.
        """
        _check(v.beneath("rule") for v in rule.violations())
        view = self._state.view
        before = view.rulebook
        old = next((kept for kept in before.kept if rule.id and kept.id == rule.id), None)
        number = old.number if old else 1 + last_number((kept.number, kept.id) for kept in before.kept)
        kept = KeptRule.of(number, rule, datetime.now(UTC), _categories(view.chart, rule))
        rules = RuleChange(written=[kept]).applied(before.kept)
        check_size(rules)
        with_rule = Rulebook.of(rules, view.chart, before)
        return tried(number, with_rule, before, self._store.export(_TRIED_AT_ONCE), examples_max, keep_on)

    def suggestions(
        self, options: MiningOptions, keep_on: Callable[[], None] = lambda: None
    ) -> tuple[int, list[Suggestion]]:
        """Rules that history bears out, those first that decide most, and the revision that says so.

        Args:
            options: what is wanted.
            keep_on: called now and then; what it raises ends the run.

        Raises:
            InvalidInput, UnknownDimension: an option is out of bounds.
            StoreFault: history cannot be read.
        """
        options.check()
        view = self._state.view
        if view.chart.dimensions:
            view.chart.require_dimension(options.dimension, "dimension")
        book = view.rulebook or replace(view.rulebook, chart=view.chart)
        return view.revision, mined(book, self._history(keep_on), options, keep_on)

    def without(self, transaction_ids: Sequence[str]) -> RuleChange | None:
        """How the record changes when entries go; None where it does not. Within the ledger's turn."""
        memory = self._state.memory
        if not memory.rules:
            return None
        return after_lesson(memory.rulebook, (), self._store.entries_by_id(transaction_ids).values())

    def renew(self) -> None:
        """Bring the record to what the store holds, whose texts were made anew. Raises StoreFault."""
        if self.book:
            with self._state.writing():
                self.recount()

    def follow_chart(self, before: Chart, *, has_moved: bool = False) -> None:
        """Bring the record to a changed chart, within the ledger's turn.

        What a category is called does not bear on it: what does is whether labels have moved, and which rules
        have something to say.
        """
        after = self._state.memory.chart.categories[: len(before.categories)]
        if has_moved or _sides(before.categories) != _sides(after):
            self.recount()

    def recount(self) -> None:
        """Bring the record to what the store holds; within the ledger's turn, after more than a lesson."""
        memory = self._state.memory
        if memory.rules:
            counted = self._recounted(memory.rulebook)
            change = RuleChange(tallied=counted)
            with self._state.changing(Change(memory.revision, rules=change)):
                memory.change_rules(change)

    def _numbered(
        self, rules: Sequence[Rule], kept: Sequence[KeptRule], chart: Chart, field: str
    ) -> list[KeptRule]:
        """New rules as they are to be kept. Raises RuleExists, UnknownCategory."""
        taken = last_number((0, rule.id) for rule in rules)
        first, now = 1 + max(taken, self._store.last_rule()), datetime.now(UTC)
        ids, written = {each.id for each in kept}, []
        for number, rule in enumerate(rules, first):
            if rule.id in ids:
                raise RuleExists(rule.id)
            named = rule if rule.id else replace(rule, id=given_id(number))
            ids.add(named.id)
            categories = _categories(chart, rule, field.format(number - first))
            written.append(KeptRule.of(number, named, now, categories))
        return written

    def _counted_ahead(
        self, planned: Callable[[Sequence[KeptRule], Chart], RuleChange], request_id: str = ""
    ) -> CountedAhead | None:
        """Count history for a change before its turn comes; None where that brings nothing.

        Args:
            planned: the change, of rules and chart as they are. What it raises is raised in the turn, if it
                is so then.
            request_id: one that is remembered changes nothing.
        """
        with self._state.turn:
            view, known = self._state.view, self._state.memory.known
        if view.live_count < AHEAD_MIN or (request_id and self._store.request(request_id) is not None):
            return None
        kept = view.rulebook.kept
        try:
            rules = planned(kept, view.chart).applied(kept)
            check_size(rules)
            rulebook = Rulebook.of(rules, view.chart, view.rulebook)
        except LikewiseError:
            return None
        return CountedAhead(rulebook, known, self._store)

    def _change(
        self, change: RuleChange, note: Note, request: RequestRecord | None, ahead: CountedAhead | None
    ) -> None:
        memory = self._state.memory
        rules = change.applied(memory.rules)
        check_size(rules)
        rulebook = Rulebook.of(rules, memory.chart, memory.rulebook)
        tallied = None if ahead is None else ahead.tallies(rulebook)
        counted = replace(change, tallied=self._recounted(rulebook) if tallied is None else tallied)
        revision = memory.revision + 1
        with self._state.changing(Change(revision, rules=counted, request=request, note=note)):
            memory.revision = revision
            memory.change_rules(counted, rulebook)

    def _recounted(self, rulebook: Rulebook) -> Tallies:
        return recounted(rulebook, all_entries(self._store))

    def _history(self, keep_on: Callable[[], None]) -> Iterator[Entry]:
        for _, batch in self._store.export(_TRIED_AT_ONCE):
            keep_on()
            yield from batch


def _updated(chart: Chart, old: KeptRule, wanted: RuleUpdate) -> KeptRule:
    """A rule as it is wanted. Raises InvalidInput, UnknownCategory."""
    new = replace(
        old,
        name=old.name if wanted.name is None else wanted.name,
        priority=old.priority if wanted.priority is None else wanted.priority,
        active=old.active if wanted.active is None else wanted.active,
        conditions=old.conditions if wanted.conditions is None else wanted.conditions,
    )
    # What its labels are called today stands in for those that stay, of which some may be suspended.
    labels = {chart.categories[n].dimension or "-": chart.categories[n].id for n in old.tallies}
    asked = Rule(
        new.id,
        new.conditions,
        labels if wanted.labels is None else wanted.labels,
        new.name,
        new.priority,
        new.active,
    )
    _check(v.beneath("rule") for v in asked.violations())
    if wanted.labels is None:
        return new
    return replace(new, tallies={n: old.tallies.get(n, NO_TALLY) for n in _categories(chart, asked)})


def _sides(categories: Sequence[Category]) -> list[object]:
    return [(category.active, category.merged_into, category.is_purged) for category in categories]


def _check(wrong: Iterable[FieldViolation], request_id: str = "") -> None:
    violations = [*wrong, *violations_of_string("request_id", request_id, limits.REQUEST_ID_CHARS_MAX)]
    if violations:
        raise InvalidInput(violations[:VIOLATIONS_SHOWN_MAX])


def _categories(chart: Chart, rule: Rule, field: str = "rule") -> list[int]:
    """Numbers of the categories that a rule names. Raises UnknownCategory."""
    meant = {dimension: chart.meant(dimension, category) for dimension, category in rule.labels.items()}
    violations = [
        FieldViolation(
            f"{field}.labels[{dimension!r}]", _why_not(chart, dimension, rule.labels[dimension], number)
        )
        for dimension, number in meant.items()
        if number is None or not chart.categories[number].active
    ]
    if violations:
        raise UnknownCategory(violations)
    return [number for number in meant.values() if number is not None]


def _why_not(chart: Chart, dimension: str, category_id: str, number: int | None) -> str:
    if number is None:
        alike = [
            category.id
            for category in chart.categories
            if category.dimension == dimension
            and category_id.casefold() in (category.id.casefold(), category.name.casefold())
        ]
        meant = f"did you mean {alike[0]!r}?" if alike else "add it first"
        return f"{category_id!r} is not in the chart: {meant}"
    return f"{category_id!r} is not active: activate it first"
