"""Invented books differ between languages in nothing but words, and what each language gets is told."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import languages
from language_side.invented import CATEGORIES, book_of
from likewise_indexer.models.tune.words import Concept

CONCEPTS = [
    Concept(f"concept {n}", (), {"en": (f"shop{n}", f"store{n}"), "de": (f"laden{n}", f"geschäft{n}")})
    for n in range(CATEGORIES + 4)
]


def test_books_of_one_seed_differ_in_nothing_but_words() -> None:
    english, german = (book_of(language, CONCEPTS, 80, seed=3) for language in ("en", "de"))
    assert [c.id for c in english.categories] == [c.id for c in german.categories]
    for one, other in zip(english.items, german.items, strict=True):
        assert one.labels == other.labels
        assert replace(one.transaction, payee="") == replace(other.transaction, payee="")
        assert one.transaction.payee.split()[1] == other.transaction.payee.split()[1]
        (number,) = re.findall(r"\d+", one.transaction.payee)
        assert other.transaction.payee.startswith((f"laden{number} ", f"geschäft{number} "))
    assert book_of("en", CONCEPTS, 80, seed=4).items != english.items


def test_concepts_that_a_language_lacks_are_left_out() -> None:
    lacking = Concept("lacking", (), {"en": ("word",)})
    assert languages.worded_in([*CONCEPTS, lacking], ["en", "de"]) == CONCEPTS
    assert languages.languages_of([lacking, *CONCEPTS]) == ["en", "de"]


def test_it_runs_small_and_says_how_each_language_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "languages.md"
    languages.main(["--small", "--jobs", "1", "--write", str(page)])
    text = page.read_text()
    assert capsys.readouterr().out.strip() == text.strip()
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    assert [row[0] for row in rows] == ["language", "---", "en", "de"]
    assert float(rows[2][1]) > 0.5
    with pytest.raises(SystemExit, match="languages: "):
        languages.main(["--small", "--words", str(tmp_path / "none.tsv")])
