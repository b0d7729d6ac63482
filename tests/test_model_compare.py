"""``likewise model compare``: encoders side by side by the engine's own backtest; kept, drawn, on cards."""

import json
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from likewise_engine.encoder import DEFAULT_MODEL, load_encoder
from likewise_engine.errors import InvalidInput, ModelFault
from likewise_engine.model_folder import CARD_FILE
from likewise_indexer.cards import markdown_of, read_record, write_card
from likewise_indexer.cards.shelf import model_in
from likewise_indexer.compare import read_comparison
from likewise_indexer.compare.agreement import agreement_of
from likewise_indexer.compare.contender import contenders_of
from likewise_indexer.compare.result import Speed
from likewise_indexer.compare.run import front_of, texts_of
from likewise_server.cli.app import app
from test_cards import record_of

BOOKS = Path(__file__).parent.parent / "data" / "books"
MODELS = Path(str(files("likewise_engine") / "models"))
RUNNER = CliRunner(env={"COLUMNS": "160"})


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped encoder by another name, with a card that says nothing of figures."""
    copy = tmp_path_factory.mktemp("models") / "copied"
    shutil.copytree(MODELS / DEFAULT_MODEL, copy, ignore=shutil.ignore_patterns("card.json", CARD_FILE))
    fingerprint = load_encoder(copy).fingerprint.partition("+")[0]
    write_card(copy, record_of(fingerprint=fingerprint))
    return copy


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("books") / "calder-lets.csv"
    path.write_bytes(b"".join((BOOKS / path.name).read_bytes().splitlines(keepends=True)[:220]))
    return path


def compared(book: Path, out: Path, *encoders: str, more: tuple[str, ...] = ()) -> Result:
    options = ["--books", str(book), "--out", str(out), "--no-learning", "--jobs", "1", *more]
    return RUNNER.invoke(app, ["model", "compare", *encoders, *options, "--language", "calder-*=English"])


@pytest.fixture(scope="module")
def results(book: Path, copied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results")
    done = compared(book, out, DEFAULT_MODEL, str(copied), more=("--teacher", DEFAULT_MODEL))
    assert done.exit_code == 0, done.output
    assert "copied" in done.stdout
    return out


def test_the_same_encoder_by_two_names_does_the_same(results: Path, copied: Path) -> None:
    found = read_comparison(results / "comparison.json")
    ours, theirs = found.encoders
    assert (ours.name, theirs.name) == (DEFAULT_MODEL, "copied")
    assert ours.fingerprint == theirs.fingerprint == load_encoder(copied).fingerprint
    assert ours.accuracy.top1 == theirs.accuracy.top1
    assert ours.accuracy.questions == 110
    assert {part.by: part.part for part in ours.accuracy.slices}["language of the books"] == "English"
    assert ours.agreement is not None
    assert ours.agreement.neighbours_shared == 1
    assert ours.agreement.rank_correlation == pytest.approx(1)
    assert 0 < ours.speed.micros_p50 <= ours.speed.micros_p99
    assert ours.accuracy.top1_after_50 is None
    assert any(encoder.is_on_front for encoder in found.encoders)


def test_the_drawing_names_each_encoder(results: Path) -> None:
    root = ElementTree.fromstring((results / "pareto.svg").read_text(encoding="utf-8"))  # noqa: S314  # our own
    said = " ".join(root.itertext())
    assert DEFAULT_MODEL in said
    assert "copied" in said
    assert "var(--who-0)" in (results / "pareto.svg").read_text(encoding="utf-8")


def test_what_is_measured_is_not_measured_again_unless_it_is_damaged(book: Path, tmp_path: Path) -> None:
    assert compared(book, tmp_path, DEFAULT_MODEL).exit_code == 0
    (kept,) = (tmp_path / "measured").iterdir()
    right = json.loads(kept.read_text())["top1"]

    def top1_after(content: str) -> Any:
        kept.write_text(content)
        assert compared(book, tmp_path, DEFAULT_MODEL).exit_code == 0
        return json.loads((tmp_path / "comparison.json").read_text())["encoders"][0]["accuracy"]["top1"]

    assert top1_after(json.dumps(json.loads(kept.read_text()) | {"top1": 0.125})) == 0.125
    assert top1_after("{") == right
    shorter = tmp_path / book.name
    shorter.write_bytes(b"".join(book.read_bytes().splitlines(keepends=True)[:200]))
    assert compared(shorter, tmp_path, DEFAULT_MODEL).exit_code == 0
    assert len(list((tmp_path / "measured").iterdir())) == 2  # other books are another question


def test_a_comparison_goes_into_the_card_of_an_encoder_that_was_compared(results: Path, copied: Path) -> None:
    arguments = ["model", "card", str(copied), "--measured", str(results / "comparison.json")]
    shown = RUNNER.invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    record = read_record(copied)
    assert record.missing_biases() == []
    assert {part.who for part in record.slices} == {DEFAULT_MODEL, "copied"}
    assert (copied / CARD_FILE).read_text(encoding="utf-8") == markdown_of(record)
    assert "neighbours shared" in markdown_of(record)
    assert len([table for table in record.measured.tables if table.columns[0] == "encoder"]) == 1
    write_card(copied, record.model_copy(update={"fingerprint": model_in(copied).fingerprint}))
    other = read_comparison(results / "comparison.json")
    strange = other.encoders[0].model_copy(update={"fingerprint": "x@0+text1"})
    path = results / "other.json"
    path.write_text(other.model_copy(update={"encoders": (strange,)}).json_text(), encoding="utf-8")
    assert RUNNER.invoke(app, [*arguments[:-1], str(path)]).exit_code == 1


def test_no_more_rows_are_replayed_than_are_wanted(book: Path, tmp_path: Path) -> None:
    assert compared(book, tmp_path, DEFAULT_MODEL, more=("--rows-max", "60")).exit_code == 0
    assert read_comparison(tmp_path / "comparison.json").encoders[0].accuracy.questions == 30


def test_what_cannot_be_compared_is_refused(book: Path, copied: Path, tmp_path: Path) -> None:
    assert "holds a vote" in compared(book, tmp_path, "likewise-vote").stderr
    twin = tmp_path / "twin" / "copied"
    shutil.copytree(copied, twin)
    with pytest.raises(InvalidInput, match="two folders"):
        contenders_of([copied, twin])
    with pytest.raises(InvalidInput, match="none"):
        contenders_of([])
    few = tmp_path / book.name
    few.write_bytes(b"".join(book.read_bytes().splitlines(keepends=True)[:4]))
    assert "distinct texts" in compared(few, tmp_path, DEFAULT_MODEL).stderr
    (tmp_path / "none.json").write_text("{}")
    with pytest.raises(ModelFault, match="no comparison"):
        read_comparison(tmp_path / "none.json")


def test_the_front_is_whom_nobody_beats() -> None:
    def speed(micros: float) -> Speed:
        return Speed(texts=1, micros_p50=micros, micros_p99=micros, load_ms=1)

    assert front_of([(0.7, speed(10)), (0.8, speed(100)), (0.7, speed(50)), (0.7, speed(10))]) == [
        True,
        True,
        False,
        True,  # as good as the first: neither beats the other
    ]


def test_agreement_sees_neighbours_and_ranks() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(200, 16)).astype(np.float32)
    vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    turned = vectors @ np.linalg.qr(rng.normal(size=(16, 16)))[0].astype(np.float32)
    same = agreement_of(turned, vectors, 0)
    assert same.neighbours_shared > 0.99
    assert same.rank_correlation > 0.9999
    other = rng.permutation(vectors)
    unlike = agreement_of(other, vectors, 0)
    assert unlike.neighbours_shared < 0.15
    assert abs(unlike.rank_correlation) < 0.1
    assert agreement_of(other, vectors, 0) == unlike


def test_texts_are_drawn_from_all_books_and_always_the_same(book: Path) -> None:
    from likewise_server.cli.building import books_of_sources

    books = books_of_sources([book], "")
    texts = texts_of(books, 30, 0)
    assert len(texts) == len(set(texts)) == 30
    assert texts == texts_of(books, 30, 0)
    assert texts != texts_of(books, 30, 1)
    assert set(texts) <= set(texts_of(books, 10_000, 0))
