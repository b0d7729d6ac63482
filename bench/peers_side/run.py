"""One run: every system is loaded, asked, corrected and restarted.

Questions go round in turns of a few, corrections and restarts one by one: each is put to all systems, one
after another, before the next is. What else the machine does in that time hits all alike. Each in turn is the
first. A turn begins with questions that are not measured: they find the processor's caches full of what
another system left there, which is a matter of going round and not of the system.
"""

import random
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from likewise_engine.encoder import load_encoder
from peers_side.books import Books, Question, Workload, books_of, vectors_of
from peers_side.catalogue import OURS
from peers_side.side import Asked, Side, Worker

_WARMUP_QUESTIONS: Final = 3
"""Of each tenant and each kind, not measured: the first finds nothing in any cache."""
_TURN_TENANTS: Final = 10
"""Asked about in one turn, each about a known text and a new one."""
_SAME: Final = 1e-4
"""Similarities that differ by less are the same: each system sums float32 in an order of its own."""


class Kind(StrEnum):
    """What a system is given, and so whether the time to embed is within its time."""

    VECTOR_READY = "vector_ready"
    EMBEDDED = "embedded"


@dataclass(slots=True)
class Measured:
    """What came of one system.

    Attributes:
        settings: versions, and what was set.
        empty_bytes: memory before it was taught anything.
        load_s: seconds that loading took, all tenants together.
        settle_s: and then until it was at rest.
        loaded_bytes: memory after all questions.
        cpu_ms_per_question: processor time of the system and of who asked, all questions mixed.
        latency_ms: by size and kind.
        recall: of the nearest neighbours, by size; empty for Likewise.
        corrections_ms: by size, from the correction until an answer showed it; None where none did.
        restarts_s: until the first answer.
    """

    settings: Mapping[str, str]
    empty_bytes: int
    load_s: float = 0.0
    settle_s: float = 0.0
    loaded_bytes: int = 0
    cpu_ms_per_question: float = 0.0
    latency_ms: dict[tuple[int, Kind], list[float]] = field(default_factory=dict)
    recall: dict[int, list[float]] = field(default_factory=dict)
    corrections_ms: dict[int, list[float | None]] = field(default_factory=dict)
    restarts_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Run:
    """What came of all systems.

    Attributes:
        workload: that was put to them.
        systems: by name.
        rows: that each was taught.
        embed_s: that it took to encode their texts, each once a tenant.
    """

    workload: Workload
    systems: Mapping[str, Measured]
    rows: int
    embed_s: float


def run(workload: Workload, names: Sequence[str], root: Path) -> Run:
    """Measure systems that are installed, each in a folder of its own.

    Raises:
        SideFailed: one did not start, or failed.
    """
    all_books = books_of(workload, load_encoder())
    with ExitStack() as stack:
        sides = {name: stack.enter_context(closing(Side(name, root / name))) for name in names}
        round_ = _Round(workload, sides, all_books)
        round_.load()
        round_.ask()
        round_.correct()
        round_.restart()
    rows = sum(books.size for books in all_books)
    return Run(workload, round_.measured, rows, sum(books.embed_s for books in all_books))


