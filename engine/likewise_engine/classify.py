"""One request: transaction -> text -> vector -> neighbours -> evidence -> vote -> decision.

One road, no way back: plain functions on values, the same for the service, the command line and the replay
of history. It reads one view and nothing else, so the same view and models give the same answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isnan
from time import perf_counter_ns
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.answers import (
    Classification,
    ClassifyOptions,
    Neighbour,
    TimeSpent,
    Witness,
)
from likewise_engine.encoder.base import Encoder
from likewise_engine.evidence import Evidence, Surroundings, Wording, evidence_of, surroundings_of
from likewise_engine.evidence.ambiguity import rival_of
from likewise_engine.evidence.identified import identified, is_identified
from likewise_engine.evidence.weights import deciding_kind, weightiest
from likewise_engine.grounds import Grounds, Judgement, judged
from likewise_engine.ledger.view import UNKNOWN, UNLABELLED, View
from likewise_engine.rules.rulebook import Ruling
from likewise_engine.text import NO_PAYEES, text_and_payee
from likewise_engine.transaction import CATEGORY_DIMENSION, Transaction, decimal_of
from likewise_engine.vote import Vote
from likewise_engine.wording.telling import parts_of

_WITNESS_OF_KIND: Final = {
    None: Witness.CATEGORY_NAME,
    0: Witness.SAME_TEXT_AND_AMOUNT,
    1: Witness.SAME_TEXT,
    2: Witness.SAME_PAYEE,
    3: Witness.SIMILAR_TEXT,
}
"""By :func:`likewise_engine.evidence.weights.deciding_kind`."""
_LESS_THAN_IDENTIFIED: Final = (Witness.SAME_PAYEE, Witness.SIMILAR_TEXT)
_NO_RULINGS: Final[Mapping[str, Ruling]] = {}


def classify(
    view: View, encoder: Encoder, vote: Vote, transaction: Transaction, options: ClassifyOptions
) -> Classification:
    """Answer for one transaction.

    Raises:
        InvalidInput: the transaction or an option is out of bounds.
        UnknownDimension: a dimension was asked that the tenant does not have.
        ModelFault: the encoder or the vote failed.
        EngineFault: the search for the tenant's rules ran out of its memory.
    """
    started_ns = perf_counter_ns()
    transaction.check()
    options.check()
    question = question_of(view, encoder, transaction, _dimensions(view, options))
    target = options.target_precision or view.policy.target_precision
    rulings = view.rulebook.rulings(transaction, question.text) if view.rulebook else _NO_RULINGS
    grounds = tuple(
        _grounds(view, vote, question, dimension, target, options.candidates_max, rulings.get(dimension))
        for dimension in question.evidence
    )
    answers = tuple(each.answer() for each in grounds)
    neighbours = _neighbours(view, question.around, options.neighbours_max)
    voted_ns = perf_counter_ns() - started_ns - question.encode_ns - question.search_ns
    return Classification(
        answers=answers,
        neighbours=neighbours,
        encoder_fingerprint=encoder.fingerprint,
        vote_fingerprint=vote.fingerprint,
        revision=view.revision,
        text=question.text,
        time_spent=TimeSpent(question.encode_ns, question.search_ns, voted_ns),
        grounds=grounds,
        wording=parts_of(transaction) if options.show_wording else None,
    )


@dataclass(frozen=True, slots=True)
class Question:
    """A transaction with all that the memory has on it, before anybody votes.

    Attributes:
        text: its normalised wording.
        around: the rows around it.
        evidence: what they say, by dimension.
        encode_ns: time until it had a vector.
        search_ns: time from there until it had its surroundings.
    """

    text: str
    around: Surroundings
    evidence: Mapping[str, Evidence]
    encode_ns: int
    search_ns: int


def question_of(
    view: View, encoder: Encoder, transaction: Transaction, dimensions: Sequence[str]
) -> Question:
    """Walk the road as far as the evidence. Whoever trains a vote sees what the one that serves will see.

    Raises:
        ModelFault: the encoder failed.
    """
    started_ns = perf_counter_ns()
    text, payee = text_and_payee(transaction.payee, transaction.description)
    number = view.text_number(text)
    known = None if number == UNKNOWN else number
    vector = _encoded(encoder, text) if known is None else view.index.vectors_of(np.array([known]))[0]
    encoded_ns = perf_counter_ns()

    if len(view.index.matrix):
        near = view.index.search(vector, limits.RETRIEVED_TEXTS_MAX, known)
    else:
        near = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    same_payee = UNKNOWN if payee in NO_PAYEES else view.payee_numbers.get(payee, UNKNOWN)
    wording = Wording(text, payee, number, same_payee, vector)
    if view.counterparties:
        wording, near = identified(view, transaction, wording, near)
    around = surroundings_of(view, transaction, wording, near)
    searched_ns = perf_counter_ns()

    evidence = {dimension: evidence_of(view, around, dimension) for dimension in dimensions}
    return Question(text, around, evidence, encoded_ns - started_ns, searched_ns - encoded_ns)


def judge(view: View, vote: Vote, question: Question, dimension: str) -> Judgement:
    """Walk the road from the evidence to probabilities. Raises ModelFault: the vote failed."""
    evidence = question.evidence[dimension]
    return judged(
        evidence,
        vote.probabilities(evidence),
        view.calibrations[dimension],
        view.category_counts,
        lambda first: rival_of(evidence, question.around, first),
    )


def _dimensions(view: View, options: ClassifyOptions) -> Sequence[str]:
    for position, dimension in enumerate(options.dimensions):
        view.chart.require_dimension(dimension, f"dimensions[{position}]")
    # A tenant that was taught nothing still gets an answer: ASK.
    return options.dimensions or view.chart.dimensions or (CATEGORY_DIMENSION,)


def _encoded(encoder: Encoder, text: str) -> NDArray[np.float32]:
    # At the store's precision, so that a text is as near to others before it is learned as after.
    return np.asarray(encoder.encode([text])[0].astype(np.float16), dtype=np.float32)


def _grounds(
    view: View,
    vote: Vote,
    question: Question,
    dimension: str,
    target_precision: float,
    candidates_max: int,
    ruling: Ruling | None,
) -> Grounds:
    judgement = judge(view, vote, question, dimension)
    evidence, witness = question.evidence[dimension], Witness.NONE
    if len(judgement.positions):
        first = int(judgement.positions[0])
        witness = _WITNESS_OF_KIND[deciding_kind(evidence, question.around, first)]
        if witness in _LESS_THAN_IDENTIFIED and is_identified(evidence, question.around, first):
            witness = Witness.SAME_COUNTERPARTY
    opinion = None
    if view.testimonies:
        active = view.active_categories(dimension)
        opinion = view.testimonies.opinion(question.text, dimension, active)
    return Grounds(
        dimension,
        evidence,
        judgement,
        witness,
        view.calibrations[dimension],
        view.category_counts,
        view.chart.categories,
        target_precision,
        candidates_max,
        opinion,
        ruling,
    )


def _neighbours(view: View, around: Surroundings, count_max: int) -> tuple[Neighbour, ...]:
    """The weightiest rows; equals in the order of their nearness and then of their age."""
    positions, shares = weightiest(around, count_max)
    rows, similarity = around.rows, around.similarity
    return tuple(
        [
            neighbour_of(view, rows.item(position), similarity.item(position), share)
            for position, share in zip(positions, shares, strict=True)
        ]
    )


def neighbour_of(view: View, row: int, similarity: float, weight: float) -> Neighbour:
    """A row of a view as an answer shows it."""
    amount, categories, labels = view.amount.item(row), view.chart.categories, dict[str, str]()
    for dimension, column in view.labels.items():
        label = column.item(row)
        if label != UNLABELLED:
            labels[dimension] = categories[label].id
    return Neighbour(
        view.transaction_ids[row],
        date.fromordinal(view.order_day.item(row)) if view.is_dated.item(row) else None,
        None if isnan(amount) else decimal_of(amount),
        view.currencies[view.currency.item(row)],
        view.texts[view.text.item(row)],
        labels,
        similarity,
        weight,
    )
