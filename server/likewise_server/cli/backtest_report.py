"""What ``likewise backtest`` tells: tables that a bookkeeper reads, and what they come to in sentences."""

from collections.abc import Sequence
from math import isnan
from typing import Final

from rich.console import Console
from rich.table import Table

from likewise_engine.answers import Decision, Neighbour
from likewise_indexer.backtest import (
    LIKEWISE,
    SLICES,
    Backtest,
    Confusion,
    LearningPoint,
    LeftOut,
    Measures,
    Mistake,
    Visibility,
)
from likewise_server.cli.common import money, plain

_TENANTS_SHOWN_MAX: Final = 20
_LEFT_OUT_SHOWN_MAX: Final = 10
_BEHIND_SHOWN_MAX: Final = 5
_FILES_SHOWN_MAX: Final = 20
_NOTHING: Final = "-"
_FIGURES: Final = ("right", "in first\n3", "sure at\n95 %", "FILEd", "of these\nright")
_VISIBLE: Final = {
    Visibility.NEXT_DAY: "the labels of a day are known from the next day on",
    Visibility.IMMEDIATE: "each label is known to the very next row",
    Visibility.BATCH: "no label after the history is known",
}


def show_backtest(told: Console, backtest: Backtest) -> None:
    """Show all that a backtest found."""
    if backtest.tenants:
        _show_tenants(told, backtest)
        _show_files(told, backtest)
        _show_macro(told, backtest)
        _show_slices(told, backtest)
        _show_learning(told, backtest)
        _show_confusions(told, backtest.confusions, backtest.settings.dimension)
        _show_sentences(told, backtest)
    _show_left_out(told, backtest.left_out)
    for name, reason in backtest.peers_missing.items():
        told.print(f"The peer {name} could not run: {reason}", style="yellow", soft_wrap=True)


def _show_tenants(told: Console, backtest: Backtest) -> None:
    """Each tenant, the one that was answered worst first."""
    table = _table("Tenants, the hardest first", ("tenant", "asked", *_FIGURES))
    tenants = sorted(backtest.tenants, key=lambda t: t.performance[LIKEWISE].measures.top1)
    for tenant in tenants[:_TENANTS_SHOWN_MAX]:
        figures = _figures(tenant.performance[LIKEWISE].measures)
        table.add_row(plain(tenant.tenant), f"{len(tenant.asked):,}", *figures)
    told.print(table)
    if len(tenants) > _TENANTS_SHOWN_MAX:
        told.print(f"and {len(tenants) - _TENANTS_SHOWN_MAX:,} tenants more, with better figures.")


def _show_files(told: Console, backtest: Backtest) -> None:
    """The average of each file's tenants."""
    if not 0 < len(backtest.by_file) <= _FILES_SHOWN_MAX:
        return
    table = _table("The tenants of each file", ("file", "tenants", *_FIGURES))
    for file, performances in backtest.by_file.items():
        count = sum(tenant.files == (file,) for tenant in backtest.tenants)
        table.add_row(plain(file.name), f"{count:,}", *_figures(performances[LIKEWISE].measures))
    told.print(table)


def _show_macro(told: Console, backtest: Backtest) -> None:
    """The averages, of us and of the peers."""
    columns = (
        "average of\nthe tenants",
        "right",
        "in first\n3",
        "sure at\n95 %",
        "at\n98 %",
        "off by",
        "time",
    )
    table = _table("Against the peers" if len(backtest.titles) > 1 else "All tenants", columns)
    for who, title in backtest.titles.items():
        m = backtest.macro[who].measures
        figures = (m.top1, m.top3, m.coverage_at_95, m.coverage_at_98, m.ece)
        table.add_row(title, *map(_percent, figures), _milliseconds(m.seconds_p50))
        if who == LIKEWISE:
            table.add_section()
    told.print(table)


def _show_slices(told: Console, backtest: Backtest) -> None:
    columns = ("part of the rows", "rows", "right", "sure at\n95 %")
    best = _peers(backtest)
    table = _table(
        "Where it is easy and where it is hard", (*columns, *(["best peer\nright"] if best else []))
    )
    for name, title in SLICES.items():
        ours = backtest.macro[LIKEWISE].slices[name]
        if not ours.rows:
            continue
        peers = [_percent(max(backtest.macro[who].slices[name].top1 for who in best))] if best else []
        table.add_row(title, f"{ours.rows:,}", _percent(ours.top1), _percent(ours.coverage_at_95), *peers)
    told.print(table)


def _show_learning(told: Console, backtest: Backtest) -> None:
    points = backtest.macro[LIKEWISE].learning
    if not points:
        return
    columns = ("labels taught", "tenants", "right", "in first\n3", "sure at\n95 %")
    best = _peers(backtest)
    table = _table("How fast it learns", (*columns, *(["best peer\nright"] if best else [])))
    for position, point in enumerate(points):
        figures = map(_percent, (point.top1, point.top3, point.coverage_at_95))
        peers = [_percent(max(backtest.macro[who].learning[position].top1 for who in best))] if best else []
        table.add_row(_size(point), f"{point.tenants:,}", *figures, *peers)
    told.print(table)


