"""A tenant as an earlier Likewise left it: opening it encrypts it, migrates it, encodes its texts anew."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Final

import numpy as np

from crash_side import wordings
from likewise_engine.keys import KEY_NAME
from likewise_engine.store.migrations import STEPS

_ENTRIES: Final = 12
_DIMENSIONS: Final = 128
_DAY: Final = 739_000


def write_old_store(path: Path, tenant: str, categories: Sequence[str], random: Random) -> None:
    """Write a tenant's file as the first schema had it, without a key, with vectors of another encoder.

    Args:
        path: of the file.
        tenant: its id.
        categories: of its chart.
        random: what it knows.
    """
    (path.parent / KEY_NAME).unlink(missing_ok=True)
    vector = np.zeros(_DIMENSIONS, dtype="<f2")
    vector[0] = 1
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(STEPS[0])
        connection.executescript("INSERT INTO migrations VALUES (1, '2026-07-01T00:00:00+00:00');")
        connection.executemany(
            "INSERT INTO categories VALUES (?, 'category', ?, '', '', 1)", list(enumerate(categories))
        )
        for number in range(1, _ENTRIES + 1):
            payee = wordings.transaction(random, "", "").payee
            connection.execute(
                "INSERT INTO texts VALUES (?, ?, ?)", (number, f"{payee} {number}", vector.tobytes())
            )
            connection.execute("INSERT INTO payees VALUES (?, ?)", (number, f"{payee} {number}"))
            connection.execute(
                "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, 12.5, 'EUR', 0, ?, ?, '', '', NULL)",
                (number, f"old-{number}", number, number, _DAY + number, _DAY + number, number, payee),
            )
            connection.execute(
                "INSERT INTO labels VALUES (?, ?, 2)", (number, random.randrange(len(categories)))
            )
        connection.execute(
            "INSERT INTO tenant VALUES (1, ?, '', 0.9, 0, '2026-07-01T00:00:00+00:00', ?, 'another encoder')",
            (tenant, _ENTRIES),
        )
        connection.execute("PRAGMA user_version = 1")
