"""The shipped encoder: what it promises to whoever stores and compares its vectors."""

from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise_engine.encoder import DEFAULT_MODEL, Encoder, load_encoder
from likewise_engine.encoder.manifest import read_manifest
from likewise_engine.errors import InvalidInput
from likewise_engine.limits import ENCODER_CHARS_PER_RUN_MAX, TEXT_CHARS_MAX
from likewise_engine.model_folder import CARD_FILE
from likewise_engine.text import TEXT_VERSION, text_of

SHIPPED = Path(str(files("likewise_engine"))) / "models" / DEFAULT_MODEL

texts_of_any_script = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


def test_it_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 16 * 2**20


def test_its_card_is_about_these_very_files() -> None:
    card = (SHIPPED / CARD_FILE).read_text(encoding="utf-8")
    manifest = read_manifest(SHIPPED)
    assert manifest.fingerprint in card
    assert all(digest in card for digest in manifest.files.values())


def test_its_fingerprint_names_model_and_text_version(encoder: Encoder) -> None:
    assert encoder.fingerprint == f"{read_manifest(SHIPPED).fingerprint}+text{TEXT_VERSION}"


def test_no_text_has_no_vector(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dimensions)


@given(texts=st.lists(texts_of_any_script, min_size=1, max_size=8))
def test_a_vector_is_the_same_bit_by_bit_in_any_company(encoder: Encoder, texts: list[str]) -> None:
    together = encoder.encode(texts)
    assert together.dtype == np.float32
    assert together.flags.c_contiguous
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-5)
    for text, vector in zip(texts, together, strict=True):
        assert np.array_equal(encoder.encode([text])[0], vector)


def test_more_texts_than_fit_one_run_keep_their_order(encoder: Encoder) -> None:
    texts = [f"{'x' * (number % 50)} shop no {number}" for number in range(1_000)]
    assert sum(map(len, texts)) > 2 * ENCODER_CHARS_PER_RUN_MAX
    vectors = encoder.encode(texts)
    for number in range(0, 1_000, 97):
        assert np.array_equal(vectors[number], encoder.encode([texts[number]])[0])


@pytest.mark.parametrize("text", ["", "#", "|", "\U0001f9fe", "\u0378", "東京電力", "x" * TEXT_CHARS_MAX])
def test_texts_without_a_known_token_have_a_unit_vector_too(encoder: Encoder, text: str) -> None:
    (vector,) = encoder.encode([text])
    assert np.linalg.norm(vector) == pytest.approx(1)
    assert np.array_equal(vector, encoder.encode([text])[0])


@pytest.mark.parametrize(
    ("text", "nearer", "farther"),
    [
        # Noise: cut off, misspelt, glued together, with a place behind.
        ("sainsburys supermarkets", "sainsburys superma", "santander consumer"),
        ("thames water utilities", "thmaes watre utilities", "themes party supplies"),
        ("marks and spencer", "marksandspencer", "mark lane solicitors"),
        ("costa coffee", "costa coffee birmingham", "costa rica travel"),
        # Meaning: hardly a letter in common.
        ("petrol station", "fuel", "bakery"),
        ("taxi fare", "cab ride", "bread bun"),
        ("solicitors", "law firm", "solar panels"),
        # The same in another language.
        ("Büromiete", "office rent", "Kfz-Versicherung"),
        ("bilförsäkring", "car insurance", "bilparkering"),
        ("lékárna", "pharmacy", "letenka"),
        ("gasolinera", "tankstation", "gas natural"),
    ],
)
def test_what_is_meant_or_spelt_alike_is_nearer(
    encoder: Encoder, text: str, nearer: str, farther: str
) -> None:
    asked, near, far = encoder.encode([text_of(wording, "") for wording in (text, nearer, farther)])
    assert asked @ near > asked @ far


def test_many_threads_get_what_one_gets(encoder: Encoder) -> None:
    texts = [f"supplier {letter * 3} {number}" for letter in "abcdefgh" for number in range(50)]
    alone = encoder.encode(texts)
    with ThreadPoolExecutor(8) as pool:
        for number, vectors in enumerate(pool.map(lambda text: encoder.encode([text]), texts)):
            assert np.array_equal(vectors[0], alone[number])


@pytest.mark.parametrize("text", ["x" * (TEXT_CHARS_MAX + 1), "a\0b", "half a \ud83e pair"])
def test_what_no_text_can_be_is_refused(encoder: Encoder, text: str) -> None:
    with pytest.raises(InvalidInput):
        encoder.encode(["fine", text])
