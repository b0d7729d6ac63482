"""How questions are distributed: a few measures of each, in fixed bins. So stretches of days can be compared
by counts that hold no wording and outlive the questions.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, NamedTuple

from likewise_engine.feedback.prediction import Prediction

SIMILARITY: Final = "similarity"
PAYEE: Final = "payee"
AMOUNT: Final = "amount"

EDGES: Final[Mapping[str, tuple[float, ...]]] = {
    SIMILARITY: (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.999_999),
    PAYEE: (0.5,),
    AMOUNT: (-10_000, -1_000, -300, -100, -30, -10, 0, 10, 30, 100, 300, 1_000, 10_000),
}
"""By measure where a bin ends and the next begins (a bin has its lower edge): cosine of the nearest entry's
text; 1 where there were entries of the payee, and else 0; the amount as it was sent. By hand: half of the
similarities of real books are 1, and amounts there go by powers of ten."""


class BinCount(NamedTuple):
    """How many of a day's questions fell into one bin of a measure.

    Attributes:
        day: of the answers, UTC.
        measure: one of EDGES.
        bin: from 0.
        questions: how many.
    """

    day: date
    measure: str
    bin: int
    questions: int


def bin_of(measure: str, value: float) -> int:
    """The bin, from 0, that a value belongs to."""
    return bisect_right(EDGES[measure], value)


def bins_of(prediction: Prediction) -> Iterator[tuple[str, int]]:
    """Yield the measures of a question, each with its bin."""
    yield SIMILARITY, bin_of(SIMILARITY, prediction.similarity)
    yield PAYEE, bin_of(PAYEE, float(prediction.knows_payee))
    if prediction.amount is not None:
        yield AMOUNT, bin_of(AMOUNT, prediction.amount)
