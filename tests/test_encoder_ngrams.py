"""Character n-grams: the fast hash against one written down plainly."""

from string import ascii_lowercase

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise_engine.encoder.ngrams import NgramHash

MULTIPLIERS = [0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F, 0x165667B1, 0xCC9E2D51]

texts_of_any_script = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def ids_written_plainly(ngrams: NgramHash, text: str) -> list[int]:
    wrapped = f" {text} "
    ids = []
    for length in range(2, ngrams.length_max + 1):
        for start in range(len(wrapped) - length + 1):
            places = zip(wrapped[start : start + length], MULTIPLIERS, strict=False)
            total = sum(ord(char) * multiplier for char, multiplier in places) % 2**32
            ids.append(total >> (32 - ngrams.buckets_log2))
    return ids


@given(texts=st.lists(texts_of_any_script, min_size=1, max_size=5))
@pytest.mark.parametrize("ngrams", [NgramHash(), NgramHash(length_max=2, buckets_log2=4), NgramHash(6, 20)])
def test_ids_are_those_of_the_plain_hash_whatever_the_company(ngrams: NgramHash, texts: list[str]) -> None:
    for text, row in zip(texts, ngrams.ids(texts), strict=True):
        assert sorted(row[row != ngrams.padding_id]) == sorted(ids_written_plainly(ngrams, text))


def test_the_empty_text_has_an_ngram() -> None:
    assert NgramHash().ids([""]).shape == (1, 1)


def test_no_text_has_no_row() -> None:
    assert NgramHash().ids([]).shape[0] == 0


def test_buckets_fill_at_least_as_evenly_as_by_chance() -> None:
    ngrams = NgramHash()
    words = [a + b + c for a in ascii_lowercase for b in ascii_lowercase for c in ascii_lowercase]
    last_ngrams = ngrams.ids(words)[:, -1]  # "abc ": each word has another
    filled = len(np.unique(last_ngrams))
    by_chance = ngrams.padding_id * (1 - np.exp(-len(words) / ngrams.padding_id))
    assert filled > 0.95 * by_chance


@pytest.mark.parametrize(("length_max", "buckets_log2"), [(1, 15), (7, 15), (4, 0), (4, 25)])
def test_settings_out_of_bounds_are_refused(length_max: int, buckets_log2: int) -> None:
    with pytest.raises(ValueError, match="outside 2"):
        NgramHash(length_max, buckets_log2)
