"""Several tables of tenants over one data folder, as those of several processes are."""

import copy
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine_world import ENCODER, ask, bytes_on_disk, labelled
from likewise_engine import tenants
from likewise_engine.errors import PreconditionFailed, TenantNotFound
from likewise_engine.folder import DataFolder
from likewise_engine.head import Heads
from likewise_engine.index import texts
from likewise_engine.index.graph import Graph
from likewise_engine.ledger import aside, head_training
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.news import News
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import LabelledTransaction
from likewise_engine.vote import KernelVote

WAIT_S = 30


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Tenants, Tenants]]:
    """Two tables over one folder, with one tenant."""
    folder, news = DataFolder(tmp_path), News(2)
    inherited = copy.copy(folder)
    inherited._lock = os.dup(folder._lock)  # as a process that is forked has it
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(Tenants(opened, ENCODER, KernelVote(), desk=news.desk(number)))
            for number, opened in enumerate((folder, inherited))
        )
        first.create("acme")
        yield first, second


def teach(table: Tenants, *ids: str, payee: str = "Corner Bakery") -> None:
    with table.use("acme") as ledger:
        ledger.learn([labelled(transaction_id, payee) for transaction_id in ids])


def invented(first_id: str, count: int) -> list[LabelledTransaction]:
    """Items whose texts are all different."""
    words = [f"{n:b}".replace("1", "one ").replace("0", "nil ") for n in range(count)]
    return [labelled(f"{first_id}{n}", f"{first_id} {word}", f"c{n % 3}") for n, word in enumerate(words)]


def known(table: Tenants) -> set[str]:
    with table.use("acme") as ledger:
        return {neighbour.transaction_id for neighbour in ask(ledger, "Corner Bakery").neighbours}


def wait_until(is_so: Callable[[], bool]) -> None:
    """Return when something has come to be; within pytest's patience."""
    wait = threading.Event()
    while not is_so():
        wait.wait(0.01)


def test_what_one_table_is_taught_the_other_answers_with_at_once(pair: tuple[Tenants, Tenants]) -> None:
    first, second = pair
    taught = set()
    for n in range(20):
        writer, reader = (first, second) if n % 3 else (second, first)
        teach(writer, f"t{n}")
        taught.add(f"t{n}")
        assert known(reader) == known(writer) == taught
    with first.use("acme") as ledger:
        ledger.forget(["t3"])
    assert known(second) == taught - {"t3"}


