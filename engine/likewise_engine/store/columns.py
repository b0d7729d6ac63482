"""What a store holds most of, as columns: the entries and the outcomes of a tenant."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class EntryColumns:
    """All entries as columns in the order of ``seq``; n entries.

    Attributes:
        seq: int64 ``(n,)``, ascending.
        text: int64 ``(n,)``, ids of texts.
        payee: int64 ``(n,)``, ids of payees.
        day: int32 ``(n,)``, proleptic ordinal of the date, 0 where there is none.
        order_day: int32 ``(n,)``.
        amount: float64 ``(n,)``, NaN where there is none.
        direction: int8 ``(n,)``.
        currencies: n codes.
        transaction_ids: n ids.
        label_rows: int64 ``(m,)``, positions of entries, ascending: one for each label.
        label_categories: int64 ``(m,)``, numbers of categories.
    """

    seq: NDArray[np.int64]
    text: NDArray[np.int64]
    payee: NDArray[np.int64]
    day: NDArray[np.int32]
    order_day: NDArray[np.int32]
    amount: NDArray[np.float64]
    direction: NDArray[np.int8]
    currencies: Sequence[str]
    transaction_ids: Sequence[str]
    label_rows: NDArray[np.int64]
    label_categories: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class OutcomeColumns:
    """All outcomes as columns, by the day that their entries count for and then by id; k outcomes.

    Attributes:
        ids: int64 ``(k,)``.
        seqs: int64 ``(k,)``, of the entries.
        predicted: int64 ``(k,)``, numbers of categories.
        probability: float64 ``(k,)``.
        filed: bool ``(k,)``.
    """

    ids: NDArray[np.int64]
    seqs: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probability: NDArray[np.float64]
    filed: NDArray[np.bool_]
