"""Changing the encoder: what the switch of one tenant takes, and what calls beside the change do.

    python bench/encoder_change.py [--texts 10000 100000] [--tenants 40] [--rounds 6] [--json FILE]
    python bench/encoder_change.py --small

The switch: a tenant with so many distinct texts, one label each, is changed to a second static model (the
shipped one with shorter n-grams) by this process alone. Beside it stands what the first caller waits for
where the former encoder is not at hand: all is encoded anew when the tenant is loaded.

Beside: a server process (``likewise serve``) with tenants of 500 labels is asked by one thread, 200 times a
second, about texts that it knows and texts that it does not. The change is paused and resumed by turns, in
one run, and rolled back when it is done: so both halves see the same machine.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

import likewise
from likewise_engine import limits
from likewise_engine.chart import Policy
from likewise_engine.encoder import load_encoder, shipped_folder
from likewise_engine.encoder.at_hand import Encoders
from likewise_engine.encoder.manifest import read_manifest
from likewise_engine.encoder.ngrams import NgramHash
from likewise_engine.folder import STORE_NAME
from likewise_engine.keys import TenantKey
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.reencode import reencode
from likewise_engine.store.base import TenantRecord
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.transaction import Authority, LabelledTransaction, Transaction
from likewise_engine.vote import load_vote

_KEY: Final = TenantKey("bench", bytes(32))
_WORDS: Final = ("bakery", "garage", "power", "taxi", "hotel", "print", "books", "water", "studio", "garden")
_SYLLABLES: Final = (
    "ba",
    "ko",
    "ri",
    "tel",
    "mun",
    "sa",
    "ver",
    "lo",
    "pin",
    "dra",
    "fe",
    "gus",
    "hol",
    "jin",
)
_PERIOD_S: Final = 5.0
_CALLS_PER_S: Final = 200
_LABELS_PER_TENANT: Final = 500


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--texts", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--tenants", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=6, help="of two periods of 5 s each")
    parser.add_argument("--small", action="store_true", help="small and short: whether it works")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    sizes, tenants, rounds, period_s = given.texts, given.tenants, given.rounds, _PERIOD_S
    if given.small:
        sizes, tenants, rounds, period_s = [500], 3, 1, 0.5
    with tempfile.TemporaryDirectory(prefix="likewise-bench-") as scratch:
        root = Path(scratch)
        other = _other_model(root / "shelf" / "other")
        switches = [_switch(root / f"{texts}", texts, other) for texts in sizes]
        beside = _beside(root / "data", root / "shelf", tenants, rounds, period_s)
    if given.json is not None:
        given.json.write_text(json.dumps({"switches": switches, "beside": beside}, indent=2))


def _other_model(folder: Path) -> Path:
    shutil.copytree(shipped_folder(), folder)
    manifest = read_manifest(folder)
    buckets = NgramHash().buckets_log2 if manifest.ngrams is None else manifest.ngrams.buckets_log2
    replace(manifest, name="other", ngrams=NgramHash(3, buckets)).write(folder)
    return folder


def _item(rng: random.Random, number: int) -> LabelledTransaction:
    name = "".join(rng.choice(_SYLLABLES) for _ in range(4))
    payee = f"{name} {rng.choice(_WORDS)} {''.join(rng.choice(_SYLLABLES) for _ in range(3))}"
    transaction = Transaction(id=f"t{number}", payee=payee)
    return LabelledTransaction(transaction, {"category": f"c{number % 20}"}, Authority.PERSON, {})


def _switch(folder: Path, texts: int, model: Path) -> dict[str, Any]:
    """Change one tenant, and time its parts."""
    folder.mkdir()
    encoder, other, vote = load_encoder(), load_encoder(model), load_vote()
    record = TenantRecord("bench", "", Policy(), datetime.now(UTC), 0, encoder.fingerprint)
    SqliteStore.create(folder / STORE_NAME, _KEY, record).close()
    encoders, rng = Encoders(encoder, others=[other]), random.Random(7)
    store = _TimedStore(folder / STORE_NAME, _KEY)
    with closing(Ledger(store, encoders, vote, folder)) as ledger:
        for start in range(0, texts, limits.IMPORT_BATCH_ROWS):
            rows = range(start, min(texts, start + limits.IMPORT_BATCH_ROWS))
            ledger.import_batch([_item(rng, number) for number in rows])
        ledger.calibrate()
        bytes_before = store.statistics().disk_bytes
        encoded_s = [time.perf_counter()]
        store.pieces_ms.clear()
        ledger.change_encoder(other, encoded=lambda _: encoded_s.append(time.perf_counter()))
        whole_s, switch_ms = time.perf_counter() - encoded_s[0], store.switch_ms
        with closing(Ledger(SqliteStore(folder / STORE_NAME, _KEY), encoders, vote, folder)) as follower:
            ledger.change_encoder(encoder)
            started_s = time.perf_counter()
            follower.catch_up()
            follow_ms = (time.perf_counter() - started_s) * 1e3
        bytes_after = store.statistics().disk_bytes
        started_s = time.perf_counter()
        reencode(store, other)
        before_ms = (time.perf_counter() - started_s) * 1e3
    found = {
        "texts": texts,
        "switch_ms": switch_ms,
        "piece_ms_p50": float(np.median(store.pieces_ms)),
        "piece_ms_max": max(store.pieces_ms),
        "encoded_per_s": texts / (encoded_s[-1] - encoded_s[0]),
        "whole_s": whole_s,
        "follow_ms": follow_ms,
        "encoded_at_load_ms": before_ms,
        "disk_bytes_per_text": (bytes_after - bytes_before) / texts,
    }
    print(
        f"{texts:,} texts: the switch holds the writer for {switch_ms:.0f} ms, a piece of"
        f" {limits.NEXT_VECTORS_PIECE} for {found['piece_ms_p50']:.1f} (p50) to {found['piece_ms_max']:.1f};"
        f" {found['encoded_per_s']:,.0f} texts/s encoded and kept, {whole_s:.1f} s in all;"
        f" another process follows in {follow_ms:.0f} ms; the file grows by"
        f" {found['disk_bytes_per_text']:.0f} bytes a text."
        f" Encoded at load instead: {before_ms:,.0f} ms, for which the first caller waits."
    )
    return found


class _TimedStore(SqliteStore):
    """Notes for how long its writer was held, and which time another encoder's vectors came to serve."""

    def __init__(self, path: Path, key: TenantKey) -> None:
        super().__init__(path, key)
        self.pieces_ms: list[float] = []
        self.switch_ms = 0.0

    @contextmanager
    def writing(self) -> Iterator[int]:
        """As ever."""
        before, started_s = self.record().encoder_fingerprint, time.perf_counter()
        with super().writing() as position:
            yield position
        took_ms = (time.perf_counter() - started_s) * 1e3
        if self.record().encoder_fingerprint == before:
            self.pieces_ms.append(took_ms)
        else:
            self.switch_ms = took_ms


