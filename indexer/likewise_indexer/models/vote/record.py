"""What the engine knew whenever a row was asked: recorded once, to train on as often as wanted.

Questions go to the engine that serves: its ledger is taught, and its own ``question_of`` gathers the
evidence. A record is one tenant's: a file ``SOURCE--TENANT--KEY.npz`` in a folder, which ``np.load`` reads;
KEY is a digest of all that the record depends on but the code. The arrays, for q questions with p pairs of
question and candidate:

    features        float32 (p, len(FEATURES))
    pairs_end       int64   (q,)  where each question's pairs end; they begin where those before it end
    is_right        bool    (p,)  the candidate is the row's own label
    kernel          float32 (p,)  what KernelVote makes of it
    row             int32   (q,)  the row that was asked
    labels          int32   (q,)  labels that were visible
    payee_labels    int32   (q,)  distinct labels among those of the same payee: 0 unseen, 2 ambiguous
    young_labels    int32   (q,)  which kind of run: see ``replay.Run``
    lacks           int8    (q,)  what the question lacks: see ``replay.Lacks``
    source, tenant          strings

It holds no wording, no name and no label of the books.
"""

import hashlib
import os
import re
import tempfile
import zlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, fields
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from likewise_engine import limits
from likewise_engine.chart import Category
from likewise_engine.classify import question_of
from likewise_engine.encoder import Encoder, load_encoder
from likewise_engine.evidence import FEATURES
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import CATEGORY_DIMENSION, LabelledTransaction, Transaction
from likewise_engine.vote import KernelVote
from likewise_indexer.models.vote.books import Book
from likewise_indexer.models.vote.replay import Lacks, Run, runs_of, visible_counts, without

Progress = Callable[[int, int], None]
"""Told the rows of the books that are recorded, and of all."""

_VERSION: Final = 1
"""Of what is recorded, beside the features, and of how rows are drawn."""
_DIGEST_CHARS: Final = 16
_KERNEL: Final = KernelVote()
_Payees = defaultdict[str, list[int]]
"""Rows of a book, ascending, by payee."""


