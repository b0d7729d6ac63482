"""How figures grow, and what breaks first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from accuracy_page.markdown import table
from likewise_engine import limits
from performance_page.goals import UNCHANGED
from performance_page.results import Json, Results
from performance_page.words import NOTHING, figure
from scale_laws.report import exponent_in_words, two_digits

MANY_TENANTS: Final = 10_000_000
_GROWS: Final = 0.05
"""An exponent that is smaller, of two steps alone, is noise: with ten times the size, 12 % more."""
PARTS: Final = {
    "labels": "The labels of one tenant",
    "tenants": "The tenants on disk",
    "cold": "The first touch of a cold tenant",
    "bulk": "Indexing in bulk",
}
"""Parts of the laws, by the name of each."""
_UNITS: Final = {
    "memory_bytes": (1e6, "memory, MB"),
    "memory_bytes_at_start": (1e6, "memory at start, MB"),
    "memory_bytes_max": (1e6, "memory at most, MB"),
}
"""What figures are divided by on the page, and what they are called there."""


def part_of(results: Results, name: str) -> str:
    """A table of a part: its steps, and the exponents of what grows with them."""
    part = results.part(name)
    assert part is not None
    steps, over, laws = part["steps"], part["over"], part["laws"]
    rows = []
    for key in steps[0]:
        if key == over:
            continue
        divisor, title = _UNITS.get(key, (1, key.replace("_", " ")))
        cells = [_cell(step[key], divisor) for step in steps]
        rows.append([title, *cells, *_exponents(laws.get(key))])
    head = [over, *(figure(step[over]) for step in steps), "grows as the power of", "at the end"]
    return table(head, rows)


@dataclass(frozen=True, slots=True)
class Break:
    """Something that will not hold for ever.

    Attributes:
        what: it is.
        now: the figure at the most tenants that were measured, in words.
        then: at MANY_TENANTS, in words.
        bound: that it is to keep, in words.
        tenants: with which it reaches it: 0 where it is past it with any number of them, None if it does not
            grow with them.
    """

    what: str
    now: str
    then: str
    bound: str
    tenants: float | None


def breaks_of(results: Results) -> list[Break]:
    """What breaks with more tenants on one machine, the first first."""
    part = results.part("tenants")
    if part is None:
        return []
    found = [*_of_steps(part), *_of_disk(part["disk"])]
    return sorted(found, key=lambda one: (one.tenants is None, one.tenants))


def _of_steps(part: Json) -> Iterator[Break]:
    """What follows from how the last steps grew."""
    first, last = part["steps"][0], part["steps"][-1]
    for name, what, unit, scale, bound in (
        ("ready_s", "start until ready", "s", 1.0, 1.0),
        ("memory_bytes_at_start", "memory at start", "MB", 1e6, 150.0),
        ("list_ms", "ListTenants, until a client gives up", "ms", 1.0, float(limits.DEADLINE_MS_DEFAULT)),
        ("p99_ms", "Classify p99 of warm tenants", "ms", 1.0, UNCHANGED * first["p99_ms"]),
    ):
        now, size = last[name] / scale, last["tenants"]
        exponent = _exponent_to_come(part["laws"][name])
        if exponent:
            at: float | None = size * (bound / now) ** (1 / exponent)
        else:
            at = 0.0 if now > bound else None
        then = now * (MANY_TENANTS / size) ** exponent
        yield Break(what, f"{figure(now)} {unit}", f"{figure(then)} {unit}", f"{figure(bound)} {unit}", at)


def _exponent_to_come(law: Mapping[str, Any] | None) -> float:
    """That of the largest steps; 0 where the steps do not show that there is growth."""
    if law is None:
        return 0.0
    is_growth = law["exponent"] > _GROWS if law["low"] is None else law["low"] > 0
    return max(law["exponent"], law["last_exponent"]) if is_growth else 0.0


def _of_disk(disk: Json) -> Iterator[Break]:
    """What follows from what each tenant takes."""
    for name, what, scale, unit in (("bytes", "the disk", 1e9, " GB"), ("inodes", "its inodes", 1, "")):
        each, all_there = disk[f"{name}_per_tenant"], disk[name]
        if not all_there:
            continue  # a file system without a number of its own
        yield Break(
            what,
            f"{figure(each)} {name} a tenant",
            f"{figure(each * MANY_TENANTS / scale)}{unit}",
            f"{figure(all_there / scale)}{unit}",
            all_there / each,
        )


def breaking(results: Results) -> str:
    """What breaks with more and more tenants, in words and as a table."""
    breaks = breaks_of(results)
    if not breaks:
        return NOTHING
    growing = [one for one in breaks if one.tenants]
    opening = "Nothing that was measured grows with the tenants on disk."
    if growing:
        first = growing[0]
        opening = f"What breaks first is **{first.what}**: {_tenants(first)} tenants reach {first.bound}."
    note = (
        f"What {MANY_TENANTS:,} tenants would take is carried on from the two largest steps, or from what one"
        " tenant takes: an estimate and no measurement. Memory for *warm* tenants does not depend on how many"
        " there are, but on how many are asked at a time."
    )
    rows = [[one.what, one.now, one.then, one.bound, _tenants(one)] for one in breaks]
    head = ["what", "measured", f"at {MANY_TENANTS:,} tenants", "bound", "reached by so many tenants"]
    return "\n\n".join((opening, table(head, rows), note))


def _tenants(one: Break) -> str:
    """With how many it breaks, in two digits: more would be invented."""
    if one.tenants is None:
        return NOTHING
    return figure(float(f"{one.tenants:.2g}")) if one.tenants else "any"


def _cell(value: Any, divisor: float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return figure(value if divisor == 1 else value / divisor)


def _exponents(law: dict[str, Any] | None) -> tuple[str, str]:
    return (exponent_in_words(law), NOTHING if law is None else two_digits(law["last_exponent"]))
