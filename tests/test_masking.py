"""Views with entries masked: as if these had never been taught, as far as a view goes."""

import random
from pathlib import Path

import numpy as np
import pytest

from engine_world import Books, ask, essence, labelled, open_ledger
from likewise_engine.answers import ClassifyOptions
from likewise_engine.classify import classify
from likewise_engine.encoder.hashing import HashingEncoder
from likewise_engine.head import Heads
from likewise_engine.ledger.masking import Masking
from likewise_engine.transaction import Transaction
from likewise_engine.vote import KernelVote
from review_world import books_folder

OPTIONS = ClassifyOptions(candidates_max=50, neighbours_max=64)


@pytest.mark.parametrize("seed", range(5))
def test_a_masked_view_is_the_restricted_one_made_cheaply(seed: int, tmp_path: Path) -> None:
    books, rng = Books(seed=seed, undated_share=0.2), random.Random(seed)
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([books.item(f"t{n}") for n in range(120)])
        ledger.learn([books.item(f"t{n}") for n in range(0, 120, 9)])
        view = ledger.view
    masking = Masking(view)
    alive = np.flatnonzero(view.alive)
    for count in (0, 1, 2, 7, 40):
        rows = np.array(rng.sample(alive.tolist(), count), dtype=np.int64)
        masked = masking.without(rows)
        kept = view.alive.copy()
        kept[rows] = False
        naive = view.restricted(kept)
        assert np.array_equal(masked.alive, naive.alive)
        assert np.array_equal(masked.index.alive, naive.index.alive)
        assert np.array_equal(masked.category_counts, naive.category_counts)
        assert np.array_equal(masked.day_ranks.days, naive.day_ranks.days)
        assert np.array_equal(masked.day_ranks.counts, naive.day_ranks.counts)
        assert np.array_equal(view.alive, masking.view.alive)  # the view itself is as it was


@pytest.mark.parametrize("seed", range(3))
def test_without_heads_a_masked_entry_is_as_good_as_forgotten(seed: int, tmp_path: Path) -> None:
    """Taught in bulk and not calibrated yet, so that no outcome tells of it either."""
    books, encoder, vote = Books(seed=seed), HashingEncoder(64), KernelVote()
    items = [books.item(f"t{n}") for n in range(150)]
    with open_ledger(books_folder(tmp_path, "whole"), encoder) as ledger:
        ledger.import_batch(items)
        for number in random.Random(seed).sample(range(150), 6):
            masked = Masking(ledger.view).without(np.array([number]), Heads())  # rows are in their order
            asked = items[number].transaction
            before = classify(masked, encoder, vote, asked, OPTIONS)
            with open_ledger(books_folder(tmp_path, f"without-{number}"), encoder) as other:
                other.import_batch(items)
                other.forget([f"t{number}"])
                after = classify(other.view, encoder, vote, asked, OPTIONS)
            assert essence(before) == essence(after)


def test_what_is_masked_changes_the_answer(tmp_path: Path) -> None:
    """So the test above could fail."""
    encoder, vote = HashingEncoder(64), KernelVote()
    with open_ledger(tmp_path, encoder) as ledger:
        ledger.import_batch([labelled("a", category="food"), labelled("b", payee="Taxi", category="travel")])
        asked = Transaction(payee="Corner Bakery")
        whole = ask(ledger, "Corner Bakery")
        masked = classify(Masking(ledger.view).without(np.array([0])), encoder, vote, asked, OPTIONS)
    assert whole.answer("category").candidates[0].category == "food"
    assert [n.transaction_id for n in whole.neighbours] == ["a", "b"]
    assert [n.transaction_id for n in masked.neighbours] == ["b"]
    assert "food" not in {c.category for c in masked.answer("category").candidates if c.probability > 0}
