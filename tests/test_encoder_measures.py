"""How good an encoder is by itself, on what it has not seen; bench/encoders.py sets several side by side."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import encoders as bench
from likewise_engine.encoder import HashingEncoder, load_encoder
from likewise_engine.transaction import CATEGORY_DIMENSION, LabelledTransaction, Transaction
from likewise_indexer.backtest import Book
from likewise_indexer.models.tune.measures import (
    SPOILERS,
    found_across_languages,
    found_spoilt,
    recall_of,
)
from likewise_indexer.models.tune.words import Concept, read_words

ROOT = Path(__file__).parents[1]
WORDS = ROOT / "data" / "words" / "business-words.tsv"
TEXTS = [
    f"{first} {second}" for first in ("blue", "old", "green") for second in ("harbour", "mill", "garage")
]


def constant(texts: Sequence[str]) -> NDArray[np.float32]:
    """Finds the first of all texts, whatever is asked."""
    return np.ones((len(texts), 1), np.float32)


def book(rows: Sequence[tuple[str, str]]) -> Book:
    items = [
        LabelledTransaction(Transaction(id=f"t{number}", payee=payee), {CATEGORY_DIMENSION: label})
        for number, (payee, label) in enumerate(rows)
    ]
    return Book("a", (Path("a.csv"),), items)


def test_spoilt_texts_are_found_by_spelling_and_not_by_chance() -> None:
    found = found_spoilt(HashingEncoder().encode, TEXTS)
    assert found.keys() == SPOILERS.keys()
    assert found["store number"] == found["city"] == 1.0
    assert found_spoilt(constant, TEXTS) == dict.fromkeys(SPOILERS, pytest.approx(1 / len(TEXTS)))
    assert found_spoilt(HashingEncoder().encode, TEXTS) == found


def test_payees_that_the_first_half_knows_are_not_asked() -> None:
    rows = [("old mill", "rent"), ("blue harbour", "food")] * 6
    assert recall_of(HashingEncoder().encode, book(rows), first=4).unseen_payees is None
    asked = [("old mill yard", "rent"), ("blue harbour cafe", "food")] * 3
    recall = recall_of(HashingEncoder().encode, book(rows + asked), first=4)
    assert recall.unseen_payees == 1.0
    assert recall.first_labels == 1.0
    assert recall_of(constant, book(rows + asked)).unseen_payees == 0.5


def test_words_that_were_seen_elsewhere_are_not_asked_as_if_held_out() -> None:
    concepts = [
        Concept("rent", (), {"en": ["rent"], "de": ["rent", "rente", "fod"]}),
        Concept("food", (), {"en": ["food"], "de": ["fod"]}),
    ]
    assert [concept.is_held_out("de") for concept in concepts] == [True, False]
    assert found_across_languages(HashingEncoder().encode, concepts, held_out=True) == {"de": 1.0}
    assert found_across_languages(HashingEncoder().encode, concepts, held_out=False) == {"de": 1.0}


def test_the_shipped_encoder_knows_words_of_many_languages() -> None:
    concepts, encode = read_words(WORDS), load_encoder().encode
    trained = found_across_languages(encode, concepts, held_out=False)
    held_out = found_across_languages(encode, concepts, held_out=True)
    assert len(trained) == len(held_out) == 14
    assert min(trained.values()) > 0.7
    assert np.mean(list(held_out.values())) > 0.25  # of chance 1 / 220, and of all-MiniLM-L6-v2 .11


def test_the_bench_sets_encoders_side_by_side(tmp_path: Path) -> None:
    books = ROOT / "data" / "books" / "riverbank-youth.parquet"
    assert bench.books_of([books], "").keys() == {"riverbank-youth"}
    script = Path(bench.__file__)
    arguments = [str(books), "--words", str(WORDS), "--json", str(tmp_path / "out.json")]
    subprocess.run([sys.executable, str(script), *arguments], check=True, timeout=120)
    shipped = json.loads((tmp_path / "out.json").read_text())["shipped"]
    assert shipped["after 50 labels"] > 0.3
    assert shipped["city"] > 0.9
    assert 0 < shipped["µs p50"] <= shipped["µs p99"]
