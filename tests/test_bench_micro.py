"""bench/micro.py: each step is timed, in the form in which pyperf compares."""

import subprocess
import sys
from pathlib import Path

import pyperf
import pytest

from micro_steps.steps import STEPS

MICRO = Path(__file__).parents[1] / "bench" / "micro.py"


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """pyperf's runner exists once a process, so each has its own."""
    return subprocess.run(
        [sys.executable, str(MICRO), *arguments], capture_output=True, text=True, check=False
    )


def test_chosen_steps_are_timed_as_pyperf_compares_them(tmp_path: Path) -> None:
    # All of them are run by `make bench-smoke`.
    done = run("--small", "--only", "text,vote,commit", "-o", str(tmp_path / "micro.json"))
    assert done.returncode == 0, done.stderr
    suite = pyperf.BenchmarkSuite.load(str(tmp_path / "micro.json"))
    assert suite.get_benchmark_names() == ["text", "vote", "commit"]
    for benchmark in suite.get_benchmarks():
        (value,) = benchmark.get_values()
        assert value > 0
        assert benchmark.get_runs()[0].get_metadata()["inner_loops"] == STEPS[benchmark.get_name()].times


@pytest.mark.parametrize("named", ["nothing", "text,", ""])
def test_a_step_that_there_is_not_is_refused(named: str) -> None:
    done = run("--small", "--only", named)
    assert done.returncode == 2
    assert "there is no step" in done.stderr
