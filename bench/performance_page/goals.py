"""What was to be reached, what was, and what is missing."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from latency_load.workload import Load, Workload
from performance_page.results import Json, Results
from performance_page.words import figure

MIB: Final = 2**20
UNCHANGED: Final = 1.1
"""Two runs of one and the same differ by as much."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that was to be reached.

    Attributes:
        what: it is.
        bound: that it is to keep.
        unit: of both, as it follows them.
        reached: what came of it; None where it was not measured.
        why_not: it was not measured, or not as it should be; empty where it was.
        is_least: whether the bound is the least that was wanted, not the most.
    """

    what: str
    bound: float
    unit: str
    reached: float | None
    why_not: str = ""
    is_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether it was measured, and reached."""
        if self.reached is None:
            return False
        return self.reached >= self.bound if self.is_least else self.reached <= self.bound

    @property
    def wanted(self) -> str:
        """The bound in words."""
        return f"{figure(self.bound)}{self.unit} or {'more' if self.is_least else 'less'}"

    @property
    def verdict(self) -> str:
        """Whether it was reached, and by how much not."""
        if self.reached is None:
            return f"not measured: {self.why_not}"
        doubt = f"; {self.why_not}" if self.why_not else ""
        if self.holds:
            return f"yes{doubt}"
        if self.is_least:
            return f"no: {figure(self.bound / self.reached)} times as much was wanted{doubt}"
        return f"no: {figure(self.reached / self.bound)} times what was wanted{doubt}"


def goals_of(results: Results) -> Iterator[Goal]:
    """Yield what the project set out to reach, in the order in which it was set."""
    yield from _of_latency(results)
    yield from _of_peers(results.peers)
    yield from _of_capacity(results)
    yield from _of_scale(results)
    yield _of_books(results.books)
    yield from _of_overload(results.overload)


def _of_latency(results: Results) -> Iterator[Goal]:
    capacity = results.capacity
    why = "" if capacity is None else _doubts(capacity)
    for name, bound in (("p50", 2.0), ("p99", 2.5)):
        reached = None if capacity is None else capacity["classify"][f"{name}_ms_over_echo"]
        what = f"Classify {name} against the bare echo of the same run, at half of capacity"
        yield Goal(what, bound, " x", reached, why if capacity else _missing("capacity"))
    latency, what = results.latency, "Classify p99 under the canonical workload at 300 requests/s"
    if latency is None:
        yield Goal(what, 5.0, " ms", None, _missing("latency"))
        return
    why = _doubts(latency)
    if latency["workload"] != asdict(Workload()) or latency["load"] != asdict(Load()):
        why = "; ".join(filter(None, ("of another workload, or for another time", why)))
    yield Goal(what, 5.0, " ms", latency["classify"]["p99_ms"], why)


def _of_peers(peers: Json | None) -> Iterator[Goal]:
    """A peer that comes in several ways counts by its best."""
    what = "Classify *including* embedding against {}'s query *excluding* it, {}: so many times as fast"
    wanted = (("Chroma", ("chroma",), None, 3.0), ("pgvector", ("pgvector", "pgvector-hnsw"), "10000", 2.0))
    for title, names, size, bound in wanted:
        for quantile in ("p50", "p99") if size is None else ("p99",):
            reached = None
            if peers is not None:
                ratios = [
                    of_size[f"{quantile}_ms"]
                    for name in names
                    for its_size, of_size in peers["peer_ready_over_ours_embedded"].get(name, {}).items()
                    if size in (None, its_size)
                ]
                reached = min(ratios, default=None)
            at = f"{quantile}, 10,000 labels a tenant" if size else quantile
            why = "" if reached else f"{title} did not run" if peers else _missing("peers")
            yield Goal(what.format(title, at), bound, " x", reached, why, is_least=True)


def _of_capacity(results: Results) -> Iterator[Goal]:
    capacity, workers = results.capacity, results.workers
    what, why, reached = "capacity of one process within a p99 of 10 ms", _missing("capacity"), None
    if capacity is not None:
        found = capacity["capacity"]
        reached = found["rate_hz"]
        why = "" if found["budget_ms"] == 10.0 else f"with a budget of {found['budget_ms']:g} ms"
    yield Goal(what, 1_200.0, "/s", reached, why, is_least=True)
    # The load comes from the same two cores, so two workers cannot show what they could do: but if a call
    # takes as much of a processor with two as with one, two processors answer twice as many.
    what, reached = "two workers against one, by the processor time that a call takes", None
    why = _missing("capacity" if capacity is None else "workers")
    if capacity is not None and workers is not None:
        one, two = (document["server"]["cpu_ms_per_call"] for document in (capacity, workers))
        count = workers["load"]["workers"]
        reached, why = count * one / two, "" if count == 2 else f"{count} workers"
    yield Goal(what, 1.6, " x", reached, why, is_least=True)


