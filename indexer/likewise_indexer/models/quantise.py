"""An exported folder in fewer bits. Needs no torch: the folder is held against itself as it was."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tokenizers import Tokenizer

from likewise_engine.encoder import OnnxEncoder
from likewise_engine.encoder.manifest import TOKENIZER_FILE, Kind, read_manifest
from likewise_engine.errors import InvalidInput
from likewise_engine.model_folder import MODEL_FILE, sha256_of
from likewise_indexer.models.agreement import Agreement
from likewise_indexer.models.numbers import Precision
from likewise_indexer.models.precision import check_calibration, convert, is_fp32


def quantise(
    source: Path, folder: Path, name: str, precision: Precision, texts: Sequence[str]
) -> tuple[OnnxEncoder, Agreement]:
    """Write a folder in another precision; return its encoder and how it agrees with the source.

    Args:
        source: an exported folder in fp32.
        folder: is made if missing; another one than the source.
        name: names the model.
        precision: another than FP32.
        texts: normalised, at least two: of each two the first calibrates, the agreement is over the rest.

    Raises:
        InvalidInput: the source is no transformer in fp32, or there are too few texts.
        ModelFault: the source is none, or does not agree with what was made of it.
    """
    manifest = read_manifest(source)
    if manifest.kind is Kind.STATIC_NGRAM:
        message = "is a static model: its tables are int8 already, and fewer bits would not be fewer bytes"
        raise InvalidInput.of("source", message)
    original = OnnxEncoder(source)  # It says whether the files are whole.
    if precision is Precision.FP32 or not is_fp32(source / MODEL_FILE):
        raise InvalidInput.of("source", "is to be in fp32, and to become something else")
    if len(texts) < 2:
        raise InvalidInput.of("texts", "are too few: at least two distinct ones are needed")
    if folder.resolve() == source.resolve():
        raise InvalidInput.of("out", "is the source: write another folder")
    check_calibration(precision, texts[::2])
    folder.mkdir(parents=True, exist_ok=True)
    for file in (MODEL_FILE, TOKENIZER_FILE):
        shutil.copyfile(source / file, folder / file)
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    convert(folder / MODEL_FILE, precision, tokenizer, manifest.tokens_max, texts[::2])
    files = {file: sha256_of(folder / file) for file in (MODEL_FILE, TOKENIZER_FILE)}
    replace(manifest, name=name, files=files).write(folder)
    encoder = OnnxEncoder(folder)
    held_out = texts[1::2]
    agreement = Agreement.between(original.encode(held_out), encoder.encode(held_out))
    agreement.check(name)
    return encoder, agreement
