"""All tenants of a data folder: loaded once, evicted within a budget, deleted for good, kept apart."""

import gc
import resource
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from engine_world import ENCODER, ask, bytes_on_disk, labelled
from likewise_engine import heap, limits, tenants
from likewise_engine.calibration import Calibration
from likewise_engine.chart import Category, Policy
from likewise_engine.encoder.hashing import HashingEncoder
from likewise_engine.errors import (
    DataFolderInUse,
    InvalidInput,
    LimitReached,
    ModelFault,
    PreconditionFailed,
    RequestIdReused,
    StoreCorrupt,
    TenantExists,
    TenantNotFound,
)
from likewise_engine.evidence import Evidence
from likewise_engine.index import texts
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.tenants import Tenants
from likewise_engine.vote import KernelVote


class OtherVote:
    """The kernel under another name."""

    fingerprint = "another"
    pooled = KernelVote.pooled

    def probabilities(self, evidence: Evidence) -> NDArray[np.float64]:
        return KernelVote().probabilities(evidence)


def teach(all_tenants: Tenants, tenant: str, count: int = 1, category: str = "food") -> None:
    with all_tenants.use(tenant) as ledger:
        ledger.learn(
            [labelled(f"t{n}", payee=f"Corner Bakery {n:b}", category=category) for n in range(count)]
        )


