"""How long a review may go on, and how far it is."""

import time
from collections.abc import Callable

Progress = Callable[[int, int], bool]
"""Told how many labels were judged and of how many; says whether to go on."""


class Pace:
    """Says whether to go on: for as long as there is time, and somebody wants it.

    Attributes:
        done: labels judged so far.
        goal: labels that are to be judged.
        ran_out: whether there was not enough time.
        is_unwanted: whether nobody wants it any more.
    """

    def __init__(self, budget_ms: int, progress: Progress) -> None:
        self._until_s = time.monotonic() + budget_ms / 1_000
        self._progress = progress
        self.done = 0
        self.goal = 0
        self.ran_out = False
        self.is_unwanted = False

    def has_enough(self) -> bool:
        """Whether as many were judged as were to be."""
        return self.done >= self.goal

    def keep_on(self) -> bool:
        """Whether to go on. What said no once says no for good."""
        self.ran_out = self.ran_out or time.monotonic() >= self._until_s
        self.is_unwanted = self.is_unwanted or not self._progress(self.done, self.goal)
        return not (self.ran_out or self.is_unwanted)
