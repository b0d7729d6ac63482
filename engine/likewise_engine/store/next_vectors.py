"""Vectors of the next encoder, beside those that serve, until the tenant switches to them.

They lie in a table of the store: so they are encrypted, backed up, and erased with their texts, by the
foreign key, in the very commit that forgets. Writing them counts as no change of the tenant, for nothing that
anybody reads is another: no process has to follow, and no cache is behind. The switch copies them over those
that serve, in one commit (bench/encoder_change.py times it).

Chosen against: two sets of vectors of which a flag says which one serves. The switch would take no longer for
a large tenant than for a small one, but every reader of a vector would have to know of it, for ever; and a
file aside, which would have to be found and altered whenever something is forgotten.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise_engine.errors import PreconditionFailed
from likewise_engine.store import rows
from likewise_engine.store.changes import note_switch
from likewise_engine.store.connection import Connection

if TYPE_CHECKING:
    from likewise_engine.store.base import Vectors

Connected: TypeAlias = Callable[[], AbstractContextManager[Connection]]


class NextVectors:
    """The next encoder's vectors in one store. What writes is for whoever is within ``store.writing()``."""

    def __init__(self, reading: Connected, writing: Connected) -> None:
        """Args: reading, writing: give the store's connection, for as long as the ``with`` lasts."""
        self._reading = reading
        self._writing = writing

    def encoder(self) -> str:
        """The fingerprint of the next encoder; empty where there is none."""
        with self._reading() as connection:
            return _encoder(connection)

    def count(self) -> int:
        """How many texts have one."""
        with self._reading() as connection:
            (count,) = connection.execute("SELECT count(*) FROM next_vectors").fetchone()
            return int(count)

    def missing(self, after: int, count_max: int) -> Sequence[tuple[int, str]]:
        """Up to so many texts beyond an id that have none: (id, text), ascending."""
        with self._reading() as connection:
            return connection.execute(
                "SELECT id, text FROM texts WHERE id > ? AND id NOT IN (SELECT text FROM next_vectors)"
                " ORDER BY id LIMIT ?",
                (after, count_max),
            ).fetchall()

    def all(self) -> tuple[NDArray[np.int64], "Vectors"]:
        """Ids of texts, int64 ``(k,)``, ascending, and their vectors, float16 ``(k, dimensions)``."""
        with self._reading() as connection:
            return rows.vectors_by_id(connection, "SELECT text, vector FROM next_vectors ORDER BY text")

    def begin(self, encoder: str) -> None:
        """Make ready for the vectors of an encoder. Raises PreconditionFailed where others' are left."""
        with self._writing() as connection:
            if (
                _encoder(connection) != encoder
                and connection.execute("SELECT 1 FROM next_vectors LIMIT 1").fetchone()
            ):
                raise PreconditionFailed("there are vectors of another encoder still")
            connection.execute("UPDATE tenant SET next_encoder = ?", (encoder,))

    def add(self, encoder: str, ids: Sequence[int], vectors: "Vectors") -> bool:
        """Keep vectors of texts, as far as these are not forgotten by now.

        Args:
            encoder: whose they are.
            ids: of the texts.
            vectors: float16 ``(len(ids), dimensions)``.

        Returns:
            Whether that one is the next encoder still; else nothing was kept.
        """
        with self._writing() as connection:
            if _encoder(connection) != encoder:
                return False
            little_endian = np.ascontiguousarray(vectors, dtype="<f2")
            connection.executemany(
                "INSERT OR REPLACE INTO next_vectors SELECT ?1, ?2 WHERE EXISTS"
                " (SELECT 1 FROM texts WHERE id = ?1)",
                ((key, vector.tobytes()) for key, vector in zip(ids, little_endian, strict=True)),
            )
            return True

    def drop(self, count_max: int) -> bool:
        """Let go of up to so many, and with the last one of the next encoder; whether there are any left."""
        with self._writing() as connection:
            connection.execute(
                "DELETE FROM next_vectors WHERE text IN (SELECT text FROM next_vectors LIMIT ?)",
                (count_max,),
            )
            if connection.execute("SELECT 1 FROM next_vectors LIMIT 1").fetchone():
                return True
            connection.execute("UPDATE tenant SET next_encoder = ''")
            return False

    def serve(self) -> None:
        """Have these vectors serve from now on, and let go of all outcomes: they were another encoder's.

        They are kept beside still, to be dropped: that need not be part of this commit.

        Raises:
            PreconditionFailed: a text has none.
        """
        with self._writing() as connection:
            connection.execute(
                "UPDATE texts SET vector = coalesce((SELECT vector FROM next_vectors WHERE text = id), x'')"
            )
            if connection.execute("SELECT 1 FROM texts WHERE vector = x'' LIMIT 1").fetchone():
                raise PreconditionFailed("there are texts that the next encoder has not encoded")
            connection.execute("DELETE FROM outcomes")
            connection.execute(
                "UPDATE tenant SET encoder_fingerprint = next_encoder, outcomes_fingerprint = ''"
            )
            note_switch(connection)


def _encoder(connection: Connection) -> str:
    (encoder,) = connection.execute("SELECT next_encoder FROM tenant").fetchone()
    return str(encoder)
