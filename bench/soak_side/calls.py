"""The mixed load: callers that do at random what applications do with their tenants, at a steady rate.

Each caller is a thread, waits for each answer, and is late for its next call only where one took too long.
How long a call took is counted from when it was sent.
"""

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import likewise
from soak_side.population import Member, Population

_IMPORT_ROWS: Final = 200
_FORGOTTEN_AT_ONCE: Final = 5
_CATEGORIES: Final = 40

SHARES: Final[Mapping[str, float]] = {
    "classify": 0.50,
    "learn": 0.20,
    "correct": 0.06,
    "forget": 0.05,
    "list": 0.05,
    "describe": 0.05,
    "import": 0.02,
    "export": 0.02,
    "reshape": 0.02,
    "come": 0.015,
    "go": 0.015,
}
"""Of the calls, by kind. ``come`` creates a tenant with its history, ``go`` deletes one."""

_EXPECTED: Final = (likewise.NotFound, likewise.PreconditionFailed, likewise.Overloaded)
"""A tenant that goes while another caller asks it, an export that shows what is forgotten meanwhile, a
category that was merged before."""


@dataclass(slots=True)
class Calls:
    """What became of the calls.

    Attributes:
        samples: moment of its end (seconds since the start), kind and latency (ms) of each that was answered.
        refused: calls that were refused as they should be, by the name of the error.
        failed: calls that failed otherwise, by the name of the error.
    """

    samples: list[tuple[float, str, float]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


class Caller:
    """One thread's calls."""

    def __init__(self, client: likewise.Client, population: Population, seed: str) -> None:
        self._client = client
        self._population = population
        self._rng = random.Random(seed)
        self._ids = (f"{seed}-{number}" for number in itertools.count())
        self._doing: Mapping[str, Callable[[], object]] = {
            "classify": self._classify,
            "learn": self._learn,
            "correct": self._correct,
            "forget": self._forget,
            "list": self._list,
            "describe": self._describe,
            "import": self._import,
            "export": self._export,
            "reshape": self._reshape,
            "come": self.come,
            "go": self._go,
        }

    def call(self, kind: str) -> None:
        """Make a call of a kind. Raises likewise.Error."""
        self._doing[kind]()

    def kinds(self) -> Iterator[str]:
        """Kinds without end, each with its share."""
        while True:
            yield from self._rng.choices(list(SHARES), list(SHARES.values()), k=100)

    def pause_s(self, rate_hz: float) -> float:
        """Until the next call, at random moments of a rate."""
        return self._rng.expovariate(rate_hz)

    def come(self) -> None:
        """Create a tenant with its history."""
        member = self._population.newcomer(self._rng)
        self._client.create_tenant(likewise.Tenant(id=member.id))
        self._client.import_transactions(member.id, (row.message() for row in member.invented.history()))
        self._population.join(member)

    def _member(self) -> Member:
        return self._population.drawn(self._rng)

    def _classify(self) -> None:
        member = self._member()
        self._client.classify(member.id, member.invented.asked_row(self._rng).question())

    def _learn(self) -> None:
        member, transaction_id = self._member(), next(self._ids)
        self._client.learn(member.id, [member.invented.row(transaction_id, self._rng).message()])
        self._population.note_taught(member, transaction_id)

    def _correct(self) -> None:
        member = self._member()
        row = member.invented.row(f"h{self._rng.randrange(member.invented.labels)}", self._rng)
        corrected = f"category-{self._rng.randrange(_CATEGORIES):02}"
        question = row.question(id=row.id)
        self._client.learn(
            member.id, [likewise.labelled(question, corrected, predicted={"category": row.category})]
        )

    def _forget(self) -> None:
        member = self._member()
        ids = self._population.to_forget(member, _FORGOTTEN_AT_ONCE)
        self._client.forget_transactions(member.id, ids or ["none"])

    def _list(self) -> None:
        # One page: the iterator asks for no other before it is asked for more.
        next(self._client.list_transactions(self._member().id, page_size=50), None)

    def _describe(self) -> None:
        self._client.get_tenant(self._member().id)

    def _import(self) -> None:
        member = self._member()
        ids = [next(self._ids) for _ in range(_IMPORT_ROWS)]
        rows = (member.invented.row(transaction_id, self._rng).message() for transaction_id in ids)
        self._client.import_transactions(member.id, rows)
        for transaction_id in ids:
            self._population.note_taught(member, transaction_id)

    def _export(self) -> None:
        for _ in self._client.export_transactions(self._member().id):
            pass

    def _reshape(self) -> None:
        member = self._member()
        categories = min(_CATEGORIES, member.invented.texts_count)
        source, target = self._rng.sample(range(categories), 2)
        if self._rng.random() < 0.5:
            self._client.merge_categories(member.id, [f"category-{source:02}"], f"category-{target:02}")
        else:
            self._client.rename_category(member.id, f"category-{source:02}", new_name=f"Name {target}")

    def _go(self) -> None:
        member = self._population.leaver(self._rng)
        if member is not None:
            self._client.delete_tenant(member.id)


def keep_calling(
    callers: Sequence[Caller], rate_hz: float, seconds: float, started_s: float, calls: Calls
) -> None:
    """Have all callers call, each with its share of the rate, until so many seconds since the start."""

    def go_on(caller: Caller) -> None:
        due_s = time.perf_counter()
        for kind in caller.kinds():
            due_s = max(due_s + caller.pause_s(rate_hz / len(callers)), time.perf_counter() - 1.0)
            if due_s - started_s > seconds:
                return
            time.sleep(max(0.0, due_s - time.perf_counter()))
            sent_s = time.perf_counter()
            try:
                caller.call(kind)
            except _EXPECTED as error:
                calls.refused[type(error).__name__] += 1
            except likewise.Error as error:
                calls.failed[f"{kind}: {type(error).__name__}: {error.message}"] += 1
            else:
                ended_s = time.perf_counter()
                calls.samples.append((ended_s - started_s, kind, (ended_s - sent_s) * 1e3))

    threads = [threading.Thread(target=go_on, args=(caller,)) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
