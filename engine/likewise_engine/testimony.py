"""Testimonies: what a language model said of a text, and how much that is worth by its record.

A witness from outside. It is asked aside where the vote would ASK, answers with a category of the tenant's
own chart, and counts when the same text is asked about again, until a person has labelled it: from then on
the label tells, and whether the testimony was right. That is its *record*, of this tenant and in this
dimension.

How it is pooled with the vote. With p what the vote gives the named category, it has

      logit q = a logit p + b

after the testimony: a logistic regression of whether testimonies were right, on what the vote had given to
what they named when they were asked for, with a normal prior around a = 1 and the b of a model that nobody
knows. With a = 1 that is Bayes' rule in odds, and b the logarithm of the likelihood ratio, the weight of
evidence (I. J. Good, "Probability and the Weighing of Evidence", 1950); but measured rather than assumed. To
take the two witnesses for independent would count what they share twice: the model is shown the neighbours
that the vote has seen. A model that only repeats the vote is as often right as the vote expects, so its b
goes to 0, and it changes nothing; one that is right less often than that lowers what it names. What others
had is scaled by one factor.

What it can do is bounded besides: it never FILEs, and what the vote FILEs it does not touch, so that nothing
that is promised of FILE hangs on it; see :mod:`likewise_engine.grounds`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from math import fsum, log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.fitting import logits, posterior_mode, sigmoids
from likewise_engine.probabilities import PROBABILITY_MIN

_PRIOR: Final = (1.0, log(19.0))
_PRIOR_SCALE: Final = (0.25, 1.0)
"""Of a and b: a model that nobody knows is taken to be right half of the time where the vote gives what it
names one chance in twenty. So what has one chance in forty becomes a suggestion, and what has one in a
hundred does not. By hand, no proof; the scale of a is that of calibration, that of b lets twenty testimonies
outweigh it."""
_SLOPE_MIN: Final = 0.05
"""What the vote finds likelier must stay so."""
_KEY_BYTES: Final = 16
_TESTIMONY_BYTES: Final = 600
"""With its text and its place in a dictionary."""


@dataclass(frozen=True, slots=True)
class Testimony:
    """What a language model said of a text in one dimension.

    Attributes:
        transaction_id: of the transaction that was asked about; may be empty.
        text: its wording as it was compared.
        dimension: in which it was asked.
        category: number of the category that it named; None where it said that none fits.
        expected: what the vote gave that category when it was asked for, calibrated; 0 for None.
        witness: names the model, and the way in which it was asked.
        menu: digest of the categories that it could choose from.
        revision: of the tenant, at which it was asked.
        label: number of the category that a person has given the text since; None where nobody has.
        id: grows with every testimony; 0 where it is not kept yet.
    """

    transaction_id: str
    text: str
    dimension: str
    category: int | None
    expected: float
    witness: str
    menu: str
    revision: int
    label: int | None = None
    id: int = 0

    @property
    def key(self) -> str:
        """Names the question."""
        return question_key(self.text, self.dimension)


@dataclass(frozen=True, slots=True)
class Record:
    """How often a witness was right, and what its word is worth by that.

    Attributes:
        right: testimonies that have a label by now, and had named it.
        wrong: those that had named another.
        open: those without a label yet.
        slope: a.
        intercept: b.
    """

    right: int = 0
    wrong: int = 0
    open: int = 0
    slope: float = _PRIOR[0]
    intercept: float = _PRIOR[1]

    @classmethod
    def of(cls, testimonies: Sequence[Testimony]) -> "Record":
        """The record of a witness, by all that it named in one dimension."""
        judged = [testimony for testimony in testimonies if testimony.label is not None]
        right = np.array([each.label == each.category for each in judged], dtype=np.float64)
        logit = logits(np.array([each.expected for each in judged], dtype=np.float64))
        weight = np.ones(len(judged))
        slope, intercept = posterior_mode(np.stack((logit, weight)), right, weight, _PRIOR, _PRIOR_SCALE)
        count = int(right.sum())
        return cls(
            count, len(judged) - count, len(testimonies) - len(judged), max(slope, _SLOPE_MIN), intercept
        )

    def probability(self, before: float) -> float:
        """Of what it names, by what the vote gives it."""
        return float(sigmoids(logits(np.array([before])), self.slope, self.intercept)[0])


@dataclass(frozen=True, slots=True)
class Opinion:
    """A testimony as it is weighed in one decision.

    Attributes:
        category: number of the category that it names.
        record: of the witness.
        categories: how many are active in the dimension.
    """

    category: int
    record: Record
    categories: int

    def pooled(
        self, candidates: NDArray[np.int64], probabilities: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """What the vote says, and this.

        Args:
            candidates: int64 ``(c,)``, category numbers.
            probabilities: float64 ``(c,)``, of each, their sum at most 1.

        Returns:
            Both likewise, in the same order; with the named category at the end, where it was none of them.
        """
        named = np.flatnonzero(candidates == self.category)
        if not len(named):
            candidates = np.append(candidates, self.category)
            probabilities = np.append(probabilities, 0.0)
            named = np.array([len(candidates) - 1])
        pooled, at = probabilities.copy(), int(named[0])
        others = fsum(probabilities) - float(probabilities[at])
        before = expected_of(self.category, candidates, probabilities, self.categories)
        after = self.record.probability(before)
        pooled *= (1.0 - after) / max(1.0 - before, others)
        pooled[at] = after
        return candidates, pooled


def expected_of(
    category: int, candidates: NDArray[np.int64], probabilities: NDArray[np.float64], categories: int
) -> float:
    """What the vote gives a category: its probability, or an equal share of what it gives to no candidate.

    Args:
        category: its number.
        candidates: int64 ``(c,)``, category numbers.
        probabilities: float64 ``(c,)``, of each, their sum at most 1.
        categories: how many are active in the dimension.
    """
    alone = float(probabilities[candidates == category].sum())
    unsupported = categories - int(np.count_nonzero(probabilities))
    share = (1.0 - fsum(probabilities)) / max(unsupported, 1)
    return min(max(alone, share, PROBABILITY_MIN), 1.0 - PROBABILITY_MIN)


@dataclass(frozen=True, slots=True)
class Testimonies:
    """All that are kept of a tenant. Immutable.

    Attributes:
        changed_at: the store's position when they last changed; 0 where there never was one.
        by_question: by text and dimension, of each the latest.
        records: by dimension and witness.
    """

    changed_at: int = 0
    by_question: dict[tuple[str, str], Testimony] = field(default_factory=dict)
    records: Mapping[tuple[str, str], Record] = field(default_factory=dict)

    @classmethod
    def of(cls, changed_at: int, testimonies: Iterable[Testimony]) -> "Testimonies":
        """These testimonies, in the order of their ids."""
        by_question = dict[tuple[str, str], Testimony]()
        by_witness = defaultdict[tuple[str, str], list[Testimony]](list)
        for testimony in testimonies:
            if testimony.text:
                by_question[testimony.text, testimony.dimension] = testimony
            if testimony.category is not None:
                by_witness[testimony.dimension, testimony.witness].append(testimony)
        records = {witness: Record.of(given) for witness, given in by_witness.items()}
        return cls(changed_at, by_question, records)

    def __bool__(self) -> bool:
        """Whether there is any that can be asked for."""
        return bool(self.by_question)

    @property
    def nbytes(self) -> int:
        """Bytes of main memory, by estimate."""
        return _TESTIMONY_BYTES * len(self.by_question)

    def record_of(self, testimony: Testimony) -> Record:
        """The record of whoever gave it."""
        return self.records.get((testimony.dimension, testimony.witness), Record())

    def find(self, key: str) -> Testimony | None:
        """The testimony on a question that is named. Mostly it is one of the latest."""
        return next((each for each in reversed(self.by_question.values()) if each.key == key), None)

    def since(self, last_id: int) -> Sequence[Testimony]:
        """Those with a higher id, ascending."""
        return sorted(
            (each for each in self.by_question.values() if each.id > last_id), key=lambda each: each.id
        )

    def beyond(self, earlier: "Testimonies") -> Sequence[Testimony]:
        """Those that are new since, in their order. An id is given anew where one was forgotten."""
        if earlier is self:
            return ()
        known = {(each.id, each.revision) for each in earlier.by_question.values()}
        return [each for each in self.since(0) if (each.id, each.revision) not in known]

    def opinion(self, text: str, dimension: str, active: NDArray[np.int64]) -> Opinion | None:
        """What is to be weighed for a text; None where nothing is, or a label has told since.

        Args:
            text: that is asked about.
            dimension: in which it is.
            active: numbers of its active categories, ascending.
        """
        testimony = self.by_question.get((text, dimension))
        if testimony is None or testimony.category is None or testimony.label is not None:
            return None
        if testimony.category not in active:
            return None
        return Opinion(testimony.category, self.record_of(testimony), len(active))


NO_TESTIMONIES: Final = Testimonies()


def question_key(text: str, dimension: str) -> str:
    """Names a question to a language model, in 32 hexadecimal digits."""
    return blake2b(f"{dimension}\0{text}".encode(), digest_size=_KEY_BYTES).hexdigest()
