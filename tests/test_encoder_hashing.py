"""The encoder that needs no model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise_engine.encoder import Encoder, HashingEncoder
from likewise_engine.errors import InvalidInput
from likewise_engine.limits import VECTOR_DIMENSIONS_MAX

texts = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30), max_size=6
)


@given(texts=texts, dimensions=st.sampled_from([1, 2, 128]))
def test_vectors_are_of_unit_length_and_do_not_depend_on_company(texts: list[str], dimensions: int) -> None:
    encoder = HashingEncoder(dimensions)
    vectors = encoder.encode(texts)
    assert vectors.shape == (len(texts), dimensions)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    for text, vector in zip(texts, vectors, strict=True):
        assert np.array_equal(encoder.encode([text])[0], vector)


def test_like_wordings_are_near() -> None:
    one, like, other = HashingEncoder().encode(["tesco stores", "tesco store", "thames water"])
    assert one @ like > 0.8
    assert one @ other < 0.4


def test_many_texts_take_several_runs() -> None:
    encoder = HashingEncoder(8)
    many = [f"shop {number}" for number in range(600)]
    assert np.array_equal(encoder.encode(many)[599], encoder.encode(many[-1:])[0])


def test_the_fingerprint_tells_dimensions_apart() -> None:
    one: Encoder = HashingEncoder(64)
    assert one.dimensions == 64
    assert one.fingerprint != HashingEncoder(128).fingerprint
    assert "64" in repr(one)


@pytest.mark.parametrize("dimensions", [0, VECTOR_DIMENSIONS_MAX + 1])
def test_dimensions_out_of_bounds_are_refused(dimensions: int) -> None:
    with pytest.raises(ValueError, match="outside 1"):
        HashingEncoder(dimensions)


@pytest.mark.parametrize("text", ["a\0b", "half a \ud83e pair"])
def test_what_no_text_can_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        HashingEncoder().encode([text])
