"""The report's tables: cells of text, ready for a page that knows nothing of backtests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Final

from likewise_indexer.backtest.report.verdict import peers_of
from likewise_indexer.backtest.report.words import (
    counted,
    is_level,
    milliseconds,
    share_of_100,
)
from likewise_indexer.backtest.result import (
    LIKEWISE,
    SLICES,
    Backtest,
    LearningPoint,
    Measures,
    Performance,
    TenantResult,
)

TENANTS_SHOWN_MAX: Final = 60
"""Tenants in the report. Of more, half are those answered worst and half those answered best."""
BEHIND_SHOWN_MAX: Final = 30
"""Tenants shown where a peer is better, the furthest behind first."""
_FASTER: Final = 0.9
"""Times that differ by less are the same on a machine that does other things too."""


@dataclass(frozen=True, slots=True)
class Head:
    """A column: its title, the unit of its figures, what it is in a sentence, and whether it has words."""

    title: str
    unit: str = ""
    meaning: str = ""
    has_words: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell.

    Attributes:
        text: what it shows.
        note: a remark, in small.
        loses: whether it shows that Likewise is behind.
        order: what to sort by; by the text where it is None.
    """

    text: str
    note: str = ""
    loses: bool = False
    order: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table. The first cell of each row names the row.

    Attributes:
        name: unique in the report.
        caption: what it shows.
        heads: one a column.
        rows: as many cells each as there are heads.
        leads: whether the first row stands for Likewise, and so out.
    """

    name: str
    caption: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    leads: bool = False


@dataclass(frozen=True, slots=True)
class _Figure:
    """A figure of :class:`Measures` as a column."""

    field: str
    head: Head
    is_time: bool = False
    higher_is_better: bool = True

    def of(self, measures: Measures) -> float:
        figure: float = getattr(measures, self.field)
        return figure

    def cell(self, figure: float) -> Cell:
        text = milliseconds(figure) if self.is_time else share_of_100(figure)
        return Cell(text, order=-1.0 if isnan(figure) else figure)

    def against(self, theirs: float, ours: float) -> Cell:
        """A peer's cell: what it has, and by how much that is better or worse than ours."""
        cell, gain = self.cell(theirs), theirs - ours
        if isnan(gain):
            return cell
        is_better = gain > 0 if self.higher_is_better else gain < 0
        if self.is_time:
            is_faster = theirs < _FASTER * ours
            return replace(cell, note="faster" if is_faster else "", loses=is_faster)
        if is_level(gain):
            return replace(cell, note="level")
        note = f"better by {100 * abs(gain):.1f}" if is_better else f"{100 * gain:+.1f}"
        return replace(cell, note=note.replace("-", "−"), loses=is_better)


_TOP1: Final = _Figure("top1", Head("Right at first", "%", "The first suggestion is the right category."))
_TOP3: Final = _Figure("top3", Head("Among first 3", "%", "The right category is among the first three."))
_AT_95: Final = _Figure(
    "coverage_at_95",
    Head(
        "Sure at 95\N{NO-BREAK SPACE}%",
        "%",
        "Largest share that some threshold answers with 95 % of it right (coverage).",
    ),
)
_AT_98: Final = _Figure(
    "coverage_at_98",
    Head(
        "Sure at 98\N{NO-BREAK SPACE}%",
        "%",
        "Largest share that some threshold answers with 98 % of it right (coverage).",
    ),
)
_ECE: Final = _Figure(
    "ece",
    Head("Chances off by", "points", "Expected calibration error over ten bins: less is better."),
    higher_is_better=False,
)
_FILED: Final = _Figure("filed_share", Head("FILEd", "%", "Filed by itself."))
_PRECISION: Final = _Figure("filed_precision", Head("Right of these", "%", "Of what was filed by itself."))
_SUGGESTED: Final = _Figure("suggested_share", Head("SUGGESTed", "%", "Suggested, for somebody to confirm."))
_ASKED: Final = _Figure("asked_share", Head("ASKed", "%", "Left to somebody."))
_P50: Final = _Figure(
    "seconds_p50", Head("Time, half", "ms", "Half of the answers took no longer."), True, False
)
_P99: Final = _Figure(
    "seconds_p99", Head("Time, 99 %", "ms", "99 % of the answers took no longer."), True, False
)


