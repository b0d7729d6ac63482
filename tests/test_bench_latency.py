"""bench/latency.py: what it sends is what it says, and what it measures is what a caller would see."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from math import log
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import latency
import likewise
from latency_load import workload as workload_module
from latency_load.capacity import Step, find_capacity, step_of
from latency_load.figures import PERCENTILES, document_of, doubts_of, errors_of, histogram_of
from latency_load.folder import BUILD, COLD, BenchFolder, OtherWorkload, Prepared
from latency_load.generator import LAG_MS_P99_MAX, Samples, metadata_of, send
from latency_load.invented import InventedTenant
from latency_load.payloads import Payloads
from latency_load.plots import write_plots
from latency_load.processes import Usage
from latency_load.run import Run
from latency_load.schedule import KINDS, Schedule, arrivals_ns, schedule
from latency_load.workload import (
    CANONICAL,
    IMPORT_ROWS,
    NEW_TEXT_SHARE,
    SIZES_SIGMA,
    Kind,
    Load,
    Workload,
    popularity,
    sizes,
    tenant_id,
)
from likewise.connection import Connection
from likewise.v1.classifier_service_pb2 import ClassifyRequest
from likewise.v1.ledger_service_pb2 import ImportTransactionsRequest, LearnRequest
from likewise_engine.cache_file import GRAPH_NAME
from likewise_engine.encoder import load_encoder
from likewise_engine.folder import DataFolder
from likewise_engine.tenants import Tenants

SMALL = Workload(tenants=20, labels_median=40, largest=400, cold_labels=30, build_texts=0)
TINY = Workload(tenants=2, labels_median=10, largest=20, cold_labels=10, build_texts=0)
MS = 1_000_000


# --- What is due when ---


def test_arrivals_are_a_poisson_process_at_the_rate() -> None:
    rate_hz, seconds = 500.0, 60.0
    due_ns = arrivals_ns(rate_hz, seconds, np.random.default_rng(1))
    assert len(due_ns) == pytest.approx(rate_hz * seconds, rel=0.03)
    assert np.all(np.diff(due_ns) >= 0)
    assert 0 <= due_ns[0] <= due_ns[-1] <= seconds * 1e9
    gaps = np.diff(due_ns)
    assert np.std(gaps) / np.mean(gaps) == pytest.approx(1.0, abs=0.03)  # exponential: as wide as long
    assert np.mean(gaps > 2 / rate_hz * 1e9) == pytest.approx(np.exp(-2), abs=0.01)
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 0.03  # no gap knows of the one before
    counts = np.bincount(due_ns // 100_000_000)
    assert np.var(counts) / np.mean(counts) == pytest.approx(1.0, abs=0.2)


def test_a_schedule_follows_from_its_seed() -> None:
    one, same, other = (schedule(CANONICAL, 300, 2, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.due_ns, same.due_ns)
    assert np.array_equal(one.kinds, same.kinds)
    assert not np.array_equal(one.due_ns[:100], other.due_ns[:100])


def test_kinds_are_mixed_as_stated() -> None:
    assert sum(CANONICAL.values()) == pytest.approx(1.0)
    due = schedule(CANONICAL, 1_000, 100, seed=1)
    for kind, share in CANONICAL.items():
        sigma = (share * (1 - share) / len(due)) ** 0.5
        assert np.mean(due.is_of(kind)) == pytest.approx(share, abs=4 * sigma), kind


def test_the_warm_up_is_sent_and_not_measured() -> None:
    due = schedule(CANONICAL, 200, 3, seed=1, warmup_s=2)
    assert due.due_ns[-1] > 4e9
    assert np.array_equal(due.is_measured, due.due_ns >= 2e9)
    assert 0 < np.count_nonzero(due.is_measured) < len(due)


# --- Whom it is sent to, and what ---


def test_sizes_are_log_normal() -> None:
    workload = Workload()
    labels = np.array(sizes(workload))
    assert len(labels) == workload.tenants
    assert np.median(labels) == pytest.approx(workload.labels_median, rel=0.01)
    assert np.std(np.log(labels)) == pytest.approx(SIZES_SIGMA, rel=0.03)
    standard = np.sort((np.log(labels) - log(workload.labels_median)) / SIZES_SIGMA)
    assert np.mean(np.abs(standard) < 1) == pytest.approx(0.683, abs=0.01)
    assert labels.max() == workload.largest == 200_000
    assert np.count_nonzero(labels == workload.largest) == 1
    assert np.count_nonzero(labels > 50_000) >= 3


def test_the_seed_says_who_is_large_and_not_how_large() -> None:
    assert sizes(SMALL) != sizes(Workload(20, 40, 400, seed=2))
    assert sorted(sizes(SMALL)) == sorted(sizes(Workload(20, 40, 400, seed=2)))


def test_popularity_is_zipf() -> None:
    shares = popularity(1_000, seed=1)
    assert shares.sum() == pytest.approx(1.0)
    ordered = np.sort(shares)[::-1]
    assert ordered[0] / ordered[9] == pytest.approx(10.0)
    assert not np.array_equal(shares, ordered)


@pytest.mark.parametrize(
    "wrong",
    [{"tenants": 0}, {"labels_median": 0}, {"largest": 0}, {"cold_labels": 0}, {"build_texts": 100}],
)
def test_a_workload_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"counted from 1|no graph is built"):
        Workload(**wrong)


def payloads_of(due: Schedule) -> list[bytes]:
    cold = [f"{COLD}-{number:05}" for number in range(int(due.is_of(Kind.COLD).sum()))]
    return Payloads(SMALL, Prepared(Path(), cold, [], [])).of(due)


def messages(due: Schedule, kind: Kind, parse: Callable[[bytes], Any]) -> list[Any]:
    return [parse(payload) for payload, is_of in zip(payloads_of(due), due.is_of(kind), strict=True) if is_of]


def test_a_tenth_of_what_is_asked_was_never_seen() -> None:
    due = schedule(CANONICAL, 1_000, 4, seed=1)
    invented = {
        tenant_id(number): InventedTenant.of_size(tenant_id(number), labels, SMALL.seed)
        for number, labels in enumerate(sizes(SMALL))
    }
    asked = messages(due, Kind.CLASSIFY, ClassifyRequest.FromString)
    new = [q.transaction.payee not in invented[q.tenant].texts for q in asked]
    assert np.mean(new) == pytest.approx(NEW_TEXT_SHARE, abs=0.02)
    assert all(question.transaction.HasField("amount") for question in asked)
    assert not any(question.transaction.id for question in asked)


def test_tenants_are_asked_by_their_popularity() -> None:
    asked = messages(schedule(CANONICAL, 1_000, 20, seed=1), Kind.CLASSIFY, ClassifyRequest.FromString)
    counts = Counter(question.tenant for question in asked)
    for number, share in enumerate(popularity(SMALL.tenants, SMALL.seed)):
        assert counts[tenant_id(number)] / len(asked) == pytest.approx(share, abs=0.015)


def test_a_cold_tenant_is_touched_once() -> None:
    touched = messages(schedule(CANONICAL, 1_000, 3, seed=1), Kind.COLD, ClassifyRequest.FromString)
    assert touched
    assert [question.tenant for question in touched] == [f"{COLD}-{n:05}" for n in range(len(touched))]


def test_what_is_taught_is_new() -> None:
    due = schedule(CANONICAL, 1_000, 3, seed=1)
    learned = messages(due, Kind.LEARN, LearnRequest.FromString)
    imported = messages(due, Kind.IMPORT, ImportTransactionsRequest.FromString)
    assert {len(request.transactions) for request in learned} == {1}
    assert {len(request.transactions) for request in imported} == {IMPORT_ROWS}
    ids = [item.transaction.id for request in (*learned, *imported) for item in request.transactions]
    assert len(set(ids)) == len(ids)


def test_an_invented_tenant_follows_from_its_seed() -> None:
    history = list(InventedTenant.of_size("cafe", 200, seed=1).history())
    assert history == list(InventedTenant.of_size("cafe", 200, seed=1).history())
    assert history != list(InventedTenant.of_size("cafe", 200, seed=2).history())
    assert len({row.id for row in history}) == 200
    assert len({row.payee for row in history}) <= 25
    assert [row.day for row in history] == sorted(row.day for row in history)
    assert len({row.payee for row in InventedTenant("build", 50, 50, seed=1).history()}) == 50


# --- The generator ---


@contextmanager
def echo_server(answer: Callable[[bytes, grpc.ServicerContext], bytes], threads: int) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(threads))
    echo: Any = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Echo", {"Echo": echo}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def echoes(*due_ms: int, warmup_ms: int = 0) -> Schedule:
    kinds = np.full(len(due_ms), KINDS.index(Kind.ECHO), dtype=np.uint8)
    return Schedule(np.array(due_ms, dtype=np.int64) * MS, kinds, warmup_ms * MS)


def test_a_call_is_sent_whether_or_not_those_before_are_answered() -> None:
    """The loop is open: the server answers none before it has all."""
    all_there = threading.Barrier(5)

    def answer(request: bytes, _context: grpc.ServicerContext) -> bytes:
        all_there.wait()
        return request

    with echo_server(answer, threads=5) as address:
        samples = send(address, echoes(0, 5, 10, 15, 20), [b"?"] * 5)
    assert samples.is_ok.all()
    assert samples.done_ns.min() >= samples.sent_ns.max()


def test_latency_counts_from_the_moment_at_which_a_call_was_due() -> None:
    """No coordinated omission: while the server sleeps over the first call, those that are due wait, too."""
    asleep_ms = 300

    def answer(request: bytes, _context: grpc.ServicerContext) -> bytes:
        if request == b"sleep":
            time.sleep(asleep_ms / 1e3)
        return request

    due = echoes(0, 50, 100, 150)
    with echo_server(answer, threads=1) as address:
        samples = send(address, due, [b"sleep", *[b"?"] * 3])
    assert np.all(samples.latency_ns >= asleep_ms * MS - due.due_ns)


def test_what_the_generator_is_late_counts() -> None:
    samples = samples_of(echoes(0, 10), sent_ms=(0, 15), done_ms=(1, 16))
    assert samples.latency_ns.tolist() == [1 * MS, 6 * MS]
    assert samples.lag_ns.tolist() == [0, 5 * MS]


def test_messages_are_sent_in_the_order_of_the_schedule() -> None:
    seen = []

    def answer(request: bytes, _context: grpc.ServicerContext) -> bytes:
        seen.append(request)
        return request

    with echo_server(answer, threads=1) as address:
        send(address, echoes(*range(20)), [str(number).encode() for number in range(20)])
    assert sorted(seen, key=int) == [str(number).encode() for number in range(20)]


def test_failures_are_counted_by_their_code_and_have_no_latency() -> None:
    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        if request == b"no":
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
        return request

    with echo_server(answer, threads=2) as address:
        samples = send(address, echoes(0, 1, 2, 30, 31, warmup_ms=2), [b"no", b"yes", b"no", b"yes", b"no"])
    assert errors_of(samples) == {"RESOURCE_EXHAUSTED": 2}
    assert histogram_of(Kind.ECHO, [samples]).get_total_count() == 1


def test_a_call_says_whose_it_is_as_the_client_does() -> None:
    message = ClassifyRequest(tenant="Müller & Söhne", transaction=likewise.transaction(payee="?"))
    said = Connection(target="localhost:1").metadata(message.tenant)
    assert metadata_of(message.SerializeToString()) == said


# --- Figures ---


def samples_of(due: Schedule, sent_ms: tuple[int, ...], done_ms: tuple[int, ...]) -> Samples:
    sent, done = (np.array(each, dtype=np.int64) * MS for each in (sent_ms, done_ms))
    return Samples(due, 0, sent, done, np.zeros(len(due), dtype=np.int16), cpu_s=0.1)


def run_of(latency_ms: np.ndarray, *, lag_ms: int = 0, echo_ms: int = 1) -> Run:
    """A run of Classify alone, a call every millisecond."""
    load = Load(1_000, len(latency_ms) / 1e3, 0, classify_only=True)
    due_ms = np.arange(len(latency_ms))
    due = Schedule(due_ms * MS, np.full(len(due_ms), KINDS.index(Kind.CLASSIFY), dtype=np.uint8), 0)
    sent = tuple((due_ms + lag_ms).tolist())
    echo = samples_of(echoes(*range(100)), tuple(range(100)), tuple(n + echo_ms for n in range(100)))
    usages = [Usage(0, 1.0, 5_000_000), Usage(2_000_000_000, 2.0, 4_000_000)]
    done = tuple((due_ms + latency_ms).tolist())
    return Run(load, samples_of(due, sent, done), (echo, echo), 0.5, usages, build_share=0.0)


def test_figures_stand_beside_the_floor() -> None:
    document = document_of(run_of(np.repeat([2, 4, 50], [980, 15, 5]), echo_ms=1), TINY)
    figures = document["classify"]
    assert figures["calls"] == 1_000
    assert figures["p50_ms"] == pytest.approx(2, rel=0.01)
    assert figures["p99_ms"] == pytest.approx(4, rel=0.01)
    assert figures["max_ms"] == pytest.approx(50, rel=0.01)
    assert document["echo"]["p50_ms"] == pytest.approx(1, rel=0.01)
    assert figures["p99_ms_over_echo"] == pytest.approx(4, rel=0.02)
    assert document["learn"]["p50_ms"] is None
    assert document["server"]["cores_used"] == pytest.approx(0.5)
    assert document["server"]["memory_bytes_max"] == 5_000_000
    # The last answers come 50 ms after the last second.
    assert document["rate_hz"] == pytest.approx(1_000 / 1.049)


def test_a_run_is_not_valid_where_the_generator_was_late() -> None:
    latency_ms = np.full(100, 9)
    assert document_of(run_of(latency_ms, lag_ms=1), TINY)["is_valid"]
    late = document_of(run_of(latency_ms, lag_ms=int(LAG_MS_P99_MAX) + 1), TINY)
    assert not late["is_valid"]
    assert "late" in late["doubts"][0]


def test_a_run_is_not_valid_where_the_build_was_over() -> None:
    run = run_of(np.full(100, 1))
    building = Run(Load(), run.samples, run.echoes, 0.5, run.usages, build_share=0.5)
    assert any("graph" in doubt for doubt in doubts_of(building, Workload()))
    assert doubts_of(building, TINY) == []


def test_invalid_figures_are_written_and_fail_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(latency, "benchmark", lambda _: {"is_valid": False})
    latency.main(["--small"])
    with pytest.raises(SystemExit, match="not valid"):
        latency.main(["--json", str(tmp_path / "figures.json")])
    assert json.loads((tmp_path / "figures.json").read_text()) == {"is_valid": False}


def test_plots_are_the_same_for_the_same_figures(tmp_path: Path) -> None:
    run = run_of(np.arange(2_000) % 97 + 1)
    first = [path.read_bytes() for path in write_plots(run, tmp_path / "a")]
    assert first == [path.read_bytes() for path in write_plots(run, tmp_path / "b")]
    assert all(b"</svg>" in content for content in first)


# --- Capacity ---


@given(capacity_hz=st.floats(20, 8_000), start_hz=st.floats(10, 10_000))
def test_capacity_is_found_from_wherever_one_starts(capacity_hz: float, start_hz: float) -> None:
    def attempt(rate_hz: float) -> Step:
        return Step(rate_hz, 1.0, 0, "" if rate_hz <= capacity_hz else "too much")

    found_hz, steps = find_capacity(attempt, start_hz)
    assert found_hz <= capacity_hz <= found_hz * 1.1 + 1e-6
    assert len(steps) < 60


def test_a_step_that_failed_once_is_tried_again() -> None:
    tried: Counter[float] = Counter()

    def attempt(rate_hz: float) -> Step:
        tried[rate_hz] += 1
        is_hiccup = tried[rate_hz] == 1
        return Step(rate_hz, 1.0, 0, "too much" if is_hiccup or rate_hz > 500 else "")

    assert find_capacity(attempt, 300)[0] > 450


def test_where_nothing_is_within_there_is_no_capacity() -> None:
    assert find_capacity(lambda rate_hz: Step(rate_hz, 1.0, 0, "too much"), 300)[0] == 0.0


def test_a_rate_is_too_much_by_its_p99_its_errors_or_its_generator() -> None:
    within = document_of(run_of(np.full(1_000, 8)), TINY)
    assert step_of(1_000, within, 10).why_too_much == ""
    assert "budget" in step_of(1_000, within, 5).why_too_much
    assert "errors" in step_of(1_000, within | {"errors": 30}, 10).why_too_much
    late = document_of(run_of(np.full(1_000, 8), lag_ms=5), TINY)
    assert "late" in step_of(1_000, late, 10).why_too_much


# --- The folder ---


def test_a_kept_folder_is_for_one_workload(tmp_path: Path) -> None:
    root = tmp_path / "kept"
    BenchFolder(root, TINY)
    made = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    BenchFolder(root, TINY)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()} == made
    with pytest.raises(OtherWorkload, match="was made for"):
        BenchFolder(root, SMALL)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "letter.txt").write_text("mine")
    with pytest.raises(OtherWorkload, match="not empty"):
        BenchFolder(tmp_path / "foreign", TINY)


def test_a_run_has_cold_tenants_and_tenants_that_are_due_a_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workload_module, "EXACT_TEXTS_MAX", 10)
    workload = Workload(2, 10, 20, cold_labels=10, build_texts=30)
    folder = BenchFolder(tmp_path / "kept", workload)
    with closing(DataFolder(tmp_path / "kept" / "originals")) as data:
        data.store_path(BUILD).with_name(GRAPH_NAME).write_bytes(b"the graph of the original")
        originals = set(data.tenants())
    with folder.prepared(cold=3, build_s=20) as prepared:
        assert len(prepared.cold) == len(set(prepared.cold)) == 3
        assert len(prepared.builds) == 2
        assert not any(path.exists() for path in prepared.graphs)
        with Tenants.open_folder(prepared.data, load_encoder()) as tenants:
            for tenant, labels in ((prepared.cold[2], 10), (prepared.builds[1], 30)):
                description = tenants.describe(tenant)
                assert description.record.tenant == tenant
                assert description.statistics.labels == labels
        used = prepared.data
    assert not used.exists()
    with folder.prepared(cold=0, build_s=0) as again, closing(DataFolder(again.data)) as data:
        assert set(data.tenants()) == originals


# --- The whole of it, small ---


def test_a_small_run_measures_a_real_server_beside_the_echo(tmp_path: Path) -> None:
    arguments = [
        *("--tenants", "3", "--labels-median", "30", "--largest", "60", "--cold-labels", "20"),
        *("--build-texts", "0", "--rate", "100", "--seconds", "2", "--warmup-s", "0.5", "--seed", "10"),
        *("--folder", str(tmp_path / "kept"), "--plots", str(tmp_path / "plots")),
    ]
    # Of this seed there are calls of every kind. Whether the figures are valid is up to the machine.
    document = latency.benchmark(latency.arguments_of(arguments))
    assert document["errors"] == 0
    assert document["errors_by_code"] == {}
    for kind in ("echo", "classify", "learn", "cold", "import"):
        assert set(PERCENTILES) <= set(document[kind])
        assert document[kind]["calls"] > 0
        assert 0 < document[kind]["p50_ms"] <= document[kind]["p99_ms"] <= document[kind]["max_ms"]
    assert document["rate_hz"] > 0
    assert document["server"]["cpu_s"] > 0
    assert document["server"]["memory_bytes_max"] > 0
    assert json.loads(json.dumps(document))["workload"]["tenants"] == 3
    assert len(list((tmp_path / "plots").glob("*.svg"))) == 2
