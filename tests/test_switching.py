"""One tenant's change to another encoder, while it is asked and taught."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine_world import ENCODER, KEY, Books, ask, bytes_on_disk, create_store, essence, labelled, open_ledger
from likewise_engine import limits
from likewise_engine.answers import Classification
from likewise_engine.audit import Action
from likewise_engine.encoder.at_hand import Encoders
from likewise_engine.encoder.base import Encoder
from likewise_engine.encoder.hashing import HashingEncoder
from likewise_engine.errors import ModelFault
from likewise_engine.folder import STORE_NAME
from likewise_engine.index import texts as index
from likewise_engine.ledger import next_memory
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.lesson import as_stored
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.vote import KernelVote

NEXT = HashingEncoder(96)


@contextmanager
def at_hand(folder: Path, wanted: Encoder = NEXT) -> Iterator[Ledger]:
    """A folder's ledger, made if there is none, where both encoders are at hand."""
    if not (folder / STORE_NAME).exists():
        create_store(folder)
    store = SqliteStore(folder / STORE_NAME, KEY)
    with closing(Ledger(store, Encoders(wanted, others=[ENCODER, NEXT]), KernelVote(), folder)) as ledger:
        yield ledger


def teach(ledger: Ledger, count: int = 60, seed: int = 1) -> Books:
    books = Books(seed)
    ledger.learn([books.item(f"t{number}") for number in range(count)])
    return books


def answers(ledger: Ledger, books: Books) -> list[Classification]:
    return [ask(ledger, payee) for payee in (*books.payees, "Nobody Knows Ltd")]


