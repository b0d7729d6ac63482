"""What an encoder is tuned on: words, brands, spoilt copies, books without words that few tenants share."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise_engine.errors import InvalidInput
from likewise_engine.text import normalise
from likewise_engine.transaction import CATEGORY_DIMENSION, LabelledTransaction, Transaction
from likewise_indexer.backtest import Book
from likewise_indexer.models.tune.background import Brand, read_brands, read_merchant_categories, worded
from likewise_indexer.models.tune.filed import FiledBook, filed_books
from likewise_indexer.models.tune.groups import Filed, of_book, of_brands, of_noise, of_words
from likewise_indexer.models.tune.negatives import mined
from likewise_indexer.models.tune.noise import spoilt
from likewise_indexer.models.tune.sources import Sources, Weights
from likewise_indexer.models.tune.words import PIVOT, Concept, read_words
from likewise_indexer.readers import UnreadableFile

WORDS = Path(__file__).parents[1] / "data" / "words" / "business-words.tsv"


def book(tenant: str, rows: Sequence[tuple[str, str]]) -> Book:
    items = [
        LabelledTransaction(Transaction(id=f"t{number}", payee=payee), {CATEGORY_DIMENSION: category})
        for number, (payee, category) in enumerate(rows)
    ]
    return Book(tenant, (Path("books.csv"),), items)


def filed(book: FiledBook) -> dict[str, list[str]]:
    return {category.name: sorted(category.texts) for category in book.categories}


def test_words_that_few_tenants_use_are_never_seen() -> None:
    rows = [("Boiler Service", "Repairs"), ("Train Tickets", "Travel")]
    plain = [book(name, rows) for name in "abc"]
    named = [*plain[:2], book("c", [("Boiler Service Agnes Thistlewood", "Repairs"), rows[1]])]
    assert filed_books(named, 3) == filed_books(plain, 3)
    assert filed(filed_books(named, 1)[2])["repairs"] == ["boiler service agnes thistlewood"]


def test_a_text_of_such_words_alone_is_left_out() -> None:
    rows = [("Boiler Service", "Repairs"), ("Train Tickets", "Travel")]
    books = [book(name, [*rows, (f"Quexley{name * 3}", "Repairs")]) for name in "abc"]
    assert all(filed(each)["repairs"] == ["boiler service"] for each in filed_books(books, 2))


def test_a_text_that_is_filed_here_and_there_teaches_nothing() -> None:
    rows = [("Corner Shop", "Food"), ("Corner Shop", "Office"), ("Bakery", "Food"), ("Rent", "Rent")]
    (only,) = filed_books([book("a", rows)], 1)
    assert filed(only) == {"food": ["bakery"], "rent": ["rent"]}


def test_a_book_of_one_category_is_left_out() -> None:
    assert filed_books([book("a", [("Bakery", "Food"), ("Butcher", "Food")])], 1) == []


def test_the_words_of_the_project_are_whole() -> None:
    concepts = read_words(WORDS)
    languages = set.union(*(set(concept.words) for concept in concepts))
    assert len({concept.name for concept in concepts}) == len(concepts) >= 200
    assert len(languages) == 15
    assert all(set(concept.words) == languages for concept in concepts)
    words = [word for concept in concepts for each in concept.words.values() for word in each]
    assert all(word == normalise(word) for word in words)


def test_a_fifth_of_the_words_is_held_out_but_no_english() -> None:
    concepts = read_words(WORDS)
    held = sum(concept.is_held_out(language) for concept in concepts for language in concept.words)
    assert held / (14 * len(concepts)) == pytest.approx(0.2, abs=0.02)
    assert not any(concept.is_held_out(PIVOT) for concept in concepts)
    assert all(concept.trained().keys() & {PIVOT} for concept in concepts)


def test_what_is_held_out_is_in_no_pair() -> None:
    concepts = read_words(WORDS)
    trained = {word for concept in concepts for words in concept.trained().values() for word in words}
    sources = Sources(concepts=concepts)
    assert set(sources.texts()) == trained
    words = next(group for group in sources.groups(Weights()) if group.name == "words")
    assert {positive for _, positive, _ in words.rows(2_000, seed=1)} <= trained


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "headed otherwise"),
        ("concept\tkinds\tde\nrent\t\tMiete\n", "headed otherwise"),
        ("concept\tkinds\ten\nrent\t\n", "2 cells in line 2"),
        ("concept\tkinds\ten\tde\nrent\t\t\tMiete\n", "no word in the column en of line 2"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "words.tsv"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=said):
        read_words(path)


def test_files_that_cannot_be_read_are_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for read in (read_words, read_brands, read_merchant_categories):
        for name in ("missing", "binary"):
            with pytest.raises(UnreadableFile, match=name):
                read(tmp_path / name)


def test_merchant_categories_with_one_description_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("mcc,a_description,b_description,n\n1,Bakeries,Bread Shops,Yes\n2,Hotels,HOTELS,No\n")
    assert read_merchant_categories(path) == {"1": ["bakeries", "bread shops"]}


@given(text=st.from_regex(r"[a-z0-9]{1,8}( [a-z0-9|&]{1,8}){0,5}", fullmatch=True), seed=st.integers(0, 99))
def test_a_spoilt_text_is_some_text(text: str, seed: int) -> None:
    copy = spoilt(text, np.random.default_rng(seed))
    assert copy
    assert copy == copy.strip()


def test_a_text_is_spoilt_in_every_way() -> None:
    rng = np.random.default_rng(1)
    copies = {spoilt("blue harbour coffee", rng) for _ in range(400)}
    assert "blueharbourcoffee" in copies
    assert "blue harbour" in copies
    assert any(copy.startswith("paypal ") for copy in copies)
    assert any(copy.endswith(" berlin") or " berlin " in copy for copy in copies)


def test_pairs_of_a_book_are_filed_alike_and_negatives_are_not() -> None:
    categories = [Filed("food", ["tea", "bread"]), Filed("rent", ["flat", "office"])]
    of = {text: category.name for category in categories for text in (*category.texts, category.name)}

    def encode(texts: Sequence[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.eye(len(texts), 8, dtype=np.float32)

    group = of_book("a", 1.0, categories, mined(encode, FiledBook("a", "a", categories)))
    for _, positive, negative, label in group.rows(200, seed=1):
        assert of[str(positive)] == categories[int(str(label))].name != of[str(negative)]
    assert group.rows(20, seed=1) == group.rows(20, seed=1) != group.rows(20, seed=2)


def test_brands_pair_with_their_kind_and_with_words_of_their_country() -> None:
    brands = [Brand("aldi", "shop=supermarket", ("de",)), Brand("ryanair", "office=airline", ())]
    positives = {pair[1] for pair in of_brands(1.0, brands).rows(200, seed=1)}
    assert positives == {"aldi", "supermarket", "ryanair", "airline"}
    concept = Concept("food", ("shop=supermarket",), {"en": ["groceries"], "de": ["lebensmittel"]})
    pairs = of_words(1.0, [concept], brands).rows(300, seed=1)
    assert ("aldi", "lebensmittel", 0) in pairs
    assert not any(anchor == "ryanair" for anchor, _, _ in pairs)
    assert worded("amenity=fast_food") == "fast food"


def test_noise_pairs_a_text_with_its_own_copy() -> None:
    for text, copy, label in of_noise(1.0, ["tea shop", "tea shop", "bakery"]).rows(50, seed=1):
        assert text == ["tea shop", "bakery"][int(str(label))]
        assert copy
