"""A comparison in the card of one of the encoders that were compared."""

from collections.abc import Callable, Sequence
from typing import Final

from likewise_engine.errors import InvalidInput
from likewise_indexer.cards import CardRecord, Section, Table
from likewise_indexer.compare.result import Compared, Comparison

_Column = tuple[str, Callable[[Compared], float | int | None]]

_ACCURACY: Final[Sequence[_Column]] = (
    ("top-1", lambda e: e.accuracy.top1),
    ("coverage@95", lambda e: e.accuracy.coverage_at_95),
    ("coverage@98", lambda e: e.accuracy.coverage_at_98),
    ("payee unseen", lambda e: e.accuracy.top1_payee_unseen),
    ("category rare", lambda e: e.accuracy.top1_category_rare),
    ("after 50 labels", lambda e: e.accuracy.top1_after_50),
    ("FILEd", lambda e: e.accuracy.filed_share),
    ("of these right", lambda e: e.accuracy.filed_precision),
)
_AGREEMENT: Final[Sequence[_Column]] = (
    ("neighbours shared", lambda e: e.agreement.neighbours_shared if e.agreement else None),
    ("rank correlation", lambda e: e.agreement.rank_correlation if e.agreement else None),
)
_HEAD: Final = "encoder"
"""Of the first column: by it the table of an earlier comparison is known."""

_TEXT: Final = """The engine's own backtest of {books}: {tenants} tenants with {questions:,} questions,
each encoder in its place, and the vote `{vote}`; so are the parts below. Each row is asked before its
label is taught, and figures are plain averages over tenants. Where the vote or the encoder had seen these
books in training, they flatter it. Neighbours shared: of the ten texts nearest to each, the share that
the teacher has too; rank correlation: Spearman's, between its cosines of pairs and the encoder's."""


def with_comparison(record: CardRecord, comparison: Comparison) -> CardRecord:
    """The record with what a comparison measured, of its encoder and of those beside it.

    What else the record says of figures stays; those of an earlier comparison go. Speeds are not among them:
    those of one machine in one hour say little on a card.

    Raises:
        InvalidInput: the record's encoder is not among those compared.
    """
    ours = [e for e in comparison.encoders if e.fingerprint.partition("+")[0] == record.fingerprint]
    if not ours:
        raise InvalidInput.of("measured", f"compares other encoders than {record.fingerprint}")
    accuracy = ours[0].accuracy
    text = _TEXT.format(
        books=", ".join(comparison.books),
        tenants=accuracy.tenants,
        questions=accuracy.questions,
        vote=comparison.vote_fingerprint,
    )
    table = _table(comparison, " ".join(text.split()))
    others = tuple(table for table in record.measured.tables if table.columns[0] != _HEAD)
    return record.model_copy(
        update={
            "measured": Section(text=record.measured.text, tables=(*others, table)),
            "slices": tuple(part for e in comparison.encoders for part in e.accuracy.slices),
        }
    )


def _table(comparison: Comparison, text: str) -> Table:
    columns = [*_ACCURACY, *(_AGREEMENT if comparison.teacher else ())]
    rows = tuple((encoder.name, *(value(encoder) for _, value in columns)) for encoder in comparison.encoders)
    heads = (_HEAD, *(head for head, _ in columns))
    return Table(columns=heads, rows=rows, text=text, command=comparison.command)