def peers_table(backtest: Backtest) -> Table:
    """All who answered, on average over the tenants."""
    figures = (_TOP1, _TOP3, _AT_95, _AT_98, _ECE, _P50, _P99)
    ours = backtest.macro[LIKEWISE].measures
    rows = [(Cell(backtest.titles[LIKEWISE]), *(figure.cell(figure.of(ours)) for figure in figures))]
    for who in peers_of(backtest):
        theirs = backtest.macro[who].measures
        cells = (figure.against(figure.of(theirs), figure.of(ours)) for figure in figures)
        rows.append((Cell(backtest.titles[who]), *cells))
    return Table(
        "peers",
        "Average over the tenants. In small: the difference from Likewise in points, or that the peer wins.",
        (Head("Who answers"), *(figure.head for figure in figures)),
        tuple(rows),
        leads=True,
    )


def behind_table(backtest: Backtest) -> Table | None:
    """Tenants where a peer is more often right; None where there are none."""
    if backtest.behind is None or not backtest.behind.tenants:
        return None
    shown = backtest.behind.tenants[:BEHIND_SHOWN_MAX]
    ours = {tenant.tenant: tenant.performance[LIKEWISE].measures.top1 for tenant in backtest.tenants}
    rows = [
        (
            Cell(tenant.tenant),
            _TOP1.cell(ours[tenant.tenant]),
            _TOP1.against(ours[tenant.tenant] + tenant.gap, ours[tenant.tenant]),
            Cell(backtest.titles[tenant.peer]),
        )
        for tenant in shown
    ]
    return Table(
        "behind",
        f"Where a peer is more often right at first: {_shown(len(shown), len(backtest.behind.tenants))}",
        (Head("Tenant"), Head("Likewise", "%"), Head("Best peer", "%"), Head("Which", has_words=True)),
        tuple(rows),
    )


def learning_table(backtest: Backtest) -> Table | None:
    """What some labels are worth, by who answered; None where it was not measured."""
    learning = backtest.macro[LIKEWISE].learning
    if not learning:
        return None
    rows = []
    for position, ours in enumerate(learning):
        cells = [_TOP1.cell(ours.top1), _TOP3.cell(ours.top3), _AT_95.cell(ours.coverage_at_95)]
        theirs = (backtest.macro[who].learning[position].top1 for who in peers_of(backtest))
        counts = Cell(f"{ours.tenants:,}"), Cell(f"{ours.rows:,}")
        rows.append(
            (Cell(_size(ours)), *counts, *cells, *(_TOP1.against(top1, ours.top1) for top1 in theirs))
        )
    heads = (Head("Labels taught"), Head("Tenants"), Head("Asked"), _TOP1.head, _TOP3.head, _AT_95.head)
    caption = f"Likewise after so many labels{_and_peers(backtest)}."
    return Table("learning", caption, (*heads, *_peer_heads(backtest)), tuple(rows))


def slices_table(backtest: Backtest) -> Table:
    """Parts of the rows that were asked about, easy ones and hard ones."""
    rows = []
    for name, title in SLICES.items():
        ours = backtest.macro[LIKEWISE].slices[name]
        if not ours.rows:
            continue
        cells = [_TOP1.cell(ours.top1), _AT_95.cell(ours.coverage_at_95)]
        theirs = (backtest.macro[who].slices[name].top1 for who in peers_of(backtest))
        first = Cell(title[:1].upper() + title[1:])
        counts = Cell(f"{ours.tenants:,}"), Cell(f"{ours.rows:,}")
        rows.append((first, *counts, *cells, *(_TOP1.against(top1, ours.top1) for top1 in theirs)))
    heads = (Head("Which transactions"), Head("Tenants"), Head("Asked"), _TOP1.head, _AT_95.head)
    caption = f"Likewise by kind of transaction{_and_peers(backtest)}."
    return Table("slices", caption, (*heads, *_peer_heads(backtest)), tuple(rows))


