"""``likewise model quantise`` and ``prune``: an exported encoder made smaller, held against what it was."""

import shutil
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from likewise_engine.encoder import DEFAULT_MODEL, load_encoder
from likewise_engine.encoder.manifest import read_manifest
from likewise_engine.errors import InvalidInput, ModelFault
from likewise_engine.model_folder import MODEL_FILE
from likewise_indexer.cards import read_record
from likewise_server.cli.app import app

pytestmark = pytest.mark.models

REASON = "needs the extra likewise[models]: run 'make test-models'"
onnx = pytest.importorskip("onnx", reason=REASON)
teachers = pytest.importorskip("model_teachers", reason=REASON)
exporting = pytest.importorskip("likewise_indexer.models.export", reason=REASON)
pruning = pytest.importorskip("likewise_indexer.models.prune", reason=REASON)
quantising = pytest.importorskip("likewise_indexer.models.quantise", reason=REASON)

WORDS = ("tea", "shop", "bakers", "rent", "flat", "bill")
TEXTS = [f"{first} {second} {third}" for first in WORDS for second in WORDS for third in WORDS]
STATIC = Path(str(files("likewise_engine") / "models")) / DEFAULT_MODEL


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    (folder / "teacher").mkdir()
    exporting.export_transformer(teachers.tiny_teacher(folder / "teacher"), "tiny", folder / "tiny")
    return folder / "tiny"


@pytest.mark.parametrize(("precision", "cosine_min"), [("fp16", 0.999), ("int8", 0.97), ("int8-static", 0.9)])
def test_a_folder_in_fewer_bits_is_smaller_and_nearly_the_same(
    exported: Path, tmp_path: Path, precision: str, cosine_min: float
) -> None:
    wanted = quantising.Precision(precision)
    encoder, agreement = quantising.quantise(exported, tmp_path / "out", "small", wanted, TEXTS)
    assert agreement.cosine_mean > cosine_min
    assert agreement.texts == len(TEXTS) // 2
    assert encoder.fingerprint.startswith("small@")
    original, changed = load_encoder(exported).encode(TEXTS), load_encoder(tmp_path / "out").encode(TEXTS)
    assert np.einsum("ij,ij->i", original, changed).mean() > cosine_min
    assert not np.array_equal(original, changed)


def test_what_cannot_be_quantised_is_refused(exported: Path, tmp_path: Path) -> None:
    int8 = quantising.Precision.INT8
    with pytest.raises(InvalidInput, match="int8 already"):
        quantising.quantise(STATIC, tmp_path, "small", int8, TEXTS)
    with pytest.raises(InvalidInput, match="calibrate"):
        quantising.quantise(exported, tmp_path, "small", quantising.Precision.INT8_STATIC, TEXTS[:10])
    quantising.quantise(exported, tmp_path / "int8", "small", int8, TEXTS)
    with pytest.raises(InvalidInput, match="fp32"):
        quantising.quantise(tmp_path / "int8", tmp_path / "again", "small", int8, TEXTS)


def test_a_damaged_source_and_a_pruning_of_nothing_are_refused(exported: Path, tmp_path: Path) -> None:
    damaged, texts = tmp_path / "damaged", tmp_path / "texts.txt"
    shutil.copytree(exported, damaged)
    (damaged / MODEL_FILE).write_bytes(b"garbage")
    texts.write_text("\n".join(TEXTS))
    for command in ("quantise", "prune"):
        arguments = ["model", command, str(damaged), "--texts", str(texts), "--out", str(tmp_path / "out")]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 1
        assert "model.onnx is damaged" in result.stderr
    with pytest.raises(ModelFault, match="is damaged"):
        quantising.quantise(damaged, tmp_path / "out", "small", quantising.Precision.INT8, TEXTS)
    with pytest.raises(InvalidInput, match="nothing to prune"):
        pruning.prune(exported, tmp_path / "out", "small", TEXTS, vocabulary=False)
    assert not (tmp_path / "out").exists()


def test_a_pruned_vocabulary_changes_no_vector_of_the_texts_that_it_was_pruned_by(
    exported: Path, tmp_path: Path
) -> None:
    for source in (exported, STATIC):
        out = tmp_path / source.name
        _, found = pruning.prune(source, out, "small", TEXTS)
        before, after = found.tokens
        assert after < before
        assert (out / MODEL_FILE).stat().st_size < (source / MODEL_FILE).stat().st_size
        chosen = TEXTS[::2]
        np.testing.assert_allclose(
            load_encoder(out).encode(chosen), load_encoder(source).encode(chosen), atol=1e-5
        )
        assert np.isfinite(load_encoder(out).encode(["zzz östlich", ""])).all()


def test_fewer_dimensions_keep_what_is_alike(exported: Path, tmp_path: Path) -> None:
    _, found = pruning.prune(exported, tmp_path / "a", "small", TEXTS, vocabulary=False, dimensions=16)
    assert found.dimensions == (32, 16)
    assert load_encoder(tmp_path / "a").dimensions == 16
    assert found.agreement.rank_correlation > 0.9
    width = read_manifest(STATIC).dimensions
    _, found = pruning.prune(STATIC, tmp_path / "b", "small", TEXTS, vocabulary=False, dimensions=width - 8)
    assert load_encoder(tmp_path / "b").dimensions == width - 8
    assert found.agreement.rank_correlation > 0.9
    for source, wrong in ((exported, 32), (STATIC, width), (STATIC, 1)):
        with pytest.raises(InvalidInput, match="are fewer"):
            pruning.prune(source, tmp_path / "c", "small", TEXTS, dimensions=wrong)
    with pytest.raises(InvalidInput, match="at least"):
        pruning.prune(exported, tmp_path / "c", "small", TEXTS[:5])


def test_the_commands_write_cards(exported: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(TEXTS), encoding="utf-8")
    for command in (["quantise", "--precision", "int8"], ["prune"]):
        out = tmp_path / command[0]
        arguments = [*command, str(exported), "--out", str(out), "--texts", str(texts)]
        result = CliRunner().invoke(app, ["model", *arguments])
        assert result.exit_code == 0, result.output
        record = read_record(out)
        assert record.fingerprint in result.output
        assert record.making is not None
        assert record.measured.tables
