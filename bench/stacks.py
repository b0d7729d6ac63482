"""Ways through gRPC, compared: which threads answer, how many, and how long they may hold Python's lock.

Each server echoes after some computing in Python, which holds the lock as a Classify does for most of its
time. The stacks: ``lanes`` is ours (likewise_server.workers), ``pool`` the thread pool of the standard
library, ``aio`` is grpc.aio, computing in the thread of its event loop, and ``refused`` is ours with all
places taken.
First each is asked by so many callers, each of whom asks again when answered; then open loop, as
bench/latency.py does. One run of all stacks after another, as often as wanted: compare within a round.

    python bench/stacks.py [--work-us 300] [--callers 1 4 16] [--rate 300] [--seconds 3] [--rounds 2]
        [--threads 2 8] [--switch-us 50 5000] [--busy]

--busy has one thread more compute all the time, as an import does or the training of a head.
"""

import argparse
import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any, Final

import grpc
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from latency_load import generator
from latency_load.echo import METHOD, SERVICE, open_gate
from latency_load.payloads import ECHOED
from latency_load.processes import Served, served
from latency_load.schedule import schedule
from latency_load.workload import ECHO_ONLY
from likewise_server import logs
from likewise_server.fair_queue import NOBODY
from likewise_server.lifecycle import grpc_server
from likewise_server.settings import LogFormat, LogLevel, Settings
from likewise_server.signals import stop_signals
from likewise_server.workers import LaneName, Workers

STACKS: Final = ("lanes", "pool", "aio", "refused")
_ADDITIONS_PER_US: Final = 16
"""Some. It is the same work for all stacks, whatever it takes."""
_WARMUP_S: Final = 0.5
_TABLE_CHARS: Final = 100


# --- The servers, each a process ---------------------------------------------------------------


def serve(given: argparse.Namespace) -> None:
    """Serve one stack until SIGTERM; a line on standard output says where."""
    logs.configure(LogFormat.AUTO, LogLevel.WARNING)
    sys.setswitchinterval(given.switch_us[0] / 1e6)
    if given.busy:
        threading.Thread(target=_compute_for_ever, daemon=True).start()
    if given.serve == "aio":
        asyncio.run(_serve_aio(given.work_us))
        return
    with stop_signals() as stopped:
        server = _server(given.serve, given.threads[0])
        echo: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
            lambda request, _context: _worked(given.work_us, request)
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Echo": echo}),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        print(f"It serves 127.0.0.1:{port}", flush=True)
        stopped.wait()
        server.stop(0).wait()


def _server(stack: str, threads: int) -> grpc.Server:
    if stack == "pool":
        return grpc.server(ThreadPoolExecutor(threads))
    if stack == "lanes":
        return grpc_server(Workers(Settings(threads=threads)), open_gate())
    workers = Workers(Settings(threads=1, queue_max=1))

    def hold() -> None:
        workers.lane.begin_turn()
        threading.Event().wait()

    for _ in range(2):  # the place, and the queue before it
        workers.announce(LaneName.ASK, NOBODY)
        workers.submit(hold)
    return grpc_server(workers, open_gate())


async def _serve_aio(work_us: float) -> None:
    async def answer(request: bytes, _context: Any) -> bytes:
        return _worked(work_us, request)

    server = grpc.aio.server()
    echo: Any = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Echo": echo}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"It serves 127.0.0.1:{port}", flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    await server.stop(0)


def _worked(work_us: float, request: bytes) -> bytes:
    total = 0
    for number in range(round(work_us * _ADDITIONS_PER_US)):
        total += number
    return request


def _compute_for_ever() -> None:
    while True:
        _worked(1_000, b"")


# --- The callers -------------------------------------------------------------------------------


