"""Making records: each book is replayed in many short runs, and the engine is watched while it is asked.

Questions go to the engine that serves: its ledger is taught, and its own ``question_of`` gathers the
evidence. So what a vote is trained on is what it will see. A row that was asked is taught with the answer
that the kernel gave, as an application would, so that the ledger knows its mistakes.
"""

import hashlib
import re
import signal
import tempfile
import zlib
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Final

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
from likewise_engine.transaction import CATEGORY_DIMENSION, LabelledTransaction
from likewise_engine.vote import KernelVote
from likewise_indexer.backtest import Book, WorkerLost
from likewise_indexer.backtest.answerers import memory_folder
from likewise_indexer.backtest.seen import payee_of
from likewise_indexer.backtest.timeline import visible_counts
from likewise_indexer.models.vote.record import Record
from likewise_indexer.models.vote.replay import Lacks, Run, runs_of, without

Progress = Callable[[int, int], None]
"""Told the rows of the books that are recorded, and of all."""

_VERSION: Final = 5
"""Of what is recorded, beside the features, and of how rows are drawn."""
_DIGEST_CHARS: Final = 16
_TENANT: Final = "recorded"
_KERNEL: Final = KernelVote()


def recorded(
    books: Sequence[Book],
    folder: Path,
    *,
    encoders: Path | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = lambda _done, _total: None,
) -> list[Record]:
    """The records of these books, in their order: those that the folder lacks are made.

    A record is found again by a digest of all that it depends on but the code. So the book with the fewest
    rows is recorded anew each time: if its record in the folder is another, then the code that gathers
    evidence has changed, and all are made again.

    Args:
        books: what to replay.
        folder: of records; made if it is not there. What is complete in it stays when this is interrupted.
        encoders: folder of encoders that have not seen a source, by its name; None where the shipped one has
            seen none. By an encoder that was tuned on them, books look easier than others will, and the vote
            would trust it too much (Wolpert 1992, stacked generalization).
        seed: of what is drawn at random.
        jobs: processes.
        progress: told how far it is.

    Raises:
        WorkerLost: a process was killed, for want of memory, say.
        ModelFault: there is no encoder for a source.
        LikewiseError: the engine failed.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    recorders = [_Recorder(book, seed, encoders) for book in books]
    paths = [folder / recorder.file_name for recorder in recorders]
    rows = [len(recorder.items) for recorder in recorders]
    probe = rows.index(min(rows))
    found = recorders[probe].record()
    if paths[probe].exists() and not Record.read(paths[probe]).equals(found):
        for path in paths:
            path.unlink(missing_ok=True)
    found.write(paths[probe])
    missing = [position for position, path in enumerate(paths) if not path.exists()]
    missing.sort(key=lambda position: -rows[position])  # so that no long one is left for the end
    rows_done = sum(rows) - sum(rows[position] for position in missing)
    progress(rows_done, sum(rows))
    # Not fork: the parent has threads, and a forked child would wait for them for ever.
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_ignore_interrupts) as pool:
        try:
            tasks = {pool.submit(_record_into, recorders[p], paths[p]): p for p in missing}
            for task in as_completed(tasks):
                task.result()
                rows_done += rows[tasks[task]]
                progress(rows_done, sum(rows))
        except BrokenProcessPool as error:
            raise WorkerLost("a process that recorded books was killed: is there enough memory?") from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [Record.read(path) for path in paths]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question's part of a record."""

    features: NDArray[np.float32]
    is_right: NDArray[np.bool_]
    kernel: NDArray[np.float32]
    row: int
    labels: int
    payee_labels: int
    category_labels: int
    young_labels: int
    lacks: Lacks


