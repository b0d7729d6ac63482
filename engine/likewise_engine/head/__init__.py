"""The tenant's own head: a linear classifier trained on its labels alone, in the background."""

from likewise_engine.head.hashing import Hashed, hashed_of
from likewise_engine.head.heads import Heads
from likewise_engine.head.linear import Head

__all__ = ["Hashed", "Head", "Heads", "hashed_of"]