def closed_loop_ms(address: str, callers: int, seconds: float) -> NDArray[np.float64]:
    """Float64 ``(n,)``: how long each call took, of so many callers who ask again when they are answered."""
    took_ms = list[float]()
    with grpc.insecure_channel(address) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        free = threading.Semaphore(callers)

        def noted(sent_ns: int) -> Callable[[Any], None]:
            def note(_future: Any) -> None:
                took_ms.append((time.perf_counter_ns() - sent_ns) / 1e6)
                free.release()

            return note

        end_ns = time.perf_counter_ns() + round(seconds * 1e9)
        while time.perf_counter_ns() < end_ns:
            free.acquire()
            sent_ns = time.perf_counter_ns()
            call.future(ECHOED).add_done_callback(noted(sent_ns))
        for _ in range(callers):
            free.acquire()
    return np.array(took_ms)


def open_loop_ms(address: str, rate_hz: float, seconds: float) -> NDArray[np.float64]:
    """Float64 ``(n,)``: how long each call took, from the moment at which it was due."""
    due = schedule(ECHO_ONLY, rate_hz, seconds, seed=1, warmup_s=_WARMUP_S)
    samples = generator.send(address, due, [ECHOED] * len(due))
    taken_ms: NDArray[np.float64] = samples.latency_ns[due.is_measured] / 1e6
    return taken_ms


def measured(server: Served, given: argparse.Namespace) -> Iterator[list[str]]:
    """A row for each load: what it is, calls a second, percentiles, processor time a call."""
    closed_loop_ms(server.address, 1, _WARMUP_S)
    for callers in given.callers:
        before = server.usage()
        taken_ms = closed_loop_ms(server.address, callers, given.seconds)
        yield [f"{callers} at once", *_figures(server, before.cpu_s, taken_ms, given.seconds)]
    before = server.usage()
    taken_ms = open_loop_ms(server.address, given.rate, given.seconds)
    yield [f"{given.rate:g}/s", *_figures(server, before.cpu_s, taken_ms, given.seconds)]


def _figures(server: Served, before_s: float, taken_ms: NDArray[np.float64], seconds: float) -> list[str]:
    cpu_us = (server.usage().cpu_s - before_s) / max(1, len(taken_ms)) * 1e6
    percentiles = np.percentile(taken_ms, [50, 90, 99])
    return [f"{len(taken_ms) / seconds:,.0f}", *(f"{value:.2f}" for value in percentiles), f"{cpu_us:,.0f}"]


def arguments_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--work-us", type=float, default=300.0, help="computing of each call, roughly")
    add("--callers", type=int, nargs="+", default=[1, 4, 16])
    add("--rate", type=float, default=300.0, help="calls a second of the open loop")
    add("--seconds", type=float, default=3.0, help="of each load")
    add("--rounds", type=int, default=2)
    add("--stacks", choices=STACKS, nargs="+", default=STACKS)
    add("--threads", type=int, nargs="+", default=[2, 8], help="of lanes and of pool")
    add("--switch-us", type=float, nargs="+", default=[50.0], help="sys.setswitchinterval")
    add("--busy", action="store_true", help="one thread more computes all the time")
    add("--serve", choices=STACKS, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all stacks, round after round."""
    given = arguments_of(arguments)
    if given.serve:
        serve(given)
        return
    table = Table(
        "stack", "threads", "switch", "load", "calls/s", "p50 ms", "p90 ms", "p99 ms", "CPU µs/call"
    )
    for _, stack, threads, switch_us in product(
        range(given.rounds), given.stacks, given.threads, given.switch_us
    ):
        if stack in ("aio", "refused") and threads != given.threads[0]:
            continue  # they have no threads to choose
        options = [
            "--serve",
            stack,
            "--threads",
            threads,
            "--switch-us",
            switch_us,
            "--work-us",
            given.work_us,
        ]
        with served("stacks", [*map(str, options), *(["--busy"] if given.busy else [])]) as server:
            for row in measured(server, given):
                table.add_row(stack, str(threads), f"{switch_us:g} µs", *row)
    Console(width=_TABLE_CHARS).print(table)


if __name__ == "__main__":
    main()
