"""A second encoder to change to: the shipped model, with shorter n-grams and so with other vectors."""

import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine_world import ENCODER, KEY
from likewise_engine import changer, limits
from likewise_engine.encoder import shipped_folder
from likewise_engine.encoder.at_hand import Encoders
from likewise_engine.encoder.hashing import HashingEncoder
from likewise_engine.encoder.manifest import read_manifest
from likewise_engine.encoder.ngrams import NgramHash
from likewise_engine.folder import STORE_NAME
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.vote import KernelVote
from likewise_server import lifecycle

WAIT_S = 60.0


def other_model(folder: Path, name: str = "other", length_max: int = 3) -> Path:
    """Write it into a folder, which is made."""
    shutil.copytree(shipped_folder(), folder)
    manifest = read_manifest(folder)
    assert manifest.ngrams is not None
    ngrams = NgramHash(length_max, manifest.ngrams.buckets_log2)
    replace(manifest, name=name, ngrams=ngrams).write(folder)
    return folder


def changed_slowly(folder: Path, forth: bool) -> None:
    """Change a folder's tenant to the one encoder or the other, a few texts at a time; say so by lines."""
    limits.NEXT_VECTORS_PIECE = 4  # type: ignore[misc]
    other = HashingEncoder(96)
    store = SqliteStore(folder / STORE_NAME, KEY)
    with closing(Ledger(store, Encoders(other, others=[ENCODER]), KernelVote(), folder)) as ledger:
        ledger.change_encoder(
            other if forth else ENCODER, encoded=lambda texts: print(f"{texts} encoded", flush=True)
        )
        print("changed", flush=True)


def follow_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decisions are followed at once, what failed is tried again soon, and all is done by threads.

    A process of the lowest priority would wait for as long as the machine has much to do: test_background.py.
    """
    monkeypatch.setattr(lifecycle, "_background", lambda *_: None)
    monkeypatch.setattr(changer, "_POLL_S", 0.01)
    monkeypatch.setattr(changer, "_ROUND_PAUSE_S", 0.01)


def wait_for(is_so: Callable[[], bool]) -> None:
    """Until it is so. Fails after WAIT_S."""
    deadline_s = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
