"""A tenant's history, replayed through the engine that serves: how often would it have been right?

    files -> books (rows in order of time) -> one replay a tenant: teach what is visible, ask, go on
          -> answers of Likewise and of the peers -> figures -> terminal, JSON, HTML

Only what is visible by the timeline is taught, and every row is asked about before it is. It is the engine's
own road that answers: tenants, ledgers, index, vote and decision as they serve.
"""

from likewise_indexer.backtest.answer_table import ANSWERS_SCHEMA, answer_frames
from likewise_indexer.backtest.books import Book, Reading, read_books
from likewise_indexer.backtest.contest import Contest
from likewise_indexer.backtest.document import document_of, json_of
from likewise_indexer.backtest.result import (
    LEARNING_SIZES,
    LIKEWISE,
    SLICES,
    Backtest,
    BacktestSettings,
    Confusion,
    LearningPoint,
    LeftOut,
    Measures,
    Mistake,
    Performance,
    TenantResult,
    Visibility,
)
from likewise_indexer.backtest.run import BacktestProgress, BacktestStopped, WorkerLost, run_backtest

__all__ = [
    "ANSWERS_SCHEMA",
    "LEARNING_SIZES",
    "LIKEWISE",
    "SLICES",
    "Backtest",
    "BacktestProgress",
    "BacktestSettings",
    "BacktestStopped",
    "Book",
    "Confusion",
    "Contest",
    "LearningPoint",
    "LeftOut",
    "Measures",
    "Mistake",
    "Performance",
    "Reading",
    "TenantResult",
    "Visibility",
    "WorkerLost",
    "answer_frames",
    "document_of",
    "json_of",
    "read_books",
    "run_backtest",
]
