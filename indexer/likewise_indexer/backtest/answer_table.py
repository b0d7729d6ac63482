"""Every answer of a backtest as a table: a row for each question and who answered it."""

from collections.abc import Iterator
from datetime import date
from typing import Final

import polars as pl

from likewise_engine.answers import Decision
from likewise_indexer.backtest.result import NO_LABEL, Backtest, TenantResult
from likewise_indexer.writers.files import Schema

ANSWERS_SCHEMA: Final[Schema] = {
    "tenant": pl.String(),
    "row": pl.Int64(),
    "date": pl.Date(),
    "payee": pl.String(),
    "amount": pl.Float64(),
    "label": pl.String(),
    "who": pl.String(),
    "answered": pl.String(),
    "right": pl.Boolean(),
    "rank": pl.Int64(),
    "probability": pl.Float64(),
    "decision": pl.String(),
    "seconds": pl.Float64(),
}
"""``row`` counts from 1 in order of time, ``rank`` from 1 too; what there is none of is null."""
_DECISIONS: Final = {decision.value: decision.name for decision in Decision}


def answer_frames(backtest: Backtest) -> Iterator[pl.DataFrame]:
    """The table in parts of one tenant and who answered, in order of time; each of ANSWERS_SCHEMA."""
    for tenant in backtest.tenants:
        for who in tenant.answers:
            yield _frame(tenant, who)


def _frame(tenant: TenantResult, who: str) -> pl.DataFrame:
    asked, answers = tenant.asked, tenant.answers[who]
    names = dict(enumerate(asked.labels))
    columns = {
        "tenant": [tenant.tenant] * len(asked),
        "row": asked.position + 1,
        "date": [date.fromordinal(day) if day else None for day in asked.day.tolist()],
        "payee": asked.payees,
        "amount": pl.Series(asked.amount).fill_nan(None),
        "label": [names[number] for number in asked.label.tolist()],
        "who": [who] * len(asked),
        "answered": [names.get(number) for number in answers.answered.tolist()],
        "right": answers.right,
        "rank": [None if rank == NO_LABEL else rank + 1 for rank in answers.rank.tolist()],
        "probability": answers.probability,
        "decision": [_DECISIONS.get(decision) for decision in answers.decision.tolist()],
        "seconds": answers.seconds,
    }
    return pl.DataFrame(columns, schema=ANSWERS_SCHEMA)
