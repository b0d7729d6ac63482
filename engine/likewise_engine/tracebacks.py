"""Tracebacks that may be logged: where it went wrong, and nothing of what is in the books.

An exception's message often quotes the value that it stumbled over ("invalid isoformat string: ..."). So it
is told only where it is known to be without: of faults, which are worded here for operators; of the file
system, which names paths; and of SQLite, which names tables and columns. Values of local variables are never
told.
"""

import traceback
from collections.abc import Iterator
from typing import Final

from likewise_engine.errors import EngineFault

_KNOWN: Final = (EngineFault, OSError)
_KNOWN_MODULES: Final = frozenset({"apsw", "sqlite3"})
_WITHHELD: Final = "(message withheld: it may quote the books)"


def traceback_of(error: BaseException) -> str:
    """An exception and what led to it, as Python prints them, but for messages that may quote the books."""
    return "\n".join(_chain(error, set()))


def _chain(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None and id(earlier) not in seen:
        yield from _chain(earlier, seen)
        yield "which led to"
    yield "Traceback (most recent call last):"
    yield "".join(traceback.format_tb(error.__traceback__)).rstrip("\n")
    kind = type(error)
    is_known = isinstance(error, _KNOWN) or kind.__module__.partition(".")[0] in _KNOWN_MODULES
    yield f"{kind.__module__}.{kind.__qualname__}: {error if is_known else _WITHHELD}"
