"""Who answers in a backtest: our models and the peers, named so that any process can load them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from likewise_engine.encoder import load_encoder
from likewise_engine.encoder.base import Encoder
from likewise_engine.vote import KernelVote, Vote, load_vote
from likewise_indexer.backtest.answerers import Answerer
from likewise_indexer.backtest.result import LIKEWISE, BacktestSettings


@dataclass(frozen=True, slots=True)
class Contestants:
    """Who is to answer, loaded.

    Attributes:
        encoder: of the ledger.
        vote: of the ledger.
        peers: by name, each a way to a fresh one.
        titles: of all, by name; the ledger's first.
    """

    encoder: Encoder
    vote: Vote
    peers: Mapping[str, Callable[[], Answerer]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=lambda: {LIKEWISE: "Likewise"})


@dataclass(frozen=True, slots=True)
class Contest:
    """Who is to answer, by name. It can be sent to another process.

    Attributes:
        encoder: folder of the encoder; None for the one that is shipped.
        vote: folder of the vote; None for the one that is shipped.
        peers: names of peers that can run here.
        missing: peers that were wanted and cannot, each with the reason.
    """

    encoder: Path | None = None
    vote: Path | None = None
    peers: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)

    def load(self, settings: BacktestSettings) -> Contestants:
        """Load the models.

        Raises:
            ModelFault: a folder does not hold a model that runs.
        """
        vote = KernelVote() if self.vote is None else load_vote(self.vote)
        return Contestants(load_encoder(self.encoder), vote)
