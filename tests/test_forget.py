"""Forgetting: gone from memory, from answers, and from every byte of the tenant's folder."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from engine_world import ENCODER, KEY, ask, bytes_on_disk, create_store, labelled, open_ledger
from likewise_engine.cache_file import GRAPH_NAME
from likewise_engine.folder import STORE_NAME
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.store.base import Change
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.text import normalise
from likewise_engine.vote import KernelVote

LETTERS = "abcdefghijklmnop"


@pytest.mark.parametrize("seed", [4])
def test_nothing_that_was_forgotten_is_left_in_any_file(seed: int, tmp_path: Path) -> None:
    """Ids and wordings in a random order and of many lengths make the pages of the file split and merge."""
    rng = random.Random(seed)
    live: dict[str, str] = {}
    with open_ledger(tmp_path) as ledger:
        for _ in range(25):
            items = []
            for _ in range(rng.choice([1, 10, 100, 200])):
                key = "".join(rng.choices(LETTERS, k=14))
                padding = "".join(rng.choices(LETTERS, k=rng.choice([0, 5, 60, 100])))
                live[key] = f"{key} {padding}"
                description = f"{key} and more " * rng.choice([1, 1, 1, 20])
                items.append(
                    labelled(live[key], payee=live[key], description=description, predicted={"category": "x"})
                )
            ledger.import_batch(items)
            reworded = rng.sample(sorted(live), k=min(len(live), 20))
            ledger.learn([labelled(live[key], payee=f"again {key}", category="other") for key in reworded])
            gone = rng.sample(sorted(live), k=rng.choice([1, len(live) // 3 + 1]))
            forgotten = ledger.forget([live.pop(key) for key in gone])
            assert forgotten.forgotten == len(gone)
            content = bytes_on_disk(tmp_path)
            assert [key for key in gone if key.encode() in content] == []


def test_what_is_forgotten_is_in_no_answer_and_stays_forgotten(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a"), labelled("b", category="other"), labelled("c", payee="Harbour Garage")])
        ledger.forget(["a", "c"])
        answer = ask(ledger, "Corner Bakery")
        assert [n.transaction_id for n in answer.neighbours] == ["b"]
        assert [c.category for c in answer.answers[0].candidates] == ["other"]
        assert [n.transaction_id for n in ask(ledger, "Harbour Garage").neighbours] == ["b"]
        assert ledger.view.texts == ["corner bakery"]
        again = ledger.forget(["a", "a", "never"])
        assert (again.revision, again.forgotten, again.missing) == (2, 0, 2)
    with open_ledger(tmp_path) as ledger:
        assert [n.transaction_id for n in ask(ledger, "Corner Bakery").neighbours] == ["b"]


def test_everything_can_be_forgotten_and_taught_again(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", amount=Decimal(5))])
        ledger.forget(["a"])
        assert not ask(ledger, "Corner Bakery").neighbours
        assert not ledger.build_graph()
        ledger.learn([labelled("a", category="again")])
        assert ask(ledger, "Corner Bakery").neighbours[0].labels == {"category": "again"}


def vector_bytes(payee: str) -> bytes:
    """A text's vector as hnswlib keeps it."""
    return bytes(ENCODER.encode([normalise(payee)])[0].astype(np.float16).astype("<f4").tobytes())


def test_no_graph_file_outlives_what_it_was_built_over(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn(
            [labelled(f"t{position}", payee=f"Payee {chr(97 + position)}") for position in range(20)]
        )
        ledger.build_graph()
        assert (tmp_path / GRAPH_NAME).exists()
        assert vector_bytes("Payee c") in bytes_on_disk(tmp_path)
        ledger.forget(["t2"])
        assert vector_bytes("Payee c") not in bytes_on_disk(tmp_path)


def test_nor_does_that_of_an_earlier_wording(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", payee="Private Clinic"), labelled("b")])
        ledger.build_graph()
        ledger.learn([labelled("a", payee="Corner Bakery")])
        assert vector_bytes("Private Clinic") in bytes_on_disk(tmp_path)
        ledger.forget(["a"])
        assert vector_bytes("Private Clinic") not in bytes_on_disk(tmp_path)


def test_a_ledger_that_was_given_up_caches_no_graph(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a")])

        def give_up() -> bool:
            ledger.close()
            return True

        assert not ledger.build_graph(give_up)
        assert not (tmp_path / GRAPH_NAME).exists()


class SlowStore(SqliteStore):
    """Commits a change that erases only when it is told to."""

    go_on = threading.Event()

    def write(self, change: Change) -> None:
        if change.erases:
            assert self.go_on.wait(timeout=30)
        super().write(change)


def test_a_graph_that_is_about_to_be_cached_while_its_texts_are_forgotten_is_not(tmp_path: Path) -> None:
    create_store(tmp_path)
    ledger = Ledger(SlowStore(tmp_path / STORE_NAME, KEY), ENCODER, KernelVote(), tmp_path)
    with closing(ledger), ThreadPoolExecutor(2) as pool:
        ledger.learn([labelled("a", payee="Private Clinic"), labelled("b")])
        with ledger._caches.lock():
            building = pool.submit(ledger.build_graph)
            while ledger.view.index.graph is None:
                pass
            # The builder waits to write its file. Whoever now comes first, no file may be left.
            forgetting = pool.submit(ledger.forget, ["a"])
            wait([forgetting], timeout=0.1)
        wait([building], timeout=0.2)
        SlowStore.go_on.set()
        assert forgetting.result(timeout=30).forgotten == 1
        assert building.result(timeout=30)
        assert vector_bytes("Private Clinic") not in bytes_on_disk(tmp_path)
