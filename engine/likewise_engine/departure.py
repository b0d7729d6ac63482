"""A tenant that leaves: all that is known about it, from its store and the file of its answers beside it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta

from likewise_engine.chart import Category
from likewise_engine.feedback.profile import BinCount
from likewise_engine.feedback.report import Tally, tallies_of
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.store.everything import Everything
from likewise_engine.store.predictions import PredictionFile, Recorded

_ONE_DAY = timedelta(days=1)


@contextmanager
def departing(ledger: Ledger, batch_size: int) -> Iterator[Everything]:
    """All that is known about a tenant, to be read within.

    The store is read as of one revision, and what was answered as it is when its turn comes.

    Args:
        ledger: the tenant's, in use meanwhile.
        batch_size: how many records are read at once.

    Raises:
        StoreFault, PreconditionFailed: reading ended. What is read within raises them too.
    """
    answered = ledger.predictions
    with ledger.store.everything(batch_size) as stored:
        yield replace(
            stored,
            tallies=_tallies(answered, stored.chart),
            bins=_bins(answered),
            predictions=_predictions(answered, batch_size),
        )


def _tallies(answered: PredictionFile, chart: Sequence[Category]) -> Iterator[Sequence[Tally]]:
    """Day by day; without categories that are newer than the snapshot of the store."""
    for day in _days(answered, "SELECT DISTINCT day FROM tallies ORDER BY day"):
        yield [tally for tally in tallies_of(answered, day, day + _ONE_DAY) if tally.category < len(chart)]


def _bins(answered: PredictionFile) -> Iterator[Sequence[BinCount]]:
    select = "SELECT measure, bin, count FROM profiles WHERE day = ? ORDER BY measure, bin"
    for day in _days(answered, "SELECT DISTINCT day FROM profiles ORDER BY day"):
        yield [BinCount(day, *row) for row in answered.rows(select, (day.toordinal(),))]


def _days(answered: PredictionFile, select: str) -> Iterator[date]:
    return (date.fromordinal(day) for (day,) in answered.rows(select))


def _predictions(answered: PredictionFile, batch_size: int) -> Iterator[Sequence[Recorded]]:
    before: int | None = None
    while batch := answered.latest(batch_size, before):
        yield batch
        before = batch[-1].number