def tenant_tables(backtest: Backtest) -> tuple[Table, ...]:
    """Each tenant, the one answered worst first; of very many, the worst and the best."""
    ordered = sorted(backtest.tenants, key=lambda tenant: tenant.performance[LIKEWISE].measures.top1)
    count, half = len(ordered), TENANTS_SHOWN_MAX // 2
    if count <= TENANTS_SHOWN_MAX:
        order = ", the one answered worst first" if count > 1 else ""
        return (_tenants(backtest, "tenants", f"{counted(count, 'tenant')}{order}.", ordered),)
    worst = f"The {half} of {count:,} tenants that were answered worst."
    best = f"The {half} of {count:,} tenants that were answered best."
    return (
        _tenants(backtest, "tenants-worst", worst, ordered[:half]),
        _tenants(backtest, "tenants-best", best, ordered[-half:]),
    )


def files_table(backtest: Backtest) -> Table | None:
    """Averages over the tenants of each file; None where they would say nothing new."""
    if not backtest.by_file:
        return None
    rows = [
        (Cell(str(file)), *_all_figures(backtest, performance))
        for file, performance in backtest.by_file.items()
    ]
    caption = "Average over the tenants of each file, each counting the same."
    return Table("files", caption, (Head("File"), *_all_heads(backtest)), tuple(rows))


def _tenants(backtest: Backtest, name: str, caption: str, tenants: Sequence[TenantResult]) -> Table:
    rows = []
    for tenant in tenants:
        first = Cell(tenant.tenant, "no dates" if tenant.undated else "")
        asked = len(tenant.asked)
        count = Cell(f"{asked:,}", f"after {tenant.history:,}", order=float(asked))
        rows.append((first, count, *_all_figures(backtest, tenant.performance)))
    return Table(name, caption, (Head("Tenant"), Head("Asked", "rows"), *_all_heads(backtest)), tuple(rows))


_OURS: Final = (_AT_95, _AT_98, _FILED, _PRECISION, _SUGGESTED, _ASKED, _TOP3, _ECE)


def _all_heads(backtest: Backtest) -> tuple[Head, ...]:
    ours = tuple(figure.head for figure in _OURS)
    if not peers_of(backtest):
        return _TOP1.head, *ours
    return _TOP1.head, Head("Best peer", "%"), *ours, Head("Which peer", has_words=True)


def _all_figures(backtest: Backtest, performance: Mapping[str, Performance]) -> tuple[Cell, ...]:
    """Our figures, and the peer that has most right at first."""
    ours = performance[LIKEWISE].measures
    cells = tuple(figure.cell(figure.of(ours)) for figure in _OURS)
    peers = peers_of(backtest)
    if not peers:
        return _TOP1.cell(ours.top1), *cells
    best = max(peers, key=lambda who: performance[who].measures.top1)
    against = _TOP1.against(performance[best].measures.top1, ours.top1)
    return _TOP1.cell(ours.top1), against, *cells, Cell(backtest.titles[best])


def _peer_heads(backtest: Backtest) -> tuple[Head, ...]:
    return tuple(Head(backtest.titles[who], "%") for who in peers_of(backtest))


def _and_peers(backtest: Backtest) -> str:
    return "; in the peers' columns, what they have right at first" if peers_of(backtest) else ""


def _size(point: LearningPoint) -> str:
    return f"all, {point.labels:,.0f} on average" if point.size is None else f"{point.size:,}"


def _shown(shown: int, count: int) -> str:
    return f"{counted(count, 'tenant')}." if shown == count else f"the worst {shown:,} of {count:,} tenants."