class _Recorder:
    """Records one book: its rows that have a category."""

    def __init__(self, book: Book, seed: int, encoders: Path | None) -> None:
        self.items = [item for item in book.items if CATEGORY_DIMENSION in item.labels]
        self.source = book.source
        self.tenant = book.tenant
        self._seed = seed
        self._encoder = None if encoders is None else encoders / self.source
        encoder = _encoder(self._encoder).fingerprint
        depends_on = (_VERSION, FEATURES, encoder, seed, self.source, self.tenant, self.items)
        self._digest = hashlib.sha256(repr(depends_on).encode()).hexdigest()
        self._visible = visible_counts(self.items)
        self._rows_of_payee: defaultdict[str, list[int]] = defaultdict(list)
        for row, item in enumerate(self.items):
            self._rows_of_payee[payee_of(item)].append(row)

    @property
    def file_name(self) -> str:
        """Readable, and unique by what the record depends on."""
        readable = [re.sub(r"[^A-Za-z0-9]+", "-", name[:40]) for name in (self.source, self.tenant)]
        return "--".join((*readable, f"{self._digest[:_DIGEST_CHARS]}.npz"))

    def record(self) -> Record:
        """Replay the book in a data folder of its own."""
        # By the name and not by the rows, so that another row is no other choice of questions.
        rng = np.random.default_rng([self._seed, zlib.crc32(f"{self.source}\0{self.tenant}".encode())])
        runs = runs_of(self.items, rng)
        with (
            threadpool_limits(1),
            tempfile.TemporaryDirectory(prefix="likewise-", dir=memory_folder()) as folder,
            Tenants.open_folder(Path(folder), _encoder(self._encoder)) as tenants,
        ):
            asked = [asked for run in runs for asked in self._run(tenants, run)]
        return Record(
            source=self.source,
            tenant=self.tenant,
            features=np.concatenate([a.features for a in asked]),
            pairs_end=np.cumsum([len(a.is_right) for a in asked], dtype=np.int64),
            is_right=np.concatenate([a.is_right for a in asked]),
            kernel=np.concatenate([a.kernel for a in asked]),
            row=np.array([a.row for a in asked], dtype=np.int32),
            labels=np.array([a.labels for a in asked], dtype=np.int32),
            payee_labels=np.array([a.payee_labels for a in asked], dtype=np.int32),
            category_labels=np.array([a.category_labels for a in asked], dtype=np.int32),
            young_labels=np.array([a.young_labels for a in asked], dtype=np.int32),
            lacks=np.array([a.lacks for a in asked], dtype=np.int8),
        )

    def _run(self, tenants: Tenants, run: Run) -> list[_Asked]:
        """Ask a fresh ledger, and teach it before each question what is visible then."""
        categories = dict.fromkeys(item.labels[CATEGORY_DIMENSION] for item in self.items)
        tenants.create(_TENANT, categories=[Category(id=c) for c in categories] if run.has_chart else [])
        asked: list[_Asked] = []
        answered: dict[int, str] = {}
        taught, count = run.start, Counter[str]()
        with tenants.use(_TENANT) as ledger:
            for row, lacks in zip(run.asked.tolist(), run.lacks.tolist(), strict=True):
                visible = int(self._visible[row])
                self._teach(ledger, run.items[taught:visible], taught, answered)
                count.update(item.labels[CATEGORY_DIMENSION] for item in run.items[taught:visible])
                taught = visible
                category_labels = count[run.items[row].labels[CATEGORY_DIMENSION]]
                question, answered[row] = self._ask(ledger, run, row, Lacks(lacks), category_labels)
                asked.append(question)
        tenants.delete(_TENANT)
        return asked

    def _teach(
        self, ledger: Ledger, rows: Sequence[LabelledTransaction], first_row: int, answered: Mapping[int, str]
    ) -> None:
        items = [
            replace(item, predicted={CATEGORY_DIMENSION: answered[row]}) if answered.get(row) else item
            for row, item in enumerate(rows, start=first_row)
        ]
        for first in range(0, len(items), limits.IMPORT_BATCH_ROWS):
            ledger.import_batch(items[first : first + limits.IMPORT_BATCH_ROWS])
        if ledger.are_heads_due:
            ledger.train_heads()

    def _ask(
        self, ledger: Ledger, run: Run, row: int, lacks: Lacks, category_labels: int
    ) -> tuple[_Asked, str]:
        """The question's part of the record, and the kernel's answer; empty where there is none."""
        view, item = ledger.view, run.items[row]
        transaction = without(item.transaction, lacks)
        question = question_of(view, ledger.encoder, transaction, (CATEGORY_DIMENSION,))
        evidence = question.evidence[CATEGORY_DIMENSION]
        right = view.chart.numbers.get((CATEGORY_DIMENSION, item.labels[CATEGORY_DIMENSION]))
        kernel = _KERNEL.probabilities(evidence)
        of_payee = self._rows_of_payee[payee_of(item)]
        visible = of_payee[bisect_left(of_payee, run.start) : bisect_left(of_payee, int(self._visible[row]))]
        asked = _Asked(
            features=evidence.features.astype(np.float32),
            is_right=np.array([number == right for number in evidence.candidates.tolist()], dtype=bool),
            kernel=kernel.astype(np.float32),
            row=row,
            labels=int(self._visible[row]) - run.start,
            payee_labels=len({run.items[known].labels[CATEGORY_DIMENSION] for known in visible}),
            category_labels=category_labels,
            young_labels=run.young_labels,
            lacks=lacks,
        )
        first = view.chart.categories[int(evidence.candidates[kernel.argmax()])].id if len(kernel) else ""
        return asked, first


def _record_into(recorder: _Recorder, path: Path) -> None:
    recorder.record().write(path)


def _ignore_interrupts() -> None:
    """In a worker: whoever interrupts the command is answered by the process that waits for the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@cache
def _encoder(folder: Path | None) -> Encoder:
    return load_encoder(folder)
