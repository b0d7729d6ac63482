"""The index: the exact scan is its judge, and the graph's cache is thrown away on any doubt."""

import json
import os
import random
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from engine_world import ENCODER, KEY, ask, essence, labelled, open_ledger
from likewise_engine import limits
from likewise_engine.cache_file import GRAPH_NAME, discard
from likewise_engine.encoder import Encoder, HashingEncoder, load_encoder
from likewise_engine.errors import StoreFault
from likewise_engine.index.graph import Graph
from likewise_engine.index.halves import plainly, products, rows_of
from likewise_engine.index.texts import EXACT_TEXTS_MAX, TextIndex
from likewise_engine.text import text_of

COUNT = limits.RETRIEVED_TEXTS_MAX
RECALL_MIN = 0.98


def unit(rows: int, dimensions: int, seed: int) -> NDArray[np.float32]:
    matrix = np.random.default_rng(seed).normal(size=(rows, dimensions)).astype(np.float32)
    halves: NDArray[np.float16] = (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float16)
    return halves.astype(np.float32)  # as a store gives them back


def built(matrix: NDArray[np.float32]) -> Graph:
    graph = Graph.build(matrix.astype(np.float16))
    assert graph is not None
    return graph


def index_of(matrix: NDArray[np.float32], graph: Graph | None = None) -> TextIndex:
    return TextIndex(matrix.astype(np.float16), np.ones(len(matrix), dtype=np.bool_), graph)


def recall(index: TextIndex, questions: NDArray[np.float32]) -> float:
    """Share of what is found that is as near as the last of the exact scan; some texts have one vector."""
    shares = []
    for question in questions:
        _, found = index.search(question, COUNT)
        _, exact = index.exact(question, COUNT)
        assert len(found) == len(exact)
        shares.append(np.mean(found >= exact[-1] - 1e-6))
    return float(np.mean(shares))


