"""What every system is taught and asked: invented books, with the vectors that all peers are handed."""

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latency_load.invented import InventedTenant, Row
from likewise_engine.encoder import Encoder
from likewise_engine.text import text_of

_ENCODED_AT_ONCE: Final = 1_024
_ROWS_OF_A_TENANT_MAX: Final = 10_000_000
"""Ids are numbers, and no two tenants share one: some peers want that of a table that holds them all."""


@dataclass(frozen=True)
class Workload:
    """What is done to each system; the same value gives the same rows and the same questions.

    Attributes:
        sizes: labels a tenant, smallest first.
        tenants: of each size.
        questions: of each size about texts that are known, and as many about new ones.
        corrections: of each size.
        restarts: of each system.
        neighbours: that are asked for.
        idle_s: a system is at rest when it has hardly used the processor for so long; 0 does not wait.
            Likewise begins to train two seconds after an import.
        seed: of all that is drawn.
    """

    sizes: tuple[int, ...] = (1_000, 10_000)
    tenants: int = 8
    questions: int = 1_000
    corrections: int = 40
    restarts: int = 3
    neighbours: int = 10
    idle_s: float = 3.0
    seed: int = 1

    def __post_init__(self) -> None:
        counts = (*self.sizes, self.tenants, self.questions, self.corrections, self.restarts, self.neighbours)
        if not self.sizes or min(counts) < 1 or self.idle_s < 0:
            raise ValueError("sizes, tenants, questions, corrections, restarts, neighbours: 1 at least")
        if len(set(self.sizes)) < len(self.sizes) or max(self.sizes) > _ROWS_OF_A_TENANT_MAX:
            raise ValueError(f"sizes differ, and are at most {_ROWS_OF_A_TENANT_MAX:,}")


class Question(NamedTuple):
    """A transaction to find the label of.

    Attributes:
        tenant: whose books.
        row: the transaction.
        vector: float32 ``(dimensions,)`` of its text; None where the system is to embed it.
    """

    tenant: str
    row: Row
    vector: NDArray[np.float32] | None


class Batch(NamedTuple):
    """The whole history of a tenant.

    Attributes:
        tenant: its id.
        rows: each with its label.
        vectors: float32 ``(len(rows), dimensions)`` of unit length, one a row.
    """

    tenant: str
    rows: Sequence[Row]
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Books:
    """One tenant.

    Attributes:
        invented: the tenant that nobody has.
        batch: what it is taught.
        vectors: of its texts.
        embed_s: that it took to encode each of its texts once.
    """

    invented: InventedTenant
    batch: Batch
    vectors: dict[str, NDArray[np.float32]]
    embed_s: float

    @property
    def size(self) -> int:
        """Its labels."""
        return len(self.batch.rows)

    def known(self, rng: random.Random) -> Question:
        """A further transaction of a text that it has, whose vector is there."""
        while (row := self.invented.row("", rng)).payee not in self.vectors:
            pass
        return Question(self.invented.id, row, self.vectors[row.payee])

    def new(self, rng: random.Random) -> Question:
        """One of a text that nobody has seen: the system has to embed it."""
        row = self.invented.row("", rng)._replace(payee=self.invented.new_text(rng))
        return Question(self.invented.id, row, None)

    def corrections(self, rng: random.Random) -> Iterator[Question]:
        """Rows, each with another label than it has; those first whose text the fewest rows share.

        Among equal vectors it is left to chance which are found: of a text there should be fewer than are
        asked for.
        """
        sharing = Counter(row.payee for row in self.batch.rows)
        categories = sorted({row.category for row in self.batch.rows})
        shuffled = rng.sample(self.batch.rows, len(self.batch.rows))
        for row in sorted(shuffled, key=lambda row: sharing[row.payee]):
            other = rng.choice([category for category in categories if category != row.category])
            yield Question(self.invented.id, row._replace(category=other), self.vectors[row.payee])


def vectors_of(encoder: Encoder, payees: Sequence[str]) -> NDArray[np.float32]:
    """Float32 ``(len(payees), dimensions)``: normalised and encoded, as the server does it."""
    texts = [text_of(payee, "") for payee in payees]
    starts = range(0, len(texts), _ENCODED_AT_ONCE)
    return np.concatenate([encoder.encode(texts[start : start + _ENCODED_AT_ONCE]) for start in starts])


def books_of(workload: Workload, encoder: Encoder) -> list[Books]:
    """All tenants, the smallest first."""
    sizes = [size for size in workload.sizes for _ in range(workload.tenants)]
    return [_invent(number, size, workload.seed, encoder) for number, size in enumerate(sizes)]


def _invent(number: int, size: int, seed: int, encoder: Encoder) -> Books:
    invented = InventedTenant.of_size(f"tenant-{number:05}", size, seed)
    first = number * _ROWS_OF_A_TENANT_MAX
    rows = [row._replace(id=str(first + at)) for at, row in enumerate(invented.history())]
    payees = list(dict.fromkeys(row.payee for row in rows))
    started = time.perf_counter()
    vectors = dict(zip(payees, vectors_of(encoder, payees), strict=True))
    embed_s = time.perf_counter() - started
    batch = Batch(invented.id, rows, np.stack([vectors[row.payee] for row in rows]))
    return Books(invented, batch, vectors, embed_s)