def _of_overload(document: Json | None) -> Iterator[Goal]:
    overload = document.get("overload") if document else None
    beside = document.get("import") if document else None
    why = _missing("overload") if document is None else "that part was not run"
    doubts = _doubts(document) if document else ""
    times = f"{overload['times']:g} x overload for {overload['seconds']:g} s" if overload else "5 x overload"
    accepted_ms = overload["accepted"]["p99_ms"] if overload else None
    budget_ms = overload["budget_ms"] if overload else 10.0
    yield Goal(
        f"{times}: p99 of accepted requests",
        2 * budget_ms,
        " ms",
        accepted_ms,
        doubts if accepted_ms else why,
    )
    for name, what, bound, unit, is_least in (
        ("goodput_share", "… goodput, of the capacity", 0.9, "", True),
        ("recovery_s", "… recovery", 2.0, " s", False),
    ):
        reached = overload[name] if overload else None
        yield Goal(what, bound, unit, reached, doubts if overload else why, is_least)
    rows = beside["rows"] if beside else 1_000_000
    yield Goal(
        f"import of {rows:,} rows into one tenant while others classify: their p99",
        1.5,
        " x",
        beside["p99_ratio"] if beside else None,
        doubts if beside else why,
    )


def _of_scale(results: Results) -> Iterator[Goal]:
    cold, labels = _Part(results, "cold"), _Part(results, "labels")
    yield cold.goal(
        "first touch of a cold tenant of 10,000 labels, p99", 50.0, " ms", cold.at(10_000, "p99_ms")
    )
    yield labels.goal(
        "from 1,000 to 1,000,000 labels in one tenant, Classify p50 grows",
        3.0,
        " x",
        labels.growth(1_000, 1_000_000, "p50_ms"),
    )
    yield labels.goal(
        "… recall of the 32 nearest texts", 0.98, "", labels.at(1_000_000, "recall"), is_least=True
    )
    tenants, bulk = _Part(results, "tenants"), _Part(results, "bulk")
    ready_s = tenants.at(100_000, "ready_s")
    yield tenants.goal("100,000 tenants on disk, ready to serve after", 1.0, " s", ready_s)
    memory_bytes = tenants.at(100_000, "memory_bytes_at_start")
    yield tenants.goal("… memory at start", 150.0, " MB", _mb(memory_bytes))
    yield tenants.goal(
        "… p99 of warm tenants against that among the fewest",
        UNCHANGED,
        " x",
        tenants.growth(tenants.first, 100_000, "p99_ms"),
    )
    yield bulk.goal(
        "bulk indexing from Parquet to searchable, 1,000,000 rows",
        30_000.0,
        " rows/s",
        bulk.at(1_000_000, "searchable_rows_per_s"),
        is_least=True,
    )
    memory_bytes = bulk.at(10_000_000, "memory_bytes_max")
    yield bulk.goal("… memory for 10,000,000 rows in many tenants", 500.0, " MB", _mb(memory_bytes))


def _of_books(books: Json | None) -> Goal:
    reached = None if books is None else books["classify"]["memory_bytes_per_label"]
    what = "memory per warm label on the real books"
    return Goal(what, 200.0, " bytes", reached, "" if books else _missing("books"))


class _Part:
    """A part of the scaling laws, by the sizes of its steps."""

    def __init__(self, results: Results, name: str) -> None:
        part = results.part(name)
        self._missing = _missing("scale") if results.scale is None else f"the part {name!r} was not run"
        self._is_there = part is not None
        self._over = part["over"] if part else ""
        self.steps: Sequence[Json] = list(part["steps"]) if part else []
        self.first = self.steps[0][self._over] if part else 0

    def at(self, size: int, name: str) -> float | None:
        """A figure at a size; None where there is no such step."""
        return next((step[name] for step in self.steps if step[self._over] == size), None)

    def growth(self, low: int, high: int, name: str) -> float | None:
        """How many times as large a figure is at one size as at another."""
        before, after = self.at(low, name), self.at(high, name)
        return None if before is None or after is None else after / before

    def goal(
        self, what: str, bound: float, unit: str, reached: float | None = None, *, is_least: bool = False
    ) -> Goal:
        """A goal that the part tells of."""
        if reached is not None:
            why = ""
        else:
            why = "it was run without this size" if self._is_there else self._missing
        return Goal(what, bound, unit, reached, why, is_least)


def _missing(name: str) -> str:
    return f"{name}.json is missing"


def _doubts(document: Json) -> str:
    return "; ".join(document["doubts"])


def _mb(size_bytes: float | None) -> float | None:
    return None if size_bytes is None else size_bytes / 1e6
