"""Is one language served worse than another? The same invented books in each, replayed by what serves.

    python bench/languages.py [--words WORDS.tsv] [--json FILE] [--write docs/languages.md]
    python bench/languages.py --small

Books of one seed are the same in every language but for their words (language_side/invented.py), so
differences are paired: what is left after averaging over tenants is the language's, give or take the standard
error beside it. Most of the words are among those that the encoder was tuned with: what is compared is one
language with another, not how well any would do on books that people keep.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, sqrt
from pathlib import Path
from typing import Final

import numpy as np

from accuracy_page.figures import COVERAGE_AT_95, ECE, TOP1, UNSEEN, Figure, after
from accuracy_page.markdown import NOTHING, command, difference, share, table, wrapped
from language_side.invented import CATEGORIES, book_of
from likewise_engine.errors import LikewiseError
from likewise_indexer.backtest import LIKEWISE, Backtest, BacktestSettings, Performance, run_backtest
from likewise_indexer.backtest.contest import Contest
from likewise_indexer.models.tune.words import PIVOT, Concept, read_words

FIGURES: Final = (
    TOP1,
    COVERAGE_AT_95,
    UNSEEN,
    after(10),
    after(50),
    ECE,
    Figure("FILEd, of these right", lambda p: p.measures.filed_precision),
)
_WORDS: Final = Path(__file__).parents[1] / "data" / "words" / "business-words.tsv"
_ROWS: Final = 600
_TENANTS: Final = 12
_SMALL_ROWS: Final = 120
_SMALL_LANGUAGES: Final = (PIVOT, "de")


@dataclass(frozen=True, slots=True)
class Compared:
    """One language, beside English in the same books.

    Attributes:
        figures: by title; averages over tenants.
        gaps: to English, likewise.
        errors: standard errors of the gaps.
    """

    figures: Mapping[str, float]
    gaps: Mapping[str, float]
    errors: Mapping[str, float]


def languages_of(concepts: Sequence[Concept]) -> list[str]:
    """English, and the others in the order of the table."""
    return list(dict.fromkeys([PIVOT, *(language for concept in concepts for language in concept.words)]))


def worded_in(concepts: Sequence[Concept], languages: Sequence[str]) -> list[Concept]:
    """The concepts that all languages have words for."""
    return [concept for concept in concepts if all(language in concept.words for language in languages)]


def compared(backtest: Backtest, languages: Sequence[str]) -> dict[str, Compared]:
    """Each language beside English, tenant by tenant."""
    of_tenant = {tenant.tenant: tenant.performance[LIKEWISE] for tenant in backtest.tenants}
    seeds = sorted({name.partition("-")[2] for name in of_tenant}, key=int)
    return {
        language: _compared(
            [of_tenant[f"{language}-{seed}"] for seed in seeds],
            [of_tenant[f"{PIVOT}-{seed}"] for seed in seeds],
        )
        for language in languages
    }


def _compared(ours: Sequence[Performance], english: Sequence[Performance]) -> Compared:
    figures, gaps, errors = {}, {}, {}
    for figure in FIGURES:
        own = np.array([figure.of(performance) for performance in ours])
        gap = own - np.array([figure.of(performance) for performance in english])
        known = gap[~np.isnan(gap)]
        figures[figure.title] = float(np.nanmean(own)) if len(known) else float("nan")
        gaps[figure.title] = float(known.mean()) if len(known) else float("nan")
        errors[figure.title] = float(known.std(ddof=1) / sqrt(len(known))) if len(known) > 1 else float("nan")
    return Compared(figures, gaps, errors)


def page_of(found: Mapping[str, Compared], backtest: Backtest) -> str:
    """What was found, as a table for docs/."""
    rows = []
    for language, of_language in found.items():
        cells = [
            share(of_language.figures[f.title])
            + ("" if language == PIVOT else f" ({_gap(of_language, f.title)})")
            for f in FIGURES
        ]
        rows.append([language, *cells])
    tenants = len(backtest.tenants) // len(found)
    note = (
        f"Averages over {tenants} tenants of {CATEGORIES} categories: invented,"
        " and the same in every language but for their words. In brackets the difference from English, ± its"
        f" standard error, tenant by tenant. The encoder is {backtest.encoder_fingerprint}; most of the words"
        " are among those that it was tuned with, so compare the rows with each other alone. The chart is"
        " known from the start, named in the language; the first half of the rows is history for all columns"
        " but *after 10* and *after 50*."
    )
    parts = (
        "# Languages",
        "Made by the command below; not to be edited. Is one language served worse than another?",
        command(f"python bench/languages.py --tenants {tenants} --write docs/languages.md"),
        table(["language", *(figure.title for figure in FIGURES)], rows),
        note,
    )
    return wrapped("\n\n".join(parts)) + "\n"


def _gap(of_language: Compared, title: str) -> str:
    gap, error = of_language.gaps[title], of_language.errors[title]
    return NOTHING if isnan(gap) else f"{difference(gap)}{'' if isnan(error) else f' ± {share(error)}'}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, show and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add = parser.add_argument
    add("--words", type=Path, default=_WORDS, help="a table of words, as 'likewise model tune' reads it")
    add("--encoder", type=Path, help="another than the one that is shipped")
    add("--tenants", type=int, default=_TENANTS, help="of each language")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    add("--json", type=Path, help="write the figures here")
    add("--write", type=Path, metavar="FILE.md", help="write the page here")
    add("--small", action="store_true", help="two languages, one tenant: whether it works")
    given = parser.parse_args(arguments)
    try:
        concepts = read_words(given.words)
        languages = list(_SMALL_LANGUAGES) if given.small else languages_of(concepts)
        usable = worded_in(concepts, languages)
        rows, tenants = (_SMALL_ROWS, 1) if given.small else (_ROWS, given.tenants)
        books = [book_of(language, usable, rows, seed) for language in languages for seed in range(tenants)]
        settings = BacktestSettings(confusions_max=0)
        backtest = run_backtest(books, settings, Contest.of((), encoder=given.encoder), jobs=given.jobs)
        found = compared(backtest, languages)
        page = page_of(found, backtest)
        if given.json is not None:
            given.json.write_text(json.dumps({k: dict(v.figures) for k, v in found.items()}, indent=1) + "\n")
        if given.write is not None:
            given.write.write_text(page, encoding="utf-8")
    except (LikewiseError, OSError) as error:
        sys.exit(f"languages: {error}")
    print(page)


if __name__ == "__main__":
    main()