def _show_confusions(told: Console, confusions: Sequence[Confusion], dimension: str) -> None:
    if not confusions:
        return
    columns = ("tenant", "what it is", "answered", "times", "FILEd", "amounts")
    table = _table("The costliest confusions", columns)
    for confusion in confusions:
        amounts = "\n".join(money(amount, currency) for currency, amount in confusion.amounts.items())
        counts = (f"{confusion.count:,}", f"{confusion.filed:,}", amounts or _NOTHING)
        cells = map(plain, (confusion.tenant, confusion.label, confusion.answered))
        table.add_row(*cells, *counts)
    for column in table.columns[:3]:
        column.justify = "left"
    told.print(table)
    for confusion in confusions:
        names = f"{confusion.label!r} taken for {confusion.answered!r} at {confusion.tenant!r}"
        told.print(names, style="bold", soft_wrap=True)
        for mistake in confusion.mistakes:
            told.print(f"  {_mistake(mistake)}", soft_wrap=True)
            for neighbour in mistake.neighbours:
                told.print(f"    {_neighbour(neighbour, dimension)}", style="dim", soft_wrap=True)


def _show_sentences(told: Console, backtest: Backtest) -> None:
    """What it comes to."""
    settings, m = backtest.settings, backtest.macro[LIKEWISE].measures
    rows = sum(len(tenant.asked) for tenant in backtest.tenants)
    told.print(
        f"{rows:,} rows of {_counted(len(backtest.tenants), 'tenant')} were asked about, each before its"
        f" label was taught; {_VISIBLE[settings.visibility]}. It took {backtest.seconds:,.0f} s."
    )
    undated = sum(tenant.undated for tenant in backtest.tenants)
    if undated and settings.visibility is Visibility.NEXT_DAY:
        told.print(f"{_counted(undated, 'tenant')} without dates: there each label is known to the next row.")
    told.print(f"On average over the tenants, of 100 rows {_decided(m)}.")
    told.print(
        f"Asked to be right in {settings.target_precision:.1%} of what it FILEs, it was in"
        f" {_percent(m.filed_precision)}; the best threshold, known in hindsight, would have FILEd"
        f" {_percent(m.hindsight_share)} of the rows."
    )
    told.print(f"What it says of its chances is off by {_points(m.ece)} on average.")
    if backtest.behind is not None:
        _show_behind(told, backtest)


def _show_behind(told: Console, backtest: Backtest) -> None:
    behind = backtest.behind
    if behind is None or not behind.tenants:
        told.print("At no tenant is any peer more often right.")
        return
    told.print(
        f"The best of all peers is more often right at {_counted(len(behind.tenants), 'tenant')}"
        f" ({behind.share:.0%}), by {_points(behind.gap_mean)} on average, {_points(behind.gap_max)} at most:"
    )
    for tenant in behind.tenants[:_BEHIND_SHOWN_MAX]:
        told.print(
            f"  {plain(tenant.tenant)}: {backtest.titles[tenant.peer]}, by {_points(tenant.gap)}",
            soft_wrap=True,
        )
    if len(behind.tenants) > _BEHIND_SHOWN_MAX:
        told.print(f"  and {len(behind.tenants) - _BEHIND_SHOWN_MAX:,} more")


def _show_left_out(told: Console, left_out: Sequence[LeftOut]) -> None:
    for tenant in left_out[:_LEFT_OUT_SHOWN_MAX]:
        told.print(f"{tenant.tenant!r} is left out: {tenant.reason}.", style="yellow", soft_wrap=True)
    if len(left_out) > _LEFT_OUT_SHOWN_MAX:
        told.print(f"and {len(left_out) - _LEFT_OUT_SHOWN_MAX:,} tenants more are left out.", style="yellow")


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(columns[0], overflow="fold")
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def _peers(backtest: Backtest) -> list[str]:
    return [who for who in backtest.titles if who != LIKEWISE]


def _figures(m: Measures) -> Sequence[str]:
    """What _FIGURES names."""
    figures = (m.top1, m.top3, m.coverage_at_95, m.filed_share, m.filed_precision)
    return [_percent(figure) for figure in figures]


def _decided(m: Measures) -> str:
    return (
        f"{100 * m.filed_share:.0f} were FILEd, {100 * m.suggested_share:.0f} SUGGESTed and"
        f" {100 * m.asked_share:.0f} ASKed"
    )


def _mistake(mistake: Mistake) -> str:
    amount = _NOTHING if mistake.amount is None else money(mistake.amount, mistake.currency)
    done = {Decision.FILE: "FILEd", Decision.SUGGEST: "SUGGESTed", Decision.ASK: "ASKed"}[mistake.decision]
    when = mistake.date or "undated"
    return f"{when}  {plain(mistake.payee)}  {amount}: {done} at {mistake.probability:.0%}, since"


def _neighbour(neighbour: Neighbour, dimension: str) -> str:
    amount = _NOTHING if neighbour.amount is None else money(neighbour.amount, neighbour.currency)
    label = plain(neighbour.labels.get(dimension, _NOTHING))
    return f"{neighbour.date or 'undated'}  {plain(neighbour.text)}  {amount} was {label}"


def _size(point: LearningPoint) -> str:
    return f"all ({point.labels:,.0f})" if point.size is None else f"{point.size:,}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _percent(share: float) -> str:
    return _NOTHING if isnan(share) else f"{share:.1%}"


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms"
