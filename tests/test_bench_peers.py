"""bench/peers.py: all systems get the same, what is measured is what is said, and nothing outlives a run.

The peers are those that are installed: sqlite-vec always is.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from rich.console import Console

import peers
from likewise_engine.encoder import load_encoder
from peers_side.books import Books, Question, Workload, books_of, vectors_of
from peers_side.catalogue import CATALOGUE, INSTALL, OURS, Entry
from peers_side.figures import Figure, document_of, figures
from peers_side.report import print_run
from peers_side.run import Kind, Measured, Nearest, Run
from peers_side.side import Side, SideFailed, Worker

BENCH = Path(peers.__file__).parent
TINY = Workload(sizes=(80, 160), tenants=2, questions=4, corrections=3, restarts=1, neighbours=10, idle_s=0.0)
INSTALLED = [name for name, entry in CATALOGUE.items() if not entry.missing]


@pytest.fixture(scope="module")
def all_books() -> list[Books]:
    return books_of(TINY, load_encoder())


# --- What is taught and asked ---


def test_there_are_as_many_tenants_of_each_size_and_no_two_rows_have_one_id(all_books: list[Books]) -> None:
    assert [books.size for books in all_books] == [80, 80, 160, 160]
    ids = [row.id for books in all_books for row in books.batch.rows]
    assert len(set(ids)) == len(ids) == 480
    assert len({books.batch.tenant for books in all_books}) == 4


def test_each_row_has_the_vector_of_its_text(all_books: list[Books]) -> None:
    for books in all_books:
        payees = [row.payee for row in books.batch.rows]
        assert books.batch.vectors == pytest.approx(vectors_of(load_encoder(), payees))
        assert np.linalg.norm(books.batch.vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
        assert books.embed_s > 0


def test_known_questions_have_a_vector_and_new_ones_a_text_of_their_own(all_books: list[Books]) -> None:
    books, rng = all_books[0], random.Random(1)
    payees = {row.payee for row in books.batch.rows}
    for _ in range(20):
        known, new = books.known(rng), books.new(rng)
        assert known.row.payee in payees
        assert known.vector == pytest.approx(vectors_of(load_encoder(), [known.row.payee])[0])
        assert new.row.payee not in payees
        assert new.vector is None


def test_corrections_give_other_labels_to_rows_of_the_rarest_texts(all_books: list[Books]) -> None:
    books = all_books[2]
    rows = {row.id: row for row in books.batch.rows}
    corrections = list(books.corrections(random.Random(1)))
    assert {question.row.id for question in corrections} == set(rows)
    assert all(question.row.category != rows[question.row.id].category for question in corrections)
    payees = [row.payee for row in books.batch.rows]
    sharing = [payees.count(question.row.payee) for question in corrections]
    assert sharing == sorted(sharing)


@pytest.mark.parametrize("wrong", [{"sizes": ()}, {"sizes": (10, 10)}, {"tenants": 0}, {"idle_s": -1.0}])
def test_workloads_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="sizes"):
        Workload(**wrong)


def test_recall_is_the_share_that_is_as_near_as_the_nearest(all_books: list[Books]) -> None:
    books = all_books[0]
    vector = books.batch.vectors[0]
    similarities = books.batch.vectors @ vector
    order = np.argsort(-similarities)
    ids = [books.batch.rows[at].id for at in order]
    nearest = Nearest(books, vector, 10)
    assert nearest.recall(ids[:10]) == 1.0
    assert nearest.recall(ids[:9]) == 0.9
    assert nearest.recall(ids[:5] + ids[-5:]) == 0.5
    assert nearest.recall([ids[0]] * 10) == 0.1  # one row, however often it is found


# --- Every system that is installed ---


def ask(side: Side, question: Question) -> list[str]:
    (asked,) = side.call(Worker.ask, [question], TINY.neighbours)
    return asked.ids


@pytest.mark.parametrize("name", INSTALLED)
def test_a_system_finds_the_nearest_of_a_tenant_alone_shows_corrections_and_keeps_them(
    name: str, all_books: list[Books]
) -> None:
    rng = random.Random(2)
    # Not pytest's folder: PostgreSQL does not run as root, and nobody else may look into that.
    with tempfile.TemporaryDirectory() as root, closing(Side(name, Path(root) / name)) as side:
        empty_bytes = side.call(Worker.memory_bytes)
        for books in all_books[:2]:
            assert side.call(Worker.load, books.batch) > 0
        assert side.call(Worker.settle, 0.0) >= 0
        for books in all_books[:2]:
            for question in (books.known(rng), books.new(rng)):
                ids = ask(side, question)
                assert set(ids) <= {row.id for row in books.batch.rows}
                vector = vectors_of(load_encoder(), [question.row.payee])[0]
                if name != OURS:
                    assert len(ids) == TINY.neighbours
                    assert Nearest(books, vector, TINY.neighbours).recall(ids) >= 0.9
        correction = next(all_books[0].corrections(rng))
        assert side.call(Worker.correct, correction, TINY.neighbours) is not None
        assert side.call(Worker.restart, correction, TINY.neighbours) > 0
        # Seen at once: the label has outlived the restart.
        assert side.call(Worker.correct, correction, TINY.neighbours) is not None
        assert correction.row.id in ask(side, correction)
        assert side.call(Worker.memory_bytes) > empty_bytes / 2
        assert side.call(Worker.settings)


def test_a_side_that_fails_says_which(all_books: list[Books], tmp_path: Path) -> None:
    with closing(Side("sqlite-vec", tmp_path / "side")) as side:
        question = all_books[0].known(random.Random(3))
        with pytest.raises(SideFailed, match="sqlite-vec"):
            ask(side, question)  # of a tenant that was not loaded
        with pytest.raises(SideFailed, match="sqlite-vec"):
            side.call(Worker.memory_bytes)


# --- The figures ---


def test_peers_are_ahead_where_they_have_less_and_of_rows_a_second_more() -> None:
    latency = Figure("query", "ms", {OURS: 2.0, "slow": 3.0, "fast": 1.0, "faster": 0.5, "same": 2.0})
    assert latency.ahead == ["faster", "fast"]
    assert Figure("loading", "rows/s", {OURS: 2.0, "slow": 1.0, "fast": 3.0}).ahead == ["fast"]
    assert Figure("query", "ms", {"fast": 1.0}).ahead == []


def measured(milliseconds: float, *, has_recall: bool) -> Measured:
    result = Measured({"version": "1"}, empty_bytes=2**20)
    for size in TINY.sizes:
        for kind, factor in ((Kind.VECTOR_READY, 1.0), (Kind.EMBEDDED, 2.0)):
            result.latency_ms[size, kind] = [milliseconds * factor] * 100
        result.corrections_ms[size] = [milliseconds, milliseconds, None]
        if has_recall:
            result.recall[size] = [0.5, 1.0]
    result.load_s, result.settle_s, result.loaded_bytes = 2.0, 1.0, 2**20 + 4_800
    result.cpu_ms_per_question = 2.5
    result.restarts_s = [milliseconds] * 3
    return result


def test_the_document_compares_what_is_comparable() -> None:
    systems = {OURS: measured(1.0, has_recall=False), "peer": measured(6.0, has_recall=True)}
    document = document_of(Run(TINY, systems, rows=480, embed_s=1.0), {"absent": "not installed"})
    assert json.loads(json.dumps(document))["skipped"] == {"absent": "not installed"}
    ours, peer = document["systems"][OURS], document["systems"]["peer"]
    assert peer["query"]["80"]["vector_ready"]["p99_ms"] == 6.0
    assert peer["query"]["80"]["recall"] == 0.75
    assert ours["query"]["80"]["recall"] is None
    assert ours["load"]["rows_per_s"] == {"vector_ready": None, "embedded": 240.0}
    assert peer["load"]["rows_per_s"] == {"vector_ready": 240.0, "embedded": 160.0}
    assert peer["load"]["settled_rows_per_s"] == 120.0
    assert peer["memory"]["bytes_per_row"] == 10.0
    assert peer["cpu_ms_per_question"] == 2.5
    correction = {"corrections": 3, "never_visible": 1, "p50_ms": 6.0, "max_ms": 6.0}
    assert peer["correction"]["160"] == correction
    # Without embedding, against ours with it.
    assert document["peer_ready_over_ours_embedded"]["peer"]["160"] == {"p50_ms": 3.0, "p99_ms": 3.0}
    assert document["peers_ahead"] == []
    assert {figure.unit for figure in figures(document)} == {"ms", "rows/s", "bytes/row", "MiB", "s"}


# --- The whole of it, small ---


def printed(document: dict[str, Any]) -> str:
    console = Console(width=200, record=True, file=Path(os.devnull).open("w"))  # noqa: SIM115 - closed below
    print_run(document, console)
    console.file.close()
    return console.export_text()


def test_a_small_run_measures_likewise_beside_a_peer_and_tells_what_it_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent = Entry("absent", "Absent", ("no-such-distribution",))
    monkeypatch.setattr(peers, "CATALOGUE", {**CATALOGUE, "absent": absent})
    monkeypatch.setattr(peers, "SMALL", TINY)
    given = peers.arguments_of(["--small", "--peers", "sqlite-vec,absent", "--questions", "5"])
    document = peers.benchmark(given)
    assert set(document["systems"]) == {OURS, "sqlite-vec"}
    assert document["workload"]["rows"] == 480
    for name, of_system in document["systems"].items():
        for size in ("80", "160"):
            for kind in Kind:
                latency = of_system["query"][size][kind]
                assert latency["questions"] == 5
                assert 0 < latency["p50_ms"] <= latency["p99_ms"]
            assert of_system["correction"][size]["corrections"] == 3
            assert of_system["correction"][size]["never_visible"] == 0, name
        assert of_system["restart_s"] > 0
        assert of_system["cpu_ms_per_question"] > 0
        assert of_system["load"]["rows_per_s"]["embedded"] > 0
    assert document["systems"]["sqlite-vec"]["query"]["80"]["recall"] == 1.0
    reason = document["skipped"]["absent"]
    assert "no-such-distribution" in reason
    assert INSTALL in reason
    shown = printed(json.loads(json.dumps(document)))
    assert "skipped absent: no-such-distribution" in shown
    assert "sqlite-vec: 0." in shown
    for ahead in document["peers_ahead"]:
        assert ahead["figure"] in shown


def test_unknown_peers_and_impossible_workloads_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        peers.main(["--peers", "oracle"])
    assert "no such peer: oracle" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="peers: sizes"):
        peers.main(["--sizes", "0"])


@pytest.fixture
def running(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, str(BENCH / "peers.py"), "--peers", "sqlite-vec", "--sizes", "1000"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}  # what is killed leaves its folder behind
    process = subprocess.Popen(
        command, cwd=BENCH, env=environment, stderr=subprocess.DEVNULL, start_new_session=True
    )
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_server_outlives_the_benchmark(running: "subprocess.Popen[bytes]", how: signal.Signals) -> None:
    serving = wait_for_server(psutil.Process(running.pid))
    os.killpg(running.pid, how)  # as the terminal does it
    running.wait(60)
    _, alive = psutil.wait_procs(serving, timeout=60)
    assert not alive


def wait_for_server(benchmark: psutil.Process) -> list[psutil.Process]:
    """All processes of the benchmark, once Likewise's server is among them."""
    while benchmark.is_running() and benchmark.status() != psutil.STATUS_ZOMBIE:
        children = benchmark.children(recursive=True)
        if any("likewise_server" in child.cmdline() for child in children):
            return children
        time.sleep(0.05)
    raise AssertionError("the benchmark ended before it served")