def test_nothing_is_looked_up_where_nobody_wrote(
    pair: tuple[Tenants, Tenants], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    teach(first, "a")
    assert known(second) == {"a"}
    monkeypatch.setattr(Ledger, "catch_up", lambda _: 1 / 0)
    teach(second, "b")
    assert known(second) == {"a", "b"}
    assert second.is_loaded("acme")
    assert not first.is_loaded("acme")
    with pytest.raises(ZeroDivisionError):
        known(first)


def test_whoever_waits_for_a_load_knows_what_was_written_meanwhile(
    pair: tuple[Tenants, Tenants], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    teach(first, "a")
    loaded, go_on = threading.Event(), threading.Event()

    class SlowLedger(Ledger):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            loaded.set()
            assert go_on.wait(WAIT_S)

    monkeypatch.setattr(tenants, "Ledger", SlowLedger)
    with ThreadPoolExecutor(2) as pool:
        early = pool.submit(known, second)
        assert loaded.wait(WAIT_S)
        teach(first, "b")
        late = pool.submit(known, second)
        wait_until(lambda: second._slots["acme"].users == 2)
        go_on.set()
        assert early.result(WAIT_S) >= {"a"}
        assert late.result(WAIT_S) == {"a", "b"}


def test_a_tenant_that_one_deletes_the_other_lets_go_of(
    pair: tuple[Tenants, Tenants], tmp_path: Path
) -> None:
    first, second = pair
    teach(first, "a", payee="Very Private Clinic")
    known(second)
    second.delete("acme")
    assert (first.loaded_count, first.memory_bytes) == (0, 0)
    assert b"Very Private Clinic" not in bytes_on_disk(tmp_path)
    still_open = [Path(file.path) for file in psutil.Process().open_files()]
    assert [path for path in still_open if path.is_relative_to(tmp_path) and "ledger" in path.name] == []
    for table in pair:
        with pytest.raises(TenantNotFound), table.use("acme"):
            pass
    first.create("acme")
    teach(second, "b")
    assert known(first) == {"b"}


def test_a_deletion_waits_for_those_who_use_the_tenant_elsewhere(pair: tuple[Tenants, Tenants]) -> None:
    first, second = pair
    teach(first, "a")
    with ThreadPoolExecutor(1) as pool:
        with first.use("acme") as ledger:
            deletion = pool.submit(second.delete, "acme")
            wait_until(lambda: not first.is_loaded("acme"))
            assert ask(ledger, "Corner Bakery").neighbours
            with pytest.raises(TenantNotFound), first.use("acme"):
                pass
            assert not deletion.done()
        deletion.result(WAIT_S)
    assert first.ids() == []


def test_a_deletion_that_gives_up_leaves_the_tenant_to_all(
    pair: tuple[Tenants, Tenants], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    teach(first, "a")
    monkeypatch.setattr(tenants, "_DELETE_WAIT_S", 0.3)
    with first.use("acme") as ledger:
        with pytest.raises(PreconditionFailed, match="in use"):
            second.delete("acme")
        ledger.learn([labelled("b")])
    for table in pair:
        assert known(table) == {"a", "b"}


def test_forgetting_ends_an_export_of_another_process(pair: tuple[Tenants, Tenants], tmp_path: Path) -> None:
    first, second = pair
    teach(first, *(f"row {n} of 40" for n in range(40)))
    with second.use("acme") as ledger, ThreadPoolExecutor(1) as pool:
        export = ledger.store.export(10)
        next(export)

        def forget() -> int:
            with first.use("acme") as other:
                return other.forget(["row 7 of 40"]).forgotten

        heard = second._heard("acme")
        forgetting = pool.submit(forget)
        wait_until(lambda: second._heard("acme") != heard)
        with pytest.raises(PreconditionFailed, match="start it again"):
            list(export)
        assert forgetting.result(WAIT_S) == 1
        assert b"row 7 of 40" not in bytes_on_disk(tmp_path)


def test_what_one_builds_the_other_takes_over(
    pair: tuple[Tenants, Tenants], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "EXACT_TEXTS_MAX", 20)
    built: list[str] = []
    build, train = Graph.build, head_training.train_heads

    def counted_build(*arguments: Any) -> Graph | None:
        built.append("graph")
        return build(*arguments)

    def counted_training(*arguments: Any) -> Heads | None:
        built.append("heads")
        return train(*arguments)

    monkeypatch.setattr(Graph, "build", counted_build)
    monkeypatch.setattr(aside, "train_heads", counted_training)
    first, second = pair
    with first.use("acme") as ledger:
        ledger.import_batch(invented("garage", 60))
    first.settle()
    assert built == ["graph", "heads"]
    with second.use("acme") as ledger:
        assert not ledger.is_upkeep_due  # loaded with what is cached
    with first.use("acme") as ledger:
        ledger.import_batch(invented("studio", 60))
    first.settle()
    with second.use("acme") as ledger:
        assert ledger.is_graph_due
        assert ledger.are_heads_due
    second.settle()
    assert built == ["graph", "heads"] * 2
    with second.use("acme") as ledger:
        assert not ledger.is_upkeep_due
        assert ledger.view.index.graph is not None
        assert ledger.view.index.graph.count == 120


def test_upkeep_of_one_tenant_is_done_by_one_at_a_time(pair: tuple[Tenants, Tenants]) -> None:
    first, second = pair
    with ThreadPoolExecutor(1) as pool:
        with second._folder.upkeep("acme") as is_ours:
            assert is_ours
            with first.use("acme") as ledger:
                ledger.import_batch([labelled("a"), labelled("b", category="fuel")])
            settling = pool.submit(first.settle)
            with pytest.raises(TimeoutError):
                settling.result(timeout=0.4)
            with first.use("acme") as ledger:
                assert ledger.is_upkeep_due
        settling.result(WAIT_S)
    with first.use("acme") as ledger:
        assert not ledger.is_upkeep_due