def counted_loads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads that load a ledger from now on."""
    loads: list[int] = []

    class CountedLedger(Ledger):
        def __init__(self, *arguments: object) -> None:
            loads.append(threading.get_ident())
            super().__init__(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(tenants, "Ledger", CountedLedger)
    return loads


def test_tenants_share_nothing(tmp_path: Path) -> None:
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants:
        for tenant, category in (("café", "stock"), ("studio", "meals")):
            all_tenants.create(tenant)
            teach(all_tenants, tenant, category=category)
        for tenant, category in (("café", "stock"), ("studio", "meals")):
            with all_tenants.use(tenant) as ledger:
                assert ask(ledger, "Corner Bakery").answers[0].candidates[0].category == category


def test_a_tenant_is_described_without_being_loaded(tmp_path: Path) -> None:
    chart = [Category("food", name="Food"), Category("vat", "tax", active=False)]
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants:
        all_tenants.create("acme", "Acme Ltd", Policy(0.9, closed_chart=True), chart)
        cold = all_tenants.describe("acme")
        assert (cold.record.display_name, cold.record.policy) == ("Acme Ltd", Policy(0.9, closed_chart=True))
        assert (list(cold.chart), cold.memory_bytes, cold.has_graph) == (chart, 0, None)
        assert all_tenants.loaded_count == 0
        teach(all_tenants, "acme", 3)
        warm = all_tenants.describe("acme")
        assert (warm.statistics.labels, warm.record.revision, warm.has_graph) == (3, 1, False)
        assert warm.memory_bytes == all_tenants.memory_bytes > 0
        assert all_tenants.record("acme") == warm.record


def test_how_answers_turned_out_is_described_as_the_ledger_has_it(tmp_path: Path) -> None:
    def said(calibrations: Mapping[str, Calibration]) -> dict[str, tuple[float, ...]]:
        return {
            dimension: (c.outcomes, c.filed, c.filed_wrong, c.excess_sigmas, c.slope, c.intercept)
            for dimension, c in calibrations.items()
        }

    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants:
        all_tenants.create("acme", policy=Policy(0.6), categories=[Category("unused", "tax")])
        assert said(all_tenants.describe("acme").calibrations)["tax"][:4] == (0, 0, 0, 0)
        with all_tenants.use("acme") as ledger:
            for n in range(80):
                surprise = n in (50, 60)
                labels = {"category": "car" if surprise else "food", "tax": f"t{n % 2}"}
                ledger.learn([labelled(f"t{n}", payee=f"Shop {'abc'[n % 3]}", labels=labels)])
            ledger.learn([labelled("t60", payee="Shop a", category="food")])
            known = said(ledger.view.calibrations)
        assert known["category"][:3] == (79, 40, 1)
        assert known["category"] != known["tax"]
        assert said(all_tenants.describe("acme").calibrations) == known
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants:
        assert said(all_tenants.describe("acme").calibrations) == known
        assert all_tenants.loaded_count == 0
    with Tenants.open_folder(tmp_path, ENCODER, vote=OtherVote()) as all_tenants:
        told = said(all_tenants.describe("acme").calibrations)
        assert {dimension: of[:3] for dimension, of in told.items()} == dict.fromkeys(known, (0, 0, 0))


def test_what_is_wrong_with_a_new_tenant_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants:
        with pytest.raises(InvalidInput, match=r"tenant\.id"):
            all_tenants.create("../x\n")
        with pytest.raises(InvalidInput, match="target_precision"):
            all_tenants.create("acme", policy=Policy(7))
        with pytest.raises(LimitReached):
            all_tenants.create(
                "acme", categories=[Category(f"c{n}") for n in range(limits.CATEGORIES_MAX + 1)]
            )
        with pytest.raises(LimitReached):
            all_tenants.create(
                "acme", categories=[Category("x", f"d{n}") for n in range(limits.DIMENSIONS_MAX + 1)]
            )
        assert not all_tenants.exists("acme")
        all_tenants.create("acme")
        with pytest.raises(TenantExists):
            all_tenants.create("acme")


def test_a_tenant_that_is_not_there_takes_no_room(tmp_path: Path) -> None:
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants:
        for refused in (all_tenants.describe, all_tenants.record, all_tenants.delete):
            with pytest.raises(TenantNotFound):
                refused("nobody")
        with pytest.raises(TenantNotFound), all_tenants.use("nobody"):
            pass
        assert all_tenants.loaded_count == 0


def test_however_many_wait_for_a_cold_tenant_it_is_loaded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = counted_loads(monkeypatch)
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants, ThreadPoolExecutor(16) as pool:
        all_tenants.create("acme")
        together = threading.Barrier(16)

        def use(_: int) -> int:
            together.wait()
            with all_tenants.use("acme") as ledger:
                return id(ledger)

        assert len(set(pool.map(use, range(16)))) == 1
        assert len(loads) == 1


def test_a_load_that_fails_is_tried_again_by_the_next(tmp_path: Path) -> None:
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants:
        all_tenants.create("acme")
        (path,) = tmp_path.rglob("ledger.sqlite3")
        good = path.read_bytes()
        path.write_bytes(b"no database at all" * 100)
        with pytest.raises(StoreCorrupt), all_tenants.use("acme"):
            pass
        assert (all_tenants.loaded_count, all_tenants.memory_bytes) == (0, 0)
        path.write_bytes(good)
        teach(all_tenants, "acme")


def test_the_longest_unused_are_evicted_and_their_memory_is_counted_back(tmp_path: Path) -> None:
    with Tenants.open_folder(tmp_path, ENCODER) as measured:
        measured.create("t0")
        teach(measured, "t0", 50)
        one_bytes = measured.memory_bytes
        measured.delete("t0")
        assert measured.memory_bytes == 0
    with Tenants.open_folder(tmp_path, ENCODER, memory_bytes_max=3 * one_bytes) as all_tenants:
        for tenant in ("t0", "t1", "t2", "t3", "t4"):
            all_tenants.create(tenant)
            teach(all_tenants, tenant, 50)
        assert all_tenants.memory_bytes <= 3 * one_bytes
        assert list(all_tenants._slots) == ["t2", "t3", "t4"]
        with all_tenants.use("t2"), all_tenants.use("t3"), all_tenants.use("t0") as ledger:
            assert ask(ledger, "Corner Bakery").neighbours
            teach(all_tenants, "t1", 50)
            # Whoever is in use stays, though memory is short.
            assert {"t0", "t2", "t3"} <= set(all_tenants._slots)
        assert all_tenants.memory_bytes <= 3 * one_bytes
        assert all_tenants.memory_bytes == sum(slot.counted_bytes for slot in all_tenants._slots.values())


def test_an_evicted_ledger_is_let_go_of_at_once_whatever_was_done_with_it(tmp_path: Path) -> None:
    """What is in a circle stays until the next full garbage collection, of which there are few."""
    with Tenants.open_folder(tmp_path, ENCODER, memory_bytes_max=1) as all_tenants:
        for tenant in ("acme", "other"):
            all_tenants.create(tenant)
        gc.collect()
        gc.disable()
        try:
            with all_tenants.use("acme") as ledger:
                ledger.import_batch([labelled(f"t{n}", f"Payee {n}", f"c{n % 2}") for n in range(30)])
                ledger.learn([labelled("a")], "once")
                with pytest.raises(RequestIdReused):
                    ledger.learn([labelled("b")], "once")
                ledger.train_heads()
                ledger.calibrate()
                ledger.build_graph()
                assert ask(ledger, "Payee 3").neighbours
                parts = [weakref.ref(part) for part in (ledger, ledger._state.memory, ledger.store)]
            del ledger
            assert all_tenants.loaded_count == 0
            assert [part() for part in parts] == [None] * 3
        finally:
            gc.enable()


def test_no_more_tenants_are_loaded_than_there_may_be_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (2 * 3 * SqliteStore.FILES_MAX + 4, 10_000))
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants:
        for n in range(6):
            all_tenants.create(f"t{n}")
            teach(all_tenants, f"t{n}")
            assert all_tenants.loaded_count == min(n + 1, 3)
        files = [
            file.path for file in psutil.Process().open_files() if str(tmp_path / "tenants") in file.path
        ]
        assert len(files) <= 3 * SqliteStore.FILES_MAX


def test_memory_is_given_back_to_the_system_once_much_was_evicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back = threading.Semaphore(0)
    monkeypatch.setattr(heap, "give_back", given_back.release)
    with Tenants.open_folder(tmp_path, ENCODER, memory_bytes_max=1) as all_tenants:
        all_tenants.create("acme")
        monkeypatch.setattr(heap, "_MUCH_BYTES", 100_000_000)
        for _ in range(3):
            teach(all_tenants, "acme")
        assert not given_back.acquire(blocking=False)
        monkeypatch.setattr(heap, "_MUCH_BYTES", 1)
        teach(all_tenants, "acme")
        assert given_back.acquire(timeout=30)
        assert not given_back.acquire(timeout=0.05)


def test_a_graph_is_built_in_the_background_and_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "EXACT_TEXTS_MAX", 100)
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants:
        all_tenants.create("acme")
        with all_tenants.use("acme") as ledger:
            ledger.learn(
                [
                    labelled(f"t{n}", payee=f"{n:b}".replace("1", "one ").replace("0", "nil "))
                    for n in range(150)
                ]
            )
        scanned_bytes = all_tenants.memory_bytes
        all_tenants.settle()
        assert all_tenants.describe("acme").has_graph
        assert all_tenants.memory_bytes > scanned_bytes + 150 * 4 * ENCODER.dimensions
    with Tenants.open_folder(tmp_path, ENCODER) as again, again.use("acme") as ledger:
        assert ledger.view.index.graph is not None


def test_a_build_that_fails_does_not_end_all_building(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(texts, "EXACT_TEXTS_MAX", 3)
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants:
        for tenant in ("unlucky", "acme"):
            all_tenants.create(tenant)
        with monkeypatch.context() as failing:
            failing.setattr(Ledger, "build_graph", lambda *_: 1 / 0)
            teach(all_tenants, "unlucky", 9)
            all_tenants.settle()
        assert "graph not built" in caplog.text
        teach(all_tenants, "acme", 9)
        all_tenants.settle()
        assert all_tenants.describe("acme").has_graph
        assert "ZeroDivisionError" in caplog.text


def test_what_failed_is_tried_again_once_the_tenant_learns_though_it_was_loaded_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    calibrate = Ledger.calibrate

    def fail(ledger: Ledger, keep_on: Callable[[], bool]) -> bool:
        tried.append(ledger.view.revision)
        if len(tried) < 5:  # or it would be tried for ever
            raise ModelFault("no luck")
        return calibrate(ledger, keep_on)

    monkeypatch.setattr(Ledger, "calibrate", fail)
    with Tenants.open_folder(tmp_path, ENCODER, memory_bytes_max=1) as all_tenants:
        all_tenants.create("acme")
        for revision in (1, 2):
            with all_tenants.use("acme") as ledger:
                ledger.import_batch([labelled(f"t{revision}")])
            for _ in range(2):
                all_tenants.settle()
                assert tried == [1, 2][:revision]
                assert all_tenants.loaded_count == 0
                with all_tenants.use("acme") as ledger:
                    assert ledger.is_calibration_due


def test_all_that_an_evicted_tenant_is_due_takes_one_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = counted_loads(monkeypatch)
    monkeypatch.setattr(texts, "EXACT_TEXTS_MAX", 3)
    with Tenants.open_folder(tmp_path, ENCODER, memory_bytes_max=1) as all_tenants:
        all_tenants.create("acme")
        with all_tenants.use("acme") as ledger:
            ledger.import_batch([labelled(f"t{n}", f"Corner Bakery {n:b}", f"c{n % 2}") for n in range(9)])
            assert (ledger.is_graph_due, ledger.are_heads_due, ledger.is_calibration_due) == (True,) * 3
        all_tenants.settle()
        assert len(loads) == 2
        with all_tenants.use("acme") as ledger:
            assert not ledger.is_upkeep_due


def test_deleting_waits_for_those_who_use_the_tenant_and_then_nothing_is_left(tmp_path: Path) -> None:
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants, ThreadPoolExecutor(1) as pool:
        all_tenants.create("acme")
        with all_tenants.use("acme") as ledger:
            ledger.learn([labelled("a", payee="Very Private Clinic")])
            deletion = pool.submit(all_tenants.delete, "acme")
            while not all_tenants._slots["acme"].is_doomed:
                pass
            # Who is in may finish; nobody else gets in.
            assert ask(ledger, "Very Private Clinic").neighbours
            with pytest.raises(TenantNotFound), all_tenants.use("acme"):
                pass
        deletion.result(timeout=30)
        assert b"Very Private Clinic" not in bytes_on_disk(tmp_path)
        assert (all_tenants.memory_bytes, all_tenants.loaded_count, all_tenants.ids()) == (0, 0, [])
        all_tenants.create("acme")
        with all_tenants.use("acme") as ledger:
            assert not ask(ledger, "Very Private Clinic").neighbours


def test_a_deletion_gives_up_on_a_tenant_that_stays_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenants, "_DELETE_WAIT_S", 0.01)
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants:
        all_tenants.create("acme")
        with all_tenants.use("acme"), pytest.raises(PreconditionFailed, match="in use"):
            all_tenants.delete("acme")
        teach(all_tenants, "acme")
        all_tenants.delete("acme")
        assert all_tenants.ids() == []


def test_a_deletion_does_not_wait_for_a_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "EXACT_TEXTS_MAX", 3)
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants:
        all_tenants.create("acme")
        building = threading.Event()
        endless = Ledger.build_graph

        def build_until_unwanted(ledger: Ledger, keep_on):  # type: ignore[no-untyped-def]
            building.set()
            while keep_on():
                pass
            return endless(ledger, keep_on)

        monkeypatch.setattr(Ledger, "build_graph", build_until_unwanted)
        teach(all_tenants, "acme", 9)
        assert building.wait(timeout=30)
        all_tenants.delete("acme")
        assert all_tenants.ids() == []


def test_what_memory_cannot_follow_is_not_learned_and_memory_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants:
        all_tenants.create("acme")
        with all_tenants.use("acme") as ledger:
            with monkeypatch.context() as short_of_memory:
                short_of_memory.setattr(type(ledger._state.memory), "extend_entries", lambda *_: 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    ledger.learn([labelled("a")])
            assert not ask(ledger, "Corner Bakery").neighbours
            ledger.learn([labelled("b")])
            assert [n.transaction_id for n in ask(ledger, "Corner Bakery").neighbours] == ["b"]
            assert ledger.view.revision == ledger.store.record().revision == 1


class SlowEncoder(HashingEncoder):
    """Waits until it is told to go on."""

    def __init__(self) -> None:
        super().__init__(ENCODER.dimensions)
        self.entered, self.go_on = threading.Event(), threading.Event()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.entered.set()
        assert self.go_on.wait(timeout=30)
        return super().encode(texts)


def test_a_tenant_that_is_slow_to_load_holds_up_no_other(tmp_path: Path) -> None:
    with Tenants.open_folder(tmp_path, HashingEncoder(32)) as old:
        old.create("slow")
        teach(old, "slow")
    encoder = SlowEncoder()
    with Tenants.open_folder(tmp_path, encoder) as all_tenants, ThreadPoolExecutor(1) as pool:
        all_tenants.create("quick")
        loading = pool.submit(teach, all_tenants, "slow")  # encodes anew first
        assert encoder.entered.wait(timeout=30)
        with all_tenants.use("quick") as ledger:
            assert ledger.view.revision == 0
        encoder.go_on.set()
        loading.result(timeout=30)


def test_a_thousand_tenants_are_listed_in_order_page_by_page(tmp_path: Path) -> None:
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants:
        names = sorted({f"tenant {n}" if n % 3 else f"Ünïcode/{n}" for n in range(1_000)})
        for name in names:  # as create() leaves them, without its fsyncs
            all_tenants._folder._path(name).mkdir(parents=True)
        assert all_tenants.ids() == names
        pages, after = [], ""
        while page := all_tenants.ids(after, count_max=300):
            pages.append(len(page))
            after = page[-1]
        assert pages == [300, 300, 300, 100]


def test_opening_a_folder_looks_at_none_of_its_tenants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Tenants.open_folder(tmp_path, ENCODER) as all_tenants:
        all_tenants.create("acme")
    listed: list[Path] = []
    iterdir = Path.iterdir

    def noted(path: Path) -> Iterator[Path]:
        listed.append(path)
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", noted)
    with Tenants.open_folder(tmp_path, ENCODER):
        assert listed == [tmp_path / "aside"]


def test_closing_lets_go_of_the_folder(tmp_path: Path) -> None:
    first = Tenants.open_folder(tmp_path, ENCODER)
    with pytest.raises(DataFolderInUse):
        Tenants.open_folder(tmp_path, ENCODER)
    first.close()
    Tenants.open_folder(tmp_path, ENCODER).close()
