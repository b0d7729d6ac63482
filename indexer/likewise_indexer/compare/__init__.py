"""Encoders side by side: how right the engine is with each, what each costs, and whom each serves worse.

    contender.py   who is compared
    accuracy.py    the engine's own backtest with each, by the vote that serves; kept, so it can be resumed
    agreement.py   whether an encoder finds alike what a teacher finds alike
    speed.py       one text at a time on one thread, taking turns
    run.py         all of it
    result.py      what came of it, as a document
    pareto.py      right against slow, drawn

It needs no more than the server does: teachers too are exported folders.
"""

from likewise_indexer.compare.contender import Contender
from likewise_indexer.compare.result import Compared, Comparison, read_comparison
from likewise_indexer.compare.run import CompareSettings, compare

__all__ = ["CompareSettings", "Compared", "Comparison", "Contender", "compare", "read_comparison"]
