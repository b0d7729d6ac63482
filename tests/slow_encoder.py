"""An encoder that a test can hold: so calls are surely under way when something else happens."""

import threading
from collections.abc import Sequence
from typing import Any

from likewise_engine.encoder import HashingEncoder


class SlowEncoder(HashingEncoder):
    """Waits at texts with the word "slow" until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.encoded: list[str] = []
        """All texts, in the order in which they came."""
        self._gate = threading.Event()
        self._held = threading.Semaphore(0)

    def wait_until_held(self, calls: int = 1) -> None:
        """Return when so many more calls are held."""
        for _ in range(calls):
            assert self._held.acquire(timeout=10), "no call came to the encoder"

    def let_go(self) -> None:
        """Hold no call any more."""
        self._gate.set()

    def encode(self, texts: Sequence[str]) -> Any:
        self.encoded += texts
        if any("slow" in text for text in texts):
            self._held.release()
            assert self._gate.wait(timeout=10), "the test did not let the encoder go"
        return super().encode(texts)
