"""Who answers in a backtest: our models and the peers, named so that any process can load them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from likewise_engine.encoder import load_encoder
from likewise_engine.encoder.base import Encoder
from likewise_engine.errors import InvalidInput
from likewise_engine.vote import Vote, load_vote
from likewise_indexer.backtest.answerers import Answerer, PeerAnswerer
from likewise_indexer.backtest.peers import PEERS, PeerKind, PeerSettings
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
        minilm: folder of the exported MiniLM of the peer that uses it; None for the one of a package.
    """

    encoder: Path | None = None
    vote: Path | None = None
    peers: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    minilm: Path | None = None

    @classmethod
    def of(
        cls,
        peers: Sequence[str],
        *,
        encoder: Path | None = None,
        vote: Path | None = None,
        minilm: Path | None = None,
    ) -> Self:
        """A contest with the peers of these names, as far as they can run here.

        Raises:
            InvalidInput: there is no peer of a name.
        """
        if unknown := [name for name in peers if name not in PEERS]:
            raise InvalidInput.of("peer", f"there is none called {unknown[0]!r}, only {', '.join(PEERS)}")
        settings = PeerSettings(minilm=minilm)
        reasons = {name: PEERS[name].why_missing(settings) for name in peers}
        missing = {name: reason for name, reason in reasons.items() if reason}
        return cls(encoder, vote, tuple(name for name in reasons if name not in missing), missing, minilm)

    def load(self, settings: BacktestSettings) -> Contestants:
        """Load the models.

        Raises:
            ModelFault: a folder does not hold a model that runs.
        """
        vote = load_vote(self.vote)
        wanted = PeerSettings(settings.dimension, self.minilm, settings.seed)
        kinds = {name: PEERS[name] for name in self.peers}
        return Contestants(
            load_encoder(self.encoder),
            vote,
            peers={name: partial(_fresh, kind, wanted) for name, kind in kinds.items()},
            titles={LIKEWISE: "Likewise", **{name: kind.title for name, kind in kinds.items()}},
        )


def _fresh(kind: PeerKind, settings: PeerSettings) -> Answerer:
    return PeerAnswerer(kind.make(settings))
