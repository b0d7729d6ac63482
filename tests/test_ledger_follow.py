"""Several ledgers over one store, as those of several processes are: each follows what the others commit."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from chart_world import merge, rename
from engine_world import (
    ALL_NEIGHBOURS,
    ENCODER,
    KEY,
    Books,
    ask,
    bytes_on_disk,
    create_store,
    essence,
    labelled,
    load_ledger,
)
from likewise_engine import limits
from likewise_engine.answers import ClassifyOptions
from likewise_engine.cache_file import GRAPH_NAME, HEADS_NAME
from likewise_engine.chart import Policy
from likewise_engine.errors import RequestIdReused, RevisionNotReached
from likewise_engine.folder import STORE_NAME
from likewise_engine.ledger import state
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.memory import Memory
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.transaction import Authority, Transaction
from likewise_engine.vote import KernelVote

STEPS = 60


@pytest.fixture
def ledgers(tmp_path: Path) -> Iterator[list[Ledger]]:
    """Three ledgers over one store."""
    create_store(tmp_path)
    with ExitStack() as stack:
        opened = [load_ledger(tmp_path) for _ in range(3)]
        for ledger in opened:
            stack.callback(ledger.close)
        yield opened


def reads_of(monkeypatch: pytest.MonkeyPatch) -> list[Memory]:
    """Every memory that is read whole from its store from now on."""
    reads: list[Memory] = []

    class ReadMemory(Memory):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            reads.append(self)

    monkeypatch.setattr(state, "Memory", ReadMemory)
    return reads


def knowledge(ledger: Ledger, books: Books) -> list[object]:
    """What a ledger answers, and how its answers turned out so far."""
    questions = [books.transaction() for _ in range(3)]
    answers = [essence(ledger.classify(question, ALL_NEIGHBOURS)) for question in questions]
    record = [
        (c.outcomes, c.filed, c.filed_wrong, c.slope, c.intercept) for c in ledger.view.calibrations.values()
    ]
    view = ledger.view
    counts = (view.live_count, view.category_counts.tolist(), len(view.text_numbers), len(view.payee_numbers))
    return [answers, record, counts, view.revision, view.chart.categories, view.policy]


@pytest.mark.parametrize("seed", range(4))
def test_whoever_writes_all_know_what_a_fresh_reader_of_the_store_knows(
    seed: int, ledgers: list[Ledger], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OUTCOMES_KEPT_MAX", 30)
    rng, books, ids = random.Random(seed), Books(seed, payees=[45, 3][seed % 2]), [f"t{n}" for n in range(60)]

    def taught(ledger: Ledger) -> object:
        items = [books.item(i) for i in rng.sample(ids, rng.choice([1, 1, 2, 8]))]
        return ledger.learn(items) if rng.random() < 0.5 else ledger.import_batch(items)

    actions: list[Callable[[Ledger], object]] = [
        *[taught] * 12,
        lambda ledger: ledger.forget(rng.sample(ids, 4)),
        lambda ledger: ledger.update(target_precision=rng.choice([0.6, 0.9])),
        lambda ledger: ledger.calibrate(),
        lambda ledger: ledger.build_graph(),
    ]
    for step in range(STEPS):
        ledger = rng.choice(ledgers)
        rng.choice(actions)(ledger)
        for other in ledgers:
            # Some of them fall behind by several changes.
            if rng.random() < 0.4 or step == STEPS - 1:
                other.catch_up()
                fresh = load_ledger(tmp_path)
                assert knowledge(other, Books(step)) == knowledge(fresh, Books(step))
                fresh.close()


def test_who_changes_one_half_of_the_policy_does_not_undo_the_other(ledgers: list[Ledger]) -> None:
    one, other, _ = ledgers
    one.update(target_precision=0.8)
    assert other.view.policy.target_precision != 0.8
    other.update(closed_chart=True)
    assert other.view.policy == Policy(target_precision=0.8, closed_chart=True)


def test_lessons_are_taken_over_one_by_one_and_all_else_by_reading_anew(
    ledgers: list[Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader, _ = ledgers
    reads = reads_of(monkeypatch)
    for n in range(5):
        writer.learn([labelled(f"t{n}", payee=f"Payee {n:b}", category=f"c{n}")])
    writer.learn([labelled("t1", payee="Another Name", category="c7")])
    writer.calibrate()
    reader.catch_up()
    reader.catch_up()
    assert (reads, reader.view.revision) == ([], 6)
    assert ask(reader, "Another Name").neighbours[0].labels == {"category": "c7"}
    writer.reshape(rename("c7", "c8"))
    reader.catch_up()
    assert len(reads) == 1
    assert ask(reader, "Another Name").neighbours[0].labels == {"category": "c8"}


def test_who_is_too_far_behind_reads_anew(ledgers: list[Ledger], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JOURNAL_CHANGES_KEPT_MAX", 3)
    writer, reader, other = ledgers
    reads = reads_of(monkeypatch)
    for n in range(3):
        writer.learn([labelled(f"t{n}")])
    reader.catch_up()
    assert reads == []
    writer.learn([labelled("t3")])
    other.catch_up()
    assert (len(reads), other.view.revision) == (1, 4)
    reader.catch_up()
    assert (len(reads), reader.view.revision) == (1, 4)


def test_an_id_that_was_let_go_of_and_given_again_is_not_taken_for_what_it_was(
    ledgers: list[Ledger], tmp_path: Path
) -> None:
    writer, reader, _ = ledgers
    writer.learn([labelled("a"), labelled("b", payee="Harbour Garage")])
    reader.catch_up()
    # The latest text and payee go, and a process that comes later gives their ids to others.
    writer.learn([labelled("b")])
    late = load_ledger(tmp_path)
    late.learn([labelled("c", payee="Silver Studio")])
    late.close()
    reader.catch_up()
    nearest = ask(reader, "Silver Studio").neighbours[0]
    assert (nearest.transaction_id, nearest.similarity > 0.99) == ("c", True)
    assert "harbour garage" not in reader.view.text_numbers


def test_a_writer_builds_on_what_another_process_has_just_committed(ledgers: list[Ledger]) -> None:
    first, second, _ = ledgers
    first.learn([labelled("a", category="food")])
    machine = labelled("a", category="fuel", authority=Authority.MACHINE)
    assert second.learn([machine]).kept == 1
    assert second.import_batch([machine]).learned.kept == 1
    assert first.learn([labelled("a", category="car")], "once").updated == 1
    assert second.learn([labelled("a", category="car")], "once").revision == 2
    with pytest.raises(RequestIdReused):
        second.learn([labelled("b")], "once")
    assert second.forget(["a"]).forgotten == 1
    assert first.forget(["a"]).missing == 1
    assert first.learn([labelled("a", category="food")]).created == 1


def test_a_revision_that_another_process_has_reached_is_waited_for(ledgers: list[Ledger]) -> None:
    writer, reader, _ = ledgers
    reached = writer.learn([labelled("a")]).revision
    question = Transaction(payee="Corner Bakery")
    assert reader.classify(question, ClassifyOptions(min_revision=reached)).neighbours
    with pytest.raises(RevisionNotReached):
        reader.classify(question, ClassifyOptions(min_revision=reached + 1))


def test_many_threads_of_several_ledgers_lose_nothing(ledgers: list[Ledger], tmp_path: Path) -> None:
    together = threading.Barrier(6)

    def teach(number: int) -> list[int]:
        together.wait()
        ledger = ledgers[number % len(ledgers)]
        return [ledger.learn([labelled(f"{number}/{n}", f"Payee {n:b}")]).revision for n in range(15)]

    with ThreadPoolExecutor(6) as pool:
        revisions = [revision for taught in pool.map(teach, range(6)) for revision in taught]
    assert sorted(revisions) == list(range(1, 91))
    for ledger in ledgers:
        ledger.catch_up()
        assert (ledger.view.live_count, ledger.view.revision) == (90, 90)


def test_what_is_made_of_what_another_process_forgets_meanwhile_is_not_cached(
    ledgers: list[Ledger], tmp_path: Path
) -> None:
    builder, forgetter, _ = ledgers
    visits = [labelled(f"visit {n} of twenty", f"Very Private Clinic {n:b}", f"c{n % 2}") for n in range(20)]
    builder.learn(visits)
    forgetter.catch_up()
    gone: list[object] = []

    def forget_once() -> bool:
        gone.extend([] if gone else [forgetter.forget(["visit 3 of twenty"])])
        return True

    assert builder.build_graph(forget_once)
    assert not (tmp_path / GRAPH_NAME).exists()
    gone.clear()
    builder.catch_up()

    def forget_another() -> bool:
        gone.extend([] if gone else [forgetter.forget(["visit 4 of twenty"])])
        return True

    assert builder.train_heads(forget_another)
    assert not (tmp_path / HEADS_NAME).exists()
    builder.catch_up()
    assert not builder.view.heads.of_dimension
    assert b"visit 4 of twenty" not in bytes_on_disk(tmp_path)


def test_an_announcement_comes_before_the_answer_and_only_where_something_was_committed(
    tmp_path: Path,
) -> None:
    create_store(tmp_path)
    told: list[int] = []
    store = SqliteStore(tmp_path / STORE_NAME, KEY)
    ledger = Ledger(store, ENCODER, KernelVote(), tmp_path, lambda: told.append(store.position()))
    ledger.learn([labelled("a"), labelled("b", category="fuel")])
    assert told == [store.position()]
    ledger.learn([labelled("a")])
    ledger.reshape(merge("fuel", into="food"))
    assert told == [store.position() - 1, store.position()]
    ledger.close()
