"""What Likewise answers: values without behaviour, from which a caller can see why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING

from likewise_engine import limits
from likewise_engine.chart import violations_of_target_precision
from likewise_engine.errors import FieldViolation, InvalidInput
from likewise_engine.transaction import violations_of_string
from likewise_engine.wording.parsed import WordingParts

if TYPE_CHECKING:
    from likewise_engine.grounds import Grounds


class Decision(IntEnum):
    """What to do with a transaction. Numbered as in the contract."""

    FILE = 1
    SUGGEST = 2
    ASK = 3


class Witness(IntEnum):
    """What decided for the first candidate. Numbered as in the contract."""

    NONE = 0
    SAME_TEXT_AND_AMOUNT = 1
    SAME_TEXT = 2
    SAME_PAYEE = 3
    SIMILAR_TEXT = 4
    CATEGORY_NAME = 5
    RULE = 6
    SAME_COUNTERPARTY = 7
    LANGUAGE_MODEL = 8


@dataclass(frozen=True, slots=True)
class ClassifyOptions:
    """How to answer.

    Attributes:
        target_precision: overrides the tenant's policy where given.
        min_revision: the revision that the answer must at least see.
        dimensions: the dimensions to answer; all of the tenant's if empty.
        candidates_max: candidates per dimension.
        neighbours_max: neighbours shown; 0 for none.
        show_wording: whether the parts of the wording are shown.
    """

    target_precision: float | None = None
    min_revision: int = 0
    dimensions: tuple[str, ...] = ()
    candidates_max: int = limits.CANDIDATES_DEFAULT
    neighbours_max: int = limits.NEIGHBOURS_DEFAULT
    show_wording: bool = False

    def check(self) -> None:
        """Raise InvalidInput naming every option that is out of bounds."""
        violations: list[FieldViolation] = []
        if self.target_precision is not None:
            violations.extend(violations_of_target_precision(self.target_precision))
        if self.min_revision < 0:
            violations.append(FieldViolation("min_revision", "is negative"))
        if len(self.dimensions) > limits.DIMENSIONS_MAX:
            violations.append(FieldViolation("dimensions", f"are more than {limits.DIMENSIONS_MAX}"))
        for position, dimension in enumerate(self.dimensions[: limits.DIMENSIONS_MAX]):
            violations.extend(
                violations_of_string(f"dimensions[{position}]", dimension, limits.DIMENSION_CHARS_MAX)
            )
        for name, value, low, high in (
            ("max_candidates", self.candidates_max, 1, limits.CANDIDATES_MAX),
            ("max_neighbours", self.neighbours_max, 0, limits.NEIGHBOURS_MAX),
        ):
            if not low <= value <= high:
                violations.append(FieldViolation(name, f"is {value}: it must be within {low} to {high}"))
        if violations:
            raise InvalidInput(violations)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A category that may be the right one, with the probability that it is."""

    category: str
    category_name: str
    probability: float


@dataclass(frozen=True, slots=True)
class DecidingRule:
    """The rule that decided: its id, and its name for people, which may be empty."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class DimensionAnswer:
    """The answer in one dimension.

    Attributes:
        dimension: the dimension.
        decision: what to do.
        candidates: the likeliest first; probabilities sum to at most 1.
        witness: what decided for the first candidate.
        target_precision: what FILE was held to.
        reason: why this decision, as a sentence for a person.
        rule: the rule that decided; None where none did.
    """

    dimension: str
    decision: Decision
    candidates: tuple[Candidate, ...]
    witness: Witness
    target_precision: float
    reason: str
    rule: DecidingRule | None = None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A past entry that the answers rest on.

    Attributes:
        transaction_id: its id.
        date: its date, where known.
        amount: its amount, where known.
        currency: ISO 4217 code, or empty.
        text: its wording as it was compared.
        labels: category id by dimension.
        similarity: cosine of the vectors of its text and the asked one; exactly 1 for the same text.
        weight: its share in the evidence, 0 to 1, of all entries that were looked at.
    """

    transaction_id: str
    date: date | None
    amount: Decimal | None
    currency: str
    text: str
    labels: Mapping[str, str]
    similarity: float
    weight: float


@dataclass(frozen=True, slots=True)
class TimeSpent:
    """Nanoseconds per stage of one classification: text and vector, neighbours, evidence to decision."""

    encode_ns: int
    search_ns: int
    vote_ns: int


@dataclass(frozen=True, slots=True)
class Classification:
    """What Likewise makes of a transaction: one answer per dimension, and what they rest on.

    Attributes:
        answers: one a dimension.
        neighbours: the weightiest past entries.
        encoder_fingerprint: names the encoder.
        vote_fingerprint: names the vote.
        revision: of the tenant.
        text: the transaction's wording as it was compared.
        time_spent: where the time went.
        grounds: of each answer, in the same order, for whoever records or explains it.
        wording: what the wording was taken to, where that was asked for.
    """

    answers: tuple[DimensionAnswer, ...]
    neighbours: tuple[Neighbour, ...]
    encoder_fingerprint: str
    vote_fingerprint: str
    revision: int
    text: str
    time_spent: TimeSpent
    grounds: tuple["Grounds", ...] = field(default=(), compare=False, repr=False)
    wording: WordingParts | None = None

    def answer(self, dimension: str) -> DimensionAnswer:
        """The answer in one dimension. Raises KeyError where it was not asked."""
        for answer in self.answers:
            if answer.dimension == dimension:
                return answer
        raise KeyError(dimension)
