"""A vote's folder: whatever is wrong with it is found when it is loaded."""

import json
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likewise_engine import limits
from likewise_engine.answers import ClassifyOptions
from likewise_engine.encoder import DEFAULT_MODEL
from likewise_engine.errors import ModelFault
from likewise_engine.evidence import FEATURES
from likewise_engine.model_folder import MODEL_FILE, fingerprint_of, sha256_of
from likewise_engine.transaction import Transaction
from likewise_engine.vote import DEFAULT_VOTE, OnnxVote, Pooled, load_vote
from likewise_engine.vote.ensemble import read_ensemble
from likewise_engine.vote.manifest import MANIFEST_FILE, read_vote_manifest
from likewise_engine.vote.onnx import INPUT, OUTPUT
from likewise_server.lifecycle import open_tenants
from likewise_server.settings import Settings

MODELS = Path(str(files("likewise_engine") / "models"))
FILE_BYTES_MAX = 5_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODELS / DEFAULT_VOTE, tmp_path / "vote"))


def seal(folder: Path, **changes: Any) -> None:
    """Write a manifest that is right about its own content, with changes."""
    content = json.loads((folder / MANIFEST_FILE).read_text()) | changes
    bare = {key: value for key, value in content.items() if key not in ("format", "fingerprint")}
    content["fingerprint"] = fingerprint_of(content["name"], bare)
    (folder / MANIFEST_FILE).write_text(json.dumps(content))


def test_the_shipped_vote_weighs_the_features_of_this_engine_and_is_small() -> None:
    assert read_vote_manifest(MODELS / DEFAULT_VOTE).features == FEATURES
    assert (MODELS / DEFAULT_VOTE / MODEL_FILE).stat().st_size < FILE_BYTES_MAX
    pooled = load_vote().pooled
    assert len(pooled.probability) >= 10
    # It is surer where it is right more often, all in all.
    assert np.corrcoef(pooled.probability, pooled.right)[0, 1] > 0.9


def test_a_folder_is_a_vote(folder: Path) -> None:
    vote = load_vote(folder)
    assert vote.fingerprint == load_vote().fingerprint
    assert vote.fingerprint in repr(vote)
    seal(folder, name="another")
    assert load_vote(folder).fingerprint != vote.fingerprint


def test_a_manifest_reads_back_as_written(folder: Path, tmp_path: Path) -> None:
    manifest = read_vote_manifest(folder)
    manifest.write(tmp_path)
    assert read_vote_manifest(tmp_path) == manifest


def test_one_flipped_bit_is_found(folder: Path) -> None:
    content = bytearray((folder / MODEL_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / MODEL_FILE).write_bytes(content)
    with pytest.raises(ModelFault, match="is damaged"):
        OnnxVote(folder)


@pytest.mark.parametrize("name", [MANIFEST_FILE, MODEL_FILE])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelFault, match=f"{name} cannot be read: No such file"):
        OnnxVote(folder)


def test_a_file_that_is_no_model_is_refused(folder: Path) -> None:
    (folder / MODEL_FILE).write_bytes(b"no protobuf")
    seal(folder, files={MODEL_FILE: sha256_of(folder / MODEL_FILE)})
    with pytest.raises(ModelFault, match="is not a model of trees"):
        OnnxVote(folder)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_half_a_model_is_refused(folder: Path, share: float) -> None:
    content = (folder / MODEL_FILE).read_bytes()
    (folder / MODEL_FILE).write_bytes(content[: int(len(content) * share)])
    seal(folder, files={MODEL_FILE: sha256_of(folder / MODEL_FILE)})
    with pytest.raises(ModelFault, match="is not a model of trees"):
        OnnxVote(folder)


@settings(max_examples=200)
@given(content=st.binary(max_size=64))
def test_nonsense_is_no_model(content: bytes) -> None:
    with pytest.raises(ValueError, match="it "):
        read_ensemble(content, "features", "score")


@pytest.mark.parametrize("rows", [1, 2, 26, 64, 65, 300])
def test_trees_score_as_onnxruntime_does(rows: int) -> None:
    """Random rows, and rows that lie exactly upon thresholds, where turning the wrong way would show."""
    content = (MODELS / DEFAULT_VOTE / MODEL_FILE).read_bytes()
    ensemble = read_ensemble(content, INPUT, OUTPUT)
    rng = np.random.default_rng(rows)
    features = rng.normal(0, 3, (rows, len(FEATURES))).astype(np.float32)
    for feature in range(len(FEATURES)):
        thresholds = ensemble.threshold[ensemble.feature == feature]
        if len(thresholds):
            features[::2, feature] = rng.choice(thresholds, len(features[::2]))
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (expected,) = session.run([OUTPUT], {INPUT: features})
    scores = OnnxVote(MODELS / DEFAULT_VOTE).scores(features)
    np.testing.assert_allclose(scores, expected[:, 0], atol=1e-4)


