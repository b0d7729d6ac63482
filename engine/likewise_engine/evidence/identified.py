"""What counterparties' identifiers add to a question: who is the same, and texts that no wording finds."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from likewise_engine.evidence.features import Evidence
from likewise_engine.evidence.surroundings import Parties, Surroundings, Wording
from likewise_engine.ledger.counterparties import latest_texts
from likewise_engine.ledger.view import UNKNOWN, View
from likewise_engine.text import NO_PAYEES
from likewise_engine.transaction import Transaction
from likewise_engine.wording.identifiers import identifiers_of

Near = tuple[NDArray[np.int64], NDArray[np.float32]]
_DECIDING_SHARE = 0.5
"""Of the weight behind a candidate, as for the other witnesses."""


def identified(view: View, transaction: Transaction, wording: Wording, near: Near) -> tuple[Wording, Near]:
    """A question's wording with what identifiers tell of the parties, and near texts with the identified's.

    An entry with an identifier of the question's is of the same party, however it is worded; then one with
    another of the same kind is somebody else's, even if it is worded alike. Where the tenant does not know
    the question's identifier, or it has none, the wording tells: banks are changed more often than names.

    Args:
        view: of a tenant that has identifiers.
        transaction: the question.
        wording: its own.
        near: the texts nearest to it.
    """
    identifiers, known = identifiers_of(transaction), view.counterparties
    identified = known.identified_by(identifiers)
    worded = [] if wording.payee in NO_PAYEES else known.worded_as(wording.payee)
    others = set(known.told_apart(wording.payee, identifiers)).difference(identified) if identified else set()
    same = {*identified, *worded, wording.payee_number}.difference(others, (UNKNOWN,))
    parties = Parties(sorted(same), identified, sorted(others))
    return replace(wording, parties=parties), _with_texts(view, wording.vector, identified, near)


def is_identified(evidence: Evidence, around: Surroundings, candidate: int) -> bool:
    """Whether identifiers told most of the weight behind a candidate, by its position."""
    if around.identified is None:
        return False
    rows = evidence.rows[evidence.candidate_of_row == candidate]
    weights = np.exp(around.log_weight[rows] - around.log_weight[rows].max(initial=-np.inf))
    return bool(weights[around.identified[rows]].sum() >= _DECIDING_SHARE * weights.sum() > 0.0)


def _with_texts(view: View, vector: NDArray[np.float32], told: list[int], near: Near) -> Near:
    """The near texts, before them the latest of the identified parties that are not among them."""
    if not told:
        return near
    texts = latest_texts(view.payee, view.text, view.alive, told)
    texts = texts[~np.isin(texts, near[0])]
    similarities = (view.index.vectors_of(texts) @ vector).astype(np.float32)
    return np.concatenate((texts, near[0])), np.concatenate((similarities, near[1]))
