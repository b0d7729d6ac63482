"""Why an answer is what it is: the answer, what spoke for it, what it takes to FILE, and what else might be.

Of an entry in the books it is explained what would be answered without it: as of before it was labelled, but
with all that was taught since. What of memory knows it all the same is said.
"""

from collections.abc import Callable

import numpy as np

from likewise_engine.answers import Classification, ClassifyOptions
from likewise_engine.classify import classify
from likewise_engine.encoder.base import Encoder
from likewise_engine.explain.counterfactuals import Counterfactuals, Rows
from likewise_engine.explain.explanation import DimensionExplanation, Explanation
from likewise_engine.explain.grounds_explained import contrast_of, threshold_of
from likewise_engine.grounds import Grounds
from likewise_engine.ledger.masking import Masking
from likewise_engine.ledger.view import UNLABELLED, View
from likewise_engine.transaction import Transaction
from likewise_engine.vote import Vote

_NOTHING = np.empty(0, dtype=np.int64)


def explain(
    view: View,
    encoder: Encoder,
    vote: Vote,
    transaction: Transaction,
    options: ClassifyOptions,
    give_way: Callable[[], None] = lambda: None,
) -> Explanation:
    """Explain the answer to a transaction.

    Args:
        view: the tenant's memory.
        encoder: of texts.
        vote: weighs evidence.
        transaction: as it is asked about. If the books have its id, its entry is left out.
        options: how it is asked.
        give_way: called before each of some dozens of questions.

    Raises:
        InvalidInput, UnknownDimension, ModelFault: as :func:`likewise_engine.classify.classify`.
    """
    masking, masked = Masking(view), _rows_of(view, transaction.id)
    seen = masking.without(masked) if len(masked) else view
    answer = classify(seen, encoder, vote, transaction, options)
    explained = []
    for grounds, of_dimension in zip(answer.grounds, answer.answers, strict=True):
        counterfactuals = Counterfactuals(
            masking, masked, encoder, vote, transaction, options, of_dimension, give_way
        )
        explained.append(
            DimensionExplanation(
                answer=of_dimension,
                label=_label_of(view, masked, of_dimension.dimension),
                contrast=contrast_of(grounds, vote),
                threshold=threshold_of(grounds),
                counterfactuals=counterfactuals.all() if of_dimension.candidates else (),
            )
        )
    return Explanation(answer, bool(len(masked)), _still_known(view, masked), explained)


def explained_again(answer: Classification, vote: Vote) -> Explanation:
    """What the grounds of a recorded answer tell; no memory is asked, so there are no counterfactuals.

    Args:
        answer: with its grounds, as :func:`likewise_engine.feedback.replay.replayed` gives it.
        vote: that decided.
    """

    def one(grounds: Grounds) -> DimensionExplanation:
        threshold = threshold_of(grounds, is_recorded=True)
        return DimensionExplanation(grounds.answer(), "", contrast_of(grounds, vote), threshold, ())

    return Explanation(answer, False, (), [one(grounds) for grounds in answer.grounds])


def _rows_of(view: View, transaction_id: str) -> Rows:
    """The live row of an entry, if there is one."""
    if not transaction_id:
        return _NOTHING
    rows = np.array(view.transaction_ids.find(transaction_id, len(view.alive)), dtype=np.int64)
    return rows[view.alive[rows]]


def _label_of(view: View, rows: Rows, dimension: str) -> str:
    labels = view.labels.get(dimension)
    if labels is None or not len(rows) or labels[rows[0]] == UNLABELLED:
        return ""
    return view.chart.categories[int(labels[rows[0]])].id


def _still_known(view: View, masked: Rows) -> tuple[str, ...]:
    if not len(masked):
        return ()
    head = "the classifier trained on the tenant's books, unless the entry came after it was"
    calibration = "the calibration, if what was answered about the entry is among its outcomes"
    return (*([head] if view.heads.of_dimension else []), calibration)
