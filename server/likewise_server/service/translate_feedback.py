"""Between the messages of feedback and the engine's values, as ``translate.py`` is for all others."""

import datetime
from collections.abc import Mapping
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from likewise.v1 import classifier_service_pb2 as classifier_pb
from likewise.v1 import feedback_service_pb2 as pb
from likewise.values import date_value
from likewise_engine.chart import Category, Chart
from likewise_engine.errors import InvalidInput
from likewise_engine.feedback.drift import Alert
from likewise_engine.feedback.report import Counts, Period, Tally
from likewise_engine.store.predictions import Recorded
from likewise_indexer.messages import transaction_message
from likewise_server.service.translate import fill_classification

_PERIODS: Final[Mapping[int, Period]] = {
    pb.FEEDBACK_PERIOD_UNSPECIFIED: Period.WEEK,
    pb.FEEDBACK_PERIOD_DAY: Period.DAY,
    pb.FEEDBACK_PERIOD_WEEK: Period.WEEK,
    pb.FEEDBACK_PERIOD_MONTH: Period.MONTH,
}


def day_asked(request: pb.GetFeedbackRequest, field: str, default: datetime.date) -> datetime.date:
    """A day of a request; a default where it is not set. Raises InvalidInput."""
    if not request.HasField(field):  # type: ignore[arg-type]
        return default
    try:
        return date_value(getattr(request, field)) or default
    except (ValueError, OverflowError) as error:
        raise InvalidInput.of(field, "is no day: a year and a month are needed") from error


def period(number: int) -> Period:
    """The period of a request. Raises InvalidInput."""
    if number not in _PERIODS:
        raise InvalidInput.of("period", f"is {number}, which this version does not know")
    return _PERIODS[number]


def group(
    tally: Tally,
    counts: Counts,
    *,
    by_witness: bool = False,
    category: str = "",
    start: datetime.date | None = None,
) -> pb.FeedbackGroup:
    """Counts of answers that are like one."""
    return pb.FeedbackGroup(
        dimension=tally.dimension,
        decision=classifier_pb.Decision.ValueType(tally.decision),
        witness=classifier_pb.Witness.ValueType(tally.witness if by_witness else 0),
        category=category,
        start_date=None if start is None else _date(start),
        counts=_counts(counts),
    )


def alert(value: Alert) -> pb.Alert:
    """An alert."""
    return pb.Alert(
        kind=pb.AlertKind.ValueType(value.kind),
        dimension=value.dimension,
        measure=value.measure,
        since=_date(value.since),
        strength=value.strength,
        surprise=value.surprise,
        message=value.message,
        advice=value.advice,
    )


def prediction(recorded: Recorded, chart: Chart) -> pb.Prediction:
    """An answer as it was given, and what became of it, in the chart as it is now."""
    value = recorded.prediction
    time = Timestamp()
    time.FromDatetime(value.time)
    message = pb.Prediction(time=time, transaction=transaction_message(value.transaction))
    fill_classification(message.classification, value.answer, wait_ns=0)
    message.classification.prediction_id = value.id
    for dimension, verdict in recorded.verdicts.items():
        category = category_id(chart.categories, verdict.label)
        message.verdicts.add(dimension=dimension, category=category, position=verdict.position)
    return message


def category_id(categories: tuple[Category, ...], number: int) -> str:
    """Id of a category; empty where it is gone, or none is meant."""
    known = 0 <= number < len(categories) and not categories[number].is_purged
    return categories[number].id if known else ""


def _counts(counts: Counts) -> pb.FeedbackCounts:
    low, high = counts.interval
    return pb.FeedbackCounts(
        answered=counts.answered,
        accepted=counts.accepted,
        offered=counts.offered,
        corrected=counts.corrected,
        precision=counts.precision,
        precision_low=low,
        precision_high=high,
        precision_stated=counts.expected / counts.judged if counts.judged else 0.0,
    )


def _date(day: datetime.date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)
