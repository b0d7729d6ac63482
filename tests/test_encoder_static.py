"""The static model: our kernel against onnxruntime, which runs the very file; and what is no such model."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise_engine.encoder import DEFAULT_MODEL, load_encoder
from likewise_engine.encoder.onnx import OUTPUT
from likewise_engine.encoder.static_model import read_static_model
from likewise_engine.encoder.vectors import are_unit, vectors_of
from likewise_engine.model_folder import MODEL_FILE, session_of

SHIPPED = Path(str(files("likewise_engine"))) / "models" / DEFAULT_MODEL / MODEL_FILE
CONTENT = SHIPPED.read_bytes()
MODEL = read_static_model(CONTENT, OUTPUT)
SESSION = session_of(SHIPPED, CONTENT)
TOKENS, BUCKETS = len(MODEL.token_rows), len(MODEL.ngram_rows)
ROUNDING = 1e-6


def ids(count: int, texts: int) -> st.SearchStrategy[list[list[int]]]:
    row = st.lists(st.integers(0, count - 1), min_size=9, max_size=9)
    return st.lists(row, min_size=texts, max_size=texts)


@given(st.data(), st.integers(1, 4))
def test_the_kernel_gives_what_onnxruntime_does(data: st.DataObject, texts: int) -> None:
    token_ids = np.array(data.draw(ids(TOKENS, texts)), np.int32)
    ngram_ids = np.array(data.draw(ids(BUCKETS, texts)), np.int32)
    (expected,) = SESSION.run([OUTPUT], {"token_ids": token_ids, "ngram_ids": ngram_ids})
    given_vectors = vectors_of(MODEL.token_rows, MODEL.ngram_rows, token_ids, ngram_ids)
    np.testing.assert_allclose(given_vectors, expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("value", [-128, 127])
@pytest.mark.parametrize("count", [1, 255, 256, 257, 1_000])
def test_the_longest_texts_have_sums_that_are_not_cut_off(value: int, count: int) -> None:
    rows = np.array([[value, value, 1]], np.int8)
    ids = np.zeros((1, count), np.int32)
    half = np.array([value, value, 1]) / np.linalg.norm([value, value, 1])
    vectors = vectors_of(rows, rows, ids, ids)
    np.testing.assert_allclose(vectors[0], np.tile(half, 2) / np.sqrt(2), rtol=1e-6)


def test_a_sum_of_zeros_stays_as_it_is() -> None:
    padding = np.zeros((1, 3), np.int32)
    vectors = vectors_of(MODEL.token_rows, MODEL.ngram_rows, padding, padding)
    split = MODEL.token_rows.shape[1]
    assert not vectors[0, :split].any()
    assert np.linalg.norm(vectors[0, split:]) == pytest.approx(1)


def test_vectors_are_those_that_stores_hold() -> None:
    # As onnxruntime gave them when the model was made: its fingerprint promises that they stay.
    vector = load_encoder().encode(["corner bakery"])[0]
    np.testing.assert_allclose(vector[:3], [-0.1135482, 0.1626502, -0.1565124], rtol=0, atol=ROUNDING)
    np.testing.assert_allclose(vector[-3:], [-0.1614856, -0.0530311, 0.0657904], rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("wrong", [-1, BUCKETS])
def test_a_row_that_is_not_there_is_no_crash(wrong: int) -> None:
    with pytest.raises(IndexError, match=f"no row {wrong}"):
        vectors_of(
            MODEL.token_rows, MODEL.ngram_rows, np.zeros((1, 1), np.int32), np.array([[wrong]], np.int32)
        )


@pytest.mark.parametrize(
    ("is_there", "is_other", "said"),
    [
        (b"LpNormalization", b"LpNormalisation", "another graph"),
        (b"Concat", b"Concet", "another graph"),
        (b"token_sum", b"token_sun", "another graph"),
        (b"keepdims", b"keepdimz", "another graph"),
        (OUTPUT.encode(), OUTPUT.upper().encode(), "another graph"),
        (b"\x42\x0atoken_rows", b"\x42\x0atoken_rowz", "other constants"),
    ],
)
def test_a_model_that_does_something_else_is_refused(is_there: bytes, is_other: bytes, said: str) -> None:
    assert is_there in CONTENT
    with pytest.raises(ValueError, match=said):
        read_static_model(CONTENT.replace(is_there, is_other), OUTPUT)


@pytest.mark.parametrize("content", [b"", b"\x38\x01", b"neither", CONTENT[:-1], CONTENT[:1_000]])
def test_what_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="it "):
        read_static_model(content, OUTPUT)


@pytest.mark.parametrize(
    ("row", "is_unit"),
    [([0.6, 0.8], True), ([0.6, 0.8001], True), ([0.6, 0.81], False), ([0, 0], False), ([np.nan, 1], False)],
)
def test_a_unit_vector_is_told_from_others(row: list[float], is_unit: bool) -> None:
    assert are_unit(np.array([[1, 0], row], np.float32), 1e-3) is is_unit