def generated_texts(count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    consonants, vowels = "bcdfghjklmnprst", "aeio"
    syllables = [consonant + vowel for consonant in consonants for vowel in vowels]
    towns = ["".join(rng.choices(syllables, k=3)) for _ in range(100)]
    texts: dict[str, None] = {}
    while len(texts) < count:
        texts[
            f"{''.join(rng.choices(syllables, k=3))} {rng.choice(['ltd', 'cafe', ''])} {rng.choice(towns)}"
        ] = None
    return list(texts)


def vectors(encoder: Encoder, texts: list[str]) -> NDArray[np.float32]:
    return encoder.encode(texts).astype(np.float16).astype(np.float32)


# --- Nearness ----------------------------------------------------------------------------------


def naive(index: TextIndex, question: NDArray[np.float32], count: int) -> list[int]:
    similarities = [
        (-float(np.einsum("td,d->t", row[np.newaxis].astype(np.float32), question)[0]), number)
        for number, row in enumerate(index.matrix)
        if index.alive[number]
    ]
    return [number for _, number in sorted(similarities)[:count]]


@pytest.mark.parametrize("count", [1, 5, 32, 300])
def test_the_exact_scan_is_exact_ordered_and_skips_the_dead(count: int) -> None:
    matrix = unit(200, 16, seed=1)
    matrix[100:150] = matrix[7]  # equals come in the order of their numbers
    alive = np.random.default_rng(2).random(200) < 0.7
    index = TextIndex(matrix.astype(np.float16), alive, None)
    for question in (*unit(20, 16, seed=3), matrix[7]):
        texts, similarities = index.search(question, count)
        assert texts.tolist() == naive(index, question, count)
        assert np.all(np.diff(similarities) <= 0)


def test_similarities_do_not_depend_on_what_else_is_found() -> None:
    matrix, question = unit(500, 192, seed=1), unit(1, 192, seed=2)[0]
    texts, similarities = index_of(matrix).search(question, 500)
    for text, similarity in zip(texts.tolist(), similarities.tolist(), strict=True):
        assert index_of(matrix[text : text + 1]).search(question, 1)[1].tolist() == [similarity]


def test_equals_at_the_edge_are_cut_the_same_wherever_they_lie() -> None:
    """Rows that are dead in a long-lived ledger and gone after a restart must not change the answer."""
    matrix = unit(300, 24, seed=5)
    matrix[200:290] = matrix[3]
    alive = np.ones(300, dtype=np.bool_)
    alive[np.random.default_rng(1).choice(200, 90, replace=False)] = False
    alive[3] = True
    kept = np.flatnonzero(alive)
    for question in (matrix[3], *unit(10, 24, seed=6)):
        texts, _ = TextIndex(matrix.astype(np.float16), alive, None).search(question, COUNT)
        compacted, _ = index_of(matrix[alive]).search(question, COUNT)
        assert texts.tolist() == kept[compacted].tolist()


def test_a_known_text_comes_first_whatever_else_has_its_vector() -> None:
    matrix = unit(400, 24, seed=5)
    matrix[100:300] = matrix[3]
    for index in (index_of(matrix), index_of(matrix, built(matrix))):
        for known in (3, 299, 350):
            texts, _ = index.search(matrix[known], COUNT, known)
            assert texts[0] == known
            assert len(set(texts.tolist())) == COUNT


def test_an_empty_index_and_one_of_dead_texts_find_nothing() -> None:
    dead = TextIndex(unit(10, 8, seed=1).astype(np.float16), np.zeros(10, dtype=np.bool_), None)
    assert [len(found) for found in dead.search(unit(1, 8, seed=2)[0], 5)] == [0, 0]
    assert Graph.build(np.empty((0, 8), dtype=np.float16)) is None


def test_halves_are_widened_exactly_and_multiplied_as_they_are_wide() -> None:
    """All finite numbers of half precision, by the processor's instruction if it has one, and by shifting."""
    bits = np.arange(1 << 16, dtype=np.uint16)
    halves = bits[np.isfinite(bits.view(np.float16))]
    halves = halves[: len(halves) // 8 * 8 - 3]  # so that some are left over
    wide = halves.view(np.float16).astype(np.float32)
    vector = np.random.default_rng(1).normal(size=len(halves)).astype(np.float32)
    matrix = np.stack([halves, halves[::-1]]).view(np.float16)
    assert np.array_equal(rows_of(matrix, np.array([1, 0])), np.stack([wide[::-1], wide]))
    found, product = plainly(halves, vector)
    assert np.array_equal(found, wide)
    small = np.abs(wide) < 1
    expected = float(wide[small].astype(np.float64) @ vector[small])
    assert plainly(halves[small], vector[small])[1] == pytest.approx(expected, rel=1e-3)
    one = np.ascontiguousarray(halves[small])[np.newaxis].view(np.float16)
    assert products(one, vector[small]) == pytest.approx([expected], rel=1e-3)
    assert np.isfinite(product)


# --- The graph -----------------------------------------------------------------------------------


def test_the_graph_finds_what_the_scan_finds_in_generated_texts() -> None:
    matrix = vectors(load_encoder(), generated_texts(6_000, seed=1))
    index = index_of(matrix[:-200], built(matrix[:-200]))
    assert recall(index, np.concatenate((matrix[-200:], matrix[:200]))) >= RECALL_MIN


@pytest.mark.books
def test_the_graph_finds_what_the_scan_finds_in_real_books(real_books: Path) -> None:
    books = sorted(real_books.glob("*.parquet"))
    rows = pl.concat(
        pl.scan_parquet(book).select("payee", "description").unique() for book in books
    ).collect()
    texts = sorted({text_of(payee or "", description or "") for payee, description in rows.iter_rows()})
    random.Random(1).shuffle(texts)
    matrix = vectors(load_encoder(), texts)
    index = index_of(matrix[:-500], built(matrix[:-500]))
    assert recall(index, np.concatenate((matrix[-500:], matrix[:500]))) >= RECALL_MIN


def test_what_was_learned_since_the_graph_is_found_exactly() -> None:
    matrix = unit(900, 24, seed=1)
    index = index_of(matrix, built(matrix[:600]))
    for number in range(600, 900):
        texts, similarities = index.search(matrix[number], COUNT)
        assert texts[0] == number
        tail = [text for text in naive(index, matrix[number], COUNT) if text >= 600]
        assert [text for text in texts.tolist() if text >= 600] == tail
        assert similarities[0] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("dead_share", [0.05, 0.5, 0.97])
def test_the_dead_are_never_found_however_many_they_are(dead_share: float) -> None:
    matrix = unit(800, 24, seed=1)
    alive = np.random.default_rng(2).random(800) >= dead_share
    index = TextIndex(matrix.astype(np.float16), alive, built(matrix[:600]))
    for question in (*matrix[:50], *unit(50, 24, seed=3)):
        texts, _ = index.search(question, COUNT)
        assert alive[texts].all()
        assert len(texts) == min(COUNT, int(alive.sum()))


def test_a_graph_whose_links_lead_nowhere_is_scanned_instead() -> None:
    matrix = unit(500, 24, seed=1)
    graph = built(matrix)
    for row in range(470):
        graph._index.mark_deleted(row)
    index = index_of(matrix, graph)
    assert index.search(matrix[0], COUNT)[0].tolist() == naive(index, matrix[0], COUNT)


def test_the_same_matrix_gives_the_same_graph() -> None:
    matrix = vectors(HashingEncoder(32), generated_texts(3_000, seed=2))
    first, second = index_of(matrix, built(matrix)), index_of(matrix, built(matrix))
    for question in unit(50, 32, seed=4):
        ours, theirs = first.search(question, COUNT), second.search(question, COUNT)
        assert (ours[0].tolist(), ours[1].tolist()) == (theirs[0].tolist(), theirs[1].tolist())


def test_a_graph_is_due_when_the_scan_has_grown_long_or_many_have_died() -> None:
    few, many = unit(8, 4, seed=1), np.zeros((EXACT_TEXTS_MAX + 1, 4), dtype=np.float32)
    graph = built(few)
    assert not index_of(many[:-1]).is_graph_due
    assert index_of(many).is_graph_due
    assert not index_of(many[:-1], graph).is_graph_due
    assert index_of(np.concatenate((many, few)), graph).is_graph_due
    alive = np.ones(8, dtype=np.bool_)
    assert not TextIndex(few.astype(np.float16), alive, graph).is_graph_due
    assert TextIndex(few.astype(np.float16), np.arange(8) > 0, graph).is_graph_due


def test_a_build_is_given_up_when_nobody_wants_it() -> None:
    answers = iter([True, False])
    assert Graph.build(unit(1_000, 8, seed=1).astype(np.float16), lambda: next(answers)) is None


# --- The cache -----------------------------------------------------------------------------------


def load(path: Path, identity: str = "these texts") -> Graph | None:
    return Graph.load(path, KEY, lambda count: f"{identity} {count}", 24)


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    matrix = unit(300, 24, seed=1)
    built(matrix).save(tmp_path / GRAPH_NAME, KEY, "these texts 300")
    return tmp_path / GRAPH_NAME


def test_a_cached_graph_finds_what_it_found_before(cached: Path) -> None:
    matrix, loaded = unit(300, 24, seed=1), load(cached)
    assert loaded is not None
    assert (loaded.count, loaded.nbytes) == (300, built(matrix).nbytes)
    # hnswlib does not keep ef: with its 10, asking for 48 would fail.
    ours, theirs = index_of(matrix, loaded), index_of(matrix, built(matrix))
    for question in unit(30, 24, seed=2):
        assert ours.search(question, COUNT)[0].tolist() == theirs.search(question, COUNT)[0].tolist()
    assert sorted(path.name for path in cached.parent.iterdir()) == [GRAPH_NAME, f"{GRAPH_NAME}.json"]


def voucher(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: flip(path, 20_000),
        lambda path: flip(path, -1),
        lambda path: os.truncate(path, 20_000),
        lambda path: path.unlink(),
        lambda path: voucher(path).unlink(),
        lambda path: voucher(path).write_text("{"),
        lambda path: voucher(path).write_text("[]"),
        lambda path: voucher(path).write_bytes(b"\xff"),
        lambda path: edit(voucher(path), format=0),
        lambda path: edit(voucher(path), count=299),
        lambda path: edit(voucher(path), identity="other texts 300"),
        lambda path: edit(voucher(path), sha256=None),
    ],
)
def test_a_cache_in_doubt_is_thrown_away(cached: Path, damage: Callable[[Path], object]) -> None:
    damage(cached)
    assert load(cached) is None
    assert load(cached) is None


def test_a_cache_of_other_texts_is_thrown_away(cached: Path) -> None:
    assert load(cached, "other texts") is None
    assert list(cached.parent.iterdir()) == []


def test_a_cache_that_could_not_be_written_leaves_nothing(cached: Path) -> None:
    graph = load(cached)
    assert graph is not None
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(StoreFault, match="could not be cached"):
            graph.save(cached, KEY, "these texts 300")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert list(cached.parent.iterdir()) == []
    with pytest.raises(StoreFault, match="could not be cached"):
        graph.save(cached.parent / "missing" / GRAPH_NAME, KEY, "these texts 300")
    cached.mkdir()
    with pytest.raises(StoreFault, match="could not be deleted"):
        discard(cached)


def test_a_damaged_cache_never_changes_an_answer(tmp_path: Path) -> None:
    texts = generated_texts(120, seed=3)
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled(f"t{position}", payee=text) for position, text in enumerate(texts)])
        ledger.build_graph()
        before = [essence(ask(ledger, text)) for text in texts[:20]]
    flip(tmp_path / GRAPH_NAME, 5_000)
    with open_ledger(tmp_path) as ledger:
        assert ledger.view.index.graph is None
        assert [essence(ask(ledger, text)) for text in texts[:20]] == before
        ledger.build_graph()
    with open_ledger(tmp_path) as ledger:
        assert ledger.view.index.graph is not None
        assert [essence(ask(ledger, text)) for text in texts[:20]] == before


def test_a_cache_does_not_outlive_a_text_whose_number_is_used_again(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn(
            [labelled(f"t{position}", payee=f"Payee {chr(97 + position)}") for position in range(20)]
        )
        ledger.build_graph()
        # The last text dies, memory is made anew, and another text gets its id in the store.
        ledger.learn([labelled("t19", payee="Payee a")])
        assert not ledger.build_graph(keep_on=lambda: False)
        ledger.learn([labelled("new", payee="Something else entirely")])
    with open_ledger(tmp_path) as ledger:
        assert ledger.view.index.graph is None


def test_a_graph_of_another_encoder_is_not_used(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn(
            [labelled(f"t{position}", payee=f"Payee {chr(97 + position)}") for position in range(20)]
        )
        ledger.build_graph()
    with open_ledger(tmp_path, HashingEncoder(ENCODER.dimensions * 2)) as ledger:
        assert ledger.view.index.graph is None
        assert not (tmp_path / GRAPH_NAME).exists()
        assert ask(ledger, "Payee c").neighbours[0].transaction_id == "t2"
