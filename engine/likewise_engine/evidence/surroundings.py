"""The rows around a question: past entries with the nearest texts, and how far off each of them is.

The kernel that weighs them is tuned by hand: text x amount x age, see
:mod:`likewise_engine.evidence.distances`.
"""

from dataclasses import dataclass
from math import copysign, log1p, nan

import numpy as np
from numpy.typing import NDArray

from likewise_engine.evidence.distances import distances
from likewise_engine.head import Hashed, hashed_of
from likewise_engine.ledger.view import View
from likewise_engine.transaction import Transaction, flow_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wording:
    """What a question is called, and whether the tenant knows it.

    Attributes:
        text: normalised.
        payee: normalised; empty where there is none.
        text_number: of the text, or UNKNOWN.
        payee_number: of the payee, or UNKNOWN; nobody in particular is UNKNOWN too.
        vector: float32 ``(dimensions,)``, of the text.
    """

    text: str
    payee: str
    text_number: int
    payee_number: int
    vector: NDArray[np.float32]


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
        same_text: bool ``(m,)``.
        same_payee: bool ``(m,)``.
        same_amount: bool ``(m,)``.
        amount_difference: float64 ``(m,)``, d as above; NaN where an amount is not known.
        log_amounts: float64 ``(m,)``, as ``log_amount``.
        same_direction: float64 ``(m,)``, 1 where money went the same way, or nothing tells that it did not.
            What is not known counts as the same: in the books that votes are trained on money nearly always
            goes one way, so that is what questions without an amount have shown them.
        rank: int64 ``(m,)``, live entries up to each row's day.
        age: float64 ``(m,)``, in live entries between the two days.
        log_weight: float64 ``(m,)``, the kernel's.
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
    return Surroundings(
        wording.vector,
        hashed_of(wording.text, wording.payee, amount),
        copysign(log1p(abs(amount)), amount),
        asked_rank,
        texts,
        rows,
        ranks,
        *measured,
    )