@dataclass(frozen=True, slots=True)
class Record:
    """One tenant's recorded questions; the attributes are the arrays above."""

    source: str
    tenant: str
    features: NDArray[np.float32]
    pairs_end: NDArray[np.int64]
    is_right: NDArray[np.bool_]
    kernel: NDArray[np.float32]
    row: NDArray[np.int32]
    labels: NDArray[np.int32]
    payee_labels: NDArray[np.int32]
    young_labels: NDArray[np.int32]
    lacks: NDArray[np.int8]

    def write(self, path: Path) -> None:
        """Write the record; a file of that name is there whole or not at all."""
        arrays: dict[str, Any] = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        aside = path.with_suffix(f".{os.getpid()}.part")
        try:
            with aside.open("wb") as file:
                np.savez(file, **arrays)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a record. Raises OSError where there is none."""
        with np.load(path) as arrays:
            named = {field.name: arrays[field.name] for field in fields(cls)}
        return cls(**named | {"source": str(named["source"]), "tenant": str(named["tenant"])})

    def equals(self, other: Self) -> bool:
        """Whether all arrays are equal, bit for bit."""
        return all(np.array_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))


def recorded(
    books: Sequence[Book],
    folder: Path,
    *,
    seed: int = 0,
    jobs: int | None = None,
    progress: Progress = lambda _done, _total: None,
) -> list[Record]:
    """The records of these books, in their order: those that the folder lacks are made, on all cores.

    A key knows no code. So the book with the fewest rows is recorded anew each time: if its record in the
    folder differs, the code that gathers evidence has changed, and all are made again.

    Args:
        books: what to replay.
        folder: of records; made if it is not there. What is complete in it stays when this is interrupted.
        seed: of what is drawn at random.
        jobs: processes; one a core if None.
        progress: told how far it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {position: folder / _name(book, seed) for position, book in enumerate(books)}
    probe = min(paths, key=lambda position: len(books[position].transactions))
    found = record_of(books[probe], seed)
    if paths[probe].exists() and not Record.read(paths[probe]).equals(found):
        for path in paths.values():
            path.unlink(missing_ok=True)
    found.write(paths[probe])
    missing = [position for position in paths if not paths[position].exists()]
    missing.sort(key=lambda position: -len(books[position].transactions))  # so that none is left at the end
    rows_total = sum(len(book.transactions) for book in books)
    rows = rows_total - sum(len(books[position].transactions) for position in missing)
    progress(rows, rows_total)
    # Not fork: the parent has threads, and a forked child would wait for them for ever.
    with ProcessPoolExecutor(jobs or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        try:
            tasks = {pool.submit(_record_into, books[p], seed, paths[p]): p for p in missing}
            for task in as_completed(tasks):
                task.result()
                rows += len(books[tasks[task]].transactions)
                progress(rows, rows_total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [Record.read(path) for path in paths.values()]


def record_of(book: Book, seed: int) -> Record:
    """Replay one book in a data folder of its own and record what the engine sees."""
    rng = np.random.default_rng([seed, zlib.crc32(f"{book.source}\0{book.tenant}".encode())])
    visible = visible_counts(book.transactions)
    payees = _rows_by_payee(book)
    asked: list[_Asked] = []
    with (
        threadpool_limits(1),
        tempfile.TemporaryDirectory(dir=_memory_folder()) as folder,
        Tenants.open_folder(Path(folder), _encoder()) as tenants,
    ):
        for number, run in enumerate(runs_of(book, rng)):
            chart = [Category(id=category) for category in dict.fromkeys(book.categories)]
            tenants.create(str(number), categories=chart if run.has_chart else [])
            with tenants.use(str(number)) as ledger:
                taught = run.start
                for row, lacks in zip(run.asked.tolist(), run.lacks.tolist(), strict=True):
                    _teach(ledger, book, taught, int(visible[row]))
                    taught = int(visible[row])
                    asked.append(_ask(ledger, book, payees, run, row, Lacks(lacks), taught))
            tenants.delete(str(number))
    return _record(book, asked)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question's part of a record."""

    features: NDArray[np.float32]
    is_right: NDArray[np.bool_]
    kernel: NDArray[np.float32]
    row: int
    labels: int
    payee_labels: int
    young_labels: int
    lacks: Lacks


def _teach(ledger: Ledger, book: Book, start: int, end: int) -> None:
    for batch_start in range(start, end, limits.IMPORT_BATCH_ROWS):
        batch = slice(batch_start, min(batch_start + limits.IMPORT_BATCH_ROWS, end))
        rows = zip(book.transactions[batch], book.categories[batch], strict=True)
        ledger.import_batch([LabelledTransaction(t, {CATEGORY_DIMENSION: category}) for t, category in rows])


def _ask(
    ledger: Ledger, book: Book, payees: _Payees, run: Run, row: int, lacks: Lacks, taught: int
) -> _Asked:
    view = ledger.view
    transaction = without(book.transactions[row], lacks)
    question = question_of(view, ledger.encoder, transaction, (CATEGORY_DIMENSION,))
    evidence = question.evidence[CATEGORY_DIMENSION]
    right = view.chart.numbers.get((CATEGORY_DIMENSION, book.categories[row]))
    rows = payees[_payee(book.transactions[row])]
    of_payee = rows[bisect_left(rows, run.start) : bisect_left(rows, taught)]
    return _Asked(
        features=evidence.features.astype(np.float32),
        is_right=np.array([number == right for number in evidence.candidates.tolist()], dtype=bool),
        kernel=_KERNEL.probabilities(evidence).astype(np.float32),
        row=row,
        labels=taught - run.start,
        payee_labels=len({book.categories[known] for known in of_payee}),
        young_labels=run.young_labels,
        lacks=lacks,
    )


def _record_into(book: Book, seed: int, path: Path) -> None:
    record_of(book, seed).write(path)


def _record(book: Book, asked: Sequence[_Asked]) -> Record:
    return Record(
        source=book.source,
        tenant=book.tenant,
        features=np.concatenate([a.features for a in asked]),
        pairs_end=np.cumsum([len(a.is_right) for a in asked], dtype=np.int64),
        is_right=np.concatenate([a.is_right for a in asked]),
        kernel=np.concatenate([a.kernel for a in asked]),
        row=np.array([a.row for a in asked], dtype=np.int32),
        labels=np.array([a.labels for a in asked], dtype=np.int32),
        payee_labels=np.array([a.payee_labels for a in asked], dtype=np.int32),
        young_labels=np.array([a.young_labels for a in asked], dtype=np.int32),
        lacks=np.array([a.lacks for a in asked], dtype=np.int8),
    )


def _rows_by_payee(book: Book) -> _Payees:
    rows: _Payees = defaultdict(list)
    for row, transaction in enumerate(book.transactions):
        rows[_payee(transaction)].append(row)
    return rows


def _payee(transaction: Transaction) -> str:
    return transaction.payee or transaction.description


def _name(book: Book, seed: int) -> str:
    """The file of a book's record: readable, and unique by what the record depends on."""
    depends_on = (
        _VERSION,
        FEATURES,
        _encoder().fingerprint,
        seed,
        book.file_sha256,
        book.source,
        book.tenant,
    )
    digest = hashlib.sha256(repr(depends_on).encode()).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9]+", "-", f"{book.source[:40]}--{book.tenant[:40]}")
    return f"{readable}--{digest[:_DIGEST_CHARS]}.npz"


@cache
def _encoder() -> Encoder:
    return load_encoder()


def _memory_folder() -> str | None:
    """Where fsync costs nothing, if there is such a place: what is replayed need not last."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112