def test_a_tenant_keeps_the_encoder_of_its_vectors_while_that_is_at_hand(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        books = teach(ledger)
        before = answers(ledger, books)
    with at_hand(tmp_path) as ledger:
        assert ledger.encoder.fingerprint == ENCODER.fingerprint
        assert list(map(essence, answers(ledger, books))) == list(map(essence, before))
        assert {answer.encoder_fingerprint for answer in answers(ledger, books)} == {ENCODER.fingerprint}


def test_after_the_switch_all_is_as_if_there_had_been_no_other_encoder(tmp_path: Path) -> None:
    with at_hand(tmp_path) as ledger:
        books = teach(ledger)
        revision = ledger.view.revision
        assert ledger.change_encoder(NEXT)
        changed = answers(ledger, books)
        assert {answer.encoder_fingerprint for answer in changed} == {NEXT.fingerprint}
        assert ledger.view.revision == revision
        assert np.array_equal(ledger.view.index.matrix, as_stored(NEXT, list(ledger.view.texts)))
        assert (ledger.store.next_vectors.encoder(), ledger.store.next_vectors.count()) == ("", 0)
        assert ledger.store.audit_records(1)[0].action is Action.CHANGE_ENCODER
        matrix, names = ledger.view.index.matrix.copy(), ledger.view.name_vectors.copy()
        calibrations = ledger.view.calibrations
    with at_hand(tmp_path) as again:
        assert again.encoder.fingerprint == NEXT.fingerprint
        assert np.array_equal(again.view.index.matrix, matrix)
        assert np.array_equal(again.view.name_vectors, names)
        assert list(map(essence, answers(again, books))) == list(map(essence, changed))
        assert not again.is_calibration_due
        assert repr(again.view.calibrations) == repr(calibrations)


def test_what_is_learned_during_the_change_is_known_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_hand(tmp_path) as ledger:
        books = teach(ledger)
        prepared = next_memory.prepared

        def and_then_learn(*args: object, **wanted: object) -> object:
            ready = prepared(*args, **wanted)  # type: ignore[arg-type]
            ledger.learn([labelled("late", "Zebra Zoo", "animals")])
            ledger.forget(["t3"])
            return ready

        monkeypatch.setattr("likewise_engine.ledger.switching.prepared", and_then_learn)
        assert ledger.change_encoder(NEXT)
        assert ask(ledger, "Zebra Zoo").neighbours[0].transaction_id == "late"
        after = answers(ledger, books)
        assert "t3" not in {n.transaction_id for answer in after for n in answer.neighbours}
    with at_hand(tmp_path) as again:
        assert list(map(essence, answers(again, books))) == list(map(essence, after))


def test_where_too_much_is_learned_meanwhile_it_is_prepared_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SWITCH_TEXTS_MAX", 2)
    monkeypatch.setattr(limits, "NEXT_VECTORS_PIECE", 4)
    prepared, rounds = next_memory.prepared, 0
    with at_hand(tmp_path) as ledger:
        teach(ledger)

        def and_then_learn(*args: object, **wanted: object) -> object:
            nonlocal rounds
            rounds += 1
            ready = prepared(*args, **wanted)  # type: ignore[arg-type]
            if rounds == 1:
                ledger.learn([labelled(f"x{c}", f"Payee {c}") for c in "abcde"])
            return ready

        monkeypatch.setattr("likewise_engine.ledger.switching.prepared", and_then_learn)
        assert ledger.change_encoder(NEXT)
        assert rounds == 2
        assert np.array_equal(ledger.view.index.matrix, as_stored(NEXT, list(ledger.view.texts)))


def test_a_change_that_is_given_up_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NEXT_VECTORS_PIECE", 4)
    told: list[int] = []
    with at_hand(tmp_path) as ledger:
        books = teach(ledger)
        before = list(map(essence, answers(ledger, books)))
        assert not ledger.change_encoder(NEXT, lambda: len(told) < 3, told.append)
        assert ledger.store.next_vectors.count() == sum(told) == 12
        assert list(map(essence, answers(ledger, books))) == before
    with at_hand(tmp_path) as again:
        more: list[int] = []
        assert again.change_encoder(NEXT, encoded=more.append)
        assert sum(told) + sum(more) == len(again.view.texts)


def test_to_go_back_is_to_change_again(tmp_path: Path) -> None:
    with at_hand(tmp_path) as ledger:
        books = teach(ledger)
        ledger.train_heads()
        before = list(map(essence, answers(ledger, books)))
        assert ledger.change_encoder(NEXT)
        assert list(map(essence, answers(ledger, books))) != before
        assert ledger.change_encoder(ENCODER)
        # Outcomes are replayed, so calibrations may differ; what was found may not.
        assert [answer.neighbours for answer in answers(ledger, books)] == [found[1] for found in before]
        assert ledger.change_encoder(ENCODER)


def test_a_change_of_mind_drops_what_was_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NEXT_VECTORS_PIECE", 4)
    with at_hand(tmp_path) as ledger:
        teach(ledger)
        told: list[int] = []
        assert not ledger.change_encoder(NEXT, lambda: not told, told.append)
        third = HashingEncoder(48)
        assert not ledger.change_encoder(third, lambda: len(told) < 2, told.append)
        assert ledger.store.next_vectors.encoder() == third.fingerprint
        assert ledger.change_encoder(ENCODER)
        assert (ledger.store.next_vectors.encoder(), ledger.store.next_vectors.count()) == ("", 0)


def test_heads_outlive_the_change_and_graphs_come_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "EXACT_TEXTS_MAX", 8)
    with at_hand(tmp_path) as ledger:
        teach(ledger)
        ledger.train_heads()
        ledger.build_graph()
        heads, graph = ledger.view.heads, ledger.view.index.graph
        assert ledger.change_encoder(NEXT)
        assert ledger.view.heads is heads
        assert ledger.view.index.graph not in (None, graph)
        assert not ledger.is_graph_due
    with at_hand(tmp_path) as again:
        assert again.view.index.graph is not None
        assert again.view.heads.labels == heads.labels


def test_an_encoder_that_fails_leaves_the_tenant_as_it_was(tmp_path: Path) -> None:
    class Broken(HashingEncoder):
        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            raise ModelFault(f"no, not {len(texts)}")

    with at_hand(tmp_path) as ledger:
        books = teach(ledger)
        before = list(map(essence, answers(ledger, books)))
        with pytest.raises(ModelFault):
            ledger.change_encoder(Broken(96))
        assert list(map(essence, answers(ledger, books))) == before


def test_another_process_follows_the_switch(tmp_path: Path) -> None:
    with at_hand(tmp_path) as one, at_hand(tmp_path) as other:
        books = teach(one)
        other.catch_up()
        assert one.change_encoder(NEXT)
        assert other.encoder.fingerprint == ENCODER.fingerprint
        other.catch_up()
        assert other.encoder.fingerprint == NEXT.fingerprint
        assert list(map(essence, answers(other, books))) == list(map(essence, answers(one, books)))
        other.learn([labelled("late", "Zebra Zoo", "animals")])
        one.catch_up()
        assert ask(one, "Zebra Zoo").neighbours[0].transaction_id == "late"


