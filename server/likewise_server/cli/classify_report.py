"""What ``likewise classify`` tells: one answer with what explains it, and the tally of a file."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

import likewise
from likewise_indexer.writers import AskedRow, decision_word
from likewise_server.cli.common import console, money, plain

_DECISIONS: Final = {
    likewise.Decision.DECISION_FILE: "bold green",
    likewise.Decision.DECISION_SUGGEST: "bold yellow",
    likewise.Decision.DECISION_ASK: "bold magenta",
}
_ERRORS_SHOWN_MAX: Final = 10
_PROBABILITY_SHOWN_MIN: Final = 0.0005
"""Less would show as 0.0%."""


def show_classification(classification: likewise.Classification) -> None:
    """Show one answer: decision and reason, candidates, and the neighbours that they rest on."""
    if classification.text:
        console.print(Text.assemble(("Compared as ", "dim"), plain(classification.text)))
    if classification.HasField("wording"):
        console.print(_wording(classification.wording))
    for answer in classification.answers:
        console.print()
        console.print(_headline(answer))
        if answer.reason:
            console.print(Padding(Text(plain(answer.reason)), (0, 0, 0, 2), expand=False))
        if answer.candidates:
            console.print(Padding(_candidates(answer.candidates), (0, 0, 0, 2), expand=False))
    if classification.neighbours:
        console.print()
        console.print(_neighbours(classification))


class FileTally:
    """What came of the rows of files."""

    def __init__(self) -> None:
        self.rows = 0
        self.errors = 0
        self._first_errors: list[AskedRow] = []
        self._decisions: dict[str, Counter[str]] = {}

    def add(self, rows: Iterable[AskedRow]) -> None:
        """Count rows."""
        for row in rows:
            self.rows += 1
            if row.classification is None:
                self.errors += 1
                if len(self._first_errors) < _ERRORS_SHOWN_MAX:
                    self._first_errors.append(row)
                continue
            for answer in row.classification.answers:
                counts = self._decisions.setdefault(answer.dimension, Counter())
                counts[decision_word(answer.decision)] += 1

    def show(self, told: Console, out: str, seconds: float) -> None:
        """Show the tally.

        Args:
            told: where to.
            out: what the answers were written to.
            seconds: how long it took.
        """
        for row in self._first_errors:
            told.print(f"{Path(row.file).name}, row {row.row:,}: {plain(row.error)}", soft_wrap=True)
        if self.errors > len(self._first_errors):
            told.print(f"and {self.errors - len(self._first_errors):,} more rows with errors.")
        table = Table("dimension", "FILE", "SUGGEST", "ASK")
        for column in table.columns[1:]:
            column.justify = "right"
        for dimension, counts in self._decisions.items():
            table.add_row(plain(dimension), *(f"{counts[str(name.header)]:,}" for name in table.columns[1:]))
        if self._decisions:
            told.print(table)
        rows = f"{self.rows:,} rows, {self.errors:,} with errors, in {seconds:,.1f} s"
        told.print(f"{rows}, {self.rows / max(seconds, 1e-3):,.0f} rows/s: {out}", soft_wrap=True)


def _headline(answer: likewise.DimensionAnswer) -> Text:
    headline = Text.assemble(
        (plain(answer.dimension), "bold"),
        ": ",
        (decision_word(answer.decision), _DECISIONS[answer.decision]),
    )
    if answer.decision == likewise.Decision.DECISION_FILE:
        headline.append(f" under {_category(answer.candidates[0])}")
    return headline


def _wording(parts: likewise.WordingParts) -> Table:
    """The parts that there are, by the contract's names."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for field, value in parts.ListFields():
        told = value if isinstance(value, str) else ", ".join(value)
        table.add_row(field.name.replace("_", " "), Text(plain(told)))
    return table


def _candidates(candidates: Sequence[likewise.Candidate]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for candidate in candidates:
        if candidate.probability < _PROBABILITY_SHOWN_MIN and candidate is not candidates[0]:
            break  # they are in descending order
        table.add_row(f"{candidate.probability:.1%}", Text(_category(candidate)))
    return table


def _neighbours(classification: likewise.Classification) -> Table:
    """Similarity is the cosine of the texts; share, what of the evidence comes from this one."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1))
    table.add_column("date", no_wrap=True)
    table.add_column("amount", justify="right", no_wrap=True)
    table.add_column("text", overflow="fold", ratio=3)
    table.add_column("label", overflow="fold", ratio=2)
    table.add_column("similar", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    dimensions = [answer.dimension for answer in classification.answers]
    for neighbour in classification.neighbours:
        table.add_row(
            str(likewise.date_value(neighbour.date) or ""),
            _amount(neighbour),
            Text(plain(neighbour.text)),
            Text("\n".join(_labels(neighbour, dimensions))),
            f"{neighbour.similarity:.2f}",
            f"{neighbour.weight:.0%}",
        )
    return table


def _labels(neighbour: likewise.Neighbour, dimensions: Sequence[str]) -> Iterable[str]:
    for dimension in dimensions:
        if label := neighbour.labels.get(dimension):
            yield plain(label if len(dimensions) == 1 else f"{dimension}: {label}")


def _category(candidate: likewise.Candidate) -> str:
    name = f" ({candidate.category_name})" if candidate.category_name not in ("", candidate.category) else ""
    return plain(candidate.category + name)


def _amount(neighbour: likewise.Neighbour) -> str:
    if not neighbour.HasField("amount"):
        return ""
    return money(likewise.money_value(neighbour.amount), neighbour.amount.currency_code)
