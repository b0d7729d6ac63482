"""Model folders: whatever is wrong with one is found when it is loaded."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likewise_engine import limits
from likewise_engine.encoder import DEFAULT_MODEL, OnnxEncoder, load_encoder
from likewise_engine.encoder.manifest import (
    MANIFEST_FILE,
    TOKENIZER_FILE,
    Kind,
    Manifest,
    read_manifest,
)
from likewise_engine.encoder.ngrams import NgramHash
from likewise_engine.errors import ModelFault
from likewise_engine.model_folder import MODEL_FILE, sha256_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(str(files("likewise_engine") / "models" / DEFAULT_MODEL), tmp_path / "model"))


def seal(folder: Path, **changes: Any) -> None:
    """Write a manifest that is right about the folder's files, with changes."""
    digests = {name: sha256_of(folder / name) for name in (MODEL_FILE, TOKENIZER_FILE)}
    replace(read_manifest(folder), files=digests, **changes).write(folder)


def test_a_folder_is_an_encoder(folder: Path) -> None:
    encoder = load_encoder(folder, threads=2)
    assert encoder.fingerprint == load_encoder().fingerprint
    assert encoder.fingerprint in repr(encoder)


def test_any_other_setting_is_another_fingerprint(folder: Path) -> None:
    before = OnnxEncoder(folder).fingerprint
    seal(folder, tokens_max=7)
    assert OnnxEncoder(folder).fingerprint != before


def test_tokens_are_read_up_to_the_maximum(folder: Path) -> None:
    seal(folder, tokens_max=2)
    encoder = OnnxEncoder(folder)
    full, cut = encoder.encode(["water bill"]), encoder.encode(["water bill bill"])
    half = encoder.dimensions // 2
    np.testing.assert_allclose(full[0, :half], cut[0, :half], rtol=1e-5)
    assert np.abs(full[0, half:] - cut[0, half:]).max() > 0.01


@pytest.mark.parametrize("name", [MODEL_FILE, TOKENIZER_FILE])
def test_one_flipped_bit_is_found(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelFault, match="is damaged"):
        OnnxEncoder(folder)


@pytest.mark.parametrize("name", [MANIFEST_FILE, MODEL_FILE, TOKENIZER_FILE])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelFault, match=f"{name} cannot be read: No such file"):
        OnnxEncoder(folder)


@pytest.mark.parametrize(
    ("name", "message"), [(MODEL_FILE, "is not a static-ngram model"), (TOKENIZER_FILE, "not a tokeniser")]
)
def test_files_that_are_no_model_are_refused(folder: Path, name: str, message: str) -> None:
    (folder / name).write_bytes(b"neither protobuf nor JSON")
    seal(folder)
    with pytest.raises(ModelFault, match=message):
        OnnxEncoder(folder)


def test_a_model_of_other_dimensions_than_stated_is_refused(folder: Path) -> None:
    seal(folder, dimensions=64)
    with pytest.raises(ModelFault, match=r"gave float32 of shape \(1, "):
        OnnxEncoder(folder)


def test_a_model_of_another_kind_than_stated_is_refused(folder: Path) -> None:
    seal(folder, kind=Kind.TRANSFORMER, ngrams=None)
    with pytest.raises(ModelFault, match="does not take or give what a transformer model does"):
        OnnxEncoder(folder)


def test_a_table_smaller_than_the_hash_is_a_model_fault_not_a_crash(folder: Path) -> None:
    seal(folder, ngrams=NgramHash(buckets_log2=24))
    with pytest.raises(ModelFault, match="failed"):
        OnnxEncoder(folder).encode(["a text with several n-grams"])


EDITS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "not an object": lambda _: [],
    "another format": lambda content: content | {"format": 2},
    "another name, same fingerprint": lambda content: content | {"name": "other"},
    "a name with a slash": lambda content: content | {"name": "../other"},
    "no fingerprint": lambda content: {key: value for key, value in content.items() if key != "fingerprint"},
    "no dimensions": lambda content: {key: value for key, value in content.items() if key != "dimensions"},
    "dimensions as text": lambda content: content | {"dimensions": "128"},
    "dimensions as truth": lambda content: content | {"dimensions": True},
    "no dimension": lambda content: content | {"dimensions": 0},
    "too many tokens": lambda content: content | {"tokens_max": 10**9},
    "an unknown kind": lambda content: content | {"kind": "oracle"},
    "a file elsewhere": lambda content: content | {"files": {"/etc/passwd": "0" * 64}},
    "a digest that is none": lambda content: content | {"files": dict.fromkeys(content["files"], 1)},
    "a static model without n-grams": lambda content: content | {"ngrams": None},
    "n-grams of another shape": lambda content: content | {"ngrams": {"n": 3}},
    "n-grams that are no object": lambda content: content | {"ngrams": [2, 4]},
    "something more": lambda content: content | {"extra": 1},
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edited_manifest_is_refused(folder: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads((folder / MANIFEST_FILE).read_text())
    (folder / MANIFEST_FILE).write_text(json.dumps(edit(content)))
    with pytest.raises(ModelFault, match=MANIFEST_FILE):
        OnnxEncoder(folder)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[" * 50_000, b"\xff", b" " * (limits.ENCODER_MANIFEST_BYTES_MAX + 1)]
)
def test_a_manifest_that_is_no_json_is_refused(folder: Path, content: bytes) -> None:
    (folder / MANIFEST_FILE).write_bytes(content)
    with pytest.raises(ModelFault, match=MANIFEST_FILE):
        OnnxEncoder(folder)


def test_a_manifest_reads_back_as_written(tmp_path: Path) -> None:
    digests = {MODEL_FILE: "0" * 64, TOKENIZER_FILE: "1" * 64}
    manifest = Manifest("a.model-1_x", Kind.TRANSFORMER, dimensions=384, tokens_max=256, files=digests)
    manifest.write(tmp_path)
    assert read_manifest(tmp_path) == manifest
