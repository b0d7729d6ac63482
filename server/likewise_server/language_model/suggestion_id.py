"""Ids of suggestions: the name of the question, and until when an answer may come.

So any worker process can tell what to say of one that it knows nothing of: not yet, or not any more.
"""

import re
from typing import Final

from likewise_engine.errors import InvalidInput

_FORM: Final = re.compile(r"(?P<key>[0-9a-f]{32})(?P<until>[0-9a-f]{1,11})")


def suggestion_id(key: str, until_s: float) -> str:
    """The id of a suggestion.

    Args:
        key: of the question, see :func:`likewise_engine.testimony.question_key`.
        until_s: when no answer will come any more, in seconds since 1970.
    """
    return f"{key}{int(until_s) + 1:x}"


def key_and_until(given: str) -> tuple[str, float]:
    """What an id says. Raises InvalidInput where it is none."""
    found = _FORM.fullmatch(given)
    if found is None:
        raise InvalidInput.of("suggestion_id", "is no id of a suggestion: it stands in an answer of Classify")
    return found["key"], float(int(found["until"], 16))
