"""Random draws that come out the same on every platform and every Python from 3.11 on.

``random.Random`` promises that for ``random()`` alone; its other methods have changed between versions, and
numpy's generators between releases. So all draws are made of ``random()`` and exact arithmetic.
"""

import random
from collections.abc import Sequence
from typing import Final, TypeVar

_Item = TypeVar("_Item")

_DIGITS: Final = "0123456789"
_CAPITALS_AND_DIGITS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Chance:
    """A stream of draws of its own for each ``path``: a change to one habit leaves the others' rows alone."""

    def __init__(self, *path: object) -> None:
        self._unit = random.Random("/".join(map(str, path))).random

    def happens(self, probability: float) -> bool:
        """True with that probability."""
        return self._unit() < probability

    def below(self, count: int) -> int:
        """A whole number from 0 to ``count - 1``."""
        return int(self._unit() * count)

    def pick(self, items: Sequence[_Item]) -> _Item:
        """One of the items, each as likely as the next."""
        return items[self.below(len(items))]

    def digits(self, count: int) -> str:
        """So many digits."""
        return "".join(self.pick(_DIGITS) for _ in range(count))

    def reference(self, count: int) -> str:
        """So many capitals and digits, without those that are mistaken for each other."""
        return "".join(self.pick(_CAPITALS_AND_DIGITS) for _ in range(count))
