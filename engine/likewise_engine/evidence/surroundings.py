"""The rows around a question: past entries with the nearest texts, and how far off each of them is.

The kernel that weighs them is tuned by hand: text x amount x age, see
:mod:`likewise_engine.evidence.distances`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import copysign, log1p, nan
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from likewise_engine.evidence.distances import TAU, distances
from likewise_engine.head import Hashed, hashed_of
from likewise_engine.ledger.view import View
from likewise_engine.transaction import Transaction, flow_of

Floats = NDArray[np.float64]

IDENTIFIED_SIMILARITY: Final = 0.9
"""What a row that an identifier tells weighs at least. By hand: above all but spellings of one name."""
OTHERS_SIMILARITY: Final = 0.75
"""What a row of the same wording weighs at most that an identifier tells is somebody else's. By hand."""


class Parties(NamedTuple):
    """What identifiers tell of a tenant's parties.

    Attributes:
        same: numbers of those that are the question's.
        identified: of these, those that have an identifier of the question's.
        others: of those that are worded alike, those that an identifier tells are somebody else.
    """

    same: Sequence[int]
    identified: Sequence[int]
    others: Sequence[int]


@dataclass(frozen=True, slots=True)
class Wording:
    """What a question is called, and whether the tenant knows it.

    Attributes:
        text: normalised.
        payee: normalised; empty where there is none.
        text_number: of the text, or UNKNOWN.
        payee_number: of the payee, or UNKNOWN; nobody in particular is UNKNOWN too.
        parties: what identifiers tell of the tenant's parties; None where none has any.
        vector: float32 ``(dimensions,)``, of the text.
    """

    text: str
    payee: str
    text_number: int
    payee_number: int
    vector: NDArray[np.float32]
    parties: Parties | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The rows around one question, for all dimensions.

    Attributes:
        vector: float32 ``(dimensions,)``, of the question's text.
        hashed: the question as the tenant's heads read it.
        log_amount: log1p of the amount, negative where money went out; NaN where it is not known.
        asked_rank: live entries, of past and future alike, up to the question's day: to back-fill.
        texts: int64 ``(t,)``, numbers of the nearest texts, the nearest first.
        rows: int64 ``(m,)``, rows of the view; nearest texts first.
        text_of_row: int64 ``(m,)``, index into ``texts``.
        similarity: float64 ``(m,)``, cosine of each row's text; exactly 1 for the same text.
        same_text: bool ``(m,)``; not where an identifier tells that it is somebody else's.
        same_payee: bool ``(m,)``.
        same_amount: bool ``(m,)``.
        amount_difference: float64 ``(m,)``, d as above; NaN where an amount is not known.
        log_amounts: float64 ``(m,)``, as ``log_amount``.
        same_direction: float64 ``(m,)``, 1 where money went the same way, or nothing tells that it did not.
            What is not known counts as the same: in the books that votes are trained on money nearly always
            goes one way, so that is what questions without an amount have shown them.
        rank: int64 ``(m,)``, live entries up to each row's day.
        age: float64 ``(m,)``, in live entries between the two days.
        log_weight: float64 ``(m,)``, the kernel's; where identifiers tell more than the wording, as if the
            text were more or less alike.
        identified: bool ``(m,)``, whether an identifier tells that the payee is the same; None if none does.
    """

    vector: NDArray[np.float32]
    hashed: Hashed
    log_amount: float
    asked_rank: int
    texts: NDArray[np.int64]
    rows: NDArray[np.int64]
    text_of_row: NDArray[np.int64]
    similarity: Floats
    same_text: NDArray[np.bool_]
    same_payee: NDArray[np.bool_]
    same_amount: NDArray[np.bool_]
    amount_difference: Floats
    log_amounts: Floats
    same_direction: Floats
    rank: NDArray[np.int64]
    age: Floats
    log_weight: Floats
    identified: NDArray[np.bool_] | None = None


def surroundings_of(
    view: View,
    transaction: Transaction,
    wording: Wording,
    near: tuple[NDArray[np.int64], NDArray[np.float32]],
) -> Surroundings:
    """Gather the rows around a question.

    Args:
        view: the tenant's memory.
        transaction: the question.
        wording: its text and payee.
        near: the nearest texts with their similarities, as the index found them.
    """
    texts, text_similarities = near
    rows, ranks = view.postings.gather(texts, view.order_day, view.alive)
    flow = flow_of(transaction)
    amount = nan if transaction.amount is None else copysign(transaction.amount, flow)
    day_ranks = view.day_ranks
    asked_day = transaction.date.toordinal() if transaction.date else day_ranks.last_day
    asked_rank, measured = distances(
        rows,
        ranks,
        texts,
        text_similarities,
        (view.order_day, view.payee, view.amount, view.direction),
        (day_ranks.days, day_ranks.counts),
        wording.text_number,
        wording.payee_number,
        amount,
        flow,
        asked_day,
    )
    around = Surroundings(
        wording.vector,
        hashed_of(wording.text, wording.payee, amount),
        copysign(log1p(abs(amount)), amount),
        asked_rank,
        texts,
        rows,
        ranks,
        *measured,
    )
    return around if wording.parties is None else _identified(view, around, wording.parties)


def _identified(view: View, around: Surroundings, parties: Parties) -> Surroundings:
    """The surroundings by parties: who is worded otherwise is brought near, who is worded alike parted."""
    payees = view.payee[around.rows]
    identified, others = np.isin(payees, parties.identified), np.isin(payees, parties.others)
    nearer = np.where(identified, np.maximum(IDENTIFIED_SIMILARITY - around.similarity, 0.0), 0.0)
    farther = np.where(others, np.maximum(around.similarity - OTHERS_SIMILARITY, 0.0), 0.0)
    return replace(
        around,
        same_text=around.same_text & ~others,
        same_payee=np.isin(payees, parties.same),
        log_weight=around.log_weight + (nearer - farther) / TAU,
        identified=identified if identified.any() else None,
    )