class _Round:
    """The phases of a run, in their order."""

    def __init__(self, workload: Workload, sides: Mapping[str, Side], all_books: Sequence[Books]) -> None:
        self._workload = workload
        self._sides = sides
        self._books = all_books
        self._encoder = load_encoder()
        self._rng = random.Random(f"{workload.seed}/peers")
        self._turns = deque(sides)
        self.measured = {
            name: Measured(side.call(Worker.settings), side.call(Worker.memory_bytes))
            for name, side in sides.items()
        }

    def load(self) -> None:
        """One system after another, for some go on working after the last row."""
        for name, side in track(self._sides.items(), "loading", transient=True):
            measured = self.measured[name]
            measured.load_s = sum(side.call(Worker.load, books.batch) for books in self._books)
            measured.settle_s = side.call(Worker.settle, self._workload.idle_s)

    def ask(self) -> None:
        """All questions, sizes and kinds mixed."""
        warmup = [question for books in self._books for question in self._pair(books) * _WARMUP_QUESTIONS]
        for side in self._sides.values():
            side.call(Worker.ask, warmup, self._workload.neighbours)
        cpu_before_s = {name: side.call(Worker.cpu_s) for name, side in self._sides.items()}
        tenants = list(self._asked())
        starts = range(0, len(tenants), _TURN_TENANTS)
        for start in track(starts, "asking", transient=True):
            self._ask(tenants[start : start + _TURN_TENANTS])
        questions = 2 * (len(tenants) + len(starts))
        for name, side in self._sides.items():
            cpu_s = side.call(Worker.cpu_s) - cpu_before_s[name]
            self.measured[name].cpu_ms_per_question = cpu_s * 1e3 / questions
            self.measured[name].loaded_bytes = side.call(Worker.memory_bytes)

    def _ask(self, turn: Sequence[Books]) -> None:
        """Ask all systems about these tenants; first about one more, which is not measured."""
        first = self._pair(turn[0])
        asked = [(books, question) for books in turn for question in self._pair(books)]
        nearest = [self._nearest(books, question) for books, question in asked]
        questions = [*first, *(question for _, question in asked)]
        for name, side in self._in_turn().items():
            answers = side.call(Worker.ask, questions, self._workload.neighbours)[len(first) :]
            for (books, question), answer, of_all in zip(asked, answers, nearest, strict=True):
                self._note(name, books.size, question, answer, of_all)

    def correct(self) -> None:
        """Each to a row that no other correction is about."""
        for size in self._workload.sizes:
            corrections = [books.corrections(self._rng) for books in self._books if books.size == size]
            alternating = (question for of_each in zip(*corrections, strict=False) for question in of_each)
            for question in islice(alternating, self._workload.corrections):
                for name, side in self._in_turn().items():
                    visible_ms = side.call(Worker.correct, question, self._workload.neighbours)
                    self.measured[name].corrections_ms.setdefault(size, []).append(visible_ms)

    def restart(self) -> None:
        """The first question is about one of the largest tenants."""
        question = self._books[-1].known(self._rng)
        for _ in range(self._workload.restarts):
            for name, side in self._in_turn().items():
                restart_s = side.call(Worker.restart, question, self._workload.neighbours)
                self.measured[name].restarts_s.append(restart_s)

    def _in_turn(self) -> dict[str, Side]:
        """All sides, beginning with another one each time."""
        self._turns.rotate()
        return {name: self._sides[name] for name in self._turns}

    def _asked(self) -> Iterator[Books]:
        """Whom to ask next: sizes take turns, and so do the tenants of a size."""
        tenants = self._workload.tenants
        for number in range(self._workload.questions):
            yield from self._books[number % tenants :: tenants]

    def _pair(self, books: Books) -> list[Question]:
        return [books.known(self._rng), books.new(self._rng)]

    def _nearest(self, books: Books, question: Question) -> "Nearest":
        vector = question.vector
        if vector is None:
            vector = vectors_of(self._encoder, [question.row.payee])[0]
        return Nearest(books, vector, self._workload.neighbours)

    def _note(self, name: str, size: int, question: Question, asked: Asked, nearest: "Nearest") -> None:
        measured = self.measured[name]
        kind = Kind.EMBEDDED if question.vector is None else Kind.VECTOR_READY
        measured.latency_ms.setdefault((size, kind), []).append(asked.elapsed_ms)
        if name != OURS:  # it shows the entries that weigh most, and amounts weigh too
            measured.recall.setdefault(size, []).append(nearest.recall(asked.ids))


class Nearest:
    """The nearest rows of a tenant, by an exact scan: what each system's neighbours are held against."""

    def __init__(self, books: Books, vector: NDArray[np.float32], count: int) -> None:
        similarities = books.batch.vectors @ vector
        self._count = min(count, len(similarities))
        self._last = float(np.partition(similarities, -self._count)[-self._count]) - _SAME
        self._first_id = int(books.batch.rows[0].id)
        self._similarities = similarities

    def recall(self, ids: Sequence[str]) -> float:
        """The share of the neighbours that are as near as the last of the nearest."""
        found = {int(id_) - self._first_id for id_ in ids}
        return sum(bool(self._similarities[at] >= self._last) for at in found) / self._count
