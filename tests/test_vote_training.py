"""Training a vote: what is grown is what is served; it learns to tell what is right, and repeats itself."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from likewise_engine.errors import InvalidInput, ModelFault
from likewise_engine.model_folder import CARD_FILE, MODEL_FILE
from likewise_engine.vote import OnnxVote
from likewise_engine.vote.manifest import MANIFEST_FILE
from likewise_indexer.cards import files_of, markdown_of, read_record
from likewise_indexer.cards.record import BY_LANGUAGE
from likewise_indexer.models.vote.pairs import Firsts, Questions, softmax
from likewise_indexer.models.vote.trial import figures_of, pooled_of
from likewise_server.cli.model import model_app
from vote_world import drawn, record_of

BOOKS = Path(__file__).parent.parent / "data" / "books"


def test_each_tenant_weighs_the_same() -> None:
    questions = Questions.of([drawn("a", 10, 1), drawn("b", 1_000, 2)])
    assert questions.sources == ("a", "b")
    assert questions.weight[:10].sum() == pytest.approx(questions.weight[10:].sum())
    only = questions.where(questions.of_source("b"))
    assert len(only.pairs) == 1_000
    assert np.array_equal(only.features, questions.features[questions.pairs[:10].sum() :])


def test_probabilities_of_questions_are_those_that_the_engine_gives() -> None:
    scores, pairs = np.array([0.0, np.log(6), np.log(2), 0.0]), np.array([1, 0, 2, 1])
    assert softmax(scores, pairs) == pytest.approx([1 / 2, 6 / 9, 2 / 9, 1 / 2])


def test_what_was_said_first_is_held_against_what_was_right() -> None:
    questions = Questions.of([record_of("a", "t", [[True, False], [], [False, False], [False, True]])])
    firsts = Firsts.of(questions, np.array([0.6, 0.2, 0.3, 0.1, 0.4, 0.4]))
    assert firsts.probability.tolist() == [0.6, 0.0, 0.3, 0.4]
    # Of two that are equal, the one that was recorded first.
    assert firsts.is_right.tolist() == [True, False, False, False]
    assert firsts.log_loss == pytest.approx(-np.log([0.6, 1.0, 0.6, 0.4]))


def test_figures_are_averages_over_tenants_that_have_enough_questions() -> None:
    right, wrong = [[True, False]] * 100, [[False, True]] * 20
    questions = Questions.of([record_of("a", "one", right), record_of("a", "two", wrong), drawn("a", 5, 1)])
    probabilities = np.concatenate([np.tile([0.9, 0.1], 120), np.full(int(questions.pairs[120:].sum()), 0.1)])
    figures = figures_of(questions, Firsts.of(questions, probabilities), questions.is_whole)
    assert figures.tenants == 2
    assert figures.top1 == pytest.approx(0.5)
    assert figures.coverage_at_95 == pytest.approx(0.5)
    assert figures.ece == pytest.approx((0.1 + 0.9) / 2)


def test_pooled_outcomes_are_bins_of_equal_weight_that_say_what_was_right() -> None:
    rng = np.random.default_rng(1)
    said = rng.random(8_000)
    is_right = rng.random(8_000) < said
    questions = Questions.of([record_of("a", "t", [[bool(right)] for right in is_right])])
    pooled = pooled_of(questions, Firsts.of(questions, said), np.ones(8_000, dtype=bool))
    assert len(pooled.probability) == 40
    assert max(pooled.questions) - min(pooled.questions) <= 1
    assert np.abs(np.array(pooled.probability) - pooled.right).max() < 0.12
    few = Questions.of([record_of("a", "t", [[True], [False], []])])
    assert sum(pooled_of(few, Firsts.of(few, np.array([0.5, 0.7])), few.is_whole).questions) == 2


REASON = "needs the [models] extra"
SECTIONS = ("What it was made from", "Limits")
"""Of a card."""


@pytest.mark.models
def test_the_graph_takes_every_turn_of_the_trees(tmp_path: Path) -> None:
    boost = pytest.importorskip("likewise_indexer.models.vote.boost", reason=REASON)
    folder = pytest.importorskip("likewise_indexer.models.vote.folder", reason=REASON)
    questions = Questions.of([drawn("a", 400, 1), drawn("b", 400, 2)])
    growth = boost.Growth(trees=20, leaves=8, learning_rate=0.2, leaf_share_min=0.01, feature_share=1.0)
    ensemble = boost.grow(questions, growth, seed=0, threads=1)
    everything = np.ones(len(questions.pairs), dtype=bool)
    pooled = pooled_of(questions, Firsts.of(questions, questions.kernel.astype(np.float64)), everything)
    for trees in (1, 20):
        vote = folder.write_vote(tmp_path / str(trees), "t", ensemble.first(trees), pooled, {}, questions)
        expected = ensemble.first(trees).scores(questions.features)
        np.testing.assert_allclose(vote.scores(questions.features), expected, atol=1e-5)
    # On the thresholds themselves, and next to them.
    table = ensemble.table()
    for feature, threshold in zip(table.feature.tolist(), table.threshold, strict=True):
        if feature >= 0:
            rows = np.tile(questions.features[:1], (3, 1))
            rows[:, feature] = (
                threshold,
                np.nextafter(threshold, np.float32(np.inf)),
                np.nextafter(threshold, np.float32(-np.inf)),
            )
            np.testing.assert_allclose(vote.scores(rows), ensemble.scores(rows), atol=1e-5)
    with pytest.raises(ModelFault, match="differs from its trees"):
        folder.check_agreement(vote, ensemble.first(10), questions)


@pytest.mark.models
def test_the_right_candidate_is_learned_to_be_told_from_its_rivals() -> None:
    train = pytest.importorskip("likewise_indexer.models.vote.train", reason=REASON)
    boost = pytest.importorskip("likewise_indexer.models.vote.boost", reason=REASON)
    growths = [boost.Growth(50, 4, 0.1, 0.02, 1.0), boost.Growth(100, 4, 0.1, 0.02, 1.0)]
    questions = Questions.of([drawn(source, 500, seed) for seed, source in enumerate("abc")])
    trained = train.train(questions, growths)
    assert sorted(trained.left_out) == ["a", "b", "c"]
    assert len(trained.tried) == 3
    assert trained.growth == trained.tried[0].growth
    learned, kernel = trained.figures["second half of the books"]
    assert learned.top1 > kernel.top1 + 0.2
    assert learned.log_loss < kernel.log_loss
    assert trained.ensemble.importance().argmax() == 0
    with pytest.raises(InvalidInput, match="of one source"):
        train.train(questions.where(questions.of_source("a")), growths)


@pytest.mark.models
def test_books_that_cannot_be_learned_from_are_refused_before_any_is_replayed(tmp_path: Path) -> None:
    pytest.importorskip("lightgbm", reason=REASON)
    header, taken = tmp_path / "header.csv", tmp_path / "taken"
    header.write_text("date,payee,amount,category\n")
    taken.mkdir()
    (taken / "books.csv").write_text("")
    (tmp_path / "encoders").mkdir()
    two = [str(BOOKS / name) for name in ("calder-lets.csv", "hazel-and-rye.csv")]
    for arguments, why in (
        ([str(header)], "have no labelled rows"),
        (two[:1], "are of one source"),
        ([*two, "--encoders-dir", str(tmp_path / "encoders")], "there is no model folder"),
    ):
        for command in (["train-vote", "--out", str(tmp_path / "out")], ["ablate-vote"]):
            result = CliRunner().invoke(model_app, [*command, *arguments])
            assert result.exit_code == 1
            assert why in result.stderr
            assert "Replaying" not in result.stderr
    result = CliRunner().invoke(model_app, ["train-vote", *two, "--out", str(taken)])
    assert result.exit_code == 1
    assert "which holds books.csv" in result.stderr


@pytest.mark.models
def test_the_command_learns_from_the_sample_books_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("lightgbm", reason=REASON)
    books = tmp_path / "books"
    books.mkdir()
    for name in ("calder-lets.csv", "hazel-and-rye.csv"):
        lines = (BOOKS / name).read_bytes().splitlines(keepends=True)
        (books / name).write_bytes(b"".join(lines[:500]))
    (tmp_path / "about.md").write_text("Two businesses that never were.\n")

    def learn(out: str, *more: str) -> Any:
        options = [
            "--out",
            str(tmp_path / out),
            "--recorded",
            str(tmp_path / "recorded"),
            "--jobs",
            "1",
            "--language",
            "*=English",
            *more,
        ]
        return CliRunner().invoke(model_app, ["train-vote", str(books), *options])

    first = learn("one", "--about", str(tmp_path / "about.md"), "--leave-out-dir", str(tmp_path / "left-out"))
    assert first.exit_code == 0, first.output
    assert "microseconds for 20 candidates" in first.output
    assert learn("two").exit_code == 0
    for name in (MODEL_FILE, MANIFEST_FILE):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    vote = OnnxVote(tmp_path / "one")
    left_out = {path.name: OnnxVote(path) for path in (tmp_path / "left-out").iterdir()}
    assert sorted(left_out) == ["calder-lets", "hazel-and-rye"]
    assert len({vote.fingerprint, *(of.fingerprint for of in left_out.values())}) == 3
    manifest = json.loads((tmp_path / "left-out" / "calder-lets" / MANIFEST_FILE).read_text())
    assert manifest["trained"]["left_out"] == "calder-lets"

    record = read_record(tmp_path / "one")
    assert record.fingerprint == vote.fingerprint
    assert record.files == files_of(tmp_path / "one", [MODEL_FILE])
    assert record.missing_biases() == []
    assert {part.part for part in record.slices if part.by == BY_LANGUAGE} == {"English"}
    assert record.making is not None
    assert record.making.processor_s > 0
    card = (tmp_path / "one" / CARD_FILE).read_text(encoding="utf-8")
    assert card == markdown_of(record)
    said = " ".join(card.split())
    assert "Two businesses that never were." in said
    assert "calder-lets" not in said
    trained_on, limits = (said.split(f"## {section}")[1].split("##")[0] for section in SECTIONS)
    assert "rows of a chart that is being renamed" in trained_on
    assert "10 ways in the last section" in said
    assert "the pooled map that calibrates new tenants was made with ensembles that did" in said
    assert all(proposes in limits for proposes in ("neighbours", "names", "own head", "followed"))
    learned, kernel = (
        line.split("|") for line in card.split("| second half of the books")[1].splitlines()[:2]
    )
    assert float(learned[-2]) < float(kernel[-2])  # log loss on books of the other kind
