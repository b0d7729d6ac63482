"""Ids for rows that bring none, so that importing a file twice is importing it once.

An id is a hash of what the row says happened (date, amount, currency, payee, description, account) and the
number of such rows so far in its file: two identical coffees on one day stay two. Labels are not part of it,
so a corrected label updates its entry; nor is the tenant, though rows are counted for each tenant apart.
Counting starts anew with every file: the same transaction in two overlapping exports is one, and the ids do
not depend on which files are named together.

The hash has 128 bits: that any two of a tenant's two million different rows share one has odds of 1 in 10^26.

Counts are kept in a temporary SQLite database: memory stays bounded whatever the file's size, at some two
microseconds a row. SQLite removes the database's file as soon as it is closed, or the process gone.
"""

import datetime
import sqlite3
from binascii import b2a_base64
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Final, Self

_DIGEST_BYTES: Final = 16
"""In base64 that is 22 characters and two of padding, which are left out of ids."""
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_CACHE_KIB: Final = 16 * 1024
_KEYS_PER_STATEMENT: Final = 300
"""With three variables each; old builds of SQLite take 999."""
_VERSION: Final = "r1"
"""Names the recipe: another one must not look like the same ids."""


def content_digest(
    date: datetime.date | None,
    amount: Decimal | None,
    currency: str,
    payee: str,
    description: str,
    account: str,
) -> bytes:
    """A digest of what a row says happened. Each text is told apart from the next by its length."""
    shown = ""
    if amount is not None:
        # Without trailing zeros: 5 and 5.00 are the same, and so are 0 and -0.
        shown = _without_zeros(amount) if amount else "0"
    content = (
        f"{date or ''}|{shown}|{currency}"
        f"|{len(payee)}:{payee}|{len(description)}:{description}|{len(account)}:{account}"
    )
    return blake2b(content.encode(), digest_size=_DIGEST_BYTES).digest()


def _without_zeros(amount: Decimal) -> str:
    shown = str(amount)
    if "E" in shown:
        return format(amount.normalize(), "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def content_id(date: datetime.date | None, digest: bytes, occurrence: int) -> str:
    """The id of the row that is the ``occurrence``-th, from 1, of those with this digest in its file.

    It begins with the date: what is imported together then lies together in the store's index of ids, too,
    where ids without an order would make every commit rewrite most of the index.
    """
    in_base64 = b2a_base64(digest, newline=False)[:-2].translate(_URL_SAFE).decode()
    return f"{_VERSION}-{_shown(date)}-{in_base64}-{occurrence}"


@lru_cache(maxsize=16_384)
def _shown(date: datetime.date | None) -> str:
    return date.isoformat() if date else "undated"


class Occurrences:
    """Counts how often each key occurs in a file. A context manager."""

    def __init__(self) -> None:
        # An empty name is a private database on disk, of which up to the cache's size stays in memory.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.execute(
            "CREATE TABLE seen (key BLOB PRIMARY KEY, count INTEGER NOT NULL, call INTEGER NOT NULL)"
            " WITHOUT ROWID"
        )
        self._calls = 0
        """Of :meth:`count` so far. With each key is kept in which it came first."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._database.close()

    def count(self, keys: Sequence[bytes]) -> list[int]:
        """For each key, how often it occurred so far, this one included.

        Raises:
            OSError: the disk is full.
        """
        try:
            return self._count(keys)
        except sqlite3.Error as error:
            raise OSError(f"rows could not be counted in a temporary file: {error}") from error

    def _count(self, keys: Sequence[bytes]) -> list[int]:
        counted = Counter(keys)
        distinct = sorted(counted)
        before: dict[bytes, int] = {}
        self._calls += 1
        self._database.execute("BEGIN")
        for start in range(0, len(distinct), _KEYS_PER_STATEMENT):
            before |= self._add(distinct[start : start + _KEYS_PER_STATEMENT], counted)
        self._database.execute("COMMIT")
        if not before and len(distinct) == len(keys):
            return [1] * len(keys)
        occurrences = []
        for key in keys:
            before[key] = occurrence = before.get(key, 0) + 1
            occurrences.append(occurrence)
        return occurrences

    def _add(self, keys: Sequence[bytes], counted: Mapping[bytes, int]) -> Mapping[bytes, int]:
        """Add to the counts of some keys; return what they were, of those that occurred before."""
        values = [value for key in keys for value in (key, counted[key], self._calls)]
        places = ",".join(["(?,?,?)"] * len(keys))
        added = self._database.execute(f"INSERT OR IGNORE INTO seen VALUES {places}", values)  # noqa: S608
        if added.rowcount == len(keys):  # as nearly always: to look first takes twice as long
            return {}
        places = ",".join("?" * len(keys))
        before = dict(
            self._database.execute(
                f"SELECT key, count FROM seen WHERE key IN ({places}) AND call < ?",  # noqa: S608
                (*keys, self._calls),
            )
        )
        self._database.executemany(
            "UPDATE seen SET count = ? WHERE key = ?",
            [(count + counted[key], key) for key, count in before.items()],
        )
        return before
