"""What would have been answered if something had been otherwise: each is found by walking the very road.

The smallest set of entries without which the answer is another is looked for greedily: of the weightiest
entries that speak for the first candidate each is left out in turn, and the one whose absence hurts most
stays out, until the answer changes or COUNTERFACTUAL_ENTRIES_MAX are out. What can be put back afterwards,
is. So a set that is found does change the answer, and none of it can stay; that there is no smaller one
elsewhere is not said.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.answers import (
    Classification,
    ClassifyOptions,
    DecidingRule,
    Decision,
    DimensionAnswer,
    Neighbour,
    Witness,
)
from likewise_engine.classify import classify, neighbour_of, question_of
from likewise_engine.encoder.base import Encoder
from likewise_engine.explain.explanation import Counterfactual
from likewise_engine.ledger.masking import Masking
from likewise_engine.ledger.view import View
from likewise_engine.rules.rulebook import Rulebook
from likewise_engine.testimony import NO_TESTIMONIES
from likewise_engine.transaction import Direction, Transaction
from likewise_engine.vote import Vote

Rows = NDArray[np.int64]

_NOTHING: Final = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Counterfactuals:
    """Asks what else might have been answered, in one dimension.

    Attributes:
        masking: of the tenant's memory.
        masked: int64 ``(k,)``, rows that are left out in any case.
        encoder: of texts.
        vote: weighs evidence.
        transaction: that was asked about.
        options: how it was asked.
        answer: what was answered.
        give_way: called before each question: they take a millisecond each.
    """

    masking: Masking
    masked: Rows
    encoder: Encoder
    vote: Vote
    transaction: Transaction
    options: ClassifyOptions
    answer: DimensionAnswer
    give_way: Callable[[], None]

    def all(self) -> list[Counterfactual]:
        """All of them, those that change the answer first."""
        rule = self.answer.rule
        withheld = self._without_entries() if rule is None else self._without_rule(rule)
        found = [*withheld, *self._told_otherwise()]
        return sorted(found, key=lambda one: not one.changes_answer)

    def _without_rule(self, rule: DecidingRule) -> Iterator[Counterfactual]:
        """No entry decided, but a rule did: what would have been answered if it were not there."""
        answer = self._asked(_NOTHING, rulebook=self.masking.view.rulebook.without(rule.id))
        yield self._told(f"without the rule {rule.name or rule.id!r}", (), answer)

    def _without_entries(self) -> Iterator[Counterfactual]:
        if self.answer.witness is Witness.LANGUAGE_MODEL:
            yield self._told("had no language model been heard", (), self._asked(_NOTHING, hears=False))
        supporting = self._supporting()
        if not len(supporting):
            return
        out, is_other = self._searched(supporting, _has_other_first)
        yield self._without(out, "" if is_other else "even ")
        if self.answer.decision is Decision.FILE and not (is_other and len(out) == 1):
            out, is_other = self._searched(supporting, _has_other_decision)
            if is_other:
                yield self._without(out, "")

    def _told_otherwise(self) -> Iterator[Counterfactual]:
        asked = self.transaction
        variants: list[tuple[str, bool, Transaction]] = [
            (
                "with the amount and the direction unknown",
                asked.amount is not None or asked.direction is not Direction.UNKNOWN,
                replace(asked, amount=None, direction=Direction.UNKNOWN),
            ),
            ("with the date unknown", asked.date is not None, replace(asked, date=None)),
            ("without the description", bool(asked.description.strip()), replace(asked, description="")),
            ("without the payee", bool(asked.payee.strip()), replace(asked, payee="")),
        ]
        for change, differs, variant in variants:
            if differs and (variant.payee.strip() or variant.description.strip()):
                yield self._told(change, (), self._asked(np.empty(0, dtype=np.int64), variant))

    def _supporting(self) -> Rows:
        """Rows that speak for the first candidate, the weightiest first."""
        view, dimension = self._view(np.empty(0, dtype=np.int64)), self.answer.dimension
        number = view.chart.meant(dimension, self.answer.candidates[0].category)
        question = question_of(view, self.encoder, self.transaction, (dimension,))
        evidence, around = question.evidence[dimension], question.around
        mine = evidence.rows[evidence.candidates[evidence.candidate_of_row] == number]
        order = np.argsort(-around.log_weight[mine], kind="stable")
        return np.asarray(around.rows[mine[order]][: limits.COUNTERFACTUAL_TRIED_MAX])

    def _searched(
        self, supporting: Rows, is_other: Callable[[DimensionAnswer, DimensionAnswer], bool]
    ) -> tuple[Rows, bool]:
        """Rows without which the answer is another; or those that hurt most, and that it is not."""
        out: list[int] = []
        while len(out) < min(limits.COUNTERFACTUAL_ENTRIES_MAX, len(supporting)):
            tried = [
                (self._standing(answer), row, answer)
                for row in supporting.tolist()
                if row not in out
                for answer in [self._asked(np.array([*out, row]))]
            ]
            changing = [(row, answer) for _, row, answer in tried if is_other(answer, self.answer)]
            if changing:
                return self._pruned([*out, changing[0][0]], is_other), True
            out.append(min(tried)[1])
        return np.array(out), False

    def _pruned(
        self, out: Sequence[int], is_other: Callable[[DimensionAnswer, DimensionAnswer], bool]
    ) -> Rows:
        """The rows without those that can be put back."""
        kept = list(out)
        for row in out[:-1]:
            fewer = [one for one in kept if one != row]
            if is_other(self._asked(np.array(fewer)), self.answer):
                kept = fewer
        return np.array(kept)

    def _standing(self, answer: DimensionAnswer) -> float:
        """How probable what was answered is in another answer."""
        first = self.answer.candidates[0].category
        return next((one.probability for one in answer.candidates if one.category == first), 0.0)

    def _without(self, out: Rows, emphasis: str) -> Counterfactual:
        entries = [self._neighbour(row) for row in out.tolist()]
        noun = "entry" if len(out) == 1 else "entries"
        return self._told(f"{emphasis}without the {noun} named", entries, self._asked(out))

    def _neighbour(self, row: int) -> Neighbour:
        """A row that is left out; with neither likeness nor weight, which are of one question."""
        return neighbour_of(self.masking.view, row, 0.0, 0.0)

    def _told(self, change: str, entries: Sequence[Neighbour], answer: DimensionAnswer) -> Counterfactual:
        first = answer.candidates[0] if answer.candidates else None
        return Counterfactual(
            change=change,
            entries=tuple(entries),
            decision=answer.decision,
            category="" if first is None else first.category,
            probability=0.0 if first is None else first.probability,
            changes_answer=_has_other_first(answer, self.answer) or _has_other_decision(answer, self.answer),
        )

    def _view(self, out: Rows) -> View:
        return self.masking.without(np.concatenate((self.masked, out)).astype(np.int64))

    def _asked(
        self,
        out: Rows,
        transaction: Transaction | None = None,
        rulebook: Rulebook | None = None,
        *,
        hears: bool = True,
    ) -> DimensionAnswer:
        self.give_way()
        view = self._view(out)
        if rulebook is not None:
            view = replace(view, rulebook=rulebook)
        if not hears:
            view = replace(view, testimonies=NO_TESTIMONIES)
        dimension = self.answer.dimension
        options = replace(self.options, dimensions=(dimension,), neighbours_max=0, min_revision=0)
        answer: Classification = classify(
            view, self.encoder, self.vote, transaction or self.transaction, options
        )
        return answer.answer(dimension)


def _has_other_first(one: DimensionAnswer, other: DimensionAnswer) -> bool:
    firsts = [answer.candidates[0].category if answer.candidates else "" for answer in (one, other)]
    return firsts[0] != firsts[1]


def _has_other_decision(one: DimensionAnswer, other: DimensionAnswer) -> bool:
    return one.decision is not other.decision
