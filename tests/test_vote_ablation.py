"""Leaving out witnesses: what tells is missed, what does not is not, and chance is told from both."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from likewise_engine.errors import InvalidInput
from likewise_engine.evidence import FEATURES, WITNESSES
from likewise_indexer.models.vote.pairs import Questions
from likewise_server.cli.model import model_app
from vote_world import drawn

BOOKS = Path(__file__).parent.parent / "data" / "books"
REASON = "needs the [models] extra"
FIGURES = (
    "top1",
    "coverage_at_95",
    "coverage_at_98",
    "ece",
    "top1_payee_unseen",
    "top1_after_10",
)


def test_every_feature_is_of_one_witness() -> None:
    assert sorted(feature for features in WITNESSES.values() for feature in features) == sorted(FEATURES)


@pytest.mark.models
def test_the_witness_that_tells_is_missed_and_another_is_not() -> None:
    ablation = pytest.importorskip("likewise_indexer.models.vote.ablation", reason=REASON)
    boost = pytest.importorskip("likewise_indexer.models.vote.boost", reason=REASON)
    growth = boost.Growth(trees=30, leaves=4, learning_rate=0.2, leaf_share_min=0.02, feature_share=1.0)
    questions = Questions.of([drawn(source, 400, seed) for seed, source in enumerate("abc")])
    witnesses = {ablation.SIMILARITY: FEATURES[:2], "others": FEATURES[2:]}  # the first feature tells
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))

    found = ablation.ablate(questions, witnesses, growth, questions_max=300, seeds=(0, 1), progress=progress)
    everything, without, without_others, only, kernel = found.tried
    assert [row.what for row in found.tried] == [
        "everything",
        "without similarity",
        "without others",
        "only similarity",
        "the kernel, tuned by hand",
    ]
    assert [row.features for row in found.tried] == [len(FEATURES), len(FEATURES) - 2, 2, 2, 0]
    assert everything.figures.top1 > without.figures.top1 + 0.2
    assert only.figures.top1 == pytest.approx(everything.figures.top1, abs=0.05)
    assert only.figures.document() == without_others.figures.document()  # the same features by two ways
    assert everything.figures.top1 > kernel.figures.top1 + 0.2
    assert 0 < found.noise.top1 < 0.1
    assert (found.questions, found.questions_asked, found.tenants, found.seeds) == (900, 1_200, 3, 2)
    assert told[-1] == (len(told), len(told))
    assert len(told) == 4 * 2 * 3 * 30
    again = ablation.ablate(questions, witnesses, growth, questions_max=300, seeds=(0, 1))
    assert json.dumps(again.document()) == json.dumps(found.document())
    with pytest.raises(InvalidInput, match="of one source"):
        ablation.ablate(questions.where(questions.of_source("a")), witnesses, growth)


@pytest.mark.models
def test_tenants_weigh_the_same_after_some_questions_are_dropped() -> None:
    ablation = pytest.importorskip("likewise_indexer.models.vote.ablation", reason=REASON)
    questions = Questions.of([drawn("a", 30, 1), drawn("b", 1_000, 2)])
    few = ablation.thinned(questions, 100, seed=0)
    assert np.bincount(few.tenant).tolist() == [30, 100]
    assert few.weight[few.tenant == 0].sum() == pytest.approx(few.weight[few.tenant == 1].sum())
    assert len(few.features) == few.pairs.sum() == len(few.is_right)
    assert not np.array_equal(few.features, ablation.thinned(questions, 100, seed=1).features)


@pytest.mark.models
def test_the_command_writes_what_it_measured_on_the_sample_books(tmp_path: Path) -> None:
    pytest.importorskip("lightgbm", reason=REASON)
    books = tmp_path / "books"
    books.mkdir()
    for name in ("calder-lets.csv", "hazel-and-rye.csv"):
        lines = (BOOKS / name).read_bytes().splitlines(keepends=True)
        (books / name).write_bytes(b"".join(lines[:400]))
    command = ["ablate-vote", str(books), "--json", str(tmp_path / "found.json"), "--jobs", "1"]
    done = CliRunner().invoke(model_app, command, env={"COLUMNS": "120"})
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "found.json").read_text())
    names = ["everything", *(f"without {name}" for name in WITNESSES), "only similarity"]
    assert [row["what"] for row in found["tried"]] == [*names, "the kernel, tuned by hand"]
    for row in found["tried"]:
        assert all(0 <= row[figure] <= 1 for figure in FIGURES)
        assert row["what"] in done.output
    assert found["tenants"] == 2
    assert found["seeds"] == 3
    assert all(found["noise"][figure] >= 0 for figure in FIGURES)
