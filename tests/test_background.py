"""What takes seconds is made in a process of its own: as by a thread, given up at once, and cleanly ended."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from encoder_world import other_model
from engine_world import KEY, Books, labelled
from likewise_engine import limits
from likewise_engine.background import Background
from likewise_engine.cache_file import GRAPH_NAME, SNAPSHOT_NAME
from likewise_engine.encoder import load_encoder
from likewise_engine.errors import EngineFault
from likewise_engine.head import Heads
from likewise_engine.index import texts
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.tenants import Tenants
from likewise_engine.vote import load_vote

ENCODER, VOTE = load_encoder(), load_vote()
ITEMS = 150


@pytest.fixture
def background() -> Iterator[Background]:
    """A background whose process is ended after the test."""
    made = Background()
    yield made
    made.close()


def opened(folder: Path, background: Background | None) -> Tenants:
    return Tenants.open_folder(folder, ENCODER, vote=VOTE, background=background)


def filled(tenants: Tenants, seed: int = 1) -> None:
    """Create a tenant with a history."""
    books = Books(seed, payees=30)
    tenants.create("acme")
    with tenants.use("acme") as ledger:
        ledger.import_batch([books.item(f"t{n}") for n in range(ITEMS)])


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]


def at_work() -> psutil.Process:
    """The process aside, once it runs its own program.

    Stopped between fork and exec, it would stop the thread that starts it, too, which waits for exec.
    """
    own = psutil.Process().cmdline()
    while True:
        for process in children():
            if process.cmdline() not in ([], own):
                return process


def weights(heads: Heads) -> dict[str, tuple[Any, ...]]:
    return {
        dimension: (
            head.categories.tolist(),
            head.starts.tolist(),
            head.places.tolist(),
            head.levels.tolist(),
        )
        for dimension, head in heads.of_dimension.items()
    }


def test_a_process_makes_to_the_bit_what_a_thread_makes(
    tmp_path: Path, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SNAPSHOT_LABELS_MIN", 1)
    heads, labels, outcomes = [], [], []
    for name, where in (("process", background), ("thread", None)):
        with opened(tmp_path / name, where) as tenants:
            assert children() == []
            filled(tenants)
            tenants.settle()
            for process in children():
                assert (process.nice(), os.sched_getscheduler(process.pid)) == (19, os.SCHED_IDLE)
            assert len(children()) == (where is not None)
            assert len(list((tmp_path / name).rglob(SNAPSHOT_NAME))) == 1
            with tenants.use("acme") as ledger:
                assert not ledger.is_upkeep_due
                heads.append(weights(ledger.view.heads))
                labels.append(ledger.view.heads.labels)
                outcomes.append(ledger.store.outcomes())
    assert heads[0] == heads[1] != {}
    assert labels[0] == labels[1] == ITEMS
    assert outcomes[0].keys() == outcomes[1].keys() == {"category", "tax"}
    for made, expected in zip(outcomes[0].values(), outcomes[1].values(), strict=True):
        assert len(made.probability) > 20
        np.testing.assert_array_equal(made.probability, expected.probability)
        np.testing.assert_array_equal(made.right, expected.right)


def test_a_process_changes_the_encoder_as_a_thread_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = other_model(tmp_path / "model")
    other = load_encoder(model)
    monkeypatch.setattr(texts, "EXACT_TEXTS_MAX", 8)
    vectors, graphs, outcomes = [], [], []
    with closing(Background(folder_of={other.fingerprint: model}.get)) as background:
        for name, where in (("process", background), ("thread", None)):
            with Tenants.open_folder(tmp_path / name, ENCODER, vote=VOTE) as tenants:
                filled(tenants)
                with tenants.use("acme") as ledger:
                    assert ledger.change_encoder(other, background=where)
                    graph = ledger.view.index.graph
                    assert graph is not None
                    vectors.append(ledger.view.index.matrix.tobytes())
                    graphs.append(graph.packed())
                    outcomes.append(repr(ledger.store.outcomes()))
                    assert not ledger.is_calibration_due
    assert vectors[0] == vectors[1]
    assert graphs[0] == graphs[1]
    assert outcomes[0] == outcomes[1]


def test_a_graph_is_built_there_too(
    tmp_path: Path, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "EXACT_TEXTS_MAX", 5)
    found = []
    for name, where in (("process", background), ("thread", None)):
        with opened(tmp_path / name, where) as tenants:
            filled(tenants)
            with tenants.use("acme") as ledger:
                assert ledger.is_graph_due
            tenants.settle()
            with tenants.use("acme") as ledger:
                index = ledger.view.index
                assert index.graph is not None
                assert index.graph.count == len(index.matrix)
                found.append(
                    [index.graph.nearest(vector, 8).tolist() for vector in index.vectors_of(np.arange(5))]
                )
            assert (next((tmp_path / name).rglob(GRAPH_NAME))).stat().st_size > 0
    assert found[0] == found[1]


def test_a_tenant_is_deleted_at_once_though_it_is_being_worked_for(
    tmp_path: Path, background: Background
) -> None:
    with opened(tmp_path, background) as tenants, ThreadPoolExecutor(1) as pool:
        filled(tenants)
        settling = pool.submit(tenants.settle)
        process = at_work()
        process.suspend()
        tenants.delete("acme")
        settling.result(timeout=30)
        assert not process.is_running()
        filled(tenants)
        tenants.settle()
        with tenants.use("acme") as ledger:
            assert not ledger.is_upkeep_due


def test_closing_does_not_wait_for_what_is_being_made(tmp_path: Path, background: Background) -> None:
    tenants = opened(tmp_path, background)
    filled(tenants)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(tenants.settle)
        process = at_work()
        process.suspend()
        tenants.close()
    assert not process.is_running()


def test_a_process_that_dies_at_work_is_told_of_and_another_takes_its_place(
    tmp_path: Path, background: Background, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path, background) as tenants:
        filled(tenants)
        deaths = threading.Thread(target=tenants.settle)
        deaths.start()
        for _ in range(4):  # Once for each of two jobs, and for each a second time.
            while not children():
                pass
            (process,) = children()
            process.kill()
            process.wait()
        deaths.join()
        assert "heads not built" in caplog.text
        assert "calibration not built" in caplog.text
        with tenants.use("acme") as ledger:
            assert ledger.are_heads_due
            ledger.learn([labelled("one more")])
        tenants.settle()
        with tenants.use("acme") as ledger:
            assert not ledger.is_upkeep_due


def test_a_process_that_has_ended_for_want_of_work_is_started_again(
    tmp_path: Path, background: Background
) -> None:
    with opened(tmp_path, background) as tenants:
        filled(tenants)
        tenants.settle()
        (first,) = children()
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        with tenants.use("acme") as ledger:
            ledger.import_batch([labelled(f"more{n}") for n in range(50)])
        tenants.settle()
        with tenants.use("acme") as ledger:
            assert not ledger.is_upkeep_due


def test_what_was_learned_from_what_is_forgotten_meanwhile_is_not_taken_over(
    tmp_path: Path, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path, background) as tenants:
        tenants.defer_upkeep()
        filled(tenants)
        with tenants.use("acme") as ledger:
            for make, name in ((Ledger.train_heads, "heads"), (Ledger.calibrate, "replay")):
                with monkeypatch.context() as meanwhile:
                    made = getattr(Background, name)

                    def and_forget(*arguments: Any, made: Any = made) -> Any:
                        result = made(*arguments)
                        assert result is not None
                        ledger.forget([ledger.store.entries_after(-1, 1)[0].transaction.id])
                        return result

                    meanwhile.setattr(Background, name, and_forget)
                    assert not make(ledger)
            assert ledger.are_heads_due
            assert ledger.is_calibration_due


def test_other_models_than_those_that_serve_are_refused(tmp_path: Path, background: Background) -> None:
    with opened(tmp_path, background) as tenants:
        tenants.create("acme")
        (store,) = tmp_path.rglob("ledger.sqlite3")
        with pytest.raises(EngineFault, match="changed on disk"):
            background.heads(store.parent, KEY, "another", lambda: True)


def test_a_process_without_a_job_ends_in_peace() -> None:
    code = "from likewise_engine import background_process as b; b._IDLE_S = 0.1; b.main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "", ""],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.wait(60) == 0  # while its input is still open
        assert process.stderr is not None
        assert process.stderr.read() == b""
