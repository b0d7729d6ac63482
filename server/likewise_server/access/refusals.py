"""The log of callers that were not let in: so many lines a second, for a line costs more than a refusal."""

import threading
from collections.abc import Mapping
from time import monotonic

import structlog

from likewise_engine import limits

_log = structlog.stdlib.get_logger()


class Refusals:
    """Notes who was refused and why; beyond the limit it counts, and the next line says how many."""

    def __init__(self) -> None:
        self._second = 0
        self._logged = 0
        self._unlogged = 0
        self._lock = threading.Lock()

    def note(self, method: str, why: str, who: Mapping[str, str]) -> None:
        """Log a refusal, unless there were too many of late.

        Args:
            method: that was called.
            why: for whoever reads the log. Nothing of it is the caller's own wording.
            who: as far as is known: a token's id, say. Never a secret.
        """
        with self._lock:
            second = int(monotonic())
            if second != self._second:
                self._second, self._logged = second, 0
            if self._logged >= limits.FAILURES_LOGGED_PER_S:
                self._unlogged += 1
                return
            self._logged += 1
            unlogged, self._unlogged = self._unlogged, 0
        _log.warning("call refused", method=method, why=why, **who, unlogged=unlogged)