def test_who_does_not_have_the_next_encoder_says_so(tmp_path: Path) -> None:
    with at_hand(tmp_path) as one, open_ledger(tmp_path) as other:
        teach(one)
        one.change_encoder(NEXT)
        with pytest.raises(ModelFault, match="not at hand"):
            other.catch_up()


def check_vectors(ledger: Ledger) -> None:
    """Those of the store, and of the live texts in memory, are the encoder's."""
    view, snapshot = ledger.view, ledger.store.snapshot()
    assert snapshot.record.encoder_fingerprint == view.encoder.fingerprint
    if snapshot.texts:  # Of none there is no telling how long a vector is.
        assert np.array_equal(snapshot.vectors, as_stored(view.encoder, snapshot.texts))
    alive = np.flatnonzero(view.index.alive).tolist()
    assert sorted(view.texts[n] for n in alive) == sorted(snapshot.texts)
    if alive:
        assert np.array_equal(
            view.index.matrix[alive], as_stored(view.encoder, [view.texts[n] for n in alive])
        )


STEPS = st.lists(
    st.sampled_from(
        ["learn", "relearn", "forget", "piece", "change", "back", "crash", "other", "others change"]
    ),
    max_size=14,
)


@contextmanager
def opening(folder: Path) -> Iterator[Callable[[], Ledger]]:
    """Opens the ledger of a folder again and again; all are closed in the end, as one that crashes is not."""
    create_store(folder)
    with ExitStack() as opened:

        def open_anew() -> Ledger:
            store = SqliteStore(folder / STORE_NAME, KEY)
            ledger = Ledger(store, Encoders(NEXT, others=[ENCODER]), KernelVote(), folder)
            opened.callback(ledger.close)
            return ledger

        yield open_anew


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, seed=st.integers(0, 99))
def test_whatever_comes_between_vectors_are_those_of_the_encoder(
    steps: list[str], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, rng, books = tmp_path_factory.mktemp("changed"), random.Random(seed), Books(seed)
    taught: dict[str, str] = {}
    with opening(folder) as open_anew:
        ledger = open_anew()
        for number, step in enumerate(["learn", *steps]):
            if step in ("learn", "relearn"):
                ids = [f"t{number}-{n}" for n in range(8)] if step == "learn" else list(taught)[:4]
                items = [books.item(transaction_id) for transaction_id in ids]
                if items:
                    ledger.learn(items)
            elif step == "forget" and taught:
                doomed = rng.sample(sorted(taught), min(3, len(taught)))
                ledger.forget(doomed)
                for transaction_id in doomed:
                    del taught[transaction_id]
            elif step == "piece":
                told: list[int] = []
                ledger.change_encoder(NEXT, lambda told=told: not told, told.append)  # type: ignore[misc]
            elif step in ("change", "back"):
                assert ledger.change_encoder(NEXT if step == "change" else ENCODER)
            elif step == "crash":
                ledger = open_anew()
            elif step in ("other", "others change"):
                with at_hand(folder) as other:
                    other.learn([books.item(f"o{number}")])
                    if step == "others change":
                        assert other.change_encoder(rng.choice([NEXT, ENCODER]))
                        again = [books.item(key) for key in sorted(taught)[:2]]
                        other.learn([books.item(f"p{number}"), *again])
                    expected = [essence(ask(other, payee)) for payee in books.payees[:5]]
                ledger.catch_up()
                assert [essence(ask(ledger, payee)) for payee in books.payees[:5]] == expected
            for _, entries in ledger.store.export(100):
                taught |= {entry.transaction.id: entry.transaction.payee for entry in entries}
            check_vectors(ledger)
            assert ask(ledger, books.payees[0]).encoder_fingerprint == ledger.encoder.fingerprint


def test_nothing_of_what_was_forgotten_is_left_after_a_change(tmp_path: Path) -> None:
    with at_hand(tmp_path) as ledger:
        teach(ledger)
        ledger.learn([labelled("secret", "Xylophone Quest", "music")])
        text = next(text for text in ledger.view.texts if "xylophone" in text)
        gone = [as_stored(encoder, [text]).tobytes() for encoder in (ENCODER, NEXT)]
        told: list[int] = []
        ledger.change_encoder(NEXT, lambda: not told, told.append)
        assert all(vector in bytes_on_disk(tmp_path) for vector in gone)
        ledger.forget(["secret"])
        found = bytes_on_disk(tmp_path)
        assert not any(vector in found for vector in gone)
        assert ledger.change_encoder(NEXT)
