"""Who calls: set by the border for the length of a call, and read by whatever has to know.

A call is answered by one thread from its first message to its last (streams too), so the caller stands in a
variable of that thread. Other threads, and code that no call runs, see :data:`LOCAL`.
"""

import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    """What a caller may do; none includes another.

    Attributes:
        CLASSIFY: ask.
        LEARN: teach, and read back what was taught.
        MANAGE: change charts and policies, create, forget and delete: what cannot be undone.
    """

    CLASSIFY = "classify"
    LEARN = "learn"
    MANAGE = "manage"


ALL_SCOPES: Final = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and what it may do.

    Attributes:
        name: as the audit trail and the log show it: ``token:<id> <label>``, ``certificate:<subject>``, or
            ``local`` where nobody had to say who they are.
        tenant: the only one that it may name; None for any.
        scopes: what it may do there.
    """

    name: str
    tenant: str | None
    scopes: frozenset[Scope]


LOCAL: Final = Caller("local", None, ALL_SCOPES)
"""Who was not asked for a token: on this machine, before there is any, or on the data folder itself."""


class _Current(threading.local):
    caller = LOCAL


_current = _Current()


def current_caller() -> Caller:
    """Whose call this thread answers; LOCAL where it answers none."""
    return _current.caller


class Calling:
    """Makes somebody the caller of what this thread does within a ``with``.

    A class, for every call passes it: a generator would take five times as long.
    """

    __slots__ = ("_before", "_caller")

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._before = LOCAL

    def __enter__(self) -> None:
        self._before, _current.caller = _current.caller, self._caller

    def __exit__(self, *exc_info: object) -> None:
        _current.caller = self._before
