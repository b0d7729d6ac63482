"""What a pause costs: the same loop without one, and after pauses of some milliseconds.

A core that has slept wakes slowly, and on many machines it then runs slower for a while. A server that is
asked a hundred times a second sleeps before each call, so its latency at a low rate says as much of that as
of the server.

    python bench/idle.py [--rounds 300]
    python bench/idle.py --small
"""

import argparse
import time
from collections.abc import Sequence
from statistics import median
from typing import Final

_PAUSES_MS: Final = (0, 1, 5, 20)
_ADDITIONS: Final = 8_000
"""As long as a Classify, in 100 bytes of code: no cache has to be filled again."""
_ROUNDS_SMALL: Final = 3


def loop_us(pause_ms: float) -> float:
    """How long the loop took after a pause."""
    if pause_ms:
        time.sleep(pause_ms / 1e3)
    started = time.perf_counter()
    total = 0
    for number in range(_ADDITIONS):
        total += number * number
    return (time.perf_counter() - started) * 1e6


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--small", action="store_true", help="a few rounds only")
    given = parser.parse_args(arguments)
    rounds = _ROUNDS_SMALL if given.small else given.rounds
    for pause_ms in _PAUSES_MS:
        loop_us(0)
        took_us = median(loop_us(pause_ms) for _ in range(rounds))
        print(f"after {pause_ms:2} ms: {took_us:5.0f} us")


if __name__ == "__main__":
    main()
