"""Texts in a tenant's SQLite file, with their vectors and the normalised payees beside them.

All within the one transaction that :mod:`likewise_engine.store.sqlite` opens for it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from likewise_engine.store import testimonies
from likewise_engine.store.base import Vectors
from likewise_engine.store.connection import Connection


@dataclass(frozen=True, slots=True)
class TextReplacement:
    """All texts, payees and vectors anew, as another encoder or text version wants them.

    Attributes:
        encoder_fingerprint: the encoder behind the vectors.
        texts: (id, text).
        vectors: float16 ``(len(texts), dimensions)``.
        payees: (id, normalised payee).
        assignments: (seq, id of text, id of payee) for every entry.
    """

    encoder_fingerprint: str
    texts: Sequence[tuple[int, str]]
    vectors: Vectors
    payees: Sequence[tuple[int, str]]
    assignments: Sequence[tuple[int, int, int]]


def text_rows(texts: Sequence[tuple[int, str]], vectors: Vectors) -> Iterator[tuple[int, str, bytes]]:
    """Rows of the table ``texts``: ids, texts, vectors as they are stored."""
    little_endian = np.ascontiguousarray(vectors, dtype="<f2")
    for (text_id, text), vector in zip(texts, little_endian, strict=True):
        yield text_id, text, vector.tobytes()


def replace_texts(connection: Connection, replacement: TextReplacement) -> None:
    """Write texts, payees and vectors in the place of all that there are, those of a next encoder too."""
    execute, executemany = connection.execute, connection.executemany
    testimonies.outdate(connection)
    execute("DELETE FROM next_vectors; DELETE FROM texts; DELETE FROM payees")
    executemany("INSERT INTO payees VALUES (?, ?)", replacement.payees)
    executemany("INSERT INTO texts VALUES (?, ?, ?)", text_rows(replacement.texts, replacement.vectors))
    executemany("UPDATE entries SET text = ?2, payee = ?3 WHERE seq = ?1", replacement.assignments)
    fingerprint = replacement.encoder_fingerprint
    execute("UPDATE tenant SET encoder_fingerprint = ?, next_encoder = ''", (fingerprint,))
