"""Which names a review takes for alike: as comparing each with each would have it, in less time."""

import random
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from likewise_engine.chart import Category
from likewise_engine.review import names, spellings
from likewise_engine.review.categories import chance_of_none
from likewise_engine.review.history import History
from likewise_engine.review.names import alike_names
from review_world import row
from shipped_world import tenant_of


def alike(folder: Path, titles: list[str]) -> set[tuple[str, str]]:
    """Pairs of titles that are taken for alike, of a chart that has these."""
    chart = [Category(id=f"c{number}", name=title) for number, title in enumerate(titles)]
    with tenant_of(folder, [row(1, 1, "Corner Bakery", "c0")], chart) as ledger:
        history = History.of(ledger.view, "category")
        found = alike_names(history, ledger.view.active_categories("category"))
        categories = ledger.view.chart.categories
        assert all(a < b and cosine >= names.NAMES_ALIKE_MIN for (a, b), cosine in found.items())
        return {(categories[a].title, categories[b].title) for a, b in found}


def test_names_are_alike_but_for_those_that_a_number_tells_apart(tmp_path: Path) -> None:
    titles = [
        *(
            "Subscriptions",
            "SUBSCRIPTIONS",
            "Subscriptions 1200",
            "Subscription",
            "Subscription 1200",
            "Subscription 7000",
        ),
        *("Room 1a", "Room 2b", "Rent", "Rental"),
    ]
    assert alike(tmp_path, titles) == {
        ("Subscriptions", "SUBSCRIPTIONS"),
        ("Subscriptions", "Subscription"),
        ("Subscriptions", "Subscription 1200"),
        ("Subscriptions", "Subscription 7000"),
        ("SUBSCRIPTIONS", "Subscription"),
        ("SUBSCRIPTIONS", "Subscription 1200"),
        ("SUBSCRIPTIONS", "Subscription 7000"),
        ("Subscriptions 1200", "Subscription"),
        ("Subscriptions 1200", "Subscription 1200"),
    }


def test_thousands_of_numbered_projects_are_no_twins(tmp_path: Path) -> None:
    titles = [f"Project {number:05}" for number in range(5_000)]
    assert alike(tmp_path, [*titles, "Project 00017 ", "PROJECT 4711"]) == {
        ("Project 00017", "Project 00017 ")
    }


def test_where_all_names_are_alike_so_many_pairs_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "PAIRS_MAX", 10)
    chart = [Category(id=f"c{number}", name="Misc") for number in range(50)]
    with tenant_of(tmp_path, [row(1, 1, "Corner Bakery", "c0")], chart) as ledger:
        history = History.of(ledger.view, "category")
        assert len(alike_names(history, ledger.view.active_categories("category"))) == 10


@pytest.mark.parametrize("spread", [0.0, 0.4, 2.0])
def test_the_nearest_names_of_payees_are_those_of_all_pairs(
    spread: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spellings, "_PAIRS_MAX", 400)
    monkeypatch.setattr(spellings, "_AT_ONCE", 16)
    rng = np.random.default_rng(3)
    vectors = np.ones(8) + spread * rng.standard_normal((90, 8))
    # In few bits, so that there are ties.
    vectors = np.round(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), 1).astype(np.float32)
    cosines = vectors @ vectors.T
    pairs = [pair for pair in combinations(range(90), 2) if cosines[pair] >= spellings._COSINE_MIN]
    nearest = sorted(pairs, key=lambda pair: (-round(float(cosines[pair]), 4), pair))[:400]
    found = list(spellings._near(vectors))
    assert len(found) == min(400, len(pairs))
    told = [round(float(cosines[pair]), 4) for pair in found]
    assert told == [round(float(cosines[pair]), 4) for pair in nearest]
    assert len(set(found)) == len(found)
    if not spread:
        assert found == nearest  # all are as near: the first ones


@pytest.mark.parametrize("uses", [3, 6, 20])
def test_the_chance_of_no_use_is_as_likely_as_it_says(uses: int) -> None:
    rng = random.Random(uses)
    chances = []
    for _ in range(20_000):
        *gaps, since = (rng.expovariate(0.02) for _ in range(uses))
        chances.append(chance_of_none(sum(gaps), since, uses))
    for level in (0.01, 0.1, 0.5):
        share = sum(chance <= level for chance in chances) / len(chances)
        assert share == pytest.approx(level, abs=4 * (level * (1 - level) / len(chances)) ** 0.5)
