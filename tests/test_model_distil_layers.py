"""``likewise model distil --student-kind transformer``: fewer of the teacher's layers, and its vectors."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from likewise_engine.encoder import load_encoder
from likewise_engine.encoder.manifest import Kind, read_manifest
from likewise_engine.errors import InvalidInput
from likewise_indexer.cards import read_record
from likewise_indexer.models.texts import texts_of
from likewise_server.cli.model import model_app

pytestmark = pytest.mark.models

REASON = "needs the extra likewise[models]: run 'make test-models'"
sentence_transformers = pytest.importorskip("sentence_transformers", reason=REASON)
teachers = pytest.importorskip("model_teachers", reason=REASON)
shallowing = pytest.importorskip("likewise_indexer.models.layers", reason=REASON)
training = pytest.importorskip("likewise_indexer.models.tune.training", reason=REASON)

WORDS = ("tea", "shop", "bakers", "rent", "flat", "bill")
LINES = [f"{first} {second} {third}" for first in WORDS for second in WORDS for third in WORDS]
TEXTS = texts_of(LINES)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return teachers.tiny_teacher(tmp_path_factory.mktemp("teacher"))


def small(**changes: Any) -> Any:
    settings = {"steps": 40, "batch_size": 32, "learning_rate": 3e-3, "judged_every": 10}
    return training.Tuning(**settings | changes)


def weights_of(model: Any) -> list[Any]:
    return [weight.numpy() for weight in model.state_dict().values()]


def test_a_student_comes_nearer_to_its_teacher_on_texts_that_it_never_saw(
    teacher: Any, tmp_path: Path
) -> None:
    weights = weights_of(teacher)
    found = shallowing.distil_layers(teacher, 1, TEXTS, small(), tmp_path / "work")
    assert found.layers == [1]
    assert found.texts == 172  # Of 216: one in ten judges, one measures.
    assert found.before.agreement.texts == 22
    assert found.after.cosine > found.before.cosine + 0.1
    student = found.student
    student.save_pretrained(str(tmp_path / "student"))
    loaded = sentence_transformers.SentenceTransformer(str(tmp_path / "student"), device="cpu")
    assert loaded[0].auto_model.config.num_hidden_layers == 1
    np.testing.assert_allclose(loaded.encode(TEXTS[:5]), student.encode(TEXTS[:5]), atol=1e-6)
    for before, after in zip(weights, weights_of(teacher), strict=True):
        np.testing.assert_array_equal(before, after)


def test_an_interrupted_run_goes_on_and_ends_where_it_would_have(teacher: Any, tmp_path: Path) -> None:
    def interrupt(what: str, done: int, _total: int) -> None:
        if what.startswith("Training") and done == 25:
            raise KeyboardInterrupt

    whole = shallowing.distil_layers(teacher, 1, TEXTS, small(), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        shallowing.distil_layers(teacher, 1, TEXTS, small(), tmp_path / "work", interrupt)
    told: list[tuple[str, int]] = []
    resumed = shallowing.distil_layers(
        teacher, 1, TEXTS, small(), tmp_path / "work", lambda what, done, _: told.append((what, done))
    )
    assert told[0] == ("Training the student", 21)  # The teacher is not asked again.
    for one, other in zip(weights_of(whole.student), weights_of(resumed.student), strict=True):
        np.testing.assert_array_equal(one, other)
    for changed in ({"tuning": small(seed=1)}, {"texts": TEXTS[1:]}):
        with pytest.raises(InvalidInput, match="other settings"):
            shallowing.distil_layers(
                **{"teacher": teacher, "layers": 1, "texts": TEXTS, "tuning": small()} | changed,
                work=tmp_path / "work",
            )


def test_the_middle_layers_of_equal_runs_are_kept(tmp_path: Path) -> None:
    def kept(layers: int, of: int) -> list[int]:
        (tmp_path / str(of)).mkdir(exist_ok=True)
        deep = teachers.tiny_teacher(tmp_path / str(of), layers=of)
        student, numbers = shallowing.shallow(deep, layers)
        theirs = deep[0].auto_model.encoder.layer
        for ours, number in zip(student[0].auto_model.encoder.layer, numbers, strict=True):
            assert ours.output.dense.weight.equal(theirs[number].output.dense.weight)
        return list(numbers)

    assert kept(4, of=12) == [1, 4, 7, 10]
    assert kept(3, of=6) == [1, 3, 5]
    assert kept(5, of=6) == [0, 1, 3, 4, 5]
    for wrong in (0, 2):
        with pytest.raises(InvalidInput, match="from 1 to 1 are fewer"):
            kept(wrong, of=2)


def test_what_cannot_be_distilled_is_refused(teacher: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="at least 200"):
        shallowing.distil_layers(teacher, 1, TEXTS[:199], small(), tmp_path / "work")
    embedding = sentence_transformers.sentence_transformer.modules.StaticEmbedding(
        teacher.tokenizer.backend_tokenizer, embedding_dim=8
    )
    static = sentence_transformers.SentenceTransformer(modules=[embedding], device="cpu")
    with pytest.raises(InvalidInput, match="no transformer"):
        shallowing.shallow(static, 1)
    assert not (tmp_path / "work").exists()


def test_the_command_writes_a_folder_that_serves_and_its_card(teacher: Any, tmp_path: Path) -> None:
    texts, source = tmp_path / "texts.txt", tmp_path / "tiny"
    texts.write_text("\n".join(LINES), encoding="utf-8")
    teacher.save_pretrained(str(source))
    out, saved = tmp_path / "out", tmp_path / "student"
    arguments = ["--teacher", str(source), "--student-kind", "transformer", "--layers", "1", "--texts"]
    arguments += [str(texts), "--steps", "3", "--precision", "int8", "--student", str(saved)]
    result = CliRunner().invoke(model_app, ["distil", *arguments, "--out", str(out)])
    assert result.exit_code == 0, result.output
    manifest = read_manifest(out)
    assert (manifest.name, manifest.kind) == ("tiny-1-layers", Kind.TRANSFORMER)
    student = sentence_transformers.SentenceTransformer(str(saved), device="cpu")
    ours, theirs = load_encoder(out).encode(TEXTS), student.encode(TEXTS, normalize_embeddings=True)
    assert np.einsum("ij,ij->i", ours, theirs).mean() > 0.97
    record = read_record(out)
    assert record.fingerprint == manifest.fingerprint
    assert record.making is not None
    assert "--student-kind transformer --layers 1" in record.making.command
    assert str(tmp_path) not in record.model_dump_json()
    assert [len(table.rows) for table in record.measured.tables] == [2, 1]


def test_the_static_student_has_a_card_too(teacher: Any, tmp_path: Path) -> None:
    source, out = tmp_path / "tiny", tmp_path / "out"
    teacher.save_pretrained(str(source))
    sizes = ["--token-dimensions", "12", "--ngram-dimensions", "20", "--buckets-log2", "8"]
    result = CliRunner().invoke(
        model_app, ["distil", "--teacher", str(source), *sizes, "--licence", "MIT", "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    record = read_record(out)
    assert (record.name, record.licence) == ("likewise-static", "MIT")
    assert record.fingerprint in result.output
    assert record.making is not None
    assert " ".join(sizes) in record.making.command.replace(" --ngram-length-max 4", "")
