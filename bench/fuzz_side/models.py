"""What data and model folders hold beside SQLite: ONNX files, manifests, caches with their vouchers."""

import io
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from fuzz_side.chance import Chance, weighted
from fuzz_side.target import Input
from likewise_engine import cache_file, wire
from likewise_engine.encoder.manifest import MANIFEST_FILE, read_manifest
from likewise_engine.encoder.static_model import graph_of, read_static_model
from likewise_engine.errors import ModelFault
from likewise_engine.head.heads import Heads
from likewise_engine.keys import TenantKey
from likewise_engine.store import snapshot_file
from likewise_engine.vote.ensemble import read_ensemble
from likewise_engine.vote.trees import Trees

_KINDS: Final = (
    (5, "wire"),
    (6, "trees"),
    (4, "static"),
    (4, "manifest"),
    (3, "snapshot"),
    (3, "heads"),
    (2, "cache"),
)
_FEATURES: Final = 3
_INPUT, _OUTPUT = "features", "score"


class Models:
    """Any file is what it should be, or is refused as damaged."""

    name = "models"

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name)
        self._seeds: Mapping[str, bytes] = {
            "wire": _varint_field(1, 5) + _bytes_field(2, b"ab"),
            "trees": _trees(),
            "static": _static(),
            "manifest": _manifest(),
            "snapshot": b'{"record": {}, "arrays": {"texts": ["|u1", [3]]}, "currencies": []}\n' + bytes(64),
            "heads": _heads(),
            "cache": b'{"format": "x", "sha256": "y"}',
        }
        self._takers: Mapping[str, Callable[[bytes], None]] = {
            "wire": lambda content: _wire(content, depth=4),
            "trees": _take_trees,
            "static": lambda content: _ignore(read_static_model(content, "vector")),
            "manifest": self._take_manifest,
            "snapshot": lambda content: _ignore(snapshot_file.read(bytearray(content))),
            "heads": lambda content: _ignore(
                Heads.read(io.BytesIO(content), {"dimensions": ["category"], "labels": 1, "revision": 1}, 9)
            ),
            "cache": self._take_cache,
        }

    def make(self, chance: Chance) -> Input:
        """A file with some of its bytes changed; seldom one of any bytes at all."""
        kind = weighted(chance, _KINDS)
        if chance.one_in(20):
            return Input(kind, chance.randbytes(chance.randrange(100)))
        return Input(kind, chance.mutated(self._seeds[kind], changes_max=chance.choice((1, 2, 8))))

    def feed(self, made: Input) -> str:
        """Raise for what is neither read nor refused in the way that its reader promises."""
        try:
            self._takers[made.kind](made.content)
        except (ValueError, KeyError, ModelFault) as error:
            return type(error).__name__
        except TypeError:
            if made.kind != "snapshot":
                raise
            return "TypeError"
        return "read"

    def close(self) -> None:
        """Delete the files."""
        self._folder.cleanup()

    def _take_manifest(self, content: bytes) -> None:
        (self._path / MANIFEST_FILE).write_bytes(content)
        read_manifest(self._path)

    def _take_cache(self, content: bytes) -> None:
        path = self._path / "texts.hnsw"
        path.write_bytes(b"content")
        path.with_name(path.name + ".json").write_bytes(content)
        key = TenantKey("fuzz", bytes(32))
        cache_file.load(path, key, lambda stated: bool(stated["format"] == "x"), lambda *_: None)


def _ignore(_read: object) -> None:
    """What was read is what it claims to be; nothing more is asked of it."""


def _wire(content: bytes, depth: int) -> None:
    for values in wire.message(content).values():
        for value in values:
            if depth and isinstance(value, bytes):
                try:
                    _wire(value, depth - 1)
                except ValueError:
                    continue


def _take_trees(content: bytes) -> None:
    trees = Trees(read_ensemble(content, _INPUT, _OUTPUT), _FEATURES)
    trees.scores(np.array([[0.0, 1.0, -1.0]] * 3, np.float32))


# --- A small file of each kind, by protobuf's wire format --------------------------------------


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _varint_field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value & (1 << 64) - 1)


def _bytes_field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _attribute(name: str, **values: Any) -> bytes:
    content = _bytes_field(1, name.encode())
    if "ints" in values:
        content += b"".join(_varint_field(8, value) for value in values["ints"])
    if "floats" in values:
        content += _bytes_field(7, np.array(values["floats"], "<f4").tobytes())
    if "strings" in values:
        content += b"".join(_bytes_field(9, value) for value in values["strings"])
    if "text" in values:
        content += _bytes_field(4, values["text"])
    if "number" in values:
        content += _varint_field(3, values["number"])
    return _bytes_field(5, content)


def _trees() -> bytes:
    node = _bytes_field(4, b"TreeEnsembleRegressor") + _bytes_field(7, b"ai.onnx.ml")
    node += _attribute("aggregate_function", text=b"SUM") + _attribute("post_transform", text=b"NONE")
    node += _attribute("n_targets", number=1)
    node += _attribute("nodes_treeids", ints=[0, 0, 0]) + _attribute("nodes_nodeids", ints=[0, 1, 2])
    node += _attribute("nodes_modes", strings=[b"BRANCH_LEQ", b"LEAF", b"LEAF"])
    node += _attribute("nodes_featureids", ints=[1, 0, 0]) + _attribute(
        "nodes_values", floats=[0.5, 0.0, 0.0]
    )
    node += _attribute("nodes_truenodeids", ints=[1, 0, 0]) + _attribute("nodes_falsenodeids", ints=[2, 0, 0])
    node += _attribute("target_treeids", ints=[0, 0]) + _attribute("target_nodeids", ints=[1, 2])
    node += _attribute("target_weights", floats=[0.25, -0.25])
    named = ((11, _INPUT), (12, _OUTPUT))
    graph = _bytes_field(1, node) + b"".join(
        _bytes_field(number, _bytes_field(1, name.encode())) for number, name in named
    )
    return _bytes_field(7, graph)


def _static() -> bytes:
    graph = b""
    for operator, inputs, output, attributes in graph_of("vector"):
        node = b"".join(_bytes_field(1, name.encode()) for name in inputs)
        node += _bytes_field(2, output.encode()) + _bytes_field(4, operator.encode())
        node += b"".join(_attribute(name, number=value) for name, value in attributes.items())
        graph += _bytes_field(1, node)
    for name, kind, dimensions, raw in (
        ("axis", 7, (1,), (1).to_bytes(8, "little")),
        ("token_rows", 3, (2, 2), b"\1\2\3\4"),
        ("ngram_rows", 3, (3, 2), b"\1\2\3\4\0\0"),
    ):
        tensor = b"".join(_varint_field(1, size) for size in dimensions) + _varint_field(2, kind)
        graph += _bytes_field(5, tensor + _bytes_field(8, name.encode()) + _bytes_field(9, raw))
    return _bytes_field(7, graph)


def _manifest() -> bytes:
    digest = "0" * 64
    content = {"format": 1, "fingerprint": "x@0", "name": "x", "kind": "static-ngram", "dimensions": 8}
    content |= {"tokens_max": 16, "files": {"model.onnx": digest, "tokenizer.json": digest}}
    return json.dumps(content | {"ngrams": {"length_max": 4, "buckets_log2": 8}}).encode()


def _heads() -> bytes:
    file = io.BytesIO()
    np.savez(
        file,
        categories_0=np.zeros(1, np.int64),
        starts_0=np.array([0, 1, 1], np.int32),
        places_0=np.zeros(1, np.uint8),
        levels_0=np.ones(1, np.int8),
    )
    return file.getvalue()
