"""Readers take no lock, and whatever they see is one revision, whole.

Two threads teach, one forgets, one builds and swaps graphs, two ask; the interpreter switches between them
every ten microseconds. Afterwards the oracle is taken through the same revisions one by one, and every answer
must be exactly the oracle's at the revision that it says it saw.
"""

import random
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine_world import (
    ALL_NEIGHBOURS,
    Books,
    Oracle,
    ask,
    assert_same_neighbours,
    assert_same_state,
    labelled,
    open_ledger,
)
from likewise_engine.answers import Classification
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.transaction import LabelledTransaction, Transaction

TEACHERS, ASKERS = 2, 2
LESSONS, FORGETTINGS, QUESTIONS, BUILDS = 60, 40, 200, 20


@pytest.fixture(autouse=True)
def _many_switches() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


@dataclass
class History:
    """What was done, by the revision that it led to, and what was answered meanwhile."""

    changes: dict[int, Callable[[Oracle], object]] = field(default_factory=dict)
    answers: list[tuple[int, Transaction, Classification, int]] = field(default_factory=list)

    def taught(self, revision: int, items: Sequence[LabelledTransaction]) -> None:
        self.changes[revision] = lambda oracle: oracle.learn(items)

    def forgotten(self, revision: int, ids: Sequence[str]) -> None:
        self.changes[revision] = lambda oracle: oracle.forget(ids)


def teach(ledger: Ledger, history: History, teacher: int) -> None:
    books = Books(seed=teacher, payees=12)
    for lesson in range(LESSONS):
        items = [books.item(f"{teacher}-{(lesson * 3 + position) % 70}") for position in range(5)]
        before = ledger.view.revision
        outcome = ledger.import_batch(items).learned
        if outcome.created or outcome.updated:
            history.taught(outcome.revision, items)
        assert before <= outcome.revision <= ledger.view.revision
        # What was acknowledged is used by this thread's next question, unless it is forgotten by then.
        last = items[-1].transaction
        answer = ledger.classify(last, ALL_NEIGHBOURS)
        assert answer.revision >= outcome.revision
        history.answers.append((outcome.revision, last, answer, ledger.view.revision))


def forget(ledger: Ledger, history: History) -> None:
    rng = random.Random(99)
    for _ in range(FORGETTINGS):
        ids = [f"{rng.randrange(TEACHERS)}-{rng.randrange(70)}" for _ in range(3)]
        outcome = ledger.forget(ids)
        if outcome.forgotten:
            history.forgotten(outcome.revision, ids)


def question(ledger: Ledger, history: History, seed: int) -> None:
    books = Books(seed % TEACHERS, payees=12)
    for _ in range(QUESTIONS):
        asked, before = books.transaction(), ledger.view.revision
        answer = ledger.classify(asked, ALL_NEIGHBOURS)
        history.answers.append((before, asked, answer, ledger.view.revision))


def build(ledger: Ledger) -> None:
    for _ in range(BUILDS):
        ledger.build_graph()


def test_every_answer_is_that_of_one_revision_between_call_and_return(tmp_path: Path) -> None:
    history, oracle = History(), Oracle()
    with open_ledger(tmp_path) as ledger:
        first = [Books(seed=0, payees=12).item(f"0-{position}") for position in range(30)]
        history.taught(ledger.learn(first).revision, first)
        with ThreadPoolExecutor() as pool:
            running = [pool.submit(teach, ledger, history, teacher) for teacher in range(TEACHERS)]
            running += [pool.submit(question, ledger, history, seed) for seed in range(ASKERS)]
            running.append(pool.submit(forget, ledger, history))
            running.append(pool.submit(build, ledger))
            for future in running:
                future.result()
        # Each revision has exactly one change: none is lost, none is counted twice.
        assert sorted(history.changes) == list(range(1, ledger.view.revision + 1))
        answers = sorted(history.answers, key=lambda answered: answered[2].revision)
        for before, asked, answer, after in answers:
            assert before <= answer.revision <= after
            while oracle.revision < answer.revision:
                history.changes[oracle.revision + 1](oracle)
            assert_same_neighbours(answer, asked, oracle)
        while oracle.revision < ledger.view.revision:
            history.changes[oracle.revision + 1](oracle)
        assert_same_state(ledger, oracle)
    with open_ledger(tmp_path) as ledger:
        assert_same_state(ledger, oracle)


def test_a_question_waits_for_no_lock_that_a_writer_holds(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger, ThreadPoolExecutor(1) as pool:
        ledger.learn([labelled("a"), labelled("b", payee="Harbour Garage")])
        with ledger._state.turn, ledger._caches.lock():
            known = pool.submit(ask, ledger, "Corner Bakery").result(timeout=30)
            new = pool.submit(ask, ledger, "Harbor Garage Ltd").result(timeout=30)
            assert pool.submit(ledger.entry, "a").result(timeout=30).transaction.id == "a"
        assert known.neighbours[0].transaction_id == "a"
        assert new.neighbours[0].transaction_id == "b"


def test_writers_of_one_tenant_take_turns(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger, ThreadPoolExecutor(8) as pool:
        outcomes = pool.map(lambda n: ledger.learn([labelled(f"t{n}", payee=f"Payee {n:b}")]), range(64))
        assert sorted(outcome.revision for outcome in outcomes) == list(range(1, 65))
        assert ledger.store.statistics().labels == 64


def test_one_request_sent_by_many_at_once_is_learned_once(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger, ThreadPoolExecutor(8) as pool:
        together = threading.Barrier(8)

        def send(_: int) -> object:
            together.wait()
            return ledger.learn([labelled("a", predicted={"category": "other"})], request_id="once")

        assert len(set(pool.map(send, range(8)))) == 1
        assert (ledger.view.revision, ledger.store.statistics().corrections) == (1, 1)
