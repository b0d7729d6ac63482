"""Group commit: those who want to teach a tenant at the same time share one commit, and so one fsync.

Whoever gets the writer's turn teaches what all who wait by then want, each as a lesson with a revision of its
own (DeWitt et al. 1984, "Implementation techniques for main memory database systems"); the others find it
done when their turn comes. There is no delay to gather a larger group: while one commit is under way the
next group gathers by itself.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from likewise_engine import limits
from likewise_engine.errors import StoreFault
from likewise_engine.ledger.outcomes import LearnOutcome
from likewise_engine.transaction import LabelledTransaction


@dataclass(eq=False, slots=True)
class Wish:
    """What one caller wants to be learned, as a whole, and what came of it.

    Attributes:
        items: to learn.
        request_id: makes repeating the call return the same outcome; "" for none.
        digest: of the items, where there is a request id.
        actor: who wants it.
        outcome: once it is learned.
        error: once it is known that it is not.
    """

    items: Sequence[LabelledTransaction]
    request_id: str = ""
    digest: bytes = b""
    actor: str = ""
    outcome: LearnOutcome | None = None
    error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        """Whether it is learned, or cannot be."""
        return self.outcome is not None or self.error is not None

    def result(self) -> LearnOutcome:
        """What came of it. Raises what stood against it, once: it is not kept."""
        if self.error is not None:
            error, self.error = self.error, None
            try:
                raise error
            finally:
                del error  # or its traceback would hold this frame, and with it the ledger, in a circle
        if self.outcome is None:
            raise ValueError("nobody has seen to it yet")
        return self.outcome


Teach: TypeAlias = Callable[[Sequence[Wish]], None]
"""Teaches wishes in one commit: sets what came of each, or what stands against it. Raises if nothing did."""


class Group:
    """The callers that wait for a turn to teach."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._waiting: deque[Wish] = deque()

    def learn(self, wish: Wish, teach: Teach) -> LearnOutcome:
        """Have a wish taught, by whoever has the turn.

        Args:
            wish: what is wanted.
            teach: see there. It is not kept: its owner owns this group too, and would not be let go of before
                the next garbage collection.

        Returns:
            What came of the wish. Raises what stands against it.
        """
        self._waiting.append(wish)
        with self._turn:
            while not wish.is_done:
                _teach_together(self._next(), teach)
        return wish.result()

    def _next(self) -> list[Wish]:
        """The wishes of the next commit, in the order in which they came: one, or a few small ones."""
        wishes = [self._waiting.popleft()]
        count = len(wishes[0].items)
        # Appending is all that others do meanwhile.
        while self._waiting and count + len(self._waiting[0].items) <= limits.GROUP_ITEMS_MAX:
            wishes.append(self._waiting.popleft())
            count += len(wishes[-1].items)
        return wishes


def _teach_together(wishes: Sequence[Wish], teach: Teach) -> None:
    try:
        teach(wishes)
    except BaseException as error:
        for wish in wishes:
            wish.outcome = None
            wish.error = error if len(wishes) == 1 else _told_to_each(error)
        if not isinstance(error, Exception):
            raise


def _told_to_each(error: BaseException) -> StoreFault:
    """What ended a shared commit, for one of those who shared it: of the same kind, with a new traceback."""
    kind = type(error) if isinstance(error, StoreFault) else StoreFault
    return kind(f"the shared commit failed: {error}")
