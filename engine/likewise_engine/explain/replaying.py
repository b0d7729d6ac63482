"""A recorded decision made again, and what differs."""

from collections.abc import Iterator
from dataclasses import fields

from likewise_engine.answers import DimensionAnswer
from likewise_engine.errors import PreconditionFailed
from likewise_engine.feedback.prediction import Prediction
from likewise_engine.feedback.replay import replayed
from likewise_engine.vote import Vote


def differences(prediction: Prediction, vote: Vote) -> tuple[str, ...]:
    """What differs if a recorded answer is decided again: nothing, down to the last bit of each probability.

    Or else another vote serves now, or something in the road from evidence to decision is not what it was.

    Args:
        prediction: as it was recorded.
        vote: that serves.

    Raises:
        ModelFault: the vote failed.
    """
    try:
        again = replayed(prediction, vote)
    except PreconditionFailed as error:
        return (error.message,)
    recorded = prediction.answer.answers
    return tuple(
        difference
        for one, other in zip(recorded, again.answers, strict=True)
        for difference in _differences(one, other)
    )


def _differences(recorded: DimensionAnswer, again: DimensionAnswer) -> Iterator[str]:
    for field in fields(recorded):
        was, is_now = getattr(recorded, field.name), getattr(again, field.name)
        if was != is_now:
            yield f"{recorded.dimension}: {field.name} was {was!r} and is {is_now!r} now"
