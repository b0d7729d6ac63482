"""A circuit breaker: an endpoint that fails is left alone, for longer and longer, and then tried by one call.

As in M. Nygard, "Release It!" (2007): closed, open, half-open. Not safe for threads; told the time.
"""

from typing import Final

_FAILURES_MAX: Final = 3
"""In a row, before it opens. A model that is being loaded fails once or twice."""
_PAUSE_S_MIN: Final = 5.0
_PAUSE_S_MAX: Final = 300.0


class Breaker:
    """Whether to try."""

    def __init__(self) -> None:
        self._failures = 0
        self._pause_s = _PAUSE_S_MIN
        self._until_s = 0.0
        self._is_tried = False
        """Whether the one call is under way that tries whether it works again."""

    def is_open(self, now_s: float) -> bool:
        """Whether nobody should try now."""
        return now_s < self._until_s or self._is_tried

    def begin(self) -> None:
        """Somebody tries: the only one, where it failed before."""
        self._is_tried = self._failures >= _FAILURES_MAX

    def succeed(self) -> None:
        """It worked."""
        self._failures, self._pause_s, self._is_tried = 0, _PAUSE_S_MIN, False

    def fail(self, now_s: float) -> bool:
        """It did not; whether it is left alone from now on."""
        self._failures += 1
        self._is_tried = False
        if self._failures < _FAILURES_MAX:
            return False
        self._until_s = now_s + self._pause_s
        self._pause_s = min(2 * self._pause_s, _PAUSE_S_MAX)
        return True
