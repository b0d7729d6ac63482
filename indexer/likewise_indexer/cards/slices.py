"""How well somebody does by the language of the books, the size of the tenant and the rarity of the category.

The same for whoever was asked, whatever asked them: a backtest, or the training of a vote.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.errors import InvalidInput
from likewise_indexer.backtest import Backtest
from likewise_indexer.backtest.measures import calibration_error, coverage, reliability
from likewise_indexer.cards.record import BY_LANGUAGE, BY_RARITY, BY_SIZE, Slice

NOT_STATED: Final = "not stated"
"""Of books whose language nobody said: it is not guessed, for a guess by wordings of six words is a bad
one."""
QUESTIONS_MIN: Final = 20
"""Of a tenant in a part, below which its figures would be noise."""

SIZES: Final = ((0, "fewer than 500"), (500, "500 to 1,999"), (2_000, "2,000 or more"))
RARITIES: Final = (
    (0, "none: it is new"),
    (1, "1 to 4"),
    (5, "5 to 19"),
    (20, "20 to 99"),
    (100, "100 or more"),
)
"""Where each part begins, and what it is called."""


@dataclass(frozen=True, slots=True, eq=False)
class AskedTenant:
    """What a tenant asked somebody, n questions, and what came of it.

    Attributes:
        language: of the books.
        labels: that it has, at the last question.
        right: bool ``(n,)``, whether the first candidate was right.
        probability: float64 ``(n,)``, that was said of it; 0 where there was none.
        category_labels: int64 ``(n,)``, earlier labels of the right category.
    """

    language: str
    labels: int
    right: NDArray[np.bool_]
    probability: NDArray[np.float64]
    category_labels: NDArray[np.int64]


def slices_of(who: str, tenants: Sequence[AskedTenant]) -> list[Slice]:
    """The figures of all parts in which a tenant asked often enough, plain averages over such tenants."""
    return [
        *_slices(who, BY_LANGUAGE, ((lang, _of_language(tenants, lang)) for lang in _languages(tenants))),
        *_slices(who, BY_SIZE, ((name, _of_size(tenants, number)) for number, (_, name) in enumerate(SIZES))),
        *_slices(
            who, BY_RARITY, ((name, _of_rarity(tenants, number)) for number, (_, name) in enumerate(RARITIES))
        ),
    ]


def slices_of_backtest(
    backtest: Backtest, languages: Mapping[str, str], titles: Mapping[str, str]
) -> list[Slice]:
    """The parts of a backtest's questions.

    Args:
        backtest: what came of it.
        languages: patterns of tenants' or files' names, as :func:`language_of` takes them.
        titles: who of those that answered is told of, with what each is called.
    """
    found = []
    for who, title in titles.items():
        tenants = [
            AskedTenant(
                language_of([tenant.tenant, *(file.name for file in tenant.files)], languages),
                tenant.rows,
                tenant.answers[who].right,
                tenant.answers[who].probability,
                tenant.asked.category_labels,
            )
            for tenant in backtest.tenants
        ]
        found += slices_of(title, tenants)
    return found


def languages_of(stated: Sequence[str]) -> dict[str, str]:
    """``["tischlerei-*=German"]`` -> patterns, each with its language. Raises InvalidInput."""
    languages = {}
    for one in stated:
        pattern, _, language = one.rpartition("=")
        if not pattern.strip() or not language.strip():
            raise InvalidInput.of("language", f"is {one!r}: it is to be PATTERN=LANGUAGE")
        languages[pattern.strip()] = language.strip()
    return languages


def language_of(names: Sequence[str], languages: Mapping[str, str]) -> str:
    """The language of the first pattern (``*`` for any characters) that any of the names fits."""
    for pattern, language in languages.items():
        if any(fnmatchcase(name, pattern) for name in names):
            return language
    return NOT_STATED


Part = tuple[str, Sequence[AskedTenant]]


def _slices(who: str, by: str, parts: Iterator[Part]) -> Iterator[Slice]:
    for name, tenants in parts:
        enough = [tenant for tenant in tenants if len(tenant.right) >= QUESTIONS_MIN]
        if not enough:
            continue
        figures = np.mean([_figures(tenant) for tenant in enough], axis=0)
        yield Slice(
            by=by,
            part=name,
            who=who,
            tenants=len(enough),
            questions=sum(len(tenant.right) for tenant in enough),
            figures=dict(zip(("top-1", "coverage@95", "ECE"), figures.tolist(), strict=True)),
        )


def _figures(tenant: AskedTenant) -> tuple[float, float, float]:
    right, probability = tenant.right, tenant.probability
    error = calibration_error(reliability(right, probability))
    return float(right.mean()), coverage(right, probability, 0.95), error


def _languages(tenants: Sequence[AskedTenant]) -> list[str]:
    return sorted({tenant.language for tenant in tenants})


def _of_language(tenants: Sequence[AskedTenant], language: str) -> list[AskedTenant]:
    return [tenant for tenant in tenants if tenant.language == language]


def _of_size(tenants: Sequence[AskedTenant], number: int) -> list[AskedTenant]:
    begins = [first for first, _ in SIZES]
    return [t for t in tenants if int(np.searchsorted(begins, t.labels, side="right")) - 1 == number]


def _of_rarity(tenants: Sequence[AskedTenant], number: int) -> list[AskedTenant]:
    begins = [first for first, _ in RARITIES]
    parts = []
    for tenant in tenants:
        within = np.searchsorted(begins, tenant.category_labels, side="right") - 1 == number
        parts.append(
            AskedTenant(
                tenant.language,
                tenant.labels,
                tenant.right[within],
                tenant.probability[within],
                tenant.category_labels[within],
            )
        )
    return parts
