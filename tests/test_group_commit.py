"""Group commit: those who teach a tenant at once share a commit, and each gets its own answer."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from engine_world import ENCODER, KEY, create_store, labelled, load_ledger
from likewise_engine import limits
from likewise_engine.errors import RequestIdReused, StoreFault, UnknownCategory
from likewise_engine.folder import STORE_NAME
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.outcomes import LearnOutcome
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.transaction import LabelledTransaction
from likewise_engine.vote import KernelVote


class HeldStore(SqliteStore):
    """Lets the first who writes begin only when told to, and counts commits."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, KEY)
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.commits = 0

    @contextmanager
    def writing(self) -> Iterator[int]:
        self.commits += 1
        self.entered.set()
        assert self.go_on.wait(timeout=30)
        with super().writing() as position:
            yield position


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[Ledger, HeldStore]]:
    """A ledger, and its store that holds the first writer up."""
    create_store(tmp_path)
    store = HeldStore(tmp_path / STORE_NAME)
    with closing(Ledger(store, ENCODER, KernelVote(), tmp_path)) as ledger:
        yield ledger, store


def learned_at_once(
    held: tuple[Ledger, HeldStore], lessons: Sequence[tuple[Sequence[LabelledTransaction], str]]
) -> list[LearnOutcome | BaseException]:
    """What comes of lessons that all come while another one is being committed."""
    ledger, store = held
    with ThreadPoolExecutor(len(lessons) + 1) as pool:
        first = pool.submit(ledger.learn, [labelled("first")])
        assert store.entered.wait(timeout=30)
        running: list[Future[LearnOutcome]] = []
        for items, request_id in lessons:
            running.append(pool.submit(ledger.learn, items, request_id))
            while len(ledger._group._waiting) < len(running):
                pass  # so that they come in this order
        store.go_on.set()
        assert first.result(timeout=30).created == 1
        return [future.exception(timeout=30) or future.result() for future in running]


def test_those_who_wait_share_one_commit_and_each_has_a_revision(held: tuple[Ledger, HeldStore]) -> None:
    outcomes = learned_at_once(held, [([labelled(f"t{n}", f"Payee {n:b}")], "") for n in range(10)])
    assert outcomes == [LearnOutcome(revision=2 + n, created=1) for n in range(10)]
    ledger, store = held
    assert store.commits == 2
    assert ledger.view.revision == store.record().revision == 11
    assert [entry.revision for entry in store.entries_after(-1, 100)] == list(range(1, 12))


def test_a_lesson_builds_on_those_before_it_in_the_same_commit(
    held: tuple[Ledger, HeldStore], tmp_path: Path
) -> None:
    outcomes = learned_at_once(
        held,
        [
            ([labelled("a", category="food")], "once"),
            ([labelled("a", category="food")], "once"),
            ([labelled("a", category="food")], ""),
            ([labelled("a", "Harbour Garage", category="fuel")], ""),
            ([labelled("b", "Harbour Garage", category="fuel")], "once"),
        ],
    )
    assert outcomes[:4] == [
        LearnOutcome(revision=2, created=1),
        LearnOutcome(revision=2, created=1),
        LearnOutcome(revision=2, unchanged=1),
        LearnOutcome(revision=3, updated=1),
    ]
    assert isinstance(outcomes[4], RequestIdReused)
    ledger, _ = held
    with closing(load_ledger(tmp_path)) as fresh:
        for known in (ledger, fresh):
            assert known.entry("a").labels == {"category": "fuel"}
            assert (known.view.live_count, known.view.revision) == (2, 3)
            assert sorted(known.view.text_numbers) == sorted(fresh.view.text_numbers)


def test_a_lesson_that_is_refused_fails_no_other(held: tuple[Ledger, HeldStore]) -> None:
    ledger, store = held
    store.go_on.set()
    ledger.learn([labelled("a", category="food")])
    ledger.update(closed_chart=True)
    store.go_on.clear()
    store.entered.clear()
    outcomes = learned_at_once(
        held,
        [
            ([labelled("b", category="food")], "r1"),
            ([labelled("c", category="food"), labelled("d", category="unheard of")], "r2"),
            ([labelled("e", category="food")], "r3"),
        ],
    )
    assert isinstance(outcomes[1], UnknownCategory)
    assert [o.created for o in (outcomes[0], outcomes[2]) if isinstance(o, LearnOutcome)] == [1, 1]
    assert {entry.transaction.id for entry in store.entries_after(-1, 9)} == {"a", "first", "b", "e"}
    assert store.request("r2") is None


def test_a_commit_that_fails_is_nobodys_lesson_and_the_next_goes_on(
    held: tuple[Ledger, HeldStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, store = held
    write = SqliteStore.write

    def write_and_lose(self: SqliteStore, change: object) -> None:
        write(self, change)  # type: ignore[arg-type]
        if "b" in [new.entry.transaction.id for new in change.entries]:  # type: ignore[attr-defined]
            self._writing().execute("ROLLBACK")  # as SQLite does of its own on a full disk

    monkeypatch.setattr(SqliteStore, "write", write_and_lose)
    outcomes = learned_at_once(held, [([labelled(name)], "") for name in ("a", "b", "c")])
    assert [type(outcome) for outcome in outcomes] == [StoreFault] * 3
    assert len({id(outcome) for outcome in outcomes}) == 3
    monkeypatch.undo()
    assert ledger.view.live_count == store.statistics().labels == 1
    assert ledger.learn([labelled("a"), labelled("b")]).created == 2
    assert (ledger.view.live_count, ledger.view.revision) == (3, 2)


def test_a_large_lesson_is_committed_by_itself_in_its_turn(held: tuple[Ledger, HeldStore]) -> None:
    large = [labelled(f"m{n}") for n in range(limits.GROUP_ITEMS_MAX)]
    outcomes = learned_at_once(held, [([labelled("a")], ""), (large, ""), ([labelled("b")], "")])
    assert [o.revision for o in outcomes if isinstance(o, LearnOutcome)] == [2, 3, 4]
    assert held[1].commits == 4


def test_many_threads_are_each_answered_for_their_own(tmp_path: Path) -> None:
    create_store(tmp_path)
    with closing(load_ledger(tmp_path)) as ledger, ThreadPoolExecutor(16) as pool:

        def learn(number: int) -> LearnOutcome:
            return ledger.learn([labelled(f"t{number}/{n}") for n in range(1 + number % 3)], f"r{number}")

        outcomes = list(pool.map(learn, range(120)))
        assert [outcome.created for outcome in outcomes] == [1 + number % 3 for number in range(120)]
        assert sorted(outcome.revision for outcome in outcomes) == list(range(1, 121))
        assert list(pool.map(learn, range(120))) == outcomes