def test_a_model_that_does_something_else_is_refused(folder: Path) -> None:
    shutil.copy(MODELS / DEFAULT_MODEL / MODEL_FILE, folder)
    seal(folder, files={MODEL_FILE: sha256_of(folder / MODEL_FILE)})
    with pytest.raises(ModelFault, match="does not take or give what a vote does"):
        OnnxVote(folder)


FEATURE_LISTS: dict[str, tuple[list[str], str]] = {
    "one less": ([*FEATURES[:-1]], f"it does not weigh '{FEATURES[-1]}'"),
    "one more": ([*FEATURES, "phase_of_the_moon"], "it weighs 'phase_of_the_moon'"),
    "one renamed": (["sharing", *FEATURES[1:]], f"it weighs 'sharing'; it does not weigh '{FEATURES[0]}'"),
    "another order": ([*FEATURES[1:], FEATURES[0]], "in another order"),
    "one twice": ([*FEATURES, FEATURES[0]], "in another order"),
    "none": ([], "it does not weigh"),
}


@pytest.mark.parametrize(("features", "message"), FEATURE_LISTS.values(), ids=FEATURE_LISTS.keys())
def test_a_vote_on_other_features_is_refused_and_says_which(
    folder: Path, features: list[str], message: str
) -> None:
    seal(folder, features=features)
    with pytest.raises(ModelFault, match=message):
        OnnxVote(folder)


def _pooled(**changes: Any) -> dict[str, Any]:
    return {"probability": [0.2, 0.8], "right": [0.1, 0.9], "questions": [5, 5]} | changes


EDITS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no features": lambda content: {key: value for key, value in content.items() if key != "features"},
    "features as text": lambda content: content | {"features": "share"},
    "a feature that is a number": lambda content: content | {"features": [1, *FEATURES[1:]]},
    "a file elsewhere": lambda content: content | {"files": {"/etc/passwd": "0" * 64}},
    "no pooled outcomes": lambda content: {key: value for key, value in content.items() if key != "pooled"},
    "pooled outcomes as a list": lambda content: content | {"pooled": []},
    "no bins": lambda content: content | {"pooled": _pooled(probability=[], right=[], questions=[])},
    "bins of two lengths": lambda content: content | {"pooled": _pooled(right=[0.5])},
    "more than certain": lambda content: content | {"pooled": _pooled(right=[0.5, 1.5])},
    "not a number": lambda content: content | {"pooled": _pooled(right=[0.5, float("nan")])},
    "a word for a number": lambda content: content | {"pooled": _pooled(right=[0.5, "most"])},
    "out of order": lambda content: content | {"pooled": _pooled(probability=[0.8, 0.2])},
    "an empty bin": lambda content: content | {"pooled": _pooled(questions=[5, 0])},
    "a slash in the name": lambda content: content | {"name": "../other"},
    "something more": lambda content: content | {"extra": 1},
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edited_manifest_is_refused_even_where_its_fingerprint_is_right(
    folder: Path, edit: Callable[[dict[str, Any]], Any]
) -> None:
    content = edit(json.loads((folder / MANIFEST_FILE).read_text()))
    bare = {key: value for key, value in content.items() if key not in ("format", "fingerprint")}
    content["fingerprint"] = fingerprint_of(content["name"], bare)
    (folder / MANIFEST_FILE).write_text(json.dumps(content))
    with pytest.raises(ModelFault, match=MANIFEST_FILE):
        OnnxVote(folder)


def test_pooled_outcomes_without_their_fingerprint_are_refused(folder: Path) -> None:
    content = json.loads((folder / MANIFEST_FILE).read_text()) | {"pooled": _pooled()}
    (folder / MANIFEST_FILE).write_text(json.dumps(content))
    with pytest.raises(ModelFault, match="was edited"):
        OnnxVote(folder)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[" * 50_000, b"\xff", b" " * (limits.VOTE_MANIFEST_BYTES_MAX + 1)]
)
def test_a_manifest_that_is_no_json_is_refused(folder: Path, content: bytes) -> None:
    (folder / MANIFEST_FILE).write_bytes(content)
    with pytest.raises(ModelFault, match=MANIFEST_FILE):
        OnnxVote(folder)


def test_pooled_outcomes_know_what_they_can_be() -> None:
    assert Pooled((0.2, 0.2, 0.9), (0.0, 0.5, 1.0), (1, 1, 1)).right[2] == 1.0
    with pytest.raises(ValueError, match="the same number of each"):
        Pooled((0.2,), (0.5,), (1, 2))


def test_the_server_votes_with_the_folder_that_its_settings_name(folder: Path, tmp_path: Path) -> None:
    seal(folder, name="another")
    for named, expected in ((None, load_vote()), (folder, load_vote(folder))):
        with open_tenants(Settings(data=tmp_path / "data", vote=named)) as tenants:
            if not tenants.exists("t"):
                tenants.create("t")
            with tenants.use("t") as ledger:
                answer = ledger.classify(Transaction(payee="Corner Bakery"), ClassifyOptions())
        assert answer.vote_fingerprint == expected.fingerprint
    with pytest.raises(ModelFault, match="No such file"):
        open_tenants(Settings(data=tmp_path / "data", vote=tmp_path / "nowhere"))
