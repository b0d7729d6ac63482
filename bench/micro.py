"""The steps of a Classify and of a Learn, each on its own: so that a regression has an address.

Each step is timed over the same 64 questions, half of them of texts that the tenant knows, against a tenant
of 10,000 labels; the graph is one of 20,000 texts. pyperf runs it: in several processes, one after another,
for memory lies differently in each, with a warm-up, and with as many loops as its clock needs. It has the
options, too: -o writes what was measured, and two such files are compared, with a test of significance.

    python bench/micro.py -o after.json [--only search,vote]
    python -m pyperf compare_to before.json after.json --table
    python bench/micro.py --small

Some five minutes. --small runs each step once, against little: it shows that all work, and says nothing of
speed. A folder that is kept is for the version that made it, and for --small or not.
Chosen against: pytest-benchmark, which times in one process, among the plugins and fixtures of tests.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from typing import Final

import pyperf
from threadpoolctl import threadpool_limits

from micro_steps.prepared import Prepared, prepare
from micro_steps.steps import STEPS, Step

_LABELS: Final = 10_000
_GRAPH_TEXTS: Final = 20_000
_SMALL_LABELS: Final = 40
_SMALL_GRAPH_TEXTS: Final = 200
_PROCESSES: Final = 6
_VALUES: Final = 5


def main(arguments: Sequence[str] | None = None) -> None:
    """Time the steps that are chosen."""
    runner = pyperf.Runner(
        processes=_PROCESSES, values=_VALUES, program_args=(__file__,), add_cmdline_args=_pass_on
    )
    given = arguments_of(runner, sys.argv[1:] if arguments is None else arguments)
    threadpool_limits(limits=1, user_api="blas")  # as the server has it
    with ExitStack() as stack:
        if given.folder is None:
            given.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if given.worker_task is None:
            prepare(given.folder, *_sizes(given))
        prepared = stack.enter_context(closing(Prepared(given.folder)))
        for name in given.only.split(","):
            step = STEPS[name]
            runner.bench_time_func(name, timer_of(step, prepared), inner_loops=step.times)


def arguments_of(runner: pyperf.Runner, arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments of the command line, pyperf's own among them."""
    add = runner.argparser.add_argument
    add("--only", default=",".join(STEPS), type=_steps, metavar="STEP,STEP…", help=f"of {', '.join(STEPS)}")
    add("--folder", type=Path, help="keeps what is asked, for runs to come")
    add("--small", action="store_true", help="each step once, against little")
    # As pyperf's own processes do, here and now: what says nothing need not be repeated in many.
    is_small = ["--worker", "--debug-single-value", "--quiet"] if "--small" in arguments else []
    given: argparse.Namespace = runner.parse_args([*arguments, *is_small])
    return given


def timer_of(step: Step, prepared: Prepared) -> Callable[[int], float]:
    """Gives the seconds that so many calls took."""
    prepared_call = cache(lambda: step.prepare(prepared))

    def timed(loops: int) -> float:
        call = prepared_call()
        started = time.perf_counter()
        for _ in range(loops):
            call()
        return time.perf_counter() - started

    return timed


def _sizes(given: argparse.Namespace) -> tuple[int, int]:
    """Labels of the tenant, and texts of the graph."""
    return (_SMALL_LABELS, _SMALL_GRAPH_TEXTS) if given.small else (_LABELS, _GRAPH_TEXTS)


def _steps(named: str) -> str:
    """What was named, as long as there are such steps."""
    unknown = [name for name in named.split(",") if name not in STEPS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no step {unknown[0]!r}: choose from {', '.join(STEPS)}")
    return named


def _pass_on(command: list[str], given: argparse.Namespace) -> None:
    """To pyperf's own processes. Each times the step at a place among those that were chosen."""
    command += ["--only", given.only, "--folder", str(given.folder)]


if __name__ == "__main__":
    main()