def _beside(data: Path, shelf: Path, tenants: int, rounds: int, period_s: float) -> dict[str, Any]:
    """Ask a server while tenants are changed and while they are not, by turns."""
    rng = random.Random(8)
    with _serving(data, shelf) as address, likewise.Client(address) as client:
        payees = []
        for tenant in range(tenants):
            client.create_tenant(likewise.Tenant(id=f"t{tenant}"))
            items = [_item(rng, number) for number in range(_LABELS_PER_TENANT)]
            payees += [item.transaction.payee for item in items[:5]]
            client.learn(
                f"t{tenant}",
                [
                    likewise.labelled(
                        likewise.transaction(id=item.transaction.id, payee=item.transaction.payee),
                        category=item.labels["category"],
                    )
                    for item in items
                ],
            )
        _wait_done(client)
        client.encoders.start("other")
        waits: dict[str, list[float]] = {"paused": [], "changing": []}
        texts = 0
        for _ in range(rounds):
            for state in ("paused", "changing"):
                _set(client, paused=state == "paused")
                waits[state] += _asked(client, rng, payees, tenants, period_s)
                texts = max(texts, client.encoders.get().texts_encoded)
    found: dict[str, Any] = {"tenants": tenants, "labels": _LABELS_PER_TENANT}
    for state, waited in waits.items():
        p50, p99, worst = np.percentile(waited, [50, 99, 100])
        found[state] = {"calls": len(waited), "p50_ms": p50, "p99_ms": p99, "max_ms": worst}
        print(
            f"Classify, {state:8}: p50 {p50:.2f} ms, p99 {p99:.2f}, at most {worst:.1f};"
            f" {len(waited):,} calls"
        )
    return found


@contextmanager
def _serving(data: Path, shelf: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "likewise_server", "serve", "--data", str(data)]
    command += ["--encoders", str(shelf), "--listen", "127.0.0.1:0", "--log-level", "error"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield line.split()[-1]
        finally:
            process.terminate()


def _asked(
    client: likewise.Client, rng: random.Random, payees: Sequence[str], tenants: int, period_s: float
) -> list[float]:
    """Milliseconds that calls took, a call each 5 ms or as soon as the one before is answered."""
    waited, next_s = [], time.perf_counter()
    end_s = next_s + period_s
    while next_s < end_s:
        payee = rng.choice(payees) if rng.random() < 0.7 else _item(rng, 0).transaction.payee
        time.sleep(max(0.0, next_s - time.perf_counter()))
        started_s = time.perf_counter()
        client.classify(f"t{rng.randrange(tenants)}", likewise.transaction(payee=payee))
        waited.append((time.perf_counter() - started_s) * 1e3)
        next_s = max(next_s + 1 / _CALLS_PER_S, time.perf_counter())
    return waited


def _set(client: likewise.Client, *, paused: bool) -> None:
    """Have the change rest, or go on; where it is done, it goes back."""
    state = likewise.EncoderChangeState.Name(client.encoders.get().state)
    if state.endswith("DONE"):
        client.encoders.rollback()
    if paused:
        client.encoders.pause()
    elif state.endswith("PAUSED"):
        client.encoders.resume()
    time.sleep(0.3)  # until it is followed


def _wait_done(client: likewise.Client) -> None:
    while not likewise.EncoderChangeState.Name(client.encoders.get().state).endswith("DONE"):
        time.sleep(0.1)


if __name__ == "__main__":
    main()
